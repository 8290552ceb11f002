"""Whisper beside openai-whisper and transformers: the same weights, the same sound, greedy and by beams, in turns.

Weights are random, of the size of the published tiny; every decoding writes the same number of tokens. Log-mel
spectrograms are measured in ``bench_ast.py``.
"""

from __future__ import annotations

from typing import Any

import torch
import whisper
from record import record, row, side_by_side
from whisper.model import ModelDimensions

from mmcourse import machine
from mmcourse.models import Whisper, WhisperConfig
from mmcourse.pretrained import to_openai, to_transformers
from mmcourse.transcribe import Options, decode

TOKENS, BEAMS, TURNS = 100, 5, 5


def models() -> tuple[Whisper, Any, Any]:
    """Ours, OpenAI's and transformers', with the same weights: peaked, so that all go the same way."""
    c = WhisperConfig.preset("whisper-tiny")
    ours = Whisper(c).eval()
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, parameter in ours.named_parameters():
            scale = 0.3 if "embedding" in name or "positions" in name else 0.05 if parameter.dim() > 1 else 0.02
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * scale)
    openai = whisper.Whisper(
        ModelDimensions(
            c.bands,
            c.audio_context,
            c.width,
            c.encoder_heads,
            c.encoder_layers,
            c.vocab_size,
            c.text_context,
            c.width,
            c.decoder_heads,
            c.decoder_layers,
        )
    ).eval()
    openai.load_state_dict(to_openai(ours))
    theirs = to_transformers(ours)[0]
    theirs.generation_config.eos_token_id = theirs.generation_config.pad_token_id = c.eot
    return ours, openai, theirs


def main() -> None:
    torch.manual_seed(0)
    ours, openai, theirs = models()
    special = ours.special
    sound = torch.cat([0.3 * (6.28 * f * torch.arange(16000) / 16000).sin() for f in range(100, 3100, 100)])
    mel = ours.window(sound)[None]
    start = torch.tensor([ours.prefix("en", timestamps=False)])
    # A text that ends early would end for all alike; it may not, so that all write as much.
    never = [id for id in range(special.eot, special.size) if id != special.no_timestamps]
    rows: list[dict[str, Any]] = []
    for what, beams in (("greedy", None), (f"{BEAMS} beams", BEAMS)):
        options = Options("en", timestamps=False, beams=beams, max_new_tokens=TOKENS, suppress=(special.eot,))
        asked = whisper.DecodingOptions(
            language="en", without_timestamps=True, beam_size=beams, sample_len=TOKENS, fp16=False,
            suppress_tokens=[special.eot], suppress_blank=True,
        )  # fmt: skip

        def mine() -> list[int]:
            return decode(ours, mel, options)[0].ids  # noqa: B023

        def of_openai() -> list[int]:
            return openai.decode(mel.mT, asked)[0].tokens  # noqa: B023

        def of_transformers() -> list[int]:
            with torch.no_grad():
                found = super(type(theirs), theirs).generate(  # without its own windows and fallbacks
                    input_features=mel.mT, decoder_input_ids=start, max_new_tokens=TOKENS, do_sample=False,
                    num_beams=beams or 1, suppress_tokens=never, begin_suppress_tokens=[220, special.eot],  # noqa: B023
                )  # fmt: skip
            return found[0].tolist()

        assert mine() == of_openai(), "openai-whisper writes something else"
        assert len(mine()) == TOKENS
        for threads in sorted({1, machine.cores()}):
            torch.set_num_threads(threads)
            seconds = side_by_side(mine, of_openai, of_transformers, repeats=TURNS)
            what_ = f"Whisper tiny, a window of 30 s, {TOKENS} tokens, {what}"
            for library, other in zip(("openai-whisper", "transformers"), seconds[1:], strict=True):
                rows.append(row(what_, seconds[0], other, library))
    record("whisper", rows)


if __name__ == "__main__":
    main()
