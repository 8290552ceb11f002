"""Photographs that ship inside scikit-image and scikit-learn: real pictures without a download."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from mmcourse.checks import choose
from mmcourse.data.cache import cached, key

if TYPE_CHECKING:
    from PIL.Image import Image


@dataclass(frozen=True)
class Photo:
    """Where a photograph is, what it shows, and what its package says about its licence."""

    name: str
    file: str
    shows: str
    licence: str
    package: str = "skimage"


CC0 = "CC0"
PUBLIC = "public domain"
UNSTATED = "not stated by scikit-image"
FLICKR = "CC BY 2.0"

PHOTOS = (
    Photo("astronaut", "astronaut.png", "the astronaut Eileen Collins", f"{PUBLIC} (NASA)"),
    Photo("brick", "brick.png", "a brick wall", f"{CC0} (CC0Textures)"),
    Photo("camera", "camera.png", "a man behind a camera on a tripod", f"{CC0} (Lav Varshney)"),
    Photo("cat", "chelsea.png", "Chelsea the cat", f"{CC0} (Stefan van der Walt)"),
    Photo("clock", "clock_motion.png", "a wall clock blurred by motion", f"{PUBLIC} (Stefan van der Walt)"),
    Photo("coffee", "coffee.png", "a cup of coffee on a wooden table", f"{CC0} (Rachel Michetti)"),
    Photo("coins", "coins.png", "Greek coins from Pompeii", "no known copyright restrictions (Brooklyn Museum)"),
    Photo("grass", "grass.png", "grass from above", f"{CC0} (DeviantArt, linolafett)"),
    Photo("gravel", "gravel.png", "gravel from above", f"{CC0} (CC0Textures)"),
    Photo("hubble_deep_field", "hubble_deep_field.jpg", "the farthest galaxies seen by Hubble", f"{PUBLIC} (NASA)"),
    Photo("immunohistochemistry", "ihc.png", "stained tissue under a microscope",
          "no known copyright restrictions (CMMI)"),
    Photo("moon", "moon.png", "the surface of the moon", UNSTATED),
    Photo("motorcycle", "motorcycle_left.png", "a motorcycle in a workshop",
          f"{UNSTATED} (Middlebury 2014 stereo benchmark)"),
    Photo("page", "page.png", "a printed page in uneven light", UNSTATED),
    Photo("retina", "retina.jpg", "the retina of a healthy eye", f"{CC0} (Mikael Häggström)"),
    Photo("rocket", "rocket.jpg", "the launch of a Falcon 9 rocket", f"{PUBLIC} (SpaceX)"),
    Photo("text", "text.png", "handwritten words on paper", f"{PUBLIC} (Wikipedia)"),
    Photo("china", "china.jpg", "a Chinese temple tower above a lake", f"{FLICKR} (danielbuechele)", "sklearn"),
    Photo("flower", "flower.jpg", "an orange dahlia", f"{FLICKR} (vultilion)", "sklearn"),
)  # fmt: skip

_FOLDERS = {"skimage": ("skimage", "data"), "sklearn": ("sklearn", "datasets/images")}


def photo(name: str) -> Tensor:
    """One photograph as it was stored, in full size: (3, H, W) uint8; grey ones with three equal channels.

    Its card: :ref:`data-photos`.

    Raises:
        ValueError: If there is no photograph of that name.
    """
    return torch.from_numpy(np.array(_open(name)).transpose(2, 0, 1).copy())


def squares(size: int) -> Tensor:
    """Every photograph cut to its middle square and resized: (19, 3, size, size) uint8, from the cache."""
    if isinstance(size, bool) or not isinstance(size, int) or not 8 <= size <= 1024:
        raise ValueError(f"photos of size {size!r} were asked for; give whole pixels from 8 to 1024")

    def make() -> dict[str, Tensor]:
        return {"images": torch.stack([_square(item.name, size) for item in PHOTOS])}

    return cached(key(f"photos-{size}", "scikit-image", "scikit-learn", "pillow"), make)["images"]


def _open(name: str) -> Image:
    from PIL.Image import open as open_picture

    choose("photo", name, [item.name for item in PHOTOS])
    found = next(item for item in PHOTOS if item.name == name)
    package, folder = _FOLDERS[found.package]
    with open_picture(Path(str(files(package))) / folder / found.file) as picture:
        return picture.convert("RGB")


def _square(name: str, size: int) -> Tensor:
    from PIL import ImageOps
    from PIL.Image import Resampling

    picture = ImageOps.fit(_open(name), (size, size), Resampling.LANCZOS)
    return torch.from_numpy(np.array(picture).transpose(2, 0, 1).copy())
