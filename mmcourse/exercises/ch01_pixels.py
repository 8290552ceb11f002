"""Chapter 1: an image as a sequence of pixels, and what that costs."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from mmcourse.exercises.core import Exercise, register
from mmcourse.exercises.running import Case


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


def _bytes(
    side: int,
    heads: int,
    *,
    pixels: bool = False,
    side_only: bool = False,
    one_head: bool = False,
    numbers: bool = False,
    bits: bool = False,
    half: bool = False,
    double: bool = False,
    causal: bool = False,
    root_causal: bool = False,
    twice: bool = False,
) -> int:
    """The bytes of attention with a choice of mistakes."""
    n = 2 * side if twice else side * side
    pairs = (
        side if side_only else n if pixels else n * (n + 1) // 2 if causal else n * (n - 1) if root_causal else n * n
    )
    size = 1 if numbers else 32 if bits else 2 if half else 8 if double else 4
    return (1 if one_head else heads) * pairs * size


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
            "a row holds `width` pixels, not `width` + 1": lambda row, column, width: row * (width + 1) + column,
            "rows count from 0: before row 0 there is no row, before row 1 there is one": (
                lambda row, column, width: (row - 1) * width + column
            ),
            "the column was left out: all pixels of a row get the same position": (
                lambda row, column, width: row * width,
            ),
            "each row before this one adds `width` pixels: multiply the row by the width, then add the column": (
                lambda row, column, width: row + column,
                lambda row, column, width: row + column + width,
                lambda row, column, width: row * column,
                lambda row, column, width: row * column * width,
                lambda row, column, width: row * column + width,
                lambda row, column, width: (row + column) * width,
                lambda row, column, width: row * (width + column),
            ),
            "columns count from the left, yours from the right": (
                lambda row, column, width: row * width + width - column,
                lambda row, column, width: row * width + width - column - 1,
            ),
        },
        whole=True,
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
            "a row is a whole number: divide with //, not with /": (
                lambda index, width: (index / width, index % width),
                lambda index, width: (int(index / width + 0.5), index % width),
                lambda index, width: (round(index / width), index % width),
                lambda index, width: (math.ceil(index / width), index % width),
            ),
            "indices count from 0: nothing has to be subtracted": (
                lambda index, width: ((index - 1) // width, (index - 1) % width)
            ),
            "rows and columns count from 0: nothing has to be added": (
                lambda index, width: (index // width + 1, index % width + 1),
                lambda index, width: (index // width, index % width + 1),
                lambda index, width: (index // width + 1, index % width),
            ),
            "the column is what is left of the index after all full rows: index - row * width": (
                lambda index, width: (index // width, index - index // width),
                lambda index, width: (index // width, index),
                lambda index, width: (index // width, width - index % width),
                lambda index, width: (index // width, index // width),
                lambda index, width: (index // width, index - width),
            ),
            "the row is how many full rows fit into the index: divide with //": (
                lambda index, width: (index % width, index % width)
            ),
            "a row holds `width` pixels": (
                lambda index, width: divmod(index, width - 1),
                lambda index, width: divmod(index, width + 1),
            ),
        },
        whole=True,
        cases=lambda g: [(0, 8), (7, 8), (8, 8), (100, 28), (34, 5), (59, 6)],
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
            "merge H and W": (
                lambda images: images.reshape(images.shape[0], -1, images.shape[1]),
                lambda images: images.permute(0, 2, 1, 3).reshape(images.shape[0], -1, images.shape[1]),
            ),
            "the sequence runs down the columns: raster order reads each row from left to right": (
                lambda images: images.permute(0, 3, 2, 1).flatten(1, 2)
            ),
            "a token is a pixel with all its channels, not a single number": (
                lambda images: images.flatten(1)[..., None],
                lambda images: images.permute(0, 2, 3, 1).flatten(1)[..., None],
                lambda images: images.flatten(1),
                lambda images: images.permute(0, 2, 3, 1).flatten(1),
            ),
            "the channels were averaged: a token keeps all C of them": (
                lambda images: images.flatten(2).mean(1)[..., None],
                lambda images: images.flatten(2).mean(1),
            ),
            "only the first channel is here: a token keeps all C of them": (
                lambda images: images[:, 0].flatten(1)[..., None],
                lambda images: images[:, 0].flatten(1),
            ),
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
        family=_bytes,
        switches={
            "pixels": "side² pixels give side² · side² pairs of tokens: square twice",
            "side_only": "the side was never squared: side² pixels give side² · side² pairs of tokens",
            "one_head": "every head has its own matrix: multiply by the number of heads",
            "numbers": "this counts numbers, not bytes: a float32 takes 4 bytes",
            "bits": "this counts bits: a byte has 8 of them, a float32 has 4 bytes",
            "half": "a float32 takes 4 bytes, not 2",
            "double": "a float32 takes 4 bytes, not 8",
            "causal": "every pair is stored here, not only those on one side of the diagonal",
            "root_causal": "every pair is stored here, also that of a token with itself",
            "twice": "side² is side times side, not two times side",
        },
        wrong={},
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
            "each doubling multiplies: two of them give 16 · 16, not 16 + 16": (
                lambda doublings: 16 * doublings,
                lambda doublings: 16 * max(doublings, 1),
                lambda doublings: 2 * doublings,
                lambda doublings: 4 * doublings,
            ),
            "that is one doubling whatever is asked: the number of doublings is the exponent": lambda doublings: 16,
            "each doubling multiplies by 16: four times the tokens, four times four times the pairs": (
                lambda doublings: 8**doublings,
                lambda doublings: 32**doublings,
                lambda doublings: 2 ** (2**doublings),
                lambda doublings: 4 ** (2**doublings),
                lambda doublings: 2 ** (3 * doublings),
                lambda doublings: 256**doublings,
            ),
            "16 is what one doubling multiplies by, the number of doublings is its exponent: 16 ** doublings": (
                lambda doublings: doublings**16,
                lambda doublings: doublings**4,
                lambda doublings: doublings**2,
                lambda doublings: (2 * doublings) ** 4,
            ),
            "that is one doubling too many: with no doubling the factor is 1": lambda doublings: 16 ** (doublings + 1),
            "that is one doubling too few: one of them gives 16": lambda doublings: 16 ** (doublings - 1),
        },
        cases=lambda g: [(0,), (1,), (2,), (3,)],
        hints=("Double the side: how many times more pixels?", "Four times the tokens: how many times more pairs?"),
    ),
)
