"""Changes of sounds that leave the words true: other voices, other rooms, other microphones, made for a whole batch.

Each is a function of (sounds (B, T), generator), as in ``augment``, and says in words what it does (``str``). What
plays slower comes out longer: (B, T'), T' >= T, so cut or pad to a window afterwards; lengths that were known before
hold no longer. Silence at the end, with which a batch is padded, counts for nothing. ``Mask`` works on spectrograms.

Sources: speed, Ko et al. (2015); noise and rooms, Ko et al. (2017); masks, Park et al. (2019, SpecAugment).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from mmcourse.checks import real, tensor, whole
from mmcourse.data.augment import Augmentation, percent
from mmcourse.data.sound_file import RATE

FFT, HOP = 512, 128  # of the short-time spectra in which voices are changed: 32 ms every 8 ms


def check(sounds: Tensor) -> None:
    """Refuse, in one line, what is no batch of sounds (B, T) of floats."""
    tensor("sounds", sounds, 2, floating=True)
    if not sounds.numel():
        raise ValueError(f"sounds have shape {tuple(sounds.shape)}, which holds no sample; give at least one sound.")


def _between(name: str, limits: tuple[float, float], least: float = -math.inf, *, above: bool = False) -> None:
    if len(limits) != 2:
        raise ValueError(f"{name} is {limits!r}; give the smallest and the largest value.")
    for one in limits:
        real(name, one, least, above=above)
    if limits[0] > limits[1]:
        raise ValueError(f"{name} is {limits!r}; the first must not be larger than the second.")


def _share(value: float) -> None:
    real("share", value, below=1.0 + 1e-9)


def _draw(count: int, limits: tuple[float, float], generator: torch.Generator, like: Tensor) -> Tensor:
    """One number for each sound, (B, 1)."""
    low, high = limits
    return (low + (high - low) * torch.rand(count, 1, generator=generator)).to(like)


def _power(sounds: Tensor) -> Tensor:
    """Mean square of each sound without the silence that pads it, (B, 1)."""
    counts = (sounds != 0).sum(1, keepdim=True).clamp(min=1)
    return sounds.square().sum(1, keepdim=True) / counts


def _added(sounds: Tensor, noise: Tensor, decibels: Tensor) -> Tensor:
    """Noise (B, T) under sounds, so many decibels (B, 1) softer than they are."""
    loud = _power(sounds) / (noise.square().mean(1, keepdim=True) + 1e-12)
    return sounds + noise * (loud * 10 ** (-decibels / 10)).sqrt()


def _fast_size(count: int) -> int:
    """The next size that FFTs are fast at: 2, 3 or 5 times a power of two, among others."""
    power = 1 << max(0, count - 1).bit_length()
    return next(size for size in (power * 5 // 8, power * 3 // 4, power) if size >= count)


def _filtered(sounds: Tensor, gains: Tensor, size: int) -> Tensor:
    """Sounds through gains (B, size // 2 + 1) over frequency."""
    return torch.fft.irfft(torch.fft.rfft(sounds, size) * gains, size)[:, : sounds.shape[1]]


def _hertz(size: int, rate: int, like: Tensor) -> Tensor:
    return torch.fft.rfftfreq(size, 1 / rate).to(like)


@dataclass(frozen=True)
class Speed:
    """Play each sound faster or slower, higher or lower with it, as a tape does.

    Args:
        change: largest relative change of speed either way.
    """

    change: float = 0.1

    def __post_init__(self) -> None:
        real("change", self.change, below=0.9)

    def __call__(self, sounds: Tensor, generator: torch.Generator) -> Tensor:
        """(B, T) to (B, T'), T' as long as the slowest."""
        check(sounds)
        speeds = _draw(len(sounds), (1 - self.change, 1 + self.change), generator, sounds)
        return resampled(sounds, speeds)

    def __str__(self) -> str:
        return f"speed and pitch by {percent(self.change)}"


def resampled(sounds: Tensor, speeds: Tensor) -> Tensor:
    """Each sound at its own speed (B, 1), read between its samples by a cubic through four of them (Catmull-Rom)."""
    length = sounds.shape[1]
    longest = max(length, math.ceil(length / float(speeds.min())))
    places = torch.arange(longest, device=sounds.device, dtype=torch.float64) * speeds.double()
    inside = places < length
    left = places.floor().clamp(max=length)
    t = (places - left).to(sounds)
    padded = F.pad(sounds, (1, 3))
    index = left.long()
    a, b, c, d = (padded.gather(1, index + k) for k in range(4))
    cubic = b + 0.5 * t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)))
    return cubic * inside


