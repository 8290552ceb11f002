"""Chapter 9: overlapping patches of a spectrogram, its padding, positions for another length, and noise."""

# ruff: noqa: N803, N806  (F, M, N, P, R, C, D are the letters of the field)
from __future__ import annotations

import torch
import torch.nn.functional as nn_functional
from torch import Tensor

from mmcourse.exercises.core import Exercise, register
from mmcourse.exercises.running import Case


def sequence_length(bands: int, frames: int, P: int, stride: int) -> int:
    """Number of tokens that AST's encoder reads: overlapping patches and two tokens in front."""
    rows = (bands - P) // stride + 1
    columns = (frames - P) // stride + 1
    return rows * columns + 2


def cut(spectrogram: Tensor, P: int, stride: int) -> Tensor:
    """Overlapping patches of a spectrogram (F, M), low bands first, to (N, P P)."""
    patches = spectrogram.T.unfold(0, P, stride).unfold(1, P, stride)  # (rows, columns, P, P)
    return patches.reshape(-1, P * P)


def fit_length(level: Tensor, frames: int, mean: float, deviation: float) -> Tensor:
    """A log-mel spectrogram (F, M) cut or padded with zeros to so many frames, then normalised."""
    level = level[:frames]
    missing = frames - len(level)
    padded = torch.cat([level, level.new_zeros(missing, level.shape[1])])
    return (padded - mean) / (2 * deviation)


def move_in_time(table: Tensor, columns: int) -> Tensor:
    """Positions (R, C, D) for another number of columns: the middle is cut out, or all are stretched."""
    C = table.shape[1]
    if columns <= C:
        start = C // 2 - columns // 2
        return table[:, start : start + columns]
    place = (torch.arange(columns) + 0.5) * C / columns - 0.5
    place = place.clamp(0, C - 1)
    left = place.floor().long()
    right = (left + 1).clamp(max=C - 1)
    share = (place - left)[:, None]
    return (1 - share) * table[:, left] + share * table[:, right]


def with_noise(sound: Tensor, noise: Tensor, decibels: float) -> Tensor:
    """A sound with noise added so that the sound's power is so many decibels above the noise's."""
    wanted = sound.square().mean() / 10 ** (decibels / 10)
    return sound + noise * (wanted / noise.square().mean()).sqrt()


def _cut_family(
    spectrogram: Tensor,
    P: int,
    stride: int,
    *,
    apart: bool = False,
    unturned: bool = False,
    columns_first: bool = False,
    time_first_inside: bool = False,
    high_first: bool = False,
) -> Tensor:
    """Overlapping patches with a switch for each mistake."""
    picture = spectrogram if unturned else spectrogram.T
    picture = picture.flip(0) if high_first else picture
    step = P if apart else stride
    patches = picture.unfold(0, P, step).unfold(1, P, step)
    patches = patches.transpose(0, 1) if columns_first else patches
    patches = patches.transpose(2, 3) if time_first_inside else patches
    return patches.reshape(-1, P * P)


def _fit_family(
    level: Tensor,
    frames: int,
    mean: float,
    deviation: float,
    *,
    once: bool = False,
    root: bool = False,
    added: bool = False,
    late: bool = False,
    silence: bool = False,
    front: bool = False,
    last_frames: bool = False,
) -> Tensor:
    """Length and scale with a switch for each mistake."""
    level = level[-frames:] if last_frames else level[:frames]
    missing = frames - len(level)
    below = 0.0 if late else float(level.min()) if silence else 0.0
    scale = deviation if once else (2 * deviation) ** 0.5 if root else 2 * deviation
    shift = -mean if added else mean

    def scaled(x: Tensor) -> Tensor:
        return (x - shift) / scale

    padding = torch.full((missing, level.shape[1]), below, dtype=level.dtype)
    parts = [scaled(level), padding if late else scaled(padding)]
    return torch.cat(parts[::-1] if front else parts)


def _move_family(
    table: Tensor,
    columns: int,
    *,
    corners: bool = False,
    nearest: bool = False,
    repeated: bool = False,
    zeros: bool = False,
    from_start: bool = False,
    squeezed: bool = False,
) -> Tensor:
    """Positions for another length with a switch for each mistake."""
    R, C, D = table.shape
    if columns <= C:
        if squeezed:
            rows = table.permute(0, 2, 1)
            return nn_functional.interpolate(rows, columns, mode="linear", align_corners=False).permute(0, 2, 1)
        start = 0 if from_start else C // 2 - columns // 2
        return table[:, start : start + columns]
    if zeros:
        return torch.cat([table, table.new_zeros(R, columns - C, D)], 1)
    if repeated:
        return table[:, torch.arange(columns) % C]
    rows = table.permute(0, 2, 1)
    if nearest:
        return nn_functional.interpolate(rows, columns, mode="nearest").permute(0, 2, 1)
    return nn_functional.interpolate(rows, columns, mode="linear", align_corners=corners).permute(0, 2, 1)


