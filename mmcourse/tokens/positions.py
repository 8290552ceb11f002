"""Where a token stands: learned and sinusoidal positions, and how to move them to another grid."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmcourse.checks import choose, real, sides, tensor, whole

KINDS = ("learned", "sinusoidal_1d", "sinusoidal_2d", "none")


def one_hot(count: int) -> Tensor:
    """The lecture's first step: one row per position with a single 1, (N, N). Derived in :ref:`sec-04-one-hot`."""
    whole("count", count)
    return torch.eye(count)


def sinusoidal_1d(count: int, width: int) -> Tensor:
    """Sines and cosines of N positions in a row (Vaswani et al., 2017, section 3.5).

    Derived in :ref:`sec-04-sinusoidal`.

    Args:
        count: Number of positions, N.
        width: D, even.

    Returns:
        (N, D); column 2 i is sin(n / 10000^(2 i / D)), column 2 i + 1 its cosine.
    """
    whole("count", count)
    whole("width", width)
    if width % 2:
        raise ValueError(f"width {width} is odd; each frequency needs a sine and a cosine, so choose an even width.")
    frequency = torch.exp(torch.arange(0, width, 2) * (-math.log(10000.0) / width))
    angle = torch.arange(count)[:, None] * frequency
    return torch.stack([angle.sin(), angle.cos()], dim=-1).flatten(1)


def sinusoidal_halves(count: int, width: int) -> Tensor:
    """Whisper's variant of :func:`sinusoidal_1d`: all sines first, then all cosines, and the last period is 10000 2 pi.

    As in openai/whisper, ``model.py``.

    Args:
        count: Number of positions, N.
        width: D, even and at least 4.

    Returns:
        (N, D); column i < D / 2 is sin(n / 10000^(i / (D / 2 - 1))), column D / 2 + i its cosine.
    """
    whole("count", count)
    whole("width", width, 4)
    if width % 2:
        raise ValueError(f"width {width} is odd; each frequency needs a sine and a cosine, so choose an even width.")
    frequency = torch.exp(torch.arange(width // 2) * (-math.log(10000.0) / (width // 2 - 1)))
    angle = torch.arange(count)[:, None] * frequency
    return torch.cat([angle.sin(), angle.cos()], dim=1)


def sinusoidal_2d(rows: int, columns: int, width: int) -> Tensor:
    """Half of the width says the row, half the column. Derived in :ref:`sec-04-sinusoidal`.

    Args:
        rows: rows of the grid.
        columns: columns of the grid.
        width: D, a multiple of 4.

    Returns:
        (rows * columns, D) in raster order.
    """
    for name, value in (("rows", rows), ("columns", columns), ("width", width)):
        whole(name, value)
    if width % 4:
        raise ValueError(f"width {width} is not a multiple of 4: a sine and a cosine for rows and for columns need it.")
    row = sinusoidal_1d(rows, width // 2)[:, None].expand(-1, columns, -1)
    column = sinusoidal_1d(columns, width // 2)[None].expand(rows, -1, -1)
    return torch.cat([row, column], dim=-1).flatten(0, 1)


def interpolate(table: Tensor, from_grid: tuple[int, int], to_grid: tuple[int, int], prefix: int = 1) -> Tensor:
    """Stretch learned positions to another grid, so that a model reads pictures of another size.

    Bicubic in two dimensions, as in Dosovitskiy et al. (2021, section 3.2). Derived in :ref:`sec-04-resize`.

    Args:
        table: (prefix + rows * columns, D).
        from_grid: rows and columns that the table was made for.
        to_grid: rows and columns that are wanted.
        prefix: rows at the front that belong to no patch (the class token) and are kept as they are.

    Returns:
        (prefix + rows * columns of the new grid, D).
    """
    tensor("table", table, 2, floating=True)
    from_grid, to_grid = sides("from_grid", from_grid), sides("to_grid", to_grid)
    whole("prefix", prefix, 0)
    if len(table) != prefix + from_grid[0] * from_grid[1]:
        raise ValueError(
            f"the table has {len(table)} rows; a grid of {from_grid[0]} x {from_grid[1]} and {prefix} more need "
            f"{prefix + from_grid[0] * from_grid[1]}."
        )
    if from_grid == to_grid:
        return table
    picture = table[prefix:].unflatten(0, from_grid).permute(2, 0, 1)[None]  # (1, D, rows, columns)
    resized = F.interpolate(picture, size=to_grid, mode="bicubic", align_corners=False)
    return torch.cat([table[:prefix], resized[0].permute(1, 2, 0).flatten(0, 1)])


class Positions(nn.Module):
    """E_pos (N, D), one row per position, added to the tokens: learned, or sines and cosines, or nothing.

    One-hot vectors times this matrix give its rows, so a look-up is all that is computed
    (:ref:`sec-04-one-hot`). Derived in :ref:`sec-04-learned` and :ref:`sec-04-sinusoidal`.

    Args:
        kind: ``"learned"``, ``"sinusoidal_1d"``, ``"sinusoidal_2d"`` or ``"none"``.
        grid: rows and columns of tokens; (1, N) for a sequence.
        width: Width of a token, D.
        prefix: tokens in front that belong to no place of the grid (a class token); only learned positions have rows
            for them, others add zeros.
        std: standard deviation of the normal distribution that learned ones start at; 0.02 in ViT (Dosovitskiy et
            al., 2021).
    """

    def __init__(self, kind: str, grid: tuple[int, int], width: int, *, prefix: int = 0, std: float = 0.02) -> None:
        super().__init__()
        choose("kind", kind, KINDS)
        whole("width", width)
        whole("prefix", prefix, 0)
        real("std", std)
        self.kind, self.grid, self.width, self.prefix = kind, sides("grid", grid), width, prefix
        if max(*self.grid, width) >= 2**24:
            raise ValueError(f"{grid[0]} x {grid[1]} positions of width {width} are what no machine can hold.")
        self.table: Tensor
        if kind == "learned":
            self.table = nn.Parameter(torch.empty(prefix + grid[0] * grid[1], width).normal_(std=std))
        else:
            self.register_buffer("table", None if kind == "none" else self.on(grid), persistent=False)

    def on(self, grid: tuple[int, int]) -> Tensor:
        """The table for a grid of rows and columns, (prefix + rows columns, D); learned ones are interpolated."""
        grid = sides("grid", grid)
        if self.kind == "learned":
            return interpolate(self.table, self.grid, grid, self.prefix)
        if self.kind == "sinusoidal_1d":
            table = sinusoidal_1d(grid[0] * grid[1], self.width)
        else:
            table = sinusoidal_2d(*grid, self.width)
        return F.pad(table, (0, 0, self.prefix, 0))

    def forward(self, tokens: Tensor, grid: tuple[int, int] | None = None) -> Tensor:
        """Add to tokens of a whole grid: (B, prefix + rows columns, D) -> the same shape."""
        tensor("tokens", tokens, 3)
        if self.kind == "none":
            return tokens
        table = self.table if grid is None or grid == self.grid else self.on(grid).to(tokens)
        if len(table) != tokens.shape[1]:
            raise ValueError(f"{tokens.shape[1]} tokens, but only {len(table)} positions; resize the table first.")
        return tokens + table