@dataclass(frozen=True)
class Tempo:
    """Speak faster or slower at the same pitch: a phase vocoder (Flanagan & Golden, 1966).

    Args:
        change: largest relative change either way.
    """

    change: float = 0.15

    def __post_init__(self) -> None:
        real("change", self.change, below=0.9)

    def __call__(self, sounds: Tensor, generator: torch.Generator) -> Tensor:
        """(B, T) to (B, T'), T' as long as the slowest."""
        check(sounds)
        return stretched(sounds, _draw(len(sounds), (1 - self.change, 1 + self.change), generator, sounds))

    def __str__(self) -> str:
        return f"tempo by {percent(self.change)}"


def stretched(sounds: Tensor, speeds: Tensor) -> Tensor:
    """Each sound at its own tempo (B, 1): frames read at other times, phases carried on from frame to frame."""
    spectrum, length = _stft(sounds), sounds.shape[1]
    frames = spectrum.shape[2]
    slow = min(1.0, float(speeds.min()))
    places = torch.arange(math.ceil(frames / slow), device=sounds.device) * speeds  # (B, F')
    left = places.floor().clamp(max=frames)
    weight = (places - left)[:, None].to(sounds)
    padded = F.pad(spectrum, (0, 2))
    index = left.long()[:, None].expand(-1, spectrum.shape[1], -1)
    here, after = padded.gather(2, index), padded.gather(2, index + 1)
    loud = (1 - weight) * here.abs() + weight * after.abs()
    usual = (torch.arange(spectrum.shape[1], device=sounds.device) * 2 * math.pi * HOP / FFT)[None, :, None]
    step = after.angle() - here.angle() - usual
    step = step - 2 * math.pi * (step / (2 * math.pi)).round() + usual
    phase = torch.cat([here[..., :1].angle(), step[..., :-1]], 2).cumsum(2)
    return _istft(torch.polar(loud, phase), max(length, math.ceil(length / slow)))


@dataclass(frozen=True)
class Formants:
    """Move what the throat and mouth resonate at, and leave the pitch: a longer or shorter vocal tract.

    The smooth envelope of each short spectrum (its low cepstrum) is stretched over frequency.

    Args:
        change: largest relative change either way; grown-ups and children differ by about a third.
    """

    change: float = 0.15

    def __post_init__(self) -> None:
        real("change", self.change, below=0.9)

    def __call__(self, sounds: Tensor, generator: torch.Generator) -> Tensor:
        """(B, T) to the same shape."""
        check(sounds)
        return moved_formants(sounds, _draw(len(sounds), (1 - self.change, 1 + self.change), generator, sounds))

    def __str__(self) -> str:
        return f"formants by {percent(self.change)}"


def moved_formants(sounds: Tensor, factors: Tensor, quefrencies: int = 30) -> Tensor:
    """Resonances times their own factor (B, 1); ``quefrencies`` cepstral numbers make the envelope: 2 ms."""
    spectrum = _stft(sounds)
    logarithm = spectrum.abs().clamp(min=1e-5).log()
    cepstrum = torch.fft.irfft(logarithm, FFT, 1)
    cepstrum[:, quefrencies : FFT - quefrencies + 1] = 0
    envelope = torch.fft.rfft(cepstrum, FFT, 1).real
    bins = spectrum.shape[1]
    places = (torch.arange(bins, device=sounds.device) / factors).clamp(max=bins - 1)  # (B, K)
    left = places.floor().clamp(max=bins - 2)
    weight, index = (places - left)[..., None].to(sounds), left.long()[..., None].expand_as(envelope)
    moved = (1 - weight) * envelope.gather(1, index) + weight * envelope.gather(1, index + 1)
    gains = (moved - envelope).clamp(-4.6, 4.6).exp()  # 40 dB either way
    return _istft(spectrum * gains, sounds.shape[1])


