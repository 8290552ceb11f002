"""Speech made on the reader's machine by eSpeak NG, through the package espeakng-loader (optional extra ``speech``).

The library is GPL-3; what it says is not. One process holds one synthesizer: its state is global.
"""

from __future__ import annotations

import ctypes
import functools
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from mmcourse.checks import choose

RATE = 22050
"""Samples a second of everything that eSpeak NG says."""

_SYNCHRONOUS = 2  # AUDIO_OUTPUT_SYNCHRONOUS: samples come through a callback
_UTF8 = 1
_RATE, _PITCH, _RANGE = 1, 3, 4  # espeak_PARAMETER
_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)


class SpeechUnavailableError(RuntimeError):
    """The synthesizer is not installed; the line says how to install it."""


@functools.cache
def _library() -> tuple[Any, list[bytes], Any]:
    """The library, what it has said since the last call, and its callback, which must stay alive."""
    try:
        import espeakng_loader
    except ImportError as error:
        raise SpeechUnavailableError("speech needs eSpeak NG; run: pip install 'mmcourse[speech]'") from error
    library = ctypes.CDLL(espeakng_loader.get_library_path())
    data = Path(espeakng_loader.get_data_path())
    if library.espeak_Initialize(_SYNCHRONOUS, 0, str(data.parent).encode(), 0) != RATE:
        raise SpeechUnavailableError(f"eSpeak NG could not read its voices in {data}; install espeakng-loader again")
    said: list[bytes] = []

    def receive(samples: Any, count: int, _: Any) -> int:
        if count > 0:
            said.append(ctypes.string_at(samples, 2 * count))
        return 0

    callback = _CALLBACK(receive)
    library.espeak_SetSynthCallback(callback)
    return library, said, callback


@functools.cache
def variants() -> list[str]:
    """Names of the voices that each language can be said with, for example ``"f3"`` in ``"en-us+f3"``."""
    _library()
    import espeakng_loader

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
    library, said, _ = _library()
    _, _, variant = voice.partition("+")
    if variant:
        choose("voice variant", variant, variants())
    if library.espeak_SetVoiceByName(voice.encode()) != 0:
        raise ValueError(f"eSpeak NG has no voice {voice!r}; give a language such as 'en-us', 'pt-br', 'es' or 'fr'")
    for parameter, number in ((_RATE, words_per_minute), (_PITCH, pitch), (_RANGE, spread)):
        library.espeak_SetParameter(parameter, int(number), 0)
    said.clear()
    library.espeak_ng_SetRandSeed(ctypes.c_long(1))  # its noise shall depend on what is said, not on what was before
    encoded = text.encode()
    library.espeak_Synth(encoded, len(encoded) + 1, 0, 0, 0, _UTF8, None, None)
    library.espeak_Synchronize()
    samples = torch.frombuffer(bytearray(b"".join(said)), dtype=torch.int16)
    return samples.float() / 32768
