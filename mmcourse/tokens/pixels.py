"""One token per pixel: the lecture's naive sequence. Derived in :ref:`sec-01-raster`."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mmcourse.checks import sides, tensor, whole
from mmcourse.tokens.images import check_images


def to_sequence(images: Tensor) -> Tensor:
    """Read pixels in raster order: row by row, left to right; n = w h tokens.

    Derived in :ref:`sec-01-raster`.

    Args:
        images: (B, C, H, W).

    Returns:
        (B, N, C) with N = H W; token i is the pixel of row i // W and column i % W.
    """
    tensor("images", images)
    if images.dim() != 4:
        raise ValueError(f"images have shape {tuple(images.shape)}; give a batch (B, C, H, W).")
    return images.flatten(2).transpose(1, 2)


def to_image(sequence: Tensor, size: tuple[int, int]) -> Tensor:
    """Undo :func:`to_sequence`.

    Args:
        sequence: (B, N, C).
        size: (H, W) with H W = N.

    Returns:
        (B, C, H, W).
    """
    tensor("sequence", sequence, 3)
    height, width = sides("size", size)
    if sequence.shape[1] != height * width:
        raise ValueError(
            f"a sequence of {sequence.shape[1]} pixels does not fill {size[0]} rows of {size[1]}; "
            f"{size[0] * size[1]} are needed."
        )
    return sequence.transpose(1, 2).unflatten(2, size)


class PixelTokens(nn.Module):
    """Each pixel's C colour values times a matrix: (B, C, H, W) -> (B, H W, D).

    Derived in :ref:`sec-01-raster`.

    Args:
        channels: Number of channels, C.
        width: Width of a token, D.
    """

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        whole("channels", channels)
        whole("width", width)
        self.channels = channels
        self.project = nn.Linear(channels, width)

    def grid(self, height: int, width: int) -> tuple[int, int]:
        """Rows and columns of tokens that a picture of this size gives."""
        return height, width

    def forward(self, images: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, H W, D)."""
        check_images(images, self.channels, self.project.weight)
        return self.project(to_sequence(images))


def attention_bytes(tokens: int, heads: int = 1, batch: int = 1, dtype: torch.dtype = torch.float32) -> int:
    """Bytes of one layer's attention weights, (B, H, N, N), when they are written out: O(n²).

    Derived in :ref:`sec-01-cost`.

    Raises:
        ValueError: a number that is no whole number of at least 1.
    """
    for name, value in (("tokens", tokens), ("heads", heads), ("batch", batch)):
        whole(name, value)
    return batch * heads * tokens * tokens * dtype.itemsize
