"""Exercises of chapter 7: the shifted input, the causal mask, temperature and top-k, bits per pixel, a bigram table."""

# ruff: noqa: N806  (B, N, K are the letters of the field)
from __future__ import annotations

import itertools
import math

import torch
import torch.nn.functional as F
from torch import Tensor

from mmcourse.exercises.core import Case, Exercise, register


def shift(codes: Tensor, start: int) -> Tensor:
    """What the decoder reads: the start symbol, then all codes but the last, (B, N) -> (B, N)."""
    return torch.cat([torch.full_like(codes[:, :1], start), codes[:, :-1]], dim=1)


def causal_weights(scores: Tensor) -> Tensor:
    """Softmax over the places that each place may read, (..., N, N) -> (..., N, N)."""
    N = scores.shape[-1]
    later = torch.ones(N, N, dtype=torch.bool).triu(1)
    return scores.masked_fill(later, float("-inf")).softmax(-1)


def probabilities(logits: Tensor, temperature: float, k: int) -> Tensor:
    """Probabilities of the next token under temperature and top-k, (B, K) -> (B, K)."""
    logits = logits / temperature
    kth = logits.topk(k).values[:, -1:]
    return logits.masked_fill(logits < kth, float("-inf")).softmax(-1)


def bits_per_pixel(logits: Tensor, codes: Tensor) -> Tensor:
    """Mean cost of a pixel of each picture in bits: logits (B, N, K), codes (B, N) -> (B,)."""
    chosen = logits.log_softmax(-1).gather(-1, codes[..., None])
    return -chosen.squeeze(-1).mean(1) / math.log(2)


def left_table(codes: Tensor, k: int) -> Tensor:
    """p(colour | the colour before it), counted with 1 added to every count, (B, N) -> (k, k)."""
    counts = torch.ones(k, k)
    before, after = codes[:, :-1].flatten(), codes[:, 1:].flatten()
    counts.index_put_((before, after), torch.ones(len(before)), accumulate=True)
    return counts / counts.sum(1, keepdim=True)


def _pictures(g: torch.Generator) -> list[Case]:
    return [(torch.randint(k, (b, n), generator=g), k) for b, n, k in ((1, 4, 3), (2, 9, 5), (3, 16, 8))]


def _scores(g: torch.Generator) -> list[Case]:
    return [(2 * torch.randn(*shape, generator=g),) for shape in ((3, 3), (2, 5, 5), (2, 4, 6, 6))]


def _logits(g: torch.Generator) -> list[Case]:
    cases = ((1, 5, 1.0, 2), (3, 8, 0.5, 3), (2, 6, 2.0, 6), (2, 9, 0.7, 1))
    return [(3 * torch.randn(b, n, generator=g), t, k) for b, n, t, k in cases]


def _said(g: torch.Generator) -> list[Case]:
    return [
        (2 * torch.randn(b, n, k, generator=g), torch.randint(k, (b, n), generator=g))
        for b, n, k in ((1, 4, 3), (2, 9, 5), (3, 16, 8))
    ]


def _in_rows(codes: Tensor, k: int) -> Tensor:
    counts = torch.ones(k, k)
    before, after = codes.flatten()[:-1], codes.flatten()[1:]
    counts.index_put_((before, after), torch.ones(len(before)), accumulate=True)
    return counts / counts.sum(1, keepdim=True)


def _count(codes: Tensor, k: int, add: float = 1.0, turned: bool = False, share: int | None = 1) -> Tensor:
    counts = torch.full((k, k), add)
    for row in codes.tolist():
        for a, b in itertools.pairwise(row):
            counts[(b, a) if turned else (a, b)] += 1
    if share is None:
        return counts / counts.sum()
    return counts / counts.sum(share, keepdim=True)


register(
    Exercise(
        id="07.shift",
        title="What the decoder reads",
        chapter=7,
        difficulty=1,
        importance=3,
        minutes=4,
        question=(
            "Write `shift(codes, start)`: from codes (B, N) the input of the decoder, (B, N): the number `start` "
            "first, then every code except the last, so that place i reads only what came before it."
        ),
        reference=shift,
        wrong={
            "this is the picture itself: place i would read the colour that it has to name": lambda codes, start: codes,
            "this is one place too long: the last code is never read": lambda codes, start: F.pad(
                codes, (1, 0), value=start
            ),
            "this moved to the left: place i then reads the future; move to the right": lambda codes, start: F.pad(
                codes[:, 1:], (0, 1), value=start
            ),
            "the last code came round to the front: the first place reads `start`": lambda codes, start: codes.roll(
                1, dims=1
            ),
        },
        cases=_pictures,
        shape="(B, N)",
        hints=[
            "Place 1 has nothing before it. What does it read?",
            "torch.cat of a column of `start` and codes[:, :-1], along dim=1.",
        ],
    )
)

