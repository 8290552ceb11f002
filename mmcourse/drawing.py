"""Captions to pictures with a Parti: several of each, with guidance, the best one first. See :ref:`sec-11-parti`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from mmcourse.checks import tensor, whole
from mmcourse.generation import LogitFilter, generate
from mmcourse.models.parti import Parti


class Drawn(NamedTuple):
    """What :func:`draw` gives.

    Attributes:
        images: (B, S, C, H, W) in [0, 1], S pictures for each text.
        codes: (B, S, N).
    """

    images: Tensor
    codes: Tensor


Scorer = Callable[[Tensor, list[str]], Tensor]
"""How well pictures (S, C, H, W) go with their S texts, (S,): larger is better. CLIP, or any other judge."""


def draw(
    model: Parti,
    texts: Sequence[str],
    *,
    samples: int = 1,
    guidance: float | None = None,
    temperature: float = 1.0,
    filters: Sequence[LogitFilter] = (),
    seed: int = 0,
) -> Drawn:
    """Pictures of texts, several of each.

    Args:
        model: draws them.
        texts: B captions.
        samples: S, pictures of each.
        guidance: lambda in G(z) + lambda (G(z, c) - G(z)), where G(z) reads an empty text (Yu et al., 2022, section
            2.2; Ho & Salimans, 2022); None for no guidance.
        temperature: logits are divided by it; 0 takes the likeliest code.
        filters: rules on the logits, as in :func:`mmcourse.generation.generate`.
        seed: the same seed draws the same pictures.
    """
    whole("samples", samples)
    with torch.inference_mode():
        read = model.read(texts).repeat(samples)
        empty = None if guidance is None else model.read([""]).repeat(len(read.memory))
    first = torch.full((len(read.memory), 1), model.start_id, device=read.memory.device)
    codes = generate(
        model,
        first,
        model.context_length,
        condition=read,
        unconditional=empty,
        guidance=guidance,
        temperature=temperature,
        filters=filters,
        seed=seed,
    )
    each = (len(texts), samples)
    return Drawn(model.decode(codes).unflatten(0, each), codes.unflatten(0, each))


def rerank(images: Tensor, texts: Sequence[str], scorer: Scorer) -> Tensor:
    """The order of several pictures of each text, best first, by any judge (Yu et al., 2022, section 2.2).

    Args:
        images: (B, S, C, H, W), as :func:`draw` gives them.
        texts: B captions.
        scorer: judges all pictures of one text at a time.

    Returns:
        (B, S) int64, places among the S pictures.
    """
    tensor("images", images, 5, floating=True)
    if isinstance(texts, str) or len(images) != len(texts) or not len(texts):
        raise ValueError(f"{len(images)} rows of pictures and {len(texts)} texts; give one text a row.")
    scores = []
    for row, text in zip(images, texts, strict=True):
        score = scorer(row, [text] * len(row))
        tensor("scores", score)
        if score.shape != row.shape[:1]:
            raise ValueError(f"the scorer gave {tuple(score.shape)} for {len(row)} pictures; give one number each.")
        scores.append(score)
    return torch.stack(scores).argsort(dim=1, descending=True, stable=True)
