"""The vision transformer (Dosovitskiy et al., 2021): pictures in, classes out. Derived in :ref:`sec-05-vit`."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from mmcourse.base import Model, ModelConfig
from mmcourse.tokens.cnn import ResNetTokens
from mmcourse.tokens.images import PIXELS, Normalise, Preprocessing
from mmcourse.tokens.patches import PatchEmbedding
from mmcourse.tokens.pixels import PixelTokens
from mmcourse.tokens.positions import Positions
from mmcourse.transformer import AttentionMaps, Encoder, TransformerConfig

SIZES = {  # width, layers, heads, mlp (Dosovitskiy et al., 2021, table 1; Ti and S: Touvron et al., 2021, table 1)
    "ti": (192, 12, 3, 768),
    "s": (384, 12, 6, 1536),
    "b": (768, 12, 12, 3072),
    "l": (1024, 24, 16, 4096),
    "h": (1280, 32, 16, 5120),
}


@dataclass(frozen=True)
class ViTConfig(ModelConfig):
    """What a ViT needs to be built. Sizes and results of the published ones: :ref:`sec-05-sizes`.

    Args:
        image_size: side of the square pictures, in pixels.
        patch_size: P; must divide the side (only for ``tokens="patches"``).
        channels: Number of channels, C.
        classes: number of classes; 0 for a model without a head, whose output is the summary (B, D).
        width: Width of a token, D.
        layers: Number of blocks, L.
        heads: Number of heads, H.
        mlp: hidden units of each block's MLP.
        tokens: what becomes a token: ``"patches"``, ``"pixels"`` (chapter 1) or ``"resnet"`` (chapter 3).
        positions: ``"learned"``, ``"sinusoidal_1d"``, ``"sinusoidal_2d"`` or ``"none"`` (chapter 4).
        position_std: spread of the learned table at the start. The published 0.02 is small beside a token, and a model
            that trains for minutes, not days, finds the positions sooner from a wider start.
        pool: what the head reads: the ``"class"`` token, or the ``"mean"`` of all (then no class token).
        features: channels of the narrow ResNet's first stage (only for ``tokens="resnet"``).
        epsilon: of every LayerNorm.
        dropout: on every sub-layer's output.
        preprocessing: what pixels mean to the model: mean, standard deviation, resize.
    """

    image_size: int = 224
    patch_size: int = 16
    channels: int = 3
    classes: int = 1000
    width: int = 768
    layers: int = 12
    heads: int = 12
    mlp: int = 3072
    tokens: Literal["patches", "pixels", "resnet"] = "patches"
    positions: Literal["learned", "sinusoidal_1d", "sinusoidal_2d", "none"] = "learned"
    position_std: float = 0.02
    pool: Literal["class", "mean"] = "class"
    features: int = 64
    epsilon: float = 1e-6
    dropout: float = 0.0
    preprocessing: Preprocessing = PIXELS

    PRESETS: ClassVar[dict[str, dict[str, object]]] = {
        f"vit-{size}/{p}": {"width": w, "layers": n, "heads": h, "mlp": m, "patch_size": p}
        for size, (w, n, h, m) in SIZES.items()
        for p in (14, 16, 32)
    }

    def __post_init__(self) -> None:
        choices = {
            "tokens": ("patches", "pixels", "resnet"),
            "positions": ("learned", "sinusoidal_1d", "sinusoidal_2d", "none"),
            "pool": ("class", "mean"),
        }
        for name, allowed in choices.items():
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name} {getattr(self, name)!r} is unknown; choose one of {', '.join(allowed)}.")
        if self.tokens == "patches" and (self.patch_size < 1 or self.image_size % self.patch_size):
            raise ValueError(
                f"pictures of {self.image_size} x {self.image_size} pixels cannot be cut into {self.patch_size} x "
                f"{self.patch_size} patches; choose a P that divides {self.image_size}."
            )

    def transformer(self) -> TransformerConfig:
        """The part that stays."""
        return TransformerConfig(
            self.width, self.heads, self.layers, self.mlp, epsilon=self.epsilon, dropout=self.dropout
        )


class ViT(Model):
    """Tokens, a class token, positions, a transformer encoder, a linear head.

    Dosovitskiy et al. (2021), equations 1 to 4; derived in :ref:`sec-05-vit`.

    Args:
        config: sizes and choices.
    """

    config_class = ViTConfig
    config: ViTConfig

    def __init__(self, config: ViTConfig) -> None:
        super().__init__(config)
        c = config
        self.normalise = Normalise(c.preprocessing, c.channels)
        if c.tokens == "pixels":
            self.tokens: PixelTokens | PatchEmbedding | ResNetTokens = PixelTokens(c.channels, c.width)
        elif c.tokens == "patches":
            self.tokens = PatchEmbedding(c.patch_size, c.channels, c.width)
        else:
            self.tokens = ResNetTokens(c.channels, c.width, c.features)
        self.class_token = nn.Parameter(torch.zeros(1, 1, c.width)) if c.pool == "class" else None
        prefix = int(c.pool == "class")
        self.positions = Positions(c.positions, self.grid, c.width, prefix=prefix, std=c.position_std)
        self.encoder = Encoder(c.transformer())
        self.head = nn.Linear(c.width, c.classes) if c.classes else nn.Identity()
        if isinstance(self.head, nn.Linear):
            nn.init.zeros_(self.head.weight)
            nn.init.zeros_(self.head.bias)

    @property
    def grid(self) -> tuple[int, int]:
        """Rows and columns of tokens of a picture of the configured size."""
        return self.tokens.grid(self.config.image_size, self.config.image_size)

    def embed(self, images: Tensor) -> Tensor:
        """Z_0 with the class token in front and E_pos added: (B, C, H, W) -> (B, N, D).

        Pictures of another size than the configured one are read too: learned positions are interpolated.
        """
        x = self.tokens(self.normalise(images))
        if self.class_token is not None:
            x = torch.cat([self.class_token.expand(len(x), -1, -1), x], dim=1)
        return self.positions(x, self.tokens.grid(*images.shape[-2:]))

    def features(self, images: Tensor, maps: AttentionMaps | None = None) -> Tensor:
        """Z_L, every token after the last norm: (B, C, H, W) -> (B, N, D); the class token is token 0."""
        return self.encoder(self.embed(images), maps=maps)

    def forward(self, images: Tensor) -> Tensor:
        """Classify pictures.

        Args:
            images: (B, C, H, W), pixels in [0, 1] for the course's checkpoints.

        Returns:
            Logits (B, classes), read from the class token Z_L^0, or from the mean of the tokens.
        """
        x = self.features(images)
        return self.head(x[:, 0] if self.class_token is not None else x.mean(1))

    @torch.no_grad()
    def attention_maps(self, images: Tensor) -> Tensor:
        """Attention weights of every layer and head, (L, B, H, N, N); each row sums to 1. See :ref:`sec-05-maps`."""
        maps = AttentionMaps()
        self.features(images, maps)
        return torch.stack(maps.self_attention)

    def with_classes(self, classes: int) -> ViT:
        """A copy with a fresh head for another number of classes: the start of fine-tuning."""
        other = ViT(dataclasses.replace(self.config, classes=classes))
        state = {k: v for k, v in self.state_dict().items() if not k.startswith("head.")}
        other.load_state_dict(state, strict=False)
        return other


def attention_rollout(maps: Tensor, residual: float = 0.5) -> Tensor:
    """How much each token of the input flows into each token of the output, layers multiplied together.

    Abnar & Zuidema (2020), section 3: the residual path is half of each layer. See :ref:`sec-05-maps`.

    Args:
        maps: (L, B, H, N, N) from :meth:`ViT.attention_maps`.
        residual: share of the residual path.

    Returns:
        (B, N, N); each row sums to 1.
    """
    if maps.dim() != 5 or maps.shape[-1] != maps.shape[-2]:
        raise ValueError(f"maps have shape {tuple(maps.shape)}; attention_maps gives (L, B, H, N, N).")
    identity = torch.eye(maps.shape[-1], dtype=maps.dtype, device=maps.device)
    flow = identity.expand(maps.shape[1], -1, -1)
    for layer in maps.mean(2):
        flow = (residual * identity + (1 - residual) * layer) @ flow
    return flow
