"""Chapter 1: pixels as tokens."""

# ruff: noqa: N806
import math
from fractions import Fraction

import numpy as np
import torch
import torch.nn.functional as F


def _loop_index(row, column, width):
    i = 0
    for _ in range(row):
        i += width
    for _ in range(column):
        i += 1
    return i


def _named_place(index, width):
    row = 0
    while index >= width:
        index -= width
        row += 1
    return row, index


def _loop_sequence(images):
    B, C, H, W = images.shape
    out = torch.zeros(B, H * W, C)
    for b in range(B):
        for y in range(H):
            for x in range(W):
                for c in range(C):
                    out[b, y * W + x, c] = images[b, c, y, x]
    return out


def _list_sequence(images):
    images = images.tolist()
    return [
        [
            [images[b][c][y][x] for c in range(len(images[b]))]
            for y in range(len(images[b][0]))
            for x in range(len(images[b][0][0]))
        ]
        for b in range(len(images))
    ]


def _in_place_sequence(images):
    images *= 1.5
    return images.flatten(2).transpose(1, 2)


RIGHT = {
    "01.index": [
        lambda row, column, width: row * width + column,
        lambda row, column, width: np.int64(row) * width + column,
        lambda row, column, width: torch.tensor(row * width + column),
        lambda row, column, width: int(np.ravel_multi_index((row, column), (row + 1, width))),
        lambda row, column, width: len(range(row)) * width + column,
        _loop_index,
        lambda row, column, width: np.ravel_multi_index((row, column), (row + 1, width)),
    ],
    "01.raster": [
        divmod,
        lambda index, width: [index // width, index % width],
        lambda index, width: np.unravel_index(index, (index // width + 1, width)),
        lambda index, width: np.array([index // width, index % width]),
        lambda index, width: torch.tensor([index // width, index % width]),
        lambda index, width: torch.Size((index // width, index - index // width * width)),
        _named_place,
        lambda index, width: (torch.tensor(index) // width, torch.tensor(index) % width),
    ],
    "01.sequence": [
        lambda images: images.flatten(2).transpose(1, 2),
        lambda images: images.permute(0, 2, 3, 1).reshape(images.shape[0], -1, images.shape[1]),
        lambda images: np.moveaxis(images.numpy(), 1, -1).reshape(len(images), -1, images.shape[1]),
        lambda images: np.asarray(images, dtype=np.float64).reshape(*images.shape[:2], -1).transpose(0, 2, 1),
        lambda images: torch.einsum("bcn->bnc", images.flatten(2)),
        lambda images: images.double().movedim(1, -1).flatten(1, 2),
        lambda images: torch.stack([i.reshape(i.shape[0], -1).T for i in images]),
        _loop_sequence,
        _list_sequence,
        lambda images: [i.flatten(1).T for i in images],
    ],
    "01.attention-bytes": [
        lambda side, heads: 4 * heads * side**4,
        lambda side, heads: heads * (side * side) ** 2 * 4,
        lambda side, heads: torch.zeros(heads, side * side, 1).expand(-1, -1, side * side).numel() * 4,
        lambda side, heads: np.prod([heads, side**2, side**2, 4]),
        lambda side, heads: float(heads * side**4 * 4),
        lambda side, heads: int(heads * math.pow(side, 4)) * np.dtype("float32").itemsize,
        lambda side, heads: torch.tensor(4 * heads * side**4),
    ],
    "01.doubling": [
        lambda doublings: 16**doublings,
        lambda doublings: 2 ** (4 * doublings),
        lambda doublings: 16.0**doublings,
        lambda doublings: np.float64(2) ** (doublings * 4),
        lambda doublings: np.power(16, doublings),
        lambda doublings: torch.tensor(16) ** doublings,
        lambda doublings: math.prod([16] * doublings),
        lambda doublings: Fraction(16) ** doublings,
        lambda doublings: 1 << 4 * doublings,
    ],
}

WRONG = {
    "01.index": {
        "counted from 1": lambda row, column, width: row * width + column + 1,
        "column times width": lambda row, column, width: row + column * width,
        "row minus one": lambda row, column, width: (row - 1) * width + column,
        "sum": lambda row, column, width: row + column + width,
        "product": lambda row, column, width: row * column * width,
    },
    "01.raster": {
        "swapped": lambda index, width: (index % width, index // width),
        "true division": lambda index, width: (index / width, index % width),
        "counted from 1": lambda index, width: (index // width + 1, index % width + 1),
        "only the row": lambda index, width: index // width,
        "remainder by row": lambda index, width: (index // width, index - index // width),
    },
    "01.sequence": {
        "reshape alone": lambda images: images.reshape(images.shape[0], -1, images.shape[1]),
        "channels first": lambda images: images.flatten(2),
        "column by column": lambda images: images.permute(0, 3, 2, 1).flatten(1, 2),
        "one number a token": lambda images: images.flatten(1)[..., None],
        "changes its input": _in_place_sequence,
    },
    "01.attention-bytes": {
        "one matrix only": lambda side, heads: side**4 * 4,
        "pixels and not pairs": lambda side, heads: 4 * heads * side**2,
        "numbers and not bytes": lambda side, heads: heads * side**4,
        "bits": lambda side, heads: heads * side**4 * 32,
        "side once": lambda side, heads: heads * side * 4,
    },
    "01.doubling": {
        "doubling once whatever is asked": lambda doublings: 16,
        "tokens only": lambda doublings: 4**doublings,
        "times, not power": lambda doublings: 16 * doublings,
        "side only": lambda doublings: 2**doublings,
        "one doubling too many": lambda doublings: 16 ** (doublings + 1),
    },
}

HELD_OUT = {
    "01.index": {
        "no column": lambda row, column, width: row * width,
        "from the right": lambda row, column, width: row * width + (width - column),
        "width minus one": lambda row, column, width: row * (width - 1) + column,
        "as a string": lambda row, column, width: f"{row * width + column}",
        "pair and not a number": lambda row, column, width: (row * width, column),
    },
    "01.raster": {
        "column counted from 1": lambda index, width: (index // width, index % width + 1),
        "rounds": lambda index, width: (round(index / width), index % width),
        "column whole": lambda index, width: (index // width, index),
        "both remainders": lambda index, width: (index % width, index % width),
        "width reduced": lambda index, width: divmod(index, width - 1),
    },
    "01.sequence": {
        "transposed pictures": lambda images: images.transpose(2, 3).flatten(2).transpose(1, 2),
        "view of permuted sizes": lambda images: images.reshape(
            images.shape[0], images.shape[2] * images.shape[3], images.shape[1]
        ),
        "batch merged": lambda images: images.permute(0, 2, 3, 1).flatten(0, 2),
        "keeps the picture": lambda images: images.permute(0, 2, 3, 1),
        "scaled": lambda images: images.flatten(2).transpose(1, 2) / 255,
        "mean over the channels": lambda images: images.flatten(2).mean(1, keepdim=True).transpose(1, 2),
        "flipped": lambda images: images.flatten(2).flip(2).transpose(1, 2),
        "repeated channel": lambda images: F.pad(images.flatten(2).transpose(1, 2)[..., :1], (0, images.shape[1] - 1)),
    },
    "01.attention-bytes": {
        "two bytes": lambda side, heads: 2 * heads * side**4,
        "kilobytes": lambda side, heads: 4 * heads * side**4 / 1024,
        "heads squared": lambda side, heads: 4 * heads**2 * side**4,
        "causal half": lambda side, heads: 4 * heads * side**2 * (side**2 + 1) // 2,
        "twice the side instead of square": lambda side, heads: 4 * heads * (2 * side) ** 2,
    },
    "01.doubling": {
        "in percent": lambda doublings: 100 * 16**doublings,
        "growth minus one": lambda doublings: 16**doublings - 1,
        "cubic": lambda doublings: 8**doublings,
        "exponent of an exponent": lambda doublings: 2 ** (2**doublings),
        "base and exponent exchanged": lambda doublings: doublings**16,
    },
}
