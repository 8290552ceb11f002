"""Chapter 13: texts said by several voices, in two steps: a tokenizer of sounds, then the translation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mmcourse.models import TextToSpeech, TextToSpeechConfig
from mmcourse.recipes.drawing import Translation
from mmcourse.recipes.recipe import Recipe
from mmcourse.recipes.speaking import (
    VOICES,
    FrameReconstruction,
    ReadAloud,
    Segments,
    evaluate_frames,
    evaluate_speaking,
    said,
    spoken,
)
from mmcourse.tokens.frames import FramesConfig, FrameTokenizer
from mmcourse.tokens.text import train_merges
from mmcourse.training.loop import Settings

PIECES = 400
CODEBOOK = FramesConfig()


def course_config() -> TextToSpeechConfig:
    """A small text to speech with a vocabulary of its own, learned from what is said in training."""
    merges = train_merges([text for text, _ in said("train", 2000)], PIECES)
    return TextToSpeechConfig(
        tokenizer=CODEBOOK,
        text_vocab_size=256 + len(merges) + 1 + len(VOICES),
        text_context=48,
        width=128,
        mlp=512,
        encoder_layers=2,
        decoder_layers=4,
        heads=4,
        merges=merges,
        voices=VOICES,
    )


def tts() -> TextToSpeech:
    """A text to speech with the course's tokenizer of sounds."""
    model = TextToSpeech(course_config())
    model.tokenizer.load_state_dict(FrameTokenizer.from_pretrained("vq-speech").state_dict())
    return model


@dataclass(frozen=True)
class Tokenizing(Recipe):
    """A recipe that learns to bring pieces of spectrograms back."""

    def load(self, split: str, **changes: Any) -> Any:
        """A part of what is said, as pieces of spectrograms."""
        return Segments(spoken(split, **changes), FrameTokenizer(CODEBOOK))

    def validation(self) -> tuple[Any, Any]:
        """The training and the validation part."""
        return self.load("train"), self.load("validation")


@dataclass(frozen=True)
class Speaking(Recipe):
    """A recipe that learns from texts and the codes of what is said."""

    def load(self, split: str, **changes: Any) -> Any:
        """A part of what is said, as texts and codes."""
        model = self.model()
        assert isinstance(model, TextToSpeech)
        return ReadAloud(spoken(split, **changes), model.eval())

    def validation(self) -> tuple[Any, Any]:
        """The training and the validation part."""
        return self.load("train"), self.load("validation")


RECIPES = [
    Tokenizing(
        "vq-speech",
        "Speech as 42 codes of 1,024 a second",
        "13_text_to_speech",
        lambda: FrameTokenizer(CODEBOOK),
        data="spoken",
        split="train",
        settings=Settings(steps=3000, batch_size=32, learning_rate=2e-3, ema_decay=0.995),
        objective=FrameReconstruction(),
        measure=evaluate_frames,
    ),
    Speaking(
        "tts-course",
        "Digits, and numbers of coloured shapes, said by four synthetic voices",
        "13_text_to_speech",
        tts,
        data="spoken",
        split="train",
        settings=Settings(steps=3000, batch_size=32, learning_rate=2e-3, warmup=0.05, ema_decay=0.99),
        objective=Translation(),
        measure=evaluate_speaking("whisper-course"),
    ),
]
