"""Notes of the 128 General-MIDI instruments, rendered on the reader's machine from the sound font of pretty_midi.

The sound font TimGM6mb (GPL-2) lies inside pretty_midi; the package tinysoundfont plays it. Labels are the sixteen
families of General MIDI.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
import torch

from mmcourse.data.dataset import SoundDataset
from mmcourse.data.sound_file import RATE
from mmcourse.data.sounds import PackedSounds, kept
from mmcourse.data.splits import PARTS, parse

MISSING = (
    "instruments need pretty_midi and tinysoundfont; run: pip install pretty_midi, then: "
    "pip install --no-deps tinysoundfont"
)
FORMAT = 1  # of what is kept: another number makes everything anew
FAMILIES = (
    "piano", "chromatic percussion", "organ", "guitar", "bass", "strings", "ensemble", "brass", "reed", "pipe",
    "synth lead", "synth pad", "synth effects", "ethnic", "percussive", "sound effects",
)  # fmt: skip
"""Programs 0 to 7 are the first family, 8 to 15 the second, and so on."""

NOTES = range(40, 76)  # E2 to D#5
VELOCITIES = {"train": (45, 70, 95, 120), "validation": (57, 107), "test": (58, 108)}
HELD, SECONDS = 0.7, 1.0  # a note is held, then released
FADE = RATE // 10  # samples after which a note that was cut off is silent


class InstrumentsUnavailableError(RuntimeError):
    """The sound font or what plays it is not installed; the line says how to install them."""


def notes(part: str) -> list[int]:
    """MIDI notes of a part: every sixth is for testing, every sixth for validation."""
    turn = {"validation": (1,), "test": (4,)}.get(part, (0, 2, 3, 5))
    return [note for i, note in enumerate(NOTES) if i % 6 in turn]


def instruments(split: str) -> SoundDataset:
    """Single notes of a second: labels the family, concepts the program's number, captions the family's name.

    Args:
        split: parts by note and by velocity: none is in two parts.

    Raises:
        InstrumentsUnavailableError: pretty_midi or tinysoundfont is not installed.
    """
    listed = [
        (program, note, velocity)
        for part in parse("instruments", split, PARTS)
        for program in range(128)
        for note in notes(part)
        for velocity in VELOCITIES[part]
    ]
    return SoundDataset(
        "instruments",
        split,
        sounds=rendered(listed),
        rate=RATE,
        labels=torch.tensor([program // 8 for program, _, _ in listed]),
        classes=list(FAMILIES),
        captions=[FAMILIES[program // 8] for program, _, _ in listed],
        concepts=[f"program {program}" for program, _, _ in listed],
    )


def rendered(listed: list[tuple[int, int, int]]) -> PackedSounds:
    """Notes as (program, note, velocity), each by itself, mono."""
    try:
        releases = [version("pretty_midi"), version("tinysoundfont")]
    except PackageNotFoundError as error:
        raise InstrumentsUnavailableError(MISSING) from error
    described = f"{FORMAT} {releases} {RATE} {HELD} {SECONDS} {listed}"
    return kept("instruments", described, len(listed), lambda: _played(listed))


def _played(listed: list[tuple[int, int, int]]) -> Iterator[tuple[np.ndarray, list[int]]]:
    import pretty_midi
    import tinysoundfont

    synth = tinysoundfont.Synth(samplerate=RATE)
    font = synth.sfload(str(Path(pretty_midi.__file__).parent / "TimGM6mb.sf2"))
    held, size = round(HELD * RATE), round(SECONDS * RATE)
    for program, note, velocity in listed:
        synth.program_select(0, font, 0, program)
        synth.noteon(0, note, velocity)
        first = np.frombuffer(synth.generate(held), dtype=np.float32).copy()  # interleaved stereo
        synth.noteoff(0, note)
        last = np.frombuffer(synth.generate(size - held), dtype=np.float32).copy()
        synth.sounds_off()
        synth.generate(FADE)  # what still dies away must not sound in the next note
        mono = np.concatenate([first, last]).reshape(-1, 2).mean(1)
        yield np.clip(np.round(mono * 32768), -32768, 32767).astype(np.int16), [len(mono)]
