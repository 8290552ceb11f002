"""What a model must offer to be sampled from, and how a sampler feeds it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

from mmcourse.cache import Cache
from mmcourse.checks import real, tensor, whole
from mmcourse.generation.filters import LogitFilter


class Decodes(Protocol):
    """A model that writes ids one after another. The id that starts a sequence is one like any other."""

    @property
    def vocab_size(self) -> int:
        """K, ids that it can write."""
        ...

    @property
    def context_length(self) -> int:
        """The most ids that it can read."""
        ...

    def check_ids(self, ids: Tensor) -> None:
        """Refuse, in one line, ids (B, n) that it cannot read."""
        ...

    def start(self, condition: Any = None, *, padding: Tensor | None = None) -> Cache:
        """A cache that holds the condition (a text, a sound, None) and no id yet.

        Args:
            condition: what the model is given beside the ids; B of them.
            padding: (B,) int64, how many ids in front of each row are only filling.
        """
        ...

    def step(self, ids: Tensor, cache: Cache) -> Tensor:
        """Read the next ids (B, n) and give, for each, logits (B, n, K) of the one after it."""
        ...


def join(prefix: Tensor | Sequence[Tensor]) -> tuple[Tensor, Tensor | None]:
    """Beginnings as one tensor (B, n), the shorter ones filled in front, and how many are filling (B,).

    Raises:
        ValueError: no beginning, or one that is not made of integers.
    """
    if not isinstance(prefix, Tensor | list | tuple):
        kind = type(prefix).__name__
        raise TypeError(f"the prefix is of type {kind}; give int64 ids (B, n), or a list of (n,) where lengths differ.")
    rows = [prefix] if isinstance(prefix, Tensor) else list(prefix)
    for row in rows:
        tensor("the prefix", row)
        if row.dtype != torch.long or row.dim() != (2 if isinstance(prefix, Tensor) else 1) or 0 in row.shape:
            raise ValueError(
                f"the prefix is {row.dtype} {tuple(row.shape)}; give int64 ids (B, n) with n of at least 1 (the id "
                "that starts a sequence), or a list of (n,) where lengths differ."
            )
    if not rows:
        raise ValueError("the prefix is an empty list; give at least one beginning.")
    if isinstance(prefix, Tensor):
        return prefix, None
    longest = max(len(row) for row in rows)
    padding = torch.tensor([longest - len(row) for row in rows], device=rows[0].device)
    return torch.stack([torch.cat([row[:1].expand(longest - len(row)), row]) for row in rows]), padding


class Reader:
    """Feeds ids to a model, keeps its cache, mixes in guidance, applies the rules and refuses what is no number.

    Args:
        model: gives the next id's logits.
        prefix: where each row begins, as in :func:`mmcourse.generation.generate`.
        max_new_tokens: how many ids will be added at most.
        condition: what the model is given beside the ids.
        unconditional: what it is given for guidance, for example an empty text.
        guidance: lambda in G(z) + lambda (G(z, c) - G(z)); None for no guidance (Ho & Salimans, 2022).
        filters: rules on the logits.
        eos: the id that ends a sequence.
        cached: False reads everything anew at every step, for comparison.
    """

    def __init__(
        self,
        model: Decodes,
        prefix: Tensor | Sequence[Tensor],
        max_new_tokens: int,
        *,
        condition: Any = None,
        unconditional: Any = None,
        guidance: float | None = None,
        filters: Sequence[LogitFilter] = (),
        eos: int | None = None,
        cached: bool = True,
    ) -> None:
        self.model, self.filters, self.guidance, self.cached = model, filters, guidance, cached
        self.prefix, self.padding = join(prefix)
        model.check_ids(self.prefix)
        rows, given = self.prefix.shape
        if given + max_new_tokens - 1 > model.context_length:
            raise ValueError(
                f"{given} ids and {max_new_tokens} more do not fit the {model.context_length} that the model can read; "
                f"add at most {max(0, model.context_length - given + 1)}."
            )
        if eos is not None:
            whole("eos", eos, 0)
        if eos is not None and eos >= model.vocab_size:
            raise ValueError(f"eos={eos} is outside the vocabulary; the model writes ids 0 to {model.vocab_size - 1}.")
        if guidance is not None:
            real("guidance", guidance, -math.inf, above=True)
        self.conditions = [condition] if guidance is None else [condition, unconditional]
        self.caches: list[Cache] = []
        self.rows = rows
        self.length = 0  # ids added so far
        self.ids = self.prefix.new_empty(rows, given + max_new_tokens)
        self.ids[:, :given] = self.prefix

    @property
    def added(self) -> Tensor:
        """The ids that were added so far, (rows, n)."""
        given = self.prefix.shape[1]
        return self.ids[:, given : given + self.length]

    def add(self, ids: Tensor) -> None:
        """Put one id (rows,) behind each row."""
        self.ids[:, self.prefix.shape[1] + self.length] = ids
        self.length += 1

    def logits(self) -> Tensor:
        """Logits (rows, K) of the next id, in at least float32, after guidance and rules.

        Raises:
            ValueError: NaN, infinity, or nothing left to choose.
        """
        end = self.prefix.shape[1] + self.length
        if not self.caches or not self.cached:
            self.caches = [self.model.start(condition, padding=self.padding) for condition in self.conditions]
        found = [self.model.step(self.ids[:, cache.length : end], cache)[:, -1] for cache in self.caches]
        logits = found[0] if self.guidance is None else found[1] + self.guidance * (found[0] - found[1])
        logits = logits.float() if logits.dtype in (torch.float16, torch.bfloat16) else logits
        self._refuse(logits, "the model gave", "look at its weights")
        for rule in self.filters:
            logits = rule(logits, self.added)
        if self.filters:
            self._refuse(logits, "the filters left", "at least one id must stay")
        return logits

    def _refuse(self, logits: Tensor, who: str, advice: str) -> None:
        largest = logits.amax(-1)  # NaN if one is, and -inf only if all are
        if not all(math.isfinite(limit) for limit in largest.aminmax()):
            kind = "NaN" if bool(largest.isnan().any()) else "infinity" if bool((largest > 0).any()) else "no choice"
            raise ValueError(f"{who} {kind} after {self.length} added ids; {advice}.")

    def repeat(self, beams: int) -> None:
        """Let each row become several, side by side."""
        for cache in self.caches:
            cache.repeat(beams)
        self.ids = self.ids.repeat_interleave(beams, 0)

    def reorder(self, origin: Tensor) -> None:
        """Let beam j of row i go on from beam ``origin[i, j]`` of that row: (B, beams) int64."""
        for cache in self.caches:
            cache.reorder(origin)
        first = torch.arange(len(origin), device=origin.device)[:, None] * origin.shape[1]
        self.ids = self.ids[(first + origin).flatten()]
