"""Chapter 9's stored studies: who is understood that was never heard, and what a start from pictures is worth.

``MMCOURSE_DATA=... python -m mmcourse.recipes.sound_studies digits-by-speaker`` measures what is missing, as
:mod:`mmcourse.recipes.studies` does.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from torch import Tensor

from mmcourse import machine
from mmcourse.base import Model
from mmcourse.data.augment import Compose
from mmcourse.data.order import generator
from mmcourse.data.people import FSDD_SPEAKERS
from mmcourse.models import AST, ViT
from mmcourse.recipes.ch09_ast import SYNTHETIC, ast, digits, learned_from_synthesizers
from mmcourse.recipes.studies import MEASURED, add, rows
from mmcourse.training.loop import fit
from mmcourse.training.metrics import Score, accuracy
from mmcourse.training.rivals import SoundCNN, SoundCNNConfig


def from_pictures() -> AST:
    """The course's AST with the weights of the course's vision transformer, which has seen handwritten digits only."""
    return AST.from_vit(ViT.from_pretrained("vit-mnist5k"), ast()().config)


MODELS: dict[str, Callable[[], Model]] = {
    "AST": ast(),
    "AST from synthesizers": learned_from_synthesizers,
    "CNN": lambda: SoundCNN(SoundCNNConfig()),
    "AST from a ViT": from_pictures,
}
"""Builders by name."""

COPIES = 3  # that an augmented rival learns from, each with other changes
RIVALS: dict[str, Callable[[], Any]] = {
    "nearest neighbour": lambda: KNeighborsClassifier(1),
    "logistic regression": lambda: make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=200)),
    "support vectors": lambda: make_pipeline(StandardScaler(), SVC(C=10)),
    "logistic regression, augmented": lambda: make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=300)),
}
"""Builders of what scikit-learn has. They read what :func:`coarse` leaves, of the synthesizer's training voices."""


def coarse(spectrograms: Tensor) -> Tensor:
    """Spectrograms (B, F, M) as the cheap rivals read them: means over 4 frames and 2 bands, flat."""
    return F.avg_pool2d(spectrograms[:, None], (4, 2)).flatten(1)


@dataclass(frozen=True)
class Heard:
    """One run of a study.

    Attributes:
        model: its name.
        speaker: of fsdd, held out: all that is tested.
        seed: of the run.
        steps: updates of the weights.
        parameters: of the model.
        cpu_seconds: of training.
        correct: right of the speaker's recordings.
        total: recordings of the speaker.
        voices_correct: right of the synthesizer's voices that were never heard.
        voices_total: utterances of those.
        machine: where it was measured.
    """

    model: str
    speaker: str
    seed: int
    steps: int
    parameters: int
    cpu_seconds: float
    correct: int
    total: int
    voices_correct: int
    voices_total: int
    machine: str

    @property
    def score(self) -> Score:
        """Right answers on the speaker, with their interval."""
        return Score(self.correct, self.total)

    @property
    def voices(self) -> Score:
        """Right answers on the synthesizer's voices."""
        return Score(self.voices_correct, self.voices_total)


@dataclass(frozen=True)
class Study:
    """The recipe ``ast-digits`` with one speaker of fsdd left out, for several models under the same data and steps.

    A model that starts from synthesizers has learned from their voices before; the others begin with these steps.

    Attributes:
        models: names in :data:`MODELS`, or in :data:`RIVALS`.
        speakers: left out in turn.
        seeds: of weights, batches and augmentation.
        steps: updates of the weights; 0 for models that have heard synthesizers alone.
    """

    models: tuple[str, ...]
    speakers: tuple[str, ...]
    seeds: tuple[int, ...]
    steps: int


STUDIES = {
    "digits-by-speaker": Study(("AST from synthesizers",), FSDD_SPEAKERS, (0,), 1500),
    "digits-of-strangers": Study(("AST from synthesizers", *RIVALS), FSDD_SPEAKERS, (0,), 0),
    "cnn-by-speaker": Study(("CNN",), FSDD_SPEAKERS, (0,), 600),
    "digits-by-start": Study(("AST", "AST from a ViT", "CNN"), ("theo",), (0,), 600),
}
"""Studies by name."""


