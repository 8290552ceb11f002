"""Chapter 8: sound, its spectrum, mel bands and their logarithm."""

# ruff: noqa: N803, N806  (F, M, S, X are the letters of the field)
from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from mmcourse.exercises.core import Exercise, register
from mmcourse.exercises.running import Case


def alias(hertz: float, rate: float) -> float:
    """Frequency at which a tone is heard that was measured `rate` times a second."""
    return abs(hertz - rate * round(hertz / rate))


def frame_count(samples: int, size: int, hop: int) -> int:
    """Number of whole windows in a waveform; 0 if it is shorter than one."""
    return 1 + (samples - size) // hop if samples >= size else 0


def power_spectrum(frames: Tensor) -> Tensor:
    """Frames (F, S) through Hann's window to powers (F, S // 2 + 1)."""
    S = frames.shape[1]
    window = 0.5 - 0.5 * torch.cos(2 * math.pi * torch.arange(S) / S)
    return torch.fft.rfft(frames * window).abs() ** 2


def hz_to_mel(hertz: Tensor) -> Tensor:
    """Hertz to mel by HTK's formula."""
    return 2595 * torch.log10(1 + hertz / 700)


def whisper_scale(mel: Tensor) -> Tensor:
    """Powers (F, M) in mel bands to what Whisper reads."""
    x = mel.clamp(min=1e-10).log10()
    x = torch.maximum(x, x.max() - 8)
    return (x + 4) / 4


def _window(size: int, symmetric: bool = False, hamming: bool = False) -> Tensor:
    a = 0.54 if hamming else 0.5
    return a - (1 - a) * torch.cos(2 * math.pi * torch.arange(size) / (size - 1 if symmetric else size))


def _powers(window: Callable[[int], Tensor] = _window, change: Callable[[Tensor], Tensor] | None = None) -> Callable:
    """The power spectrum with another window, or another function of the transform."""

    def spectrum(frames: Tensor) -> Tensor:
        found = torch.fft.rfft(frames * window(frames.shape[1]))
        return found.abs() ** 2 if change is None else change(found)

    return spectrum


def _whisper_family(
    mel: Tensor,
    *,
    natural: bool = False,
    no_range: bool = False,
    each_column: bool = False,
    below_zero: bool = False,
    no_shift: bool = False,
    no_division: bool = False,
    decibels: bool = False,
) -> Tensor:
    """Whisper's scale with a switch for each mistake."""
    x = mel.clamp(min=1e-10)
    x = x.log() if natural else x.log10()
    x = 10 * x if decibels else x
    if not no_range:
        top = x.amax(1, keepdim=True) if each_column else x.max()
        x = torch.maximum(x, torch.zeros_like(x) - 8 if below_zero else top - 8)
    x = x if no_shift else x + 4
    return x if no_division else x / 4


def _log(mel: Tensor) -> Tensor:
    return mel.clamp(min=1e-10).log10()


def _frames(g: torch.Generator) -> list[Case]:
    return [(torch.randn(f, s, generator=g),) for f, s in ((3, 8), (5, 16), (2, 12), (1, 6))]


def _mels(g: torch.Generator) -> list[Case]:
    cases = [10 ** (6 * torch.rand(f, m, generator=g) - 7) for f, m in ((4, 3), (2, 6), (5, 2))]
    cases[0][1, 1], cases[1][0, 0] = 0.0, 1e-14  # silence, and nearly
    cases[2][2] = 1e3 * torch.rand(2, generator=g)  # one loud column
    return [(case,) for case in cases]


