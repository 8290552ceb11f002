"""Exercises of chapter 7: the shifted input, the causal mask, temperature and top-k, bits per pixel, a bigram table."""

# ruff: noqa: N806  (B, N, K are the letters of the field)
from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from mmcourse.exercises.core import Exercise, register
from mmcourse.exercises.running import Case


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


def _masked(
    scores: Tensor,
    *,
    unmasked: bool = False,
    after: bool = False,
    strict: bool = False,
    past: bool = False,
    zeros: bool = False,
    minus_one: bool = False,
    over_columns: bool = False,
    loose: bool = False,
    bare: bool = False,
    masked_scores: bool = False,
    uniform: bool = False,
    sum_only: bool = False,
    exp_only: bool = False,
    all_at_once: bool = False,
) -> Tensor:
    """Causal weights with a choice of mistakes."""
    ones = torch.ones(scores.shape[-2:], dtype=torch.bool)
    diagonal = 0 if strict else 2 if loose else 1
    gone = ones.tril(-diagonal) if past else ones.triu(diagonal)
    gone = torch.zeros_like(gone) if unmasked else gone
    scores = torch.zeros_like(scores) if uniform else scores
    axis = -2 if over_columns else -1
    if after:
        return scores.softmax(axis).masked_fill(gone, 0.0)
    if bare or sum_only:
        kept = scores.masked_fill(gone, 0.0)
        return kept if bare else kept / kept.sum(axis, keepdim=True)
    scores = scores.masked_fill(gone, 0.0 if zeros else -1.0 if minus_one else -math.inf)
    if masked_scores or exp_only:
        return scores if masked_scores else scores.exp()
    return scores.flatten(-2).softmax(-1).view_as(scores) if all_at_once else scores.softmax(axis)


def _drawn(
    logits: Tensor,
    temperature: float,
    k: int,
    *,
    multiplied: bool = False,
    cold: bool = False,
    all_kept: bool = False,
    after: bool = False,
    one_more: bool = False,
    one_less: bool = False,
    whole_batch: bool = False,
    smallest: bool = False,
    zeros: bool = False,
    late: bool = False,
    greedy: bool = False,
    bare: bool = False,
    over_batch: bool = False,
    uniform: bool = False,
    logarithm: bool = False,
) -> Tensor:
    """Probabilities of the next colour with a choice of mistakes."""
    warm = logits if cold or late else logits * temperature if multiplied else logits / temperature
    kept = min(k + 1, logits.shape[1]) if one_more else 1 if greedy else k
    if whole_batch:
        gone = warm < warm.flatten().topk(kept).values[-1]
    elif smallest:
        gone = warm > warm.topk(kept, largest=False).values[:, -1:]
    else:
        edge = warm.topk(kept).values[:, -1:]
        gone = warm <= edge if one_less else warm < edge
    gone = torch.zeros_like(gone) if all_kept else gone
    warm = torch.zeros_like(warm) if uniform else warm
    axis = 0 if over_batch else -1
    if after:
        out = warm.softmax(axis).masked_fill(gone, 0.0)
    else:
        out = warm.masked_fill(gone, 0.0 if zeros or bare else -math.inf)
        out = out if bare else out.log_softmax(axis) if logarithm else out.softmax(axis)
    return out / temperature if late else out


def _bits(
    logits: Tensor,
    codes: Tensor,
    *,
    nats: bool = False,
    times: bool = False,
    decimal: bool = False,
    no_logarithm: bool = False,
    total: bool = False,
    negative: bool = False,
    bare: bool = False,
    places: bool = False,
    colours: bool = False,
    entropy: bool = False,
    likely: bool = False,
    unlike: bool = False,
    before: bool = False,
    batch: bool = False,
    each: bool = False,
) -> Tensor:
    """Bits per pixel with a choice of mistakes."""
    said = logits if bare else logits.log_softmax(1 if places else -1)
    if entropy:
        cost = -(said.exp() * said).sum(-1)
    elif likely or unlike:
        cost = -said.amax(-1) if likely else -said.mean(-1)
    else:
        cost = -said.gather(-1, codes[..., None]).squeeze(-1)
    cost = (-cost).exp() if no_logarithm or before else cost
    unit = 1.0 if nats or no_logarithm else 1 / math.log(2) if times else math.log(10) if decimal else math.log(2)
    if each:
        return cost / unit
    mean = cost.mean(0) if batch else cost.sum(1) if total else cost.mean(1)
    mean = -mean.log() if before else mean
    return (-1 if negative else 1) * mean / unit / (logits.shape[-1] if colours else 1)


