"""Exercises of chapter 6: nearest colour, one step of k-means, rate, distortion, straight-through, perplexity."""

# ruff: noqa: N803  (N, C, K, B are the letters of the field)
from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from mmcourse.exercises.core import Case, Exercise, Verdict, compare, register


def nearest(points: Tensor, centres: Tensor) -> Tensor:
    """Index of the nearest centre: (B, N, C) and (k, C) -> (B, N) int64."""
    distance = (points[:, :, None] - centres).square().sum(-1)  # (B, N, k)
    return distance.argmin(-1)


def move(points: Tensor, codes: Tensor, centres: Tensor) -> Tensor:
    """Each centre to the mean of its points; one without points stays: (M, C), (M,), (k, C) -> (k, C)."""
    moved = centres.clone()
    for j in range(len(centres)):
        mine = points[codes == j]
        if len(mine):
            moved[j] = mine.mean(0)
    return moved


def rate(height: int, width: int, k: int) -> float:
    """Bits per pixel: an index of whole bits for each pixel, and k colours of 24 bits once."""
    return (height * width * math.ceil(math.log2(k)) + 24 * k) / (height * width)


def psnr(images: Tensor, originals: Tensor) -> Tensor:
    """Decibels of each picture: (B, C, H, W) bytes twice -> (B,)."""
    error = (images.float() - originals.float()).square().flatten(1).mean(1)
    return 10 * torch.log10(255**2 / error)


def straight_through(z: Tensor, codebook: Tensor) -> Tensor:
    """The nearest code of each vector, with the gradient of the vector itself: (N, d) and (K, d) -> (N, d)."""
    found = codebook[torch.cdist(z, codebook).argmin(1)]
    return z + (found - z).detach()


def perplexity(codes: Tensor, K: int) -> float:
    """exp of the entropy of the codes, in nats."""
    share = torch.bincount(codes, minlength=K).double() / len(codes)
    share = share[share > 0]
    return float((-share * share.log()).sum().exp())


NO_GRADIENT = (
    "the values are right, but no gradient reaches z: argmin has none. Add to z what is missing, and detach that: "
    "z + (code - z).detach()"
)
DETACHED = "the values are right, but z itself was detached: only the difference (code - z) may be"


def straight_grader(exercise: Exercise, answer: Any) -> Verdict:
    """Compare the values, then ask what gradient arrives at z."""
    verdict = compare(exercise, answer)
    if not verdict.passed:
        return verdict
    for z, codebook in exercise.inputs():
        start = z.clone().requires_grad_()
        book = codebook.clone().requires_grad_()
        out = answer(start, book)
        upstream = torch.arange(1.0, out.numel() + 1).view_as(out)
        if not out.requires_grad:
            return Verdict(False, DETACHED)
        arrived = torch.autograd.grad((out * upstream).sum(), start, allow_unused=True)[0]
        if arrived is None or not torch.allclose(arrived, upstream, rtol=1e-4):
            return Verdict(False, NO_GRADIENT)
    return verdict


def _batches(g: torch.Generator) -> list[Case]:
    sizes = ((2, 6, 3, 2), (1, 20, 3, 5), (3, 9, 1, 4), (2, 30, 2, 8))
    return [(torch.rand(b, n, c, generator=g), 3 * torch.rand(k, c, generator=g)) for b, n, c, k in sizes]


def _clouds(g: torch.Generator) -> list[Case]:
    sizes = ((6, 3, 2), (20, 3, 5), (9, 1, 4), (30, 2, 8))
    return [(torch.rand(m, c, generator=g), 3 * torch.rand(k, c, generator=g)) for m, c, k in sizes]


def _assigned(g: torch.Generator) -> list[Case]:
    cases: list[Case] = []
    for m, c, k in ((12, 3, 3), (20, 2, 6), (5, 3, 8)):  # the last leaves centres without points
        points, centres = torch.rand(m, c, generator=g), torch.rand(k, c, generator=g)
        cases.append((points, nearest(points[None], centres)[0], centres))
    return cases


def _pairs(g: torch.Generator) -> list[Case]:
    sizes = ((1, 3, 4, 4), (3, 1, 5, 2), (2, 3, 8, 6))
    return [(torch.randint(0, 256, s, generator=g).byte(), torch.randint(0, 256, s, generator=g).byte()) for s in sizes]


