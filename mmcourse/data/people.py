"""Recordings of people, read from the folder ``MMCOURSE_DATA`` as their publishers lay them out; nothing downloads.

The parts of a set are what may be held out: speakers, languages, folds, or the authors' own parts. Sounds come as mono
at 16,000 Hz. A set that is not there is one line: where it is published, and where it belongs.
"""

from __future__ import annotations

import csv
import gzip
import json
import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from mmcourse import checks
from mmcourse.data import sentences, words
from mmcourse.data.cache import data_folder
from mmcourse.data.dataset import SoundDataset, SpeechDataset
from mmcourse.data.downloads import DataUnavailableError
from mmcourse.data.sound_file import RATE
from mmcourse.data.sounds import PackedSounds, SoundFiles, trimmed
from mmcourse.data.splits import parse

DIGITS = sentences.NUMBERS["en"].split()[:10]


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
        clips: finds them in the set's folder; takes the set's options.
        classes: the name of each label.
        parts: known before the folder is there, or none.
        small: whether all of it may be kept in memory once read.
        checksums: SHA-256 of archives, as torchaudio has them.
        options: what ``load`` takes besides the split.
    """

    places: tuple[str, ...]
    holds: str
    archive: str
    clips: Callable[..., list[Clip]]
    classes: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()
    small: bool = True
    checksums: dict[str, str] = field(default_factory=dict)
    options: tuple[str, ...] = ()


def _fsdd(folder: Path, names: str = "*_*_*.wav") -> list[Clip]:
    """``{digit}_{speaker}_{take}.wav``."""
    found = []
    for path in _sorted(folder.glob(names)):
        digit, speaker = path.stem.split("_")[:2]
        found.append(Clip(path, speaker, int(digit), speaker, DIGITS[int(digit)], DIGITS[int(digit)]))
    return found


def _gcompris_digits(folder: Path) -> list[Clip]:
    """``{language}/alphabet/U0030.ogg`` is 0, said in that language."""
    found = []
    for path in _sorted(folder.glob("*/alphabet/U003[0-9].ogg")):
        if path.relative_to(folder).as_posix() not in GCOMPRIS_FAULTY:
            digit, language = int(path.stem[-1]), path.parts[-3]
            spoken = _GCOMPRIS.get(language)
            text = sentences.number(spoken, digit, counting=True) if spoken else str(digit)
            found.append(Clip(path, language, digit, language, text, DIGITS[digit]))
    return found


def _gcompris_words(folder: Path) -> list[Clip]:
    """``{language}/{words,colors}/{english}.ogg``, and ``{language}/alphabet/10.ogg`` to ``20.ogg``."""
    found = []
    for place, language in _GCOMPRIS.items():
        said = dict(_gcompris_said(folder / place, language))
        for path in _sorted((folder / place).glob("*/*.ogg")):
            kind, name = path.parts[-2], path.stem
            if kind == "alphabet" and name.isdigit() and 10 <= int(name) <= 20:
                text = sentences.number(language, int(name), counting=True)
                english = sentences.number("en", int(name))
            elif kind in ("words", "colors") and f"{kind}/{name}" in said:
                text = said[f"{kind}/{name}"]
                english = words.english(name, text)
            else:
                continue
            found.append(Clip(path, place, sentences.LANGUAGES.index(language), place, text, english))
    return found


def _gcompris_said(folder: Path, language: str) -> Iterator[tuple[str, str]]:
    """What is said in each file of ``words`` and ``colors``, as far as it is known."""
    if language == "en":
        for path in [*folder.glob("words/*.ogg"), *folder.glob("colors/*.ogg")]:
            yield f"{path.parent.name}/{path.stem}", words.english(path.stem)
    elif language == "pt":
        listed = folder / "words" / "content.json"
        for entry in json.loads(listed.read_text(encoding="utf-8")) if listed.is_file() else []:
            for name, text in entry.items():
                yield f"words/{name.removesuffix('.ogg')}", text
        for name, text in words.table("pt").items():
            yield f"colors/{name}", text
    else:
        for name, text in words.table(language).items():
            yield f"words/{name}", text
            yield f"colors/{name}", text


def _asterisk(folder: Path) -> list[Clip]:
    """``{language}/**/{name}.wav``, and a list of ``name: what is said``."""
    found = []
    for language in ("en", "es", "fr"):
        for name, text in _asterisk_said(folder, language).items():
            path = folder / language / f"{name}.wav"
            if path.is_file():
                found.append(Clip(path, language, sentences.LANGUAGES.index(language), f"asterisk {language}", text))
    return found


def _asterisk_said(folder: Path, language: str) -> dict[str, str]:
    name = f"core-sounds-{language}.txt"
    packed = Path("/usr/share/doc") / f"asterisk-core-sounds-{language}" / f"{name}.gz"  # where Debian puts it
    if (folder / language / name).is_file():
        text = (folder / language / name).read_text(encoding="utf-8")
    elif packed.is_file():
        text = gzip.decompress(packed.read_bytes()).decode("utf-8")
    else:
        return {}
    said: dict[str, str] = {}
    for line in text.splitlines():
        key, mark, what = line.partition(":")
        what = what.strip()
        if mark and not line.startswith(";") and what and what[0] not in "[(<":
            said.setdefault(key.strip(), what)
    return said


def _speech_commands(folder: Path) -> list[Clip]:
    """``{word}/{speaker}_nohash_{take}.wav``; two lists name what is for validation and for testing."""
    parts = {}
    for part, name in (("validation", "validation_list.txt"), ("test", "testing_list.txt")):
        listed = folder / name
        parts.update(dict.fromkeys(listed.read_text(encoding="utf-8").split() if listed.is_file() else [], part))
    found = []
    for path in _sorted(folder.glob("[a-z]*/*_nohash_*.wav")):
        word = path.parent.name
        if word in COMMANDS:
            part, speaker = parts.get(f"{word}/{path.name}", "train"), path.name.partition("_")[0]
            found.append(Clip(path, part, COMMANDS.index(word), speaker, word, word))
    return found


def _librispeech(folder: Path) -> list[Clip]:
    """``{part}/{speaker}/{chapter}/{speaker}-{chapter}-{number}.flac``, and a list of texts in each chapter."""
    found = []
    for listed in _sorted(folder.glob("*/*/*/*.trans.txt")):
        part, speaker = listed.parts[-4], listed.parts[-3]
        for line in listed.read_text(encoding="utf-8").splitlines():
            name, _, text = line.partition(" ")
            path = listed.parent / f"{name}.flac"
            if path.is_file():
                found.append(Clip(path, part, None, speaker, text.lower(), text.lower()))
    return found


def _esc50(folder: Path) -> list[Clip]:
    """``audio/{fold}-{clip}-{take}-{class}.wav`` and ``meta/esc50.csv``."""
    return [clip for clip, _ in _esc(folder)]


def _esc10(folder: Path) -> list[Clip]:
    """The ten classes that ESC-10 has of ESC-50."""
    return [replaced for clip, ten in _esc(folder) if ten for replaced in [_relabelled(clip, ESC10)]]


def _relabelled(clip: Clip, classes: tuple[str, ...]) -> Clip:
    return Clip(clip.path, clip.part, classes.index(clip.text), clip.voice, clip.text)


def _esc(folder: Path) -> Iterator[tuple[Clip, bool]]:
    with open(folder / "meta" / "esc50.csv", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            text = row["category"].replace("_", " ")
            path = folder / "audio" / row["filename"]
            if path.is_file():
                yield Clip(path, row["fold"], int(row["target"]), row["src_file"], text), row["esc10"] == "True"


def _common_voice(folder: Path, language: str = "en") -> list[Clip]:
    """``{language}/{train,dev,test}.tsv`` and ``{language}/clips``."""
    found = []
    for part, name in (("train", "train.tsv"), ("validation", "dev.tsv"), ("test", "test.tsv")):
        listed = folder / language / name
        if not listed.is_file():
            continue
        with open(listed, encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
                path = folder / language / "clips" / row["path"]
                english = row["sentence"] if language == "en" else ""
                found.append(Clip(path, part, None, row["client_id"], row["sentence"], english))
    return found


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
_GCOMPRIS = {"en": "en", "pt_BR": "pt", "es": "es", "fr": "fr"}
COMMANDS = (
    "backward", "bed", "bird", "cat", "dog", "down", "eight", "five", "follow", "forward", "four", "go", "happy",
    "house", "learn", "left", "marvin", "nine", "no", "off", "on", "one", "right", "seven", "sheila", "six", "stop",
    "three", "tree", "two", "up", "visual", "wow", "yes", "zero",
)  # fmt: skip
ESC50 = (
    "dog", "rooster", "pig", "cow", "frog", "cat", "hen", "insects", "sheep", "crow", "rain", "sea waves",
    "crackling fire", "crickets", "chirping birds", "water drops", "wind", "pouring water", "toilet flush",
    "thunderstorm", "crying baby", "sneezing", "clapping", "breathing", "coughing", "footsteps", "laughing",
    "brushing teeth", "snoring", "drinking sipping", "door wood knock", "mouse click", "keyboard typing",
    "door wood creaks", "can opening", "washing machine", "vacuum cleaner", "clock alarm", "clock tick",
    "glass breaking", "helicopter", "chainsaw", "siren", "car horn", "engine", "train", "church bells", "airplane",
    "fireworks", "hand saw",
)  # fmt: skip
ESC10 = (
    "dog", "rooster", "rain", "sea waves", "crackling fire", "crying baby", "sneezing", "clock tick", "helicopter",
    "chainsaw",
)  # fmt: skip
_ESC_PLACES = ("ESC-50-master", "ESC-50", "esc50")
_ESC_ARCHIVE = "https://github.com/karolpiczak/ESC-50"
_FOLDS = ("1", "2", "3", "4", "5")

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
    "gcompris-words": People(
        ("gcompris-voices", "GCompris-voices", "GCompris-voices-*"),
        "*/words/*.ogg",
        "https://github.com/gcompris/GCompris-voices",
        _gcompris_words,
        sentences.LANGUAGES,
        tuple(_GCOMPRIS),
    ),
    "asterisk": People(
        ("asterisk", "/usr/share/asterisk/sounds"),
        "*/digits/1.wav",
        "https://downloads.asterisk.org/pub/telephony/sounds",
        _asterisk,
        sentences.LANGUAGES,
        ("en", "es", "fr"),
    ),
    "speech-commands": People(
        ("SpeechCommands/speech_commands_v0.02", "speech_commands_v0.02"),
        "zero/*.wav",
        "http://download.tensorflow.org/data/speech_commands_v0.02.tar.gz",
        _speech_commands,
        COMMANDS,
        ("train", "validation", "test"),
        False,
        {"speech_commands_v0.02.tar.gz": "af14739ee7dc311471de98f5f9d2c9191b18aedfe957f4a6ff791c709868ff58"},
    ),
    "librispeech": People(
        ("LibriSpeech",),
        "*/*/*/*.trans.txt",
        "https://www.openslr.org/12",
        _librispeech,
        (),
        ("dev-clean", "dev-other", "test-clean", "test-other", "train-clean-100", "train-clean-360", "train-other-500"),
        False,
        {
            "dev-clean": "76f87d090650617fca0cac8f88b9416e0ebf80350acb97b343a85fa903728ab3",
            "dev-other": "12661c48e8c3fe1de2c1caa4c3e135193bfb1811584f11f569dd12645aa84365",
            "test-clean": "39fde525e59672dc6d1551919b1478f724438a95aa55f874b576be21967e6c23",
            "test-other": "d09c181bba5cf717b3dee7d4d592af11a3ee3a09e08ae025c5506f6ebe961c29",
            "train-clean-100": "d4ddd1d5a6ab303066f14971d768ee43278a5f2a0aa43dc716b0e64ecbbbf6e2",
            "train-clean-360": "146a56496217e96c14334a160df97fffedd6e0a04e66b9c5af0d40be3c792ecf",
            "train-other-500": "ddb22f27f96ec163645d53215559df6aa36515f26e01dd70798188350adcb6d2",
        },
    ),
    "esc50": People(_ESC_PLACES, "meta/esc50.csv", _ESC_ARCHIVE, _esc50, ESC50, _FOLDS, False),
    "esc10": People(_ESC_PLACES, "meta/esc50.csv", _ESC_ARCHIVE, _esc10, ESC10, _FOLDS),
    "common-voice": People(
        ("cv-corpus-*", "common-voice"),
        "*/clips",
        "https://commonvoice.mozilla.org/datasets",
        _common_voice,
        (),
        ("train", "validation", "test"),
        False,
        options=("language",),
    ),
}  # fmt: skip


def folder_of(name: str) -> Path:
    """Where a set lies.

    Raises:
        DataUnavailableError: nowhere in the data folder; one line says what belongs where.
    """
    source = PEOPLE[name]
    for place in source.places:
        found = [Path(place)] if place.startswith("/") else _sorted(data_folder().glob(place))
        for folder in found:
            if next(folder.glob(source.holds), None) is not None:
                return folder
    raise DataUnavailableError(
        f"{name!r} is not in {data_folder()}; unpack {source.archive} there, so that "
        f"{source.places[0]}/{source.holds} is found, or set MMCOURSE_DATA to where it lies"
    )


def samples(split: str) -> SpeechDataset:
    """Twenty clips that lie inside the package: the digits, once each, by ``jackson`` and ``theo`` of ``fsdd``."""
    parse("people-samples", split, ["train"])
    clips = _fsdd(Path(__file__).parent / "samples", "*_*.flac")
    return SpeechDataset(
        "people-samples",
        split,
        sounds=SoundFiles([clip.path for clip in clips], RATE, {}),
        rate=RATE,
        labels=torch.tensor([clip.label for clip in clips]),
        classes=list(DIGITS),
        captions=[clip.text for clip in clips],
        concepts=[clip.voice for clip in clips],
        translations=[clip.english for clip in clips],
    )


def load_people(name: str, split: str, **options: Any) -> SoundDataset:
    """A set of recordings; its parts are speakers, languages, folds or the authors' parts, joined by ``+``.

    Returns:
        A ``SpeechDataset`` where all that is said has its English, else a ``SoundDataset``.

    Raises:
        DataUnavailableError: it is not on this machine.
        ValueError: a part is unknown.
    """
    source = PEOPLE[name]
    wanted = set(parse(name, split, source.parts))  # a wrong word is said before a missing folder
    chosen = [clip for clip in source.clips(folder_of(name), **options) if clip.part in wanted]
    if not chosen:
        more = "".join(f" in {value!r}" for value in options.values())
        raise DataUnavailableError(f"{name!r} has no recording of {split!r}{more} in {folder_of(name)}")
    fields: dict[str, Any] = {
        "sounds": SoundFiles([clip.path for clip in chosen], RATE, {} if source.small else None),
        "rate": RATE,
        "classes": list(source.classes),
        "captions": [clip.text for clip in chosen],
        "concepts": [clip.voice for clip in chosen],
    }
    if source.classes:
        fields["labels"] = torch.tensor([clip.label for clip in chosen], dtype=torch.long)
    if all(clip.english for clip in chosen):
        return SpeechDataset(name, split, translations=[clip.english for clip in chosen], **fields)
    return SoundDataset(name, split, **fields)


def joined_digits(data: SoundDataset, count: int, longest: int = 8, seed: int = 0) -> SpeechDataset:
    """Strings of digits, joined from recordings of single ones by the same voice, with short silences.

    Args:
        data: recordings, among them the ten digits, with captions and voices (``concepts``); English, unless the
            labels are languages.
        count: strings to make.
        longest: digits of the longest; the shortest has two.
        seed: other strings.

    Returns:
        Captions in words, labels as indices into ``sentences.LANGUAGES``, concepts the voices.

    Raises:
        ValueError: no voice says all ten digits.
    """
    checks.whole("count", count)
    checks.whole("longest", longest, 2)
    by_voice: dict[tuple[str, int], dict[int, list[int]]] = {}
    spoken = data.classes == list(sentences.LANGUAGES) and data.labels is not None
    for row, (text, voice) in enumerate(zip(data.captions or [], data.concepts or [], strict=True)):
        language = int(data.labels[row]) if spoken and data.labels is not None else 0
        names = _digit_words(sentences.LANGUAGES[language])
        word = sentences.plain(text)
        if word in names:
            by_voice.setdefault((voice, language), {}).setdefault(names.index(word), []).append(row)
    able = [key for key, rows in by_voice.items() if len(rows) == 10]
    if not able:
        raise ValueError(f"no voice of {data.name!r} says all ten digits; give a set of spoken digits.")
    chance = random.Random(seed)
    sounds, texts, translations, labels, voices = [], [], [], [], []
    for i in range(count):
        voice, language = able[i % len(able)]
        digits = [chance.randrange(10) for _ in range(chance.randint(2, longest))]
        parts = []
        for digit in digits:
            parts.append(trimmed(data.sounds[chance.choice(by_voice[voice, language][digit])], relative=0.02))
            parts.append(torch.zeros(round(chance.uniform(0.02, 0.2) * data.rate)))
        sounds.append(torch.cat(parts[:-1]))
        code = sentences.LANGUAGES[language]
        texts.append(sentences.written(code, " ".join(_digit_words(code)[digit] for digit in digits)))
        translations.append(sentences.written("en", " ".join(DIGITS[digit] for digit in digits)))
        labels.append(language)
        voices.append(voice)
    return SpeechDataset(
        f"{data.name}-strings",
        data.split,
        sounds=PackedSounds.packed(sounds),
        rate=data.rate,
        labels=torch.tensor(labels),
        classes=list(sentences.LANGUAGES),
        captions=texts,
        concepts=voices,
        translations=translations,
    )


def _digit_words(language: str) -> list[str]:
    return [sentences.number(language, digit, counting=True) for digit in range(10)]
