"""ImageGPT (Chen et al., 2020): a decoder that writes pictures colour by colour. Derived in :ref:`sec-07-imagegpt`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmcourse.base import Model, ModelConfig
from mmcourse.cache import Cache
from mmcourse.checks import choose, picture_size, real, tensor, whole
from mmcourse.tokens.images import PIXELS, Preprocessing, check_preprocessing, preprocess
from mmcourse.tokens.palette import Palette, PaletteConfig, check_codes
from mmcourse.tokens.positions import Positions
from mmcourse.transformer import AttentionMaps, Block, Decoder, TransformerConfig

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
        image_size: side of square pictures in pixels, or (height, width); N is their product.
        colours: K, colours of the palette.
        channels: C, numbers of one colour.
        width: Width of a token, D.
        layers: Number of blocks, L.
        heads: Number of heads, H.
        mlp: hidden units of each block's MLP.
        bias: whether attention and MLP have biases; the original has none, transformers' copy has them.
        positions: ``"learned"`` as published, or ``"sinusoidal_1d"``.
        position_std: spread of the learned table at the start; 0.01 in the original.
        epsilon: of every norm.
        dropout: on every sub-layer's output.
        preprocessing: how pictures are resized; their colours are the palette's.
    """

    image_size: int | tuple[int, int] = 32
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
    preprocessing: Preprocessing = PIXELS

    PRESETS: ClassVar[dict[str, dict[str, object]]] = {
        f"imagegpt-{size}": {"width": w, "layers": n, "heads": h, "mlp": 4 * w} for size, (w, n, h) in SIZES.items()
    }

    def __post_init__(self) -> None:
        object.__setattr__(self, "image_size", picture_size("image_size", self.image_size))
        for name in ("colours", "channels"):
            whole(name, getattr(self, name))
        real("position_std", self.position_std)
        choose("positions", self.positions, ("learned", "sinusoidal_1d"))
        check_preprocessing(self.preprocessing, self.channels)
        self.transformer()

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the pictures."""
        return self.image_size if isinstance(self.image_size, tuple) else (self.image_size, self.image_size)

    def transformer(self) -> TransformerConfig:
        """The part that stays, with this model's norm, activation and missing biases."""
        return TransformerConfig(
            self.width,
            self.heads,
            self.layers,
            self.mlp,
            activation="quick_gelu",
            norm="rms",
            epsilon=self.epsilon,
            bias=self.bias,
            dropout=self.dropout,
        )


