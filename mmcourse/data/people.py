"""Recordings of people, read from the folder ``MMCOURSE_DATA`` as their publishers lay them out; nothing downloads.

The parts of a set are what may be held out: speakers, languages, folds, or the authors' own parts. Sounds come as mono
at 16,000 Hz. A set that is not there is one line: where it is published, and where it belongs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import torch

from mmcourse.data.cache import data_folder
from mmcourse.data.dataset import SoundDataset, SpeechDataset
from mmcourse.data.downloads import DataUnavailableError
from mmcourse.data.sound_file import RATE
from mmcourse.data.sounds import SoundFiles
from mmcourse.data.splits import parse

DIGITS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]


@dataclass(frozen=True)
class Clip:
    """One recording.

    Attributes:
        path: its file.
        part: the part of the set that it belongs to.
        label: an index into the set's classes, or None where it has none.
        voice: who speaks, or in which language, or what it is a piece of: never in two parts of a fair split.
        text: what is said.
        english: the same in English.
    """

    path: Path
    part: str
    label: int | None = None
    voice: str = ""
    text: str = ""
    english: str = ""


@dataclass(frozen=True)
class People:
    """A published set of recordings.

    Attributes:
        places: folders it may lie in, in the data folder; the first is the one to make.
        holds: what must lie in the folder, for the search and for the message.
        archive: what to fetch.
        clips: finds them in the set's folder.
        classes: the name of each label.
        parts: known before the folder is there, or none.
        small: whether all of it may be kept in memory once read.
        checksums: SHA-256 of archives, as torchaudio has them.
    """

    places: tuple[str, ...]
    holds: str
    archive: str
    clips: Callable[[Path], list[Clip]]
    classes: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()
    small: bool = True
    checksums: dict[str, str] = field(default_factory=dict)


def _fsdd(folder: Path) -> list[Clip]:
    """``{digit}_{speaker}_{take}.wav``."""
    found = []
    for path in _sorted(folder.glob("*_*_*.wav")):
        digit, speaker, _ = path.stem.split("_")
        found.append(Clip(path, speaker, int(digit), speaker, DIGITS[int(digit)], DIGITS[int(digit)]))
    return found


def _gcompris_digits(folder: Path) -> list[Clip]:
    """``{language}/alphabet/U0030.ogg`` is 0, said in that language."""
    return [
        Clip(path, path.parts[-3], int(path.stem[-1]), path.parts[-3], path.stem[-1], DIGITS[int(path.stem[-1])])
        for path in _sorted(folder.glob("*/alphabet/U003[0-9].ogg"))
        if path.relative_to(folder).as_posix() not in GCOMPRIS_FAULTY
    ]


def _sorted(paths: Iterable[Path]) -> list[Path]:
    """In an order that is the same on every system."""
    return sorted(paths, key=lambda path: path.as_posix())


FSDD_SPEAKERS = ("george", "jackson", "lucas", "nicolas", "theo", "yweweler")
GCOMPRIS_LANGUAGES = (
    "af", "ar", "ast", "bg", "br", "ca", "cs", "da", "de", "el", "en", "eo", "es", "eu", "fi", "fr", "gd", "he", "hi",
    "hu", "id", "it", "kn", "lt", "mr", "nb", "nl", "nn", "pa", "pl", "pt", "pt_BR", "ro", "ru", "sk", "sl", "so", "sr",
    "sv", "th", "tr", "ur", "zh_CN",
)  # fmt: skip
GCOMPRIS_NO_ZERO = ("cs", "da", "hu", "it", "ru")
GCOMPRIS_FAULTY = ("br/alphabet/U0036.ogg",)  # 25 s of something else

PEOPLE: dict[str, People] = {
    "fsdd": People(
        ("fsdd/recordings", "free-spoken-digit-dataset/recordings", "free-spoken-digit-dataset-*/recordings"),
        "*_*_*.wav",
        "https://github.com/Jakobovski/free-spoken-digit-dataset",
        _fsdd,
        tuple(DIGITS),
        FSDD_SPEAKERS,
    ),
    "gcompris-digits": People(
        ("gcompris-voices", "GCompris-voices", "GCompris-voices-*"),
        "*/alphabet/U0030.ogg",
        "https://github.com/gcompris/GCompris-voices",
        _gcompris_digits,
        tuple(DIGITS),
        GCOMPRIS_LANGUAGES,
    ),
}  # fmt: skip


def folder_of(name: str) -> Path:
    """Where a set lies.

    Raises:
        DataUnavailableError: nowhere in the data folder; one line says what belongs where.
    """
    source = PEOPLE[name]
    for place in source.places:
        for folder in _sorted(data_folder().glob(place)) if not Path(place).is_absolute() else [Path(place)]:
            if next(folder.glob(source.holds), None) is not None:
                return folder
    raise DataUnavailableError(
        f"{name!r} is not in {data_folder()}; unpack {source.archive} there, so that "
        f"{source.places[0]}/{source.holds} is found, or set MMCOURSE_DATA to where it lies"
    )


def load_people(name: str, split: str) -> SoundDataset:
    """A set of recordings; its parts are speakers, languages, folds or the authors' parts, joined by ``+``.

    Raises:
        DataUnavailableError: it is not on this machine.
        ValueError: a part is unknown.
    """
    source = PEOPLE[name]
    if source.parts:
        parse(name, split, source.parts)  # a wrong word is said before a missing folder
    clips = source.clips(folder_of(name))
    present = source.parts or tuple(dict.fromkeys(clip.part for clip in clips))
    wanted = set(parse(name, split, present))
    chosen = [clip for clip in clips if clip.part in wanted]
    if not chosen:
        raise DataUnavailableError(f"{name!r} has no recording of {split!r} in {folder_of(name)}; unpack it again")
    sounds = SoundFiles([clip.path for clip in chosen], RATE, {} if source.small else None)
    labelled = all(clip.label is not None for clip in chosen)
    return SpeechDataset(
        name,
        split,
        sounds=sounds,
        rate=RATE,
        labels=torch.tensor([clip.label for clip in chosen], dtype=torch.long) if labelled else None,
        classes=list(source.classes),
        captions=[clip.text for clip in chosen],
        concepts=[clip.voice for clip in chosen],
        translations=[clip.english for clip in chosen],
    )
