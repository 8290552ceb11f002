"""Parti (Yu et al., 2022): a picture is the translation of its caption. Derived in :ref:`sec-11-parti`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import torch.nn.functional as F
from torch import Tensor

from mmcourse.checks import picture_size
from mmcourse.models.text_to_codes import TextToCodes, TextToCodesConfig
from mmcourse.tokens.palette import check_codes
from mmcourse.tokens.vq import VQConfig, VQTokenizer

# Encoder layers, decoder layers, width, heads (Yu et al., 2022, table 1); the MLP has four times the width.
SIZES = {
    "350m": (12, 12, 1024, 16),
    "750m": (12, 36, 1024, 16),
    "3b": (12, 36, 2048, 32),
    "20b": (16, 64, 4096, 64),
}


@dataclass(frozen=True)
class PartiConfig(TextToCodesConfig):
    """What a Parti needs to be built. Sizes and results of the published ones: :ref:`sec-11-parti`.

    The published tokenizer of pictures is a ViT-VQGAN; here it is the convolutional one of chapter 6, with as many
    tokens and codes.

    Args:
        tokenizer: of pictures; its K codes are what the decoder writes.
        grid: tokens of a side of square pictures, or (rows, columns); N is their product.
    """

    tokenizer: VQConfig = field(default_factory=lambda: VQConfig(stride=8, codes=8192, code_width=32))
    grid: int | tuple[int, int] = 32

    PRESETS: ClassVar[dict[str, dict[str, object]]] = {
        f"parti-{size}": {"encoder_layers": e, "decoder_layers": d, "width": w, "mlp": 4 * w, "heads": h}
        for size, (e, d, w, h) in SIZES.items()
    }

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.tokenizer, VQConfig):
            raise TypeError(f"tokenizer is {self.tokenizer!r:.60}; give a VQConfig.")
        object.__setattr__(self, "grid", picture_size("grid", self.grid))

    @property
    def rows_and_columns(self) -> tuple[int, int]:
        """Rows and columns of tokens."""
        return self.grid if isinstance(self.grid, tuple) else (self.grid, self.grid)


class Parti(TextToCodes):
    """A text encoder, a decoder of the codes of a picture, and the tokenizer that makes them and draws them.

    Yu et al. (2022), sections 2.1 and 2.2; derived in :ref:`sec-11-parti`. The tokenizer is trained first, by itself,
    and is not trained with the rest. ``mmcourse.drawing`` draws captions with it.

    Args:
        config: sizes and choices.
    """

    config_class = PartiConfig
    config: PartiConfig

    def __init__(self, config: PartiConfig) -> None:
        rows, columns = config.rows_and_columns
        super().__init__(config, config.tokenizer.codes, rows * columns)
        self.tokenizer = VQTokenizer(config.tokenizer).requires_grad_(False)

    def encode(self, images: Tensor) -> Tensor:
        """Codes (B, N) of pictures (B, C, H, W) in [0, 1], as the decoder writes them.

        Raises:
            TypeError, ValueError: no pictures in [0, 1], or another size than the model's.
        """
        codes = self.tokenizer.encode(images)
        if codes.shape[1] != self.context_length:
            rows, columns = self.config.rows_and_columns
            stride = self.config.tokenizer.stride
            raise ValueError(
                f"pictures of {images.shape[-2]} x {images.shape[-1]} have {codes.shape[1]} tokens; this model writes "
                f"{rows * stride} x {columns * stride}."
            )
        return codes

    def decode(self, codes: Tensor) -> Tensor:
        """Pictures (B, C, H, W) in [0, 1] of codes (B, N)."""
        return self.tokenizer.decode(codes, self.config.rows_and_columns)

    def negative_log_likelihood(self, texts: Sequence[str], codes: Tensor) -> Tensor:
        """-log p of pictures given their texts, in nats: B texts and codes (B, N) -> (B,)."""
        check_codes(codes, self.vocab_size)
        words = self.words(texts)
        logits = self(words.ids, codes, words.padding)
        return F.cross_entropy(logits.transpose(1, 2), codes, reduction="none").sum(1)
