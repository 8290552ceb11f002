"""What every process holds, put together with its gradient: for losses that compare all examples of a batch."""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor


class _Gather(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, mine: Tensor) -> Tensor:
        parts = [torch.empty_like(mine) for _ in range(dist.get_world_size())]
        dist.all_gather(parts, mine.contiguous())
        return torch.stack(parts, dim=1).flatten(0, 1)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        whole = gradients[0].contiguous().clone()
        dist.all_reduce(whole)  # what the loss of each process says of my rows
        return whole.unflatten(0, (-1, dist.get_world_size()))[:, dist.get_rank()].contiguous()


def gather_with_gradients(mine: Tensor) -> Tensor:
    """The rows of all processes in the order of the whole batch, (B / processes, ...) -> (B, ...).

    Each process computes the loss of the whole batch from what is gathered, or that of its own rows against all and
    then the mean of what all processes found. The gradient of its own rows is the sum over all processes, and the mean
    that data parallelism takes over processes makes it that of one process with the whole batch (as open_clip gathers
    with ``--gather-with-grad``). With one process nothing happens.

    Args:
        mine: the same shape in every process, which is what :func:`~mmcourse.training.fit` hands out: process r of W
            has rows r, r + W, r + 2 W ... of the batch.
    """
    return _Gather.apply(mine) if _several() else mine


def my_place(rows: int, device: torch.device) -> Tensor:
    """Where the rows of this process stand among what :func:`gather_with_gradients` gives, (rows,) int64."""
    if not _several():
        return torch.arange(rows, device=device)
    return dist.get_rank() + dist.get_world_size() * torch.arange(rows, device=device)


def _several() -> bool:
    return dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1
