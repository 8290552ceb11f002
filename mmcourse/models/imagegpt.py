"""ImageGPT (Chen et al., 2020): a decoder that writes pictures colour by colour. Derived in :ref:`sec-07-imagegpt`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmcourse.base import Model, ModelConfig
from mmcourse.tokens.palette import Palette, PaletteConfig
from mmcourse.tokens.positions import LearnedPositions, sinusoidal_1d
from mmcourse.transformer import AttentionMaps, Block, Cache, Decoder, TransformerConfig

# Width, layers, heads (Chen et al., 2020, section 3.3, and image-gpt, src/run.py); XL's heads are not published.
SIZES = {
    "s": (512, 24, 8),
    "m": (1024, 36, 8),
    "l": (1536, 48, 16),
    "xl": (3072, 60, 16),
}


@dataclass(frozen=True)
class ImageGPTConfig(ModelConfig):
    """What an ImageGPT needs to be built. Sizes and results of the published ones: :ref:`sec-07-probe`.

    Args:
        image_size: side of the square pictures, in pixels; N is its square.
        colours: K, colours of the palette.
        channels: C, numbers of one colour.
        width: D.
        layers: L.
        heads: H.
        mlp: hidden units of each block's MLP.
        bias: whether attention and MLP have biases; the original has none, transformers' copy has them.
        positions: ``"learned"`` as published, or ``"sinusoidal_1d"``.
        position_std: spread of the learned table at the start; 0.01 in the original.
        epsilon: of every norm.
        dropout: on every sub-layer's output.
    """

    image_size: int = 32
    colours: int = 512
    channels: int = 3
    width: int = 512
    layers: int = 24
    heads: int = 8
    mlp: int = 2048
    bias: bool = False
    positions: Literal["learned", "sinusoidal_1d"] = "learned"
    position_std: float = 0.01
    epsilon: float = 1e-5
    dropout: float = 0.0

    PRESETS: ClassVar[dict[str, dict[str, object]]] = {
        f"imagegpt-{size}": {"width": w, "layers": n, "heads": h, "mlp": 4 * w} for size, (w, n, h) in SIZES.items()
    }

    def __post_init__(self) -> None:
        if self.image_size < 1 or self.colours < 1:
            raise ValueError(f"image_size={self.image_size} and colours={self.colours}: both must be at least 1.")
        if self.positions not in ("learned", "sinusoidal_1d"):
            raise ValueError(f"positions {self.positions!r} is unknown; choose 'learned' or 'sinusoidal_1d'.")

    def transformer(self) -> TransformerConfig:
        """The part that stays, with this model's norm, activation and missing biases."""
        return TransformerConfig(
            self.width,
            self.heads,
            self.layers,
            self.mlp,
            activation="quick_gelu",
            norm="scale",
            epsilon=self.epsilon,
            query_bias=self.bias,
            key_bias=self.bias,
            value_bias=self.bias,
            out_bias=self.bias,
            mlp_bias=self.bias,
            dropout=self.dropout,
        )


class ImageGPT(Model):
    """A start vector, colours in raster order, positions, a transformer decoder, a head that is not tied.

    Chen et al. (2020), section 2.2; derived in :ref:`sec-07-imagegpt`. ``palette`` turns pictures into codes and back.

    Args:
        config: sizes and choices.
    """

    config_class = ImageGPTConfig
    config: ImageGPTConfig

    def __init__(self, config: ImageGPTConfig) -> None:
        super().__init__(config)
        c = config
        self.palette = Palette(PaletteConfig(c.colours, c.channels))
        self.start = nn.Parameter(torch.randn(1, 1, c.width) * 0.02)
        self.embedding = nn.Embedding(c.colours, c.width)
        nn.init.normal_(self.embedding.weight, std=0.02)
        length = c.image_size**2
        self.positions = LearnedPositions(length, c.width, c.position_std) if c.positions == "learned" else None
        self.decoder = Decoder(c.transformer())
        self.head = nn.Linear(c.width, c.colours, bias=False)
        nn.init.normal_(self.head.weight, std=0.02)

    @property
    def length(self) -> int:
        """N, colours of one picture."""
        return self.config.image_size**2

    def embed(self, codes: Tensor, past: int = 0) -> Tensor:
        """The decoder's input for the places from ``past`` on: the start vector, then the colours before each place.

        Args:
            codes: (B, n) int64, all colours so far, n < N.
            past: how many places the decoder has read already.

        Returns:
            (B, n + 1 - past, D).

        Raises:
            ValueError: more colours than fit, or a number that is no colour.
        """
        if codes.dim() != 2 or codes.shape[1] >= self.length:
            raise ValueError(
                f"codes have shape {tuple(codes.shape)}; a place can look back on (B, n) colours with n below "
                f"{self.length}, the pixels of a picture of {self.config.image_size} x {self.config.image_size}."
            )
        fresh = codes[:, max(0, past - 1) :]
        if fresh.numel() and (int(fresh.min()) < 0 or int(fresh.max()) >= self.config.colours):
            raise ValueError(f"codes {int(fresh.min())} to {int(fresh.max())}; the palette has {self.config.colours}.")
        x = self.embedding(fresh)
        if past == 0:
            x = torch.cat([self.start.expand(len(codes), -1, -1), x], dim=1)
        if self.positions is not None:
            return x + self.positions.table[past : past + x.shape[1]]
        return x + sinusoidal_1d(self.length, self.config.width)[past : past + x.shape[1]].to(x)

    def forward(self, codes: Tensor, maps: AttentionMaps | None = None) -> Tensor:
        """Logits of every colour, given those before it.

        Args:
            codes: (B, N) int64 in raster order; shorter beginnings of pictures are read too. The last is not looked at.
            maps: collects attention weights.

        Returns:
            (B, N, K); the logits at place i are for colour i.
        """
        return self.head(self.decoder(self.embed(codes[:, :-1]), maps=maps))

    def new_cache(self) -> Cache:
        """An empty cache for :meth:`next_logits`."""
        return Cache(self.config.layers)

    def next_logits(self, tokens: Tensor, cache: Cache | None = None) -> Tensor:
        """Logits (B, K) of the colour after those of ``tokens`` (B, n); n = 0 begins a picture.

        What :func:`mmcourse.generation.generate` asks of a model. With a cache only the new ones are computed.
        """
        return self.head(self.decoder(self.embed(tokens, 0 if cache is None else cache.length), cache=cache)[:, -1])

    def negative_log_likelihood(self, codes: Tensor) -> Tensor:
        """-log p of pictures in nats, (B, N) -> (B,): Chen et al. (2020), equation 1; :ref:`sec-07-likelihood`."""
        return F.cross_entropy(self(codes).transpose(1, 2), codes, reduction="none").sum(1)

    @torch.no_grad()
    def features(self, codes: Tensor) -> Tensor:
        """What a linear probe reads at each depth: the mean over places of the normed tokens, (L + 1, B, D).

        Chen et al. (2020), section 2.4: n^l = norm(h^l), as the next block's attention sees it; the last one is the
        final norm's. See :ref:`sec-07-probe`.
        """
        x, found = self.embed(codes[:, :-1]), []
        for block in self.decoder.blocks:
            assert isinstance(block, Block)
            found.append(block.norm_attention(x).mean(1))
            x = block(x)
        return torch.stack([*found, self.decoder.norm(x).mean(1)])

    @torch.no_grad()
    def attention_maps(self, codes: Tensor) -> Tensor:
        """Attention weights of every layer and head, (L, B, H, N, N); row i is the place that writes colour i."""
        maps = AttentionMaps()
        self(codes, maps)
        return torch.stack(maps.own)
