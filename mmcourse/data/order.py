"""In which order examples come, and what chance draws: from (seed, step) alone, so that a run can go on anywhere."""

from __future__ import annotations

import torch
from torch import Tensor


def generator(*numbers: int) -> torch.Generator:
    """A generator that depends on these numbers alone, for example on (seed, step)."""
    mixed = 0
    for number in numbers:
        mixed = (mixed * 6364136223846793005 + number + 1442695040888963407) % 2**63
    return torch.Generator().manual_seed(mixed)


def batch_indices(count: int, batch_size: int, seed: int, step: int) -> Tensor:
    """The examples of step k: the data in a new random order each epoch, read on without a gap, (B,)."""
    wanted = torch.arange(step * batch_size, (step + 1) * batch_size)
    epochs = wanted.div(count, rounding_mode="floor")
    parts = []
    for epoch in epochs.unique().tolist():
        order = torch.randperm(count, generator=generator(seed, epoch, 1))
        parts.append(order[wanted[epochs == epoch] % count])
    return torch.cat(parts)