register(
    Exercise(
        id="07.mask",
        title="Nobody reads the future",
        chapter=7,
        difficulty=2,
        importance=3,
        minutes=8,
        question=(
            "Write `causal_weights(scores)`: for scores (..., N, N), row = the place that asks, the attention "
            "weights of a decoder: each row a softmax over its own and earlier places, exactly 0 for later ones."
        ),
        reference=causal_weights,
        wrong={
            "later places have weight: set their scores to minus infinity before the softmax": (
                lambda scores: scores.softmax(-1)
            ),
            "the rows do not sum to 1: the mask belongs before the softmax, not after it": (
                lambda scores: scores.softmax(-1).tril()
            ),
            "a place may not read itself here: only what is above the diagonal is masked, triu(1)": (
                lambda scores: scores.masked_fill(
                    torch.ones(scores.shape[-2:], dtype=torch.bool).triu(0), -1e9
                ).softmax(-1)
            ),
            "this masks the past: rows ask, columns are read, so later places lie above the diagonal": (
                lambda scores: scores.masked_fill(
                    torch.ones(scores.shape[-2:], dtype=torch.bool).tril(-1), -1e9
                ).softmax(-1)
            ),
            "a score of 0 is not nothing, exp(0) = 1: use minus infinity": lambda scores: scores.tril().softmax(-1),
            "the columns sum to 1, not the rows: the softmax goes over the places that are read, the last axis": (
                lambda scores: scores.masked_fill(
                    torch.ones(scores.shape[-2:], dtype=torch.bool).triu(1), -1e9
                ).softmax(-2)
            ),
        },
        cases=_scores,
        shape="(..., N, N)",
        hints=[
            "A weight of 0 after the softmax needs a score of minus infinity before it.",
            "torch.ones(N, N, dtype=torch.bool).triu(1) is True above the diagonal: masked_fill there.",
        ],
    )
)

register(
    Exercise(
        id="07.temperature",
        title="Temperature and top-k",
        chapter=7,
        difficulty=2,
        importance=2,
        minutes=8,
        question=(
            "Write `probabilities(logits, temperature, k)`: for logits (B, K) the probabilities from which the next "
            "colour is drawn: divide by the temperature, keep the k largest logits of each row, softmax. All others "
            "get exactly 0."
        ),
        reference=probabilities,
        wrong={
            "the logits were multiplied by the temperature: divide, so that heat makes them more alike": (
                lambda logits, t, k: probabilities(logits * t * t, t, k)
            ),
            "the temperature was left out": lambda logits, t, k: probabilities(logits, 1.0, k),
            "all colours were kept: everything below the k-th largest logit becomes minus infinity": (
                lambda logits, t, k: (logits / t).softmax(-1)
            ),
            "the rows do not sum to 1: cut off before the softmax, not after it": (
                lambda logits, t, k: (logits / t).softmax(-1) * (logits >= logits.topk(k).values[:, -1:])
            ),
            "one colour too many was kept: those below the k-th largest go, the k-th stays": (
                lambda logits, t, k: probabilities(logits, t, min(k + 1, logits.shape[1]))
            ),
            "the k largest of the whole batch were kept: each row has its own k": (
                lambda logits, t, k: (
                    (logits / t).masked_fill(logits < logits.flatten().topk(k).values[-1], -1e9).softmax(-1)
                )
            ),
        },
        cases=_logits,
        shape="(B, K)",
        hints=[
            "First the temperature, then top-k, then the softmax: what is cut off must not take part in the sum.",
            "logits.topk(k).values[:, -1:] is each row's k-th largest; everything below it becomes -inf.",
        ],
    )
)

register(
    Exercise(
        id="07.bits",
        title="Bits per pixel",
        chapter=7,
        difficulty=2,
        importance=3,
        minutes=8,
        question=(
            "Write `bits_per_pixel(logits, codes)`: for logits (B, N, K) and the colours (B, N) that they should "
            "have named, the mean cost of a pixel of each picture in bits, (B,)."
        ),
        reference=bits_per_pixel,
        wrong={
            "these are nats: divide by ln 2 for bits": (
                lambda logits, codes: bits_per_pixel(logits, codes) * math.log(2)
            ),
            "this is the cost of the whole picture: take the mean over its pixels": (
                lambda logits, codes: bits_per_pixel(logits, codes) * codes.shape[1]
            ),
            "the sign is wrong: a log-probability is negative, a cost is not": (
                lambda logits, codes: -bits_per_pixel(logits, codes)
            ),
            "logits are no log-probabilities: log_softmax over the colours first": (
                lambda logits, codes: -logits.gather(-1, codes[..., None]).squeeze(-1).mean(1) / math.log(2)
            ),
            "this was divided by the number of colours: a pixel has one colour": (
                lambda logits, codes: bits_per_pixel(logits, codes) / logits.shape[-1]
            ),
        },
        cases=_said,
        shape="(B,)",
        hints=[
            "Log-probabilities come from log_softmax; gather picks those of the true colours.",
            "Minus the mean, divided by ln 2.",
        ],
    )
)

register(
    Exercise(
        id="07.left",
        title="The rival: the pixel to the left",
        chapter=7,
        difficulty=2,
        importance=2,
        minutes=10,
        question=(
            "Write `left_table(codes, k)`: from pictures (B, N) in raster order the table (k, k) whose row a holds "
            "the probabilities of the colour that follows colour a. Count within each picture, and add 1 to every "
            "count, so that nothing is impossible."
        ),
        reference=left_table,
        wrong={
            "a pair reaches from the end of one picture into the next: count within each picture": _in_rows,
            "rows and columns are exchanged: row = the colour before, column = the colour that follows": (
                lambda codes, k: _count(codes, k, turned=True)
            ),
            "1 was not added to every count: what was never seen would be impossible": lambda codes, k: _count(
                codes, k, add=1e-9
            ),
            "the columns sum to 1: each row is one distribution": lambda codes, k: _count(codes, k, share=0),
            "the whole table sums to 1: these are pairs, divide each row by its own sum": lambda codes, k: _count(
                codes, k, share=None
            ),
        },
        cases=_pictures,
        shape="(k, k)",
        hints=[
            "Pairs are (codes[:, :-1], codes[:, 1:]): no pair reaches from one picture into the next.",
            "Start from torch.ones(k, k), count with index_put_(..., accumulate=True), divide each row by its sum.",
        ],
    )
)
