"""Every test meets the same random numbers each time it runs, and none is held to a clock."""

from __future__ import annotations

import hypothesis
import pytest
import torch


class TorchRandom:
    """torch's generator, as Hypothesis wants to see it: without it an example cannot be run again."""

    seed = staticmethod(torch.manual_seed)
    getstate = staticmethod(torch.get_rng_state)
    setstate = staticmethod(torch.set_rng_state)


TORCH = TorchRandom()  # Hypothesis keeps no hold of it
hypothesis.register_random(TORCH)
hypothesis.settings.register_profile("house", deadline=None, derandomize=True)
hypothesis.settings.load_profile("house")


THREADS = torch.get_num_threads()


@pytest.fixture(autouse=True)
def fresh() -> None:
    """The same random numbers, and as many threads as at the start: numba, under openai-whisper, raises OpenMP's
    number for the whole process, and sums over two threads differ in their last bits from sums over one."""
    torch.manual_seed(0)
    torch.set_num_threads(THREADS)