def _stft(sounds: Tensor) -> Tensor:
    window = torch.hann_window(FFT, device=sounds.device, dtype=sounds.dtype)
    return torch.stft(sounds, FFT, HOP, window=window, pad_mode="constant", return_complex=True)


def _istft(spectrum: Tensor, length: int) -> Tensor:
    window = torch.hann_window(FFT, device=spectrum.device, dtype=spectrum.real.dtype)
    return torch.istft(spectrum, FFT, HOP, window=window, length=length)


@dataclass(frozen=True)
class Gain:
    """Make each sound louder or softer.

    Args:
        decibels: softest and loudest.
    """

    decibels: tuple[float, float] = (-20.0, 6.0)

    def __post_init__(self) -> None:
        _between("decibels", self.decibels)

    def __call__(self, sounds: Tensor, generator: torch.Generator) -> Tensor:
        """(B, T) to the same shape."""
        check(sounds)
        return sounds * 10 ** (_draw(len(sounds), self.decibels, generator, sounds) / 20)

    def __str__(self) -> str:
        return "gain {:g} to {:g} dB".format(*self.decibels)


@dataclass(frozen=True)
class Noise:
    """Add noise whose power falls by its own exponent with frequency: 0 is white, 1 pink, 2 brown.

    Args:
        decibels: signal over noise, at least and at most.
        colours: smallest and largest exponent.
    """

    decibels: tuple[float, float] = (0.0, 30.0)
    colours: tuple[float, float] = (0.0, 2.0)

    def __post_init__(self) -> None:
        _between("decibels", self.decibels)
        _between("colours", self.colours)

    def __call__(self, sounds: Tensor, generator: torch.Generator) -> Tensor:
        """(B, T) to the same shape."""
        check(sounds)
        size = _fast_size(sounds.shape[1])
        colours = _draw(len(sounds), self.colours, generator, sounds)
        decibels = _draw(len(sounds), self.decibels, generator, sounds)
        spectrum = torch.randn(len(sounds), size // 2 + 1, 2, generator=generator).to(sounds)
        steps = torch.arange(size // 2 + 1, device=sounds.device).to(sounds).clamp(min=max(1.0, size * 50 / RATE))
        shaped = torch.view_as_complex(spectrum) * steps ** (-colours / 2)
        return _added(sounds, torch.fft.irfft(shaped, size)[:, : sounds.shape[1]], decibels)

    def __str__(self) -> str:
        return "noise, white to brown, {:g} to {:g} dB below".format(*self.decibels)


@dataclass(frozen=True)
class Babble:
    """Let others of the batch speak at the same time, softer.

    Args:
        decibels: signal over the others, at least and at most.
        voices: how many others.
    """

    decibels: tuple[float, float] = (5.0, 25.0)
    voices: int = 2

    def __post_init__(self) -> None:
        _between("decibels", self.decibels)
        whole("voices", self.voices)

    def __call__(self, sounds: Tensor, generator: torch.Generator) -> Tensor:
        """(B, T) to the same shape; a batch of one stays as it is."""
        check(sounds)
        decibels = _draw(len(sounds), self.decibels, generator, sounds)
        if len(sounds) == 1:
            return sounds
        others = torch.zeros_like(sounds)
        for _ in range(self.voices):
            by = int(torch.randint(1, len(sounds), (), generator=generator))
            later = int(torch.randint(sounds.shape[1], (), generator=generator))
            others = others + sounds.roll((by, later), (0, 1))
        return _added(sounds, others, decibels)

    def __str__(self) -> str:
        return "{} other voices, {:g} to {:g} dB below".format(self.voices, *self.decibels)


@dataclass(frozen=True)
class Room:
    """Let each sound echo in a room of its own: noise that dies away, after the sound that comes straight.

    Args:
        seconds: shortest and longest time in which the echo falls by 60 dB.
        echo: weakest and strongest energy of the echo against the straight sound, in decibels.
        rate: samples a second.
    """

    seconds: tuple[float, float] = (0.1, 0.6)
    echo: tuple[float, float] = (-20.0, 3.0)
    rate: int = RATE

    def __post_init__(self) -> None:
        _between("seconds", self.seconds, 0.0, above=True)
        _between("echo", self.echo)
        whole("rate", self.rate)

    def __call__(self, sounds: Tensor, generator: torch.Generator) -> Tensor:
        """(B, T) to the same shape; as loud as before."""
        check(sounds)
        lasts = _draw(len(sounds), self.seconds, generator, sounds)
        strength = _draw(len(sounds), self.echo, generator, sounds)
        late = _draw(len(sounds), (0.002, 0.02), generator, sounds)  # until the first wall answers
        length = math.ceil(self.rate * self.seconds[1] * 0.75)
        time = torch.arange(length, device=sounds.device).to(sounds) / self.rate
        tail = torch.randn(len(sounds), length, generator=generator).to(sounds)
        tail = tail * 10 ** (-3 * time / lasts) * (time > late)
        tail = tail * (10 ** (strength / 10) / (tail.square().sum(1, keepdim=True) + 1e-12)).sqrt()
        tail[:, 0] = 1
        size = _fast_size(sounds.shape[1] + length)
        heard = _filtered(sounds, torch.fft.rfft(tail, size), size)
        return heard * (_power(sounds) / (_power(heard) + 1e-12)).sqrt()

    def __str__(self) -> str:
        return "rooms of {:g} to {:g} s".format(*self.seconds)


@dataclass(frozen=True)
class Telephone:
    """Keep the band of frequencies that some line or recording keeps; the others fall off smoothly.

    Args:
        bands: (lowest, highest) in hertz; each sound gets one of them by chance.
        rate: samples a second.
    """

    bands: tuple[tuple[float, float], ...] = ((300.0, 3400.0), (0.0, 4000.0), (100.0, 6000.0))
    rate: int = RATE

    def __post_init__(self) -> None:
        if not self.bands:
            raise ValueError("bands is empty; give at least one (lowest, highest) in hertz.")
        for band in self.bands:
            _between("bands", band, 0.0)
        whole("rate", self.rate)

    def __call__(self, sounds: Tensor, generator: torch.Generator) -> Tensor:
        """(B, T) to the same shape."""
        check(sounds)
        chosen = torch.randint(len(self.bands), (len(sounds),), generator=generator)
        low, high = torch.tensor(self.bands)[chosen].to(sounds).split(1, 1)
        size = _fast_size(sounds.shape[1])
        hertz = _hertz(size, self.rate, sounds)
        above = torch.sigmoid((hertz - low) / 25) * (low > 0) + (low <= 0)
        return _filtered(sounds, above * torch.sigmoid((high - hertz) / 60), size)

    def __str__(self) -> str:
        return "one of the bands " + ", ".join(f"{low:g} to {high:g} Hz" for low, high in self.bands)


@dataclass(frozen=True)
class Microphone:
    """Colour each sound by a smooth random curve over frequency, as microphones and loudspeakers do.

    Args:
        decibels: standard deviation of the curve at its points.
        points: of the curve, evenly over the mel scale.
        rate: samples a second.
    """

    decibels: float = 5.0
    points: int = 8
    rate: int = RATE

    def __post_init__(self) -> None:
        real("decibels", self.decibels)
        whole("points", self.points, 2)
        whole("rate", self.rate)

    def __call__(self, sounds: Tensor, generator: torch.Generator) -> Tensor:
        """(B, T) to the same shape."""
        check(sounds)
        curve = self.decibels * torch.randn(len(sounds), 1, self.points, generator=generator).to(sounds)
        size = _fast_size(sounds.shape[1])
        mel = (1 + _hertz(size, self.rate, sounds) / 700).log()
        place = mel / mel[-1] * (self.points - 1)
        left = place.floor().clamp(max=self.points - 2)
        turn = (1 - torch.cos(math.pi * (place - left))) / 2
        gains = curve[:, 0, left.long()] * (1 - turn) + curve[:, 0, left.long() + 1] * turn
        return _filtered(sounds, 10 ** (gains / 20), size)

    def __str__(self) -> str:
        return f"microphones that differ by {self.decibels:g} dB"


@dataclass(frozen=True)
class Clip:
    """Cut off what is louder than a share of the loudest sample, as an overdriven microphone does.

    Args:
        least: smallest share at which it is cut.
    """

    least: float = 0.3

    def __post_init__(self) -> None:
        real("least", self.least, below=1.0, above=True)

    def __call__(self, sounds: Tensor, generator: torch.Generator) -> Tensor:
        """(B, T) to the same shape."""
        check(sounds)
        limit = _draw(len(sounds), (self.least, 1.0), generator, sounds) * sounds.abs().amax(1, keepdim=True)
        return sounds.clamp(-limit, limit)

    def __str__(self) -> str:
        return f"clipped at {percent(self.least)} or more of the loudest"


@dataclass(frozen=True)
class Shift:
    """Begin each sound later, after silence; what goes over the end is kept, so the batch gets longer.

    Args:
        seconds: latest start.
        rate: samples a second.
    """

    seconds: float = 0.2
    rate: int = RATE

    def __post_init__(self) -> None:
        real("seconds", self.seconds)
        whole("rate", self.rate)

    def __call__(self, sounds: Tensor, generator: torch.Generator) -> Tensor:
        """(B, T) to (B, T + seconds · rate)."""
        check(sounds)
        most = round(self.seconds * self.rate)
        starts = torch.randint(most + 1, (len(sounds), 1), generator=generator).to(sounds.device)
        places = torch.arange(sounds.shape[1] + most, device=sounds.device) - starts
        inside = (places >= 0) & (places < sounds.shape[1])
        return sounds.gather(1, places.clamp(0, sounds.shape[1] - 1)) * inside

    def __str__(self) -> str:
        return f"up to {self.seconds:g} s later"


@dataclass(frozen=True)
class Sometimes:
    """Change a share of the batch and leave the rest.

    Args:
        part: what changes it.
        share: of the batch.
    """

    part: Augmentation
    share: float = 0.5

    def __post_init__(self) -> None:
        _share(self.share)

    def __call__(self, sounds: Tensor, generator: torch.Generator) -> Tensor:
        """(B, ...) to the same, as long as the longest."""
        chosen = (torch.rand(len(sounds), generator=generator) < self.share).nonzero()[:, 0].to(sounds.device)
        if not len(chosen):
            return sounds
        changed = self.part(sounds[chosen], generator)
        grown = changed.shape[1] - sounds.shape[1]
        whole_batch = F.pad(sounds, (0, grown)) if grown > 0 else sounds.clone()
        whole_batch[chosen] = changed
        return whole_batch

    def __str__(self) -> str:
        return f"{self.part}, on {percent(self.share)}"


@dataclass(frozen=True)
class Mask:
    """Hide stripes of time and of frequency behind the spectrogram's mean (SpecAugment, Park et al., 2019).

    Args:
        times: how many stripes of time.
        frames: the widest of them.
        frequencies: how many stripes of frequency.
        bands: the widest of them.
    """

    times: int = 2
    frames: int = 20
    frequencies: int = 2
    bands: int = 20

    def __post_init__(self) -> None:
        for name in ("times", "frames", "frequencies", "bands"):
            whole(name, getattr(self, name), 0)

    def __call__(self, spectrograms: Tensor, generator: torch.Generator) -> Tensor:
        """(B, F, M) to the same shape: frames, then mel bands, as ``LogMel`` gives them."""
        tensor("spectrograms", spectrograms, 3, floating=True)
        hidden = torch.zeros(spectrograms.shape, dtype=torch.bool, device=spectrograms.device)
        for axis, count, widest in ((1, self.times, self.frames), (2, self.frequencies, self.bands)):
            size = spectrograms.shape[axis]
            widths = torch.rand(2, len(spectrograms), count, 1, generator=generator).to(spectrograms.device)
            wide = (widths[0] * (min(widest, size) + 1)).floor()
            start = (widths[1] * (size - wide + 1)).floor()
            place = torch.arange(size, device=spectrograms.device)
            stripes = ((place >= start) & (place < start + wide)).any(1)  # (B, size)
            hidden |= stripes[:, :, None] if axis == 1 else stripes[:, None]
        mean = spectrograms.mean((1, 2), keepdim=True)
        return torch.where(hidden, mean, spectrograms)

    def __str__(self) -> str:
        return (
            f"{self.times} stripes of up to {self.frames} frames and {self.frequencies} of up to {self.bands} bands "
            "hidden"
        )
