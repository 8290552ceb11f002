"""Tokens + transformer: each published model of the lecture, exactly, in one file of its own."""

from mmcourse.models.imagegpt import ImageGPT, ImageGPTConfig
from mmcourse.models.vit import ViT, ViTConfig, attention_rollout

__all__ = ["ImageGPT", "ImageGPTConfig", "ViT", "ViTConfig", "attention_rollout"]
