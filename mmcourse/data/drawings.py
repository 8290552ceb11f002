"""Drawings with words: each concept in every style at hand, named in several languages, split by concept."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import KW_ONLY, dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Dataset as TorchDataset

from mmcourse.data import emoji
from mmcourse.data.augment import Augmentation
from mmcourse.data.cache import notice
from mmcourse.data.dataset import AugmentedDataset, Batch, ImageDataset
from mmcourse.data.downloads import DataUnavailableError
from mmcourse.data.order import batch_indices, generator
from mmcourse.data.splits import parse
from mmcourse.tokens.text import CaptionTokenizer

LANGUAGES = ("en", "pt", "es", "fr")
MAIN = 0.5  # how often a drawn text is in the first of its languages


@dataclass(frozen=True, eq=False, repr=False)
class DrawingDataset(ImageDataset):
    """Pictures, one for each concept and style; the caption is the first text.

    Attributes:
        texts: for each picture the texts of each language, all of which say what is drawn; the first has one at least.
        styles: for each picture, how it is drawn.
    """

    _: KW_ONLY
    texts: list[list[list[str]]]
    styles: list[str]

    def __post_init__(self) -> None:
        super().__post_init__()
        for what in ("texts", "styles"):
            given = getattr(self, what)
            if not isinstance(given, list) or len(given) != len(self.images):
                count = len(given) if isinstance(given, list) else "no list of"
                raise ValueError(f"{self.name!r} has {len(self.images)} images but {count} {what}")
        if not all(by_language and by_language[0] for by_language in self.texts):
            raise ValueError(f"a picture of {self.name!r} has no text in the first language; give it one")

    def _taken(self, index: Tensor) -> dict[str, Any]:
        listed = index.tolist()
        chosen = {"texts": [self.texts[i] for i in listed], "styles": [self.styles[i] for i in listed]}
        return {**super()._taken(index), **chosen}

    def _bytes(self) -> Iterator[bytes | memoryview]:
        yield from super()._bytes()
        yield json.dumps([self.texts, self.styles]).encode()


class DrawingPairs(TorchDataset[Batch]):
    """Drawings as CLIP learns from them: as many concepts as the batch has items, so that no text fits two pictures.

    Each concept comes in one of its styles and with one of its texts, both drawn from (seed, step).

    Args:
        data: with labels, which say what is one concept.
        tokenizer: what makes ``"tokens"`` of captions; what is too long is cut.
    """

    def __init__(self, data: DrawingDataset, tokenizer: CaptionTokenizer) -> None:
        if data.labels is None or data.captions is None:
            raise ValueError(f"{data!r} has no labels or no captions; pairs need both")
        self.data, self.tokenizer = data, tokenizer
        self.rows = [(data.labels == kind).nonzero().flatten().tolist() for kind in data.labels.unique().tolist()]

    def __len__(self) -> int:
        return len(self.data)

    def batch(self, which: Any = slice(None)) -> Batch:
        """Pictures as they are, with the tokens of their captions."""
        found = self.data.batch(which)
        return {**found, "tokens": self.tokenizer(found["captions"], cut=True)}

    def batches(self, size: int) -> Iterator[Batch]:
        """All pictures in order, ``size`` at a time."""
        for start in range(0, len(self), size):
            yield self.batch(range(start, min(start + size, len(self))))

    def training_batch(self, step: int, batch_size: int, seed: int) -> Batch:
        """What step k learns from."""
        concepts = batch_indices(len(self.rows), batch_size, seed, step).tolist()
        chance = torch.rand(3, batch_size, generator=generator(seed, step, 5)).T.tolist()
        index = [_one(self.rows[concept], c[0]) for concept, c in zip(concepts, chance, strict=True)]
        found = self.data.batch(index)
        found["captions"] = [_drawn(self.data.texts[i], c[1], c[2]) for i, c in zip(index, chance, strict=True)]
        return {**found, "tokens": self.tokenizer(found["captions"], cut=True)}

    def augmented(self, augmentation: Augmentation) -> AugmentedDataset:
        """The same pairs with an augmentation of their pictures."""
        return AugmentedDataset(self, augmentation)

    @cached_property
    def fingerprint(self) -> str:
        """That of the drawings and of the vocabulary."""
        return hashlib.sha256((self.data.fingerprint + self.tokenizer.bpe.to_str()).encode()).hexdigest()

    def __repr__(self) -> str:
        return f"{self.data!r}, with tokens"


def _one(listed: list[Any], chance: float) -> Any:
    return listed[int(chance * len(listed))]


def _drawn(texts: list[list[str]], language: float, word: float) -> str:
    """A text: half of the time in the first language, else in any other that has one."""
    others = [listed for listed in texts[1:] if listed] or texts[:1]
    return _one(texts[0] if language < MAIN else _one(others, (language - MAIN) / (1 - MAIN)), word)


def drawings(
    split: str = "train", style: str = "all", size: int = 64, language: str = "+".join(LANGUAGES)
) -> DrawingDataset:
    """Emoji in every style at hand; its card: :ref:`data-drawings`.

    Args:
        split: by concept, as of ``emoji``.
        style: several joined by ``+``; ``"all"`` for every one that is installed or can be fetched.
        size: side in pixels.
        language: of the texts, several joined by ``+``; the captions are in the first.
    """
    parts = emoji.parts()
    wanted = {concept for part in parse("drawings", split, parts) for concept in parts[part]}
    number = {concept: index for index, concept in enumerate(emoji.concepts())}
    named = [emoji.words(one) for one in str(language).split("+")]
    asked = list(emoji.STYLES) if style == "all" else str(style).split("+")
    if len(set(asked)) != len(asked):
        raise ValueError(f"style {style!r} of 'drawings' names a style twice; write each once")
    images: list[Tensor] = []
    concepts: list[str] = []
    styles: list[str] = []
    for one in asked:
        try:
            drawn, pictures = emoji.pictures(one, size)
        except DataUnavailableError as error:
            if style != "all":
                raise
            notice(str(error))
            continue
        rows = [row for row, concept in enumerate(drawn) if concept in wanted and concept in named[0]]
        images.append(pictures[rows])
        concepts += [drawn[row] for row in rows]
        styles += [one] * len(rows)
    texts = [[words.get(concept, []) for words in named] for concept in concepts]
    names = named[0]
    return DrawingDataset(
        "drawings",
        split,
        images=torch.cat(images),
        labels=torch.tensor([number[concept] for concept in concepts], dtype=torch.long),
        classes=[names.get(concept, [""])[0] for concept in emoji.concepts()],
        captions=[names[concept][0] for concept in concepts],
        concepts=concepts,
        texts=texts,
        styles=styles,
    )
