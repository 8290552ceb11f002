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


def on_white(part: Augment) -> Augment:
    """An augmentation under which what comes in from outside is white: it works on the negative."""
    return lambda images, generator: 1 - part(1 - images, generator)


def halve() -> Augment:
    """Each square of 2 x 2 pixels becomes one: drawn large, turned, and then made small, lines stay smooth."""
    return lambda images, generator: F.avg_pool2d(images, 2)


def flip() -> Augment:
    """Half of the pictures are mirrored, left to right."""

    def augment(images: Tensor, generator: torch.Generator) -> Tensor:
        mirrored = torch.rand(len(images), generator=generator) < 0.5
        return torch.where(mirrored[:, None, None, None].to(images.device), images.flip(-1), images)

    return augment


def recolour(negative: float = 0.15) -> Augment:
    """Exchange the colour channels at random, and make some pictures negatives.

    Args:
        negative: share of the pictures.
    """

    def augment(images: Tensor, generator: torch.Generator) -> Tensor:
        order = torch.rand(len(images), images.shape[1], generator=generator).argsort(1).to(images.device)
        images = images.gather(1, order[:, :, None, None].expand_as(images))
        turned = torch.rand(len(images), generator=generator) < negative
        return torch.where(turned[:, None, None, None].to(images.device), 1 - images, images)

    return augment


def outline(share: float = 0.5) -> Augment:
    """Draw a dark line where neighbouring pixels differ, as some draughtsmen do, on a share of the pictures."""

    def augment(images: Tensor, generator: torch.Generator) -> Tensor:
        wide = F.max_pool2d(images, 3, 1, 1) + F.max_pool2d(-images, 3, 1, 1)  # largest minus smallest neighbour
        ink = (4 * wide.amax(1, keepdim=True) - 0.6).clamp(0, 1)
        strength = torch.rand(len(images), generator=generator) * (torch.rand(len(images), generator=generator) < share)
        return images * (1 - ink * strength.sqrt()[:, None, None, None].to(images))

    return augment
