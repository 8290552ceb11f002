"""Tokens + transformer: each published model of the lecture, exactly, in one file of its own."""

from mmcourse.models.ast import AST, ASTConfig
from mmcourse.models.clip import CLIP, CLIPConfig, Pairs
from mmcourse.models.imagegpt import ImageGPT, ImageGPTConfig
from mmcourse.models.parti import Parti, PartiConfig
from mmcourse.models.tts import TextToSpeech, TextToSpeechConfig
from mmcourse.models.vit import ViT, ViTConfig, attention_rollout
from mmcourse.models.whisper import Heard, Whisper, WhisperConfig

__all__ = [
    "AST",
    "CLIP",
    "ASTConfig",
    "CLIPConfig",
    "Heard",
    "ImageGPT",
    "ImageGPTConfig",
    "Pairs",
    "Parti",
    "PartiConfig",
    "TextToSpeech",
    "TextToSpeechConfig",
    "ViT",
    "ViTConfig",
    "Whisper",
    "WhisperConfig",
    "attention_rollout",
]
