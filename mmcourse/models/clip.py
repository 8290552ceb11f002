"""CLIP (Radford et al., 2021): pictures and texts as vectors of one space. Derived in :ref:`sec-12-training`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmcourse.base import Model, ModelConfig
from mmcourse.checks import picture_size, real, tensor, whole
from mmcourse.tokens.images import Normalise, Preprocessing, check_images, check_preprocessing, preprocess
from mmcourse.tokens.patches import PatchEmbedding
from mmcourse.tokens.positions import Positions
from mmcourse.tokens.text import CaptionTokenizer, caption_tokenizer
from mmcourse.transformer import Attention, AttentionMaps, Decoder, Encoder, TransformerConfig

PICTURES = Preprocessing(
    (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711), "crop", interpolation="bicubic"
)
"""What all published models were trained on: openai/CLIP, ``clip.py``."""

MOST = math.log(100)  # the scale never grows above 100 (Radford et al., 2021, section 2.5)
STRIDE = 32  # pixels that one place of the ResNet's last map stands for
EXPANSION = 4  # channels after a bottleneck, for each inside it
PROMPTS = ("a photo of a {}.",)
"""The paper's own default (section 3.1.4)."""

# Shared width, picture, blocks of the ResNet's stages, their first width, width of the text (table 19).
RESNETS = {
    "rn50": (1024, 224, (3, 4, 6, 3), 64, 512),
    "rn101": (512, 224, (3, 4, 23, 3), 64, 512),
    "rn50x4": (640, 288, (4, 6, 10, 6), 80, 640),
    "rn50x16": (768, 384, (6, 8, 18, 8), 96, 768),
    "rn50x64": (1024, 448, (3, 15, 36, 10), 128, 1024),
}
# Shared width, picture, patch, width and layers of the vision transformer, width of the text (table 20).
TRANSFORMERS = {
    "vit-b/32": (512, 224, 32, 768, 12, 512),
    "vit-b/16": (512, 224, 16, 768, 12, 512),
    "vit-l/14": (768, 224, 14, 1024, 24, 768),
    "vit-l/14@336": (768, 336, 14, 1024, 24, 768),
}


