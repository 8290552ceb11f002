"""What a training step makes small: a function of the model and a batch, that gives a loss and what to report."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Objective = Callable[[nn.Module, Any], tuple[Tensor, dict[str, Tensor]]]


def classification(label_smoothing: float = 0.0) -> Objective:
    """Cross entropy of logits (B, classes) against labels (B,), in nats.

    Args:
        label_smoothing: share of the target spread over all classes (Szegedy et al., 2016, section 7).
    """

    def objective(model: nn.Module, batch: tuple[Tensor, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        images, labels = batch
        logits = model(images)
        right = (logits.argmax(-1) == labels).float().mean()
        return F.cross_entropy(logits, labels, label_smoothing=label_smoothing), {"accuracy": right.detach()}

    return objective


def next_token() -> Objective:
    """Cross entropy of logits (B, N, K) against the tokens (B, N) that they shall say, in nats per token.

    The batch is (inputs, targets); the model is called with the inputs, and its output at place i is held against
    target i, so whoever makes the batch shifts one against the other. Targets below 0 (padding) do not count.
    """

    def objective(model: nn.Module, batch: tuple[Tensor, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        inputs, targets = batch
        logits = model(inputs)
        if logits.shape[:-1] != targets.shape:
            raise ValueError(
                f"logits {tuple(logits.shape)} and targets {tuple(targets.shape)} do not match; "
                "(B, N, K) and (B, N) are needed."
            )
        counted = targets >= 0
        loss = F.cross_entropy(logits.flatten(0, -2), targets.masked_fill(~counted, -100).flatten())
        right = (logits.argmax(-1) == targets)[counted].float().mean()
        return loss, {"accuracy": right.detach()}

    return objective


def reconstruction() -> Objective:
    """Log of each picture's mean squared error (its PSNR, but for a factor), plus the codebook's own loss.

    The model is called with pictures (B, C, H, W) and gives a :class:`~mmcourse.tokens.vq.Reconstruction`.
    """

    def objective(model: nn.Module, batch: tuple[Tensor, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        images, _ = batch
        found = model(images)
        error = (found.images - images).square().flatten(1).mean(1)
        loss = 0.2 * (error + 1e-3).log().mean() + found.loss  # 1e-3 is 30 dB: better pictures stop pulling
        return loss, {"psnr": -10 * error.detach().log10().mean()}

    return objective


def next_colour() -> Objective:
    """Cross entropy of the colours of pictures (B, C, H, W), in nats per pixel, for a model with a ``palette``.

    The model is called with the codes (B, N), and its logits at place i must be for code i, as ImageGPT's are.
    """

    def objective(model: Any, batch: tuple[Tensor, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        with torch.no_grad():
            codes = model.palette.encode(batch[0])
        return next_token()(model, (codes, codes))

    return objective
