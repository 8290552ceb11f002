"""The checks of pictures: of shape and type by every image tokenizer, of values where a user hands them over."""

from __future__ import annotations

from torch import Tensor


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