def published_sizes() -> dict[str, dict[str, object]]:
    """The fields of each published size, from ``clip-rn50`` to ``clip-vit-l/14@336``; every head has 64 numbers."""

    def reading(width: int) -> dict[str, object]:
        return {"text_width": width, "text_heads": width // 64, "text_mlp": 4 * width}

    found: dict[str, dict[str, object]] = {}
    for name, (embed, side, stages, width, text) in RESNETS.items():
        heads = width * 2 ** (len(stages) - 1) * EXPANSION // 64
        found[name] = {"embed": embed, "image_size": side, "resnet_layers": stages, "vision_width": width}
        found[name] |= {"vision_heads": heads, **reading(text)}
    for name, (embed, side, patch, width, layers, text) in TRANSFORMERS.items():
        found[name] = {"embed": embed, "image_size": side, "patch_size": patch, "vision_width": width}
        found[name] |= {"vision_layers": layers, "vision_heads": width // 64, "vision_mlp": 4 * width, **reading(text)}
    return {f"clip-{name}": fields for name, fields in found.items()}


@dataclass(frozen=True)
class CLIPConfig(ModelConfig):
    """What a CLIP needs to be built; the defaults are those of the published ``vit-b/32``.

    Args:
        embed: E, width of the space that pictures and texts share.
        image_size: side of square pictures in pixels, or (height, width).
        channels: Number of channels, C.
        patch_size: P of the vision transformer.
        resnet_layers: blocks of the four stages of a ResNet, which then stands in place of the vision transformer.
        vision_width: Width of a token, D; of a ResNet the channels inside its first stage.
        vision_layers, vision_mlp: of the vision transformer.
        vision_heads: of the vision transformer, or of the attention that reads the ResNet's last map.
        vision_activation: of the vision transformer's MLPs. Published by OpenAI: ``"quick_gelu"``.
        text_context: the most ids that a text has.
        vocab_size: K, pieces of text, then the start, and last the end.
        text_width, text_layers, text_heads, text_mlp, text_activation: of the half that reads text.
        epsilon: of every LayerNorm.
        dropout: on every sub-layer's output of both transformers.
        eot: the id whose first place in a text is read; None for the place of the largest id, as OpenAI reads it.
        merges: of the byte-level BPE, where the vocabulary is not the published one.
        temperature: at the start of training; logits are cosines divided by it.
        logit_bias: start of a learned number added to all logits, for the sigmoid loss (-10 in Zhai et al., 2023);
            None for none.
        preprocessing: what pixels mean to the model: mean, standard deviation, resize.
    """

    embed: int = 512
    image_size: int | tuple[int, int] = 224
    channels: int = 3
    patch_size: int = 32
    resnet_layers: tuple[int, ...] = ()
    vision_width: int = 768
    vision_layers: int = 12
    vision_heads: int = 12
    vision_mlp: int = 3072
    vision_activation: Literal["gelu", "gelu_tanh", "quick_gelu"] = "quick_gelu"
    text_context: int = 77
    vocab_size: int = 49408
    text_width: int = 512
    text_layers: int = 12
    text_heads: int = 8
    text_mlp: int = 2048
    text_activation: Literal["gelu", "gelu_tanh", "quick_gelu"] = "quick_gelu"
    epsilon: float = 1e-5
    dropout: float = 0.0
    eot: int | None = None
    merges: tuple[str, ...] = ()
    temperature: float = 0.07
    logit_bias: float | None = None
    preprocessing: Preprocessing = PICTURES

    PRESETS: ClassVar[dict[str, dict[str, object]]] = published_sizes()

    def __post_init__(self) -> None:
        object.__setattr__(self, "image_size", picture_size("image_size", self.image_size))
        for name, least in {"embed": 1, "channels": 1, "patch_size": 1, "text_context": 2, "vocab_size": 3}.items():
            whole(name, getattr(self, name), least)
        for name, kind in (("resnet_layers", int), ("merges", str)):
            given = getattr(self, name)
            if not isinstance(given, list | tuple) or any(type(one) is not kind for one in given):
                raise ValueError(f"{name} is {given!r:.60}; give a tuple of {kind.__name__}, or an empty one.")
            object.__setattr__(self, name, tuple(given))
        if self.eot is not None:
            whole("eot", self.eot, 0)
        real("temperature", self.temperature, 1 / 100)
        if self.logit_bias is not None:
            real("logit_bias", self.logit_bias, -math.inf, above=True)
        check_preprocessing(self.preprocessing, self.channels)
        height, width = self.size
        side = STRIDE if self.resnet_layers else self.patch_size
        if height % side or width % side:
            raise ValueError(
                f"pictures of {height} x {width} pixels cannot be cut into {side} x {side} patches; choose a size that "
                f"{side} divides."
            )
        if self.resnet_layers:
            if len(self.resnet_layers) != 4 or min(self.resnet_layers) < 1:
                raise ValueError(f"resnet_layers are {self.resnet_layers}; give four numbers of at least 1.")
            if self.vision_width < 2 or self.vision_width % 2:
                raise ValueError(f"vision_width {self.vision_width}: the stem has half of it; choose an even one.")
        self.vision()
        self.text()

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the pictures."""
        return self.image_size if isinstance(self.image_size, tuple) else (self.image_size, self.image_size)

    def vision(self) -> TransformerConfig:
        """The half that sees; of a ResNet the one layer of attention at its end."""
        width, layers, mlp = self.vision_width, self.vision_layers, self.vision_mlp
        if self.resnet_layers:
            whole("vision_width", width)
            width, layers, mlp = width * 2 ** (len(self.resnet_layers) - 1) * EXPANSION, 1, 1
        return TransformerConfig(
            width, self.vision_heads, layers, mlp, self.vision_activation, epsilon=self.epsilon, dropout=self.dropout
        )

    def text(self) -> TransformerConfig:
        """The half that reads."""
        return TransformerConfig(
            self.text_width, self.text_heads, self.text_layers, self.text_mlp, self.text_activation,
            epsilon=self.epsilon, dropout=self.dropout,
        )  # fmt: skip


class Pairs(NamedTuple):
    """Pictures and texts as vectors of length 1, and what makes logits of their cosines.

    Attributes:
        images: (B, E).
        texts: (M, E).
        scale: (), one over the temperature.
        bias: (), or None where there is none.
    """

    images: Tensor
    texts: Tensor
    scale: Tensor
    bias: Tensor | None = None

    def logits(self) -> Tensor:
        """How well each picture fits each text, (B, M)."""
        logits = self.scale * self.images @ self.texts.T
        return logits if self.bias is None else logits + self.bias


class VisionTransformer(nn.Module):
    """A ViT whose tokens are normed before the first block too, and whose class token goes on to the shared space.

    Radford et al. (2021), section 2.4. The patches' projection and the last one have no bias.
    """

    def __init__(self, config: CLIPConfig) -> None:
        super().__init__()
        c, spread = config, config.vision_width**-0.5
        self.tokens = PatchEmbedding(c.patch_size, c.channels, c.vision_width, bias=False)
        self.class_token = nn.Parameter(spread * torch.randn(c.vision_width))
        grid = self.tokens.grid(*c.size)
        self.positions = Positions("learned", grid, c.vision_width, prefix=1, std=spread)
        self.first_norm = nn.LayerNorm(c.vision_width, c.epsilon)
        self.encoder = Encoder(c.vision())
        self.project = nn.Linear(c.vision_width, c.embed, bias=False)
        nn.init.normal_(self.project.weight, std=spread)

    @property
    def weight(self) -> Tensor:
        """What the first layer holds: its type and device are the model's."""
        return self.tokens.project.weight

    def forward(self, images: Tensor, maps: AttentionMaps | None = None) -> Tensor:
        """(B, C, H, W), normalised, -> (B, E)."""
        x = self.tokens(images)
        x = torch.cat([self.class_token.expand(len(x), 1, -1), x], dim=1)
        x = self.first_norm(self.positions(x, self.tokens.grid(*images.shape[-2:])))
        return self.project(self.encoder(x, maps=maps, wanted=1)[:, 0])


class Bottleneck(nn.Module):
    """Convolutions of 1 x 1, 3 x 3 and 1 x 1 on a residual path; pixels are averaged where ResNet would step over them.

    He et al. (2016), section 4.1, with the anti-aliasing of Zhang (2019) as in openai/CLIP's ``model.py``.
    """

    def __init__(self, channels: int, width: int, stride: int) -> None:
        super().__init__()
        out = EXPANSION * width
        self.first, self.first_norm = nn.Conv2d(channels, width, 1, bias=False), nn.BatchNorm2d(width)
        self.second, self.second_norm = nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width)
        self.third, self.third_norm = nn.Conv2d(width, out, 1, bias=False), nn.BatchNorm2d(out)
        self.pool = nn.AvgPool2d(stride) if stride > 1 else nn.Identity()
        changes = stride > 1 or channels != out
        self.shortcut = nn.Conv2d(channels, out, 1, bias=False) if changes else nn.Identity()
        self.shortcut_norm = nn.BatchNorm2d(out) if changes else nn.Identity()
        nn.init.zeros_(self.third_norm.weight)  # each block begins as the identity

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels, H, W) -> (B, 4 width, H / stride, W / stride)."""
        z = F.relu(self.first_norm(self.first(x)))
        z = self.pool(F.relu(self.second_norm(self.second(z))))
        return F.relu(self.third_norm(self.third(z)) + self.shortcut_norm(self.shortcut(self.pool(x))))


class ResNet(nn.Module):
    """The modified ResNet: three convolutions in the stem, averages for strides, attention for the last pooling.

    Radford et al. (2021), section 2.4. Attention's one query is the mean of the map.
    """

    def __init__(self, config: CLIPConfig) -> None:
        super().__init__()
        width = config.vision_width
        half = width // 2
        self.stem = nn.Sequential(
            nn.Conv2d(config.channels, half, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(half), nn.ReLU(),
            nn.Conv2d(half, half, 3, padding=1, bias=False), nn.BatchNorm2d(half), nn.ReLU(),
            nn.Conv2d(half, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU(),
            nn.AvgPool2d(2),
        )  # fmt: skip
        self.stages, channels = nn.ModuleList(), width
        for stage, blocks in enumerate(config.resnet_layers):
            inside = width * 2**stage
            strides = [1 if stage == 0 else 2] + [1] * (blocks - 1)
            widths = [channels] + [EXPANSION * inside] * (blocks - 1)
            pairs = zip(widths, strides, strict=True)
            self.stages.append(nn.Sequential(*(Bottleneck(given, inside, stride) for given, stride in pairs)))
            channels = EXPANSION * inside
        grid = (config.size[0] // STRIDE, config.size[1] // STRIDE)
        self.positions = Positions("learned", grid, channels, prefix=1, std=channels**-0.5)
        self.pool = Attention(config.vision())
        self.pool.out = nn.Linear(channels, config.embed)
        for layer in (self.pool.query, self.pool.key, self.pool.value, self.pool.out):
            nn.init.normal_(layer.weight, std=channels**-0.5)

    @property
    def weight(self) -> Tensor:
        """What the first layer holds: its type and device are the model's."""
        return self.stem[0].weight  # type: ignore[return-value]

    def features(self, images: Tensor) -> Tensor:
        """(B, C, H, W), normalised, -> the last map, (B, 32 D, H / 32, W / 32)."""
        x = self.stem(images)
        for stage in self.stages:
            x = stage(x)
        return x

    def forward(self, images: Tensor, maps: AttentionMaps | None = None) -> Tensor:
        """(B, C, H, W), normalised, -> (B, E)."""
        features = self.features(images)
        x = features.flatten(2).mT
        x = self.positions(torch.cat([x.mean(1, keepdim=True), x], dim=1), (features.shape[2], features.shape[3]))
        read, collected = self.pool.keys_values(x), None if maps is None else maps.self_attention
        return self.pool(self.pool.queries(x[:, :1]), read, maps=collected)[:, 0]


