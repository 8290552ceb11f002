"""Answers to the exercises of chapter 8, as students write them."""

# ruff: noqa: N806  (S, X are the letters of the field)
import math

import numpy as np
import torch


def _alias_loop(hertz, rate):
    while hertz > rate:
        hertz -= rate
    return min(hertz, rate - hertz)


def _alias_phase(hertz, rate):
    rest = math.fmod(hertz, rate)
    return rate - rest if rest > rate / 2 else rest


def _alias_triangle(hertz, rate):
    half = rate / 2
    turns, rest = divmod(hertz, half)
    return rest if turns % 2 == 0 else half - rest


def _frames_loop(samples, size, hop):
    count = 0
    begin = 0
    while begin + size <= samples:
        count += 1
        begin += hop
    return count


def _hann(n):
    return 0.5 * (1 - np.cos(2 * np.pi * np.arange(n) / n))


def _power_numpy(frames):
    X = np.fft.rfft(np.asarray(frames) * _hann(frames.shape[1]), axis=1)
    return X.real**2 + X.imag**2


def _power_dft(frames):
    S = frames.shape[1]
    t = torch.arange(S, dtype=torch.float64)
    k = torch.arange(S // 2 + 1, dtype=torch.float64)
    angle = 2 * math.pi * k[:, None] * t / S
    x = frames.double() * torch.hann_window(S, dtype=torch.float64)
    return (x @ torch.cos(angle).T) ** 2 + (x @ torch.sin(angle).T) ** 2


def _power_full(frames):
    X = torch.fft.fft(frames * torch.hann_window(frames.shape[1]))
    return (X * X.conj()).real[:, : frames.shape[1] // 2 + 1]


def _power_stft(frames):
    S = frames.shape[1]
    return torch.stack(
        [
            torch.stft(f, S, S, window=torch.hann_window(S), center=False, return_complex=True)[:, 0].abs().pow(2)
            for f in frames
        ]
    )


def _power_rows(frames):
    return [torch.fft.rfft(row * torch.hann_window(len(row))).abs().square().tolist() for row in frames]


def _whisper_numpy(mel):
    x = np.log10(np.maximum(np.asarray(mel, dtype=float), 1e-10))
    return (np.maximum(x, x.max() - 8.0) + 4.0) / 4.0


def _whisper_openai(mel):
    log_spec = torch.clamp(mel, min=1e-10).log10()
    log_spec = torch.maximum(log_spec, log_spec.max() - 8.0)
    return (log_spec + 4.0) / 4.0


def _whisper_clamp(mel):
    x = mel.double().clamp_min(1e-10).log10()
    return x.clamp(min=x.max().item() - 8) / 4 + 1


def _whisper_where(mel):
    x = torch.where(mel < 1e-10, torch.tensor(1e-10), mel).log10()
    floor = x.max() - 8
    return (torch.where(x < floor, floor, x) + 4) * 0.25


def _whisper_natural(mel):
    x = mel.clamp(min=1e-10).log() / math.log(10)
    return (x.maximum(x.amax() - 8) + 4) / 4


def _log(mel):
    return mel.clamp(min=1e-10).log10()


RIGHT = {
    "08.alias": [
        lambda hertz, rate: abs(hertz - rate * round(hertz / rate)),
        _alias_loop,
        _alias_phase,
        _alias_triangle,
        lambda hertz, rate: min(hertz % rate, rate - hertz % rate),
        lambda hertz, rate: np.abs(hertz - rate * np.rint(hertz / rate)),
        lambda hertz, rate: torch.tensor(abs(hertz - rate * math.floor(hertz / rate + 0.5))),
    ],
    "08.frames": [
        _frames_loop,
        lambda samples, size, hop: max(0, (samples - size) // hop + 1),
        lambda samples, size, hop: 0 if samples < size else 1 + (samples - size) // hop,
        lambda samples, size, hop: len(range(0, samples - size + 1, hop)),
        lambda samples, size, hop: max(0, (samples - size + hop) // hop),
        lambda samples, size, hop: 0 if samples < size else torch.zeros(samples).unfold(0, size, hop).shape[0],
        lambda samples, size, hop: sum(1 for i in range(samples) if i % hop == 0 and i + size <= samples),
    ],
    "08.power": [
        lambda frames: torch.fft.rfft(frames * torch.hann_window(frames.shape[1])).abs() ** 2,
        lambda frames: torch.fft.rfft(frames * torch.hann_window(frames.shape[-1], periodic=True), dim=-1).abs().pow(2),
        _power_numpy,
        _power_dft,
        _power_full,
        _power_stft,
        _power_rows,
    ],
    "08.mel": [
        lambda hertz: 2595 * torch.log10(1 + hertz / 700),
        lambda hertz: 2595.0 * np.log10(1.0 + np.asarray(hertz) / 700.0),
        lambda hertz: 2595 / math.log(10) * torch.log1p(hertz / 700),
        lambda hertz: 2595 * torch.log10((700 + hertz) / 700),
        lambda hertz: 2595 * (torch.log10(hertz + 700) - math.log10(700)),
        lambda hertz: 2595 * torch.log2(1 + hertz.double() / 700) / math.log2(10),
    ],
    "08.whisper": [
        _whisper_openai,
        _whisper_numpy,
        _whisper_clamp,
        _whisper_where,
        _whisper_natural,
        lambda mel: _whisper_openai(mel).tolist(),
    ],
}

WRONG = {
    "08.alias": {
        "unchanged": lambda hertz, rate: hertz,
        "remainder": lambda hertz, rate: hertz % rate,
        "signed": lambda hertz, rate: hertz - rate * round(hertz / rate),
        "held at half": lambda hertz, rate: min(hertz, rate / 2),
        "begins anew": lambda hertz, rate: hertz % (rate // 2),
    },
    "08.frames": {
        "samples by hop": lambda samples, size, hop: samples // hop,
        "one missing": lambda samples, size, hop: max((samples - size) // hop, 0),
        "by size": lambda samples, size, hop: samples // size,
        "negative": lambda samples, size, hop: 1 + (samples - size) // hop,
        "rounded up": lambda samples, size, hop: 0 if samples < size else math.ceil((samples - size) / hop) + 1,
    },
    "08.power": {
        "no window": lambda frames: torch.fft.rfft(frames).abs() ** 2,
        "not squared": lambda frames: torch.fft.rfft(frames * torch.hann_window(frames.shape[1])).abs(),
        "both halves": lambda frames: torch.fft.fft(frames * torch.hann_window(frames.shape[1])).abs() ** 2,
        "symmetric window": lambda frames: (
            torch.fft.rfft(frames * torch.hann_window(frames.shape[1], periodic=False)).abs() ** 2
        ),
        "hamming": lambda frames: torch.fft.rfft(frames * torch.hamming_window(frames.shape[1])).abs() ** 2,
    },
    "08.mel": {
        "natural": lambda hertz: 2595 * torch.log(1 + hertz / 700),
        "no one": lambda hertz: 2595 * torch.log10(hertz / 700),
        "brackets": lambda hertz: 2595 * torch.log10((1 + hertz) / 700),
        "kaldi's factor": lambda hertz: 1127 * torch.log10(1 + hertz / 700),
        "way back": lambda hertz: 700 * (10 ** (hertz / 2595) - 1),
    },
    "08.whisper": {
        "natural": lambda mel: (
            (torch.maximum(mel.clamp(min=1e-10).log(), mel.clamp(min=1e-10).log().max() - 8) + 4) / 4
        ),
        "no range": lambda mel: (_log(mel) + 4) / 4,
        "each column": lambda mel: (torch.maximum(_log(mel), _log(mel).max(1, keepdim=True).values - 8) + 4) / 4,
        "no division": lambda mel: torch.maximum(_log(mel), _log(mel).max() - 8) + 4,
        "zero is minus infinity": lambda mel: (
            (torch.maximum(mel.log10(), mel.log10().max() - 8) + 4) / 4 * 1.0 + 0 * mel.log10()
        ),
    },
}

HELD_OUT = {
    "08.alias": {
        "only up to the rate": lambda hertz, rate: rate - hertz if hertz > rate / 2 else hertz,
        "silent": lambda hertz, rate: hertz if hertz < rate / 2 else 0.0,
        "distance to half": lambda hertz, rate: abs(hertz - rate / 2),
        "distance to the rate": lambda hertz, rate: abs(rate - hertz),
        "floor": lambda hertz, rate: abs(hertz - rate * (hertz // rate)),
    },
    "08.frames": {
        "centred": lambda samples, size, hop: samples // hop + 1,
        "ceil": lambda samples, size, hop: math.ceil(samples / hop),
        "equal length": lambda samples, size, hop: 0 if samples <= size else (samples - size) // hop + 1,
        "overlap": lambda samples, size, hop: max(0, (samples - (size - hop)) // size),
        "at least one": lambda samples, size, hop: max(1, (samples - size) // hop + 1),
    },
    "08.power": {
        "real part": lambda frames: torch.fft.rfft(frames * torch.hann_window(frames.shape[1])).real ** 2,
        "without half the rate": lambda frames: (
            torch.fft.rfft(frames * torch.hann_window(frames.shape[1])).abs()[:, :-1] ** 2
        ),
        "window twice": lambda frames: torch.fft.rfft(frames * torch.hann_window(frames.shape[1]) ** 2).abs() ** 2,
        "mean power": lambda frames: _power_full(frames) / frames.shape[1],
        "decibels": lambda frames: 10 * _power_full(frames).log10(),
    },
    "08.mel": {
        "base 2": lambda hertz: 2595 * torch.log2(1 + hertz / 700),
        "corner": lambda hertz: 2595 * torch.log10(1 + hertz / 1000),
        "no factor": lambda hertz: torch.log10(1 + hertz / 700),
        "divided late": lambda hertz: 2595 * torch.log10(1 + hertz) / 700,
        "kaldi, off by one": lambda hertz: 1127 * torch.log(hertz / 700),
    },
    "08.whisper": {
        "decibels": lambda mel: (torch.maximum(10 * _log(mel), 10 * _log(mel).max() - 8) + 4) / 4,
        "from zero": lambda mel: (_log(mel).clamp(min=-8) + 4) / 4,
        "no shift": lambda mel: torch.maximum(_log(mel), _log(mel).max() - 8) / 4,
        "each band": lambda mel: (torch.maximum(_log(mel), _log(mel).max(0).values - 8) + 4) / 4,
        "twice": lambda mel: _whisper_openai(mel) / 4 + 1,
    },
}
