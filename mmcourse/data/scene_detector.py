"""Reads a scene back from its pixels, and says whether a caption holds of a picture.

Each patch of ink is explained by every colour over white, then held against every shape in every size drawn at the
same place: what explains it best is what is there. Drawings come back as they were meant; pictures that a model made
come back as what they look most like, with how well they fit.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from mmcourse.checks import tensor
from mmcourse.data.scene_captions import parse_caption
from mmcourse.data.scenes import COLOURS, PLACES, SHAPES, SIDE, SIZES, Scene, Thing, coverage

INK = 0.4  # a pixel that is covered more than this belongs to a shape
LEAST = 6.0  # covered pixels, of 32 x 32, below which a patch is a speck
FIT = 0.5  # below this a patch is no shape


class Seen(NamedTuple):
    """One patch of ink.

    Attributes:
        thing: what it is most like.
        x, y: its middle, in pixels of a picture of 32 x 32.
        fit: 1 for that very shape; 0 and less where nothing is alike.
    """

    thing: Thing
    x: float
    y: float
    fit: float


def _check_pictures(images: Tensor) -> None:
    tensor("images", images, 4, floating=True)
    if images.shape[1] != 3 or images.shape[2] != images.shape[3] or images.shape[2] < 16:
        raise ValueError(f"images have shape {tuple(images.shape)}; scenes are (B, 3, S, S), S at least 16.")
    if not images.isfinite().all():
        raise ValueError("images hold NaN or infinity; there is nothing to see in them.")


CHUNK = 200  # pictures at a time, so that many need little memory


def detect(images: Tensor) -> list[list[Seen]]:
    """What each picture shows: (B, 3, S, S) in [0, 1] -> for each a list, the largest patch first.

    Raises:
        TypeError, ValueError: no pictures of scenes.
    """
    _check_pictures(images)
    return [seen for part in images.detach().cpu().double().split(CHUNK) for seen in _detect(part)]


def _detect(images: Tensor) -> list[list[Seen]]:
    from skimage.measure import label

    size, scale = images.shape[-1], images.shape[-1] / SIDE
    away = 1 - images  # from white
    inks = 1 - torch.tensor(list(COLOURS.values()), dtype=torch.float64) / 255  # (colours, 3)
    # How much of each colour explains a pixel, and what that leaves over: (B, colours, S, S) each.
    much = torch.einsum("bcyx,kc->bkyx", away, inks) / inks.square().sum(1)[:, None, None]
    much = much.clamp(0, 1)
    left = (away[:, None] - much[:, :, None] * inks[:, :, None, None]).square().sum(2)
    ink = much.gather(1, left.argmin(1, keepdim=True))[:, 0]
    owners, covers, colours = [], [], []
    for i in range(len(images)):
        patches = label(np.asarray(ink[i] > INK), connectivity=1)
        for number in range(1, int(patches.max()) + 1):
            # Its smooth edge belongs to it too, and no pixel of another patch does.
            near = F.max_pool2d(torch.from_numpy(patches == number).float()[None], 3, 1, 1)[0] > 0
            near &= torch.from_numpy((patches == number) | (patches == 0))
            colour = int(left[i][:, near].sum(1).argmin())
            cover = much[i, colour] * near
            if float(cover.sum()) >= LEAST * scale**2:
                owners.append(i)
                covers.append(cover)
                colours.append(list(COLOURS)[colour])
    found: list[list[Seen]] = [[] for _ in range(len(images))]
    if not covers:
        return found
    cover = torch.stack(covers)
    mass = cover.sum((1, 2))
    steps = (torch.arange(size, dtype=torch.float64) + 0.5) / scale
    centres = torch.stack([(cover.sum(1) @ steps) / mass, (cover.sum(2) @ steps) / mass], 1)
    kinds = list(itertools.product(SHAPES, SIZES))
    fits = []
    for shape, named in kinds:
        drawn = coverage(shape, centres, torch.full((len(cover),), SIZES[named], dtype=torch.float64), size)
        fits.append(1 - (cover - drawn).square().sum((1, 2)) / drawn.square().sum((1, 2)))
    best, which = torch.stack(fits).max(0)
    for row in mass.argsort(descending=True).tolist():
        shape, named = kinds[int(which[row])]
        thing = Thing(shape, colours[row], named)
        found[owners[row]].append(Seen(thing, float(centres[row, 0]), float(centres[row, 1]), float(best[row])))
    return found


@dataclass(frozen=True)
class Verdict:
    """Whether what a caption says is what a picture shows, point by point.

    Attributes:
        number: as many things as it names, and all of them shapes.
        colours, shapes, sizes: of the things that it names; a size that it does not say is right.
        places: where they stand, alone or to one another.
    """

    number: bool
    colours: bool
    shapes: bool
    sizes: bool
    places: bool

    @property
    def all(self) -> bool:
        """Whether the caption holds."""
        return self.number and self.colours and self.shapes and self.sizes and self.places


def stands(i: Seen, relation: str, j: Seen) -> bool:
    """Whether one stands ``left of`` or ``above`` another: clearly, and more so than across."""
    right, down = j.x - i.x, j.y - i.y
    along, across = (right, down) if relation == "left of" else (down, right)
    return along > 3 and along > 0.8 * abs(across)


def compare(said: Scene, seen: Sequence[Seen]) -> Verdict:
    """A caption's meaning against what was seen in a picture, things matched as well as can be."""
    shapes = [one for one in seen if one.fit >= FIT]
    if len(shapes) != len(said.things) or len(seen) != len(shapes):
        return Verdict(number=False, colours=False, shapes=False, sizes=False, places=False)
    found = []
    for order in itertools.permutations(shapes):
        pairs = list(zip(said.things, order, strict=True))
        near = min(PLACES, key=lambda name: (order[0].x - PLACES[name][0]) ** 2 + (order[0].y - PLACES[name][1]) ** 2)
        found.append(
            Verdict(
                number=True,
                colours=all(a.colour == b.thing.colour for a, b in pairs),
                shapes=all(a.shape == b.thing.shape for a, b in pairs),
                sizes=all(a.size in (None, b.thing.size) for a, b in pairs),
                places=said.place in (None, near) and all(stands(order[i], r, order[j]) for i, r, j in said.relations),
            )
        )
    return max(found, key=lambda one: (one.all, one.colours + one.shapes + one.sizes + one.places))


def verdicts(captions: Sequence[str], images: Tensor) -> list[Verdict]:
    """Whether each caption holds of its picture: B texts and (B, 3, S, S) in [0, 1].

    Raises:
        ValueError: a caption that the grammar does not know, or another number of pictures.
    """
    said = [parse_caption(text) for text in captions]
    seen = detect(images)
    if len(said) != len(seen):
        raise ValueError(f"{len(said)} captions and {len(seen)} pictures; give one picture a caption.")
    return [compare(*pair) for pair in zip(said, seen, strict=True)]


def holds(caption: str, image: Tensor) -> bool:
    """Whether a caption holds of one picture, (3, S, S) in [0, 1]."""
    tensor("image", image, 3, floating=True)
    return verdicts([caption], image[None])[0].all