class TextTransformer(nn.Module):
    """Pieces of text, positions, a decoder without a memory; the end of the text goes on to the shared space.

    Radford et al. (2021), section 2.4.
    """

    def __init__(self, config: CLIPConfig) -> None:
        super().__init__()
        c = config
        self.eot = c.eot
        self.embedding = nn.Embedding(c.vocab_size, c.text_width)
        self.positions = nn.Parameter(0.01 * torch.randn(c.text_context, c.text_width))
        self.decoder = Decoder(c.text())
        self.project = nn.Linear(c.text_width, c.embed, bias=False)
        nn.init.normal_(self.embedding.weight, std=0.02)
        nn.init.normal_(self.project.weight, std=c.text_width**-0.5)

    def forward(self, ids: Tensor, maps: AttentionMaps | None = None) -> Tensor:
        """(B, N) int64 -> (B, E); what comes after the end changes nothing."""
        x = self.decoder(self.embedding(ids) + self.positions[: ids.shape[1]], maps=maps)
        end = (ids if self.eot is None else (ids == self.eot).int()).argmax(1)  # the first place of the largest
        return self.project(x.gather(1, end[:, None, None].expand(-1, 1, x.shape[2]))[:, 0])


class CLIP(Model):
    """Two towers that end in one space, where a picture and its text shall lie near each other.

    Radford et al. (2021), figure 3; derived in :ref:`sec-12-training`. The loss is
    :class:`mmcourse.training.Contrastive`; many pictures are searched by :mod:`mmcourse.retrieval`.

    Args:
        config: sizes and choices.
    """

    config_class = CLIPConfig
    config: CLIPConfig

    def __init__(self, config: CLIPConfig) -> None:
        super().__init__(config)
        c = config
        self.normalise = Normalise(c.preprocessing, c.channels)
        self.vision: VisionTransformer | ResNet = ResNet(c) if c.resnet_layers else VisionTransformer(c)
        self.text = TextTransformer(c)
        self.logit_scale = nn.Parameter(torch.tensor(-math.log(c.temperature)))
        self.logit_bias = None if c.logit_bias is None else nn.Parameter(torch.tensor(float(c.logit_bias)))

    @property
    def tokenizer(self) -> CaptionTokenizer:
        """Its own byte-level BPE, or the published vocabulary where one is installed.

        Raises:
            VocabularyError: the vocabulary is the published one and not installed, or unknown.
        """
        return caption_tokenizer(self.config.merges, self.config.vocab_size, self.config.text_context)

    def encode_images(self, images: Tensor, maps: AttentionMaps | None = None) -> Tensor:
        """Pictures as vectors of length 1: (B, C, H, W) -> (B, E).

        Args:
            images: pixels in [0, 1]; pictures of another size than the configured one are read too: positions are
                interpolated.
            maps: collects attention weights.
        """
        check_images(images, self.config.channels, self.vision.weight)
        return F.normalize(self.vision(self.normalise(images), maps), dim=-1)

    def encode_texts(self, ids: Tensor, maps: AttentionMaps | None = None) -> Tensor:
        """Texts as vectors of length 1: (B, N) int64 -> (B, E).

        Args:
            ids: start, pieces, end, and any filling after it, as :meth:`tokenize` gives them.
            maps: collects attention weights.

        Raises:
            ValueError: another shape or type, or more ids than the context has.
        """
        tensor("ids", ids)
        if ids.dim() != 2 or ids.dtype != torch.long or not 0 < ids.shape[1] <= self.config.text_context:
            raise ValueError(
                f"ids are {ids.dtype} {tuple(ids.shape)}; give int64 (B, N), {self.config.text_context} a row at most."
            )
        return F.normalize(self.text(ids, maps), dim=-1)

    def forward(self, images: Tensor, ids: Tensor) -> Pairs:
        """Both towers: pictures (B, C, H, W) in [0, 1] and ids (M, N) int64 -> vectors (B, E) and (M, E).

        In training the scale is first brought back to 100 at most, as after each published step.
        """
        if self.training:
            with torch.no_grad():
                self.logit_scale.clamp_(max=MOST)
        return Pairs(self.encode_images(images), self.encode_texts(ids), self.logit_scale.exp(), self.logit_bias)

    def preprocess(self, pictures: Any) -> Tensor:
        """Any pictures, as :func:`~mmcourse.tokens.images.preprocess` takes them, -> (B, C, H, W) for this model."""
        c, weight = self.config, self.vision.weight
        return preprocess(pictures, c.preprocessing, c.size, c.channels).to(weight.device, weight.dtype)

    def tokenize(self, texts: str | Sequence[str], *, cut: bool = False) -> Tensor:
        """Texts as ids (B, N) where the model is; see :class:`~mmcourse.tokens.text.CaptionTokenizer`."""
        return self.tokenizer(texts, cut=cut).to(self.vision.weight.device)

    @torch.no_grad()
    def match(self, pictures: Any, texts: str | Sequence[str]) -> Tensor:
        """How well each of some pictures fits each of some texts: logits (B, M); a softmax over M chooses a text.

        Args:
            pictures: whatever :meth:`preprocess` takes.
            texts: any, not only classes.
        """
        return self(self.preprocess(pictures), self.tokenize(texts)).logits()

    @torch.no_grad()
    def classifier(self, classes: Sequence[str], prompts: Sequence[str] = PROMPTS) -> Tensor:
        """A classifier made of names: for each the mean of its prompts' vectors, at length 1, (classes, E).

        Radford et al. (2021), section 3.1.4; derived in :ref:`sec-12-zero-shot`.

        Args:
            classes: their names.
            prompts: sentences with ``{}`` where the name stands.

        Raises:
            ValueError: no class or prompt, or a prompt without a place for the name.
        """
        for what, given in (("classes", classes), ("prompts", prompts)):
            if not isinstance(given, list | tuple) or not given or not all(isinstance(one, str) for one in given):
                raise ValueError(f"{what} are {given!r:.60}; give a list of texts, at least one.")
        missing = next((prompt for prompt in prompts if "{}" not in prompt), None)
        if missing is not None:
            raise ValueError(f"prompt {missing!r} has no place for a name; write {{}} there.")
        found = [self.encode_texts(self.tokenize([p.replace("{}", one) for p in prompts])).mean(0) for one in classes]
        return F.normalize(torch.stack(found), dim=-1)

    @torch.no_grad()
    def classify(self, pictures: Any, classes: Sequence[str], prompts: Sequence[str] = PROMPTS) -> Tensor:
        """Zero-shot: probabilities of classes that are only named, (B, classes).

        Args:
            pictures: whatever :meth:`preprocess` takes.
            classes: their names.
            prompts: as for :meth:`classifier`.
        """
        images = self.encode_images(self.preprocess(pictures))
        return (self.logit_scale.exp() * images @ self.classifier(classes, prompts).T).softmax(-1)
