"""Chapter 4: telling the transformer where a token stands."""

# ruff: noqa: N803, N806  (B, N, D, P, E are the letters of the field)
from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from mmcourse.exercises.core import Exercise, register
from mmcourse.exercises.running import Case, Function, attempt
from mmcourse.exercises.values import numbers_of


def embed(positions: Tensor, table: Tensor) -> Tensor:
    """Position vectors as one-hot rows times a matrix."""
    return F.one_hot(positions, len(table)).to(table.dtype) @ table


def sinusoidal_1d(N: int, D: int) -> Tensor:
    """Sines in the even columns, cosines in the odd ones."""
    position = torch.arange(N, dtype=torch.float32)[:, None]
    frequency = 10000 ** (-torch.arange(0, D, 2, dtype=torch.float32) / D)
    table = torch.empty(N, D)
    table[:, 0::2] = torch.sin(position * frequency)
    table[:, 1::2] = torch.cos(position * frequency)
    return table


def combine_2d(rows: Tensor, columns: Tensor) -> Tensor:
    """A table of row vectors and one of column vectors as a table of all places, in raster order."""
    h, w, D = len(rows), len(columns), rows.shape[1]
    table = torch.cat([rows[:, None].expand(h, w, D), columns[None].expand(h, w, D)], dim=-1)
    return table.reshape(h * w, 2 * D)


def resize(table: Tensor, old: tuple[int, int], new: tuple[int, int]) -> Tensor:
    """A table with a class token (1 + h·w, D) on another grid."""
    first, grid = table[:1], table[1:]
    grid = grid.reshape(1, *old, -1).permute(0, 3, 1, 2)  # (1, D, h, w)
    grid = F.interpolate(grid, size=new, mode="bicubic", align_corners=False)
    return torch.cat([first, grid.permute(0, 2, 3, 1).flatten(0, 2)])


def _tables(g: torch.Generator) -> list[Case]:
    return [
        (torch.randint(0, m, (n,), generator=g), torch.randn(m, d, generator=g))
        for n, m, d in ((4, 4, 3), (5, 9, 2), (1, 3, 8), (6, 6, 6))
    ]


def _sizes(g: torch.Generator) -> list[Case]:
    return [(5, 4), (16, 8), (49, 16), (3, 2), (4, 6)]


def _pairs(g: torch.Generator) -> list[Case]:
    return [
        (torch.randn(h, d, generator=g), torch.randn(w, d, generator=g))
        for h, w, d in ((2, 3, 2), (4, 4, 3), (5, 2, 4))
    ]


def _grids(g: torch.Generator) -> list[Case]:
    grids = (((2, 3), (4, 6), 4), ((4, 4), (7, 7), 3), ((6, 4), (3, 2), 5))
    return [(torch.randn(1 + a[0] * a[1], d, generator=g), a, b) for a, b, d in grids]


