"""What a recipe is: everything that makes a course checkpoint what it is, in one record."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F

from mmcourse.base import Model
from mmcourse.data import Dataset, load
from mmcourse.data.augment import Augmentation
from mmcourse.data.augment_mel import Strangers
from mmcourse.training.loop import Settings
from mmcourse.training.metrics import Measured, evaluate_classification
from mmcourse.training.objectives import Classification, Objective

Measure = Callable[[Any, Dataset, Callable[[], Dataset]], Measured]
"""What is found on held-out data: a function of the model, that data, and a call that loads what was learned from."""


@dataclass(frozen=True)
class Recipe:
    """Everything that makes a checkpoint what it is.

    Attributes:
        name: of the checkpoint and of its file.
        title: one line for the model card.
        chapter: where it is used.
        model: builds it, fresh.
        data: name of the data set.
        split: what it learns from; never the test part.
        settings: of the loop.
        objective: what a step makes small.
        augmentation: of the training batches; its words go to the model card.
        shrink: side of the square of pixels that is averaged to one before anything else; 1 leaves pictures as they
            are.
        measure: what is found on held-out data.
        options: of :func:`mmcourse.data.load`, for example a size.
        held_out: options that differ for the held-out data, for example a style that is not trained on.
        half: whether the file keeps the weights in half precision; they are measured as they are kept.
    """

    name: str
    title: str
    chapter: str
    model: Callable[[], Model]
    data: str
    split: str
    settings: Settings
    objective: Objective = field(default_factory=Classification)
    augmentation: Augmentation | Strangers | None = None
    shrink: int = 1
    measure: Measure = field(default_factory=lambda: evaluate_classification)
    options: dict[str, Any] = field(default_factory=dict)
    held_out: dict[str, Any] = field(default_factory=dict)
    half: bool = False

    def load(self, split: str, **changes: Any) -> Any:
        """A part of the data as the model sees it; ``changes`` to the options of :func:`mmcourse.data.load`."""
        data = load(self.data, split, **{**self.options, **changes})
        if self.shrink == 1:
            return data
        return replace(data, images=F.avg_pool2d(data.images.float(), self.shrink).round().to(torch.uint8))

    def validation(self) -> tuple[Any, Any]:
        """What to learn from and what to measure on while settings are being chosen; the test part stays unseen.

        Data with a validation part give that one; from others every fifth training example is held back.
        """
        if self.split.endswith("+validation"):
            return self.load(self.split.removesuffix("+validation")), self.load("validation", **self.held_out)
        data = self.load(self.split)
        held = torch.arange(len(data)) % 5 == 0
        return data.subset(~held), data.subset(held)

    def evaluate(self, model: Model) -> Measured:
        """What the model reaches on the held-out test part."""
        return self.measure(model, self.load("test", **self.held_out), partial(self.load, self.split))
