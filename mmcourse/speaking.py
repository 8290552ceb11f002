"""Texts to waveforms with a text to speech. See :ref:`sec-13-speech`."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from mmcourse.generation import LogitFilter, MinLength, generate
from mmcourse.models.tts import TextToSpeech


def write_codes(
    model: TextToSpeech,
    texts: Sequence[str],
    voices: Sequence[str] | str | None = None,
    *,
    temperature: float = 0.7,
    filters: Sequence[LogitFilter] = (),
    seed: int = 0,
) -> list[Tensor]:
    """Codes (N,) of each text, at least one, without the end.

    Args:
        model: says them.
        texts: B texts.
        voices: a name for each, or one for all; None for the model's first voice.
        temperature: logits are divided by it; 0 takes the likeliest code.
        filters: rules on the logits, as in :func:`mmcourse.generation.generate`.
        seed: the same seed says the same.
    """
    with torch.inference_mode():
        read = model.read(model.words(texts, voices))
    first = torch.full((len(texts), 1), model.start_id, device=read.memory.device)
    ids = generate(
        model,
        first,
        model.context_length,
        condition=read,
        temperature=temperature,
        filters=[*filters, MinLength(1, model.end_id)],
        eos=model.end_id,
        seed=seed,
    )
    return [row[: int((row != model.end_id).sum())] for row in ids]


def speak(
    model: TextToSpeech,
    texts: Sequence[str],
    voices: Sequence[str] | str | None = None,
    *,
    temperature: float = 0.7,
    filters: Sequence[LogitFilter] = (),
    iterations: int = 32,
    seed: int = 0,
) -> list[Tensor]:
    """Waveforms (T,) of texts, at the sample rate of ``model.config.tokenizer.log_mel``.

    Args:
        model, texts, voices, temperature, filters, seed: as in :func:`write_codes`.
        iterations: of Griffin and Lim's method.
    """
    found = write_codes(model, texts, voices, temperature=temperature, filters=filters, seed=seed)
    tokenizer = model.tokenizer
    return [tokenizer.waveform(tokenizer.decode(codes[None]), iterations=iterations, seed=seed)[0] for codes in found]
