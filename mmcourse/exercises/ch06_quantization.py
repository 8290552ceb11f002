"""Exercises of chapter 6: nearest colour, one step of k-means, rate, distortion, straight-through, perplexity."""

# ruff: noqa: N803  (N, C, K, B are the letters of the field)
from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from mmcourse.exercises.core import Exercise, register
from mmcourse.exercises.running import Case, Function, attempt


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
TO_CODEBOOK = (
    "the values are right, but the codebook gets a gradient too: detach the whole difference, z + (code - z).detach()"
)
DETACHED = "the values are right, but z itself was detached: only the difference (code - z) may be"


def _gradient(answer: Function) -> str | None:
    """What is wrong with the gradients of an answer whose values are right."""

    def arrived(z: Tensor, codebook: Tensor) -> str:
        start, book = z.clone().requires_grad_(), codebook.clone().requires_grad_()
        out = answer(start, book)
        if not isinstance(out, Tensor):
            return "the values are right, but only a torch tensor carries a gradient: stay in torch"
        if not out.requires_grad:
            return DETACHED
        upstream = torch.arange(1.0, out.numel() + 1).view_as(out)
        to_z, to_book = torch.autograd.grad((out * upstream).sum(), (start, book), allow_unused=True)
        if to_z is None or not to_z.any():
            return NO_GRADIENT
        if to_book is not None and to_book.any():
            return TO_CODEBOOK
        if not torch.allclose(to_z, upstream.to(to_z.dtype), rtol=1e-4):
            return (
                "the values are right, but the gradient that reaches z is not the one that arrives: forward adds a "
                "detached difference to z itself, and nothing else"
            )
        return ""

    for outcome in attempt(arrived, _clouds(torch.Generator().manual_seed(0))):
        if outcome.error is not None:
            words = " ".join(str(outcome.error).split())[:160]
            return f"the values are right, but with gradients on it raised {type(outcome.error).__name__}: {words}"
        if outcome.value:
            return str(outcome.value)
    return None


def _batches(g: torch.Generator) -> list[Case]:
    sizes = ((2, 6, 3, 2), (1, 20, 3, 5), (3, 9, 1, 4), (2, 30, 2, 8), (2, 40, 3, 16))
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
    return [
        (torch.randint(0, high, (n,), generator=g), k)
        for n, high, k in ((50, 4, 4), (200, 10, 16), (30, 1, 8), (40, 6, 6))
    ]


def _error(a: Tensor, b: Tensor) -> Tensor:
    return (a.float() - b.float()).square().flatten(1)


def _moved(
    points: Tensor,
    codes: Tensor,
    centres: Tensor,
    *,
    nan: bool = False,
    zero: bool = False,
    everything: bool = False,
    total: bool = False,
    median: bool = False,
    middle: bool = False,
    half: bool = False,
    itself: bool = False,
    channels: bool = False,
    duplicates: bool = False,
    one_too_many: bool = False,
) -> Tensor:
    """Moved centres with a choice of mistakes."""
    moved = torch.zeros_like(centres) if zero else torch.full_like(centres, math.nan) if nan else centres.clone()
    for j in range(len(centres)):
        mine = points[codes == j]
        count = len(mine)
        if not count:
            continue
        mine = torch.cat([mine, centres[j : j + 1]]) if itself else mine[-1:] if duplicates else mine
        divisor = len(points) if everything else 1 if total else count + 1 if one_too_many or itself else count
        goal = mine.sum(0) / divisor
        if median or middle:
            goal = mine.median(0).values if median else (mine.amin(0) + mine.amax(0)) / 2
        goal = goal.mean().expand_as(goal) if channels else goal
        moved[j] = 0.5 * centres[j] + 0.5 * goal if half else goal
    return moved


def _rated(
    height: int,
    width: int,
    k: int,
    *,
    no_palette: bool = False,
    unrounded: bool = False,
    down: bool = False,
    nearest: bool = False,
    one_more: bool = False,
    natural: bool = False,
    decimal: bool = False,
    no_logarithm: bool = False,
    bytes: bool = False,
    channel: bool = False,
    alpha: bool = False,
    colour: bool = False,
    every: bool = False,
    side: bool = False,
    file: bool = False,
    in_bytes: bool = False,
    no_index: bool = False,
) -> float:
    """Bits per pixel with a choice of mistakes."""
    bits = float(k) if no_logarithm else math.log(k) if natural else math.log10(k) if decimal else math.log2(k)
    whole = bits if unrounded else math.floor(bits) if down else round(bits) if nearest else math.ceil(bits)
    whole = math.floor(bits) + 1 if one_more else 0 if no_index else whole
    size = 3 if bytes else 8 if channel else 32 if alpha else 24
    palette = 0 if no_palette else size * (1 if colour else k)
    pixels = height if side else height * width
    result = whole + (palette if every else palette / pixels)
    return result * pixels if file else result / 8 if in_bytes else result


