"""What a training step makes small: a function of the model and a batch, that gives a loss and what to report.

An objective is a dataclass, so that its options belong to the identity of a run. A batch is a dict of the data set's
names (:mod:`mmcourse.data.dataset`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmcourse.checks import choose, real, tensor
from mmcourse.data import Batch
from mmcourse.training.gather import gather_with_gradients, my_place

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


def _pairs(images: Tensor, texts: Tensor) -> None:
    for name, given in (("images", images), ("texts", texts)):
        tensor(name, given, 2, floating=True)
    if images.shape != texts.shape or images.dtype != texts.dtype or not images.numel():
        raise ValueError(
            f"pictures {tuple(images.shape)} {images.dtype} and texts {tuple(texts.shape)} {texts.dtype}; give as many "
            "vectors of each, (B, E) twice, of one type."
        )


def contrastive_loss(images: Tensor, texts: Tensor, scale: Tensor | float, bias: Tensor | float = 0.0) -> Tensor:
    """Each picture chooses its text among all of the batch, and each text its picture; in nats, the mean of both.

    Radford et al. (2021), figure 3; derived in :ref:`sec-12-training`. In a run of several processes each compares its
    own rows with those of all, so that no process holds the whole matrix; the result is that of one process.

    Args:
        images: (B, E), vectors of length 1, of this process.
        texts: (B, E), row i belongs to picture i.
        scale: one over the temperature.
        bias: added to all logits, which changes nothing here.
    """
    _pairs(images, texts)
    own = my_place(len(images), images.device)
    of_images = scale * images @ gather_with_gradients(texts).T + bias
    of_texts = scale * texts @ gather_with_gradients(images).T + bias
    mine = (F.cross_entropy(of_images, own) + F.cross_entropy(of_texts, own)) / 2
    return gather_with_gradients(mine[None]).mean()


def sigmoid_loss(images: Tensor, texts: Tensor, scale: Tensor | float, bias: Tensor | float = 0.0) -> Tensor:
    """Each pair of picture and text is asked whether both belong together; in nats a picture.

    Zhai et al. (2023), equation 1; see :ref:`sec-12-training`. Arguments and processes as in :func:`contrastive_loss`.
    """
    _pairs(images, texts)
    all_texts = gather_with_gradients(texts)
    sign = 2 * F.one_hot(my_place(len(images), images.device), len(all_texts)).to(images) - 1
    mine = -F.logsigmoid(sign * (scale * images @ all_texts.T + bias)).sum(1).mean()
    return gather_with_gradients(mine[None]).mean()


@dataclass(frozen=True)
class Contrastive:
    """Pictures near their texts: for a model that gives :class:`~mmcourse.models.clip.Pairs`.

    Args:
        kind: ``"softmax"`` for :func:`contrastive_loss`, ``"sigmoid"`` for :func:`sigmoid_loss`.
    """

    kind: Literal["softmax", "sigmoid"] = "softmax"

    def __post_init__(self) -> None:
        choose("kind of loss", self.kind, ("softmax", "sigmoid"))

    def __call__(self, model: nn.Module, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss; the share of this process's pictures that chose their own text as ``accuracy``; the scale."""
        pairs = model(wanted(batch, "images", self), wanted(batch, "tokens", self))
        bias = 0.0 if pairs.bias is None else pairs.bias
        loss = (contrastive_loss if self.kind == "softmax" else sigmoid_loss)(
            pairs.images, pairs.texts, pairs.scale, bias
        )
        with torch.no_grad():
            chosen = (pairs.images @ pairs.texts.T).argmax(1)
        right = (chosen == torch.arange(len(chosen), device=chosen.device)).float().mean()
        return loss, {"accuracy": right, "scale": pairs.scale.detach()}