def _waves(
    N: int,
    D: int,
    *,
    halves: bool = False,
    swap: bool = False,
    slow: bool = False,
    fast: bool = False,
    one: bool = False,
    rising: bool = False,
    thousand: bool = False,
    natural: bool = False,
    steady: bool = False,
    zero: bool = False,
    sines: bool = False,
    cosines: bool = False,
    unpaired: bool = False,
    degrees: bool = False,
    turns: bool = False,
    tensor2tensor: bool = False,
) -> Tensor:
    """The sinusoidal table with a choice of mistakes."""
    start = 1 if one else 0
    position = torch.arange(start, N + start, dtype=torch.float32)[:, None]
    if zero:
        position = torch.ones_like(position)
    column = torch.arange(D, dtype=torch.float32)
    pair = column if unpaired else 2 * (column // 2)
    exponent = pair / (max(D - 2, 1) if tensor2tensor else D)
    exponent = exponent / 2 if slow else exponent * 2 if fast else 0 * exponent if steady else exponent
    base = 1000.0 if thousand else math.e if natural else 10000.0
    frequency = base ** (exponent if rising else -exponent)
    frequency = frequency * math.pi / 180 if degrees else frequency * 2 * math.pi if turns else frequency
    angle = position * frequency
    even = torch.arange(D) % 2 == 0
    sine = torch.full((D,), sines) if sines or cosines else ~even if swap else even
    table = torch.where(sine, angle.sin(), angle.cos())
    return torch.cat([table[:, 0::2], table[:, 1::2]], dim=1) if halves else table


def _by_columns(table: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    return table.reshape(len(rows), len(columns), -1).transpose(0, 1).flatten(0, 1)


READ_BY_INDEX = (
    "the rows are right, but they were read from the table by index: the task asks for the product of a one-hot "
    "matrix and the table"
)


def _has_product(answer: Function) -> str | None:
    """Whether rows come out of a product: 0 times infinity is not a number, a row that is not read does no harm."""
    table = torch.tensor([[1.0, 2.0], [math.inf, math.inf], [3.0, 4.0]])
    case = (torch.tensor([0, 2]), table)
    if torch.isfinite(embed(*case)).any():
        return None  # on a machine whose product skips zeros this shows nothing
    (outcome,) = attempt(answer, [case])
    found = numbers_of(outcome.value) if outcome.error is None else None
    return READ_BY_INDEX if found is not None and torch.isfinite(found).all() else None


def _resized(
    table: Tensor,
    old: tuple[int, int],
    new: tuple[int, int],
    *,
    lost: bool = False,
    end: bool = False,
    zero: bool = False,
    averaged: bool = False,
    unpermuted: bool = False,
    unpermuted_back: bool = False,
    corners: bool = False,
    bilinear: bool = False,
    nearest: bool = False,
    area: bool = False,
    smooth: bool = False,
    old_turned: bool = False,
    new_turned: bool = False,
) -> Tensor:
    """A table on another grid with a choice of mistakes."""
    D = table.shape[1]
    old, new = old[::-1] if old_turned else old, new[::-1] if new_turned else new
    grid = table[1:].reshape(1, D, *old) if unpermuted else table[1:].reshape(1, *old, D).permute(0, 3, 1, 2)
    mode = "bilinear" if bilinear else "nearest" if nearest else "area" if area else "bicubic"
    options = {} if mode in ("nearest", "area") else {"align_corners": corners, "antialias": smooth}
    grid = F.interpolate(grid, size=new, mode=mode, **options)
    places = grid.reshape(-1, D) if unpermuted_back else grid.permute(0, 2, 3, 1).reshape(-1, D)
    first = table[1:].mean(0, keepdim=True) if averaged else 0 * table[:1] if zero else table[:1]
    return places if lost else torch.cat([places, first] if end else [first, places])


def _one_line(table: Tensor, old: tuple[int, int], new: tuple[int, int]) -> Tensor:
    line = F.interpolate(table.T[None, :, None], size=(1, 1 + new[0] * new[1]), mode="bicubic", align_corners=False)
    return line[0, :, 0].T


register(
    Exercise(
        id="04.one-hot",
        title="One-hot times a matrix",
        chapter=4,
        difficulty=1,
        importance=3,
        minutes=6,
        question="Write `embed(positions, table)`: for integer positions (N,) and a table (M, D), the matrix (N, D) of "
        "their vectors, by a **product of a one-hot matrix and the table**, as on the slide.",
        reference=embed,
        wrong={
            READ_BY_INDEX: (
                lambda positions, table: table[positions],
                lambda positions, table: F.embedding(positions, table),
            ),
            "that is the one-hot matrix itself: multiply it by the table": (
                lambda positions, table: F.one_hot(positions, len(table)).to(table.dtype)
            ),
            "positions count from 0: position 0 takes the first row of the table": (
                lambda positions, table: table[positions - 1],
                lambda positions, table: table[(positions + 1) % len(table)],
            ),
            "the table was read from its end: position 0 takes the first row": (
                lambda positions, table: table.flip(0)[positions]
            ),
            "that is the table itself: its rows must stand in the order of the positions": (
                lambda positions, table: table.clone(),
                lambda positions, table: table[: len(positions)],
            ),
            "the one-hot matrix is turned: its rows are the positions, its columns the rows of the table": (
                lambda positions, table: F.one_hot(positions, len(positions)).to(table.dtype).T @ table,
                lambda positions, table: F.one_hot(positions, len(table)).to(table.dtype).T @ table[: len(positions)],
                lambda positions, table: F.one_hot(positions, len(table)).to(table.dtype).T @ table,
            ),
            "this multiplies number by number: the product of matrices is @": (
                lambda positions, table: F.one_hot(positions, len(table)).to(table.dtype) * table,
                lambda positions, table: F.one_hot(positions, table.shape[1]).to(table.dtype) * table,
            ),
        },
        also=_has_product,
        cases=_tables,
        shape="(N, D)",
        hints=(
            "`torch.nn.functional.one_hot(positions, M)` has shape (N, M), and integers in it.",
            "Turn it to the table's dtype, then `@ table`.",
        ),
    ),
    Exercise(
        id="04.sinusoidal-1d",
        title="Sines and cosines of the position",
        chapter=4,
        difficulty=2,
        importance=3,
        minutes=12,
        question="Write `sinusoidal_1d(N, D)`: the table (N, D), D even, with \\(\\sin(n \\cdot "
        "10000^{-2i/D})\\) in column 2i "
        "and the cosine of the same angle in column 2i + 1, n from 0, in float32.",
        reference=sinusoidal_1d,
        family=_waves,
        switches={
            "halves": "sines and cosines stand in two halves: here they alternate, sine in column 2i, cosine in "
            "column 2i + 1",
            "swap": "sine and cosine are swapped: at n = 0 column 0 is sin 0 = 0",
            "slow": "the frequencies fall too slowly: the base is 10000, not 100, and the exponent 2i/D, not i/D",
            "fast": "the frequencies fall too fast: the exponent is 2i/D; `arange(0, D, 2)` counts 2i already",
            "one": "positions count from 0: the first row is 0, 1, 0, 1, …",
            "rising": "the frequencies rise: the exponent of 10000 is negative, -2i/D",
            "thousand": "the base is 10000, not 1000",
            "natural": "the base is 10000, not e",
            "steady": "every column has the same frequency: it must fall with i, as 10000^(-2i/D)",
            "zero": "the angles are all equal along a column: multiply the frequency by the position n",
            "sines": "there are sines only: odd columns take the cosine",
            "cosines": "there are cosines only: even columns take the sine",
            "unpaired": "each column has a frequency of its own: the columns 2i and 2i + 1 share one",
            "degrees": "the angle is in radians: sin and cos take it as it is",
            "turns": "the angle has no 2π: it is n times the frequency",
            "tensor2tensor": "the exponent divides by D, not by D - 2: the last frequency is not 1/10000 itself",
        },
        wrong={},
        cases=_sizes,
        shape="(N, D)",
        tolerance=1e-4,
        hints=(
            "Angles first: a column of positions times a row of D/2 frequencies.",
            "`torch.arange(0, D, 2) / D` is 2i/D; fill `table[:, 0::2]` and `table[:, 1::2]`.",
        ),
    ),
    Exercise(
        id="04.sinusoidal-2d",
        title="From one dimension to two",
        chapter=4,
        difficulty=2,
        importance=2,
        minutes=8,
        question="Write `combine_2d(rows, columns)`: from a table for rows (h, D) and one for columns (w, "
        "D), the table "
        "(h·w, 2D) of all places in raster order: first the D numbers of the row, then the D of the column.",
        reference=combine_2d,
        wrong={
            "row and column halves are swapped: the row's numbers come first": (
                lambda rows, columns: combine_2d(rows, columns).roll(rows.shape[1], 1)
            ),
            "the places run down the columns: in raster order the column changes fastest": (
                lambda rows, columns: _by_columns(combine_2d(rows, columns), rows, columns)
            ),
            "the places run down the columns, and the column's numbers come first: it is the row both times": (
                lambda rows, columns: _by_columns(combine_2d(rows, columns).roll(rows.shape[1], 1), rows, columns)
            ),
            "row and column were added: side by side they cannot be confused": (
                lambda rows, columns: (rows[:, None] + columns[None]).flatten(0, 1),
                lambda rows, columns: (rows[:, None] + columns[None]).flatten(0, 1).repeat(1, 2),
            ),
            "row and column were multiplied: put them side by side": (
                lambda rows, columns: (rows[:, None] * columns[None]).flatten(0, 1)
            ),
            "the numbers alternate: all D of the row come first, then all D of the column": (
                lambda rows, columns: combine_2d(rows, columns).unflatten(1, (2, -1)).transpose(1, 2).flatten(1)
            ),
            "the row's numbers stand in both halves: the second one belongs to the column": (
                lambda rows, columns: rows.repeat_interleave(len(columns), 0).repeat(1, 2)
            ),
            "the column's numbers stand in both halves: the first one belongs to the row": (
                lambda rows, columns: columns.repeat(len(rows), 1).repeat(1, 2)
            ),
            "rows and columns both change at every place: repeat each row w times (repeat_interleave), and the "
            "list of columns h times (repeat)": (
                lambda rows, columns: torch.cat([rows.repeat(len(columns), 1), columns.repeat(len(rows), 1)], 1),
                lambda rows, columns: torch.cat(
                    [rows.repeat_interleave(len(columns), 0), columns.repeat_interleave(len(rows), 0)], 1
                ),
            ),
            "the two tables stand one below the other: each place joins a row with a column": (
                lambda rows, columns: torch.cat([rows, columns])
            ),
        },
        cases=_pairs,
        shape="(h·w, 2D)",
        hints=(
            "Each row vector is repeated w times, each column vector h times.",
            "`expand` to (h, w, D), `cat`, `reshape`.",
        ),
    ),
    Exercise(
        id="04.resize",
        title="Another grid, the same table",
        chapter=4,
        difficulty=3,
        importance=3,
        minutes=15,
        question="Write `resize(table, old, new)`: from a learned table (1 + h·w, D) on the grid `old` to "
        "one on the grid `new`, "
        "by bicubic `torch.nn.functional.interpolate` with `align_corners=False`. Row 0 belongs to the "
        "class token and stays.",
        reference=resize,
        family=_resized,
        switches={
            "lost": "the class token's row got lost: it has no place on the grid, so keep it aside and put it back",
            "end": "the class token's row belongs at the front",
            "zero": "the class token's row became zero: it stays as it was",
            "averaged": "the class token's row was computed anew: it stays as it was",
            "unpermuted": "D must stand before the grid: permute (h, w, D) to (D, h, w); a reshape mixes dimensions "
            "and places",
            "unpermuted_back": "after interpolating D stands before the grid: permute (D, h, w) back to (h, w, D) "
            "before the last reshape",
            "corners": "the corners were aligned: interpolate with align_corners=False",
            "bilinear": "this is bilinear: the task asks for mode='bicubic'",
            "nearest": "this is nearest neighbour: the task asks for mode='bicubic'",
            "area": "this is mode='area': the task asks for mode='bicubic'",
            "smooth": "antialias was on: the task asks for plain bicubic interpolation",
            "old_turned": "the old grid's height and width are swapped: `old` is (h, w)",
            "new_turned": "the new grid's height and width are swapped: `new` is (h, w)",
        },
        wrong={
            "the class token took part in the interpolation: it has no place on the grid": (_one_line,),
            "the table is as it was: it must get one row for each place of the new grid": (
                lambda table, old, new: table.clone()
            ),
        },
        cases=_grids,
        shape="(1 + h·w, D)",
        tolerance=1e-4,
        hints=(
            "`interpolate` wants (batch, channels, height, width): the D numbers are the channels.",
            "reshape to (1, h, w, D), permute to (1, D, h, w), interpolate, and all the way back.",
        ),
    ),
)