register(
    Exercise(
        id="08.alias",
        title="The tone that is heard",
        chapter=8,
        difficulty=2,
        importance=3,
        minutes=6,
        question="Write `alias(hertz, rate)`: the frequency, from 0 to half the rate, at which a tone of `hertz` is "
        "heard when it was measured `rate` times a second without a filter.",
        reference=alias,
        wrong={
            "above half the rate a tone does not stay what it is: it is folded back": (
                lambda hertz, rate: hertz,
                lambda hertz, rate: float(hertz),
            ),
            "the rest of a division by the rate reaches up to the rate: what is above half of it is folded back": (
                lambda hertz, rate: hertz % rate,
                lambda hertz, rate: hertz - rate * math.floor(hertz / rate),
            ),
            "a tone is folded at half the rate, it does not begin again from 0 there": (
                lambda hertz, rate: hertz % (rate / 2)
            ),
            "the sign says which way the wave runs, and is not heard: take the absolute value": (
                lambda hertz, rate: hertz - rate * round(hertz / rate)
            ),
            "a tone above half the rate is not held there: it comes down again": (
                lambda hertz, rate: min(hertz, rate / 2)
            ),
            "a tone above half the rate is not silent unless a filter took it out: it is folded back": (
                lambda hertz, rate: hertz if hertz <= rate / 2 else 0
            ),
            "right up to the rate itself; above it, take off the nearest multiple of the rate, not the rate": (
                lambda hertz, rate: hertz if hertz <= rate / 2 else abs(hertz - rate)
            ),
            "below half the rate a tone stays what it is": lambda hertz, rate: abs(hertz - rate),
            "the fold is at half the rate, not at the rate": (
                lambda hertz, rate: abs(hertz - 2 * rate * round(hertz / (2 * rate)))
            ),
        },
        cases=lambda g: [
            (1000, 8000),
            (3000, 4000),
            (7000, 10000),
            (2000, 4000),
            (4000, 4000),
            (9000, 4000),
            (13500, 4000),
            (440.5, 600),
        ],
        hints=(
            "Two waves have the same samples if their frequencies differ by a multiple of the rate.",
            "Take off the multiple of the rate that is nearest, and drop the sign.",
        ),
    ),
    Exercise(
        id="08.frames",
        title="How many columns",
        chapter=8,
        difficulty=1,
        importance=2,
        minutes=4,
        question="Write `frame_count(samples, size, hop)`: how many windows of `size` samples, each beginning `hop` "
        "samples after the last one, lie wholly inside a waveform. A waveform shorter than one window has none.",
        reference=frame_count,
        wrong={
            "the last window must fit: it begins `size` samples before the end at the latest": (
                lambda samples, size, hop: samples // hop,
                lambda samples, size, hop: 1 + samples // hop,
                lambda samples, size, hop: -(-samples // hop),
                lambda samples, size, hop: 1 + (samples - 1) // hop,
            ),
            "the first window is missing: (samples - size) // hop counts the steps, not the windows": (
                lambda samples, size, hop: max(0, (samples - size) // hop)
            ),
            "windows overlap: the next one begins `hop` samples on, not `size`": (
                lambda samples, size, hop: samples // size,
                lambda samples, size, hop: 1 + (samples - size) // size if samples >= size else 0,
            ),
            "a waveform shorter than a window has none: test for it, or the count turns negative": (
                lambda samples, size, hop: 1 + (samples - size) // hop,
                lambda samples, size, hop: max(1, 1 + (samples - size) // hop),
            ),
            "a window that begins and does not end inside is none: round down": (
                lambda samples, size, hop: 1 + -(-(samples - size) // hop) if samples >= size else 0
            ),
            "a waveform exactly as long as a window has one": (
                lambda samples, size, hop: 1 + (samples - size) // hop if samples > size else 0
            ),
        },
        whole=True,
        cases=lambda g: [
            (16000, 400, 160),
            (400, 400, 160),
            (399, 400, 160),
            (720, 400, 160),
            (719, 400, 160),
            (10, 4, 3),
            (0, 4, 2),
            (1000, 100, 100),
            (12, 30, 4),
        ],
        hints=(
            "At which sample can the last window begin?",
            "Windows begin at 0, hop, 2 hop, … up to samples − size.",
        ),
    ),
    Exercise(
        id="08.power",
        title="The power of windowed frames",
        chapter=8,
        difficulty=2,
        importance=3,
        minutes=8,
        question="Write `power_spectrum(frames)`: frames of shape (F, S), each multiplied with Hann's window "
        "\\(w_t = 0.5 - 0.5 \\cos(2 \\pi t / S)\\), to the squared lengths of their Fourier transform at the "
        "S // 2 + 1 frequencies from 0 to half the rate.",
        reference=power_spectrum,
        wrong={
            "the frames were not faded: multiply with the window before the transform": (
                _powers(torch.ones),
                lambda frames: torch.fft.rfft(frames).abs() ** 2,
            ),
            "the window's last value is 0 as its first: divide by S, not by S - 1, so that S samples are one period": (
                _powers(lambda size: _window(size, symmetric=True))
            ),
            "this is Hamming's window: Hann's falls to 0": (
                _powers(lambda size: _window(size, hamming=True)),
                _powers(lambda size: _window(size, hamming=True, symmetric=True)),
            ),
            "these are lengths: power is their square": _powers(change=torch.abs),
            "that is the square of the real part alone: add that of the imaginary part": (
                _powers(change=lambda X: X.real**2)
            ),
            "that is the square of the imaginary part alone: add that of the real part": (
                _powers(change=lambda X: X.imag**2)
            ),
            "X² of a complex number is no power: take its length first": _powers(change=lambda X: (X**2).real),
            "the upper half is the mirror of the lower one: keep S // 2 + 1 frequencies": (
                lambda frames: torch.fft.fft(frames * _window(frames.shape[1])).abs() ** 2
            ),
            "the transform ran along the frames: it must run along the samples, the last axis": (
                lambda frames: torch.fft.rfft(frames * _window(frames.shape[1]), dim=0).abs() ** 2
            ),
            "the highest frequency, half the rate, is missing": (
                lambda frames: power_spectrum(frames)[:, :-1],
                lambda frames: power_spectrum(frames)[:, : frames.shape[1] // 2],
            ),
            "the powers are divided by the window's size or sum, which nobody asked for": (
                lambda frames: power_spectrum(frames) / frames.shape[1],
                lambda frames: power_spectrum(frames) / frames.shape[1] ** 2,
                lambda frames: power_spectrum(frames) / _window(frames.shape[1]).square().sum(),
            ),
            "the window was squared: multiply with it once": _powers(lambda size: _window(size) ** 2),
            "the logarithm comes later: powers are asked for": lambda frames: power_spectrum(frames).log10(),
        },
        shape="(F, S // 2 + 1)",
        cases=_frames,
        hints=(
            "`torch.fft.rfft` keeps the half that is no mirror.",
            "Window times frames, `rfft` along the last axis, `.abs() ** 2`.",
        ),
    ),
    Exercise(
        id="08.mel",
        title="Hertz to mel",
        chapter=8,
        difficulty=1,
        importance=2,
        minutes=4,
        question="Write `hz_to_mel_htk(hertz)`: a tensor of frequencies in Hz to mel by "
        "\\(2595 \\log_{10}(1 + f / 700)\\).",
        reference=hz_to_mel,
        wrong={
            "a natural logarithm stands where one to base 10 is meant: with ln the factor is 1127": (
                lambda hertz: 2595 * torch.log(1 + hertz / 700)
            ),
            "the factor 1127 belongs to the natural logarithm, 2595 to the one to base 10": (
                lambda hertz: 1127 * torch.log10(1 + hertz / 700)
            ),
            "a logarithm to base 2 stands where one to base 10 is meant": (
                lambda hertz: 2595 * torch.log2(1 + hertz / 700)
            ),
            "the 1 is missing: without it 0 Hz is minus infinity": lambda hertz: 2595 * torch.log10(hertz / 700),
            "the brackets are wrong: only the frequency is divided by 700": (
                lambda hertz: 2595 * torch.log10((1 + hertz) / 700)
            ),
            "the frequency is divided by 700 before the logarithm is taken": (
                lambda hertz: 2595 * torch.log10(1 + hertz),
                lambda hertz: 2595 * torch.log10(1 + hertz) / 700,
            ),
            "the corner of this formula is at 700 Hz, not at 1,000": lambda hertz: 2595 * torch.log10(1 + hertz / 1000),
            "this is the way back, from mel to hertz": lambda hertz: 700 * (10 ** (hertz / 2595) - 1),
            "the factor 2595 is missing": lambda hertz: torch.log10(1 + hertz / 700),
        },
        cases=lambda g: [
            (torch.tensor([0.0, 700.0, 1000.0, 8000.0]),),
            (4000 * torch.rand(5, generator=g),),
            (torch.tensor([[20.0, 440.0, 3000.0], [60.0, 99.5, 7600.0]]),),
        ],
        tolerance=1e-4,
        hints=("At 700 Hz the bracket is 2.", "`2595 * torch.log10(...)`."),
    ),
    Exercise(
        id="08.whisper",
        title="Whisper's scale",
        chapter=8,
        difficulty=2,
        importance=2,
        minutes=7,
        question="Write `whisper_scale(mel)`: powers in mel bands (F, M) to what Whisper reads. Nothing below 1e-10; "
        "logarithm to base 10; nothing more than 8 below the largest value of the whole picture; then "
        "\\((x + 4) / 4\\).",
        reference=whisper_scale,
        wrong={
            "the logarithm of 0 is minus infinity: clamp the powers at 1e-10 first": (
                lambda mel: (mel.log10() + 4) / 4,
                lambda mel: ((mel + 1e-10).log10().clamp(min=-10) + 4) / 4,
            ),
            "nothing may lie above the largest value minus 8: here small and large are exchanged": (
                lambda mel: (
                    (torch.minimum(mel.clamp(min=1e-10).log10(), mel.clamp(min=1e-10).log10().max() - 8) + 4) / 4
                )
            ),
            "the 8 are powers of ten: take them off after the logarithm, not before": (
                lambda mel: (mel.clamp(min=1e-10).maximum(mel.max() - 8).log10() + 4) / 4
            ),
            "the brackets are wrong: 4 is added first, then all is divided by 4": (
                lambda mel: whisper_scale(mel) * 4 - 4 + 1
            ),
            "the largest value is one for the whole picture, not one for each band": (
                lambda mel: (torch.maximum(_log(mel), _log(mel).amax(0, keepdim=True) - 8) + 4) / 4
            ),
        },
        family=_whisper_family,
        switches={
            "natural": "a natural logarithm stands where one to base 10 is meant",
            "no_range": "nothing may lie more than 8 below the largest value: take the maximum with that",
            "each_column": "the largest value is one for the whole picture, not one for each column",
            "below_zero": "the 8 are counted from the largest value, not from 0",
            "no_shift": "4 must be added before the division",
            "no_division": "the division by 4 is missing",
            "decibels": "no decibels: the logarithm to base 10 alone",
        },
        shape="(F, M)",
        cases=_mels,
        hints=(
            "Three steps with `clamp`, `log10` and `torch.maximum`, then the line.",
            "`torch.maximum(x, x.max() - 8)`, with `x` the logarithms.",
        ),
    ),
)