def _table(
    codes: Tensor,
    k: int,
    *,
    across: bool = False,
    turned: bool = False,
    no_ones: bool = False,
    other_ones: bool = False,
    late_ones: bool = False,
    columns: bool = False,
    whole: bool = False,
    counts: bool = False,
    no_keepdim: bool = False,
    duplicates: bool = False,
    two: bool = False,
    both: bool = False,
    softmax: bool = False,
    alone: bool = False,
    first: bool = False,
) -> Tensor:
    """The table of followers with a choice of mistakes."""
    codes = codes.reshape(1, -1) if across else codes[:1] if first else codes
    step = 2 if two else 1
    found = torch.zeros(k, k)
    before, after = codes[:, :-step].flatten(), codes[:, step:].flatten()
    found.index_put_((before, after), torch.ones(len(before)), accumulate=True)
    found = found.clamp(max=1) if duplicates else found
    found = found + found.T if both else found.T if turned else found
    found = codes.flatten().bincount(minlength=k).float().expand(k, k) if alone else found
    found = found if no_ones or late_ones else found + (0.1 if other_ones else 1.0)
    if counts:
        return found
    if softmax:
        return found.softmax(-1)
    if whole or no_keepdim:
        return found / (found.sum() if whole else found.sum(1))
    shares = found / found.sum(0 if columns else 1, keepdim=True)
    return shares.nan_to_num() + 1 if late_ones else shares


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
            "this is the picture itself: place i would read the colour that it has to name": (
                lambda codes, start: codes.clone()
            ),
            "this is one place too long: the last code is never read": lambda codes, start: F.pad(
                codes, (1, 0), value=start
            ),
            "this moved to the left: place i then reads the future; move to the right": (
                lambda codes, start: F.pad(codes[:, 1:], (0, 1), value=start),
                lambda codes, start: codes.roll(-1, dims=1),
            ),
            "the last code came round to the front: the first place reads `start`": lambda codes, start: codes.roll(
                1, dims=1
            ),
            "the codes did not move: the first one was replaced by `start` and is lost": lambda codes, start: torch.cat(
                [torch.full_like(codes[:, :1], start), codes[:, 1:]], dim=1
            ),
            "`start` stands at the end: the first place has nothing before it, so it reads `start`": (
                lambda codes, start: F.pad(codes[:, :-1], (0, 1), value=start)
            ),
            "the first place reads the number `start`, not another one": (
                lambda codes, start: F.pad(codes[:, :-1], (1, 0), value=0),
                lambda codes, start: F.pad(codes[:, :-1], (1, 0), value=-1),
                lambda codes, start: F.pad(codes[:, :-1], (1, 0), value=1),
                lambda codes, start: torch.cat([codes[:, :1], codes[:, :-1]], dim=1),
            ),
            "`start` is missing: it stands before the first code": lambda codes, start: codes[:, :-1],
            "this moved two places: place i reads what is directly before it": lambda codes, start: F.pad(
                codes[:, :-2], (2, 0), value=start
            ),
            "this moved from picture to picture: move along the places, axis 1": lambda codes, start: torch.cat(
                [torch.full_like(codes[:1], start), codes[:-1]]
            ),
            "`start` is put in front of the codes, not added to them": lambda codes, start: codes + start,
            "one code ran through the whole picture: each place must read the old code before it, so copy first": (
                lambda codes, start: torch.cat(
                    [torch.full_like(codes[:, :1], start), codes[:, :1].expand(-1, codes.shape[1] - 1)], dim=1
                ),
                lambda codes, start: torch.full_like(codes, start),
            ),
            "the pictures were joined: each starts with `start`": lambda codes, start: F.pad(
                codes.flatten()[:-1], (1, 0), value=start
            ).view_as(codes),
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
        family=_masked,
        switches={
            "unmasked": "later places have weight: set their scores to minus infinity before the softmax",
            "after": "the rows do not sum to 1: the mask belongs before the softmax, not after it",
            "strict": "a place may not read itself here: only what is above the diagonal is masked, triu(1)",
            "past": "this masks the past: rows ask, columns are read, so later places lie above the diagonal",
            "zeros": "a score of 0 is not nothing, exp(0) = 1: use minus infinity",
            "minus_one": "a score of -1 is not nothing, exp(-1) is 0.37: use minus infinity",
            "over_columns": "the columns sum to 1, not the rows: the softmax goes over the places that are read, the "
            "last axis",
            "loose": "each place reads one place of the future: only the diagonal and what is left of it may stay, "
            "triu(1)",
            "bare": "these are scores: a softmax turns each row into weights that sum to 1",
            "masked_scores": "the softmax is missing: these are masked scores",
            "uniform": "every earlier place has the same weight: the weights come from the scores",
            "sum_only": "the scores were divided by their sum: softmax takes exp first",
            "exp_only": "these are exp(score): divide each row by its sum",
            "all_at_once": "the softmax ran over the whole matrix: each row sums to 1",
        },
        wrong={},
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
        family=_drawn,
        switches={
            "multiplied": "the logits were multiplied by the temperature: divide, so that heat makes them more alike",
            "cold": "the temperature was left out",
            "all_kept": "all colours were kept: everything below the k-th largest logit becomes minus infinity",
            "after": "the rows do not sum to 1: cut off before the softmax, not after it",
            "one_more": "one colour too many was kept: those below the k-th largest go, the k-th stays",
            "one_less": "one colour too few was kept: the k-th largest itself stays",
            "whole_batch": "the k largest of the whole batch were kept: each row has its own k",
            "smallest": "the k smallest logits were kept: topk of the largest",
            "zeros": "a logit of 0 is not nothing, exp(0) = 1: use minus infinity",
            "late": "the temperature divides the logits, before the softmax, not the probabilities",
            "greedy": "that is the most likely colour alone: k of them share the probability",
            "bare": "the softmax is missing: these are logits",
            "over_batch": "the softmax ran over the batch: each row sums to 1",
            "uniform": "the k largest share the probability equally: it comes from their logits",
            "logarithm": "these are logarithms: softmax, not log_softmax",
        },
        wrong={
            "only k numbers are left in a row: all K stay in their places, the others get 0": (
                lambda logits, temperature, k: (logits / temperature).topk(k).values.softmax(-1)
            ),
            "these are indices: their probabilities are asked for, 0 for all others": (
                lambda logits, temperature, k: logits.topk(k).indices
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
        family=_bits,
        switches={
            "nats": "these are nats: divide by ln 2 for bits",
            "times": "these are nats times ln 2: divide by ln 2 for bits",
            "decimal": "that is a logarithm to base 10: bits need base 2",
            "no_logarithm": "the logarithm is missing: a colour of probability p costs -log2 p bits",
            "total": "this is the cost of the whole picture: take the mean over its pixels",
            "negative": "the sign is wrong: a log-probability is negative, a cost is not",
            "bare": "logits are no log-probabilities: log_softmax over the colours first",
            "places": "the softmax ran over the places: it goes over the K colours, the last axis",
            "colours": "this was divided by the number of colours: a pixel has one colour",
            "entropy": "that is the entropy of what the model expects: the cost is that of the true colours, `codes`",
            "likely": "that is the cost of the most likely colour: the true one, `codes`, is asked for",
            "unlike": "all colours were averaged: the true one, `codes`, has to be picked",
            "before": "the mean comes after the logarithm: average -log2 p, not p",
            "batch": "one number for each picture: take the mean over the places, not over the batch",
            "each": "this is the cost of each pixel: take the mean over the places of a picture",
        },
        wrong={
            "one number for each picture: take the mean over the places, not over the batch": (
                lambda logits, codes: bits_per_pixel(logits, codes).mean()
            ),
            "that is how often the most likely colour is right: the cost is -log2 of the true one's probability": (
                lambda logits, codes: (logits.argmax(-1) == codes).float().mean(1)
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
        family=_table,
        switches={
            "across": "a pair reaches from the end of one picture into the next: count within each picture",
            "turned": "rows and columns are exchanged: row = the colour before, column = the colour that follows",
            "no_ones": "1 was not added to every count: what was never seen would be impossible",
            "other_ones": "1 is added to every count, not another number",
            "late_ones": "1 is added to the counts, before the rows are divided by their sums",
            "columns": "the columns sum to 1: each row is one distribution",
            "whole": "the whole table sums to 1: these are pairs, divide each row by its own sum",
            "counts": "these are counts: divide each row by its sum, so that it is a distribution",
            "no_keepdim": "keepdim=True is missing: each row is divided by its own sum, not each column",
            "duplicates": "pairs that occur several times were counted once: `t[a, b] += 1` writes once for each "
            "index; use index_put_ with accumulate=True, or a loop",
            "two": "this counts the pixel two to the left: the pair is (codes[:, :-1], codes[:, 1:])",
            "both": "pairs were counted in both directions: only the colour that follows counts",
            "softmax": "counts are divided by their sum, a softmax takes exp of them",
            "alone": "every row is the same: it must depend on the colour before",
            "first": "only the first picture was counted",
        },
        wrong={
            "every colour is as likely as any other: count the pairs": lambda codes, k: torch.full((k, k), 1 / k),
        },
        cases=_pictures,
        shape="(k, k)",
        hints=[
            "Pairs are (codes[:, :-1], codes[:, 1:]): no pair reaches from one picture into the next.",
            "Start from torch.ones(k, k), count with index_put_(..., accumulate=True), divide each row by its sum.",
        ],
    )
)
