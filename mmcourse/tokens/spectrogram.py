"""Sound as a sequence: waveform -> frames -> STFT -> mel -> logarithm, and back.

Letters: B batch, T samples, F frames, S window size, N FFT size, K = N // 2 + 1 frequencies, M mel bands. Leading
dimensions of a waveform are kept: (..., T) gives (..., F, K) and (..., F, M).

Two published recipes are presets of one class, :class:`LogMel`: OpenAI's for Whisper (Radford et al., 2023, section
2.2; ``whisper/audio.py``) and Kaldi's filter bank for AST (Gong et al., 2021, section 2.1).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmcourse.base import ModelConfig
from mmcourse.checks import choose, real, tensor, whole

Scale = Literal["htk", "slaney", "kaldi"]
LONGEST = 2**24  # samples of a window: minutes of sound
EPSILON = torch.finfo(torch.float32).eps  # below this Kaldi takes no logarithm
SILENCE = 1e-4  # what "relative" adds to power beside a mean of 1


SCALES = ("htk", "slaney", "kaldi")


def _check_samples(name: str, value: Tensor) -> None:
    """Refuse, in one line, what is no waveform or spectrogram; its values are not looked at."""
    tensor(name, value, floating=True)
    if not value.dim() or 0 in value.shape:
        raise ValueError(f"{name} has shape {tuple(value.shape)}, which holds no sound; give at least one sample.")
    if value.dtype not in (torch.float32, torch.float64):
        raise TypeError(f"{name} is {value.dtype}; Fourier transforms need {name}.float().")


def _check_window(window: Tensor, hop: int) -> None:
    tensor("window", window, 1, floating=True)
    whole("hop", hop)
    if not len(window):
        raise ValueError("the window has no samples; hann(400) makes one.")


def frame(waveform: Tensor, size: int, hop: int) -> Tensor:
    """Overlapping pieces of a waveform: (..., T) -> (..., F, S) with F = 1 + (T - S) // hop; a view, no copy.

    Raises:
        ValueError: the waveform is shorter than one window.
    """
    _check_samples("waveform", waveform)
    whole("size", size)
    whole("hop", hop)
    if waveform.shape[-1] < size:
        raise ValueError(f"{waveform.shape[-1]} samples are fewer than a window of {size}; give a longer sound.")
    return waveform.unfold(-1, size, hop)


def hann(size: int, periodic: bool = True) -> Tensor:
    """Hann's window, half a cosine up and half a cosine down: (S,).

    Args:
        periodic: one period of S samples, as for an STFT; else both ends are exactly 0, as Kaldi has it.
    """
    whole("size", size)
    if size > LONGEST:
        raise ValueError(f"a window of {size} samples is asked for; {LONGEST:,} are the most.")
    steps = size if periodic else max(1, size - 1)
    return 0.5 - 0.5 * torch.cos(2 * math.pi * torch.arange(size, dtype=torch.float64) / steps)


def stft(waveform: Tensor, window: Tensor, hop: int, fft_size: int | None = None, centre: bool = True) -> Tensor:
    """Short-time Fourier transform: the spectrum of each windowed frame, (..., T) -> complex (..., F, K).

    Args:
        window: (S,).
        hop: samples from one frame to the next.
        fft_size: N, at least S; frames are filled with zeros up to it.
        centre: mirror N // 2 samples at both ends, so that frame f is centred on sample f · hop.
    """
    _check_samples("waveform", waveform)
    _check_window(window, hop)
    size = len(window)
    fft_size = size if fft_size is None else fft_size
    whole("fft_size", fft_size, size)
    if centre:
        half = fft_size // 2
        if waveform.shape[-1] <= half:
            raise ValueError(
                f"{waveform.shape[-1]} samples cannot be mirrored by {half} at the ends; give a longer sound or pad it."
            )
        rows = waveform.reshape(-1, 1, waveform.shape[-1])  # reflection wants (B, C, T)
        waveform = F.pad(rows, (half, half), mode="reflect").reshape(*waveform.shape[:-1], -1)
    return torch.fft.rfft(frame(waveform, size, hop) * window, fft_size)


def hz_to_mel(hertz: Tensor, scale: Scale = "htk") -> Tensor:
    """Frequency on the scale of heard pitch.

    ``"htk"``: 2595 log10(1 + f / 700) (O'Shaughnessy, 1987). ``"kaldi"``: the same curve as 1127 ln(1 + f / 700).
    ``"slaney"``: linear up to 1,000 Hz, logarithmic above (Slaney, 1998; librosa's default).
    """
    tensor("hertz", hertz, floating=True)
    choose("scale", scale, SCALES)
    if scale == "htk":
        return 2595.0 * torch.log10(1 + hertz / 700)
    if scale == "kaldi":
        return 1127.0 * torch.log1p(hertz / 700)
    linear = hertz * 3 / 200
    return torch.where(hertz < 1000, linear, 15 + 27 * torch.log(hertz.clamp(min=1e-9) / 1000) / math.log(6.4))


def mel_to_hz(mel: Tensor, scale: Scale = "htk") -> Tensor:
    """The inverse of :func:`hz_to_mel`."""
    tensor("mel", mel, floating=True)
    choose("scale", scale, SCALES)
    if scale == "htk":
        return 700 * (10 ** (mel / 2595) - 1)
    if scale == "kaldi":
        return 700 * torch.expm1(mel / 1127)
    return torch.where(mel < 15, mel * 200 / 3, 1000 * torch.exp((mel - 15) * math.log(6.4) / 27))


def mel_filters(
    bands: int,
    fft_size: int,
    sample_rate: int,
    low: float = 0.0,
    high: float | None = None,
    scale: Scale = "htk",
    equal_area: bool = False,
) -> Tensor:
    """Triangles that gather K frequencies into M mel bands: (K, M), float64.

    Their corners are equally far apart in mel. Sides are straight lines over Hz, for ``"kaldi"`` over mel.

    Args:
        bands: Mel bands, M.
        fft_size: Size of the FFT, N.
        sample_rate: samples a second, in Hz.
        low: lower corner of the first triangle, in Hz.
        high: upper corner of the last one, in Hz; None for half the sample rate.
        scale: as in :func:`hz_to_mel`.
        equal_area: divide each triangle by half its width in Hz, so that all have area 1 (Slaney's norm).

    Raises:
        ValueError: bands or frequencies that make no sense.
    """
    for name, value in (("bands", bands), ("fft_size", fft_size), ("sample_rate", sample_rate)):
        whole(name, value)
    choose("scale", scale, SCALES)
    high = sample_rate / 2 if high is None else high
    real("low", low)
    real("high", high)
    if not low < high <= sample_rate / 2:
        raise ValueError(
            f"{bands} bands from {low:g} to {high:g} Hz; give at least one, inside 0 to {sample_rate / 2:g} Hz."
        )
    ends = hz_to_mel(torch.tensor([low, high], dtype=torch.float64), scale)
    corners = torch.lerp(ends[0], ends[1], torch.arange(bands + 2, dtype=torch.float64) / (bands + 1))
    points = torch.arange(fft_size // 2 + 1, dtype=torch.float64) * sample_rate / fft_size
    in_hz = mel_to_hz(corners, scale)
    if scale == "kaldi":
        corner, point = corners, hz_to_mel(points, scale)
    else:
        corner, point = in_hz, points
    left, peak, right = corner[:-2], corner[1:-1], corner[2:]
    rising = (point[:, None] - left) / (peak - left)
    falling = (right - point[:, None]) / (right - peak)
    triangles = torch.minimum(rising, falling).clamp(min=0)
    if scale == "kaldi":
        triangles[-1] = 0  # Kaldi leaves out the highest frequency
    return triangles * 2 / (in_hz[2:] - in_hz[:-2]) if equal_area else triangles


def _check_waveform(waveform: Tensor, window: Tensor) -> None:
    """What :class:`LogMel` can read: samples of its own type."""
    tensor("samples", waveform)
    if not waveform.is_floating_point():
        raise TypeError(f"samples are {waveform.dtype}; give floats in [-1, 1], for 16 bits samples / 32768.")
    _check_samples("samples", waveform)
    if waveform.dtype != window.dtype:
        raise TypeError(f"samples are {waveform.dtype}, the window is {window.dtype}; give samples.to(window.dtype).")


@dataclass(frozen=True)
class LogMelConfig(ModelConfig):
    """What makes a log-mel spectrogram.

    Args:
        sample_rate: samples a second, in Hz.
        window_size: S; 25 ms are usual.
        hop: samples from one frame to the next; 10 ms are usual.
        fft_size: Size of the FFT, N.
        bands: Mel bands, M.
        low: lower end of the bands, in Hz.
        high: upper end, in Hz; None for half the sample rate.
        scale: ``"slaney"``, ``"htk"`` or ``"kaldi"``.
        equal_area: whether all triangles have area 1.
        recipe: ``"whisper"``: mirrored ends, last frame dropped, log10 clamped to 8 below the loudest, (x + 4) / 4.
            ``"kaldi"``: no padding, each frame without its mean and with pre-emphasis, natural logarithm.
            ``"relative"``: the same, but of power divided by the sound's own mean power, plus :data:`SILENCE`: how
            loud a recording is says nothing, and neither does what lies 40 dB under the voice.
            ``"plain"``: mirrored ends and log10 alone.
        mean: subtracted at the end; AST's normalisation (x - mean) / (2 · deviation).
        deviation: half of what is divided by at the end.
    """

    sample_rate: int = 16000
    window_size: int = 400
    hop: int = 160
    fft_size: int = 400
    bands: int = 80
    low: float = 0.0
    high: float | None = None
    scale: Scale = "slaney"
    equal_area: bool = True
    recipe: Literal["whisper", "kaldi", "relative", "plain"] = "whisper"
    mean: float = 0.0
    deviation: float = 0.5

    PRESETS: ClassVar[dict[str, dict[str, object]]] = {
        "whisper-80": {},
        "whisper-128": {"bands": 128},
        # mean and deviation: ast, src/run.py and egs; of AudioSet, ESC-50 and Speech Commands V2
        **{
            f"ast-{name}": {
                "fft_size": 512,
                "bands": 128,
                "low": 20.0,
                "scale": "kaldi",
                "equal_area": False,
                "recipe": "kaldi",
                "mean": mean,
                "deviation": deviation,
            }
            for name, (mean, deviation) in {
                "audioset": (-4.2677393, 4.5689974),
                "esc50": (-6.6268077, 5.358466),
                "speech-commands": (-6.845978, 5.5654526),
            }.items()
        },
    }

    def __post_init__(self) -> None:
        for name in ("sample_rate", "window_size", "hop", "bands"):
            whole(name, getattr(self, name))
        whole("fft_size (at least window_size)", self.fft_size, self.window_size)
        choose("recipe", self.recipe, ("whisper", "kaldi", "relative", "plain"))
        choose("scale", self.scale, SCALES)
        real("low", self.low, below=self.sample_rate / 2)
        if self.high is not None:
            real("high", self.high, self.low, above=True)
        real("mean", self.mean, -math.inf)
        real("deviation", self.deviation, above=True)

    @property
    def centred(self) -> bool:
        """Whether the ends are mirrored, so that frame f is centred on sample f · hop."""
        return self.recipe in ("whisper", "plain")


class LogMel(nn.Module):
    """Waveforms (..., T) in [-1, 1] to log-mel spectrograms (..., F, M), on any device, in batches.
    """

    window: Tensor
    filters: Tensor

    def __init__(self, config: LogMelConfig) -> None:
        super().__init__()
        self.config = c = config
        self.register_buffer("window", hann(c.window_size, periodic=c.centred).float(), persistent=False)
        filters = mel_filters(c.bands, c.fft_size, c.sample_rate, c.low, c.high, c.scale, c.equal_area)
        self.register_buffer("filters", filters.float(), persistent=False)

    def frames(self, samples: int) -> int:
        """F, the number of frames of so many samples."""
        if not self.config.centred:
            return 1 + (samples - self.config.window_size) // self.config.hop
        return samples // self.config.hop + (self.config.recipe == "plain")

    def mel(self, waveform: Tensor) -> Tensor:
        """Power in each band, (..., T) -> (..., F, M), before the logarithm.

        Raises:
            TypeError: integer samples.
            ValueError: fewer samples than one window.
        """
        c = self.config
        _check_waveform(waveform, self.window)
        if not c.centred:
            frames = frame(waveform, c.window_size, c.hop)
            frames = frames - frames.mean(-1, keepdim=True)
            before = F.pad(frames.flatten(0, -2), (1, 0), mode="replicate")[:, :-1].view_as(frames)
            spectrum = torch.fft.rfft((frames - 0.97 * before) * self.window, c.fft_size)
        else:
            spectrum = stft(waveform, self.window, c.hop, c.fft_size)
            if c.recipe == "whisper":
                spectrum = spectrum[..., :-1, :]
        power = spectrum.real.square() + spectrum.imag.square()
        return power @ self.filters

    def forward(self, waveform: Tensor) -> Tensor:
        """(..., T) -> (..., F, M); each waveform of a batch is scaled by itself."""
        return self.level(self.mel(waveform))

    def level(self, mel: Tensor) -> Tensor:
        """The logarithm of band powers, and the normalisation: (..., F, M) -> (..., F, M)."""
        c = self.config
        if c.recipe == "kaldi":
            level = mel.clamp(min=EPSILON).log()
        elif c.recipe == "relative":
            level = (mel / mel.mean((-2, -1), keepdim=True).clamp(min=1e-10) + SILENCE).log()
        else:
            level = mel.clamp(min=1e-10).log10()
            if c.recipe == "whisper":
                level = (torch.maximum(level, level.amax((-2, -1), keepdim=True) - 8) + 4) / 4
        return (level - c.mean) / (2 * c.deviation)

    def stream(self, pieces: Iterable[Tensor]) -> Iterator[Tensor]:
        """Band powers of a sound of any length, piece by piece, in the memory of two pieces.

        Concatenated, the results equal :meth:`mel` of the whole sound.

        Args:
            pieces: (T,) each, one after the other.

        Yields:
            (F, M) of :meth:`mel`, as soon as they are known.
        """
        c = self.config
        half = c.fft_size // 2 if c.centred else 0
        plain, held, begun, total = LogMel(c), None, False, 0
        plain.to(self.window)

        def powers(samples: Tensor) -> Tensor:
            if not c.centred:
                return plain.mel(samples)
            spectrum = stft(samples, self.window, c.hop, c.fft_size, centre=False)
            return (spectrum.real.square() + spectrum.imag.square()) @ self.filters

        for piece in pieces:
            _check_waveform(piece, self.window)
            if piece.dim() != 1:
                raise ValueError(f"a piece has shape {tuple(piece.shape)}; give (T,) each, one channel.")
            total += len(piece)
            held = piece if held is None else torch.cat([held, piece])
            if half and not begun:
                if len(held) <= half:
                    continue
                held, begun = torch.cat([held[1 : half + 1].flip(0), held]), True
            # What the end's mirror needs stays behind, so that it can be made when the end is known.
            ready = len(held) - half
            if ready >= c.window_size:
                count = 1 + (ready - c.window_size) // c.hop
                yield powers(held[: (count - 1) * c.hop + c.window_size])
                held = held[count * c.hop :]
        if held is None or total <= half:
            raise ValueError(f"{total} samples are too few for a window of {c.window_size}; give a longer sound.")
        if half:
            held = torch.cat([held, held[-half - 1 : -1].flip(0)])
        if len(held) >= c.window_size:
            rest = powers(held)
            yield rest[:-1] if c.recipe == "whisper" else rest


def _check_spectrum(spectrum: Tensor, window: Tensor) -> None:
    """(..., F, K) with at least one frame, and K that belongs to the window."""
    if spectrum.dim() < 2 or 0 in spectrum.shape or spectrum.shape[-1] != len(window) // 2 + 1:
        raise ValueError(
            f"a spectrum of shape {tuple(spectrum.shape)} is not of a window of {len(window)}; (..., F, K) with "
            f"frequencies K = {len(window) // 2 + 1} are needed."
        )


def istft(spectrum: Tensor, window: Tensor, hop: int, length: int | None = None) -> Tensor:
    """The waveform whose centred STFT is nearest to this one: complex (..., F, K) -> (..., T).

    Frames are windowed again, added where they overlap, and divided by the sum of squared windows (Griffin & Lim,
    1984, equation 6).

    Args:
        window: (S,), with S the FFT size.
        hop: samples from one frame to the next.
        length: T; None for hop · (F - 1).

    Raises:
        TypeError, ValueError: no spectrum of a window of this size, or a length beyond its frames.
    """
    _check_window(window, hop)
    tensor("spectrum", spectrum)
    if spectrum.dtype not in (torch.complex64, torch.complex128):
        raise TypeError(f"the spectrum is {spectrum.dtype}; give complex numbers, as stft() does.")
    _check_spectrum(spectrum, window)
    size, count = len(window), spectrum.shape[-2]
    if hop > size:
        raise ValueError(f"hop={hop} leaves gaps between windows of {size}; what stood there cannot be made again.")
    pieces = torch.fft.irfft(spectrum, size) * window  # (..., F, S)
    total = size + hop * (count - 1)
    flat = pieces.reshape(-1, count, size).mT
    added = F.fold(flat, (1, total), (1, size), stride=(1, hop)).reshape(*spectrum.shape[:-2], total)
    squares = window.square()[:, None].expand(size, count)[None]
    weight = F.fold(squares, (1, total), (1, size), stride=(1, hop)).reshape(total)
    length = hop * (count - 1) if length is None else length
    if length != hop * (count - 1):
        whole("length", length)
        if length > total - size // 2:
            raise ValueError(f"length={length}; {count} frames give at most {total - size // 2} samples.")
    kept = slice(size // 2, size // 2 + length)
    return added[..., kept] / weight[kept].clamp(min=1e-8)


def griffin_lim(
    magnitude: Tensor,
    window: Tensor,
    hop: int,
    *,
    iterations: int = 32,
    momentum: float = 0.99,
    length: int | None = None,
    seed: int = 0,
) -> Tensor:
    """A waveform with these magnitudes: phases are guessed, then made to agree with one another.

    Griffin & Lim (1984, section III), with the momentum of Perraudin et al. (2013, algorithm 1).

    Args:
        magnitude: (..., F, K), of a centred STFT.
        window: (S,), with S = 2 (K - 1).
        hop: samples from one frame to the next.
        iterations: rounds of transforming back and forth.
        momentum: from 0 (the original) to below 1.
        length: T; None for hop · (F - 1).
        seed: of the first phases.

    Raises:
        ValueError: momentum outside [0, 1), or magnitudes of another size than the window's.
    """
    real("momentum", momentum, below=1.0)
    whole("iterations", iterations, 0)
    whole("seed", seed, 0)
    _check_window(window, hop)
    _check_samples("magnitude", magnitude)
    _check_spectrum(magnitude, window)
    generator = torch.Generator().manual_seed(seed)
    angle = 2 * math.pi * torch.rand(magnitude.shape, generator=generator)
    phase = torch.polar(torch.ones_like(angle), angle).to(magnitude.device)
    length = hop * (magnitude.shape[-2] - 1) if length is None else length
    if 1 + length // hop < magnitude.shape[-2]:
        least = hop * (magnitude.shape[-2] - 1)
        raise ValueError(f"length={length} is too short for {magnitude.shape[-2]} frames; give at least {least}.")
    before = torch.zeros_like(phase)
    for _ in range(iterations):
        rebuilt = stft(istft(magnitude * phase, window, hop, length), window, hop)[..., : magnitude.shape[-2], :]
        phase = rebuilt + momentum / (1 + momentum) * (rebuilt - before)
        phase = phase / phase.abs().clamp(min=1e-16)
        before = rebuilt
    return istft(magnitude * phase, window, hop, length)


def mel_to_linear(mel: Tensor, filters: Tensor, rounds: int = 100) -> Tensor:
    """Power at K frequencies from power in M bands, none negative: (..., F, M) -> (..., F, K).

    The bands have lost detail, so this is one of many answers: the one that multiplicative updates (Lee & Seung, 2001)
    reach from a flat start.

    Args:
        filters: (K, M), from :func:`mel_filters`.
        rounds: of updates.
    """
    _check_samples("mel", mel)
    tensor("filters", filters, 2, floating=True)
    whole("rounds", rounds, 0)
    if mel.shape[-1] != filters.shape[1] or mel.dtype != filters.dtype:
        raise ValueError(
            f"mel is {mel.dtype} {tuple(mel.shape)}, filters are {filters.dtype} {tuple(filters.shape)}; give "
            f"(..., M) and (K, M) of one type."
        )
    target, gram = mel @ filters.T, filters @ filters.T
    found = torch.ones_like(target) * mel.mean(-1, keepdim=True)
    for _ in range(rounds):
        found = found * target / (found @ gram).clamp(min=1e-12)
    return found
