"""Words and numbers of configurations: what makes no sense is one line."""

import dataclasses
import math
from collections.abc import Callable

import pytest

from mmcourse.base import ModelConfig
from mmcourse.checks import choose, picture_size
from mmcourse.models import ImageGPTConfig, ViTConfig
from mmcourse.tokens.images import Preprocessing
from mmcourse.transformer import TransformerConfig

NAN = math.nan


@pytest.mark.parametrize(
    ("config", "changes"),
    [
        (config, changes)
        for config in (ViTConfig(), ImageGPTConfig(), TransformerConfig(8, 2, 1, 8))
        for changes in (
            {"epsilon": NAN},
            {"epsilon": -1e-6},
            {"epsilon": 0.0},
            {"epsilon": math.inf},
            {"dropout": NAN},
            {"dropout": -0.1},
            {"dropout": 1.0},
            {"dropout": "a"},
            {"image_size": 0},
            {"image_size": (32, 0)},
            {"image_size": (32, 32, 3)},
            {"image_size": 32.0},
            {"channels": 0},
            {"channels": True},
            {"width": 0},
            {"width": 8.0},
            {"heads": True},
            {"heads": -1},
            {"layers": True},
            {"layers": 0},
            {"mlp": 0},
            {"classes": -1},
            {"colours": 0},
            {"patch_size": 0},
            {"features": 0},
            {"position_std": NAN},
            {"position_std": -1.0},
        )
        if set(changes) <= {field.name for field in dataclasses.fields(config)}
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, ModelConfig | TransformerConfig) else str(value),
)
def test_numbers_that_make_no_sense(config: ModelConfig, changes: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(changes))} is ") as error:
        dataclasses.replace(config, **changes)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: Preprocessing(std=(0.0,)), "std is 0.0"),
        (lambda: Preprocessing(mean=(NAN,)), "mean is nan"),
        (lambda: Preprocessing(crop=0.0), "crop is 0.0"),
        (lambda: Preprocessing(resize="fit"), "unknown resize 'fit'"),  # type: ignore[arg-type]
        (lambda: ViTConfig(preprocessing=Preprocessing((0.5, 0.5))), "give 1 or one of each of 3"),
        (lambda: ViTConfig(image_size=(32, 40)), "32 x 40 pixels cannot be cut into 16 x 16"),
        (lambda: ViTConfig(heads=5), "5 heads"),
        (lambda: choose("bird", "wrne", ["wren", "owl"]), "did you mean 'wren'"),
        (lambda: choose("bird", "x", []), "choose one of: none"),
    ],
)
def test_other_nonsense(call: Callable[[], object], says: str) -> None:
    with pytest.raises(ValueError, match=says) as error:
        call()
    assert "\n" not in str(error.value)


def test_a_size_is_a_side_or_a_pair() -> None:
    assert picture_size("size", [24, 48]) == (24, 48)
    assert picture_size("size", (24, 24)) == 24
    assert ViTConfig(image_size=(224, 224)) == ViTConfig()
    assert ImageGPTConfig(image_size=(3, 2)).size == (3, 2)