def _noise_family(
    sound: Tensor,
    noise: Tensor,
    decibels: float,
    *,
    twenty: bool = False,
    natural: bool = False,
    upside_down: bool = False,
    no_root: bool = False,
    noise_as_it_is: bool = False,
    sound_unmeasured: bool = False,
    noise_unmeasured: bool = False,
    sums: bool = False,
    noise_alone: bool = False,
) -> Tensor:
    """Noise at a ratio with a switch for each mistake."""
    ratio = 10 ** (decibels / (20 if twenty else 10))
    ratio = float(torch.tensor(decibels / 10).exp()) if natural else ratio
    ratio = 1 / ratio if upside_down else ratio
    loud = sound.square().sum() if sums else sound.square().mean()
    wanted = (1.0 if sound_unmeasured else loud) / ratio
    gain = torch.as_tensor(wanted / (1.0 if noise_unmeasured else noise.square().mean()))
    gain = gain if no_root else gain.sqrt()
    gain = torch.ones(()) if noise_as_it_is else gain
    return noise * gain if noise_alone else sound + noise * gain


def _sheets(g: torch.Generator) -> list[Case]:
    return [
        (torch.randn(f, m, generator=g), P, stride)
        for f, m, P, stride in ((7, 5, 3, 2), (10, 6, 4, 3), (6, 9, 2, 1), (9, 7, 4, 4))
    ]


def _levels(g: torch.Generator) -> list[Case]:
    return [
        (torch.randn(f, m, generator=g) - 4, frames, mean, deviation)
        for f, m, frames, mean, deviation in ((3, 2, 5, -4.27, 4.57), (6, 3, 4, -6.63, 5.36), (4, 4, 4, -5.0, 2.0))
    ]


def _tables(g: torch.Generator) -> list[Case]:
    return [
        (torch.randn(r, c, d, generator=g), columns)
        for r, c, d, columns in ((2, 4, 3, 9), (3, 5, 2, 7), (2, 6, 4, 3), (1, 7, 2, 4), (2, 3, 2, 3))
    ]


def _sounds(g: torch.Generator) -> list[Case]:
    cases: list[Case] = []
    for length, loud, hiss, decibels in ((40, 0.5, 0.1, 10.0), (64, 0.02, 3.0, 0.0), (50, 2.0, 0.3, -6.0)):
        cases.append((loud * torch.randn(length, generator=g), hiss * torch.randn(length, generator=g), decibels))
    return cases


