"""Chapter 4: telling the transformer where a token stands."""

# ruff: noqa: N803, N806  (B, N, D, P, E are the letters of the field)
from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from mmcourse.exercises.core import Case, Exercise, register


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
    return [(5, 4), (16, 8), (49, 16), (3, 2)]


def _pairs(g: torch.Generator) -> list[Case]:
    return [
        (torch.randn(h, d, generator=g), torch.randn(w, d, generator=g))
        for h, w, d in ((2, 3, 2), (4, 4, 3), (5, 2, 4))
    ]


def _grids(g: torch.Generator) -> list[Case]:
    grids = (((2, 3), (4, 6), 4), ((4, 4), (7, 7), 3), ((6, 4), (3, 2), 5))
    return [(torch.randn(1 + a[0] * a[1], d, generator=g), a, b) for a, b, d in grids]


def _waves(N: int, D: int, power: float = 1.0, first: int = 0, halves: bool = False, swap: bool = False) -> Tensor:
    """The sinusoidal table with a choice of mistakes."""
    position = torch.arange(first, N + first, dtype=torch.float32)[:, None]
    frequency = 10000 ** (-power * torch.arange(0, D, 2, dtype=torch.float32) / D)
    waves = [torch.sin(position * frequency), torch.cos(position * frequency)]
    waves = waves[::-1] if swap else waves
    return torch.cat(waves, dim=1) if halves else torch.stack(waves, dim=-1).flatten(1)


def _grid(
    table: Tensor, old: tuple[int, int], new: tuple[int, int], corners: bool = False, mode: str = "bicubic"
) -> Tensor:
    grid = table.reshape(1, *old, -1).permute(0, 3, 1, 2)
    return F.interpolate(grid, size=new, mode=mode, align_corners=corners).permute(0, 2, 3, 1).flatten(0, 2)


def _unpermuted(table: Tensor, old: tuple[int, int], new: tuple[int, int]) -> Tensor:
    grid = F.interpolate(table[1:].reshape(1, -1, *old), size=new, mode="bicubic", align_corners=False)
    return torch.cat([table[:1], grid.reshape(new[0] * new[1], -1)])


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
            "that is the one-hot matrix itself: multiply it by the table": (
                lambda positions, table: F.one_hot(positions, len(table)).to(table.dtype)
            ),
            "positions count from 0: position 0 takes the first row of the table": (
                lambda positions, table: table[positions - 1]
            ),
            "the table was read from its end: position 0 takes the first row": (
                lambda positions, table: table.flip(0)[positions]
            ),
        },
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
        wrong={
            "sines and cosines stand in two halves: here they alternate, sine in column 2i, cosine in column 2i + 1": (
                lambda N, D: _waves(N, D, halves=True)
            ),
            "sine and cosine are swapped: at n = 0 column 0 is sin 0 = 0": lambda N, D: _waves(N, D, swap=True),
            "the frequencies fall too slowly: the exponent is 2i/D, not i/D": lambda N, D: _waves(N, D, power=0.5),
            "positions count from 0: the first row is 0, 1, 0, 1, …": lambda N, D: _waves(N, D, first=1),
        },
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
                lambda rows, columns: (
                    combine_2d(rows, columns).reshape(len(rows), len(columns), -1).transpose(0, 1).flatten(0, 1)
                )
            ),
            "row and column were added: side by side they cannot be confused": (
                lambda rows, columns: (rows[:, None] + columns[None]).flatten(0, 1)
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
        wrong={
            "the class token's row got lost: it has no place on the grid, so keep it aside and put it back": (
                lambda table, old, new: _grid(table[1:], old, new)
            ),
            "the class token's row belongs at the front": (
                lambda table, old, new: torch.cat([_grid(table[1:], old, new), table[:1]])
            ),
            "D must stand before the grid: permute (h, w, D) to (D, h, w); a reshape mixes dimensions and "
            "places": _unpermuted,
            "the corners were aligned: interpolate with align_corners=False": (
                lambda table, old, new: torch.cat([table[:1], _grid(table[1:], old, new, corners=True)])
            ),
            "this is bilinear: the task asks for mode='bicubic'": (
                lambda table, old, new: torch.cat([table[:1], _grid(table[1:], old, new, mode="bilinear")])
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
