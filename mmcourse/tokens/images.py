"""What pixels mean to a model; checks of shape and type by every tokenizer, of values where a user hands them over."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import torch
from PIL import Image
from torch import Tensor, nn
from torchvision.transforms.v2 import InterpolationMode
from torchvision.transforms.v2.functional import center_crop, pil_to_tensor, resize

from mmcourse.checks import choose, numbers, real, sides, tensor, whole


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
        for name in ("mean", "std"):
            values = getattr(self, name)
            if not isinstance(values, list | tuple) or not values:
                raise ValueError(f"{name} is {values!r}; give a tuple, one number for all channels or one for each.")
            for value in values:
                real(name, value, -math.inf if name == "mean" else 0.0, above=True)
            object.__setattr__(self, name, tuple(float(value) for value in values))
        if self.resize is not None:
            choose("resize", self.resize, ("stretch", "crop"))
        choose("interpolation", self.interpolation, ("bilinear", "bicubic"))
        real("crop", self.crop, above=True)
        if self.crop > 1:
            raise ValueError(f"crop is {self.crop}; it must be a share above 0 and up to 1.")


PIXELS = Preprocessing()
"""Pixels in [0, 1] as they are."""


def check_preprocessing(value: Preprocessing, channels: int) -> None:
    """Refuse what is no :class:`Preprocessing`, or has numbers for another count of channels."""
    if not isinstance(value, Preprocessing):
        raise TypeError(f"preprocessing is {value!r}; give a Preprocessing, for example Preprocessing(mean=(0.5,)).")
    for name in ("mean", "std"):
        if len(getattr(value, name)) not in (1, channels):
            raise ValueError(f"{name} has {len(getattr(value, name))} numbers; give 1 or one of each of {channels}.")


class Normalise(nn.Module):
    """(x - mean) / std of each channel: pixels in [0, 1] as the model was trained on them.

    Args:
        preprocessing: says mean and std.
        channels: Number of channels, C.
    """

    def __init__(self, preprocessing: Preprocessing, channels: int) -> None:
        super().__init__()
        self.changes = any(preprocessing.mean) or any(value != 1 for value in preprocessing.std)
        for name in ("mean", "std"):
            values = torch.tensor(getattr(preprocessing, name)).expand(channels)[:, None, None]
            self.register_buffer(name, values.clone(), persistent=False)
        self.mean: Tensor
        self.std: Tensor

    def forward(self, images: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C, H, W)."""
        return (images - self.mean) / self.std if self.changes else images


def preprocess(pictures: Any, how: Preprocessing, size: tuple[int, int], channels: int) -> Tensor:
    """Any pictures as a model reads them; their mean and deviation are the model's own first step.

    Args:
        pictures: tensor (C, H, W) or (B, C, H, W), array (H, W), (H, W, C) or (B, H, W, C), a PIL picture, or a list of
            those; integers from 0 to 255 or floats in [0, 1].
        how: resize and interpolation.
        size: height and width of the result, where ``how`` resizes.
        channels: C; PIL pictures are converted to grey or colour, transparent ones are laid on white.

    Returns:
        (B, C, H, W) float32 in [0, 1].

    Raises:
        ValueError, TypeError: pictures of different sizes, of other channels, or with other numbers.
    """
    whole("channels", channels)
    size = sides("size", size)
    if isinstance(pictures, list | tuple):
        if not pictures:
            raise ValueError("an empty list holds no picture; give at least one.")
        parts = [preprocess(picture, how, size, channels) for picture in pictures]
        if len({part.shape[1:] for part in parts}) != 1:
            raise ValueError(
                f"{len(parts)} pictures of different sizes make no batch; resize them, or give one by one."
            )
        return torch.cat(parts)
    if isinstance(pictures, Image.Image):
        if pictures.mode in ("RGBA", "LA", "PA") or "transparency" in pictures.info:
            clear = pictures.convert("RGBA")
            pictures = Image.alpha_composite(Image.new("RGBA", clear.size, "white"), clear)
        pictures = pil_to_tensor(pictures.convert("L" if channels == 1 else "RGB"))
    elif not isinstance(pictures, Tensor):
        pictures = numbers("pictures", pictures)
        if pictures.dim() not in (2, 3, 4):
            raise ValueError(f"an array of shape {tuple(pictures.shape)} is no picture; give (H, W) or (H, W, C).")
        pictures = pictures[None] if pictures.dim() == 2 else pictures.movedim(-1, -3)
    images = pictures[None] if pictures.dim() == 3 else pictures
    bytes_ = images.dtype == torch.uint8
    check_images(images / 255 if bytes_ else images, channels)
    images = images if bytes_ else images.float()
    if how.resize is not None:
        to = size
        if how.resize == "crop":  # as small as covers the size; fractions are cut, as timm and torchvision do
            least = [int(side / how.crop + 1e-6) for side in size]
            scale = max(side / has for side, has in zip(least, images.shape[-2:], strict=True))
            to = (int(scale * images.shape[-2] + 1e-6), int(scale * images.shape[-1] + 1e-6))
        mode = InterpolationMode(how.interpolation)
        images = resize(images, list(to), mode, antialias=True)  # of bytes, as others do, where they are bytes
        images = center_crop(images, list(size))
    images = images.float() / 255 if bytes_ else images
    check_pixels(images)
    return images.clamp(0, 1)


def check_images(images: Tensor, channels: int | None = None, weight: Tensor | None = None) -> None:
    """Refuse, in one line, what is not a batch of pictures (B, C, H, W). Looks at no value, so that models trace.

    Args:
        images: the candidate.
        channels: C that is needed, or None for any.
        weight: of the model, whose type pixels must have; None for any floating-point type.

    Raises:
        TypeError: no tensor, integer pixels, or another type than the model's.
        ValueError: wrong number of dimensions or channels, an empty batch.
    """
    if not isinstance(images, Tensor):
        raise TypeError(f"images are of type {type(images).__name__}; a model's preprocess() makes them a tensor.")
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
    if weight is not None and images.dtype != weight.dtype and not torch.is_autocast_enabled(images.device.type):
        wanted = str(weight.dtype).removeprefix("torch.")
        call = {"float32": "float()", "float64": "double()"}.get(wanted, f"to(torch.{wanted})")
        raise TypeError(f"images are {images.dtype}, the model is {weight.dtype}; give images.{call}.")


def check_pixels(images: Tensor) -> None:
    """Refuse, in one line, pixels that are no brightness in [0, 1]; for public entries, never for ``forward``.

    Args:
        images: of any shape; bicubic resizing may overshoot by up to a half.

    Raises:
        ValueError: NaN, infinite, or far outside [0, 1].
    """
    tensor("images", images)
    if not images.numel():
        raise ValueError(f"images have shape {tuple(images.shape)}, which holds no pixel; give at least one picture.")
    low, high = (float(limit) for limit in images.aminmax())  # NaN if one pixel is
    if not (math.isfinite(low) and math.isfinite(high)):
        raise ValueError("images hold NaN or infinite pixels; look for a division by zero where they were made.")
    if low < -0.5 or high > 1.5:
        raise ValueError(
            f"images hold pixels from {low:.4g} to {high:.4g}; give them in [0, 1], images / 255 for bytes."
        )
