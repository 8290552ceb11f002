"""Chapter 2: patches, their embedding, and the way back."""

# ruff: noqa: N803, N806  (B, N, D, P, E are the letters of the field)
from __future__ import annotations

import itertools
import math
import re
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from mmcourse.exercises.core import Exercise, register
from mmcourse.exercises.running import Case


def count(height: int, width: int, P: int) -> int:
    """Number of patches of an image that P divides."""
    return (height // P) * (width // P)


def split(height: int, width: int, P: int) -> tuple[int, int]:
    """Rows and columns of patches; a clear error where P does not divide."""
    if P < 1 or height % P or width % P:
        raise ValueError(f"the image is {height}x{width}, P = {P}: P must divide both sides; crop or resize the image")
    return height // P, width // P


def patchify(images: Tensor, P: int) -> Tensor:
    """Images (B, C, H, W) as patches (B, N, P·P·C)."""
    B, C, H, W = images.shape
    x = images.reshape(B, C, H // P, P, W // P, P)  # (B, C, row, y, column, x)
    x = x.permute(0, 2, 4, 3, 5, 1)  # (B, row, column, y, x, C)
    return x.reshape(B, (H // P) * (W // P), P * P * C)


def unpatchify(patches: Tensor, P: int, height: int, width: int) -> Tensor:
    """Patches (B, N, P·P·C) back to images (B, C, H, W)."""
    rows, columns = height // P, width // P
    x = patches.reshape(patches.shape[0], rows, columns, P, P, -1)  # (B, row, column, y, x, C)
    x = x.permute(0, 5, 1, 3, 2, 4)  # (B, C, row, y, column, x)
    return x.reshape(patches.shape[0], -1, height, width)


def as_convolution(E: Tensor, P: int) -> Tensor:
    """The matrix E (P·P·C, D) as the weight (D, C, P, P) of a convolution of stride P."""
    return E.reshape(P, P, -1, E.shape[1]).permute(3, 2, 0, 1)


def _images(g: torch.Generator) -> list[Case]:
    sizes = ((1, 1, 4, 4, 2), (2, 3, 4, 6, 2), (2, 1, 6, 9, 3), (1, 4, 8, 4, 4))
    return [(torch.rand(*s[:4], generator=g), s[4]) for s in sizes]


def _patches(g: torch.Generator) -> list[Case]:
    sizes = ((1, 1, 4, 4, 2), (2, 3, 4, 6, 2), (2, 1, 6, 9, 3), (1, 4, 8, 4, 4))
    return [(torch.rand(b, h * w // p**2, p * p * c, generator=g), p, h, w) for b, c, h, w, p in sizes]


def _matrices(g: torch.Generator) -> list[Case]:
    return [(torch.randn(p * p * c, d, generator=g), p) for p, c, d in ((2, 1, 3), (2, 3, 5), (4, 3, 8), (3, 2, 4))]


def _parts(images: Tensor, P: int) -> Tensor:
    B, C, H, W = images.shape
    return images.reshape(B, C, H // P, P, W // P, P)


def _asserts(height: int, width: int, P: int) -> tuple[int, int]:
    assert P >= 1
    assert height % P == 0
    assert width % P == 0
    return height // P, width // P


def _one_side(height: int, width: int, P: int) -> tuple[int, int]:
    if P < 1 or height % P:
        raise ValueError("not divisible")
    return height // P, width // P


def _no_zero(height: int, width: int, P: int) -> tuple[int, int]:
    if height % P or width % P:
        raise ValueError("not divisible")
    return height // P, width // P


def _silent(height: int, width: int, P: int) -> tuple[int, int]:
    if P < 1:
        raise ValueError("P must be at least 1")
    return height // P, width // P


def _other_side(height: int, width: int, P: int) -> tuple[int, int]:
    if P < 1 or width % P:
        raise ValueError("not divisible")
    return height // P, width // P


def _both_sides(height: int, width: int, P: int) -> tuple[int, int]:
    if P < 1 or (height % P and width % P):
        raise ValueError("not divisible")
    return height // P, width // P


def _caught(height: int, width: int, P: int) -> tuple[int, int]:
    return (height // P, width // P) if P else (0, 0)


def _up(height: int, width: int, P: int) -> tuple[int, int]:
    if P < 1:
        raise ValueError("P must be at least 1")
    return -(-height // P), -(-width // P)


def _tested(
    rest: Callable[[int, int, int], int],
    height: int,
    width: int,
    P: int,
    *,
    small: Callable[[int], bool] = lambda P: P < 1,
) -> tuple[int, int]:
    if small(P) or rest(height, width, P):
        raise ValueError("not divisible")
    return height // P, width // P


def _raises(error: type[Exception], height: int, width: int, P: int) -> tuple[int, int]:
    if P < 1 or height % P or width % P:
        raise error("not divisible")
    return height // P, width // P


def _instead(height: int, width: int, P: int, value: Any) -> Any:
    return value if P < 1 or height % P or width % P else (height // P, width // P)


def _names_numbers(error: Exception, case: Case) -> str | None:
    """What the message of an error lacks."""
    found = set(re.findall(r"-?\d+", str(error)))
    missing = [name for name, n in zip(("height", "width", "P"), case, strict=True) if str(n) not in found]
    if not missing:
        return None
    return f"the error's message must name the three numbers: yours lacks {', '.join(missing)} for {case}"


def _ordered(images: Tensor, P: int, axes: tuple[int, ...]) -> Tensor:
    """Patches with the axes (C, row, y, column, x), 1 to 5, in a given order."""
    return _parts(images, P).permute(0, *axes).reshape(images.shape[0], -1, P * P * images.shape[1])


def _orders() -> dict[str, Callable[..., Tensor]]:
    """Every wrong order of the five axes, with its hint."""
    names = dict(enumerate(("C", "row", "y", "column", "x"), start=1))
    known: dict[tuple[int, ...], str] = {
        (2, 4, 1, 3, 5): "inside a patch the channel comes last: the C values of a pixel stand side by side",
        (4, 2, 3, 5, 1): "the patches run down the columns: raster order takes a row of patches from left to right",
        (2, 4, 5, 3, 1): "rows and columns are swapped inside each patch",
    }
    hints: dict[str, Callable[..., Tensor]] = {}
    for axes in itertools.permutations(range(1, 6)):
        # The first is right, the other two are what a reshape alone gives.
        if axes not in ((2, 4, 3, 5, 1), (2, 3, 4, 5, 1), (1, 2, 3, 4, 5)):
            said = ", ".join(names[a] for a in axes)
            hint = known.get(axes, f"the axes are merged in the order ({said}), it must be (row, column, y, x, C)")
            hints[hint] = partial(_ordered, axes=axes)
    return {**{h: hints[h] for h in known.values()}, **hints}


def _interleaved(images: Tensor, P: int) -> Tensor:
    B, C, H, W = images.shape
    x = images.reshape(B, C, P, H // P, P, W // P).permute(0, 3, 5, 2, 4, 1)
    return x.reshape(B, -1, P * P * C)


def _read(patches: Tensor, P: int, height: int, width: int, outer: str, inner: str, back: tuple[int, ...]) -> Tensor:
    """Images from patches whose axes are read and put back in a given order."""
    sizes = {"row": height // P, "column": width // P, "y": P, "x": P, "C": patches.shape[-1] // P**2}
    names = [*outer.split(), *inner.split()]
    x = patches.reshape(len(patches), *(sizes[name] for name in names))
    if not back:
        back = tuple(1 + names.index(name) for name in ("C", "row", "y", "column", "x"))
    return x.permute(0, *back).reshape(len(patches), -1, height, width)


def _readings() -> dict[str, Callable[..., Tensor]]:
    """Every wrong way to read a patch's axes and to put them back, with its hint."""
    hints: dict[str, Callable[..., Tensor]] = {
        "inside a patch the channel is last, not first: read it as (P, P, C)": partial(
            _read, outer="row column", inner="C y x", back=()
        ),
        "rows and columns are swapped inside each patch": partial(_read, outer="row column", inner="x y C", back=()),
        "the patches run down the columns: raster order takes a row of patches from left to right": partial(
            _read, outer="column row", inner="y x C", back=()
        ),
    }
    for outer, *inner in itertools.product(("row column", "column row"), itertools.permutations(("y", "x", "C"))):
        within = " ".join(inner[0])
        said = f"{outer} {within}".replace(" ", ", ")
        if within != "y x C" and (outer, within) not in (("row column", "C y x"), ("row column", "x y C")):
            hint = f"the patches are read as ({said}), they stand as (row, column, y, x, C)"
            hints.setdefault(hint, partial(_read, outer=outer, inner=within, back=()))
    hints["the patches stand in height/P rows and width/P columns, not the other way round"] = (
        lambda patches, P, height, width: unpatchify(patches, P, width, height).reshape(len(patches), -1, height, width)
    )
    names = dict(enumerate(("row", "column", "y", "x", "C"), start=1))
    for back in itertools.permutations(range(1, 6)):
        # The first is right, the others stand above in words of their own.
        if back not in ((5, 1, 3, 2, 4), (1, 2, 3, 4, 5), (3, 4, 5, 1, 2), (5, 1, 4, 2, 3)):
            said = ", ".join(names[a] for a in back)
            hint = f"before the last reshape the axes stand as ({said}), they must stand as (C, row, y, column, x)"
            hints[hint] = partial(_read, outer="row column", inner="y x C", back=back)
    return hints


register(
    Exercise(
        id="02.count",
        title="How many patches",
        chapter=2,
        difficulty=1,
        importance=3,
        minutes=3,
        question="Write `count(height, width, P)`: the number of patches of side `P` pixels in an image "
        "whose sides `P` divides.",
        reference=count,
        wrong={
            "a patch covers P² pixels: divide by P once for each side": (
                lambda height, width, P: height * width // P,
                lambda height, width, P: height * width / P,
                lambda height, width, P: height * (width // P),
                lambda height, width, P: (height // P) * width,
            ),
            "both sides count: multiply the rows of patches by the columns": (
                lambda height, width, P: height // P,
                lambda height, width, P: width // P,
                lambda height, width, P: (height // P) ** 2,
                lambda height, width, P: (width // P) ** 2,
            ),
            "rows and columns of patches are multiplied, not added": (
                lambda height, width, P: height // P + width // P,
                lambda height, width, P: (height + width) // P,
            ),
            "patches do not overlap: the next one starts P pixels on, not one": (
                lambda height, width, P: (height - P + 1) * (width - P + 1)
            ),
            "P divides the sides: there is no patch left over to be added": (
                lambda height, width, P: (height // P + 1) * (width // P + 1)
            ),
            "that is one patch too many: the class token is no patch": (
                lambda height, width, P: (height // P) * (width // P) + 1
            ),
            "that is how many pixels a patch has, not how many patches the image has": lambda height, width, P: P * P,
            "that is how many pixels the image has": lambda height, width, P: height * width,
            "one number is asked for: multiply the rows of patches by the columns": (
                lambda height, width, P: (height // P, width // P)
            ),
        },
        whole=True,
        cases=lambda g: [(28, 28, 4), (28, 28, 7), (224, 224, 16), (128, 1024, 16), (6, 9, 3)],
        hints=("How many patches fit along one side?", "H/P rows times W/P columns."),
    ),
    Exercise(
        id="02.split",
        title="Refuse what P does not divide",
        chapter=2,
        difficulty=1,
        importance=2,
        minutes=5,
        question="Write `split(height, width, P)`: the pair (rows, columns) of patches. If `P` is below 1 or does not "
        "divide both sides, raise a `ValueError` that names the three numbers.",
        reference=split,
        wrong={
            "pixels were dropped without a word: raise a ValueError when P does not divide a side": (
                _silent,
                _caught,
            ),
            "only the height was checked: the width may leave a rest too": _one_side,
            "only the width was checked: the height may leave a rest too": _other_side,
            "`assert` vanishes under `python -O` and raises another error: raise a ValueError": _asserts,
            "P = 0 was not refused: test P < 1 before you divide by it": _no_zero,
            "the test passed when one side alone leaves a rest: join the two with `or`, not with `and`": _both_sides,
            "the product of the sides may be divisible where a side is not: test each side by itself": (
                partial(_tested, lambda height, width, P: height * width % P**2),
                partial(_tested, lambda height, width, P: height * width % P),
            ),
            "the sum of the sides may be divisible where a side is not: test each side by itself": (
                partial(_tested, lambda height, width, P: (height + width) % P)
            ),
            "a negative P was not refused: test P < 1": partial(
                _tested, lambda height, width, P: height % P or width % P, small=lambda P: P == 0
            ),
            "the error must be a ValueError: the arguments have the right type and a wrong value": (
                partial(_raises, TypeError),
                partial(_raises, RuntimeError),
                partial(_raises, Exception),
            ),
            "printing a message or returning nothing lets the caller go on: raise a ValueError": (
                lambda height, width, P: _instead(height, width, P, None)
            ),
            "returning a value lets the caller go on as if P fitted: raise a ValueError": (
                lambda height, width, P: _instead(height, width, P, (0, 0)),
                lambda height, width, P: _instead(height, width, P, False),
                lambda height, width, P: _instead(height, width, P, -1),
                lambda height, width, P: _instead(height, width, P, "error"),
            ),
            "rows and columns are swapped: rows go with the height": (
                lambda height, width, P: split(height, width, P)[::-1]
            ),
            "this is the number of patches: the pair (rows, columns) is asked for": (
                lambda height, width, P: math.prod(split(height, width, P))
            ),
            "P does not divide a side, so nothing can be rounded up: raise a ValueError": (
                lambda height, width, P: _up(height, width, P)
            ),
        },
        whole=True,
        error=_names_numbers,
        cases=lambda g: [
            (28, 28, 7),
            (6, 9, 3),
            (28, 28, 5),
            (28, 30, 7),
            (30, 28, 7),
            (28, 28, 0),
            (28, 28, -7),
            (4, 9, 6),  # 36 pixels, as many as a patch has
            (4, 6, 8),  # 24 pixels, a multiple of 8
            (3, 5, 4),  # 8 = 3 + 5 is a multiple of 4
        ],
        hints=("`height % P` is what is left over.", "Three conditions, one `if`, one `raise ValueError(...)`."),
    ),
    Exercise(
        id="02.patchify",
        title="Cut an image into patches",
        chapter=2,
        difficulty=3,
        importance=3,
        minutes=15,
        question="Write `patchify(images, P)`: from (B, C, H, W) to (B, N, P·P·C). Patches come in raster "
        "order; inside a "
        "patch, row by row, pixel by pixel, the C values of a pixel side by side.",
        reference=patchify,
        wrong={
            "reshape alone cuts strips, not squares: split H into (H/P, P) and W into (W/P, P), then bring "
            "the two P together": (
                lambda images, P: images.permute(0, 2, 3, 1).reshape(images.shape[0], -1, P * P * images.shape[1]),
                lambda images, P: images.reshape(images.shape[0], -1, P * P * images.shape[1]),
            ),
            **_orders(),
            "H splits into (H/P, P): the first of the two counts patches, the second the pixels inside": (
                lambda images, P: _interleaved(images, P)
            ),
            "a patch was averaged: all its P·P·C numbers are asked for": (
                lambda images, P: F.avg_pool2d(images, P).flatten(2).transpose(1, 2)
            ),
            "the six axes are still apart: merge (row, column) and (y, x, C)": (
                lambda images, P: _parts(images, P).permute(0, 2, 4, 3, 5, 1),
            ),
        },
        cases=_images,
        shape="(B, N, P·P·C)",
        hints=(
            "Reshape to six axes first: (B, C, H/P, P, W/P, P).",
            "Name the six axes (B, C, row, y, column, x). In which order must they stand?",
            "permute(0, 2, 4, 3, 5, 1), then merge (row, column) and (y, x, C).",
        ),
    ),
    Exercise(
        id="02.unpatchify",
        title="Put the patches together again",
        chapter=2,
        difficulty=3,
        importance=2,
        minutes=10,
        question="Write `unpatchify(patches, P, height, width)`: from (B, N, P·P·C) back to (B, C, H, W), "
        "so that it undoes `patchify`.",
        reference=unpatchify,
        wrong={
            "reshape alone does not undo the permutation: put the axes back in the order (B, C, row, y, column, x)": (
                lambda patches, P, height, width: patches.reshape(patches.shape[0], -1, height, width),
                lambda patches, P, height, width: patches.transpose(1, 2).reshape(patches.shape[0], -1, height, width),
            ),
            **_readings(),
        },
        cases=_patches,
        shape="(B, C, H, W)",
        hints=("Split N into rows and columns, and the last axis into (P, P, C).", "permute(0, 5, 1, 3, 2, 4)"),
    ),
    Exercise(
        id="02.convolution",
        title="The embedding is a convolution",
        chapter=2,
        difficulty=3,
        importance=2,
        minutes=10,
        question="Write `as_convolution(E, P)`: from the embedding matrix \\(E \\in \\mathbb{R}^{(P^2C) "
        "\\times D}\\), whose "
        "rows go with (y, x, channel), to the weight (D, C, P, P) of a convolution with stride P that does the same.",
        reference=as_convolution,
        wrong={
            "the rows of E are in the order (y, x, channel): split them as (P, P, C) before you move the "
            "channel to the front": (lambda E, P: E.T.reshape(E.shape[1], -1, P, P)),
            "reshape alone leaves D at the end of memory: permute, so that D comes first": (
                lambda E, P: E.reshape(E.shape[1], -1, P, P)
            ),
            "the kernel is transposed: its last axis runs along the width": (
                lambda E, P: E.reshape(P, P, -1, E.shape[1]).permute(3, 2, 1, 0)
            ),
            "the kernel is turned round: deep learning's convolution does not flip it": (
                lambda E, P: as_convolution(E, P).flip(2, 3)
            ),
            "the kernel is turned round in one direction: no flip is needed": (
                lambda E, P: as_convolution(E, P).flip(2),
                lambda E, P: as_convolution(E, P).flip(3),
            ),
            "the rows of E were split as (P, C, P): they are in the order (y, x, channel)": (
                lambda E, P: E.reshape(P, -1, P, E.shape[1]).permute(3, 1, 0, 2),
                lambda E, P: E.reshape(P, -1, P, E.shape[1]).permute(3, 1, 2, 0),
            ),
            "the rows of E were split as (C, P, P) and turned: they are in the order (y, x, channel)": (
                lambda E, P: E.reshape(-1, P, P, E.shape[1]).permute(3, 0, 2, 1)
            ),
            "the matrix was divided: the convolution takes its numbers as they are": (
                lambda E, P: as_convolution(E, P) / P**2,
                lambda E, P: as_convolution(E, P) / P,
            ),
        },
        cases=_matrices,
        shape="(D, C, P, P)",
        hints=("Split the rows of E: (P, P, C, D).", "Then the axes (D, C, y, x): permute(3, 2, 0, 1)."),
    ),
)
