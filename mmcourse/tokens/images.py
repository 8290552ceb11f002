"""The one check that every image tokenizer makes before it starts."""

from __future__ import annotations

from torch import Tensor


def check_images(images: Tensor, channels: int | None = None) -> None:
    """Refuse, in one line, what is not a batch of pictures (B, C, H, W).

    Args:
        images: the candidate.
        channels: C that is needed, or None for any.

    Raises:
        TypeError: integer pixels.
        ValueError: wrong number of dimensions or channels, an empty batch, NaN or infinite pixels.
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
    if not images.isfinite().all():
        raise ValueError("images hold NaN or infinite pixels; look for a division by zero where they were made.")
