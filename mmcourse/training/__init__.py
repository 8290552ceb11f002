"""One loop for every model of the book, and the recipes of its checkpoints."""

from mmcourse.training.loop import History, Settings, fit
from mmcourse.training.metrics import Mean, Score, accuracy, bits_per_dimension, linear_probe, psnr
from mmcourse.training.objectives import classification, next_colour, next_token, reconstruction
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
    "linear_probe",
    "next_colour",
    "next_token",
    "psnr",
    "reconstruction",
    "train",
    "try_out",
]
