"""Answers to the exercises of chapter 9, as students write them."""

# ruff: noqa: N803, N806  (F, M, N, P, R, C, D are the letters of the field)
import math

import numpy as np
import torch
from torch.nn import functional


def _count_loop(bands, frames, P, stride):
    tokens = 2
    for top in range(0, bands, stride):
        for left in range(0, frames, stride):
            if top + P <= bands and left + P <= frames:
                tokens += 1
    return tokens


def _count_unfold(bands, frames, P, stride):
    picture = torch.zeros(bands, frames).unfold(0, P, stride).unfold(1, P, stride)
    return picture.shape[0] * picture.shape[1] + 2


def _count_convolution(bands, frames, P, stride):
    seen = functional.conv2d(torch.zeros(1, 1, bands, frames), torch.zeros(1, 1, P, P), stride=stride)
    return seen.numel() + 2


def _cut_loops(spectrogram, P, stride):
    picture = spectrogram.T
    rows, columns = picture.shape
    found = []
    for r in range(0, rows - P + 1, stride):
        for c in range(0, columns - P + 1, stride):
            found.append(picture[r : r + P, c : c + P].reshape(-1))
    return torch.stack(found)


def _cut_unfold(spectrogram, P, stride):
    return functional.unfold(spectrogram.T[None, None], P, stride=stride)[0].T


def _cut_numpy(spectrogram, P, stride):
    picture = np.asarray(spectrogram).T
    windows = np.lib.stride_tricks.sliding_window_view(picture, (P, P))[::stride, ::stride]
    return windows.reshape(-1, P * P)


def _cut_time_first(spectrogram, P, stride):
    pieces = spectrogram.unfold(0, P, stride).unfold(1, P, stride)  # (columns, rows, time, band)
    return pieces.permute(1, 0, 3, 2).flatten(2).flatten(0, 1)


def _fit_pad(level, frames, mean, deviation):
    missing = max(0, frames - level.shape[0])
    padded = functional.pad(level, (0, 0, 0, missing))[:frames]
    return (padded - mean) / (2 * deviation)


def _fit_authors(fbank, target, mean, std):
    p = target - fbank.shape[0]
    if p > 0:
        fbank = torch.nn.ZeroPad2d((0, 0, 0, p))(fbank[None])[0]
    elif p < 0:
        fbank = fbank[0:target, :]
    return (fbank - mean) / (std * 2)


def _fit_filled(level, frames, mean, deviation):
    out = torch.full((frames, level.shape[1]), -mean / (2 * deviation))
    kept = min(frames, len(level))
    out[:kept] = (level[:kept] - mean) / deviation / 2
    return out


def _fit_numpy(level, frames, mean, deviation):
    out = np.zeros((frames, level.shape[1]))
    out[: len(level)] = np.asarray(level)[:frames]
    return (out - mean) / (2 * deviation)


def _move_bilinear(table, columns):
    R, C = table.shape[:2]
    if columns <= C:
        s = C // 2 - columns // 2
        return table[:, s : s + columns].clone()
    picture = table.permute(2, 0, 1)[None]
    return functional.interpolate(picture, (R, columns), mode="bilinear")[0].permute(1, 2, 0)


