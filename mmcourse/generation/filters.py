"""Rules on the logits of the next id. Greedy, sampling and beams all take a list of them and apply them in its order.

A rule is any function of logits (B, K) and of the ids that were added so far (B, n) that gives logits (B, K); what it
sets to -inf cannot be chosen. Rules see raw logits; the sampler's temperature divides what they leave.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from mmcourse.checks import real, whole

LogitFilter = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Temperature:
    """Divide by T here, before the rules that follow: ``[Temperature(0.7), TopP(0.9)]`` cuts the sharpened shares."""

    temperature: float

    def __post_init__(self) -> None:
        real("temperature", self.temperature, above=True)

    def __call__(self, logits: Tensor, ids: Tensor) -> Tensor:
        """(B, K) -> (B, K)."""
        return (logits - logits.amax(-1, keepdim=True)) / self.temperature  # the largest becomes 0: no overflow


@dataclass(frozen=True)
class TopK:
    """Only the k largest logits of each row stay (Fan et al., 2018); ties with the k-th stay too."""

    k: int

    def __post_init__(self) -> None:
        whole("k of TopK", self.k)

    def __call__(self, logits: Tensor, ids: Tensor) -> Tensor:
        """(B, K) -> (B, K)."""
        if self.k >= logits.shape[-1]:
            return logits
        return logits.masked_fill(logits < logits.topk(self.k).values[..., -1:], -math.inf)


@dataclass(frozen=True)
class TopP:
    """The fewest ids stay whose probabilities sum to at least p (Holtzman et al., 2020, section 3.1)."""

    p: float

    def __post_init__(self) -> None:
        real("p of TopP", self.p, above=True)
        if self.p > 1:
            raise ValueError(f"p of TopP is {self.p}; choose a share above 0 and up to 1.")

    def __call__(self, logits: Tensor, ids: Tensor) -> Tensor:
        """(B, K) -> (B, K)."""
        ordered, index = logits.sort(descending=True)
        share = ordered.softmax(-1)
        before = share.cumsum(-1) - share  # of the ids that come earlier; the first always stays
        return torch.full_like(logits, -math.inf).scatter(-1, index, ordered.masked_fill(before >= self.p, -math.inf))


@dataclass(frozen=True)
class Suppress:
    """These ids are never chosen."""

    ids: tuple[int, ...]

    def __post_init__(self) -> None:
        if not isinstance(self.ids, list | tuple):
            raise ValueError(f"Suppress({self.ids!r}): give a tuple of ids, Suppress((3,)) for one.")
        for id in self.ids:
            whole("id of Suppress", id, 0)

    def __call__(self, logits: Tensor, ids: Tensor) -> Tensor:
        """(B, K) -> (B, K)."""
        if self.ids and not 0 <= min(self.ids) <= max(self.ids) < logits.shape[-1]:
            raise ValueError(f"Suppress{self.ids}: the vocabulary has the ids 0 to {logits.shape[-1] - 1}.")
        return logits.index_fill(-1, torch.tensor(self.ids, dtype=torch.long, device=logits.device), -math.inf)


@dataclass(frozen=True)
class MinLength:
    """The id that ends a sequence is not chosen before n others have been added."""

    n: int
    eos: int

    def __post_init__(self) -> None:
        whole("n of MinLength", self.n, 0)
        whole("eos of MinLength", self.eos, 0)

    def __call__(self, logits: Tensor, ids: Tensor) -> Tensor:
        """(B, K) -> (B, K)."""
        return logits if ids.shape[1] >= self.n else Suppress((self.eos,))(logits, ids)
