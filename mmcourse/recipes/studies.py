"""Curves that a page shows and has no time to measure: each point is measured once and stored with how it was made.

``python -m mmcourse.recipes.studies amount-of-digits`` measures what is missing of a study; delete its file in
``mmcourse/recipes/measured`` to measure all of it again. Several at a time share the work.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock

from mmcourse import machine
from mmcourse.base import Model
from mmcourse.data import ImageDataset, load
from mmcourse.data.augment import Compose, Elastic
from mmcourse.files import write_text
from mmcourse.recipes.common import MILD, vit
from mmcourse.training.loop import Settings, fit
from mmcourse.training.metrics import Score, accuracy
from mmcourse.training.objectives import Classification
from mmcourse.training.rivals import SmallCNN, SmallCNNConfig

MEASURED = Path(__file__).parent / "measured"
"""The folder of stored studies; it is part of the package."""

SMALL: dict[str, Callable[[], Model]] = {
    "ViT": vit(patch_size=7),
    "CNN": lambda: SmallCNN(SmallCNNConfig()),
}
"""Chapter 5's small ViT and its rival: builders by name."""


@dataclass(frozen=True)
class Study:
    """Accuracy over the number of training digits, for several models under the same data, augmentation and steps.

    Attributes:
        models: names in :data:`SMALL`.
        examples: numbers of digits to learn from, as many of each class.
        seeds: of the draw of digits, of the first weights, of batches and augmentation.
        steps: updates of the weights, the same for all models.
    """

    models: tuple[str, ...]
    examples: tuple[int, ...]
    seeds: tuple[int, ...]
    steps: int


@dataclass(frozen=True)
class Point:
    """One run of a study.

    Attributes:
        model: its name.
        examples: digits that it learned from.
        seed: of the run.
        steps: updates of the weights.
        parameters: of the model.
        cpu_seconds: of training.
        correct: right of the test digits.
        total: test digits.
        machine: where it was measured.
    """

    model: str
    examples: int
    seed: int
    steps: int
    parameters: int
    cpu_seconds: float
    correct: int
    total: int
    machine: str

    @property
    def score(self) -> Score:
        """Right answers, with their interval."""
        return Score(self.correct, self.total)


STUDIES = {
    "amount-of-digits": Study(("ViT", "CNN"), (250, 1000, 4000), (0, 1), 1000),
    "amount-of-digits-long": Study(("ViT", "CNN"), (250, 1000, 4000), (0,), 4000),
}
"""Studies by name; both are shown in :ref:`sec-05-few`."""


def some_of_each(data: ImageDataset, count: int, seed: int) -> ImageDataset:
    """A random part of a labelled set with as many examples of each class.

    Raises:
        ValueError: the classes do not share ``count`` evenly, or one has too few.
    """
    labels = data.labels
    assert labels is not None
    classes = labels.unique().tolist()
    each, left = divmod(count, len(classes))
    fewest = min(int((labels == c).sum()) for c in classes)
    if left or not 0 < each <= fewest:
        raise ValueError(
            f"{count} examples of {len(classes)} classes: give a multiple of {len(classes)}, at most "
            f"{fewest * len(classes)}."
        )
    draw = torch.Generator().manual_seed(1000 + seed)
    of_class = [(labels == c).nonzero().flatten() for c in classes]
    return data.subset(torch.cat([all_of[torch.randperm(len(all_of), generator=draw)[:each]] for all_of in of_class]))


def run(model: str, examples: int, seed: int, steps: int) -> Point:
    """Train and measure one point."""
    data = some_of_each(load("mnist5k", "train+validation"), examples, seed)
    torch.manual_seed(seed)
    built = SMALL[model]()
    given = data.augmented(Compose(MILD, Elastic(0.02)))
    settings = Settings(steps, batch_size=64, learning_rate=2e-3, ema_decay=0.99, seed=seed)
    history = fit(built, given, Classification(0.1), settings, progress=False)
    found = accuracy(built, load("mnist5k", "test"))
    return Point(
        model,
        examples,
        seed,
        steps,
        built.parameter_count(),
        round(history.cpu_seconds, 1),
        found.correct,
        found.total,
        machine.describe(),
    )


def points(name: str, folder: Path = MEASURED) -> list[Point]:
    """What is stored of a study, in order; an empty list where nothing is.

    Args:
        name: of the study.
        folder: where it is stored.
    """
    return sorted((Point(**row) for row in rows(name, folder)), key=lambda p: (p.model, p.examples, p.seed))


def rows(name: str, folder: Path) -> list[dict[str, Any]]:
    """The rows of a study's file, as they were stored."""
    path = folder / f"{name}.json"
    return list(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else []


def add(name: str, folder: Path, row: dict[str, Any]) -> None:
    """Store one more row; others may do so at the same time."""
    path = folder / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_suffix(".lock")):
        kept = [*rows(name, folder), row]
        write_text(path, "[\n " + ",\n ".join(json.dumps(one) for one in kept) + "\n]\n")


def measure(
    name: str, folder: Path = MEASURED, models: Sequence[str] | None = None, seeds: Sequence[int] | None = None
) -> None:
    """Measure and store what is missing of a study; one line for each point.

    Args:
        name: of the study.
        folder: where it is stored.
        models: only these; None for all.
        seeds: only these; None for all.
    """
    study = STUDIES[name]
    for seed, examples, model in product(seeds or study.seeds, study.examples, models or study.models):
        if (model, examples, seed) in {(p.model, p.examples, p.seed) for p in points(name, folder)}:
            continue
        point = run(model, examples, seed, study.steps)
        add(name, folder, asdict(point))
        print(f"{model}, {examples:,} digits, {study.steps:,} steps, seed {seed}: {point.score}", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Measure what is missing of a study.")
    parser.add_argument("name", choices=sorted(STUDIES))
    parser.add_argument("--models", nargs="+", choices=sorted(SMALL), help="only these")
    parser.add_argument("--seeds", nargs="+", type=int, help="only these")
    options = parser.parse_args()
    measure(options.name, models=options.models, seeds=options.seeds)