def _decibels(
    images: Tensor,
    originals: Tensor,
    *,
    wrap: bool = False,
    natural: bool = False,
    base2: bool = False,
    total: bool = False,
    batch: bool = False,
    one: bool = False,
    more: bool = False,
    twenty: bool = False,
    bare: bool = False,
    root: bool = False,
    plain_peak: bool = False,
    absolute: bool = False,
    signed: bool = False,
    negative: bool = False,
    no_logarithm: bool = False,
    error: bool = False,
) -> Tensor:
    """Decibels with a choice of mistakes."""
    difference = (images - originals).float() if wrap else images.float() - originals.float()
    flat = difference.flatten(1)
    if signed:
        lost = flat.mean(1).square()
    elif absolute:
        lost = flat.abs().mean(1)
    elif wrap:
        lost = (images - originals).square().float().flatten(1).mean(1)
    else:
        lost = flat.square().sum(1) if total else flat.square().mean(1)
    lost = lost.mean().expand(len(images)) if batch else lost
    if error:
        return lost
    lost = lost.sqrt() if root else lost
    peak = 1.0 if one else 256.0 if more else 255.0
    ratio = (peak if plain_peak else peak**2) / lost
    if no_logarithm:
        return ratio
    level = ratio.log() if natural else ratio.log2() if base2 else ratio.log10()
    return (-1 if negative else 1) * (20 if twenty else 1 if bare else 10) * level


