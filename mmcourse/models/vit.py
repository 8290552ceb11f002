"""The vision transformer (Dosovitskiy et al., 2021): pictures in, classes out. Derived in :ref:`sec-05-vit`."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn

from mmcourse.base import Model, ModelConfig
from mmcourse.checks import choose, picture_size, real, tensor, whole
from mmcourse.tokens.cnn import ResNetTokens
from mmcourse.tokens.images import (
    PIXELS,
    Normalise,
    Preprocessing,
    check_images,
    check_pixels,
    check_preprocessing,
    preprocess,
)
from mmcourse.tokens.patches import PatchEmbedding
from mmcourse.tokens.pixels import PixelTokens
from mmcourse.tokens.positions import KINDS, Positions
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
        image_size: side of square pictures in pixels, or (height, width).
        patch_size: P; must divide both sides (only for ``tokens="patches"``).
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

    image_size: int | tuple[int, int] = 224
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
        object.__setattr__(self, "image_size", picture_size("image_size", self.image_size))
        for name, least in {"patch_size": 1, "channels": 1, "classes": 0, "features": 1}.items():
            whole(name, getattr(self, name), least)
        real("position_std", self.position_std)
        choose("tokens", self.tokens, ("patches", "pixels", "resnet"))
        choose("positions", self.positions, KINDS)
        choose("pool", self.pool, ("class", "mean"))
        height, width = self.size
        if self.tokens == "patches" and (height % self.patch_size or width % self.patch_size):
            raise ValueError(
                f"pictures of {height} x {width} pixels cannot be cut into {self.patch_size} x {self.patch_size} "
                f"patches; choose a P that divides both sides."
            )
        check_preprocessing(self.preprocessing, self.channels)
        self.transformer()

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the pictures."""
        return self.image_size if isinstance(self.image_size, tuple) else (self.image_size, self.image_size)

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
        return self.tokens.grid(*self.config.size)

    def embed(self, images: Tensor) -> Tensor:
        """Z_0 with the class token in front and E_pos added: (B, C, H, W) -> (B, N, D).

        Pictures of another size than the configured one are read too: learned positions are interpolated.
        """
        check_images(images, self.config.channels, self.tokens.project.weight)
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
        if self.class_token is not None:
            return self.head(self.encoder(self.embed(images), wanted=1)[:, 0])
        return self.head(self.features(images).mean(1))

    def preprocess(self, pictures: Any) -> Tensor:
        """Any pictures, as :func:`~mmcourse.tokens.images.preprocess` takes them, -> (B, C, H, W) for this model."""
        weight = self.tokens.project.weight
        c = self.config
        return preprocess(pictures, c.preprocessing, c.size, c.channels).to(weight.device, weight.dtype)

    @torch.no_grad()
    def predict(self, pictures: Any) -> Tensor:
        """Probabilities of the classes, (B, classes), for whatever pictures :meth:`preprocess` takes."""
        return self(self.preprocess(pictures)).softmax(-1)

    @torch.no_grad()
    def attention_maps(self, images: Tensor) -> Tensor:
        """Attention weights of every layer and head, (L, B, H, N, N); each row sums to 1. See :ref:`sec-05-maps`."""
        check_pixels(images)
        maps = AttentionMaps()
        self.features(images, maps)
        return torch.stack(maps.self_attention)

    def with_classes(self, classes: int) -> ViT:
        """A copy with a fresh head for another number of classes, of the same type and on the same device."""
        weight = self.tokens.project.weight
        other = ViT(dataclasses.replace(self.config, classes=classes)).to(weight.device, weight.dtype)
        state = {k: v for k, v in self.state_dict().items() if not k.startswith("head.")}
        other.load_state_dict(state, strict=False)
        return other.train(self.training)


def attention_rollout(maps: Tensor, residual: float = 0.5) -> Tensor:
    """How much each token of the input flows into each token of the output, layers multiplied together.

    Abnar & Zuidema (2020), section 3: the residual path is half of each layer. See :ref:`sec-05-maps`.

    Args:
        maps: (L, B, H, N, N) from :meth:`ViT.attention_maps`.
        residual: share of the residual path.

    Returns:
        (B, N, N); each row sums to 1.
    """
    tensor("maps", maps, floating=True)
    real("residual", residual, 0.0)
    if maps.dim() != 5 or maps.shape[-1] != maps.shape[-2]:
        raise ValueError(f"maps have shape {tuple(maps.shape)}; attention_maps gives (L, B, H, N, N).")
    identity = torch.eye(maps.shape[-1], dtype=maps.dtype, device=maps.device)
    flow = identity.expand(maps.shape[1], -1, -1)
    for layer in maps.mean(2):
        flow = (residual * identity + (1 - residual) * layer) @ flow
    return flow
