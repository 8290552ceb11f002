"""A picture in k colours: k-means in colour space, and the palette it leaves. Derived in :ref:`sec-06-palette`.

ImageGPT reads pictures this way (Chen et al., 2020, section 3.2): 256³ colours are too many symbols, 512 are enough.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from mmcourse.base import Model, ModelConfig
from mmcourse.checks import real, sides, tensor, whole
from mmcourse.tokens.images import check_images, check_pixels
from mmcourse.tokens.pixels import to_image, to_sequence

MANY = 2**23  # distances, from which on it pays to sort points first
BLOCK = 128  # points that share a list of candidates
CHUNK = 2_048  # points whose distances to all centres are held in memory, and with k = 512 in the cache, at once


class Clustering(NamedTuple):
    """k-means after a number of steps.

    Attributes:
        centres: (k, C).
        nearest: (M,) int64, the index of each point's nearest centre.
        inertia: sum of the (weighted) squared distances from the points to their nearest centres.
        step: how often the centres have been moved.
    """

    centres: Tensor
    nearest: Tensor
    inertia: float
    step: int


def nearest_centre(points: Tensor, centres: Tensor) -> Tensor:
    """Index of the nearest centre of each point: (…, C) and (k, C) -> (…) int64; of equally near ones the first.

    ‖x - c‖² = ‖x‖² - 2 (x·c - ‖c‖²/2), and ‖x‖² is the same for all centres: one matrix product decides. It is never
    computed in half precision, which cannot tell close centres apart: palettes and codebooks search here.

    Raises:
        TypeError, ValueError: no tensors of numbers, no centres, or points of another length than the centres.
    """
    tensor("points", points)
    tensor("centres", centres, 2)
    if not points.dim() or points.shape[-1] != centres.shape[1] or 0 in centres.shape:
        raise ValueError(
            f"points {tuple(points.shape)} and centres {tuple(centres.shape)} do not match; (..., C) and (k, C) are "
            f"needed."
        )
    dtype = torch.promote_types(torch.promote_types(points.dtype, centres.dtype), torch.float32)
    device = points.device.type
    half_precision = device != "meta" and torch.is_autocast_enabled(device)
    with torch.autocast(device, enabled=False) if half_precision else nullcontext():
        points, centres = points.to(dtype), centres.to(dtype)
        flat = points.reshape(-1, points.shape[-1])
        many = flat.shape[1] <= 3 and len(flat) * len(centres) >= MANY and device == "cpu"
        if torch.compiler.is_compiling():
            found = _among_all(flat, centres)
        elif many:
            found = _among_few(flat, centres)
        else:
            found = torch.cat([_among_all(part, centres) for part in flat.split(CHUNK)])
    return found.view(points.shape[:-1])


def _among_all(points: Tensor, centres: Tensor) -> Tensor:
    return torch.addmm(centres.square().sum(-1) / 2, points, centres.T, alpha=-1).min(-1).indices


def z_order(points: Tensor) -> Tensor:
    """An order in which points that are near each other often follow each other: (M, C), C <= 3 -> (M,) int64.

    The bits of their coordinates, cut to bytes, are interleaved to one number each (Morton, 1966), and these sorted.
    """
    low, high = points.aminmax()
    cells = ((points - low) * (255 / (high - low).clamp(min=1e-30))).int()
    byte = torch.arange(256, dtype=torch.int32, device=points.device)
    spread = sum((byte >> bit & 1) << 3 * bit for bit in range(8))  # bit i of a byte stands at place 3 i
    assert isinstance(spread, Tensor)
    number = sum(spread[cells[:, channel]] << channel for channel in range(points.shape[1]))
    assert isinstance(number, Tensor)
    return number.sort().indices


def _among_few(points: Tensor, centres: Tensor) -> Tensor:
    """What :func:`nearest_centre` gives, for many points of few numbers: each block looks among the centres near it.

    All points of a block lie in a box. What is nearest to one of them is nowhere farther from the box than the centre
    whose farthest corner of the box is nearest; the others drop out.
    """
    order = z_order(points)
    full = torch.cat([order, order[-1:].expand(-len(points) % BLOCK)])
    blocks = points[full].unflatten(0, (-1, BLOCK)).transpose(1, 2).contiguous()  # (blocks, C, BLOCK)
    low, high = blocks.aminmax(dim=-1, keepdim=True)
    closest = farthest = points.new_zeros(())
    for middle, side, c in zip(((low + high) / 2).unbind(1), ((high - low) / 2).unbind(1), centres.T, strict=True):
        away = (c - middle).abs_()
        closest = closest + (away - side).clamp_(min=0).square_()
        farthest = farthest + away.add_(side).square_()
    near = closest <= farthest.amin(1, keepdim=True) + 1e-6 * farthest.amax()  # and what rounding may hide
    count, candidates = near.sum(1), near.nonzero()[:, 1]
    first, half = count.cumsum(0) - count, centres.square().sum(-1) / 2
    found = torch.empty(len(blocks), BLOCK, dtype=torch.long)
    width, done = 8, 0
    while done < len(centres):  # blocks with about as many candidates together, so that no list is long for one of them
        mine = ((count > done) & (count <= width)).nonzero().flatten()
        for part in mine.split(max(1, CHUNK * 64 // (BLOCK * width))):
            # Shorter lists run on into the next block's: more candidates are no harm.
            place = torch.arange(width)
            listed = candidates[(first[part, None] + place).clamp_(max=len(candidates) - 1)]
            scores = torch.baddbmm(half[listed][..., None], centres[listed], blocks[part], alpha=-1)
            # The first of the least, as min(1).indices gives it, in passes that a processor does several times faster:
            # what is above the least is moved out of sight, then the least place is left.
            above = scores.sub_(scores.amin(1, keepdim=True))
            least = torch.add(place[:, None].to(above), above, alpha=torch.finfo(above.dtype).max).amin(1)
            found[part] = listed.gather(1, least.long())
        done, width = width, 2 * width
    return torch.empty_like(order).index_copy_(0, order, found.flatten()[: len(points)])


def byte_colours(points: Tensor) -> Tensor | None:
    """One whole number for each colour of an 8-bit picture, its bytes those of the channels: (M, C), C <= 3 -> (M,).

    Returns:
        The numbers, int32; ``number[:, None].view(torch.uint8)[:, :C]`` are the bytes again. None where a value is no
        multiple of 1/255 in [0, 1].
    """
    if points.shape[1] > 3 or not points.is_floating_point():
        return None
    digits = (255 * points).round_().byte()
    if not torch.equal(digits.to(points.dtype) / 255, points):  # what lies outside is no byte, whatever it became
        return None
    return F.pad(digits, (0, 4 - points.shape[1])).view(torch.int32)[:, 0]


def merge_equal(points: Tensor) -> tuple[Tensor, Tensor]:
    """The different points, and how often each occurs: (M, C) -> (U, C) and (U,) int64.

    The same as ``points.unique(dim=0, return_counts=True)`` in another order and ten times faster, since numbers sort
    faster than rows: each row becomes one number, its columns' digits.
    """
    number = torch.zeros(len(points), dtype=torch.long, device=points.device)
    for column in points.T:
        values, digit = column.unique(return_inverse=True)
        number = (number * len(values) + digit).unique(return_inverse=True)[1]  # counted anew, so that it stays small
    counts = number.bincount()
    different = points.new_empty(len(counts), points.shape[1])
    different[number] = points
    return different, counts


def _checked(points: Tensor, k: int, weights: Tensor | None) -> tuple[Tensor, Tensor]:
    """Points and weights in one floating-point type, or one line; nothing large is computed before."""
    tensor("points", points)
    if weights is not None:
        tensor("weights", weights)
    if points.dim() != 2 or 0 in points.shape:
        raise ValueError(f"points have shape {tuple(points.shape)}; k-means needs (M, C) with M and C of at least 1.")
    if not points.is_floating_point():
        raise ValueError(f"points are {points.dtype}, and means of them are no whole numbers; give points.float().")
    points = points.to(torch.promote_types(points.dtype, torch.float32))
    if not points.isfinite().all():
        raise ValueError("points hold NaN or infinity; k-means needs finite numbers.")
    weights = points.new_ones(len(points)) if weights is None else weights.to(points)
    if weights.shape != points.shape[:1]:
        raise ValueError(f"weights have shape {tuple(weights.shape)}; give one a point, ({len(points)},).")
    if not weights.isfinite().all() or float(weights.min()) < 0 or not float(weights.sum()):
        raise ValueError("weights hold NaN, infinity, a negative number or nothing but 0; give how often each counts.")
    try:
        if isinstance(k, bool):
            raise TypeError
        k = operator.index(k)
    except TypeError:
        raise ValueError(f"k is {k!r}; give a whole number of centres.") from None
    different = len(merge_equal(points[weights > 0])[0])
    if not 1 <= k <= different:
        raise ValueError(f"k = {k} centres were asked for, of {different} different points; choose 1 to {different}.")
    return points, weights


def start_centres(points: Tensor, weights: Tensor, k: int, generator: torch.Generator) -> Tensor:
    """k-means++ (Arthur & Vassilvitskii, 2007): each next centre is drawn with probability ∝ its squared distance.

    Of 2 + ln k drawn candidates the one that leaves the smallest inertia is kept (their section 5).
    """
    first = torch.multinomial(weights, 1, generator=generator)
    centres, trials = [points[first]], 2 + int(math.log(k))
    distance, lengths = (points - points[first]).square().sum(-1), points.square().sum(-1)
    for _ in range(k - 1):
        # By cumulative sums, since torch.multinomial takes no more than 2^24 points.
        ladder = (distance * weights).double().cumsum(0)
        height = torch.rand(trials, generator=generator, dtype=torch.float64) * ladder[-1]
        drawn = torch.searchsorted(ladder, height, right=True)  # the first step above: never one of no weight
        drawn = drawn.clamp(max=len(points) - 1)
        apart = torch.addmm(lengths, points[drawn], points.T, alpha=-2) + lengths[drawn, None]  # as in nearest_centre
        candidates = torch.minimum(apart.clamp_(min=0), distance)  # (trials, M)
        best = int((candidates @ weights).argmin())
        centres.append(points[drawn[best]][None])
        distance = candidates[best]
    return torch.cat(centres)


def kmeans_steps(points: Tensor, k: int, *, weights: Tensor | None = None, seed: int = 0) -> Iterator[Clustering]:
    """Lloyd's algorithm, one step at a time and without end: assign each point, move each centre to its points' mean.

    MacQueen (1967), Lloyd (1982). A centre that has lost all its points is put on the point that is worst off.

    Args:
        points: (M, C).
        k: number of centres.
        weights: (M,), how often each point counts; None for once.
        seed: of the start.

    Yields:
        The clustering after 0, 1, 2, … moves of the centres; its inertia never rises.

    Raises:
        ValueError: no points, whole or not finite numbers, weights that count nothing, or fewer different points (of a
            weight above 0) than centres.
    """
    whole("seed", seed, 0)
    points, weights = _checked(points, k, weights)
    return _steps(points, k, weights, seed)


def _steps(points: Tensor, k: int, weights: Tensor, seed: int) -> Iterator[Clustering]:
    origin = points[0]  # |x - c|² by products loses digits far from zero, so everything is measured from a point
    points = points - origin
    centres = start_centres(points, weights, k, torch.Generator().manual_seed(seed))
    step = 0
    while True:
        nearest = nearest_centre(points, centres)
        distance = (points - centres[nearest]).square().sum(-1) * weights
        yield Clustering(centres + origin, nearest, float(distance.double().sum()), step)
        mass = points.new_zeros(k).index_add_(0, nearest, weights)
        moved = torch.zeros_like(centres).index_add_(0, nearest, points * weights[:, None])
        empty = (mass == 0).nonzero().flatten()
        centres = moved / mass.clamp(min=1e-12)[:, None]
        if len(empty):
            centres[empty] = points[distance.topk(len(empty)).indices]
        step += 1


def kmeans(
    points: Tensor,
    k: int,
    *,
    weights: Tensor | None = None,
    seed: int = 0,
    starts: int = 4,
    steps: int = 300,
    tolerance: float = 1e-4,
) -> Clustering:
    """k-means until the centres rest, from several starts, of which the best is kept.

    Derived in :ref:`sec-06-palette`.

    Args:
        points: (M, C).
        k: number of centres.
        weights: (M,), how often each point counts; None for once.
        seed: of the first start; the others follow it.
        starts: how often to start; k-means finds the nearest valley, not the deepest.
        steps: the most moves of the centres.
        tolerance: stop when the squared moves of all centres sum to less than this share of the points' variance.

    Raises:
        ValueError: as :func:`kmeans_steps`; no start, a negative number of steps or tolerance.
    """
    whole("seed", seed, 0)
    whole("starts", starts)
    whole("steps", steps, 0)
    real("tolerance", tolerance)
    points, weights = _checked(points, k, weights)
    mean = (points * weights[:, None]).sum(0) / weights.sum()
    rest = tolerance * float((((points - mean).square() * weights[:, None]).sum(0) / weights.sum()).mean())
    best: Clustering | None = None
    for start in range(seed, seed + starts):
        last: Clustering | None = None
        for now in _steps(points, k, weights, start):
            if now.step >= steps or (last is not None and float((now.centres - last.centres).square().sum()) <= rest):
                best = now if best is None or now.inertia < best.inertia else best
                break
            last = now
    assert best is not None
    return best


def check_codes(codes: Tensor, count: int) -> None:
    """Refuse, in one line, what are no indices into ``count`` codes; for public entries, never for ``forward``.

    Raises:
        ValueError: fractions, bytes or booleans (which index differently), nothing, or an index out of range.
    """
    whole("the number of codes", count)
    tensor("codes", codes)
    if codes.dtype not in (torch.int64, torch.int32):
        raise ValueError(f"codes are {codes.dtype}; give indices, codes.long().")
    if not codes.numel():
        raise ValueError(f"codes have shape {tuple(codes.shape)}, which holds no code; give at least one.")
    low, high = int(codes.min()), int(codes.max())
    if low < 0 or high >= count:
        raise ValueError(f"codes run from {low} to {high}; there are {count}, 0 to {count - 1}.")


def rows_and_columns(codes: Tensor, size: tuple[int, int] | None) -> tuple[int, int]:
    """The rectangle that N codes in raster order fill: (B, N) -> rows and columns.

    Args:
        codes: (B, N).
        size: rows and columns; None for a square.

    Raises:
        ValueError: another shape than (B, N), N is no square and no size was given, or the size has not N places.
    """
    tensor("codes", codes)
    size = None if size is None else sides("size", size)
    if codes.dim() != 2:
        raise ValueError(f"codes have shape {tuple(codes.shape)}; give (B, N), codes[None] for one picture.")
    n = codes.shape[1]
    if size is None and math.isqrt(n) ** 2 != n:
        raise ValueError(f"{n} codes are no square, and their number cannot say their rows; give size=(rows, columns).")
    rows, columns = (math.isqrt(n), math.isqrt(n)) if size is None else size
    if rows < 1 or columns < 1 or rows * columns != n:
        raise ValueError(f"{n} codes do not fill {rows} rows of {columns}; give size=(rows, columns) that do.")
    return rows, columns


@dataclass(frozen=True)
class PaletteConfig(ModelConfig):
    """Size of a palette.

    Args:
        size: k, the number of colours.
        channels: C, numbers of one colour.
    """

    size: int = 512
    channels: int = 3

    def __post_init__(self) -> None:
        whole("size", self.size)
        whole("channels", self.channels)


class Palette(Model):
    """k colours, and pictures as indices into them. Nothing in it is trained by gradients.

    Derived in :ref:`sec-06-palette`.

    Args:
        config: k and C; colours are grey steps until :func:`fit_palette` or a checkpoint brings better ones.
    """

    config_class = PaletteConfig
    config: PaletteConfig

    def __init__(self, config: PaletteConfig) -> None:
        super().__init__(config)
        self.register_buffer("colours", torch.linspace(0, 1, config.size)[:, None].repeat(1, config.channels))
        self.colours: Tensor

    def encode(self, images: Tensor) -> Tensor:
        """The nearest colour of each pixel, in raster order: (B, C, H, W) in [0, 1] -> (B, H·W) int64.

        Raises:
            ValueError, TypeError: what is no picture in [0, 1].
        """
        check_images(images, self.config.channels)
        check_pixels(images)
        pixels = to_sequence(images)
        number = byte_colours(pixels.flatten(0, 1))
        if number is None:
            return nearest_centre(pixels, self.colours)
        # A picture of bytes has far fewer colours than pixels: each of them is looked for once.
        different, which = number.unique(return_inverse=True)
        colours = different[:, None].view(torch.uint8)[:, : self.config.channels].to(images.dtype) / 255
        return nearest_centre(colours, self.colours)[which].view(pixels.shape[:2])

    def decode(self, codes: Tensor, size: tuple[int, int] | None = None) -> Tensor:
        """Colours for indices: (B, N) int64 -> (B, C, H, W), H·W = N.

        Args:
            codes: (B, N), each from 0 to k - 1.
            size: (H, W); None for square pictures.

        Raises:
            ValueError: an index that is no colour, or N pixels that make no such rectangle.
        """
        size = rows_and_columns(codes, size)
        check_codes(codes, self.config.size)
        return to_image(self.colours[codes], size)

    def forward(self, images: Tensor) -> Tensor:
        """The picture in the palette's colours: (B, C, H, W) -> (B, C, H, W)."""
        check_images(images, self.config.channels)
        height, width = images.shape[-2:]
        return to_image(self.colours[nearest_centre(to_sequence(images), self.colours)], (height, width))


def fit_palette(images: Tensor, size: int = 512, *, seed: int = 0, starts: int = 4, steps: int = 300) -> Palette:
    """The palette of some pictures, by k-means over their pixels. Derived in :ref:`sec-06-palette`.

    Equal colours are merged and counted first, which changes nothing in the result and saves most of the work. Colours
    are whole numbers of 1/4080 (16 steps inside each of the usual 255) in float64, where no rounding decides between
    equally near centres: every machine finds the same palette.

    Args:
        images: (B, C, H, W) in [0, 1], or uint8.
        size: Colours, k.
        seed, starts, steps: of :func:`kmeans`.

    Raises:
        ValueError: bad pictures, or fewer different colours than k.
    """
    tensor("images", images)
    images = images.float() / 255 if images.dtype == torch.uint8 else images
    check_images(images)
    check_pixels(images)
    palette = Palette(PaletteConfig(size, images.shape[1]))
    colours, counts = merge_equal(to_sequence(images).flatten(0, 1))
    points = (4080 * colours.double()).round()
    palette.colours.copy_(kmeans(points, size, weights=counts, seed=seed, starts=starts, steps=steps).centres / 4080)
    return palette.eval()