class ImageGPT(Model):
    """A start and then colours in raster order, positions, a transformer decoder, a head that is not tied.

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
        self.embedding = nn.Embedding(c.colours + 1, c.width)  # the last row is the id that starts a picture
        self.positions = Positions(c.positions, c.size, c.width, std=c.position_std)
        self.decoder = Decoder(c.transformer())
        self.head = nn.Linear(c.width, c.colours, bias=False)
        self.initialise()

    def initialise(self) -> None:
        """Start as the original does (image-gpt, ``src/model.py``): every colour is equally likely."""
        width, layers = self.config.width, self.config.layers
        nn.init.normal_(self.embedding.weight, std=0.02)
        nn.init.zeros_(self.head.weight)
        for block in self.decoder.blocks:
            assert isinstance(block, Block)
            attention, mlp = block.self_attention, block.mlp
            for layer in (attention.query, attention.key, attention.value):
                nn.init.normal_(layer.weight, std=width**-0.5)
            nn.init.normal_(attention.out.weight, std=(width * layers) ** -0.5)
            for layer in (mlp.up, mlp.down):
                nn.init.normal_(layer.weight, std=0.02)

    @property
    def length(self) -> int:
        """N, colours of one picture."""
        return self.config.size[0] * self.config.size[1]

    @property
    def vocab_size(self) -> int:
        """K, colours that can be written."""
        return self.config.colours

    @property
    def context_length(self) -> int:
        """N: the start and all colours but the last are read."""
        return self.length

    @property
    def start_id(self) -> int:
        """The id that starts a picture; no colour has it."""
        return self.config.colours

    def encode(self, pictures: Any) -> Tensor:
        """Codes (B, N) of whatever pictures :func:`~mmcourse.tokens.images.preprocess` takes."""
        c, colours = self.config, self.palette.colours
        return self.palette.encode(preprocess(pictures, c.preprocessing, c.size, c.channels).to(colours))

    def decode(self, codes: Tensor) -> Tensor:
        """Pictures (B, C, H, W) in [0, 1] of codes (B, N)."""
        return self.palette.decode(codes, self.config.size)

    def prompt(self, codes: Tensor) -> Tensor:
        """The id that starts a picture, then its first colours: (B, n) -> (B, n + 1); n may be 0."""
        tensor("codes", codes, 2)
        return F.pad(codes, (1, 0), value=self.start_id)

    def check_ids(self, ids: Tensor) -> None:
        """Refuse ids (B, n) of which one is neither a colour nor :attr:`start_id`."""
        tensor("codes", ids, 2)
        if not ids.numel():
            raise ValueError(f"codes have shape {tuple(ids.shape)}, which holds no code; give at least one.")
        if int(ids.min()) < 0 or int(ids.max()) > self.start_id:
            raise ValueError(
                f"codes from {int(ids.min())} to {int(ids.max())}; the palette has {self.config.colours} colours, and "
                f"{self.start_id} starts a picture."
            )

    def embed(self, ids: Tensor, cache: Cache | None = None) -> Tensor:
        """The decoder's input: ids (B, n) int64 -> (B, n, D), positions added.

        Raises:
            ValueError: another shape or type, or more ids than the picture has places.
        """
        past = 0 if cache is None else cache.length
        if ids.dim() != 2 or ids.dtype != torch.long or past + ids.shape[1] > self.length:
            raise ValueError(
                f"codes are {ids.dtype} {tuple(ids.shape)} after {past} others; give int64 (B, n) for the "
                f"{self.length} pixels of a picture of {self.config.size[0]} x {self.config.size[1]}."
            )
        n = ids.shape[1]
        return self.embedding(ids) + self.positions.table[slice(n) if cache is None else cache.places(n)]

    def forward(self, codes: Tensor, maps: AttentionMaps | None = None) -> Tensor:
        """Logits of every colour, given those before it.

        Args:
            codes: (B, N) int64 in raster order; shorter beginnings of pictures are read too. The last is not looked at.
            maps: collects attention weights.

        Returns:
            (B, N, K); the logits at place i are for colour i.
        """
        tensor("codes", codes, 2)
        return self.head(self.decoder(self.embed(self.prompt(codes[:, :-1])), maps=maps))

    def start(self, condition: None = None, *, padding: Tensor | None = None) -> Cache:
        """What :func:`mmcourse.generation.generate` begins with; an ImageGPT has no condition."""
        if condition is not None:
            raise ValueError("ImageGPT reads no condition; give it the beginning of a picture, model.prompt(codes).")
        return self.decoder.start(padding=padding)

    def step(self, ids: Tensor, cache: Cache) -> Tensor:
        """Read the next ids (B, n), begun by :attr:`start_id`; logits (B, n, K) of the colour after each."""
        return self.head(self.decoder(self.embed(ids, cache), cache=cache))

    def negative_log_likelihood(self, codes: Tensor) -> Tensor:
        """-log p of pictures in nats, (B, N) -> (B,): Chen et al. (2020), equation 1; :ref:`sec-07-likelihood`."""
        self.check_ids(codes)
        check_codes(codes, self.config.colours)  # the start token is no colour
        return F.cross_entropy(self(codes).transpose(1, 2), codes, reduction="none").sum(1)

    @torch.no_grad()
    def features(self, codes: Tensor) -> Tensor:
        """What a linear probe reads at each depth: the mean over places of the normed tokens, (L + 1, B, D).

        Chen et al. (2020), section 2.4: n^l = norm(h^l), as the next block's attention sees it; the last one is the
        final norm's. See :ref:`sec-07-probe`.
        """
        self.check_ids(codes)
        x, found = self.embed(self.prompt(codes[:, :-1])), []
        for block in self.decoder.blocks:
            assert isinstance(block, Block)
            found.append(block.self_attention_norm(x).mean(1))
            x = block(x)
        return torch.stack([*found, self.decoder.norm(x).mean(1)])

    @torch.no_grad()
    def attention_maps(self, codes: Tensor) -> Tensor:
        """Attention weights of every layer and head, (L, B, H, N, N); row i is the place that writes colour i."""
        self.check_ids(codes)
        maps = AttentionMaps()
        self(codes, maps)
        return torch.stack(maps.self_attention)
