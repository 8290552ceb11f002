"""What pixels mean to a model; checks of shape and type by every tokenizer, of values where a user hands them over."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Preprocessing:
    """How pictures become what a model was trained on; part of its configuration, so that it travels with its weights.

    Args:
        mean: of each channel, subtracted from pixels in [0, 1]; one number serves all channels.
        std: of each channel, what is left is divided by it.
        resize: ``"stretch"`` to the model's height and width, ``"crop"``: the shorter side is resized, then the middle
            is cut out; None where pictures must come in the right size.
        crop: with ``resize="crop"`` the share of the shorter side that is kept.
        interpolation: of the resize.
    """

    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)
    resize: Literal["stretch", "crop"] | None = None
    crop: float = 1.0
    interpolation: Literal["bilinear", "bicubic"] = "bilinear"

    def __post_init__(self) -> None:
        object.__setattr__(self, "mean", tuple(float(value) for value in self.mean))
        object.__setattr__(self, "std", tuple(float(value) for value in self.std))


PIXELS = Preprocessing()
"""Pixels in [0, 1] as they are."""


class Normalise(nn.Module):
    """(x - mean) / std of each channel: pixels in [0, 1] as the model was trained on them.

    Args:
        preprocessing: says mean and std.
        channels: Number of channels, C.
    """

    def __init__(self, preprocessing: Preprocessing, channels: int) -> None:
        super().__init__()
        self.channels = channels
        self.changes = any(preprocessing.mean) or any(value != 1 for value in preprocessing.std)
        for name in ("mean", "std"):
            values = torch.tensor(getattr(preprocessing, name)).expand(channels)[:, None, None]
            self.register_buffer(name, values.clone(), persistent=False)
        self.mean: Tensor
        self.std: Tensor

    def forward(self, images: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C, H, W)."""
        check_images(images, self.channels)
        return (images - self.mean) / self.std if self.changes else images


def check_images(images: Tensor, channels: int | None = None) -> None:
    """Refuse, in one line, what is not a batch of pictures (B, C, H, W). Looks at no value, so that models trace.

    Args:
        images: the candidate.
        channels: C that is needed, or None for any.

    Raises:
        TypeError: integer pixels.
        ValueError: wrong number of dimensions or channels, an empty batch.
    """
    if images.dim() != 4:
        raise ValueError(f"images have shape {tuple(images.shape)}; give a batch (B, C, H, W), images[None] for one.")
    if 0 in images.shape:
        raise ValueError(f"images have shape {tuple(images.shape)}, which holds no pixel; give at least one picture.")
    if channels is not None and images.shape[1] != channels:
        raise ValueError(
            f"images have {images.shape[1]} channels, the model reads {channels}; convert them (grey to colour: "
            f"images.expand(-1, 3, -1, -1); colour to grey: images.mean(1, keepdim=True))."
        )
    if not images.is_floating_point():
        raise TypeError(f"images are {images.dtype}; give floating-point pixels in [0, 1], images.float() / 255.")


def check_pixels(images: Tensor) -> None:
    """Refuse, in one line, pixels that are no brightness in [0, 1]; for public entries, never for ``forward``.

    Args:
        images: of any shape; bicubic resizing may overshoot by up to a half.

    Raises:
        ValueError: NaN, infinite, or far outside [0, 1].
    """
    if not images.isfinite().all():
        raise ValueError("images hold NaN or infinite pixels; look for a division by zero where they were made.")
    low, high = float(images.min()), float(images.max())
    if low < -0.5 or high > 1.5:
        raise ValueError(
            f"images hold pixels from {low:.4g} to {high:.4g}; give them in [0, 1], images / 255 for bytes."
        )
