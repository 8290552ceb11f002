"""Every recipe, by the name of its checkpoint. A chapter's file is listed here."""

from __future__ import annotations

from mmcourse.checks import choose
from mmcourse.recipes import (
    ch01_pixels,
    ch02_patches,
    ch03_cnn,
    ch04_positions,
    ch05_vit,
    ch06_quantization,
    ch07_imagegpt,
    ch09_ast,
    ch10_whisper,
    ch12_clip,
)
from mmcourse.recipes.recipe import Recipe

CHAPTERS = (
    ch01_pixels,
    ch02_patches,
    ch03_cnn,
    ch04_positions,
    ch05_vit,
    ch06_quantization,
    ch07_imagegpt,
    ch09_ast,
    ch10_whisper,
    ch12_clip,
)
RECIPES: dict[str, Recipe] = {recipe.name: recipe for chapter in CHAPTERS for recipe in chapter.RECIPES}
"""Every recipe, by the name of its checkpoint."""


def recipe(name: str) -> Recipe:
    """The recipe of this name.

    Raises:
        ValueError: there is none; the line lists the names and the nearest one.
    """
    return RECIPES[choose("recipe", name, RECIPES)]
