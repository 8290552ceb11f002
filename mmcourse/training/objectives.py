"""What a training step makes small: a function of the model and a batch, that gives a loss and what to report.

An objective is a dataclass, so that its options belong to the identity of a run. A batch is a dict of the data set's
names (:mod:`mmcourse.data.dataset`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmcourse.checks import real, tensor
from mmcourse.data import Batch

Objective = Callable[[Any, Batch], tuple[Tensor, dict[str, Tensor]]]


def wanted(batch: Batch, name: str, by: object) -> Any:
    """What a batch holds under a name.

    Raises:
        ValueError: nothing; the line says what there is.
    """
    if name not in batch:
        raise ValueError(
            f"{type(by).__name__} needs {name!r}, and the data gives {', '.join(batch)}; choose other data."
        )
    return batch[name]


@dataclass(frozen=True)
class Classification:
    """Cross entropy of logits (B, classes) against ``"labels"`` (B,), in nats.

    Args:
        label_smoothing: share of the target spread over all classes (Szegedy et al., 2016, section 7).
        of: the name in the batch that the model is called with.
    """

    label_smoothing: float = 0.0
    of: str = "images"

    def __post_init__(self) -> None:
        real("label_smoothing", self.label_smoothing, below=1.0)

    def __call__(self, model: nn.Module, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss, and the share that was right as ``accuracy``."""
        labels = wanted(batch, "labels", self)
        logits = model(wanted(batch, self.of, self))
        try:
            loss = F.cross_entropy(logits, labels, label_smoothing=self.label_smoothing)
        except IndexError as error:
            raise ValueError(
                f"label {int(labels.max())} was given, and the model has logits for {logits.shape[-1]} classes; "
                "build it with as many classes as the data has."
            ) from error
        return loss, {"accuracy": (logits.argmax(-1) == labels).float().mean().detach()}


def next_token_loss(logits: Tensor, targets: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
    """Cross entropy of logits (B, N, K) against the tokens (B, N) that they shall say, in nats per token.

    Logits at place i are held against target i, so whoever calls shifts one against the other. Targets below 0
    (padding) do not count.

    Raises:
        ValueError: the shapes do not match.
    """
    tensor("logits", logits, 3, floating=True)
    tensor("targets", targets)
    if targets.dtype != torch.int64:
        raise TypeError(f"targets are {targets.dtype}; give indices, targets.long().")
    if logits.shape[:-1] != targets.shape:
        raise ValueError(
            f"logits {tuple(logits.shape)} and targets {tuple(targets.shape)} do not match; "
            "(B, N, K) and (B, N) are needed."
        )
    counted = targets >= 0
    try:
        loss = F.cross_entropy(logits.flatten(0, -2), targets.masked_fill(~counted, -100).flatten())
    except IndexError as error:
        raise ValueError(
            f"target {int(targets.max())} was given, and there are logits for {logits.shape[-1]} tokens."
        ) from error
    right = (logits.argmax(-1) == targets)[counted].float().mean()
    return loss, {"accuracy": right.detach()}


@dataclass(frozen=True)
class NextToken:
    """:func:`next_token_loss` of what the model says of ``"inputs"`` (B, N), against ``"targets"`` (B, N)."""

    def __call__(self, model: nn.Module, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss, and the share of counted tokens that was right as ``accuracy``."""
        return next_token_loss(model(wanted(batch, "inputs", self)), wanted(batch, "targets", self))


@dataclass(frozen=True)
class NextColour:
    """:func:`next_token_loss` of the colours of pictures (B, C, H, W), for a model with a ``palette``.

    The model is called with the codes (B, N), and its logits at place i must be for code i, as ImageGPT's are.
    """

    def __call__(self, model: Any, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss, and the share of pixels whose colour was right as ``accuracy``."""
        images = wanted(batch, "images", self)
        with torch.no_grad():
            codes = model.palette.encode(images)
        return next_token_loss(model(codes), codes)


@dataclass(frozen=True)
class Reconstruction:
    """Log of each picture's mean squared error (its PSNR, but for a factor), plus the codebook's own loss.

    The model is called with pictures (B, C, H, W) and gives a :class:`~mmcourse.tokens.vq.Reconstruction`.
    """

    def __call__(self, model: nn.Module, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss, and the mean PSNR of the batch in decibels."""
        images = wanted(batch, "images", self)
        found = model(images)
        error = (found.images - images).square().flatten(1).mean(1)
        loss = 0.2 * (error + 1e-3).log().mean() + found.loss  # 1e-3 is 30 dB: better pictures stop pulling
        return loss, {"psnr": -10 * error.detach().log10().mean()}
