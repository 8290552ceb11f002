"""How each course checkpoint is made: one file a chapter, one registry, and what trains and measures them."""

from mmcourse.recipes.making import estimate, evaluate, train, try_out
from mmcourse.recipes.recipe import Recipe
from mmcourse.recipes.registry import RECIPES, recipe

__all__ = ["RECIPES", "Recipe", "estimate", "evaluate", "recipe", "train", "try_out"]
