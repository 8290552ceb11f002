"""Sounds as a model reads them: log-mel spectrograms, made once and kept, and mixtures of several sets."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import KW_ONLY, dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from mmcourse import checks
from mmcourse.data.augment import Augmentation
from mmcourse.data.cache import cached, key
from mmcourse.data.dataset import AugmentedDataset, Batch, Dataset, SoundDataset, _tensor_bytes
from mmcourse.data.order import generator


@dataclass(frozen=True, eq=False, repr=False)
class SpectrogramDataset(Dataset):
    """Spectrograms of one size: kept in half precision, given as float32 under ``"spectrograms"`` (B, F, M).

    Attributes:
        spectrograms: (N, F, M) float16, normalised.
    """

    _: KW_ONLY
    spectrograms: Tensor

    def __post_init__(self) -> None:
        if self.spectrograms.ndim != 3 or self.spectrograms.dtype != torch.float16:
            given = f"{tuple(self.spectrograms.shape)} {self.spectrograms.dtype}"
            raise ValueError(f"spectrograms of {self.name!r} are {given}; (N, F, M) float16 is needed")
        super().__post_init__()

    def __len__(self) -> int:
        return len(self.spectrograms)

    def _content(self, index: Tensor) -> Batch:
        return {"spectrograms": self.spectrograms[index].float()}

    def _taken(self, index: Tensor) -> dict[str, Any]:
        return {"spectrograms": self.spectrograms[index]}

    def augmented(self, augmentation: Augmentation, of: str = "spectrograms") -> AugmentedDataset:
        """The same data with an augmentation of its training batches."""
        return AugmentedDataset(self, augmentation, of)

    def _bytes(self) -> Iterator[bytes | memoryview]:
        return _tensor_bytes(self.spectrograms)

    def _kind(self) -> tuple[str, str]:
        return "spectrograms", f" of {'x'.join(str(n) for n in self.spectrograms.shape[1:])}"


def spectrograms(data: SoundDataset, preprocess: Callable[..., Tensor], how: object) -> SpectrogramDataset:
    """A set of sounds as spectrograms; made once, then read from the cache folder.

    Args:
        data: the sounds.
        preprocess: of the model that reads them, called with (sound, sample rate), gives (1, F, M).
        how: what the result depends on besides the sounds, for the name in the cache: the model's configuration of it.
    """
    def make() -> dict[str, Tensor]:
        return {"spectrograms": torch.cat([preprocess(sound, data.rate).half().cpu() for sound in data.sounds])}

    digest = hashlib.sha256(f"{data.fingerprint} {how}".encode()).hexdigest()[:16]
    kept = cached(f"{key(f'{data.name}-spectrograms', 'torch')}-{digest}", make)
    return SpectrogramDataset(
        data.name,
        data.split,
        labels=data.labels,
        classes=data.classes,
        captions=data.captions,
        concepts=data.concepts,
        spectrograms=kept["spectrograms"],
    )


class Mixture:
    """Several sets to learn from at once, each with its share of every batch, however many items it has.

    Args:
        parts: data sets of one kind.
        shares: of the batch, one for each part.

    Raises:
        ValueError: no part, or shares that are not positive.
    """

    def __init__(self, parts: Sequence[Dataset], shares: Sequence[float]) -> None:
        if not parts or len(parts) != len(shares):
            raise ValueError(f"{len(parts)} parts and {len(shares)} shares; give one share for each part.")
        for share in shares:
            checks.real("share", share, above=True)
        self.parts, self.shares = list(parts), [share / sum(shares) for share in shares]

    def __len__(self) -> int:
        return sum(len(part) for part in self.parts)

    def training_batch(self, step: int, batch_size: int, seed: int) -> Batch:
        """What step k learns from: drawn from each part with replacement, by (seed, step) alone."""
        chance = generator(seed, step, 4)
        ends = (torch.tensor(self.shares).cumsum(0) * batch_size).round().long()
        counts = ends.diff(prepend=torch.zeros(1, dtype=torch.long)).tolist()
        drawn = [
            part.batch(torch.randint(len(part), (count,), generator=chance))
            for part, count in zip(self.parts, counts, strict=True)
            if count
        ]
        order = torch.randperm(sum(counts), generator=chance)
        return {name: torch.cat([batch[name] for batch in drawn])[order] for name in ("spectrograms", "labels")}

    def augmented(self, augmentation: Augmentation, of: str = "spectrograms") -> AugmentedDataset:
        """The same mixture with an augmentation of its training batches."""
        return AugmentedDataset(self, augmentation, of)

    @cached_property
    def fingerprint(self) -> str:
        """Of all parts and their shares."""
        text = json.dumps([[part.fingerprint for part in self.parts], self.shares])
        return hashlib.sha256(text.encode()).hexdigest()

    def __repr__(self) -> str:
        listed = ", ".join(f"{100 * share:.0f}% {part!r}" for part, share in zip(self.parts, self.shares, strict=True))
        return f"Mixture({listed})"
