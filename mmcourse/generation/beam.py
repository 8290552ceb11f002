"""Beam search with a pool of finished sequences. Derived in :ref:`sec-07-sampling`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from mmcourse.checks import real, whole
from mmcourse.generation.decoding import Decodes, Reader
from mmcourse.generation.filters import LogitFilter


class Beams(NamedTuple):
    """What a beam search has found.

    Attributes:
        ids: (B, n), the best sequence of each row, what was added to its prefix; filled with ``eos`` after its end.
        scores: (B,), its log-probability in nats, that of ``eos`` included, divided by the length penalty.
    """

    ids: Tensor
    scores: Tensor


def penalty(length: int, length_penalty: float | None) -> float:
    """What a log-probability is divided by: ((5 + n) / 6)^alpha (Wu et al., 2016, equation 14), or n for None."""
    return max(1, length) if length_penalty is None else ((5 + length) / 6) ** length_penalty


class Hypothesis(NamedTuple):
    """One sequence that was found: its ids without ``eos``, its log-probability, and whether it has ended."""

    ids: Tensor
    score: float
    ended: bool


@torch.no_grad()
def beam_search(
    model: Decodes,
    prefix: Tensor | Sequence[Tensor],
    max_new_tokens: int,
    *,
    condition: Any = None,
    unconditional: Any = None,
    guidance: float | None = None,
    filters: Sequence[LogitFilter] = (),
    eos: int | None = None,
    beams: int = 4,
    length_penalty: float | None = 0.0,
    patience: float = 1.0,
) -> Beams:
    """Keep the likeliest beginnings instead of one (Sutskever et al., 2014, section 3.2).

    A beginning that ends goes into its row's pool and its place to the next best, so that a short sequence crowds out
    no longer one; a row is done when its pool holds ``patience`` times ``beams`` (Kasai et al., 2022), as in
    openai/whisper. The best of pool and beams by penalised score is kept.

    Args:
        model, prefix, max_new_tokens, condition, unconditional, guidance, filters: as in
            :func:`~mmcourse.generation.generate`.
        eos: the id that ends a sequence; None where all have the same length.
        beams: beginnings that are kept of each row; 1 is greedy.
        length_penalty: alpha of :func:`penalty`; above 0 favours longer sequences, None divides by the length.
        patience: how many finished sequences to wait for, as a multiple of ``beams``.

    Raises:
        ValueError: a setting that makes no sense, or logits that are not finite.
    """
    whole("beams", beams)
    whole("max_new_tokens", max_new_tokens)
    if length_penalty is not None:
        real("length_penalty", length_penalty, -math.inf, above=True)
    real("patience", patience, above=True)
    reader = Reader(
        model,
        prefix,
        max_new_tokens,
        condition=condition,
        unconditional=unconditional,
        guidance=guidance,
        filters=filters,
        eos=eos,
    )
    batch, fill = reader.rows, -1 if eos is None else eos
    wanted = max(1, round(beams * patience))
    pools: list[list[Hypothesis]] = [[] for _ in range(batch)]
    going = list(range(batch))  # rows whose pools are not full; the others are done, whatever their neighbours do
    score = torch.zeros(batch, 1)
    for _ in range(max_new_tokens):
        step = reader.logits().log_softmax(-1)
        total = (score.to(step)[..., None] + step.unflatten(0, score.shape)).flatten(1)  # (B, beams K)
        # A beam ends in one way only, so that among twice as many as are kept enough go on.
        total = F.pad(total, (0, max(0, 2 * beams - total.shape[1])), value=-math.inf)
        value, index = total.topk(2 * beams)
        origin, drawn = (index // step.shape[-1]).clamp(max=score.shape[1] - 1), index % step.shape[-1]
        ends = drawn == fill
        in_time = ends & ((~ends).cumsum(1) < beams) & value.isfinite()
        for row, place in in_time.nonzero().tolist():
            if row in going and len(pools[row]) < wanted:
                ids = reader.added[row * score.shape[1] + int(origin[row, place])]
                pools[row].append(Hypothesis(ids, float(value[row, place]), True))
        kept = ends.long().argsort(dim=1, stable=True)[:, :beams]  # in order, and what ends behind them all
        if reader.length == 0:
            reader.repeat(beams)  # all beams begin with the same prefix, which was read once
        reader.reorder(origin.gather(1, kept))
        reader.add(drawn.gather(1, kept).flatten())
        score = value.gather(1, kept).masked_fill(ends.gather(1, kept), -math.inf)
        for row in going:
            if len(pools[row]) >= wanted or reader.length == max_new_tokens:
                rest = zip(reader.added.unflatten(0, score.shape)[row], score[row].tolist(), strict=True)
                pools[row] += [Hypothesis(*pair, False) for pair in rest][: max(0, beams - len(pools[row]))]
        going = [row for row in going if len(pools[row]) < wanted]
        if not going:
            break
    scores = [[h.score / penalty(len(h.ids), length_penalty) for h in pool] for pool in pools]
    best = [pool[max(range(len(pool)), key=of.__getitem__)] for pool, of in zip(pools, scores, strict=True)]
    ids = reader.ids.new_full((batch, max(len(h.ids) + h.ended for h in best)), fill)
    for row, h in zip(ids, best, strict=True):
        row[: len(h.ids)] = h.ids
    return Beams(ids, torch.tensor([max(of) for of in scores], device=ids.device))
