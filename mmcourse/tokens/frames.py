"""Sound as codes: the codebook of chapter 6 over mel frames instead of patches, and back to a waveform.

A spectrogram (B, F, M) becomes F / s codes, each for s frames. Griffin and Lim's method makes a waveform of what comes
back (:mod:`mmcourse.tokens.spectrogram`). Derived in :ref:`sec-13-speech`.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmcourse.base import Model, ModelConfig
from mmcourse.checks import real, tensor, whole
from mmcourse.tokens.palette import check_codes
from mmcourse.tokens.spectrogram import LogMel, LogMelConfig, griffin_lim, hann, mel_to_linear
from mmcourse.tokens.vq import VectorQuantizer


@dataclass(frozen=True)
class FramesConfig(ModelConfig):
    """What a learned tokenizer of sounds needs to be built.

    Args:
        log_mel: how spectrograms are made: Whisper's recipe, whose logarithm can be undone, with a window as long as
            the FFT, as Griffin and Lim's method needs it.
        stride: s, frames of one code.
        width: channels between the layers.
        encoder, decoder: residual blocks before and after the codebook.
        codes: Number of codes, K.
        code_width: d, numbers of a code.
        decay, commitment, warm, restart: of the :class:`~mmcourse.tokens.vq.VectorQuantizer`.
    """

    log_mel: LogMelConfig = field(default_factory=lambda: LogMelConfig(window_size=512, fft_size=512, hop=128))
    stride: int = 3
    width: int = 128
    encoder: int = 2
    decoder: int = 3
    codes: int = 1024
    code_width: int = 16
    decay: float | None = 0.99
    commitment: float = 0.25
    warm: int = 200
    restart: float = 0.05

    def __post_init__(self) -> None:
        if not isinstance(self.log_mel, LogMelConfig):
            raise TypeError(f"log_mel is {self.log_mel!r:.60}; give a LogMelConfig.")
        for name in ("stride", "width", "codes", "code_width"):
            whole(name, getattr(self, name))
        for name in ("encoder", "decoder"):
            whole(name, getattr(self, name), 0)
        if self.log_mel.recipe != "whisper" or self.log_mel.window_size != self.log_mel.fft_size:
            raise ValueError(
                f"log_mel has the recipe {self.log_mel.recipe!r}, a window of {self.log_mel.window_size} and an FFT of "
                f"{self.log_mel.fft_size}; to be heard again it needs 'whisper' and both of one size."
            )
        if self.decay is not None:
            real("decay (None to move the codes by gradients)", self.decay, below=1.0)
        real("commitment", self.commitment)
        real("restart", self.restart)
        whole("warm", self.warm, -1)

    @property
    def codes_per_second(self) -> float:
        """How many codes a second of sound has."""
        return self.log_mel.sample_rate / (self.log_mel.hop * self.stride)


class Frames(NamedTuple):
    """What a :class:`FrameTokenizer` gives.

    Attributes:
        mel: (B, F, M).
        codes: (B, F / s) int64.
        loss: the quantizer's, a number.
    """

    mel: Tensor
    codes: Tensor
    loss: Tensor


class FrameBlock(nn.Module):
    """Two convolutions over time on a residual path, each behind a norm and a GELU: chapter 6's block for sound."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.GroupNorm(1, width), nn.GroupNorm(1, width)
        self.conv1, self.conv2 = nn.Conv1d(width, width, 3, padding=1), nn.Conv1d(width, width, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, D, N) -> (B, D, N)."""
        return x + self.conv2(F.gelu(self.norm2(self.conv1(F.gelu(self.norm1(x))))))


@functools.lru_cache(maxsize=4)
def _log_mel(config: LogMelConfig, device: torch.device) -> LogMel:
    return LogMel(config).to(device)


class FrameTokenizer(Model):
    """Mel frames to codes and back, by the :class:`~mmcourse.tokens.vq.VectorQuantizer` of chapter 6.

    Args:
        config: sizes and choices.
    """

    config_class = FramesConfig
    config: FramesConfig

    def __init__(self, config: FramesConfig) -> None:
        super().__init__(config)
        c, bands = config, config.log_mel.bands
        self.encoder = nn.Sequential(
            nn.Conv1d(bands, c.width, c.stride, c.stride),
            *(FrameBlock(c.width) for _ in range(c.encoder)),
            nn.Conv1d(c.width, c.code_width, 1),
        )
        self.quantizer = VectorQuantizer(
            c.codes, c.code_width, decay=c.decay, commitment=c.commitment, warm=c.warm, restart=c.restart
        )
        self.decoder = nn.Sequential(
            nn.Conv1d(c.code_width, c.width, 3, padding=1),
            *(FrameBlock(c.width) for _ in range(c.decoder)),
            nn.Conv1d(c.width, bands * c.stride, 1),
        )

    def spectrogram(self, sound: Tensor) -> Tensor:
        """A waveform (..., T) as mel frames (..., F, M), filled with silence so that the stride divides F."""
        tensor("sound", sound, floating=True)
        if not sound.dim() or not sound.numel():
            raise ValueError(f"sound has shape {tuple(sound.shape)}; give a waveform (..., T) of at least one sample.")
        step = self.config.log_mel.hop * self.config.stride
        return _log_mel(self.config.log_mel, sound.device)(F.pad(sound, (0, -sound.shape[-1] % step)))

    def _check(self, mel: Tensor) -> None:
        tensor("mel", mel, 3, floating=True)
        bands, stride = self.config.log_mel.bands, self.config.stride
        if mel.shape[2] != bands or mel.shape[1] % stride or not mel.shape[1] or not len(mel):
            raise ValueError(
                f"mel has shape {tuple(mel.shape)}; (B, F, {bands}) is needed, F a multiple of {stride}: "
                "spectrogram(sound) makes one."
            )

    def forward(self, mel: Tensor) -> Frames:
        """Through the codebook and back: (B, F, M) -> frames, codes and the quantizer's loss."""
        self._check(mel)
        found = self.quantizer(self.encoder(mel.mT).mT)
        return Frames(self._frames(found.tokens), found.codes, found.loss)

    def _frames(self, tokens: Tensor) -> Tensor:
        """(B, N, d) -> (B, N s, M)."""
        made = self.decoder(tokens.mT).mT  # (B, N, s M)
        return made.reshape(len(made), -1, self.config.log_mel.bands)

    @torch.no_grad()
    def encode(self, mel: Tensor) -> Tensor:
        """Indices of codes: (B, F, M) -> (B, F / s) int64."""
        self._check(mel)
        return self.quantizer.nearest(self.encoder(mel.mT).mT)

    @torch.no_grad()
    def decode(self, codes: Tensor) -> Tensor:
        """Mel frames for indices: (B, N) int64 -> (B, N s, M).

        Raises:
            ValueError: an index that is no code.
        """
        tensor("codes", codes, 2)
        check_codes(codes, self.config.codes)
        return self._frames(self.quantizer.look_up(codes))

    @torch.no_grad()
    def waveform(self, mel: Tensor, *, iterations: int = 32, seed: int = 0) -> Tensor:
        """Mel frames (..., F, M) as a waveform (..., T), T = hop · F: logarithm undone, bands spread, phases guessed.

        Args:
            mel: as :meth:`spectrogram` makes them.
            iterations: of Griffin and Lim's method.
            seed: of the first phases.
        """
        tensor("mel", mel, floating=True)
        c = self.config.log_mel
        if mel.dim() < 2 or mel.shape[-1] != c.bands or 0 in mel.shape:
            raise ValueError(f"mel has shape {tuple(mel.shape)}; give (..., F, {c.bands}) with at least one frame.")
        if not mel.isfinite().all():
            raise ValueError("mel holds NaN or infinity; no sound has that.")
        count = mel.shape[-2]
        after = mel[..., -1:, :].expand(*mel.shape[:-2], 2 + c.fft_size // c.hop, -1)  # the last frame needs company
        mel = torch.cat([mel, after], -2).float().clamp(-2, 2)
        power = mel_to_linear(10 ** (4 * mel - 4), _log_mel(c, mel.device).filters, 50)
        window = hann(c.fft_size).float().to(mel.device)
        sound = griffin_lim(power.sqrt(), window, c.hop, iterations=iterations, seed=seed)
        return sound[..., : count * c.hop]