register(
    Exercise(
        id="09.count",
        title="How many tokens AST reads",
        chapter=9,
        difficulty=1,
        importance=3,
        minutes=4,
        question="Write `sequence_length(bands, frames, P, stride)`: how many tokens the encoder reads of a "
        "spectrogram of so many bands and frames, in patches of P x P that begin `stride` apart in both directions, "
        "with a class token and a distillation token in front. What does not fill a patch is left out.",
        reference=sequence_length,
        wrong={
            "the class token and the distillation token are missing: add 2": (
                lambda bands, frames, P, stride: ((bands - P) // stride + 1) * ((frames - P) // stride + 1)
            ),
            "there are two tokens in front, class and distillation: add 2, not 1": (
                lambda bands, frames, P, stride: ((bands - P) // stride + 1) * ((frames - P) // stride + 1) + 1
            ),
            "the first patch is missing in each direction: (size - P) // stride counts the steps, not the patches": (
                lambda bands, frames, P, stride: ((bands - P) // stride) * ((frames - P) // stride) + 2
            ),
            "patches overlap: the next one begins `stride` cells on, not P": (
                lambda bands, frames, P, stride: (bands // P) * (frames // P) + 2,
                lambda bands, frames, P, stride: ((bands - P) // P + 1) * ((frames - P) // P + 1) + 2,
            ),
            "the last patch must fit: it begins P cells before the end at the latest": (
                lambda bands, frames, P, stride: (bands // stride) * (frames // stride) + 2,
                lambda bands, frames, P, stride: (bands // stride + 1) * (frames // stride + 1) + 2,
            ),
            "a patch that begins and does not end inside is none: round down": (
                lambda bands, frames, P, stride: (
                    (1 - (P - bands) // stride) * (1 - (P - frames) // stride) + 2  # -(-a // b) rounds a / b up
                )
            ),
            "rows and columns are multiplied, not added: each row has a patch in every column": (
                lambda bands, frames, P, stride: ((bands - P) // stride + 1) + ((frames - P) // stride + 1) + 2
            ),
        },
        whole=True,
        cases=lambda g: [
            (128, 1024, 16, 10),
            (128, 512, 16, 10),
            (46, 96, 16, 10),
            (16, 16, 16, 10),
            (64, 64, 16, 16),
            (30, 47, 8, 5),
        ],
        hints=(
            "Count along one axis first: at which band can the last patch begin?",
            "`(bands - P) // stride + 1` rows; the same for the columns; two tokens more.",
        ),
    ),
    Exercise(
        id="09.cut",
        title="Cut with overlap",
        chapter=9,
        difficulty=2,
        importance=3,
        minutes=8,
        question="Write `cut(spectrogram, P, stride)`: a spectrogram (F, M), frames by bands, to its overlapping "
        "patches (N, P·P). Bands run down the picture, low ones first, frames to the right. Patches come row by row, "
        "and so do the cells inside a patch.",
        reference=cut,
        wrong={},
        family=_cut_family,
        switches={
            "apart": "patches overlap: the next one begins `stride` cells on, not P",
            "unturned": "bands run down and frames to the right: turn the (F, M) table over first",
            "columns_first": "patches come row by row: all of the lowest bands first, from left to right",
            "time_first_inside": "inside a patch, too, cells come row by row: all frames of the lowest band first",
            "high_first": "low bands come first: the picture is not turned upside down",
        },
        shape="(N, P·P)",
        cases=_sheets,
        hints=(
            "`Tensor.unfold(axis, size, step)` gives overlapping windows along one axis; use it twice.",
            "`spectrogram.T.unfold(0, P, stride).unfold(1, P, stride)` is (rows, columns, P, P).",
        ),
    ),
    Exercise(
        id="09.length",
        title="Padded, then normalised",
        chapter=9,
        difficulty=2,
        importance=2,
        minutes=6,
        question="Write `fit_length(level, frames, mean, deviation)`: a log-mel spectrogram (F, M) to the `frames` "
        "that the published AST reads. A longer one loses its end, a shorter one gets frames of zeros behind it; after "
        "that every cell becomes \\((x - mean) / (2 \\cdot deviation)\\).",
        reference=fit_length,
        wrong={},
        family=_fit_family,
        switches={
            "once": "AST divides by twice the deviation",
            "root": "twice the deviation is 2 · deviation; no root is taken",
            "added": "the mean is taken off: it is negative here, so the numbers grow",
            "late": "zeros come first, the scale afterwards: they are scaled like every other cell",
            "silence": "the padding is 0 before the scale, as published, not the quietest cell",
            "front": "the padding stands behind the sound, not before it",
            "last_frames": "a longer sound keeps its beginning and loses its end",
        },
        shape="(frames, M)",
        cases=_levels,
        hints=(
            "Cut, pad, scale: in this order.",
            "`level.new_zeros(frames - len(level), M)` and `torch.cat`.",
        ),
    ),
    Exercise(
        id="09.positions",
        title="Positions for a longer sound",
        chapter=9,
        difficulty=3,
        importance=3,
        minutes=12,
        question="Write `move_in_time(table, columns)`: positions (R, C, D) of R rows and C columns of patches, for "
        "another number of columns. Fewer: keep the middle, beginning at `C // 2 - columns // 2`. More: interpolate "
        "linearly along time, column c lying at \\((c + 0.5)\\,C / columns - 0.5\\) of the old ones, and never beyond "
        "the first or the last.",
        reference=move_in_time,
        wrong={
            "the axes of the table are mixed up: only time is interpolated, a row stays a row": (
                lambda table, columns: (
                    move_in_time(table, columns)
                    if columns <= table.shape[1]
                    else nn_functional.interpolate(
                        table.reshape(1, 1, -1), table.shape[0] * columns * table.shape[2], mode="linear"
                    ).reshape(table.shape[0], columns, table.shape[2])
                )
            ),
        },
        family=_move_family,
        switches={
            "corners": "first and last columns are not nailed down: cells have a width, so their middles move "
            "(align_corners=False)",
            "nearest": "between two columns their weighted mean is wanted, not the nearer one",
            "repeated": "later columns do not begin again from the first: all are stretched",
            "zeros": "new columns are not zeros behind the old ones: all are stretched",
            "from_start": "fewer columns keep the middle of the table, not its beginning",
            "squeezed": "fewer columns are cut out of the middle, not squeezed together",
        },
        shape="(R, columns, D)",
        cases=_tables,
        hints=(
            "`torch.nn.functional.interpolate` works on the last axis of (R, D, C), so turn the table first.",
            "`F.interpolate(table.permute(0, 2, 1), columns, mode='linear', align_corners=False)`, then turn back.",
        ),
    ),
    Exercise(
        id="09.noise",
        title="Noise so many decibels below",
        chapter=9,
        difficulty=2,
        importance=2,
        minutes=7,
        question="Write `with_noise(sound, noise, decibels)`: the sound with the noise added, made louder or quieter "
        "so that the sound's mean power is `decibels` above the noise's, "
        "\\(10 \\log_{10}(P_{sound} / P_{noise})\\).",
        reference=with_noise,
        wrong={},
        family=_noise_family,
        switches={
            "twenty": "20 belongs to amplitudes; for powers it is 10 ** (decibels / 10)",
            "natural": "decibels count in powers of 10, not of e",
            "upside_down": "more decibels mean less noise: divide the sound's power",
            "no_root": "the factor of the samples is the root of the factor of the power",
            "noise_as_it_is": "the noise must be made louder or quieter first",
            "sound_unmeasured": "the ratio is to this sound's power: measure it",
            "noise_unmeasured": "measure the noise's own power too, and divide by it",
            "sums": "compare mean with mean: here the sound's power is a sum",
            "noise_alone": "the sound itself is missing from the sum",
        },
        shape="(T,)",
        cases=_sounds,
        hints=(
            "Which power must the noise have? Which has it now?",
            "Multiply the noise with the root of wanted power over present power.",
        ),
    ),
)
