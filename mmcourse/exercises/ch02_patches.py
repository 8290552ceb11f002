"""Chapter 2: patches, their embedding, and the way back."""

# ruff: noqa: N803, N806  (B, N, D, P, E are the letters of the field)
from __future__ import annotations

import torch
from torch import Tensor

from mmcourse.exercises.core import Case, Exercise, register


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
            "a patch covers P² pixels: divide by P once for each side": lambda height, width, P: height * width // P,
            "a number of patches is a whole number: divide with //, not with /": (
                lambda height, width, P: height * width / P**2
            ),
            "both sides count: multiply the rows of patches by the columns": lambda height, width, P: height // P,
            "patches do not overlap: the next one starts P pixels on, not one": (
                lambda height, width, P: (height - P + 1) * (width - P + 1)
            ),
        },
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
            "pixels were dropped without a word: raise a ValueError when P does not divide a side": _silent,
            "only the height was checked: the width may leave a rest too": _one_side,
            "`assert` vanishes under `python -O` and raises another error: raise a ValueError": _asserts,
            "P = 0 was not refused: test P < 1 before you divide by it": _no_zero,
        },
        cases=lambda g: [(28, 28, 7), (6, 9, 3), (28, 28, 5), (28, 30, 7), (30, 28, 7), (28, 28, 0)],
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
                lambda images, P: images.permute(0, 2, 3, 1).reshape(images.shape[0], -1, P * P * images.shape[1])
            ),
            "inside a patch the channel comes last: the C values of a pixel stand side by side": (
                lambda images, P: _parts(images, P).permute(0, 2, 4, 1, 3, 5).flatten(3).flatten(1, 2)
            ),
            "the patches run down the columns: raster order takes a row of patches from left to right": (
                lambda images, P: _parts(images, P).permute(0, 4, 2, 3, 5, 1).flatten(3).flatten(1, 2)
            ),
            "rows and columns are swapped inside each patch": (
                lambda images, P: _parts(images, P).permute(0, 2, 4, 5, 3, 1).flatten(3).flatten(1, 2)
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
                lambda patches, P, height, width: patches.reshape(patches.shape[0], -1, height, width)
            ),
            "inside a patch the channel is last, not first: read it as (P, P, C)": (
                lambda patches, P, height, width: (
                    patches.reshape(patches.shape[0], height // P, width // P, -1, P, P)
                    .permute(0, 3, 1, 4, 2, 5)
                    .reshape(patches.shape[0], -1, height, width)
                )
            ),
            "rows and columns are swapped inside each patch": (
                lambda patches, P, height, width: (
                    patches.reshape(patches.shape[0], height // P, width // P, P, P, -1)
                    .permute(0, 5, 1, 4, 2, 3)
                    .reshape(patches.shape[0], -1, height, width)
                )
            ),
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
        },
        cases=_matrices,
        shape="(D, C, P, P)",
        hints=("Split the rows of E: (P, P, C, D).", "Then the axes (D, C, y, x): permute(3, 2, 0, 1)."),
    ),
)
