"""One loop for every model of the book, and the recipes of its checkpoints."""

from mmcourse.training.loop import History, Settings, fit
from mmcourse.training.metrics import Mean, Score, accuracy, bits_per_dimension, psnr
from mmcourse.training.objectives import classification, next_token
from mmcourse.training.recipes import RECIPES, Recipe, evaluate, train, try_out

__all__ = [
    "RECIPES",
    "History",
    "Mean",
    "Recipe",
    "Score",
    "Settings",
    "accuracy",
    "bits_per_dimension",
    "classification",
    "evaluate",
    "fit",
    "next_token",
    "psnr",
    "train",
    "try_out",
]
