"""eSpeak NG through ctypes, without torch: what the package says in one process, and a process that says many things.

The synthesizer's state is global, and what it says depends a little on what it said before. So a process of its own,
``python -P synthesizer.py JOBS SAMPLES WORDS``, says the lines of a file in their order and nothing else: the same file
gives the same samples every time, whoever asks.
"""

from __future__ import annotations

import ctypes
import functools
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

RATE = 22050
"""Samples a second of everything that eSpeak NG says."""

MISSING = "speech needs eSpeak NG; run: pip install 'mmcourse[speech]'"

_SYNCHRONOUS = 2  # AUDIO_OUTPUT_SYNCHRONOUS: samples come through a callback
_UTF8 = 1
_RATE, _PITCH, _RANGE = 1, 3, 4  # espeak_PARAMETER


class _Event(ctypes.Structure):
    """espeak_EVENT of speak_lib.h: what begins where in the sound."""

    _fields_ = (
        ("type", ctypes.c_int),
        ("identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("milliseconds", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user", ctypes.c_void_p),
        ("name", ctypes.c_char * 8),
    )


_END, _WORD = 0, 1  # espeak_EVENT_TYPE: the list ends, a word begins
_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))


class SpeechUnavailableError(RuntimeError):
    """The synthesizer is not installed; the line says how to install it."""


@dataclass(frozen=True)
class Utterance:
    """A text, and how it is said.

    Attributes:
        text: what is said.
        voice: a language, or a language and a variant: ``"en-us+f3"``.
        words_per_minute: 80 to 450.
        pitch: 0 (low) to 99.
        spread: how far the pitch moves, 0 (monotone) to 99.
    """

    text: str
    voice: str = "en-us"
    words_per_minute: int = 165
    pitch: int = 50
    spread: int = 50


@functools.cache
def library() -> tuple[Any, list[bytes], list[tuple[int, int]], Any]:
    """The library, what it has said, where words began, and its callback, which must stay alive."""
    try:
        import espeakng_loader
    except ImportError as error:
        raise SpeechUnavailableError(MISSING) from error
    found = ctypes.CDLL(espeakng_loader.get_library_path())
    data = Path(espeakng_loader.get_data_path())
    if found.espeak_Initialize(_SYNCHRONOUS, 0, str(data.parent).encode(), 0) != RATE:
        raise SpeechUnavailableError(f"eSpeak NG could not read its voices in {data}; install espeakng-loader again")
    said: list[bytes] = []
    words: list[tuple[int, int]] = []

    def receive(samples: Any, count: int, events: Any) -> int:
        if count > 0:
            said.append(ctypes.string_at(samples, 2 * count))
        i = 0
        while events and events[i].type != _END:
            if events[i].type == _WORD:
                words.append((events[i].text_position - 1, events[i].milliseconds))
            i += 1
        return 0

    callback = _CALLBACK(receive)
    found.espeak_SetSynthCallback(callback)
    return found, said, words, callback


def speak(what: Utterance) -> bytes:
    """The samples of an utterance, int16 in this machine's byte order, at :data:`RATE`.

    Raises:
        SpeechUnavailableError: eSpeak NG is not installed.
        ValueError: it has no such voice.
    """
    espeak, said, words, _ = library()
    if espeak.espeak_SetVoiceByName(what.voice.encode()) != 0:
        raise ValueError(
            f"eSpeak NG has no voice {what.voice!r}; give a language such as 'en-us', 'pt-br', 'es' or 'fr'"
        )
    for parameter, number in ((_RATE, what.words_per_minute), (_PITCH, what.pitch), (_RANGE, what.spread)):
        espeak.espeak_SetParameter(parameter, int(number), 0)
    said.clear()
    words.clear()
    espeak.espeak_ng_SetRandSeed(ctypes.c_long(1))  # its noise shall depend on what is said, not on what was before
    encoded = what.text.encode()
    espeak.espeak_Synth(encoded, len(encoded) + 1, 0, 0, 0, _UTF8, None, None)
    espeak.espeak_Synchronize()
    return b"".join(said)


def main(jobs: str, samples: str, words: str) -> None:
    """Say every line of a JSON file into one file of samples; print the number of samples of each line.

    For each line the file of words holds where words begin: their first character, and milliseconds.
    """
    with open(jobs, encoding="utf-8") as file, open(samples, "wb") as out, open(words, "w", encoding="ascii") as begun:
        for line in file:
            print(out.write(speak(Utterance(*json.loads(line)))) // 2)
            print(json.dumps(library()[2]), file=begun)


if __name__ == "__main__":
    main(*sys.argv[1:])