def _codes(g: torch.Generator) -> list[Case]:
    return [(torch.randint(0, high, (n,), generator=g), k) for n, high, k in ((50, 4, 4), (200, 10, 16), (30, 1, 8))]


def _mean_or_nan(points: Tensor, codes: Tensor, centres: Tensor) -> Tensor:
    return torch.stack([points[codes == j].sum(0) / (codes == j).sum() for j in range(len(centres))])


def _to_zero(points: Tensor, codes: Tensor, centres: Tensor) -> Tensor:
    return torch.stack([points[codes == j].sum(0) / max(1, int((codes == j).sum())) for j in range(len(centres))])


def _over_all(points: Tensor, codes: Tensor, centres: Tensor) -> Tensor:
    total = torch.stack([points[codes == j].sum(0) / len(points) for j in range(len(centres))])
    return torch.where((codes.bincount(minlength=len(centres)) > 0)[:, None], total, centres)


def _error(a: Tensor, b: Tensor) -> Tensor:
    return (a.float() - b.float()).square().flatten(1)


def _entropy(codes: Tensor, K: int) -> float:
    return math.log(perplexity(codes, K))


register(
    Exercise(
        id="06.nearest",
        title="The nearest colour",
        chapter=6,
        difficulty=1,
        importance=3,
        minutes=5,
        question="Write `nearest(points, centres)`: for points (B, N, C), such as the pixels of B pictures, and "
        "centres (k, C) the index of the nearest centre of each point, (B, N) int64.",
        reference=nearest,
        wrong={
            "that is the farthest centre: take argmin of the distance, not argmax": lambda points, centres: torch.cdist(
                points, centres
            ).argmax(-1),
            "the largest dot product is not the smallest distance: a long centre wins too often. Subtract half of "
            "its squared length": lambda points, centres: (points @ centres.T).argmax(-1),
            "one index for each point was asked for, this is one for each centre: the minimum goes over the k "
            "centres": lambda points, centres: torch.cdist(points, centres).argmin(1),
        },
        cases=_batches,
        shape="(B, N)",
        hints=(
            "Make a table (B, N, k) of squared distances first: points[:, :, None] - centres.",
            "Sum the squares over the colour axis, then argmin over the axis of the centres.",
        ),
    ),
    Exercise(
        id="06.move",
        title="Move the centres",
        chapter=6,
        difficulty=2,
        importance=3,
        minutes=10,
        question="Write `move(points, codes, centres)`: the second half of a step of k-means. Each of the k centres "
        "goes to the mean of the points whose code is its index; a centre without points stays where it is.",
        reference=move,
        wrong={
            "a centre without points became 0/0 = NaN: leave it where it was": _mean_or_nan,
            "a centre without points went to zero, which is black: leave it where it was": _to_zero,
            "divide by the number of points of this centre, not by the number of all points": _over_all,
            "the centres did not move: each goes to the mean of its points": lambda points, codes, centres: (
                centres.clone()
            ),
        },
        cases=_assigned,
        shape="(k, C)",
        hints=(
            "`points[codes == j]` are the points of centre j.",
            "Start from `centres.clone()` and fill in the means of those that have points.",
        ),
    ),
    Exercise(
        id="06.rate",
        title="What a palette costs",
        chapter=6,
        difficulty=1,
        importance=2,
        minutes=5,
        question="Write `rate(height, width, k)`: bits per pixel, a float, of a file that stores an index of whole "
        "bits for each pixel and, once, k colours of 3 bytes.",
        reference=rate,
        wrong={
            "the reader needs the palette too: 24 bits for each of the k colours, once": lambda height, width, k: float(
                math.ceil(math.log2(k))
            ),
            "bits come whole: 5 colours need 3 bits, so round log2(k) up": lambda height, width, k: (
                math.log2(k) + 24 * k / (height * width)
            ),
            "k symbols need log2(k) bits, not k bits": lambda height, width, k: k + 24 * k / (height * width),
            "a byte has 8 bits: three bytes are 24": lambda height, width, k: (
                math.ceil(math.log2(k)) + 3 * k / (height * width)
            ),
            "that is the whole file: divide by the number of pixels": lambda height, width, k: float(
                height * width * math.ceil(math.log2(k)) + 24 * k
            ),
        },
        cases=lambda g: [(32, 32, 512), (32, 32, 2), (64, 48, 5), (128, 128, 100)],
        hints=("How many different values have b bits?", "ceil(log2 k) bits a pixel, plus 24 k bits over all pixels."),
    ),
    Exercise(
        id="06.psnr",
        title="Distortion in decibels",
        chapter=6,
        difficulty=2,
        importance=2,
        minutes=5,
        question="Write `psnr(images, originals)`: the peak signal-to-noise ratio of each picture in decibels, (B,), "
        "for pictures (B, C, H, W) of bytes (uint8, 0 to 255).",
        reference=psnr,
        wrong={
            "bytes wrap round: 3 - 5 is 254 in uint8. Convert both to float first": (
                lambda a, b: 10 * torch.log10(255**2 / (a - b).float().square().flatten(1).mean(1))
            ),
            "decibels are tens of a logarithm to base 10, torch.log is natural: use log10": (
                lambda a, b: 10 * torch.log(255**2 / _error(a, b).mean(1))
            ),
            "the mean, not the sum: otherwise a larger picture is always a worse one": (
                lambda a, b: 10 * torch.log10(255**2 / _error(a, b).sum(1))
            ),
            "one number for each picture: take the mean over C, H and W, not over the batch": (
                lambda a, b: 10 * torch.log10(255**2 / _error(a, b).mean()).expand(len(a))
            ),
            "the peak of a byte is 255, not 1": lambda a, b: 10 * torch.log10(1 / _error(a, b).mean(1)),
            "20 log10 belongs to the root of the squared error: with the square itself it is 10 log10": (
                lambda a, b: 20 * torch.log10(255**2 / _error(a, b).mean(1))
            ),
        },
        cases=_pairs,
        shape="(B,)",
        hints=("Mean squared error of each picture first: flatten(1).mean(1).", "10 log10(255² / error)."),
    ),
    Exercise(
        id="06.straight-through",
        title="A gradient past the argmin",
        chapter=6,
        difficulty=3,
        importance=3,
        minutes=10,
        question="Write `straight_through(z, codebook)`: each of the vectors (N, d) replaced by its nearest code of "
        "(K, d), so that in the backward pass the gradient goes to `z` as if nothing had been replaced. The checker "
        "looks at the gradient too.",
        reference=straight_through,
        wrong={
            NO_GRADIENT: lambda z, codebook: codebook[torch.cdist(z, codebook).argmin(1)],
            DETACHED: lambda z, codebook: (
                z.detach() + (codebook[torch.cdist(z, codebook).argmin(1)] - z.detach()).detach()
            ),
            "the vectors came back as they were: forward must give the codes, only backward pretends": (
                lambda z, codebook: z.clone()
            ),
        },
        cases=_clouds,
        shape="(N, d)",
        hints=(
            "Forward: codebook[nearest]. Backward: the identity in z.",
            "Write the code as z plus a difference, and let no gradient through the difference.",
        ),
        grader=straight_grader,
    ),
    Exercise(
        id="06.perplexity",
        title="How many codes are really used",
        chapter=6,
        difficulty=2,
        importance=2,
        minutes=8,
        question="Write `perplexity(codes, K)`: exp of the entropy (in nats) of the codes (N,) of a codebook of K, as "
        "a float. Codes that never occur add nothing.",
        reference=perplexity,
        wrong={
            "those are counts, not shares: divide by N, so that they sum to 1": lambda codes, K: float(
                torch.special.entr(torch.bincount(codes, minlength=K).double()).sum().exp()
            ),
            "that counts every code that occurs as much as the most frequent one: weigh them by their share": (
                lambda codes, K: float(len(codes.unique()))
            ),
            "that is the entropy: perplexity is exp of it, a number of codes": _entropy,
            "the entropy is in nats: raise e to it, not 2": lambda codes, K: float(2 ** _entropy(codes, K)),
        },
        cases=_codes,
        hints=("Shares first: bincount / N. They sum to 1.", "exp(-sum p log p), over the codes with p > 0."),
    ),
)
