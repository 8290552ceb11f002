"""Speech made on the reader's machine by eSpeak NG, through the package espeakng-loader (optional extra ``speech``).

The library is GPL-3; what it says is not. One process holds one synthesizer: its state is global.
"""

from __future__ import annotations

import functools
from pathlib import Path

import torch
from torch import Tensor

from mmcourse.checks import choose
from mmcourse.data.synthesizer import MISSING, RATE, SpeechUnavailableError, Utterance, library, speak

__all__ = ["RATE", "SpeechUnavailableError", "say", "variants"]


@functools.cache
def variants() -> list[str]:
    """Names of the voices that each language can be said with, for example ``"f3"`` in ``"en-us+f3"``."""
    try:
        import espeakng_loader
    except ImportError as error:
        raise SpeechUnavailableError(MISSING) from error

    folder = Path(espeakng_loader.get_data_path()) / "voices" / "!v"
    return sorted(path.name for path in folder.iterdir())


def say(text: str, voice: str = "en-us", *, words_per_minute: int = 165, pitch: int = 50, spread: int = 50) -> Tensor:
    """Speak a text: (T,) float32 in [-1, 1] at 22,050 Hz.

    Args:
        text: what is said.
        voice: a language, or a language and a variant, for example ``"pt-br"`` or ``"en-us+f3"``.
        words_per_minute: 80 to 450.
        pitch: 0 (low) to 99.
        spread: how far the pitch moves, 0 (monotone) to 99.

    Raises:
        SpeechUnavailableError: eSpeak NG is not installed.
        ValueError: an empty text, an unknown voice, or a number out of range.
    """
    if not text.strip():
        raise ValueError("say() got an empty text; give at least one word")
    for name, value, low, high in (
        ("words_per_minute", words_per_minute, 80, 450),
        ("pitch", pitch, 0, 99),
        ("spread", spread, 0, 99),
    ):
        if not low <= value <= high:
            raise ValueError(f"{name}={value}; choose {low} to {high}")
    library()
    _, _, variant = voice.partition("+")
    if variant:
        choose("voice variant", variant, variants())
    said = speak(Utterance(text, voice, words_per_minute, pitch, spread))
    return torch.frombuffer(bytearray(said), dtype=torch.int16).float() / 32768
