"""Chapter 5: the course's vision transformer."""

from mmcourse.data.augment import Compose, Elastic
from mmcourse.recipes.common import MILD, vit
from mmcourse.recipes.recipe import Recipe
from mmcourse.training.loop import Settings
from mmcourse.training.objectives import Classification

RECIPES = [
    Recipe(
        "vit-mnist5k",
        "The course's vision transformer",
        "05_vit",
        vit(patch_size=7, width=128, layers=4, mlp=512),
        data="mnist5k",
        split="train+validation",
        settings=Settings(steps=8000, batch_size=64, learning_rate=1.5e-3, ema_decay=0.998),
        objective=Classification(0.1),
        augmentation=Compose(MILD, Elastic(0.02)),
    ),
]
