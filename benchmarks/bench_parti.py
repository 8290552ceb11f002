"""Parti beside an encoder-decoder of transformers: pictures sampled from captions, in turns.

transformers has no Parti; its BART is an encoder and a decoder with cross-attention of the same sizes. Weights are
random, the same number of codes is sampled from the same captions.
"""

from __future__ import annotations

from typing import Any

import torch
from record import record, row, side_by_side
from transformers import BartConfig, BartForConditionalGeneration

from mmcourse import machine
from mmcourse.generation import generate
from mmcourse.models import Parti, PartiConfig
from mmcourse.models.text_to_codes import Words
from mmcourse.tokens.vq import VQConfig

WORDS, TURNS = 20, 5
#: what is measured: pictures at once, side of the grid of codes, sizes
CASES = {
    "course-sized, 64 codes": (16, 8, {"width": 128, "mlp": 512, "encoder_layers": 2, "decoder_layers": 4, "heads": 4}),
    "width 512, 256 codes": (4, 16, {"width": 512, "mlp": 2048, "encoder_layers": 6, "decoder_layers": 6, "heads": 8}),
}


def theirs(config: PartiConfig, codes: int, length: int) -> Any:
    """BART with the same number of layers, heads and units, and a vocabulary for both texts and codes."""
    size = max(config.text_vocab_size, codes + 1)
    made = BartForConditionalGeneration(
        BartConfig(
            vocab_size=size,
            max_position_embeddings=max(config.text_context, length + 1),
            d_model=config.width,
            encoder_layers=config.encoder_layers,
            decoder_layers=config.decoder_layers,
            encoder_attention_heads=config.heads,
            decoder_attention_heads=config.heads,
            encoder_ffn_dim=config.mlp,
            decoder_ffn_dim=config.mlp,
            dropout=0.0,
            pad_token_id=0,
            bos_token_id=1,
            eos_token_id=None,
            forced_eos_token_id=None,
            decoder_start_token_id=codes,
        )
    )
    return made.eval()


def main() -> None:
    torch.manual_seed(0)
    rows: list[dict[str, Any]] = []
    for what, (batch, side, sizes) in CASES.items():
        config = PartiConfig(tokenizer=VQConfig(codes=1024), grid=side, text_vocab_size=1025, text_context=64, **sizes)
        ours = Parti(config).eval()
        length = ours.context_length
        other = theirs(config, 1024, length)
        ids = torch.randint(3, 1024, (batch, WORDS))
        mask = torch.ones_like(ids)
        first = torch.full((batch, 1), ours.start_id)

        def mine() -> torch.Tensor:
            with torch.inference_mode():
                read = ours.read(Words(ids, mask == 0))  # noqa: B023
            return generate(ours, first, length, condition=read)  # noqa: B023

        def of_transformers() -> torch.Tensor:
            with torch.inference_mode():
                return other.generate(  # noqa: B023
                    input_ids=ids, attention_mask=mask, do_sample=True, top_k=0, min_new_tokens=length,  # noqa: B023
                    max_new_tokens=length,  # noqa: B023
                )  # fmt: skip

        assert mine().shape == (batch, length)
        assert of_transformers().shape == (batch, length + 1)
        for threads in sorted({1, machine.cores()}):
            torch.set_num_threads(threads)
            seconds = side_by_side(mine, of_transformers, repeats=TURNS)
            rows.append(row(f"Parti, {what}, {batch} captions sampled", *seconds, "transformers"))
    record("parti", rows)


if __name__ == "__main__":
    main()
