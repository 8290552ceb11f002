"""What every data set of the course looks like: names, splits, labels, captions; and batches, dicts of tensors.

A batch is a dict: ``{"images": (B, C, H, W), "labels": (B,)}``, ``{"sounds": (B, T), "sound_lengths": (B,)}``,
``{"tokens": (B, N), "token_lengths": (B,)}``, with ``"captions"`` (B texts) and ``"labels"`` where a set has them.
The loop and the objectives use these names, so that a set of another kind needs no other loop.
"""

from __future__ import annotations

import hashlib
import json
import operator
from collections.abc import Callable, Iterator, Sequence
from dataclasses import KW_ONLY, dataclass, field, replace
from functools import cached_property
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import Dataset as TorchDataset

from mmcourse import checks
from mmcourse.data.augment import Augmentation
from mmcourse.data.order import batch_indices, generator
from mmcourse.data.sounds import Sounds
from mmcourse.identity import describe

Batch = dict[str, Any]


def rows(which: Any, count: int, name: str = "the data") -> Tensor:
    """What somebody means by an index, as row numbers (M,) int64 without negative ones.

    Args:
        which: a slice, a range, whole numbers in a list, tuple, tensor or array, or one truth value for each item.
        count: how many items there are.
        name: of the data, for the error.

    Raises:
        TypeError: anything else, floats among them.
        ValueError: a mask of another length, or a number outside.
    """
    if isinstance(which, slice):
        return torch.arange(count)[which] if which.step is None or which.step > 0 else _backwards(which, count)
    index: Tensor | None
    if isinstance(which, Tensor):
        index = which.detach().cpu()
    elif isinstance(which, np.ndarray):
        index = torch.from_numpy(np.ascontiguousarray(which)) if which.dtype.kind in "biuf" else None
    else:
        try:
            index = torch.as_tensor([item.item() if isinstance(item, Tensor) else item for item in which])
        except (TypeError, ValueError, RuntimeError):
            index = None
        index = index.long() if index is not None and not index.numel() else index
    if index is None or index.ndim != 1 or index.is_floating_point() or index.is_complex():
        given = f"{tuple(index.shape)} {index.dtype}" if index is not None else f"{which!r:.60}"
        raise TypeError(f"{given} is no index of {name!r}; give whole numbers, a slice or a truth value for each item")
    if index.dtype == torch.uint8:
        raise TypeError("an index of uint8 is a mask to PyTorch and numbers to NumPy; give bool or int64")
    if index.dtype == torch.bool:
        if len(index) != count:
            raise ValueError(f"a mask of {len(index)} truth values was given for {name!r}, which has {count} items")
        return index.nonzero().flatten()
    index = index.long()
    if len(index) and not (-count <= int(index.min()) and int(index.max()) < count):
        raise ValueError(f"an index outside {name!r}, which has {count} items, was given")
    return torch.where(index < 0, index + count, index)


def _backwards(which: slice, count: int) -> Tensor:
    return torch.tensor(list(range(count)[which]), dtype=torch.long)


def whole(number: Any) -> int | None:
    """A Python, NumPy or 0-d tensor integer as int; None for everything else, truth values among them."""
    if isinstance(number, bool | np.bool_) or (isinstance(number, Tensor | np.ndarray) and number.ndim):
        return None
    if isinstance(number, Tensor) and (number.is_floating_point() or number.dtype == torch.bool):
        return None
    try:
        return operator.index(number)
    except TypeError:
        return None


def collate(items: Sequence[Batch]) -> Batch:
    """Items of a data set as one batch, those of different lengths padded: ``DataLoader(data, collate_fn=collate)``."""
    batch: Batch = {}
    if not items:
        raise ValueError("no items make no batch; give at least one")
    for name, first in items[0].items():
        if any(set(item) != set(items[0]) or type(item[name]) is not type(first) for item in items):
            raise ValueError(f"not every item holds {name!r} and the same kinds; a batch needs the same of each")
        values = [item[name] for item in items]
        if isinstance(first, Tensor) and any(value.ndim != first.ndim for value in values):
            raise ValueError(f"{name!r} differs in its number of dimensions from item to item; a batch needs one shape")
        if isinstance(first, Tensor) and first.ndim == 1:
            batch[name] = pad_sequence(values, batch_first=True)
        elif isinstance(first, Tensor):
            if len({value.shape for value in values}) > 1:
                raise ValueError(f"{name!r} differs in size from item to item; bring all to one size")
            batch[name] = torch.stack(values)
        else:
            batch[name] = torch.tensor(values) if isinstance(first, int) else values
    return batch


