"""Patches of P x P pixels as tokens (Dosovitskiy et al., 2021, section 3.1), side by side or overlapping."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmcourse.checks import sides, tensor, whole
from mmcourse.tokens.images import check_images


def _grid(height: int, width: int, patch_size: int) -> tuple[int, int]:
    whole("patch_size", patch_size)
    if height % patch_size or width % patch_size:
        raise ValueError(
            f"an image of {height} x {width} pixels cannot be cut into {patch_size} x {patch_size} patches; choose a P "
            f"that divides both sides, or crop to {height - height % patch_size} x {width - width % patch_size}."
        )
    return height // patch_size, width // patch_size


def patchify(images: Tensor, patch_size: int) -> Tensor:
    """Cut pictures into patches, read in raster order, and flatten each.

    Derived in :ref:`sec-02-patches`.

    Args:
        images: (B, C, H, W); P must divide H and W.
        patch_size: Side of a patch, P.

    Returns:
        (B, N, P P C) with N = H W / P². Within a patch the values run row, column, channel, so that a patch is a
        small picture (P, P, C) flattened.
    """
    tensor("images", images)
    if images.dim() != 4:
        raise ValueError(f"images have shape {tuple(images.shape)}; give a batch (B, C, H, W).")
    rows, columns = _grid(images.shape[-2], images.shape[-1], patch_size)
    x = images.unflatten(3, (columns, patch_size)).unflatten(2, (rows, patch_size))  # (B, C, rows, P, columns, P)
    return x.permute(0, 2, 4, 3, 5, 1).flatten(3).flatten(1, 2)


def unpatchify(patches: Tensor, patch_size: int, size: tuple[int, int], channels: int) -> Tensor:
    """Undo :func:`patchify`: (B, N, P P C) -> (B, C, H, W) for size = (H, W)."""
    tensor("patches", patches)
    size = sides("size", size)
    whole("channels", channels)
    rows, columns = _grid(*size, patch_size)
    if tuple(patches.shape[1:]) != (rows * columns, patch_size * patch_size * channels):
        raise ValueError(
            f"patches have shape {tuple(patches.shape)}; a picture of {size[0]} x {size[1]} pixels and {channels} "
            f"channels needs (B, {rows * columns}, {patch_size * patch_size * channels})."
        )
    x = patches.unflatten(2, (patch_size, patch_size, channels)).unflatten(1, (rows, columns))
    return x.permute(0, 5, 1, 3, 2, 4).flatten(4).flatten(2, 3)


class PatchEmbedding(nn.Module):
    """Flattened patches times the matrix E of the lecture, (P² C, D), plus a bias.

    Derived in :ref:`sec-02-patch-embedding`. ``project.weight`` is Eᵀ, (D, P² C), in the order of
    :func:`patchify`; :meth:`as_convolution` gives the equal strided convolution.

    Args:
        patch_size: Side of a patch, P.
        channels: Number of channels, C.
        width: Width of a token, D.
        stride: pixels from one patch to the next, down and to the right; less than P lets patches overlap (Gong et
            al., 2021, section 2.1). None for P: patches side by side, which must fill the picture.
        bias: whether there is one; CLIP has none.
    """

    def __init__(
        self, patch_size: int, channels: int, width: int, stride: tuple[int, int] | None = None, bias: bool = True
    ) -> None:
        super().__init__()
        for name, value in (("patch_size", patch_size), ("channels", channels), ("width", width)):
            whole(name, value)
        self.patch_size = patch_size
        self.channels = channels
        self.stride = stride
        self.project = nn.Linear(patch_size * patch_size * channels, width, bias)

    def grid(self, height: int, width: int) -> tuple[int, int]:
        """Rows and columns of patches that a picture of this size gives."""
        if self.stride is None:
            return _grid(height, width, self.patch_size)
        if min(height, width) < self.patch_size:
            raise ValueError(f"{height} x {width} pixels hold no patch of {self.patch_size} x {self.patch_size}; pad.")
        return (height - self.patch_size) // self.stride[0] + 1, (width - self.patch_size) // self.stride[1] + 1

    def forward(self, images: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, N, D)."""
        check_images(images, self.channels, self.project.weight)
        self.grid(*images.shape[-2:])
        # The equal convolution, which reads pixels where they lie and writes no patches: twice as fast.
        kernel = linear_to_convolution(self.project.weight, self.patch_size, self.channels)
        stride = self.stride or self.patch_size
        return F.conv2d(images, kernel, self.project.bias, stride=stride).flatten(2).transpose(1, 2)

    @torch.no_grad()
    def as_convolution(self) -> nn.Conv2d:
        """The convolution with kernel P (and stride P, or the given one) that computes the same: E, reordered."""
        p, bias = self.patch_size, self.project.bias
        stride = self.stride or p
        convolution = nn.Conv2d(self.channels, self.project.out_features, p, stride, bias=bias is not None)
        convolution.weight.copy_(linear_to_convolution(self.project.weight, p, self.channels))
        if convolution.bias is not None:
            convolution.bias.copy_(bias)
        return convolution


def linear_to_convolution(weight: Tensor, patch_size: int, channels: int) -> Tensor:
    """Eᵀ (D, P P C) -> the convolution's kernel (D, C, P, P)."""
    tensor("weight", weight, 2)
    whole("patch_size", patch_size)
    whole("channels", channels)
    if weight.shape[1] != patch_size * patch_size * channels:
        raise ValueError(
            f"weight has shape {tuple(weight.shape)}; patches of {patch_size} x {patch_size} pixels and {channels} "
            f"channels need (D, {patch_size * patch_size * channels})."
        )
    return weight.unflatten(1, (patch_size, patch_size, channels)).permute(0, 3, 1, 2)


def convolution_to_linear(kernel: Tensor) -> Tensor:
    """A convolution's kernel (D, C, P, P), as checkpoints store it, -> Eᵀ (D, P P C)."""
    tensor("kernel", kernel, 4)
    return kernel.permute(0, 2, 3, 1).flatten(1)
