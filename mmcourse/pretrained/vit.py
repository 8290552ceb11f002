"""ViT as transformers and timm publish it (Dosovitskiy et al., 2021)."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from functools import partial
from typing import Any, ClassVar

from torch import Tensor, nn

from mmcourse.checkpoint import CheckpointError
from mmcourse.models import ViT, ViTConfig
from mmcourse.pretrained.convert import BATCHED, Converter, Layout, Row, build, name_there, pair, read, readable, write
from mmcourse.tokens.images import PIXELS, Preprocessing
from mmcourse.tokens.patches import convolution_to_linear, linear_to_convolution

#: The kernel of a strided convolution; its bias is as everywhere.
KERNEL = Layout(
    lambda t: convolution_to_linear(t) if t.dim() == 4 else t,
    lambda t, config: linear_to_convolution(t, config.patch_size, config.channels) if t.dim() == 2 else t,
)

# Files and version 5 in memory name the same layer differently; the file's name stands first.
TRANSFORMERS = (
    Row("class_token", "embeddings.cls_token"),
    Row("positions.table", "embeddings.position_embeddings", BATCHED),
    Row("tokens.project", "embeddings.patch_embeddings.projection", KERNEL),
    *(
        Row(f"encoder.blocks.{{}}.{ours}", (f"encoder.layer.{{}}.{file}", f"layers.{{}}.{memory}"))
        for ours, file, memory in (
            ("self_attention_norm", "layernorm_before", "layernorm_before"),
            ("self_attention.query", "attention.attention.query", "attention.q_proj"),
            ("self_attention.key", "attention.attention.key", "attention.k_proj"),
            ("self_attention.value", "attention.attention.value", "attention.v_proj"),
            ("self_attention.out", "attention.output.dense", "attention.o_proj"),
            ("mlp_norm", "layernorm_after", "layernorm_after"),
            ("mlp.up", "intermediate.dense", "mlp.fc1"),
            ("mlp.down", "output.dense", "mlp.fc2"),
        )
    ),
    Row("encoder.norm", "layernorm"),
    Row("head", "classifier"),
)
TIMM = (
    Row("class_token", "cls_token"),
    Row("positions.table", "pos_embed", BATCHED),
    Row("tokens.project", "patch_embed.proj", KERNEL),
    Row("encoder.blocks.{}.self_attention_norm", "blocks.{}.norm1"),
    Row(
        tuple(f"encoder.blocks.{{}}.self_attention.{part}" for part in ("query", "key", "value")),
        "blocks.{}.attn.qkv",
    ),
    Row("encoder.blocks.{}.self_attention.out", "blocks.{}.attn.proj"),
    Row("encoder.blocks.{}.mlp_norm", "blocks.{}.norm2"),
    Row("encoder.blocks.{}.mlp.up", "blocks.{}.mlp.fc1"),
    Row("encoder.blocks.{}.mlp.down", "blocks.{}.mlp.fc2"),
    Row("encoder.norm", "norm"),
    Row("head", "head"),
)
RESAMPLE = {2: "bilinear", 3: "bicubic"}  # Pillow's numbers


def preprocessing(processor: Mapping[str, Any], size: tuple[int, int]) -> Preprocessing:
    """What transformers' ViTImageProcessor (once ViTFeatureExtractor) does, for pixels in [0, 1].

    Args:
        processor: its fields, as in ``preprocessor_config.json``.
        size: height and width that the model reads.

    Raises:
        CheckpointError: another size than the model's, or a step that this package does not know.
    """
    get = processor.get
    if get("do_center_crop"):
        raise CheckpointError("the image processor crops pictures after it has resized them; this ViT only resizes.")
    resample = get("resample", 2)
    if resample not in RESAMPLE:
        raise CheckpointError(f"the image processor resizes with Pillow's filter {resample}; 2 or 3 is read here.")
    if get("do_resize", True):
        wanted = get("size", size)
        wanted = (wanted.get("height"), wanted.get("width")) if isinstance(wanted, Mapping) else pair(wanted)
        if wanted != size:
            raise CheckpointError(f"the image processor resizes to {wanted}, the model reads {size} (height, width).")
    # Their pixels are bytes times a factor; ours are bytes / 255.
    factor = 255 * float(get("rescale_factor", 1 / 255)) if get("do_rescale", True) else 255.0
    factor = 1.0 if math.isclose(factor, 1.0) else factor
    normalise = get("do_normalize", True)
    mean, std = (get("image_mean", [0.5] * 3), get("image_std", [0.5] * 3)) if normalise else ([0.0], [1.0])
    return Preprocessing(
        tuple(value / factor for value in mean),
        tuple(value / factor for value in std),
        resize="stretch" if get("do_resize", True) else None,
        interpolation=RESAMPLE[resample],  # type: ignore[arg-type]
    )


def processor_of(p: Preprocessing, kind: str, size: tuple[int, int], channels: int) -> dict[str, Any]:
    """The way back of :func:`preprocessing`: the fields of an image processor of transformers.

    Raises:
        CheckpointError: pictures are cut, which this processor does not do.
    """
    if p.resize == "crop":
        raise CheckpointError(f"the model's pictures are resized and cut; {kind} only resizes.")
    every = {name: list(v) * (channels if len(v) == 1 else 1) for name, v in (("mean", p.mean), ("std", p.std))}
    return {
        "image_processor_type": kind,
        "do_resize": p.resize is not None,
        "size": {"height": size[0], "width": size[1]},
        "resample": next(number for number, name in RESAMPLE.items() if name == p.interpolation),
        "do_rescale": True,
        "rescale_factor": 1 / 255,
        "do_normalize": True,
        "image_mean": every["mean"],
        "image_std": every["std"],
    }


def _published_kind(model: ViT) -> None:
    c = model.config
    if (c.tokens, c.positions, c.pool) != ("patches", "learned", "class"):
        raise CheckpointError(
            f"published ViTs have patches, learned positions and a class token; this one has tokens={c.tokens!r}, "
            f"positions={c.positions!r}, pool={c.pool!r}."
        )


class ViTConverter(Converter):
    """``ViTForImageClassification``, and ``ViTModel``, which has no head."""

    model = ViT
    classes = ("ViTForImageClassification", "ViTModel")
    model_type = "vit"
    rows = TRANSFORMERS
    prefix = "vit."
    heads = ("classifier.",)
    bare = ("ViTModel",)
    bare_options: ClassVar[Mapping[str, Any]] = {"add_pooling_layer": False}
    ignored = ("pooler.",)

    def config(
        self, theirs: Mapping[str, Any], processor: Mapping[str, Any] | None, ours: dict[str, Tensor]
    ) -> ViTConfig:
        """Our configuration from theirs."""
        if theirs.get("hidden_act", "gelu") != "gelu":
            raise CheckpointError(f"ViT uses exact GELU; this checkpoint has {theirs['hidden_act']!r}.")
        height, width = pair(theirs["patch_size"])
        if height != width:
            raise CheckpointError(f"patches of {height} x {width} pixels; this ViT has square ones.")
        if not theirs.get("qkv_bias", True):
            raise CheckpointError("this checkpoint's queries, keys and values have no bias; this ViT's have one.")
        size = pair(theirs["image_size"])
        return ViTConfig(
            image_size=size,
            patch_size=height,
            channels=theirs.get("num_channels", 3),
            classes=len(ours["head.weight"]) if "head.weight" in ours else 0,
            width=theirs["hidden_size"],
            layers=theirs["num_hidden_layers"],
            heads=theirs["num_attention_heads"],
            mlp=theirs["intermediate_size"],
            epsilon=theirs.get("layer_norm_eps", 1e-12),
            dropout=theirs.get("hidden_dropout_prob", 0.0),
            preprocessing=PIXELS if processor is None else preprocessing(processor, size),
        )

    def publish(self, model: ViT) -> tuple[dict[str, Any], dict[str, Any], dict[str, Tensor]]:
        """Their configuration and image processor."""
        _published_kind(model)
        c = model.config
        size = c.size
        config = {
            "architectures": [self.classes[0] if c.classes else self.classes[1]],
            "model_type": self.model_type,
            "image_size": c.image_size if isinstance(c.image_size, int) else list(c.image_size),
            "patch_size": c.patch_size,
            "num_channels": c.channels,
            "hidden_size": c.width,
            "num_hidden_layers": c.layers,
            "num_attention_heads": c.heads,
            "intermediate_size": c.mlp,
            "hidden_act": "gelu",
            "layer_norm_eps": c.epsilon,
            "hidden_dropout_prob": c.dropout,
            "attention_probs_dropout_prob": 0.0,
            "qkv_bias": True,
            "id2label": {str(i): f"LABEL_{i}" for i in range(c.classes)},
            "label2id": {f"LABEL_{i}": i for i in range(c.classes)},
        }
        processor = processor_of(c.preprocessing, "ViTImageProcessor", size, c.channels)
        return config, processor, model.state_dict()


def from_timm(timm_model: Any) -> ViT:
    """A ``VisionTransformer`` of the package timm as a :class:`~mmcourse.models.vit.ViT`, in evaluation mode.

    Args:
        timm_model: a model object, ``timm.create_model("vit_base_patch16_224", pretrained=True)``; a
            ``DataParallel`` around it is seen through. What its ``pretrained_cfg`` says of pictures comes along.

    Raises:
        CheckpointError: an option that ViT does not have, or a tensor that does not fit; the line names it.
    """
    theirs = getattr(timm_model, "module", timm_model)
    if type(theirs).__name__ != "VisionTransformer":
        raise CheckpointError(f"no converter for timm's {type(theirs).__name__}; there is one for VisionTransformer.")
    block = theirs.blocks[0]
    config = {
        "image_size": theirs.patch_embed.img_size,
        "patch_size": theirs.patch_embed.patch_size,
        "heads": block.attn.num_heads,
        "epsilon": block.norm1.eps,
        "activation": type(block.mlp.act).__name__,
        "global_pool": theirs.global_pool,
        "dropout": block.attn.proj_drop.p,
    }
    return timm_from_state(timm_model.state_dict(), config, getattr(theirs, "pretrained_cfg", None) or {})


@readable("VisionTransformer")
def timm_from_state(state: Mapping[str, Tensor], config: Mapping[str, Any], pictures: Mapping[str, Any]) -> ViT:
    """A ViT from timm's tensors (fused queries, keys and values; a prefix ``module.`` is taken off).

    Args:
        state: timm's name -> tensor.
        config: image_size, patch_size, heads; epsilon, activation, dropout and global_pool where they are not usual.
        pictures: timm's ``pretrained_cfg``: mean, std, crop_pct, interpolation.

    Raises:
        CheckpointError: an option that ViT does not have, or a tensor that does not fit; the line names it.
    """
    ours = read(state, TIMM, ("module.",))
    pool = {"token": "class", "avg": "mean"}.get(config.get("global_pool", "token"))
    if pool is None or (pool == "mean") == ("class_token" in ours):
        raise CheckpointError(
            f"ViT reads its class token, or the mean of tokens where there is none; this checkpoint has "
            f"global_pool={config.get('global_pool')!r} with{'' if 'class_token' in ours else 'out'} a class token."
        )
    if config.get("activation", "GELU") != "GELU":
        raise CheckpointError(f"ViT uses exact GELU; this checkpoint has {config['activation']}.")
    patch, side = pair(config["patch_size"])
    if patch != side:
        raise CheckpointError(f"patches of {patch} x {side} pixels; this ViT has square ones.")
    projection, up = "tokens.project.weight", "encoder.blocks.0.mlp.up.weight"
    for name in (projection, up):
        if name not in ours:
            raise CheckpointError(f"the checkpoint lacks {name_there(name, TIMM)[0]}.")
    return build(  # type: ignore[return-value]
        ViT,
        ViTConfig(
            image_size=pair(config["image_size"]),
            patch_size=patch,
            channels=ours[projection].shape[1] // patch**2,
            classes=len(ours["head.weight"]) if "head.weight" in ours else 0,
            width=len(ours[projection]),
            layers=1 + max(int(key.split(".")[2]) for key in ours if key.startswith("encoder.blocks.")),
            heads=config["heads"],
            mlp=len(ours[up]),
            pool=pool,  # type: ignore[arg-type]
            epsilon=config.get("epsilon", 1e-6),
            dropout=config.get("dropout", 0.0),
            preprocessing=timm_preprocessing(pictures),
        ),
        ours,
        TIMM,
    )


def timm_preprocessing(pictures: Mapping[str, Any]) -> Preprocessing:
    """What timm's evaluation transform does with pictures; without a word of it, nothing."""
    if "mean" not in pictures:
        return PIXELS
    modes = {"center": "crop", "squash": "stretch", None: None}
    mode = pictures.get("crop_mode", "center")
    if mode not in modes:
        raise CheckpointError(f"timm's crop_mode {mode!r} is not known here; 'center' and 'squash' are.")
    if pictures.get("interpolation", "bicubic") not in RESAMPLE.values():
        raise CheckpointError(f"timm's interpolation {pictures['interpolation']!r} is not known here.")
    return Preprocessing(
        tuple(pictures["mean"]),
        tuple(pictures["std"]),
        resize=modes[mode],  # type: ignore[arg-type]
        crop=pictures.get("crop_pct", 0.875),
        interpolation=pictures.get("interpolation", "bicubic"),
    )


