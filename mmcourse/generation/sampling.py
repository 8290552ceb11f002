"""Greedy decoding and sampling. Derived in :ref:`sec-07-sampling`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from mmcourse.checks import real, whole
from mmcourse.generation.decoding import Decodes, Reader
from mmcourse.generation.filters import LogitFilter, Temperature

COLDEST = 1e-6  # below it float32 cannot tell a temperature from 0


@torch.inference_mode()
def generate(
    model: Decodes,
    prefix: Tensor | Sequence[Tensor],
    max_new_tokens: int,
    *,
    condition: Any = None,
    unconditional: Any = None,
    guidance: float | None = None,
    temperature: float = 1.0,
    filters: Sequence[LogitFilter] = (),
    eos: int | None = None,
    seed: int = 0,
    cached: bool = True,
) -> Tensor:
    """Continue sequences id by id. Derived in :ref:`sec-07-sampling`.

    Args:
        model: gives the next id's logits.
        prefix: (B, n) int64, where each sequence begins, the id that starts it included; or, where lengths differ,
            a list of B tensors (n,).
        max_new_tokens: how many ids to add at most.
        condition: what the model is given beside the ids, for all rows: a text, a sound.
        unconditional: what it is given instead for classifier-free guidance, for example an empty text.
        guidance: lambda in G(z) + lambda (G(z, c) - G(z)), Ho & Salimans (2022); None for no guidance.
        temperature: logits are divided by it after the filters; 0 takes the likeliest id (greedy).
        filters: rules on the logits, applied in this order.
        eos: an id that ends its sequence; what follows it is filled with it.
        seed: the same seed gives the same ids.
        cached: keep keys and values, so that an id costs one step; False reads everything anew, for comparison.

    Returns:
        The ids that were added, (B, max_new_tokens), or fewer where every sequence has ended.

    Raises:
        ValueError: ids, a length or a setting that makes no sense, said before the first step; or logits that are
            not finite.
    """
    whole("max_new_tokens", max_new_tokens, 0)
    real("temperature", temperature)
    if 0 < temperature < COLDEST:
        raise ValueError(f"temperature is {temperature}; give 0 for the likeliest id, or a number from {COLDEST} up.")
    reader = Reader(
        model,
        prefix,
        max_new_tokens,
        condition=condition,
        unconditional=unconditional,
        guidance=guidance,
        filters=[*filters, Temperature(temperature)] if temperature not in (0, 1) else filters,
        eos=eos,
        cached=cached,
    )
    device = reader.prefix.device
    generator = torch.Generator(device).manual_seed(seed)
    done = torch.zeros(reader.rows, dtype=torch.bool, device=device)
    for _ in range(max_new_tokens):
        logits = reader.logits()
        if temperature == 0:
            drawn = logits.argmax(-1)
        else:
            drawn = torch.multinomial(logits.softmax(-1), 1, generator=generator)[:, 0]
        if eos is not None:
            drawn = torch.where(done, eos, drawn)
            done = done | (drawn == eos)
        reader.add(drawn)
        if eos is not None and bool(done.all()):
            break
    return reader.added.clone()
