"""How well a model does on data it has not seen, with the number of examples beside it."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

import torch
from torch import Tensor, nn

from mmcourse.checks import real, tensor, whole
from mmcourse.data import Dataset


@dataclass(frozen=True)
class Score:
    """A count of right answers.

    Attributes:
        correct: how many were right.
        total: of how many.
    """

    correct: int
    total: int

    def __post_init__(self) -> None:
        whole("total", self.total)
        whole("correct", self.correct, 0)
        if self.correct > self.total:
            raise ValueError(f"{self.correct} of {self.total} were right; there cannot be more right than there are.")

    @property
    def percent(self) -> float:
        """Share of right answers, in percent."""
        return 100 * self.correct / self.total

    def interval(self) -> tuple[float, float]:
        """95% interval of the share, in percent (Wilson, 1927): what another draw of examples could have given."""
        z, n, p = 1.96, self.total, self.correct / self.total
        middle = (p + z * z / (2 * n)) / (1 + z * z / n)
        half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
        return 100 * (middle - half), 100 * (middle + half)

    def __str__(self) -> str:
        return f"{self.percent:.1f}% ({self.correct:,} of {self.total:,})"

    def agrees(self, other: Score | Mean) -> bool:
        """Whether two counts differ by no more than another processor's arithmetic explains: 0.3 points."""
        return isinstance(other, Score) and abs(self.percent - other.percent) <= 0.3

    @classmethod
    def stored(cls, values: dict[str, Any]) -> Self:
        """From what a checkpoint says."""
        return cls(int(values["correct"]), int(values["total"]))


@dataclass(frozen=True)
class Mean:
    """A mean over held-out examples.

    Attributes:
        value: the mean.
        unit: for example ``"dB"`` or ``"bits per pixel"``.
        total: over how many examples.
    """

    value: float
    unit: str
    total: int

    def __post_init__(self) -> None:
        whole("total", self.total)
        if isinstance(self.value, bool) or not isinstance(self.value, int | float):
            raise ValueError(f"value is {self.value!r}; a mean is a number.")

    def __str__(self) -> str:
        return f"{self.value:.2f} {self.unit} (mean of {self.total:,})"

    def agrees(self, other: Score | Mean) -> bool:
        """Whether two means differ by no more than another processor's arithmetic explains: 1%."""
        return isinstance(other, Mean) and abs(self.value - other.value) <= 0.01 * max(
            abs(self.value), abs(other.value)
        )

    @classmethod
    def stored(cls, values: dict[str, Any]) -> Self:
        """From what a checkpoint says."""
        return cls(float(values["value"]), str(values["unit"]), int(values["total"]))


Measured = dict[str, Score | Mean]
"""What a model reaches on held-out data, by the name of the measure."""


def device_of(model: nn.Module) -> torch.device:
    """Where a model is: that of its first parameter or buffer; the CPU where it has none."""
    held = next(itertools.chain(model.parameters(), model.buffers()), None)
    return torch.device("cpu") if held is None else held.device


@torch.no_grad()
def accuracy(model: nn.Module, data: Dataset, batch_size: int = 250, of: str = "images") -> Score:
    """Count the examples whose highest logit is their label; the model is put in evaluation mode meanwhile.

    Args:
        model: gives logits (B, classes); it stays on its device, and the data comes to it.
        data: with labels.
        batch_size: how many at once.
        of: the name in the batch that the model is called with.

    Raises:
        ValueError: the data is empty or has no labels.
    """
    if not len(data) or data.labels is None:
        raise ValueError(f"{data!r} has {'no labels' if len(data) else 'no items'}; accuracy counts labelled items.")
    whole("batch_size", batch_size)
    device, was_training, correct = device_of(model), model.training, 0
    model.eval()
    for batch in data.batches(batch_size):
        if of not in batch:
            raise ValueError(f"{data!r} gives {', '.join(batch)}, and of={of!r} asks for another; name one of them.")
        logits = model(batch[of].to(device))
        if logits.dim() != 2 or len(logits) != len(batch["labels"]):
            raise ValueError(f"the model gives {tuple(logits.shape)}; accuracy needs logits (B, classes).")
        said = logits.argmax(-1)
        correct += int((said == batch["labels"].to(said.device)).sum())
    model.train(was_training)
    return Score(correct, len(data))


def evaluate_classification(model: nn.Module, held_out: Dataset, learned: Callable[[], Dataset]) -> Measured:
    """Share of examples that are given their own label."""
    return {"accuracy": accuracy(model, held_out)}


def linear_probe(features: Tensor, labels: Tensor, held_out: Tensor, held_out_labels: Tensor) -> Score:
    """How far a linear classifier gets on features that it may not change (Alain & Bengio, 2017).

    Logistic regression of scikit-learn on standardised features; see :ref:`sec-07-probe`.

    Args:
        features: (M, D), to learn from.
        labels: (M,).
        held_out: (B, D), to be scored on.
        held_out_labels: (B,).

    Raises:
        ValueError: one of the two is empty.
    """
    for name, value in (("features", features), ("held_out", held_out)):
        tensor(name, value, 2, floating=True)
        if not value.isfinite().all():
            raise ValueError(f"{name} hold NaN or infinite numbers; no classifier can be fitted to them.")
    if not len(features) or not len(held_out):
        raise ValueError(f"{len(features)} features to learn from and {len(held_out)} held out: both are needed.")
    for name, value, rows in (("labels", labels, features), ("held_out_labels", held_out_labels, held_out)):
        tensor(name, value)
        if value.is_floating_point() or value.shape != rows.shape[:1]:
            raise ValueError(
                f"{name} are {value.dtype} {tuple(value.shape)}; give one whole number for each of {len(rows)} rows."
            )
    if features.shape[1] != held_out.shape[1] or not features.shape[1]:
        raise ValueError(f"features have {features.shape[1]} numbers and held_out {held_out.shape[1]}; give the same.")
    if len(labels.unique()) == 1:
        raise ValueError(f"all {len(labels)} labels are {int(labels[0])}; a probe needs at least two classes.")
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    probe = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    probe.fit(features.double().cpu().numpy(), labels.cpu().numpy())
    said = probe.predict(held_out.double().cpu().numpy())
    return Score(int((said == held_out_labels.cpu().numpy()).sum()), len(held_out))


def psnr(images: Tensor, originals: Tensor) -> Tensor:
    """Peak signal-to-noise ratio of each picture, in decibels: (B, C, H, W) in [0, 1] twice -> (B,).

    10 log10(1 / mean squared error); equal pictures give infinity.

    Raises:
        ValueError: the two have different shapes.
    """
    tensor("images", images, floating=True)
    tensor("originals", originals, floating=True)
    if images.shape != originals.shape or images.dim() < 2 or not images.numel():
        raise ValueError(
            f"pictures {tuple(images.shape)} and originals {tuple(originals.shape)} differ in shape; give pairs."
        )
    return -10 * (images - originals).square().flatten(1).mean(1).log10()


def bits_per_dimension(nats: Tensor | float, dimensions: int = 1) -> Tensor | float:
    """A negative log-likelihood in nats, as bits for each of the numbers that it covers.

    Args:
        nats: of a whole example, or already per token (then ``dimensions`` is the dimensions of one token).
        dimensions: how many numbers that is, for example 3 H W for a colour picture.

    Raises:
        ValueError: no dimensions.
    """
    whole("dimensions", dimensions)
    if not isinstance(nats, Tensor):
        real("nats", nats, -math.inf, above=True)
    return nats / (dimensions * math.log(2))
