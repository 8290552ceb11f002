"""Speech made on the reader's machine with eSpeak NG: spoken digits, and sentences in four languages.

What is said depends on the list of utterances alone: processes that begin fresh say it in pieces of fixed size. It is
kept as int16 at 16,000 Hz in the cache folder, under a name made of the list and of the synthesizer's version, and
mapped from there, so that hours need no memory.
"""

from __future__ import annotations

import functools
import hashlib
import itertools
import json
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mmcourse import checks, machine
from mmcourse.data import sentences, sound_file, synthesizer
from mmcourse.data.cache import cached
from mmcourse.data.dataset import SoundDataset, SpeechDataset
from mmcourse.data.espeak import variants
from mmcourse.data.people import DIGITS
from mmcourse.data.sound_file import RATE
from mmcourse.data.sounds import MARGIN, QUIET, PackedSounds, kept, to_int16, trimmed
from mmcourse.data.splits import PARTS, parse, part_of, rank
from mmcourse.data.synthesizer import SpeechUnavailableError, Utterance

MADE = ("spoken-digits", "speech", "instruments", "scenes")
FORMAT = 1  # of what is kept: another number makes everything anew
CHUNK = 500  # utterances that one process says
ACCENTS = ("en-us", "en-us-nyc", "en", "en-gb-scotland", "en-gb-x-rp", "en-gb-x-gbclan", "en-gb-x-gbcwmd", "en-029")
"""The ways of speaking English that eSpeak NG knows: America, New York, Britain, Scotland, received pronunciation,
Lancaster, West Midlands, Caribbean."""

SPOKEN = {"en": ACCENTS, "pt": ("pt-br",), "es": ("es", "es-419"), "fr": ("fr", "fr-be", "fr-ch")}
"""The accents of each language of ``speech``: Portuguese as in Brazil; Spanish as in Spain and Latin America; French as
in France, Belgium and Switzerland."""

SPEECH_COUNTS = {"train": 40_000, "validation": 2_000, "test": 2_000}
"""Utterances of ``speech``, a quarter in each language."""

KINDS = {"sentences": 14, "digits": 3, "words": 3}
"""What ``speech`` is made of, and how many of twenty utterances each is."""

OTHERS = {
    "flite": ("flite:awb", "flite:kal16", "flite:rms", "flite:slt"),
    "festival": ("festival:kal_diphone", "festival:ked_diphone", "festival:cmu_us_slt_arctic_hts"),
}
"""Voices of other programs, where a reader has installed them: all English, all in the training part."""

HELD_OUT = 12
"""Voices that only the test part has, and as many that only the validation part has."""


@functools.cache
def voices(part: str) -> list[str]:
    """eSpeak NG's voice variants of a part, by the hash of their names: the same in every language and set."""
    dealt = sorted(variants(), key=lambda name: rank(f"voice {name}"))
    where = {"test": slice(HELD_OUT), "validation": slice(HELD_OUT, 2 * HELD_OUT), "train": slice(2 * HELD_OUT, None)}
    return sorted(dealt[where[part]])


def made(name: str, utterances: Sequence[Utterance]) -> PackedSounds:
    """What is said, in this order: made now, or mapped from what was made before.

    Args:
        name: begins the file's name.
        utterances: what is said and how.

    Raises:
        SpeechUnavailableError: a synthesizer is not installed, or failed.
        ValueError: it has no such voice.
    """
    try:
        release = version("espeakng-loader")
    except PackageNotFoundError as error:
        raise SpeechUnavailableError(synthesizer.MISSING) from error
    lines = [json.dumps(astuple(one)) for one in utterances]
    described = "\n".join([f"{FORMAT} {release} {RATE} {QUIET}", *lines])
    return kept(name, described, len(lines), lambda: _said(lines))


