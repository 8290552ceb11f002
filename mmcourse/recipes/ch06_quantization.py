"""Chapter 6: learned codebooks for emoji."""

from typing import Any

from mmcourse.data.augment import Affine, Compose, Flip, Halve, OnWhite, Outline, Recolour
from mmcourse.recipes.measures import evaluate_reconstruction
from mmcourse.recipes.recipe import Recipe
from mmcourse.tokens.vq import VQConfig, VQTokenizer
from mmcourse.training.loop import Settings
from mmcourse.training.objectives import Reconstruction

DRAWN = Compose(
    Outline(0.4),
    OnWhite(Affine(degrees=20, translate=0.1, scale=0.25, shear=8)),
    Halve(),
    Flip(),
    Recolour(),
)


def vq(name: str, title: str, steps: int, side: int = 32, **changes: Any) -> Recipe:
    """A learned tokenizer of emoji of side x side pixels: it learns from two styles and is measured on a third."""
    return Recipe(
        name,
        title,
        "06_vector_quantization",
        lambda: VQTokenizer(VQConfig.from_dict(changes)),
        data="emoji",
        split="train+validation",
        settings=Settings(steps=steps, batch_size=32, learning_rate=2e-3, ema_decay=0.998),
        objective=Reconstruction(),
        augmentation=DRAWN,
        measure=evaluate_reconstruction,
        options={"style": "noto+fluent", "size": 2 * side},
        held_out={"style": "twemoji", "size": side},
    )


RECIPES = [
    vq("vq-emoji", "Emoji as 64 codes of 1,024", 8000, width=96, codes=1024, warm=500),
    vq("vq-emoji-64px", "Emoji of 64 x 64 pixels as 64 codes", 4000, 64, width=96, stride=8, codes=1024, warm=500),
    vq("vq-emoji-64codes", "Emoji as 64 codes of 64", 2500, width=64, codes=64),
    vq("vq-emoji-16tokens", "Emoji as 16 codes of 1,024", 2500, width=64, codes=1024, stride=8),
]
