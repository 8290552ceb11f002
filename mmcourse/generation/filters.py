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


def _check_ids(who: str, ids: object) -> None:
    if not isinstance(ids, list | tuple):
        raise ValueError(f"{who}({ids!r}): give a tuple of ids, {who}((3,)) for one.")
    for id in ids:
        whole(f"id of {who}", id, 0)


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
        _check_ids("Suppress", self.ids)

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


@dataclass(frozen=True)
class SuppressFirst:
    """These ids are never chosen as the first."""

    ids: tuple[int, ...]

    def __post_init__(self) -> None:
        _check_ids("SuppressFirst", self.ids)

    def __call__(self, logits: Tensor, ids: Tensor) -> Tensor:
        """(B, K) -> (B, K)."""
        return logits if ids.shape[1] else Suppress(self.ids)(logits, ids)


@dataclass(frozen=True)
class TimestampRules:
    """Text stands between two timestamps, and time does not run backwards (openai/whisper, ``decoding.py``).

    Timestamps come in pairs: one ends a piece of text, the next begins another; only the end of all text follows a
    single one. They never fall, and a piece lasts longer than nothing. The first id is one, not later than ``latest``.
    Where all timestamps together are likelier than the likeliest text, one of them is taken.

    Args:
        first: the id of 0.00 s; all ids from it on are timestamps.
        eot: the id that ends the text; smaller ids are text.
        latest: how many steps after 0.00 s the first timestamp may be; None for no limit.
        never: ids that no timestamped text holds, such as the one that says that there are none.
    """

    first: int
    eot: int
    latest: int | None = None
    never: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        whole("first", self.first)
        whole("eot", self.eot, 0)
        if self.latest is not None:
            whole("latest", self.latest, 0)
        _check_ids("TimestampRules", self.never)

    def __call__(self, logits: Tensor, ids: Tensor) -> Tensor:
        """(B, K) -> (B, K)."""
        logits = logits.clone()
        logits[:, list(self.never)] = -math.inf
        text, stamps = logits[:, : self.first], logits[:, self.first :]
        if not ids.shape[1]:
            text.fill_(-math.inf)
            if self.latest is not None:
                stamps[:, self.latest + 1 :] = -math.inf
            return logits
        last = ids[:, -1] >= self.first
        before = ids[:, -2] >= self.first if ids.shape[1] > 1 else torch.ones_like(last)
        stamps.masked_fill_((last & before)[:, None], -math.inf)
        logits[:, : self.eot].masked_fill_((last & ~before)[:, None], -math.inf)
        # The next timestamp is later than the last one, but for the one that begins where that ended.
        least = ids.amax(1) - self.first + (~(last & ~before)).long()
        least = torch.where(ids.amax(1) >= self.first, least, 0)
        stamps.masked_fill_(torch.arange(stamps.shape[1], device=ids.device) < least[:, None], -math.inf)
        text.masked_fill_((stamps.logsumexp(-1) > text.amax(-1))[:, None], -math.inf)
        return logits


class Likelihood:
    """Changes nothing and adds up the log-probability of what is chosen: the last rule, for one decoding.

    Args:
        eos: the id that ends a sequence; what follows it does not count.
    """

    def __init__(self, eos: int) -> None:
        whole("eos", eos, 0)
        self.eos = eos
        self._total: Tensor | None = None
        self._last: Tensor | None = None

    def __call__(self, logits: Tensor, ids: Tensor) -> Tensor:
        """(B, K) -> (B, K)."""
        self._total = self.of(ids)
        self._last = logits.log_softmax(-1)
        return logits

    def of(self, ids: Tensor) -> Tensor:
        """Nats (B,) of all ids (B, n) that were added, that of the end included."""
        if self._last is None or self._total is None:
            return torch.zeros(len(ids), device=ids.device)
        gone = ids[:, -2] == self.eos if ids.shape[1] > 1 else torch.zeros_like(ids[:, -1], dtype=torch.bool)
        return self._total + self._last.gather(1, ids[:, -1:])[:, 0].masked_fill(gone, 0.0)