def _said(lines: list[str]) -> Iterator[tuple[np.ndarray, list[int]]]:
    """int16 samples and lengths of each piece of the list, several processes at a time, in order."""
    pieces = [
        alike[start : start + CHUNK]
        for _, group in itertools.groupby(lines, _program)
        for alike in [list(group)]
        for start in range(0, len(alike), CHUNK)
    ]
    at_once = min(len(pieces), machine.cores())
    with ThreadPoolExecutor(max(1, at_once)) as pool:
        for first in range(0, len(pieces), 2 * max(1, at_once)):  # no more than this lies in memory
            yield from pool.map(_say_piece, pieces[first : first + 2 * at_once])


def _program(line: str) -> str:
    """Which program says it; an empty word for eSpeak NG."""
    name, mark, _ = Utterance(*json.loads(line)).voice.partition(":")
    return name if mark else ""


def _say_with(program: str, lines: list[str]) -> list[Tensor]:
    """What another program says: flite is called for each line, festival once, with a script of all lines."""
    listed = [Utterance(*json.loads(line)) for line in lines]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = [folder / f"{i}.wav" for i in range(len(listed))]
        commands: list[list[str | Path]] = []
        script = []
        for what, file in zip(listed, files, strict=True):
            voice, slower = what.voice.partition(":")[2], f"{165 / what.words_per_minute:.3f}"
            if program == "flite":
                height = f"int_f0_target_mean={75 + 1.8 * what.pitch:.0f}"
                manner = ["--setf", f"duration_stretch={slower}", "--setf", height]
                commands.append(["flite", "-voice", voice, *manner, "-t", what.text, "-o", file])
            else:
                text = what.text.replace("\\", "").replace('"', "")
                script.append(f"(voice_{voice}) (Parameter.set 'Duration_Stretch {slower})")
                script.append(f'(utt.save.wave (utt.synth (Utterance Text "{text}")) "{file.as_posix()}")')
        if script:
            (folder / "script.scm").write_text("\n".join(script), encoding="utf-8")
            commands.append(["festival", "-b", folder / "script.scm"])
        for command in commands:
            subprocess.run(command, capture_output=True, check=False)
        silent = next((what for what, file in zip(listed, files, strict=True) if not file.is_file()), None)
        if silent is not None:
            raise SpeechUnavailableError(f"{silent.voice} could not say {silent.text!r}; is the voice installed?")
        return [trimmed(sound_file.read(file)) for file in files]


def _say_piece(lines: list[str]) -> tuple[np.ndarray, list[int]]:
    if program := _program(lines[0]):
        others = _say_with(program, lines)
        return to_int16(torch.cat(others)), [len(sound) for sound in others]
    with tempfile.TemporaryDirectory() as folder:
        sounds, _ = _spoken(lines, Path(folder))
    found = [trimmed(sound) for sound in _resampled(sounds)]
    return to_int16(torch.cat(found)), [len(sound) for sound in found]


def _spoken(lines: list[str], folder: Path) -> tuple[tuple[Tensor, ...], list[list[tuple[int, int]]]]:
    """What eSpeak NG says of each line, at its own rate, and where its words begin, in milliseconds."""
    jobs, samples, words = folder / "jobs", folder / "samples", folder / "words"
    jobs.write_text("\n".join(lines) + "\n", encoding="utf-8")
    command = [sys.executable, "-P", synthesizer.__file__, str(jobs), str(samples), str(words)]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["it ended without a word"])[-1]
        raise (ValueError if "ValueError" in last else SpeechUnavailableError)(last.partition(": ")[2] or last)
    heard = torch.from_numpy(np.fromfile(samples, dtype=np.int16)).float() / 32768
    begun = [[(first, at) for first, at in json.loads(line)] for line in words.read_text(encoding="utf-8").splitlines()]
    return heard.split([int(line) for line in done.stdout.split()]), begun


