"""What is measured of models that do more than classify; for those see :mod:`mmcourse.training.metrics`."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from mmcourse.data import Dataset
from mmcourse.models import ImageGPT
from mmcourse.tokens.vq import VQTokenizer, perplexity, usage
from mmcourse.training.metrics import Mean, Measured, bits_per_dimension, device_of, linear_probe, psnr
from mmcourse.training.rivals import PixelCNN


@torch.no_grad()
def evaluate_reconstruction(model: VQTokenizer, held_out: Dataset, learned: Callable[[], Dataset]) -> Measured:
    """How well pictures come back from their codes, and how many of the codes that takes."""
    device, decibels, codes = device_of(model), [], []
    for batch in held_out.batches(100):
        images = batch["images"].to(device)
        found = model.encode(images)
        decibels.append(psnr(model.decode(found), images))
        codes.append(found)
    size, count, said = model.config.codes, len(held_out), torch.cat(codes)
    return {
        "psnr": Mean(float(torch.cat(decibels).mean()), "dB", count),
        "codes in use": Mean(100 * usage(said, size), f"% of {size:,}", count),
        "perplexity": Mean(perplexity(said, size), "codes", count),
    }


def colour_codes(model: ImageGPT | PixelCNN, data: Dataset, size: int) -> list[Tensor]:
    """The palette's codes of all pictures, where the model is: (size, N) at a time."""
    device = device_of(model)
    return [model.palette.encode(batch["images"].to(device)) for batch in data.batches(size)]


@torch.no_grad()
def evaluate_likelihood(model: ImageGPT | PixelCNN, held_out: Dataset, learned: Callable[[], Dataset]) -> Measured:
    """Bits that a picture costs for each of its pixels, its colours being given."""
    nats = torch.cat([model.negative_log_likelihood(codes) for codes in colour_codes(model, held_out, 50)])
    return {"bits per pixel": Mean(float(bits_per_dimension(nats.mean(), model.length)), "bits", len(held_out))}


def evaluate_codes(tokenizer: str) -> Callable[[ImageGPT, Dataset, Callable[[], Dataset]], Measured]:
    """A measure: bits that the codes of a course tokenizer cost, for each picture and for each code."""

    def evaluate(model: ImageGPT, held_out: Dataset, learned: Callable[[], Dataset]) -> Measured:
        device = device_of(model)
        encode = VQTokenizer.from_pretrained(tokenizer).to(device).encode
        with torch.no_grad():
            nats = [model.negative_log_likelihood(encode(b["images"].to(device))) for b in held_out.batches(50)]
        bits = float(bits_per_dimension(torch.cat(nats).mean()))
        return {
            "bits per picture": Mean(bits, "bits", len(held_out)),
            "bits per code": Mean(bits / model.length, "bits", len(held_out)),
        }

    return evaluate


@torch.no_grad()
def evaluate_probe(model: ImageGPT, held_out: Dataset, learned: Callable[[], Dataset]) -> Measured:
    """Bits per pixel, and what a linear probe reads at each depth, fitted on what the model has learned from."""
    known = learned()
    assert known.labels is not None
    assert held_out.labels is not None
    seen, new = (
        torch.cat([model.features(codes).cpu() for codes in colour_codes(model, part, 100)], dim=1)
        for part in (known, held_out)
    )
    probes: Measured = {
        f"probe at depth {depth}": linear_probe(seen[depth], known.labels, new[depth], held_out.labels)
        for depth in range(len(seen))
    }
    return evaluate_likelihood(model, held_out, learned) | probes