def _perplexed(
    codes: Tensor,
    K: int,
    *,
    counts: bool = False,
    by_codes: bool = False,
    entropy: bool = False,
    bits: bool = False,
    two: bool = False,
    mixed: bool = False,
    negative: bool = False,
    share: bool = False,
    simpson: bool = False,
    smoothed: bool = False,
    unweighted: bool = False,
) -> float:
    """Perplexity with a choice of mistakes."""
    number = torch.bincount(codes, minlength=K).double() + (1 if smoothed else 0)
    p = number if counts else number / K if by_codes else number / number.sum()
    p = p[p > 0]
    if simpson:
        return float(1 / p.square().sum())
    nats = -p.log().mean() if unweighted else -(p * p.log()).sum()
    nats = -nats if negative else nats
    if entropy or bits:
        return float(nats / math.log(2) if bits else nats)
    result = float(2**nats if two else (nats / math.log(2)).exp() if mixed else nats.exp())
    return result / K if share else result


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
            "the smallest dot product is not the smallest distance": (
                lambda points, centres: (points @ centres.T).argmin(-1)
            ),
            "one index for each point was asked for, this is one for each centre: the minimum goes over the k "
            "centres": lambda points, centres: torch.cdist(points, centres).argmin(1),
            "these are the distances: argmin gives the index of the smallest": (
                lambda points, centres: torch.cdist(points, centres).amin(-1),
                lambda points, centres: torch.cdist(points, centres).square().amin(-1),
                lambda points, centres: torch.cdist(points, centres),
                lambda points, centres: torch.cdist(points, centres).square(),
            ),
            "these are the colours of the nearest centres: their indices are asked for": (
                lambda points, centres: centres[torch.cdist(points, centres).argmin(-1)]
            ),
            "distances were measured along the axes: sum the squares of the differences, not their absolute values": (
                lambda points, centres: torch.cdist(points, centres, p=1).argmin(-1)
            ),
            "distances were measured along one axis alone: sum the squares over all C": (
                lambda points, centres: torch.cdist(points, centres, p=math.inf).argmin(-1)
            ),
            "only the first channel was compared: sum the squares over all C": (
                lambda points, centres: torch.cdist(points[..., :1], centres[:, :1]).argmin(-1)
            ),
            "differences were summed with their signs, and cancel: square them first": (
                lambda points, centres: (points[:, :, None] - centres).sum(-1).argmin(-1),
                lambda points, centres: (centres - points[:, :, None]).sum(-1).argmin(-1),
                lambda points, centres: (points[:, :, None] - centres).sum(-1).abs().argmin(-1),
            ),
            "this compares directions: the nearest centre has the smallest distance, not the smallest angle": (
                lambda points, centres: F.cosine_similarity(points[:, :, None], centres, dim=-1).argmax(-1)
            ),
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
        family=_moved,
        switches={
            "nan": "a centre without points became 0/0 = NaN: leave it where it was",
            "zero": "a centre without points went to zero, which is black: leave it where it was",
            "everything": "divide by the number of points of this centre, not by the number of all points",
            "total": "the points were summed: divide by their number for the mean",
            "median": "this is the median: k-means takes the mean",
            "middle": "this is the middle between smallest and largest: k-means takes the mean of all points",
            "half": "the centres went half the way: each goes to the mean itself",
            "itself": "the old centre was counted as one of its points",
            "channels": "the channels were averaged too: a mean for each of the C numbers",
            "duplicates": "of several points with the same code only one was counted: `t[codes] += x` writes once for "
            "each index; use index_add_ or a loop over the centres",
            "one_too_many": "divide by the number of points itself, not by one more",
        },
        wrong={
            "the centres did not move: each goes to the mean of its points": lambda points, codes, centres: (
                centres.clone()
            ),
            "each centre goes to the mean of its own points, not of all": (
                lambda points, codes, centres: points.mean(0).expand_as(centres)
            ),
            "centres without points are missing: k of them are asked for, these stay where they are": (
                lambda points, codes, centres: torch.stack([points[codes == j].mean(0) for j in codes.unique()])
            ),
            "one centre for each point: a mean for each of the k centres is asked for": (
                lambda points, codes, centres: centres[codes],
                lambda points, codes, centres: move(points, codes, centres)[codes],
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
        family=_rated,
        switches={
            "no_palette": "the reader needs the palette too: 24 bits for each of the k colours, once",
            "unrounded": "bits come whole: 5 colours need 3 bits, so round log2(k) up",
            "down": "round up: with log2(k) rounded down some colours have no index",
            "nearest": "round up: with log2(k) rounded to the nearest some colours have no index",
            "one_more": "that is one bit too many: b bits have 2^b values, so 4 colours need 2",
            "natural": "that is a natural logarithm: bits need log2",
            "decimal": "that is a logarithm to base 10: bits need log2",
            "no_logarithm": "k symbols need log2(k) bits, not k bits",
            "bytes": "a byte has 8 bits: three bytes are 24",
            "channel": "a colour has three bytes, not one",
            "alpha": "a colour has three bytes, not four",
            "colour": "the palette has k colours, not one",
            "every": "the palette is stored once, not for each pixel: divide its bits by the number of pixels",
            "side": "a picture has height times width pixels",
            "file": "that is the whole file: divide by the number of pixels",
            "in_bytes": "these are bytes: a byte has 8 bits",
            "no_index": "the indices are missing: each pixel stores ceil(log2 k) bits",
        },
        wrong={},
        cases=lambda g: [(32, 32, 512), (32, 32, 2), (64, 48, 5), (128, 128, 100), (24, 16, 64)],
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
        family=_decibels,
        switches={
            "wrap": "bytes wrap round: 3 - 5 is 254 in uint8. Convert both to float first",
            "natural": "decibels are tens of a logarithm to base 10, torch.log is natural: use log10",
            "base2": "decibels are tens of a logarithm to base 10, not to base 2",
            "total": "the mean, not the sum: otherwise a larger picture is always a worse one",
            "batch": "one number for each picture: take the mean over C, H and W, not over the batch",
            "one": "the peak of a byte is 255, not 1",
            "more": "the peak of a byte is 255, not 256",
            "twenty": "20 log10 belongs to the root of the squared error: with the square itself it is 10 log10",
            "bare": "a decibel is a tenth of a bel: 10 times the logarithm",
            "root": "10 log10 belongs to the squared error: with its root it is 20 log10",
            "plain_peak": "the peak is squared, as the error is: 255²",
            "absolute": "the error is the mean of the squares, not of the absolute values",
            "signed": "differences were averaged with their signs, and cancel: square them first",
            "negative": "the sign is wrong: a smaller error has more decibels, 10 log10(255² / error)",
            "no_logarithm": "that is the ratio itself: decibels are 10 log10 of it",
            "error": "that is the mean squared error: decibels are 10 log10(255² / error)",
        },
        wrong={
            "one number for each picture: the channels are averaged too": (
                lambda a, b: 10 * torch.log10(255**2 / (a.float() - b.float()).square().mean((2, 3)))
            ),
            "one number for each picture: take the mean over C, H and W, not over the batch": (
                lambda a, b: 10 * torch.log10(255**2 / _error(a, b).mean())
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
        "(K, d), so that in the backward pass the gradient goes to `z` as if nothing had been replaced, and none "
        "goes to the codebook. The checker looks at the gradients too.",
        reference=straight_through,
        wrong={
            NO_GRADIENT: lambda z, codebook: codebook[torch.cdist(z, codebook).argmin(1)],
            DETACHED: lambda z, codebook: (
                z.detach() + (codebook[torch.cdist(z, codebook).argmin(1)] - z.detach()).detach()
            ),
            TO_CODEBOOK: lambda z, codebook: z + codebook[torch.cdist(z, codebook).argmin(1)] - z.detach(),
            "the vectors came back as they were: forward must give the codes, only backward pretends": (
                lambda z, codebook: z.clone()
            ),
            "these are indices: the code itself is codebook[index]": (
                lambda z, codebook: torch.cdist(z, codebook).argmin(1)
            ),
            "that is the farthest code: take argmin of the distance, not argmax": (
                lambda z, codebook: codebook[torch.cdist(z, codebook).argmax(1)]
            ),
            "the largest dot product is not the smallest distance": (
                lambda z, codebook: codebook[(z @ codebook.T).argmax(1)]
            ),
            "the codes were averaged by a softmax: forward must give one code as it stands": (
                lambda z, codebook: (-torch.cdist(z, codebook)).softmax(1) @ codebook,
                lambda z, codebook: (-torch.cdist(z, codebook).square()).softmax(1) @ codebook,
            ),
            "that is the difference alone: add it to z": (
                lambda z, codebook: codebook[torch.cdist(z, codebook).argmin(1)] - z
            ),
            "z was added twice: z + (code - z).detach()": (
                lambda z, codebook: z + codebook[torch.cdist(z, codebook).argmin(1)]
            ),
        },
        also=_gradient,
        cases=_clouds,
        shape="(N, d)",
        hints=(
            "Forward: codebook[nearest]. Backward: the identity in z.",
            "Write the code as z plus a difference, and let no gradient through the difference.",
        ),
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
        family=_perplexed,
        switches={
            "counts": "those are counts, not shares: divide by N, so that they sum to 1",
            "by_codes": "divide the counts by N, the number of codes written, not by K",
            "entropy": "that is the entropy: perplexity is exp of it, a number of codes",
            "bits": "that is an entropy in bits: perplexity is exp of the entropy in nats",
            "two": "the entropy is in nats: raise e to it, not 2",
            "mixed": "the entropy is in bits here: raise 2 to it, or use the natural logarithm",
            "negative": "the minus is missing: entropy is -sum p log p",
            "share": "that is a share of K: the number of codes itself is asked for",
            "simpson": "that is 1 / sum p², another measure: perplexity is exp of the entropy",
            "smoothed": "nothing is added to the counts here: codes that never occur add nothing",
            "unweighted": "each log p is weighted by its p: sum p log p, not the mean of log p",
        },
        wrong={
            "that counts every code that occurs as much as the most frequent one: weigh them by their share": (
                lambda codes, K: float(len(codes.unique()))
            ),
            "that is the size of the codebook: perplexity depends on how often each code occurs": (
                lambda codes, K: float(K)
            ),
            "0 times log 0 is NaN here: leave out the codes that never occur": (
                lambda codes, K: float("nan") if len(codes.unique()) < K else perplexity(codes, K)
            ),
            "that is the largest share or its inverse: all shares count": (
                lambda codes, K: float(codes.bincount().max() / len(codes)),
                lambda codes, K: float(len(codes) / codes.bincount().max()),
            ),
        },
        cases=_codes,
        hints=("Shares first: bincount / N. They sum to 1.", "exp(-sum p log p), over the codes with p > 0."),
    ),
)