@readable("VisionTransformer")
def timm_from_files(config: Mapping[str, Any], state: Mapping[str, Tensor]) -> ViT:
    """A ViT from timm's published files: the name of the architecture says patch, picture and heads.

    Raises:
        CheckpointError: an architecture of another name than ``vit_base_patch16_224``.
    """
    name = str(config["architecture"])
    found = re.fullmatch(r"vit_(tiny|small|base|large|huge)_patch(\d+)_(\d+)", name)
    if found is None:
        raise CheckpointError(f"timm's {name!r} is not read here; plain ViTs are, as 'vit_base_patch16_224'.")
    size, patch, side = found.groups()
    short = {"tiny": "ti", "small": "s", "base": "b", "large": "l", "huge": "h"}[size]
    heads = next(v["heads"] for k, v in ViTConfig.PRESETS.items() if k.startswith(f"vit-{short}/"))
    args = dict(config.get("model_args") or {})
    pictures = config.get("pretrained_cfg", {})
    given = {
        "image_size": args.get("img_size", pictures.get("input_size", (3, int(side), int(side)))[1:]),
        "patch_size": int(patch),
        "heads": args.get("num_heads", heads),
        "global_pool": config.get("global_pool", "token"),
    }
    return timm_from_state(state, given, pictures)


def to_timm(model: ViT) -> Any:
    """The way back of :func:`from_timm`: a ``VisionTransformer`` of timm with the model's weights, in evaluation mode.

    Raises:
        CheckpointError: a ViT without patches or learned positions, which timm's does not have.
        ImportError: timm is not installed.
    """
    from timm.models.vision_transformer import VisionTransformer

    norm = partial(nn.LayerNorm, eps=model.config.epsilon)
    c = model.config
    if (c.tokens, c.positions) != ("patches", "learned"):
        raise CheckpointError(
            f"timm's ViT has patches and learned positions; this one has tokens={c.tokens!r}, "
            f"positions={c.positions!r}."
        )
    theirs: Any = VisionTransformer(
        img_size=c.size,
        patch_size=c.patch_size,
        in_chans=c.channels,
        num_classes=c.classes,
        embed_dim=c.width,
        depth=c.layers,
        num_heads=c.heads,
        mlp_ratio=c.mlp / c.width,
        proj_drop_rate=c.dropout,
        class_token=c.pool == "class",
        global_pool="token" if c.pool == "class" else "avg",
        fc_norm=False,
        norm_layer=norm,
    )
    state = write(model.state_dict(), TIMM, c)
    theirs.to(next(iter(state.values())).dtype).load_state_dict(state)
    p = c.preprocessing
    theirs.pretrained_cfg = {
        "mean": p.mean,
        "std": p.std,
        "input_size": (c.channels, *c.size),
        "interpolation": p.interpolation,
        "crop_pct": p.crop,
        "crop_mode": {"crop": "center", "stretch": "squash", None: None}[p.resize],
    }
    return theirs.eval()
