"""What every data set of the course looks like once loaded: one tensor of pictures and what belongs to each."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor
from torch.utils.data import Dataset as TorchDataset

Item = tuple[Tensor, int | str]


@dataclass(frozen=True, eq=False, repr=False)
class Dataset(TorchDataset[Item]):
    """Pictures in memory, with a label each and, for some sets, a caption each.

    ``data[i]`` is ``(picture, label)``, or ``(picture, caption)`` where the set has captions; the picture is
    float32 (C, H, W) in [0, 1]. The whole set is small enough for memory, so it is kept as bytes and
    converted on the way out. It can be pickled, and a ``DataLoader`` fetches a batch in one indexing.

    Attributes:
        name: The name it was loaded by.
        split: The part, for example ``"train"`` or ``"train+validation"``.
        images: (N, C, H, W) uint8.
        labels: (N,) int64, indices into ``classes``.
        classes: The name of each label.
        captions: N texts, or none at all.
        concepts: N identities that do not depend on style, size or language, or none at all.
    """

    name: str
    split: str
    images: Tensor
    labels: Tensor
    classes: list[str]
    captions: list[str] | None = None
    concepts: list[str] | None = None

    def __post_init__(self) -> None:
        count = len(self.images)
        if self.images.ndim != 4 or self.images.dtype != torch.uint8:
            given = f"{tuple(self.images.shape)} {self.images.dtype}"
            raise ValueError(f"images of {self.name!r} are {given}; (N, C, H, W) uint8 is needed")
        for what in (self.labels, self.captions, self.concepts):
            if what is not None and len(what) != count:
                raise ValueError(f"{self.name!r} has {count} images but {len(what)} labels or captions")

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> Item:
        if not -len(self) <= index < len(self):
            raise IndexError(f"item {index} of {self.name!r} was asked for; it has {len(self)}")
        picture = self.images[index].float() / 255
        if self.captions is not None:
            return picture, self.captions[index]
        return picture, int(self.labels[index])

    def batch(self, indices: Sequence[int] | Tensor) -> tuple[Tensor, Tensor | list[str]]:
        """Several items at once: ((B, C, H, W) float32, (B,) int64 labels or B captions)."""
        index = torch.as_tensor(indices, dtype=torch.long)
        pictures = self.images[index].float() / 255
        if self.captions is not None:
            return pictures, [self.captions[i] for i in index.tolist()]
        return pictures, self.labels[index]

    def batches(self, size: int) -> Iterator[Tensor]:
        """The pictures alone, in order, (size, C, H, W) float32 at a time."""
        for part in self.images.split(size):
            yield part.float() / 255

    def __getitems__(self, indices: list[int]) -> list[Item]:
        pictures, targets = self.batch(indices)
        plain: list[int] | list[str] = targets.tolist() if isinstance(targets, Tensor) else targets
        return list(zip(pictures, plain, strict=True))

    def subset(self, which: int | Sequence[int] | Tensor) -> Dataset:
        """The first n items, or the items at the given indices, as a Dataset with the same classes.

        Raises:
            ValueError: If more items are asked for than there are, or an index lies outside.
        """
        if isinstance(which, int):
            if not 0 <= which <= len(self):
                raise ValueError(f"{which} items of {self.name!r} were asked for; it has {len(self)}")
            index = torch.arange(which)
        else:
            index = torch.as_tensor(which)
            if index.dtype == torch.bool:
                index = index.nonzero().flatten()
            index = index.long().reshape(-1)
            if len(index) and not (-len(self) <= int(index.min()) and int(index.max()) < len(self)):
                raise ValueError(f"an index outside {self.name!r}, which has {len(self)} items, was given")
        rows = index.tolist()
        return replace(
            self,
            images=self.images[index],
            labels=self.labels[index],
            captions=None if self.captions is None else [self.captions[i] for i in rows],
            concepts=None if self.concepts is None else [self.concepts[i] for i in rows],
        )

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256, in hex, over shape and bytes of images and labels, and over captions and concepts."""
        digest = hashlib.sha256()
        for tensor in (self.images, self.labels):
            digest.update(f"{tensor.dtype}{tuple(tensor.shape)}".encode())
            digest.update(tensor.contiguous().numpy().data)
        for texts in (self.captions, self.concepts):
            if texts is not None:
                digest.update("\n".join(texts).encode())
        return digest.hexdigest()

    def __repr__(self) -> str:
        count, *shape = self.images.shape
        size = "x".join(str(n) for n in shape)
        return f"Dataset({self.name!r}, split={self.split!r}: {count:,} images of {size})"
