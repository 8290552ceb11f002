"""Strangers made of known voices, on mel power: cheaper than on samples, and whole batches at once.

All changes are of the power in mel bands, before the logarithm: there a microphone is a gain for each band, noise is
added, a room is a decaying echo, and another speaker is the spectrum stretched along frequency and time.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from mmcourse.checks import real


@dataclass(frozen=True)
class Strangers:
    """Other speakers, rooms and microphones.

    Args:
        speed: largest change of length, as a share: 0.2 gives 0.83 to 1.2 times as long.
        formants: largest shift of the spectrum, as a share of the bands.
        microphone: largest gain of a band, in dB either way, smooth over bands.
        loudness: largest change of level, in dB either way.
        echo: share of sounds with a room.
        band: share of sounds that lose what a telephone loses.
        noise: share of sounds with noise, 5 to 35 dB below the voice.
        masks: spans of time and of bands that are covered (Park et al., 2019), two of each.
    """

    speed: float = 0.2
    formants: float = 0.06
    microphone: float = 8.0
    loudness: float = 12.0
    echo: float = 0.3
    band: float = 0.3
    noise: float = 0.6
    masks: bool = True

    def __post_init__(self) -> None:
        for name in ("speed", "formants", "microphone", "loudness"):
            real(name, getattr(self, name))
        for name in ("echo", "band", "noise"):
            real(name, getattr(self, name), below=1.0001)

    def __str__(self) -> str:
        masked = ", spans of time and bands covered" if self.masks else ""
        return (
            f"speed by up to {self.speed:.0%}, spectrum shifted by up to {self.formants:.0%} of the bands, microphone "
            f"of ±{self.microphone:g} dB, level of ±{self.loudness:g} dB, echo in {self.echo:.0%}, telephone band in "
            f"{self.band:.0%}, noise in {self.noise:.0%}{masked}"
        )

    def speeds(self, count: int, generator: torch.Generator) -> Tensor:
        """How many times as long each sound becomes, (B,)."""
        return ((2 * torch.rand(count, generator=generator) - 1) * math.log1p(self.speed)).exp()

    def __call__(self, power: Tensor, speeds: Tensor, generator: torch.Generator) -> Tensor:
        """Mel power (B, F, M), already padded with silence to the length after stretching, to that of strangers."""
        batch, frames, bands = power.shape

        def draw(*shape: int) -> Tensor:
            return 2 * torch.rand(*shape, generator=generator) - 1

        def some(share: float) -> Tensor:
            return (torch.rand(batch, 1, 1, generator=generator) < share).float()

        # Stretched along both axes: what is read at (frame, band) was at (frame / speed, band shifted).
        time = torch.arange(frames) / speeds[:, None]
        band = torch.arange(bands) * (1 + self.formants * draw(batch, 1))
        grid = torch.stack(
            [
                (2 * band / max(1, bands - 1) - 1)[:, None].expand(-1, frames, -1),
                (2 * time / max(1, frames - 1) - 1)[:, :, None].expand(-1, -1, bands),
            ],
            -1,
        )
        power = F.grid_sample(power[:, None], grid, padding_mode="border", align_corners=True)[:, 0].clamp(min=0)
        # A room: each frame rings on, the longer the larger the room.
        decay = torch.exp(-torch.arange(1, 16) / (1 + 5 * float(torch.rand(1, generator=generator))))
        tail = F.conv1d(F.pad(power.mT.reshape(-1, 1, frames), (15, 0)), decay.flip(0)[None, None])[..., :frames]
        power = power + 0.15 * some(self.echo) * tail.reshape(batch, bands, frames).mT
        # A microphone: a gain that is smooth over bands; a telephone keeps the middle only.
        places = torch.linspace(0, math.pi, bands)
        waves = torch.stack([(k * places).cos() for k in range(1, 5)])
        gain = self.microphone * (draw(batch, 4) @ waves / 2) + self.loudness * draw(batch, 1)
        power = power * 10 ** (gain[:, None] / 10)
        low = torch.randint(0, max(1, bands // 10), (batch, 1, 1), generator=generator)
        high = torch.randint(bands * 5 // 8, bands, (batch, 1, 1), generator=generator)
        index = torch.arange(bands)
        outside = ((index < low) | (index > high)).float() * some(self.band)
        power = power * (1 - outside * (1 - 1e-5))
        # Noise of any colour, at a level below the voice, fluctuating as noise does.
        level = power.mean((1, 2), keepdim=True) * 10 ** -(2 * draw(batch, 1, 1) + 2)  # 0 to 40 dB
        colour = 10 ** (draw(batch, 4) @ waves / 2)[:, None]
        flicker = -torch.rand(batch, frames, bands, generator=generator).clamp(min=1e-4).log()
        return power + some(self.noise) * level * colour * flicker * 10**-0.5

    def cover(self, level: Tensor, generator: torch.Generator) -> Tensor:
        """Log-mel (B, F, M) with spans covered by its mean (SpecAugment)."""
        if not self.masks:
            return level
        batch, frames, bands = level.shape
        mean = level.mean((1, 2), keepdim=True)
        for size, axis in ((max(1, frames // 10), 1), (max(1, bands // 6), 2), (max(1, frames // 10), 1),
                           (max(1, bands // 6), 2)):  # fmt: skip
            count = level.shape[axis]
            length = torch.randint(0, size + 1, (batch, 1), generator=generator)
            first = (torch.rand(batch, 1, generator=generator) * (count - length)).long()
            index = torch.arange(count)
            covered = (index >= first) & (index < first + length)
            level = torch.where(covered[:, :, None] if axis == 1 else covered[:, None], mean, level)
        return level