def _move_linear(table, columns):
    if columns <= table.shape[1]:
        return table.narrow(1, table.shape[1] // 2 - columns // 2, columns)
    return functional.interpolate(table.transpose(1, 2), size=columns, mode="linear").transpose(1, 2)


def _move_numpy(table, columns):
    old = np.asarray(table, dtype=float)
    R, C, D = old.shape
    if columns <= C:
        return old[:, C // 2 - columns // 2 :][:, :columns]
    at = (np.arange(columns) + 0.5) * C / columns - 0.5
    return np.stack([[np.interp(at, np.arange(C), old[r, :, d]) for d in range(D)] for r in range(R)]).swapaxes(1, 2)


def _move_loop(table, columns):
    C = table.shape[1]
    start = C // 2 - columns // 2
    if columns <= C:
        return torch.stack([table[:, start + c] for c in range(columns)], 1)
    out = []
    for c in range(columns):
        x = min(max((c + 0.5) * C / columns - 0.5, 0), C - 1)
        a = min(int(x), C - 2)
        out.append(table[:, a] * (a + 1 - x) + table[:, a + 1] * (x - a))
    return torch.stack(out, dim=1)


def _move_matrix(table, columns):
    C = table.shape[1]
    if columns <= C:
        return table[:, C // 2 - columns // 2 : C // 2 - columns // 2 + columns]
    W = functional.interpolate(torch.eye(C)[None], columns, mode="linear")[0]  # (C, columns)
    return torch.einsum("rcd,cn->rnd", table, W)


def _noise_decibels(sound, noise, decibels):
    have = 10 * torch.log10(sound.pow(2).mean() / noise.pow(2).mean())
    return sound + noise * 10 ** ((have - decibels) / 20)


def _noise_rms(sound, noise, decibels):
    rms = lambda x: x.pow(2).mean().sqrt()  # noqa: E731
    return sound + noise / rms(noise) * rms(sound) * 10 ** (-decibels / 20)


def _noise_numpy(sound, noise, decibels):
    s, n = np.asarray(sound, dtype=float), np.asarray(noise, dtype=float)
    return s + n * np.sqrt((s**2).mean() / (n**2).mean() / 10 ** (decibels / 10))


def _noise_norms(sound, noise, decibels):
    return sound + noise * (sound.norm() / noise.norm()) / 10 ** (decibels / 20)


def _gain(sound, noise, decibels):
    return math.sqrt(float(sound @ sound) / float(noise @ noise) * 10 ** (-decibels / 10))


RIGHT = {
    "09.count": [
        lambda bands, frames, P, stride: ((bands - P) // stride + 1) * ((frames - P) // stride + 1) + 2,
        _count_loop,
        _count_unfold,
        _count_convolution,
        lambda b, f, P, s: len(range(0, b - P + 1, s)) * len(range(0, f - P + 1, s)) + 2,
        lambda b, f, P, s: int(2 + math.prod((size - P + s) // s for size in (b, f))),
    ],
    "09.cut": [
        _cut_loops,
        _cut_unfold,
        _cut_numpy,
        _cut_time_first,
        lambda spectrogram, P, stride: spectrogram.T.unfold(0, P, stride).unfold(1, P, stride).flatten(2).flatten(0, 1),
        lambda spectrogram, P, stride: (
            spectrogram.transpose(0, 1).unfold(1, P, stride).unfold(0, P, stride).transpose(2, 3).reshape(-1, P * P)
        ),
        lambda spectrogram, P, stride: _cut_loops(spectrogram, P, stride).tolist(),
    ],
    "09.length": [
        _fit_pad,
        _fit_authors,
        _fit_filled,
        _fit_numpy,
        lambda level, frames, mean, deviation: (
            (torch.cat([level, torch.zeros(frames, level.shape[1])])[:frames] - mean) / (2 * deviation)
        ),
        lambda level, frames, mean, deviation: 0.5 * (_fit_pad(level, frames, 0.0, 0.5) - mean) / deviation,
        lambda level, frames, mean, deviation: _fit_numpy(level, frames, mean, deviation).tolist(),
    ],
    "09.positions": [
        _move_bilinear,
        _move_linear,
        _move_numpy,
        _move_loop,
        _move_matrix,
        lambda table, columns: _move_linear(table.double(), columns),
    ],
    "09.noise": [
        _noise_decibels,
        _noise_rms,
        _noise_numpy,
        _noise_norms,
        lambda sound, noise, decibels: sound + _gain(sound, noise, decibels) * noise,
        lambda sound, noise, decibels: torch.add(sound, noise, alpha=_gain(sound, noise, decibels)),
        lambda sound, noise, decibels: _noise_numpy(sound, noise, decibels).tolist(),
    ],
}


WRONG = {
    "09.count": {
        "patches alone": lambda bands, frames, P, stride: ((bands - P) // stride + 1) * ((frames - P) // stride + 1),
        "one token": lambda b, f, P, s: ((b - P) // s + 1) * ((f - P) // s + 1) + 1,
        "no overlap": lambda b, f, P, s: (b // P) * (f // P) + 2,
        "steps": lambda b, f, P, s: ((b - P) // s) * ((f - P) // s) + 2,
        "by stride": lambda b, f, P, s: (b // s) * (f // s) + 2,
        "added": lambda b, f, P, s: (b - P) // s + 1 + (f - P) // s + 1 + 2,
    },
    "09.cut": {
        "no overlap": lambda spectrogram, P, stride: spectrogram.T.unfold(0, P, P).unfold(1, P, P).reshape(-1, P * P),
        "not turned": lambda spectrogram, P, stride: (
            spectrogram.unfold(0, P, stride).unfold(1, P, stride).reshape(-1, P * P)
        ),
        "column by column": lambda spectrogram, P, stride: (
            spectrogram.unfold(0, P, stride).unfold(1, P, stride).transpose(2, 3).reshape(-1, P * P)
        ),
        "inside turned": lambda spectrogram, P, stride: (
            spectrogram.T.unfold(0, P, stride).unfold(1, P, stride).transpose(2, 3).reshape(-1, P * P)
        ),
        "upside down": lambda spectrogram, P, stride: (
            spectrogram.T.flip(0).unfold(0, P, stride).unfold(1, P, stride).reshape(-1, P * P)
        ),
    },
    "09.length": {
        "one deviation": lambda level, frames, mean, deviation: 2 * _fit_pad(level, frames, mean, deviation),
        "mean added": lambda level, frames, mean, deviation: _fit_pad(level, frames, -mean, deviation),
        "zeros after the scale": lambda level, frames, mean, deviation: functional.pad(
            ((level - mean) / (2 * deviation))[:frames], (0, 0, 0, max(0, frames - len(level)))
        ),
        "zeros in front": lambda level, frames, mean, deviation: (
            (functional.pad(level[:frames], (0, 0, max(0, frames - len(level)), 0)) - mean) / (2 * deviation)
        ),
        "the end": lambda level, frames, mean, deviation: _fit_pad(level[-frames:], frames, mean, deviation),
    },
    "09.positions": {
        "corners": lambda table, columns: (
            functional.interpolate(table.mT, columns, mode="linear", align_corners=True).mT
            if columns > table.shape[1]
            else _move_linear(table, columns)
        ),
        "nearest": lambda table, columns: (
            functional.interpolate(table.mT, columns).mT if columns > table.shape[1] else _move_linear(table, columns)
        ),
        "beginning": lambda table, columns: (
            table[:, :columns] if columns <= table.shape[1] else _move_linear(table, columns)
        ),
        "squeezed": lambda table, columns: functional.interpolate(table.mT, columns, mode="linear").mT,
        "zeros": lambda table, columns: (
            functional.pad(table, (0, 0, 0, columns - table.shape[1]))
            if columns > table.shape[1]
            else _move_linear(table, columns)
        ),
    },
    "09.noise": {
        "amplitude": lambda sound, noise, decibels: _noise_norms(sound, noise, 0.5 * decibels),
        "upside down": lambda sound, noise, decibels: _noise_norms(sound, noise, -decibels),
        "no root": lambda sound, noise, decibels: sound + noise * _gain(sound, noise, decibels) ** 2,
        "as it is": lambda sound, noise, decibels: sound + noise,
        "noise not measured": lambda sound, noise, decibels: (
            sound + noise * (sound.square().mean() / 10 ** (decibels / 10)).sqrt()
        ),
    },
}

HELD_OUT = {
    "09.count": {
        "rounded up": lambda b, f, P, s: (math.ceil((b - P) / s) + 1) * (math.ceil((f - P) / s) + 1) + 2,
        "square": lambda b, f, P, s: ((f - P) // s + 1) ** 2 + 2,
        "tokens multiplied": lambda b, f, P, s: 2 * ((b - P) // s + 1) * ((f - P) // s + 1),
        "overlap as stride": lambda b, f, P, s: ((b - P) // max(1, P - s) + 1) * ((f - P) // max(1, P - s) + 1) + 2,
        "tokens in the row": lambda b, f, P, s: ((b - P) // s + 1) * ((f - P) // s + 1 + 2),
    },
    "09.cut": {
        "time reversed": lambda spectrogram, P, stride: _cut_loops(spectrogram.flip(0), P, stride),
        "means": lambda spectrogram, P, stride: _cut_loops(spectrogram - spectrogram.mean(), P, stride),
        "columns of unfold": lambda spectrogram, P, stride: functional.unfold(
            spectrogram.T[None, None], P, stride=stride
        )[0],
        "not flat": lambda spectrogram, P, stride: spectrogram.T.unfold(0, P, stride).unfold(1, P, stride),
        "stride in one axis": lambda spectrogram, P, stride: (
            spectrogram.T.unfold(0, P, P).unfold(1, P, stride).reshape(-1, P * P)
        ),
    },
    "09.length": {
        "quietest": lambda level, frames, mean, deviation: (
            (
                torch.cat([level, torch.full((max(0, frames - len(level)), level.shape[1]), float(level.min()))])[
                    :frames
                ]
                - mean
            )
            / (2 * deviation)
        ),
        "own mean": lambda level, frames, mean, deviation: (
            (functional.pad(level, (0, 0, 0, max(0, frames - len(level))))[:frames] - level.mean()) / (2 * deviation)
        ),
        "only the scale": lambda level, frames, mean, deviation: _fit_pad(level, frames, 0.0, deviation),
        "multiplied": lambda level, frames, mean, deviation: (_fit_pad(level, frames, mean, 0.5)) * (2 * deviation),
        "not cut": lambda level, frames, mean, deviation: (
            (functional.pad(level, (0, 0, 0, max(0, frames - len(level)))) - mean) / (2 * deviation)
        ),
    },
    "09.positions": {
        "repeated": lambda table, columns: (
            table[:, torch.arange(columns) % table.shape[1]]
            if columns > table.shape[1]
            else _move_linear(table, columns)
        ),
        "the end": lambda table, columns: (
            table[:, -columns:] if columns <= table.shape[1] else _move_linear(table, columns)
        ),
        "last one repeated": lambda table, columns: (
            table[:, torch.arange(columns).clamp(max=table.shape[1] - 1)]
            if columns > table.shape[1]
            else _move_linear(table, columns)
        ),
        "rows stretched": lambda table, columns: functional.interpolate(
            table.permute(1, 2, 0), columns, mode="linear"
        ).permute(2, 0, 1),
        "off by one": lambda table, columns: (
            table[:, (table.shape[1] - columns + 2) // 2 :][:, :columns]
            if columns < table.shape[1]
            else _move_linear(table, columns)
        ),
    },
    "09.noise": {
        "sum of powers": lambda sound, noise, decibels: (
            sound + noise * (sound.square().sum() / noise.square().mean() / 10 ** (decibels / 10)).sqrt()
        ),
        "sound scaled": lambda sound, noise, decibels: noise + sound * _gain(noise, sound, -decibels),
        "noise alone": lambda sound, noise, decibels: noise * _gain(sound, noise, decibels),
        "peak": lambda sound, noise, decibels: (
            sound + noise * sound.abs().max() / noise.abs().max() / 10 ** (decibels / 20)
        ),
        "taken off": lambda sound, noise, decibels: sound - 2 * noise * _gain(sound, noise, decibels),
    },
}
