"""Small random changes that leave the label true, made for a whole batch at once.

Each is a function of (images (B, C, H, W), generator), so that the same generator gives the same pictures, and says
in words what it does (``str``): model cards take their words from there.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from mmcourse.checks import real, tensor, whole


class Augmentation(Protocol):
    """Anything that changes a batch by chance; ``str`` of it is its line in a model card."""

    def __call__(self, images: Tensor, generator: torch.Generator, /) -> Tensor:
        """Change (B, C, H, W); every draw comes from the generator."""
        ...


def pictures(images: Tensor) -> None:
    """Refuse, in one line, what is no batch of pictures (B, C, H, W) of floats."""
    tensor("images", images, 4, floating=True)
    if not images.numel():
        raise ValueError(f"images have shape {tuple(images.shape)}, which holds no pixel; give at least one picture.")


def percent(share: float) -> str:
    """A share as a reader says it."""
    return f"{100 * share:g}%"


def _sample(images: Tensor, grid: Tensor) -> Tensor:
    """Read pictures at the places of a grid, in float32 at least: half precision cannot tell neighbouring pixels."""
    pixels = images.to(torch.promote_types(images.dtype, torch.float32))
    return F.grid_sample(pixels, grid.to(pixels), align_corners=False).to(images.dtype)


@dataclass(frozen=True)
class Affine:
    """Turn, shift, scale and shear each picture by its own random amounts; what comes in from outside is 0.

    Args:
        degrees: largest turn either way.
        translate: largest shift, as a share of the side.
        scale: largest relative change of size.
        shear: largest horizontal shear, in degrees.
    """

    degrees: float = 0.0
    translate: float = 0.0
    scale: float = 0.0
    shear: float = 0.0

    def __post_init__(self) -> None:
        real("degrees", self.degrees)
        real("translate", self.translate)
        real("scale", self.scale, below=1.0)
        real("shear", self.shear, below=90.0)

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """(B, C, H, W) to the same shape."""
        pictures(images)
        turn, right, down, size, lean = (2 * torch.rand(5, len(images), generator=generator) - 1).unbind()
        turn, lean = turn * math.radians(self.degrees), (lean * math.radians(self.shear)).tan()
        size = 1 + size * self.scale
        cos, sin = turn.cos() / size, turn.sin() / size
        theta = torch.stack(
            [
                torch.stack([cos, cos * lean - sin, right * self.translate * 2], -1),
                torch.stack([sin, sin * lean + cos, down * self.translate * 2], -1),
            ],
            dim=1,
        )
        return _sample(images, F.affine_grid(theta.to(images.device), list(images.shape), align_corners=False))

    def __str__(self) -> str:
        return (
            f"affine: {self.degrees:g} degrees, {percent(self.translate)} shift, {percent(self.scale)} scale, "
            f"{self.shear:g} degrees shear"
        )


@dataclass(frozen=True)
class Elastic:
    """Bend each picture by a smooth random displacement (Simard et al., 2003).

    Args:
        strength: standard deviation of the displacement at the control points, as a share of the side.
        coarse: control points along a side; fewer bend more smoothly.
    """

    strength: float
    coarse: int = 5

    def __post_init__(self) -> None:
        real("strength", self.strength)
        whole("coarse", self.coarse, 2)

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """(B, C, H, W) to the same shape."""
        pictures(images)
        bend = 2 * self.strength * torch.randn(len(images), 2, self.coarse, self.coarse, generator=generator)
        bend = F.interpolate(bend, size=images.shape[-2:], mode="bicubic", align_corners=True)
        still = torch.eye(2, 3).expand(len(images), -1, -1)
        grid = F.affine_grid(still, list(images.shape), align_corners=False) + bend.permute(0, 2, 3, 1)
        return _sample(images, grid)

    def __str__(self) -> str:
        return f"elastic: {percent(self.strength)} at {self.coarse} x {self.coarse} points"


@dataclass(frozen=True)
class Compose:
    """One augmentation after the other."""

    parts: tuple[Augmentation, ...]

    def __init__(self, *parts: Augmentation) -> None:
        object.__setattr__(self, "parts", parts)

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """(B, C, H, W) to what the last part makes of it."""
        for part in self.parts:
            images = part(images, generator)
        return images

    def __str__(self) -> str:
        return "; ".join(map(str, self.parts))


@dataclass(frozen=True)
class OnWhite:
    """An augmentation under which what comes in from outside is white: it works on the negative."""

    part: Augmentation

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """(B, C, H, W) to what the part makes of it."""
        pictures(images)
        return 1 - self.part(1 - images, generator)

    def __str__(self) -> str:
        return f"{self.part}, on white"


@dataclass(frozen=True)
class Halve:
    """Each square of 2 x 2 pixels becomes one: drawn large, turned, and then made small, lines stay smooth."""

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """(B, C, H, W) to (B, C, H/2, W/2)."""
        pictures(images)
        if min(images.shape[-2:]) < 2:
            raise ValueError(f"pictures of {images.shape[-2]} x {images.shape[-1]} cannot be halved.")
        return F.avg_pool2d(images, 2)

    def __str__(self) -> str:
        return "drawn at twice the size and halved"


@dataclass(frozen=True)
class Flip:
    """Half of the pictures are mirrored, left to right."""

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """(B, C, H, W) to the same shape."""
        pictures(images)
        mirrored = torch.rand(len(images), generator=generator) < 0.5
        return torch.where(mirrored[:, None, None, None].to(images.device), images.flip(-1), images)

    def __str__(self) -> str:
        return "mirrored"


@dataclass(frozen=True)
class Recolour:
    """Exchange the colour channels at random, and make some pictures negatives.

    Args:
        negative: share of the pictures.
    """

    negative: float = 0.15

    def __post_init__(self) -> None:
        real("negative", self.negative)

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """(B, C, H, W) to the same shape."""
        pictures(images)
        order = torch.rand(len(images), images.shape[1], generator=generator).argsort(1).to(images.device)
        images = images.gather(1, order[:, :, None, None].expand_as(images))
        turned = torch.rand(len(images), generator=generator) < self.negative
        return torch.where(turned[:, None, None, None].to(images.device), 1 - images, images)

    def __str__(self) -> str:
        return f"colour channels exchanged, {percent(self.negative)} negatives"


@dataclass(frozen=True)
class Outline:
    """Draw a dark line where neighbouring pixels differ, as some draughtsmen do, on a share of the pictures."""

    share: float = 0.5

    def __post_init__(self) -> None:
        real("share", self.share)

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """(B, C, H, W) to the same shape."""
        pictures(images)
        wide = F.max_pool2d(images, 3, 1, 1) + F.max_pool2d(-images, 3, 1, 1)  # largest minus smallest neighbour
        ink = (4 * wide.amax(1, keepdim=True) - 0.6).clamp(0, 1)
        chosen = torch.rand(len(images), generator=generator) * (
            torch.rand(len(images), generator=generator) < self.share
        )
        return images * (1 - ink * chosen.sqrt()[:, None, None, None].to(images))

    def __str__(self) -> str:
        return f"outlines on {percent(self.share)}"


@dataclass(frozen=True)
class Shades:
    """Make the colours of each picture paler or stronger, down to grey, and everything in it lighter or darker.

    Which colour it is stays as it was: red stays red.

    Args:
        colour: largest relative change of the distance of each colour from its grey.
        light: largest relative change of the distance of each pixel from white.
    """

    colour: float = 0.5
    light: float = 0.2

    def __post_init__(self) -> None:
        real("colour", self.colour)
        real("light", self.light)

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """(B, C, H, W) to the same shape."""
        pictures(images)
        colour, light = (2 * torch.rand(2, len(images), 1, 1, 1, generator=generator) - 1).to(images).unbind()
        grey = images.mean(1, keepdim=True)
        images = grey + (1 + self.colour * colour) * (images - grey)
        return (1 - (1 + self.light * light) * (1 - images)).clamp(0, 1)

    def __str__(self) -> str:
        return f"colours {percent(self.colour)} and light {percent(self.light)} more or less"
