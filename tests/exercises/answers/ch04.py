"""Chapter 4: positions."""

# ruff: noqa: N803
import math

import numpy as np
import torch
import torch.nn.functional as F


def _hot_loop(positions, table):
    out = torch.zeros(len(positions), len(table), dtype=table.dtype)
    for i, p in enumerate(positions):
        out[i, p] = 1
    return out.mm(table)


def _hot_scatter(positions, table):
    hot = torch.zeros(len(positions), table.shape[0])
    hot.scatter_(1, positions[:, None], 1.0)
    return torch.matmul(hot, table)


def _hot_lists(positions, table):
    rows = table.tolist()
    hot = [[1.0 if p == m else 0.0 for m in range(len(rows))] for p in positions.tolist()]
    return [[sum(h * row[d] for h, row in zip(line, rows, strict=True)) for d in range(len(rows[0]))] for line in hot]


def _wave_loop(N, D):
    out = torch.zeros(N, D)
    for n in range(N):
        for i in range(D // 2):
            angle = n * 10000 ** (-2 * i / D)
            out[n, 2 * i] = math.sin(angle)
            out[n, 2 * i + 1] = math.cos(angle)
    return out


def _wave_numpy(N, D):
    angle = np.arange(N)[:, None] / 10000 ** (np.arange(0, D, 2) / D)
    out = np.empty((N, D))
    out[:, ::2] = np.sin(angle)
    out[:, 1::2] = np.cos(angle)
    return out


def _wave_stack(N, D):
    angle = torch.outer(torch.arange(N).float(), torch.exp(-math.log(10000) * torch.arange(0, D, 2) / D))
    return torch.stack([angle.sin(), angle.cos()], dim=2).reshape(N, D)


def _wave_shifted(N, D):
    column = torch.arange(D)
    angle = torch.arange(N)[:, None] * 10000.0 ** (-(column // 2 * 2) / D)
    return torch.sin(angle + (column % 2) * math.pi / 2)


def _waves(N, D, base=10000.0, start=0, exponent=None):
    angle = torch.arange(start, N + start)[:, None] * base ** (
        -(torch.arange(0, D, 2) / D if exponent is None else exponent)
    )
    return angle


def _stacked(angle, N, D):
    return torch.stack([angle.sin(), angle.cos()], dim=2).reshape(N, D)


def _sin_only(N, D):
    column = torch.arange(D)
    return torch.sin(torch.arange(N)[:, None] * 10000.0 ** (-(column // 2 * 2) / D))


def _no_pairs(N, D):
    angle = torch.arange(N)[:, None] * 10000.0 ** (-torch.arange(D) / D)
    out = angle.sin()
    out[:, 1::2] = angle[:, 1::2].cos()
    return out


def _grid_loop(rows, columns):
    return torch.stack([torch.cat([r, c]) for r in rows for c in columns])


def _size_loop(table, old, new):
    head, rest = table[0:1], table[1:]
    rest = rest.T.reshape(1, -1, old[0], old[1])
    rest = F.interpolate(rest, new, mode="bicubic", align_corners=False)
    return torch.vstack((head, rest[0].flatten(1).T))


def _resize(table, old, new, mode="bicubic", corners=False, **more):
    grid = table.reshape(1, *old, -1).permute(0, 3, 1, 2)
    options = {} if mode == "nearest" else {"align_corners": corners}
    return F.interpolate(grid, size=tuple(new), mode=mode, **options, **more).permute(0, 2, 3, 1).flatten(0, 2)


def _resize_each(table, old, new):
    columns = []
    for d in range(table.shape[1]):
        image = table[1:, d].reshape(1, 1, *old)
        columns.append(F.interpolate(image, size=new, mode="bicubic").flatten())
    return torch.cat([table[:1], torch.stack(columns, 1)])


def _resize_double(table, old, new):
    return torch.cat([table[:1].double(), _resize(table[1:].double(), old, new)])


def _resize_raw(table, old, new):
    h, w = old
    grid = table[1:].reshape(1, table.shape[1], h, w)
    return torch.cat([table[:1], F.interpolate(grid, size=new, mode="bicubic").reshape(-1, table.shape[1])])


def _resize_half_raw(table, old, new):
    grid = table[1:].T.reshape(1, -1, *old)
    return torch.cat([table[:1], F.interpolate(grid, size=new, mode="bicubic").reshape(-1, table.shape[1])])


RIGHT = {
    "04.one-hot": [
        lambda positions, table: F.one_hot(positions, table.shape[0]).float() @ table,
        lambda positions, table: np.eye(len(table))[positions.numpy()] @ table.numpy(),
        lambda positions, table: torch.eye(len(table))[positions] @ table,
        lambda positions, table: (positions[:, None] == torch.arange(len(table))).to(table.dtype) @ table,
        lambda positions, table: torch.einsum("nm,md->nd", F.one_hot(positions, len(table)).to(table), table),
        lambda positions, table: F.one_hot(positions, len(table)).double() @ table.double(),
        lambda positions, table: F.linear(F.one_hot(positions, len(table)).float(), table.T),
        _hot_loop,
        _hot_scatter,
        _hot_lists,
    ],
    "04.sinusoidal-1d": [
        _wave_loop,
        _wave_numpy,
        _wave_stack,
        _wave_shifted,
        lambda N, D: _wave_numpy(N, D).astype(np.float32),
        lambda N, D: _wave_numpy(N, D).tolist(),
        lambda N, D: torch.from_numpy(_wave_numpy(N, D)),
    ],
    "04.sinusoidal-2d": [
        _grid_loop,
        lambda rows, columns: torch.cat([rows.repeat_interleave(len(columns), 0), columns.repeat(len(rows), 1)], dim=1),
        lambda rows, columns: np.hstack(
            [np.repeat(rows.numpy(), len(columns), axis=0), np.tile(columns.numpy(), (len(rows), 1))]
        ),
        lambda rows, columns: [r + c for r in rows.tolist() for c in columns.tolist()],
        lambda rows, columns: torch.stack(
            [torch.cat([rows[i // len(columns)], columns[i % len(columns)]]) for i in range(len(rows) * len(columns))]
        ).double(),
        lambda rows, columns: np.array([np.concatenate([r, c]) for r in rows for c in columns]),
    ],
    "04.resize": [
        _size_loop,
        _resize_each,
        _resize_double,
        lambda table, old, new: torch.cat([table[:1], _resize(table[1:], old, new)]),
        lambda table, old, new: torch.cat([table[:1], _resize(table[1:], old, new)]).numpy(),
        lambda table, old, new: np.concatenate([table[:1].numpy(), _resize(table[1:], old, new).numpy()]),
        lambda table, old, new: torch.cat([table[:1], _resize(table[1:], list(old), list(new))]).tolist(),
    ],
}

WRONG = {
    "04.one-hot": {
        "indexing": lambda positions, table: table[positions],
        "one-hot only": lambda positions, table: F.one_hot(positions, len(table)).float(),
        "columns": lambda positions, table: (F.one_hot(positions, len(table)).float() @ table).T,
        "integers times floats": lambda positions, table: F.one_hot(positions, len(table)) @ table,
        "one position on": lambda positions, table: F.one_hot((positions + 1) % len(table), len(table)).float() @ table,
    },
    "04.sinusoidal-1d": {
        "halves": lambda N, D: torch.cat([_waves(N, D).sin(), _waves(N, D).cos()], dim=1),
        "cosine first": lambda N, D: torch.stack([_waves(N, D).cos(), _waves(N, D).sin()], dim=2).reshape(N, D),
        "from one": lambda N, D: _stacked(_waves(N, D, start=1), N, D),
        "base 1000": lambda N, D: _stacked(_waves(N, D, base=1000.0), N, D),
        "positive exponent": lambda N, D: _stacked(_waves(N, D, exponent=-torch.arange(0, D, 2) / D), N, D),
    },
    "04.sinusoidal-2d": {
        "columns first in the pair": lambda rows, columns: torch.stack(
            [torch.cat([c, r]) for r in rows for c in columns]
        ),
        "places by columns": lambda rows, columns: torch.stack([torch.cat([r, c]) for c in columns for r in rows]),
        "added": lambda rows, columns: torch.stack([r + c for r in rows for c in columns]),
        "grid kept": lambda rows, columns: _grid_loop(rows, columns).reshape(len(rows), len(columns), -1),
        "repeat where repeat_interleave": lambda rows, columns: torch.cat(
            [rows.repeat(len(columns), 1), columns.repeat(len(rows), 1)], dim=1
        ),
    },
    "04.resize": {
        "class token lost": lambda table, old, new: _resize(table[1:], old, new),
        "bilinear": lambda table, old, new: torch.cat([table[:1], _resize(table[1:], old, new, "bilinear")]),
        "corners aligned": lambda table, old, new: torch.cat([table[:1], _resize(table[1:], old, new, corners=True)]),
        "raw reshape": _resize_raw,
        "class token interpolated": lambda table, old, new: _resize(table, (1, len(table)), (1, new[0] * new[1] + 1)),
    },
}

HELD_OUT = {
    "04.one-hot": {
        "index_select": lambda positions, table: torch.index_select(table, 0, positions),
        "embedding": lambda positions, table: F.embedding(positions, table),
        "transposed one-hot": lambda positions, table: (
            F.one_hot(positions, len(table)).float().T @ table[: len(positions)]
        ),
        "sum of all": lambda positions, table: (F.one_hot(positions, len(table)).float() @ table).sum(0),
        "numpy take": lambda positions, table: table.numpy()[positions.numpy()],
        "elementwise product": lambda positions, table: F.one_hot(positions, table.shape[1]).float() * table,
    },
    "04.sinusoidal-1d": {
        "no frequencies": lambda N, D: _stacked(torch.arange(N)[:, None] * torch.ones(D // 2), N, D),
        "exponent i/D": lambda N, D: _stacked(_waves(N, D, exponent=torch.arange(D // 2) / D), N, D),
        "sines only": _sin_only,
        "each column its own frequency": _no_pairs,
        "degrees": lambda N, D: _stacked(_waves(N, D) * math.pi / 180, N, D),
        "two pi": lambda N, D: _stacked(2 * math.pi * _waves(N, D), N, D),
        "transposed": lambda N, D: _wave_stack(N, D).T,
    },
    "04.sinusoidal-2d": {
        "multiplied": lambda rows, columns: torch.stack([r * c for r in rows for c in columns]),
        "interleaved": lambda rows, columns: torch.stack(
            [torch.stack([r, c], 1).flatten() for r in rows for c in columns]
        ),
        "rows twice": lambda rows, columns: torch.stack([torch.cat([r, r]) for r in rows for c in columns]),
        "stacked": lambda rows, columns: torch.cat([rows, columns]),
        "interleaved columns": lambda rows, columns: torch.cat(
            [rows.repeat_interleave(len(columns), 0), columns.repeat_interleave(len(rows), 0)], dim=1
        ),
    },
    "04.resize": {
        "nearest": lambda table, old, new: torch.cat([table[:1], _resize(table[1:], old, new, "nearest")]),
        "class token last": lambda table, old, new: torch.cat([_resize(table[1:], old, new), table[:1]]),
        "back without permuting": _resize_half_raw,
        "old and new exchanged": lambda table, old, new: torch.cat([table[:1], _resize(table[1:], old[::-1], new)]),
        "class token zero": lambda table, old, new: torch.cat([0 * table[:1], _resize(table[1:], old, new)]),
        "antialiased": lambda table, old, new: torch.cat([table[:1], _resize(table[1:], old, new, antialias=True)]),
    },
}
