"""Chapter 1: an image as a sequence of pixels, and what that costs."""

from __future__ import annotations

import torch
from torch import Tensor

from mmcourse.exercises.core import Case, Exercise, register


def index(row: int, column: int, width: int) -> int:
    """Raster index of a pixel."""
    return row * width + column


def place(index: int, width: int) -> tuple[int, int]:
    """Row and column of a raster index."""
    return index // width, index % width


def to_sequence(images: Tensor) -> Tensor:
    """Images (B, C, H, W) as sequences (B, N, C) in raster order."""
    return images.flatten(2).transpose(1, 2)


def attention_bytes(side: int, heads: int) -> int:
    """Bytes of the float32 attention matrices of one layer, one image, one token a pixel."""
    n = side * side
    return heads * n * n * 4


def growth(doublings: int) -> int:
    """Factor by which attention's memory grows when the side is doubled so many times."""
    return 16**doublings


def _images(g: torch.Generator) -> list[Case]:
    return [(torch.rand(*shape, generator=g),) for shape in ((1, 1, 2, 3), (2, 3, 4, 5), (3, 1, 8, 8), (2, 4, 3, 2))]


def _changed(images: Tensor) -> Tensor:
    images /= 255
    return to_sequence(images)


register(
    Exercise(
        id="01.index",
        title="From row and column to raster index",
        chapter=1,
        difficulty=1,
        importance=3,
        minutes=3,
        question="Write `index(row, column, width)`: the position, counted from 0, that a pixel gets when an image "
        "`width` pixels wide is read in raster order.",
        reference=index,
        wrong={
            "row and column are swapped: a row is `width` pixels long, so each row adds `width`": (
                lambda row, column, width: column * width + row
            ),
            "positions count from 0: the first pixel has index 0, not 1": (
                lambda row, column, width: row * width + column + 1
            ),
            "a row holds `width` pixels, not `width` - 1: the last pixel of a row and the first of the next collide": (
                lambda row, column, width: row * (width - 1) + column
            ),
        },
        cases=lambda g: [(0, 0, 8), (0, 5, 8), (1, 0, 8), (3, 2, 28), (6, 4, 5)],
        hints=("How many pixels come before the first pixel of row 1? Of row 2?", "`row * width` pixels, and then?"),
    ),
    Exercise(
        id="01.raster",
        title="From raster index back to row and column",
        chapter=1,
        difficulty=1,
        importance=3,
        minutes=4,
        question="Write `place(index, width)`: the pair `(row, column)` of the pixel that stands at `index` of the "
        "sequence, for an image `width` pixels wide.",
        reference=place,
        wrong={
            "row and column are swapped: the quotient counts full rows, the remainder is the column": (
                lambda index, width: (index % width, index // width)
            ),
            "a row is a whole number: divide with //, not with /": lambda index, width: (index / width, index % width),
            "indices count from 0: nothing has to be subtracted": (
                lambda index, width: ((index - 1) // width, (index - 1) % width)
            ),
        },
        cases=lambda g: [(0, 8), (7, 8), (8, 8), (100, 28), (34, 5)],
        hints=("Undo `row * width + column`.", "`divmod` does both halves."),
    ),
    Exercise(
        id="01.sequence",
        title="Images as sequences of pixels",
        chapter=1,
        difficulty=2,
        importance=3,
        minutes=8,
        question="Write `to_sequence(images)`: from a tensor (B, C, H, W) to (B, N, C) with \\(N = HW\\), one token a "
        "pixel, in raster order. The images themselves stay as they are.",
        reference=to_sequence,
        wrong={
            "reshape alone mixes the channels: memory is channels first, so move C to the end before you "
            "merge H and W": (lambda images: images.reshape(images.shape[0], -1, images.shape[1])),
            "the sequence runs down the columns: raster order reads each row from left to right": (
                lambda images: images.permute(0, 3, 2, 1).flatten(1, 2)
            ),
            "your function changed its input": _changed,
            "the values are right but the axes are transposed": lambda images: images.flatten(2),
        },
        cases=_images,
        shape="(B, N, C)",
        hints=("Which axes become N? Which one has to be last?", "`flatten(2)` merges H and W; what is left to swap?"),
    ),
    Exercise(
        id="01.attention-bytes",
        title="What attention stores",
        chapter=1,
        difficulty=2,
        importance=3,
        minutes=6,
        question="Write `attention_bytes(side, heads)`: the bytes that the attention matrices of one layer "
        "take for one "
        "square image of `side` × `side` pixels, one token a pixel, in `float32` (4 bytes), one matrix a "
        "head, all stored.",
        reference=attention_bytes,
        wrong={
            "the number of tokens is the number of pixels, side², not the side": (
                lambda side, heads: heads * side * side * 4
            ),
            "every head has its own matrix: multiply by the number of heads": lambda side, heads: side**4 * 4,
            "this counts numbers, not bytes: a float32 takes 4 bytes": lambda side, heads: heads * side**4,
            "this counts bits: a byte has 8 of them, a float32 has 4 bytes": lambda side, heads: heads * side**4 * 32,
        },
        cases=lambda g: [(8, 1), (8, 4), (28, 4), (32, 8), (224, 12)],
        hints=("How many tokens has the image? How many pairs of tokens?", "heads · (side²)² · 4"),
    ),
    Exercise(
        id="01.doubling",
        title="Doubling the side",
        chapter=1,
        difficulty=1,
        importance=2,
        minutes=3,
        question="Write `growth(doublings)`: the factor by which the memory of the stored attention "
        "matrices grows when "
        "the side of the image is doubled that many times, one token a pixel.",
        reference=growth,
        wrong={
            "that is how the side grows: tokens go with its square, attention with the square of the tokens": (
                lambda doublings: 2**doublings
            ),
            "that is how the number of tokens grows: attention goes with its square": lambda doublings: 4**doublings,
            "each doubling multiplies: two of them give 16 · 16, not 16 + 16": lambda doublings: 16 * doublings,
        },
        cases=lambda g: [(0,), (1,), (2,), (3,)],
        hints=("Double the side: how many times more pixels?", "Four times the tokens: how many times more pairs?"),
    ),
)
