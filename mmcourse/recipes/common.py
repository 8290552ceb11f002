"""What recipes of several chapters share: small models for 28 x 28 digits, and what is compared with what."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mmcourse.data.augment import Affine
from mmcourse.models import ViT, ViTConfig
from mmcourse.recipes.recipe import Recipe
from mmcourse.training.loop import Settings

MILD = Affine(degrees=12, translate=0.08, scale=0.12, shear=8)
COMPARED = Settings(steps=700, batch_size=64, learning_rate=2e-3, ema_decay=0.99)


def vit(**changes: Any) -> Callable[[], ViT]:
    """A builder of a small ViT for 28 x 28 grey digits, with these fields changed."""
    base: dict[str, Any] = {"image_size": 28, "patch_size": 4, "channels": 1, "classes": 10}
    base |= {"width": 64, "layers": 3, "heads": 4, "mlp": 256}
    return lambda: ViT(ViTConfig.from_dict(base | changes))


def compared(name: str, title: str, chapter: str, shrink: int = 1, **changes: Any) -> Recipe:
    """A recipe of a comparison on mnist5k: only the model differs between those of one chapter."""
    return Recipe(
        name,
        title,
        chapter,
        vit(**changes),
        data="mnist5k",
        split="train+validation",
        settings=COMPARED,
        augmentation=MILD,
        shrink=shrink,
    )
