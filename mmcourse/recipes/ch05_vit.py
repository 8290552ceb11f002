"""Chapter 5: the course's vision transformer, and on the same digits a small CNN and a ViT behind convolutions."""

from collections.abc import Callable

from mmcourse.base import Model
from mmcourse.data.augment import Compose, Elastic
from mmcourse.recipes.common import MILD, vit
from mmcourse.recipes.recipe import Recipe
from mmcourse.training.loop import Settings
from mmcourse.training.objectives import Classification
from mmcourse.training.rivals import SmallCNN, SmallCNNConfig


def classifier(name: str, title: str, model: Callable[[], Model], steps: int) -> Recipe:
    """A recipe on mnist5k under the strongest augmentation of the book; only model and steps differ."""
    return Recipe(
        name,
        title,
        "05_vit",
        model,
        data="mnist5k",
        split="train+validation",
        settings=Settings(steps=steps, batch_size=64, learning_rate=1.5e-3, ema_decay=0.998),
        objective=Classification(0.1),
        augmentation=Compose(MILD, Elastic(0.02)),
    )


RECIPES = [
    classifier("vit-mnist5k", "The course's vision transformer", vit(patch_size=7, width=128, layers=4, mlp=512), 8000),
    classifier(
        "cnn-mnist5k", "Three convolutions, the ViT's strongest cheap rival", lambda: SmallCNN(SmallCNNConfig()), 8000
    ),
    classifier(
        "hybrid-mnist5k",
        "A small ViT whose tokens come from a narrow ResNet, in a CNN's time",
        vit(tokens="resnet", features=12, width=48, mlp=192, heads=4),
        4000,
    ),
]