@cache
def rival(name: str) -> Any:
    """One of :data:`RIVALS` after it has learned the synthesizer's training voices, once said in each accent."""
    data = SYNTHETIC.read("spoken-digits", "train", takes=1)
    batch = data.batch(range(len(data)))
    heard, labels = batch["spectrograms"], batch["labels"]
    if name.endswith("augmented"):
        change = SYNTHETIC.augmentation
        assert isinstance(change, Compose)
        changed = [change(heard, generator(0, copy)) for copy in range(COPIES)]
        heard, labels = torch.cat([heard, *changed]), labels.repeat(1 + COPIES)
    return RIVALS[name]().fit(coarse(heard), labels)


def untrained(model: str, speaker: str, seed: int) -> Heard:
    """Measure on a speaker what has learned from synthesizers alone."""
    scores: list[Score] = []
    for name, part in (("fsdd", speaker), ("spoken-digits", "test")):
        data = SYNTHETIC.read(name, part)
        if model in RIVALS:
            batch = data.batch(range(len(data)))
            said = torch.as_tensor(rival(model).predict(coarse(batch["spectrograms"])))
            scores.append(Score(int((said == batch["labels"]).sum()), len(data)))
        else:
            scores.append(accuracy(MODELS[model](), data, of="spectrograms"))
    parameters = 0 if model in RIVALS else MODELS[model]().parameter_count()
    person, voices = scores
    return Heard(
        model,
        speaker,
        seed,
        0,
        parameters,
        0.0,
        person.correct,
        person.total,
        voices.correct,
        voices.total,
        machine.describe(),
    )


def run(model: str, speaker: str, seed: int, steps: int) -> Heard:
    """Train without one speaker and measure on that speaker."""
    if steps == 0:
        return untrained(model, speaker, seed)
    recipe = digits("+".join(one for one in FSDD_SPEAKERS if one != speaker))
    assert recipe.augmentation is not None
    data = recipe.load(recipe.split).augmented(recipe.augmentation)
    torch.manual_seed(seed)
    built = MODELS[model]()
    settings = replace(recipe.settings, steps=steps, seed=seed, ema_decay=min(recipe.settings.ema_decay, 1 - 5 / steps))
    history = fit(built, data, recipe.objective, settings, progress=False)
    found = accuracy(built, recipe.read("fsdd", speaker), of="spectrograms")
    voices = accuracy(built, recipe.read("spoken-digits", "test"), of="spectrograms")
    return Heard(
        model,
        speaker,
        seed,
        steps,
        built.parameter_count(),
        round(history.cpu_seconds, 1),
        found.correct,
        found.total,
        voices.correct,
        voices.total,
        machine.describe(),
    )


def points(name: str, folder: Path = MEASURED) -> list[Heard]:
    """What is stored of a study, in order; an empty list where nothing is."""
    return sorted((Heard(**row) for row in rows(name, folder)), key=lambda p: (p.model, p.speaker, p.seed))


def measure(
    name: str, folder: Path = MEASURED, models: Sequence[str] | None = None, speakers: Sequence[str] | None = None
) -> None:
    """Measure and store what is missing of a study; one line for each point.

    Args:
        name: of the study.
        folder: where it is stored.
        models: only these; None for all.
        speakers: only these; None for all.
    """
    study = STUDIES[name]
    for seed, model, speaker in product(study.seeds, models or study.models, speakers or study.speakers):
        if (model, speaker, seed) in {(p.model, p.speaker, p.seed) for p in points(name, folder)}:
            continue
        point = run(model, speaker, seed, study.steps)
        add(name, folder, asdict(point))
        print(f"{model} without {speaker}, {study.steps:,} steps: {point.score}; voices {point.voices}", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Measure what is missing of a study.")
    parser.add_argument("name", choices=sorted(STUDIES))
    parser.add_argument("--models", nargs="+", choices=sorted([*MODELS, *RIVALS]), help="only these")
    parser.add_argument("--speakers", nargs="+", choices=FSDD_SPEAKERS, help="only these")
    options = parser.parse_args()
    measure(options.name, models=options.models, speakers=options.speakers)