def _begun(lines: list[str]) -> list[tuple[int, int, int]]:
    """(line, first character, millisecond of the trimmed sound) of each word; none of what other programs say."""
    found: list[tuple[int, int, int]] = []

    def listen(first: int) -> list[tuple[int, int, int]]:
        piece = [line if not _program(line) else "" for line in lines[first : first + CHUNK]]
        with tempfile.TemporaryDirectory() as folder:
            sounds, begun = _spoken([line for line in piece if line], Path(folder))
        cut = [int((sound.abs() > QUIET).float().argmax()) / synthesizer.RATE - MARGIN / RATE for sound in sounds]
        rows = [first + i for i, line in enumerate(piece) if line]
        return [
            (row, start, max(0, round(at - 1000 * max(0.0, lost))))
            for row, words, lost in zip(rows, begun, cut, strict=True)
            for start, at in words
        ]

    with ThreadPoolExecutor(max(1, machine.cores())) as pool:
        for piece in pool.map(listen, range(0, len(lines), CHUNK)):
            found += piece
    return found


def _resampled(sounds: Sequence[Tensor]) -> list[Tensor]:
    """Many short sounds from the synthesizer's rate to 16,000 Hz at once: one long sound with silence in between."""
    from torchaudio.functional import resample

    old, new = 441, 320  # 22,050 / 16,000
    pads = [2 * old - len(sound) % old for sound in sounds]
    joined = torch.cat([torch.cat([sound, sound.new_zeros(pad)]) for sound, pad in zip(sounds, pads, strict=True)])
    sizes = [(len(sound) + pad) // old * new for sound, pad in zip(sounds, pads, strict=True)]
    return list(resample(joined, old, new).split(sizes))


def _manner(chance: random.Random) -> dict[str, int]:
    """How fast, how high and how lively somebody speaks."""
    return {
        "words_per_minute": chance.randint(110, 230),
        "pitch": chance.randint(15, 85),
        "spread": chance.randint(20, 80),
    }


def _others(synthesizers: str) -> list[str]:
    """Voices of the programs that are named besides eSpeak NG."""
    named = synthesizers.split("+")
    for name in named:
        checks.choose("synthesizer", name, ["espeak", *OTHERS])
    for name in named:
        if name != "espeak" and shutil.which(name) is None:
            raise SpeechUnavailableError(f"{name} is not installed; install it, or leave it out of synthesizers")
    return [voice for name in named if name != "espeak" for voice in OTHERS[name]]


def spoken_digits(split: str, takes: int = 2, synthesizers: str = "espeak") -> SoundDataset:
    """English digits said by every voice in every accent: labels 0 to 9, concepts the voice.

    Args:
        split: parts by voice.
        takes: times that each voice says each digit in each accent, each time at another speed and pitch.
        synthesizers: ``"espeak"``, or with it those of :data:`OTHERS` that are installed here, joined by ``+``: they
            say more for training, each voice as much as a voice of eSpeak NG in all accents.
    """
    others = _others(synthesizers)
    listed: list[tuple[Utterance, int, str]] = []
    for part in parse("spoken-digits", split, PARTS):
        for name in voices(part):
            for accent in ACCENTS:
                chance = random.Random(f"{name} {accent}")
                for _ in range(takes):
                    for digit, word in enumerate(DIGITS):
                        listed.append((Utterance(word, f"{accent}+{name}", **_manner(chance)), digit, name))
        for voice in others if part == "train" else ():
            chance = random.Random(voice)
            for _ in range(takes * len(ACCENTS)):
                for digit, word in enumerate(DIGITS):
                    listed.append((Utterance(word, voice, **_manner(chance)), digit, voice))
    return SoundDataset(
        "spoken-digits",
        split,
        sounds=made("spoken-digits", [one for one, _, _ in listed]),
        rate=RATE,
        labels=torch.tensor([digit for _, digit, _ in listed]),
        classes=list(DIGITS),
        captions=[DIGITS[digit] for _, digit, _ in listed],
        concepts=[name for _, _, name in listed],
    )


def _texts(language: str, part: str, kinds: Sequence[str]) -> Iterator[tuple[str, str]]:
    """What is said in a part, without end: texts and their English.

    Sentences and strings of three digits or more are in one part each, by the hash of their English, so that no part
    holds another's meaning in any language, and held-out parts repeat none. Words and short strings are too few for
    that.
    """
    chance = random.Random(f"kinds {language} {part}")
    drawn = {kind: _drawn(language, part, kind) for kind in kinds}
    while True:
        yield next(drawn[chance.choices(kinds, [KINDS[kind] for kind in kinds])[0]])


def _drawn(language: str, part: str, kind: str) -> Iterator[tuple[str, str]]:
    draw = {"sentences": sentences.sentence, "digits": sentences.digits, "words": sentences.word}[kind]
    seen: set[str] = set()
    for i in itertools.count():
        text, english = draw(language, f"{language} {part} {i}")
        if kind == "words" or (kind == "digits" and len(english.split()) < 3):
            yield text, english
        elif part_of(english.lower()) == part and (part == "train" or text not in seen):
            seen.add(text)
            yield text, english


def speech(
    split: str,
    count: int | None = None,
    languages: str = "en+pt+es+fr",
    kinds: str = "sentences+digits+words",
    synthesizers: str = "espeak",
) -> SpeechDataset:
    """Sentences, strings of digits and single words in four languages: labels the language, concepts the voice.

    Args:
        split: parts by voice and by sentence.
        count: utterances of each part that is asked for; :data:`SPEECH_COUNTS` if left out.
        languages: of :data:`SPOKEN`, joined by ``+``, in turn.
        kinds: of :data:`KINDS`, joined by ``+``.
        synthesizers: as for :func:`spoken_digits`; the others say every fourth English text for training.
    """
    spoken, listed = _listed(split, count, languages, kinds, synthesizers)
    return SpeechDataset(
        "speech",
        split,
        sounds=made("speech", [how for how, *_ in listed]),
        rate=RATE,
        labels=torch.tensor([spoken.index(language) for _, _, _, language, _ in listed]),
        classes=spoken,
        captions=[text for _, text, *_ in listed],
        translations=[english for _, _, english, _, _ in listed],
        concepts=[name for *_, name in listed],
    )


def words_begin(split: str, **options: Any) -> list[list[tuple[int, float]]]:
    """Where each word of each sound of ``speech`` begins: its first character in the caption, and seconds.

    The synthesizer says everything once more, which takes as long as the first time; what it said is kept.

    Args:
        split: parts by voice and by sentence.
        options: those of :func:`speech`.
    """
    given = {"count": None, "languages": "en+pt+es+fr", "kinds": "sentences+digits+words", "synthesizers": "espeak"}
    _, listed = _listed(split, **{**given, **options})
    lines = [json.dumps(astuple(how)) for how, *_ in listed]
    name = hashlib.sha256("\n".join([f"{FORMAT} {version('espeakng-loader')}", *lines]).encode()).hexdigest()[:16]
    kept = cached(f"speech-words-{name}", lambda: {"words": torch.tensor(_begun(lines), dtype=torch.int32)})
    found: list[list[tuple[int, float]]] = [[] for _ in lines]
    for line, first, milliseconds in kept["words"].tolist():
        found[line].append((first, milliseconds / 1000))
    return found


def _listed(
    split: str, count: int | None, languages: str, kinds: str, synthesizers: str
) -> tuple[list[str], list[tuple[Utterance, str, str, str, str]]]:
    """The languages, and what is said in them: how, the text, its English, its language, the voice."""
    others = _others(synthesizers)
    spoken, said = languages.split("+"), kinds.split("+")
    for language in spoken:
        checks.choose("language", language, SPOKEN)
    for kind in said:
        checks.choose("kind of speech", kind, KINDS)
    if count is not None:
        checks.whole("count", count)
    listed: list[tuple[Utterance, str, str, str, str]] = []
    for part in parse("speech", split, PARTS):
        texts = {language: _texts(language, part, said) for language in spoken}
        chance = random.Random(f"speech {part}")
        for i in range(count or SPEECH_COUNTS[part]):
            language = spoken[i % len(spoken)]
            text, english = next(texts[language])
            name = chance.choice(voices(part))
            how = Utterance(text, f"{chance.choice(SPOKEN[language])}+{name}", **_manner(chance))
            if others and language == "en" and part == "train" and i // len(spoken) % 4 == 0:
                name = others[i // len(spoken) // 4 % len(others)]
                how = replace(how, voice=name)
            listed.append((how, text, english, language, name))
    return spoken, listed
