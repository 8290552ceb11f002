"""Chapter 1: one token per pixel."""

from mmcourse.data.augment import Affine
from mmcourse.recipes.common import vit
from mmcourse.recipes.recipe import Recipe
from mmcourse.tokens.images import Preprocessing
from mmcourse.training.loop import Settings
from mmcourse.training.objectives import Classification

RECIPES = [
    Recipe(
        "pixels-digits",
        "Transformer on the 64 pixels of an 8 x 8 digit",
        "01_pixels",
        vit(image_size=8, tokens="pixels", position_std=0.3, preprocessing=Preprocessing((0.5,), (0.5,))),
        data="digits",
        split="train",
        settings=Settings(steps=3000, batch_size=64, learning_rate=2e-3, ema_decay=0.995),
        objective=Classification(0.1),
        augmentation=Affine(degrees=10, translate=0.08, scale=0.1, shear=5),
    ),
]
