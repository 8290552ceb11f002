"""Small random changes that leave the label true, made for a whole batch at once.

Each maker returns a function of (images (B, C, H, W), generator), so that the same generator gives the same pictures.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

Augment = Callable[[Tensor, torch.Generator], Tensor]


def affine(degrees: float = 0.0, translate: float = 0.0, scale: float = 0.0, shear: float = 0.0) -> Augment:
    """Turn, shift, scale and shear each picture by its own random amounts; what comes in from outside is 0.

    Args:
        degrees: largest turn either way.
        translate: largest shift, as a share of the side.
        scale: largest relative change of size.
        shear: largest horizontal shear, in degrees.
    """

    def augment(images: Tensor, generator: torch.Generator) -> Tensor:
        turn, right, down, size, lean = (2 * torch.rand(5, len(images), generator=generator) - 1).unbind()
        turn, lean, size = turn * math.radians(degrees), (lean * math.radians(shear)).tan(), 1 + size * scale
        cos, sin = turn.cos() / size, turn.sin() / size
        theta = torch.stack(
            [
                torch.stack([cos, cos * lean - sin, right * translate * 2], -1),
                torch.stack([sin, sin * lean + cos, down * translate * 2], -1),
            ],
            dim=1,
        )
        grid = F.affine_grid(theta.to(images), list(images.shape), align_corners=False)
        return F.grid_sample(images, grid, align_corners=False)

    return augment


def elastic(strength: float, coarse: int = 5) -> Augment:
    """Bend each picture by a smooth random displacement (Simard et al., 2003).

    Args:
        strength: standard deviation of the displacement at the control points, as a share of the side.
        coarse: control points along a side; fewer bend more smoothly.
    """

    def augment(images: Tensor, generator: torch.Generator) -> Tensor:
        bend = 2 * strength * torch.randn(len(images), 2, coarse, coarse, generator=generator)
        bend = F.interpolate(bend, size=images.shape[-2:], mode="bicubic", align_corners=True)
        still = torch.eye(2, 3).expand(len(images), -1, -1)
        grid = F.affine_grid(still, list(images.shape), align_corners=False) + bend.permute(0, 2, 3, 1)
        return F.grid_sample(images, grid.to(images), align_corners=False)

    return augment


def compose(*parts: Augment) -> Augment:
    """One augmentation after the other."""

    def augment(images: Tensor, generator: torch.Generator) -> Tensor:
        for part in parts:
            images = part(images, generator)
        return images

    return augment