def _check_texts(what: str, given: Any, name: str) -> None:
    if not isinstance(given, list | tuple) or not all(isinstance(text, str) for text in given):
        raise TypeError(f"{what} of {name!r} must be a list of texts, one an item, not {type(given).__name__}")


@dataclass(frozen=True, eq=False, repr=False)
class Dataset(TorchDataset[Batch]):
    """The base of every data set in memory; its kinds say what an item holds besides label and caption.

    ``data[i]`` is one item, a dict; ``data[0:3]``, ``data[mask]`` and ``data[[5, 1]]`` are data sets again, as
    :meth:`subset` makes them. It can be pickled, and a ``DataLoader`` (with :func:`collate` where items differ in
    length) fetches a batch in one indexing.

    Attributes:
        name: The name it was loaded by.
        split: The part, for example ``"train"`` or ``"train+validation"``.
        labels: (N,) int64, indices into ``classes``, or none at all.
        classes: The name of each label.
        captions: N texts, or none at all.
        concepts: N identities that do not depend on style, size or language, or none at all.
    """

    name: str
    split: str
    _: KW_ONLY
    labels: Tensor | None = None
    classes: list[str] = field(default_factory=list)
    captions: list[str] | None = None
    concepts: list[str] | None = None

    def __post_init__(self) -> None:
        if self.labels is not None:
            checks.tensor("labels", self.labels, 1)
        for what in ("captions", "concepts"):
            if getattr(self, what) is not None:
                _check_texts(what, getattr(self, what), self.name)
        for what in ("labels", "captions", "concepts"):
            given = getattr(self, what)
            if given is not None and len(given) != len(self):
                raise ValueError(f"{self.name!r} has {len(self)} {self._kind()[0]} but {len(given)} {what}")
        if self.labels is not None and self.labels.dtype != torch.int64:
            raise TypeError(f"labels of {self.name!r} are {self.labels.dtype}; give labels.long()")

    # what a kind says of itself

    def __len__(self) -> int:
        raise NotImplementedError

    def _content(self, index: Tensor) -> Batch:
        """What these rows hold besides label and caption, by name."""
        raise NotImplementedError

    def _taken(self, index: Tensor) -> dict[str, Any]:
        """The fields of a data set of these rows alone."""
        raise NotImplementedError

    def _bytes(self) -> Iterator[bytes | memoryview]:
        """Everything that the fingerprint is of, but labels and texts."""
        raise NotImplementedError

    def _kind(self) -> tuple[str, str]:
        """What is counted, and the rest of the line that ``repr`` shows."""
        return "items", ""

    # what all kinds share

    def batch(self, which: Any = slice(None)) -> Batch:
        """Several items at once, a dict: what the kind holds, ``"labels"`` (B,) int64, ``"captions"`` B texts.

        Args:
            which: as for :func:`rows`; everything if left out.
        """
        index = rows(which, len(self), self.name)
        found = self._content(index)
        if self.labels is not None:
            found["labels"] = self.labels[index]
        if self.captions is not None:
            found["captions"] = [self.captions[i] for i in index.tolist()]
        return found

    def batches(self, size: int) -> Iterator[Batch]:
        """All items in order, ``size`` at a time."""
        checks.whole("size", size)
        for start in range(0, len(self), size):
            yield self.batch(range(start, min(start + size, len(self))))

    def training_batch(self, step: int, batch_size: int, seed: int) -> Batch:
        """What step k learns from: it depends on (seed, step) alone, so that a run can go on where it stopped."""
        return self.batch(batch_indices(len(self), batch_size, seed, step))

    def augmented(self, augmentation: Augmentation, of: str = "images") -> AugmentedDataset:
        """The same data with an augmentation of its training batches."""
        return AugmentedDataset(self, augmentation, of)

    def subset(self, which: Any) -> Self:
        """The first n items, or the items at the given indices, as a data set with the same classes.

        Args:
            which: a whole number n, or what :func:`rows` takes.

        Raises:
            ValueError: If more items are asked for than there are, or an index lies outside.
            TypeError: If it is no index, a float for example.
        """
        first = whole(which)
        if first is not None:
            if not 0 <= first <= len(self):
                raise ValueError(f"{first} items of {self.name!r} were asked for; it has {len(self)}")
            which = range(first)
        index = rows(which, len(self), self.name)
        listed = index.tolist()
        return replace(
            self,
            labels=None if self.labels is None else self.labels[index],
            captions=None if self.captions is None else [self.captions[i] for i in listed],
            concepts=None if self.concepts is None else [self.concepts[i] for i in listed],
            **self._taken(index),
        )

    def __getitem__(self, index: Any) -> Any:
        number = whole(index)
        if number is None:
            if isinstance(index, float | bool | np.bool_) or getattr(index, "ndim", 1) == 0:
                raise TypeError(f"{index!r} is no index of {self.name!r}; give a whole number, a slice or a mask")
            return self.subset(index)
        if not -len(self) <= number < len(self):
            raise IndexError(f"item {number} of {self.name!r} was asked for; it has {len(self)}")
        return _item(self.batch([number]), 0)

    def __getitems__(self, indices: list[int]) -> list[Batch]:
        batch = self.batch(indices)
        return [_item(batch, i) for i in range(len(indices))]

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256, in hex, over shape and bytes of content and labels, and over captions and concepts."""
        digest = hashlib.sha256()
        for part in self._bytes():
            digest.update(part)
        if self.labels is not None:
            for part in _tensor_bytes(self.labels):
                digest.update(part)
        for texts in (self.captions, self.concepts):
            if texts is not None:
                digest.update("\n".join(texts).encode())
        return digest.hexdigest()

    def __repr__(self) -> str:
        what, more = self._kind()
        return f"Dataset({self.name!r}, split={self.split!r}: {len(self):,} {what}{more})"


def _item(batch: Batch, i: int) -> Batch:
    """Row i of a batch without its padding; labels and lengths as int."""
    found: Batch = {}
    for name, value in batch.items():
        one = value[i]
        length = batch.get(f"{name.removesuffix('s')}_lengths")
        if length is not None:
            one = one[: int(length[i])]
        found[name] = int(one) if isinstance(one, Tensor) and one.ndim == 0 else one
    return found


def _tensor_bytes(tensor: Tensor) -> Iterator[bytes | memoryview]:
    yield f"{tensor.dtype}{tuple(tensor.shape)}".encode()
    yield tensor.contiguous().numpy().data


@dataclass(frozen=True, eq=False, repr=False)
class ImageDataset(Dataset):
    """Pictures of one size in memory: kept as bytes, given as float32 in [0, 1] under ``"images"`` (B, C, H, W).

    Attributes:
        images: (N, C, H, W) uint8.
    """

    _: KW_ONLY
    images: Tensor

    def __post_init__(self) -> None:
        checks.tensor("images", self.images)
        if self.images.ndim != 4 or self.images.dtype != torch.uint8:
            given = f"{tuple(self.images.shape)} {self.images.dtype}"
            raise ValueError(f"images of {self.name!r} are {given}; (N, C, H, W) uint8 is needed")
        super().__post_init__()

    def __len__(self) -> int:
        return len(self.images)

    def _content(self, index: Tensor) -> Batch:
        return {"images": self.images[index].float() / 255}

    def _taken(self, index: Tensor) -> dict[str, Any]:
        return {"images": self.images[index]}

    def _bytes(self) -> Iterator[bytes | memoryview]:
        return _tensor_bytes(self.images)

    def _kind(self) -> tuple[str, str]:
        return "images", f" of {'x'.join(str(n) for n in self.images.shape[1:])}"


@dataclass(frozen=True, eq=False, repr=False)
class SoundDataset(Dataset):
    """Sounds of different lengths: ``"sounds"`` (B, T) float32, padded with 0, and ``"sound_lengths"`` (B,) int64.

    Attributes:
        sounds: N waveforms (T,) float32 in [-1, 1], of one channel; or what gives them when they are asked for.
        rate: samples a second.
    """

    _: KW_ONLY
    sounds: list[Tensor] | Sounds
    rate: int

    def __post_init__(self) -> None:
        checks.whole("rate", self.rate)
        if not isinstance(self.sounds, list | tuple | Sounds):
            raise TypeError(f"sounds of {self.name!r} must be a list of tensors, not {type(self.sounds).__name__}")
        for i, sound in enumerate(() if isinstance(self.sounds, Sounds) else self.sounds):
            checks.tensor(f"sound {i} of {self.name!r}", sound)
            if sound.ndim != 1 or sound.dtype != torch.float32 or not len(sound):
                given = f"{tuple(sound.shape)} {sound.dtype}"
                raise ValueError(f"sound {i} of {self.name!r} is {given}; (T,) float32 of one channel is needed")
        super().__post_init__()

    def __len__(self) -> int:
        return len(self.sounds)

    def _content(self, index: Tensor) -> Batch:
        chosen = [self.sounds[i] for i in index.tolist()]
        return {
            "sounds": pad_sequence(chosen, batch_first=True) if chosen else torch.zeros(0, 0),
            "sound_lengths": torch.tensor([len(sound) for sound in chosen], dtype=torch.long),
        }

    def _taken(self, index: Tensor) -> dict[str, Any]:
        if isinstance(self.sounds, Sounds):
            return {"sounds": self.sounds.take(index)}
        return {"sounds": [self.sounds[i] for i in index.tolist()]}

    def _bytes(self) -> Iterator[bytes | memoryview]:
        yield f"{self.rate} Hz".encode()
        if isinstance(self.sounds, Sounds):
            yield from self.sounds.content()
            return
        for sound in self.sounds:
            yield from _tensor_bytes(sound)

    def _kind(self) -> tuple[str, str]:
        return "sounds", f" at {self.rate:,} Hz"


@dataclass(frozen=True, eq=False, repr=False)
class SpeechDataset(SoundDataset):
    """What people or machines say: captions are the words said, labels the language, concepts the voice.

    A batch holds ``"translations"`` (B texts) besides what sounds, captions and labels give.

    Attributes:
        translations: N texts, the same in English.
    """

    _: KW_ONLY
    translations: list[str]

    def __post_init__(self) -> None:
        _check_texts("translations", self.translations, self.name)
        if isinstance(self.sounds, Sequence) and len(self.translations) != len(self.sounds):
            raise ValueError(f"{self.name!r} has {len(self)} sounds but {len(self.translations)} translations")
        super().__post_init__()

    def _content(self, index: Tensor) -> Batch:
        return {**super()._content(index), "translations": [self.translations[i] for i in index.tolist()]}

    def _taken(self, index: Tensor) -> dict[str, Any]:
        return {**super()._taken(index), "translations": [self.translations[i] for i in index.tolist()]}

    def _bytes(self) -> Iterator[bytes | memoryview]:
        yield from super()._bytes()
        yield "\0".join(self.translations).encode()


def utf8(text: str) -> list[int]:
    """The bytes of a text: the vocabulary that needs no training."""
    return list(text.encode("utf-8"))


@dataclass(frozen=True, eq=False, repr=False)
class TextDataset(Dataset):
    """Texts: ``"tokens"`` (B, N) int64, padded at the end, and ``"token_lengths"`` (B,) int64.

    Attributes:
        texts: N texts.
        encode: text to token ids.
        padding: the id that fills what is too short.
    """

    _: KW_ONLY
    texts: list[str]
    encode: Callable[[str], Sequence[int]] = field(default_factory=lambda: utf8)
    padding: int = 0

    def __post_init__(self) -> None:
        _check_texts("texts", self.texts, self.name)
        checks.whole("padding", self.padding, 0)
        super().__post_init__()

    def __len__(self) -> int:
        return len(self.texts)

    def _content(self, index: Tensor) -> Batch:
        ids = [torch.tensor(list(self.encode(self.texts[i])), dtype=torch.long) for i in index.tolist()]
        padded = pad_sequence(ids, batch_first=True, padding_value=self.padding) if ids else torch.zeros(0, 0).long()
        return {"tokens": padded, "token_lengths": torch.tensor([len(one) for one in ids], dtype=torch.long)}

    def _taken(self, index: Tensor) -> dict[str, Any]:
        return {"texts": [self.texts[i] for i in index.tolist()]}

    def _bytes(self) -> Iterator[bytes | memoryview]:
        yield json.dumps([describe(self.encode), self.padding]).encode()
        yield "\0".join(self.texts).encode()

    def _kind(self) -> tuple[str, str]:
        return "texts", ""


@dataclass(frozen=True, eq=False, repr=False)
class PairDataset(Dataset):
    """What belongs together in two sets or more, item by item: pictures and texts, sounds and texts.

    A batch holds the names of all parts. Labels and captions of the pairs are the pair's own fields; the parts give
    theirs, but no name twice.

    Attributes:
        parts: data sets of one length, of different kinds.
    """

    _: KW_ONLY
    parts: tuple[Dataset, ...]

    def __post_init__(self) -> None:
        lengths = [len(part) for part in self.parts]
        if len(set(lengths)) != 1:
            raise ValueError(f"the parts of {self.name!r} have {lengths} items; a pair needs one of each")
        names = [name for part in self.parts for name in part.batch(range(min(1, lengths[0])))]
        names += [name for name in ("labels", "captions") if getattr(self, name) is not None]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice:
            raise ValueError(f"two parts of {self.name!r} give {twice!r}; leave it out of one of them")
        super().__post_init__()

    def __len__(self) -> int:
        return len(self.parts[0])

    def _content(self, index: Tensor) -> Batch:
        return {name: value for part in self.parts for name, value in part.batch(index).items()}

    def _taken(self, index: Tensor) -> dict[str, Any]:
        return {"parts": tuple(part.subset(index) for part in self.parts)}

    def _bytes(self) -> Iterator[bytes | memoryview]:
        for part in self.parts:
            yield part.fingerprint.encode()

    def _kind(self) -> tuple[str, str]:
        return "pairs", f" of {' and '.join(part._kind()[0] for part in self.parts)}"


class AugmentedDataset(TorchDataset[Batch]):
    """A data set whose training batches are changed by chance, drawn from (seed, step) alone.

    ``batch`` and ``data[i]`` give the data as it is, for measuring; :meth:`training_batch` changes it.

    Args:
        data: what is learned from; anything with ``training_batch``, a stream of shards too.
        augmentation: changes (B, ...) tensors.
        of: the name in the batch that it changes.
    """

    def __init__(self, data: Any, augmentation: Augmentation, of: str = "images") -> None:
        self.data, self.augmentation, self.of = data, augmentation, of

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, index: Any) -> Any:
        return self.data[index]

    def __getattr__(self, name: str) -> Any:
        if name in ("data", "__setstate__"):  # while it is being unpickled there is nothing to ask
            raise AttributeError(name)
        return getattr(self.data, name)

    def training_batch(self, step: int, batch_size: int, seed: int) -> Batch:
        """The data's own batch of step k, changed."""
        batch = self.data.training_batch(step, batch_size, seed)
        if self.of not in batch:
            raise ValueError(f"{self.data!r} gives {', '.join(batch)}; an augmentation of {self.of!r} finds nothing")
        return {**batch, self.of: self.augmentation(batch[self.of], generator(seed, step, 2))}

    @cached_property
    def fingerprint(self) -> str:
        """That of the data and of what changes it."""
        text = json.dumps([self.data.fingerprint, self.of, describe(self.augmentation)])
        return hashlib.sha256(text.encode()).hexdigest()

    def __repr__(self) -> str:
        return f"{self.data!r} with {self.of}: {self.augmentation}"
