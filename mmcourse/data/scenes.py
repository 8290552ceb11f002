"""Scenes: one to three coloured shapes on white, and a caption that says what they are and where. Drawn here.

A scene is a meaning first (:class:`Scene`). It is drawn with smooth edges and a little chance in place and size, and
said in English or Portuguese (:mod:`mmcourse.data.scene_captions`). Parts hold out whole combinations, so that what a
model makes of them says whether it has learned the words one by one. :mod:`mmcourse.data.scene_detector` reads a
picture back.

Places and radii are in pixels of a picture of 32 x 32; larger pictures are the same drawing, scaled.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor

from mmcourse.checks import whole
from mmcourse.data.cache import cached, key
from mmcourse.data.dataset import ImageDataset
from mmcourse.data.splits import parse

COLOURS = {
    "red": (220, 40, 40),
    "green": (40, 165, 70),
    "blue": (50, 90, 220),
    "yellow": (250, 200, 40),
    "purple": (150, 60, 190),
    "black": (40, 40, 40),
}
SHAPES = ("circle", "square", "triangle", "star", "cross")
SIZES = {"small": 3.9, "large": 5.5}
"""Radius of a circle; other shapes look as large."""

PLACES = {"left": (8, 16), "right": (24, 16), "top": (16, 8), "bottom": (16, 24), "middle": (16, 16)}
"""Where a single shape stands, (x, y)."""

COUNTS = {"train": 20_000, "familiar": 1_000, "validation": 1_000, "test": 1_000}
NUMBERS = ("one", "two", "three")
MANY = (1, 1, 1, 2, 2, 2, 2, 3, 3, 3)  # how many shapes a scene has is drawn from these
SIDE, JITTER, SWELL = 32, 0.75, 0.04
FORMAT = 1  # of the drawings: another number makes them anew


@dataclass(frozen=True)
class Thing:
    """One shape of a scene.

    Attributes:
        shape: of :data:`SHAPES`.
        colour: of :data:`COLOURS`.
        size: of :data:`SIZES`, or None where a caption does not say it.
    """

    shape: str
    colour: str
    size: str | None = None


Relation = tuple[int, str, int]  # thing i is "left of" or "above" thing j; right and below are the same the other way


@dataclass(frozen=True)
class Scene:
    """What a picture shows, or what a caption says of it.

    Attributes:
        things: one to three.
        place: of a single thing, of :data:`PLACES`; None where there are more, or it is not said.
        relations: between things; of three, the third stands on one side of both others.
    """

    things: tuple[Thing, ...]
    place: str | None = None
    relations: tuple[Relation, ...] = ()


@dataclass(frozen=True)
class Held:
    """Combinations that a part holds out.

    Attributes:
        pairs: (colour, shape), wherever it stands and whatever its size.
        relations: (shape, relation), whatever stands on the other side.
    """

    pairs: frozenset[tuple[str, str]]
    relations: frozenset[tuple[str, str]]

    def has(self, scene: Scene) -> bool:
        """Whether a scene shows one of them."""
        return any((one.colour, one.shape) in self.pairs for one in scene.things) or any(
            (scene.things[i].shape, relation) in self.relations for i, relation, _ in scene.relations
        )


HELD_OUT = {
    "test": Held(frozenset({("green", "triangle"), ("purple", "square")}), frozenset({("star", "left of")})),
    "validation": Held(frozenset({("yellow", "circle")}), frozenset({("triangle", "above")})),
}
"""No picture of the training part shows any of these: nor does it of ``"familiar"``, new drawings of what is known."""


def part_of_scene(scene: Scene) -> str:
    """The part that a scene belongs to; ``"train"`` also stands for ``"familiar"``."""
    return next((part for part, held in HELD_OUT.items() if held.has(scene)), "train")


def random_scene(chance: random.Random) -> Scene:
    """Any scene: shapes, colours, sizes and relations are drawn one by one."""
    things = tuple(
        Thing(chance.choice(SHAPES), chance.choice(list(COLOURS)), chance.choice(list(SIZES)))
        for _ in range(chance.choice(MANY))
    )
    if len(things) == 1:
        return Scene(things, place=chance.choice(list(PLACES)))
    along, across = chance.choice([("left of", "above"), ("above", "left of")])
    relations: tuple[Relation, ...] = ((0, along, 1),)
    if len(things) == 3:
        relations += chance.choice([((0, across, 2), (1, across, 2)), ((2, across, 0), (2, across, 1))])
    return Scene(things, relations=relations)


def spots(scene: Scene) -> list[tuple[float, float]]:
    """Where each thing stands, (x, y), before chance moves it."""
    if len(scene.things) == 1:
        return [PLACES[scene.place or "middle"]]
    # Along the axis of the pair, the first at 8 and the second at 24; across it, the third apart from both.
    flat = scene.relations[0][1] == "left of"
    if len(scene.things) == 2:
        found = [(8.0, 16.0), (24.0, 16.0)]
    else:
        pair, third = (8.5, 24.0) if scene.relations[1][0] == 0 else (24.0, 8.5)
        found = [(8.0, pair), (24.0, pair), (16.0, third)]
    return found if flat else [(y, x) for x, y in found]


@cache
def corners(shape: str) -> tuple[tuple[float, float], ...]:
    """Of a shape of radius 1 around (0, 0), y downwards; none for a circle."""

    def around(count: int, *radii: float) -> tuple[tuple[float, float], ...]:
        turns = [2 * math.pi * i / count for i in range(count)]
        return tuple((radii[i % len(radii)] * math.sin(t), -radii[i % len(radii)] * math.cos(t))
                     for i, t in enumerate(turns))  # fmt: skip

    if shape == "square":
        return ((-0.88, -0.88), (0.88, -0.88), (0.88, 0.88), (-0.88, 0.88))
    if shape == "triangle":
        return around(3, 1.2)
    if shape == "star":
        return around(10, 1.2, 0.55)
    if shape == "cross":
        a, b = 0.36, 1.08
        return ((-a, -b), (a, -b), (a, -a), (b, -a), (b, a), (a, a), (a, b), (-a, b), (-a, a), (-b, a), (-b, -a),
                (-a, -a))  # fmt: skip
    return ()


def coverage(shape: str, centres: Tensor, radii: Tensor, size: int) -> Tensor:
    """How much of each pixel a shape covers, from its distance to the edge: (N, size, size) float64.

    Args:
        shape: of :data:`SHAPES`.
        centres: (N, 2), x and y.
        radii: (N,).
        size: side of the picture in pixels.
    """
    scale = size / SIDE
    steps = (torch.arange(size, dtype=torch.float64) + 0.5) / scale
    x = (steps[None, None, :] - centres[:, 0, None, None]).expand(-1, size, -1)
    y = (steps[None, :, None] - centres[:, 1, None, None]).expand(-1, -1, size)
    if not corners(shape):
        distance = (x.square() + y.square()).sqrt() - radii[:, None, None]
        return (0.5 - distance * scale).clamp(0, 1)
    points = torch.tensor(corners(shape), dtype=torch.float64)[:, :, None, None, None] * radii[:, None, None]
    nearest, inside = torch.full_like(x, math.inf), torch.zeros(x.shape, dtype=torch.bool)
    for (ax, ay), (bx, by) in zip(points, points.roll(1, 0), strict=True):
        dx, dy = bx - ax, by - ay
        along = (((x - ax) * dx + (y - ay) * dy) / (dx * dx + dy * dy)).clamp(0, 1)
        nearest = torch.minimum(nearest, (x - ax - along * dx).square() + (y - ay - along * dy).square())
        # A ray to the right leaves the shape once more for each edge that it crosses.
        crossed = (ay > y) != (by > y)
        inside ^= crossed & (x - ax < dx * (y - ay) / torch.where(dy == 0, 1.0, dy))
    distance = torch.where(inside, -1.0, 1.0) * nearest.sqrt()
    return (0.5 - distance * scale).clamp(0, 1)


def draw(scenes: Sequence[Scene], seed: str = "drawn", size: int = SIDE) -> Tensor:
    """Pictures of scenes over white, (B, 3, size, size) uint8.

    Args:
        scenes: what they show; every size must be said.
        seed: of the small chances of place and size; scene i has its own.
        size: side in pixels.
    """
    listed: list[tuple[int, Thing, float, float, float]] = []
    for i, scene in enumerate(scenes):
        chance = random.Random(f"{seed} {i}")
        for one, (x, y) in zip(scene.things, spots(scene), strict=True):
            x, y = (place + JITTER * chance.uniform(-1, 1) for place in (x, y))
            radius = SIZES[one.size or "large"] * (1 + SWELL * chance.uniform(-1, 1))
            listed.append((i, one, x, y, radius))
    pictures = torch.full((len(scenes), 3, size, size), 255.0, dtype=torch.float64)
    for shape in SHAPES:
        of_shape = [row for row in listed if row[1].shape == shape]
        for start in range(0, len(of_shape), 1000):  # so that a large set needs little memory
            rows = of_shape[start : start + 1000]
            place = torch.tensor([row[2:] for row in rows], dtype=torch.float64)
            colour = torch.tensor([COLOURS[row[1].colour] for row in rows], dtype=torch.float64)
            cover = coverage(shape, place[:, :2], place[:, 2], size)[:, None]
            # Shapes do not touch, so that each takes away from the white by itself.
            pictures.index_add_(0, torch.tensor([row[0] for row in rows]), cover * (colour[:, :, None, None] - 255))
    return pictures.clamp(0, 255).round().to(torch.uint8)


def listed(part: str, count: int) -> list[Scene]:
    """The first scenes of a part, always the same."""
    wanted = "train" if part == "familiar" else part
    found: list[Scene] = []
    chance = random.Random(f"scenes {part}")
    while len(found) < count:
        scene = random_scene(chance)
        if part_of_scene(scene) == wanted:
            found.append(scene)
    return found


def scenes(split: str, size: int = SIDE, language: str = "en", count: int | None = None) -> ImageDataset:
    """Pictures with captions: labels are how many shapes there are, concepts the full caption in English.

    Its card: :ref:`data-scenes`.

    Args:
        split: ``"train"``, ``"familiar"`` (new drawings of combinations that training shows), ``"validation"`` and
            ``"test"`` (combinations that it does not show; see :data:`HELD_OUT`).
        size: side in pixels, from 16 to 256.
        language: of the captions: ``"en"``, ``"pt"``, or ``"en+pt"`` in turns.
        count: scenes of each part that is asked for; :data:`COUNTS` if left out.
    """
    from mmcourse.data.scene_captions import caption, full, languages

    whole("size", size, 16)
    if size > 256:
        raise ValueError(f"scenes of {size} pixels were asked for; give a side from 16 to 256.")
    if count is not None:
        whole("count", count)
    spoken = languages(language)
    images, captions, concepts, numbers = [], [], [], []
    for part in parse("scenes", split, COUNTS):
        chosen = listed(part, count or COUNTS[part])
        name = f"{key(f'scenes-{part}-{size}', 'torch')}-{FORMAT}-{len(chosen)}"
        images.append(cached(name, lambda: {"images": draw(chosen, part, size)})["images"])  # noqa: B023
        chance = random.Random(f"captions {part} {language}")
        captions += [caption(scene, spoken[i % len(spoken)], chance) for i, scene in enumerate(chosen)]
        concepts += [full(scene) for scene in chosen]
        numbers += [len(scene.things) - 1 for scene in chosen]
    return ImageDataset(
        "scenes",
        split,
        images=torch.cat(images),
        labels=torch.tensor(numbers),
        classes=list(NUMBERS),
        captions=captions,
        concepts=concepts,
    )
