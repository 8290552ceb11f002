"""Changes of log-mel spectrograms that leave the words true: another speaker, another room, another microphone.

What :mod:`mmcourse.data.augment_sound` does to waveforms is done here to the powers of mel bands, in a tenth of the
time of a training step of a small model. Only the pitch moves with the vocal tract, and phases are nowhere.

Sources: vocal tract, Jaitly & Hinton (2013); noise and rooms, Ko et al. (2017).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from mmcourse.checks import real, tensor
from mmcourse.tokens.spectrogram import SILENCE, LogMelConfig, hz_to_mel, mel_to_hz


@dataclass(frozen=True)
class Stranger:
    """Each sound as if somebody else had said it, somewhere else, into something else.

    Tempo by a quarter, bends inside the word, vocal tracts by a sixth, start by 60 ms; echoes; band limits and a
    smooth random frequency response; noise of any colour, 12 to 50 dB below and for some 0 to 12 dB, steady or
    swelling; others of the batch speaking softly. Then the power is divided by its mean again, as the ``"relative"``
    recipe does.

    Args:
        log_mel: of the spectrograms, recipe ``"relative"``.
        strength: of all changes but noise; 0 leaves the voice as it is.
        elsewhere: whether room, microphone and noise change too; without them only time and frequency are stretched.
    """

    log_mel: LogMelConfig
    strength: float = 1.0
    elsewhere: bool = True

    def __post_init__(self) -> None:
        real("strength", self.strength)
        if self.log_mel.recipe != "relative":
            raise ValueError(f"recipe is {self.log_mel.recipe!r}; Stranger changes spectrograms of recipe 'relative'.")

    def __call__(self, spectrograms: Tensor, generator: torch.Generator) -> Tensor:
        """(B, F, M) to the same shape."""
        tensor("spectrograms", spectrograms, 3, floating=True)
        c = self.log_mel
        power = (self._warped(spectrograms, generator) * (2 * c.deviation) + c.mean).exp() - SILENCE
        power = power.clamp(min=0)
        if self.elsewhere:
            power = self._placed(power, generator)
        power = power / power.mean((1, 2), keepdim=True).clamp(min=1e-8)
        return ((power + SILENCE).log() - c.mean) / (2 * c.deviation)

    def _warped(self, x: Tensor, g: torch.Generator) -> Tensor:
        """Another speaker: time and frequency stretched."""
        (count, frames, bands), s, c = x.shape, self.strength, self.log_mel
        tempo = (s * _between(-0.22, 0.22, count, g)).exp()
        start = s * _between(-0.12, 0.12, count, g)
        bend = _curve(0.02 * s * torch.randn(count, 1, 6, generator=g), frames)
        time = torch.linspace(-1, 1, frames) * tempo[:, None] + start[:, None] + bend
        ends = hz_to_mel(torch.tensor([c.low, c.high or c.sample_rate / 2]), "kaldi")
        step = (ends[1] - ends[0]) / (bands + 1)
        hertz = mel_to_hz(ends[0] + step * torch.arange(1, bands + 1), "kaldi")
        tract = (s * _between(-0.15, 0.15, count, g)).exp()
        band = (hz_to_mel(hertz * tract[:, None], "kaldi") - ends[0]) / step - 1
        grid = torch.stack(
            [
                (2 * band / (bands - 1) - 1)[:, None].expand(-1, frames, -1),
                time[:, :, None].expand(-1, -1, bands),
            ],
            -1,
        )
        return F.grid_sample(x[:, None], grid.to(x), padding_mode="border", align_corners=True)[:, 0]

    def _placed(self, power: Tensor, g: torch.Generator) -> Tensor:
        """Another room, another microphone, other noise."""
        (count, frames, bands), s = power.shape, self.strength
        fade = (-1 / _between(2, 14, count, g)).exp()[:, None]  # from one frame to the next
        wet = s * 1.5 * _chance(0.35, count, g) * torch.rand(count, generator=g)
        tail, tails = torch.zeros_like(power[:, 0]), []
        for frame in range(frames):
            tails.append(tail)
            tail = fade * tail + (1 - fade) * power[:, frame]
        power = power + wet[:, None, None] * torch.stack(tails, 1)

        place = torch.arange(bands)
        response = _curve(0.5 * s * torch.randn(count, 1, 6, generator=g), bands)
        response = response + 0.6 * s * torch.randn(count, 1, generator=g) * torch.linspace(-1, 1, bands)
        low = torch.where(_chance(0.15, count, g), _between(0, 0.18 * bands, count, g), -1e3)[:, None]
        high = torch.where(_chance(0.12, count, g), _between(0.68 * bands, bands, count, g), 1e3)[:, None]
        response = response - 0.8 * (low - place).clamp(min=0) - (place - high).clamp(min=0)
        power = power * response.exp()[:, None]

        level = power.mean((1, 2), keepdim=True).clamp(min=1e-8)
        colour = _curve(1.2 * torch.randn(count, 1, 5, generator=g), bands)
        colour = colour + 1.5 * torch.randn(count, 1, generator=g) * torch.linspace(1, -1, bands)
        noise = colour.softmax(1)[:, None] * bands
        noise = noise * -(torch.rand(2, count, frames, bands, generator=g).clamp(min=1e-6).log()).mean(0)
        swell = _curve(0.8 * _chance(0.3, count, g)[:, None, None] * torch.randn(count, 1, 8, generator=g), frames)
        near = torch.where(_chance(0.15, count, g), _between(0, 12, count, g), _between(12, 50, count, g))
        power = power + level * 10 ** (-near[:, None, None] / 10) * noise * swell.exp()[..., None]

        other = power.roll(1, 0)
        softer = torch.where(_chance(0.1, count, g), _between(10, 25, count, g), 100.0)[:, None, None]
        return power + other / other.mean((1, 2), keepdim=True).clamp(min=1e-8) * level * 10 ** (-softer / 10)

    def __str__(self) -> str:
        if not self.elsewhere:
            return f"stretched at strength {self.strength:g}: time by 25%, frequency by 16%, start by 60 ms"
        return (
            f"other speakers, rooms, microphones and noise at strength {self.strength:g}: tempo by 25%, vocal tract by "
            "16%, start by 60 ms, echo, frequency response, band limits, noise 0 to 50 dB below, others "
            "speaking"
        )


def _between(low: float, high: float, count: int, g: torch.Generator) -> Tensor:
    return low + (high - low) * torch.rand(count, generator=g)


def _chance(share: float, count: int, g: torch.Generator) -> Tensor:
    return torch.rand(count, generator=g) < share


def _curve(points: Tensor, length: int) -> Tensor:
    """(B, 1, points) drawn out to (B, length)."""
    return F.interpolate(points, length, mode="linear", align_corners=True)[:, 0]
