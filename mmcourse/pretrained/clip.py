"""CLIP as transformers, OpenAI and open_clip publish it (Radford et al., 2021)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from torch import Tensor

from mmcourse.checkpoint import CheckpointError
from mmcourse.models import CLIP, CLIPConfig
from mmcourse.models.clip import PICTURES
from mmcourse.pretrained import vit
from mmcourse.pretrained.convert import (
    TRANSPOSED,
    Converter,
    Layout,
    Row,
    build,
    name_there,
    pair,
    read,
    readable,
    write,
)
from mmcourse.tokens.images import PIXELS, Preprocessing
from mmcourse.tokens.patches import convolution_to_linear, linear_to_convolution

#: The kernel of a strided convolution; without a bias.
KERNEL = Layout(convolution_to_linear, lambda t, config: linear_to_convolution(t, config.patch_size, config.channels))
ACTIVATIONS = {"gelu": "gelu", "gelu_new": "gelu_tanh", "gelu_pytorch_tanh": "gelu_tanh", "quick_gelu": "quick_gelu"}
OPEN_CLIP = {"GELU": "gelu", "QuickGELU": "quick_gelu"}
STAGES = 4


def _hf_blocks(ours: str, theirs: str) -> tuple[Row, ...]:
    names = {"self_attention_norm": "layer_norm1", "mlp_norm": "layer_norm2"}
    names |= {"mlp.up": "mlp.fc1", "mlp.down": "mlp.fc2"}
    names |= {f"self_attention.{part}": f"self_attn.{short}_proj"
              for part, short in (("query", "q"), ("key", "k"), ("value", "v"), ("out", "out"))}  # fmt: skip
    layer = f"{theirs}.encoder.layers.{{}}"
    return tuple(Row(f"{ours}.blocks.{{}}.{own}", f"{layer}.{name}") for own, name in names.items())


TRANSFORMERS = (
    Row("vision.class_token", "vision_model.embeddings.class_embedding"),
    Row("vision.tokens.project.weight", "vision_model.embeddings.patch_embedding.weight", KERNEL),
    Row("vision.positions.table", "vision_model.embeddings.position_embedding.weight"),
    Row("vision.first_norm", "vision_model.pre_layrnorm"),  # their spelling
    *_hf_blocks("vision.encoder", "vision_model"),
    Row("vision.encoder.norm", "vision_model.post_layernorm"),
    Row("vision.project", "visual_projection"),
    Row("text.embedding", "text_model.embeddings.token_embedding"),
    Row("text.positions", "text_model.embeddings.position_embedding.weight"),
    *_hf_blocks("text.decoder", "text_model"),
    Row("text.decoder.norm", "text_model.final_layer_norm"),
    Row("text.project", "text_projection"),
    Row("logit_scale", "logit_scale"),
)


def _openai_blocks(ours: str, theirs: str) -> tuple[Row, ...]:
    own = f"{ours}.blocks.{{}}"
    there = f"{theirs}.resblocks.{{}}"
    fused = [
        tuple(f"{own}.self_attention.{part}.{leaf}" for part in ("query", "key", "value"))
        for leaf in ("weight", "bias")
    ]
    names = {"self_attention_norm": "ln_1", "self_attention.out": "attn.out_proj", "mlp_norm": "ln_2"}
    names |= {"mlp.up": "mlp.c_fc", "mlp.down": "mlp.c_proj"}
    return (
        Row(fused[0], f"{there}.attn.in_proj_weight"),
        Row(fused[1], f"{there}.attn.in_proj_bias"),
        *(Row(f"{own}.{name}", f"{there}.{other}") for name, other in names.items()),
    )


def _resnet() -> Iterable[Row]:
    for i, (convolution, norm) in enumerate(((0, 1), (3, 4), (6, 7)), 1):
        yield Row(f"vision.stem.{convolution}", f"visual.conv{i}")
        yield Row(f"vision.stem.{norm}", f"visual.bn{i}")
    names = {f"{own}{ours}": f"{theirs}{i}" for i, own in enumerate(("first", "second", "third"), 1)
             for ours, theirs in (("", "conv"), ("_norm", "bn"))}  # fmt: skip
    names |= {"shortcut": "downsample.0", "shortcut_norm": "downsample.1"}
    for stage in range(STAGES):
        for ours, theirs in names.items():
            yield Row(f"vision.stages.{stage}.{{}}.{ours}", f"visual.layer{stage + 1}.{{}}.{theirs}")
    yield Row("vision.positions.table", "visual.attnpool.positional_embedding")
    for ours, theirs in (("query", "q"), ("key", "k"), ("value", "v"), ("out", "c")):
        yield Row(f"vision.pool.{ours}", f"visual.attnpool.{theirs}_proj")


_TEXT = (
    Row("text.embedding", "token_embedding"),
    Row("text.positions", "positional_embedding"),
    *_openai_blocks("text.decoder", "transformer"),
    Row("text.decoder.norm", "ln_final"),
    Row("text.project.weight", "text_projection", TRANSPOSED),
    Row("logit_scale", "logit_scale"),
    Row("logit_bias", "logit_bias"),  # open_clip's, for the sigmoid loss
)
#: The layout of OpenAI's own checkpoints, and of open_clip.
OPENAI_TRANSFORMER = (
    Row("vision.class_token", "visual.class_embedding"),
    Row("vision.tokens.project.weight", "visual.conv1.weight", KERNEL),
    Row("vision.positions.table", "visual.positional_embedding"),
    Row("vision.first_norm", "visual.ln_pre"),
    *_openai_blocks("vision.encoder", "visual.transformer"),
    Row("vision.encoder.norm", "visual.ln_post"),
    Row("vision.project.weight", "visual.proj", TRANSPOSED),
    *_TEXT,
)
OPENAI_RESNET = (*_resnet(), *_TEXT)
#: What OpenAI's files hold beside weights: three numbers of the traced model.
NUMBERS = ("input_resolution", "context_length", "vocab_size")


def preprocessing(processor: Mapping[str, Any], size: tuple[int, int]) -> Preprocessing:
    """What transformers' CLIPImageProcessor (once CLIPFeatureExtractor) does, for pixels in [0, 1].

    Args:
        processor: its fields, as in ``preprocessor_config.json``.
        size: height and width that the model reads.

    Raises:
        CheckpointError: another size than the model's, or a step that this package does not know.
    """
    given = {"resample": 3, "image_mean": PICTURES.mean, "image_std": PICTURES.std, "size": 224, **processor}
    cuts, resizes = given.get("do_center_crop", True), given.get("do_resize", True)
    if not (cuts and resizes):
        return vit.preprocessing({**given, "do_center_crop": cuts}, size)
    cut = given.get("crop_size", 224)
    cut = (cut.get("height"), cut.get("width")) if isinstance(cut, Mapping) else pair(cut)
    if cut != size:
        raise CheckpointError(f"the image processor cuts out {cut}, the model reads {size} (height, width).")
    edge = given["size"].get("shortest_edge") if isinstance(given["size"], Mapping) else given["size"]
    if edge is None or edge < max(size):
        raise CheckpointError(
            f"the image processor resizes to {given['size']}; a shortest_edge of at least {max(size)} is needed."
        )
    plain = vit.preprocessing({**given, "do_center_crop": False, "size": size}, size)
    return replace(plain, resize="crop", crop=max(size) / edge)


def processor_of(p: Preprocessing, size: tuple[int, int], channels: int) -> dict[str, Any]:
    """The way back of :func:`preprocessing`.

    Raises:
        CheckpointError: pictures that are cut to anything but a square.
    """
    if p.resize != "crop":
        return {**vit.processor_of(p, "CLIPImageProcessor", size, channels), "do_center_crop": False}
    if size[0] != size[1]:
        raise CheckpointError(f"transformers' CLIP cuts squares; this one reads {size[0]} x {size[1]} pixels.")
    plain = vit.processor_of(replace(p, resize="stretch"), "CLIPImageProcessor", size, channels)
    cut = {"height": size[0], "width": size[1]}
    return {**plain, "size": {"shortest_edge": round(size[0] / p.crop)}, "do_center_crop": True, "crop_size": cut}


def _activation(theirs: str, known: Mapping[str, str]) -> str:
    if theirs not in known:
        raise CheckpointError(f"no counterpart of activation {theirs!r}; there is one of {', '.join(known)}.")
    return known[theirs]


class CLIPConverter(Converter):
    """``CLIPModel``: both towers."""

    model = CLIP
    classes = ("CLIPModel",)
    model_type = "clip"
    rows = TRANSFORMERS
    prefix = ""
    heads = ()
    ignored = ("text_model.embeddings.position_ids", "vision_model.embeddings.position_ids")  # counted, in old files

    def config(
        self, theirs: Mapping[str, Any], processor: Mapping[str, Any] | None, ours: dict[str, Tensor]
    ) -> CLIPConfig:
        """Our configuration from theirs; what their files leave out has their default, which is our own."""
        text, vision = ({**(theirs.get(f"{one}_config") or {}), **(theirs.get(f"{one}_config_dict") or {})}
                        for one in ("text", "vision"))  # fmt: skip
        c, epsilon = CLIPConfig(), {half.get("layer_norm_eps", 1e-5) for half in (text, vision)}
        if len(epsilon) > 1:
            raise CheckpointError(f"the towers' norms have epsilon {sorted(epsilon)}; this CLIP has one for both.")
        height, width = pair(vision.get("patch_size", c.patch_size))
        if height != width:
            raise CheckpointError(f"patches of {height} x {width} pixels; this CLIP has square ones.")
        size = pair(vision.get("image_size", 224))
        eot = text.get("eos_token_id", 49407)
        return CLIPConfig(
            embed=theirs.get("projection_dim", c.embed),
            image_size=size,
            channels=vision.get("num_channels", c.channels),
            patch_size=height,
            vision_width=vision.get("hidden_size", c.vision_width),
            vision_layers=vision.get("num_hidden_layers", c.vision_layers),
            vision_heads=vision.get("num_attention_heads", c.vision_heads),
            vision_mlp=vision.get("intermediate_size", c.vision_mlp),
            vision_activation=_activation(vision.get("hidden_act", "quick_gelu"), ACTIVATIONS),  # type: ignore[arg-type]
            text_context=text.get("max_position_embeddings", c.text_context),
            vocab_size=text.get("vocab_size", c.vocab_size),
            text_width=text.get("hidden_size", c.text_width),
            text_layers=text.get("num_hidden_layers", c.text_layers),
            text_heads=text.get("num_attention_heads", c.text_heads),
            text_mlp=text.get("intermediate_size", c.text_mlp),
            text_activation=_activation(text.get("hidden_act", "quick_gelu"), ACTIVATIONS),  # type: ignore[arg-type]
            epsilon=epsilon.pop(),
            eot=None if eot == 2 else eot,  # 2 stands in files from before 2023, and means the largest id
            preprocessing=PIXELS if processor is None else preprocessing(processor, size),
        )

    def publish(self, model: CLIP) -> tuple[dict[str, Any], dict[str, Any], dict[str, Tensor]]:
        """Their configuration and image processor."""
        c = model.config
        if c.resnet_layers or c.logit_bias is not None:
            what = "a ResNet" if c.resnet_layers else "a bias of logits"
            raise CheckpointError(f"transformers' CLIP has no place for {what}; to_openai writes it.")
        if not isinstance(c.image_size, int):
            raise CheckpointError(f"transformers' CLIP reads squares; this one reads {c.image_size}.")
        names = {ours: theirs for theirs, ours in reversed(ACTIVATIONS.items())}

        def half(name: str) -> dict[str, Any]:
            return {
                "hidden_size": getattr(c, f"{name}_width"),
                "num_hidden_layers": getattr(c, f"{name}_layers"),
                "num_attention_heads": getattr(c, f"{name}_heads"),
                "intermediate_size": getattr(c, f"{name}_mlp"),
                "hidden_act": names[getattr(c, f"{name}_activation")],
                "layer_norm_eps": c.epsilon,
                "projection_dim": c.embed,
                "attention_dropout": 0.0,
            }

        picture = {"image_size": c.image_size, "patch_size": c.patch_size, "num_channels": c.channels}
        ids = {"bos_token_id": c.vocab_size - 2, "eos_token_id": 2 if c.eot is None else c.eot, "pad_token_id": 0}
        text = {"vocab_size": c.vocab_size, "max_position_embeddings": c.text_context, **ids}
        config = {
            "architectures": list(self.classes),
            "model_type": self.model_type,
            "projection_dim": c.embed,
            "logit_scale_init_value": -math.log(c.temperature),
            "text_config": {"model_type": "clip_text_model", **half("text"), **text},
            "vision_config": {"model_type": "clip_vision_model", **half("vision"), **picture},
        }
        return config, processor_of(c.preprocessing, c.size, c.channels), dict(model.state_dict())


def from_openai(checkpoint: Mapping[str, Any], heads: int | None = None) -> CLIP:
    """A CLIP of OpenAI's own checkpoint, vision transformer or ResNet; the weights say all sizes.

    Args:
        checkpoint: the state dict; what the published files hold beside weights is left out.
        heads: of every attention; None for heads of 64 numbers, as all published models have.

    Raises:
        CheckpointError: a tensor that is missing, left over or of another shape; the line names it.
    """
    state = {key: tensor for key, tensor in checkpoint.items() if key not in NUMBERS}
    rows = OPENAI_RESNET if "visual.attnpool.positional_embedding" in state else OPENAI_TRANSFORMER
    tensors = read(state, rows)
    with readable("CLIP"):
        config = _sizes(tensors, rows, heads)
    return build(CLIP, config, tensors, rows)  # type: ignore[return-value]


def _sizes(tensors: Mapping[str, Tensor], rows: tuple[Row, ...], heads: int | None) -> CLIPConfig:
    """What the shapes of all tensors say."""

    def shape(name: str) -> tuple[int, ...]:
        if name not in tensors:
            raise CheckpointError(f"the checkpoint lacks {name_there(name, rows)[0]}.")
        return tuple(tensors[name].shape)

    def count(prefix: str, fewest: int = 0) -> int:
        """How many numbered modules there are."""
        places = {key.removeprefix(prefix).split(".")[0] for key in tensors if key.startswith(prefix)}
        return max([fewest, *(int(place) + 1 for place in places)])

    def attend(width: int) -> int:
        if heads is None and width % 64:
            raise CheckpointError(f"a width of {width} does not say how many heads there are; give heads=.")
        return width // 64 if heads is None else heads

    (embed, text_width), (vocab_size, _) = shape("text.project.weight"), shape("text.embedding.weight")
    found: dict[str, Any] = {"embed": embed, "text_width": text_width, "vocab_size": vocab_size}
    found |= {"text_context": shape("text.positions")[0], "text_heads": attend(text_width)}
    found |= {"text_layers": count("text.decoder.blocks."), "text_mlp": shape("text.decoder.blocks.0.mlp.up.weight")[0]}
    places, width = shape("vision.positions.table")
    side = math.isqrt(places - 1)
    if side * side != places - 1:
        raise CheckpointError(f"{places} positions are no square of patches and one more; only squares are read.")
    if rows is OPENAI_RESNET:
        first, channels = shape("vision.stem.6.weight")[0], shape("vision.stem.0.weight")[1]
        stages = tuple(count(f"vision.stages.{stage}.") for stage in range(STAGES))
        found |= {"image_size": 32 * side, "channels": channels, "vision_width": first, "resnet_layers": stages}
    else:
        area = shape("vision.tokens.project.weight")[1] / 3
        patch = math.isqrt(round(area))
        found |= {"image_size": patch * side, "patch_size": patch, "vision_width": width}
        found |= {"vision_layers": count("vision.encoder.blocks.")}
        found |= {"vision_mlp": shape("vision.encoder.blocks.0.mlp.up.weight")[0]}
    bias = tensors.get("logit_bias")
    found |= {"vision_heads": attend(width), "logit_bias": None if bias is None else -10.0}
    return CLIPConfig.from_dict(found)


def to_openai(model: CLIP) -> dict[str, Tensor]:
    """The way back: the state dict of OpenAI's own CLIP, which open_clip reads too.

    Raises:
        CheckpointError: an option that theirs has not.
    """
    c = model.config
    if c.epsilon != 1e-5 or c.eot not in (None, c.vocab_size - 1):
        raise CheckpointError("OpenAI's CLIP has epsilon 1e-5 and reads the place of the largest id; this one differs.")
    return write(model.state_dict(), OPENAI_RESNET if c.resnet_layers else OPENAI_TRANSFORMER, c)


def from_open_clip(open_clip_model: Any) -> CLIP:
    """A ``CLIP`` or ``CustomTextCLIP`` of the package open_clip, in evaluation mode.

    Args:
        open_clip_model: a model object, ``open_clip.create_model("ViT-B-32", pretrained="laion2b_s34b_b79k")``. What it
            does with pictures comes along.

    Raises:
        CheckpointError: a tower or an option that CLIP does not have, or a tensor that does not fit; the line names it.
    """
    theirs = getattr(open_clip_model, "module", open_clip_model)
    vision: Any = getattr(theirs, "visual", None)
    text = getattr(theirs, "text", theirs)
    kinds = (type(theirs).__name__, type(vision).__name__)
    if kinds[0] not in ("CLIP", "CustomTextCLIP") or kinds[1] not in ("VisionTransformer", "ModifiedResNet"):
        raise CheckpointError(f"no converter for open_clip's {kinds[0]} with {kinds[1]}; there is one for plain CLIPs.")
    state = {key.removeprefix("text."): tensor for key, tensor in theirs.state_dict().items()}
    resnet = kinds[1] == "ModifiedResNet"
    rows = OPENAI_RESNET if resnet else OPENAI_TRANSFORMER
    tensors = read(state, rows)
    with readable("CLIP"):
        read_text = text.transformer.resblocks[0]
        found = _sizes(tensors, rows, heads=1)
        changes: dict[str, Any] = {
            "text_heads": read_text.attn.num_heads,
            "text_activation": _activation(type(read_text.mlp.gelu).__name__, OPEN_CLIP),
            "preprocessing": _pictures(getattr(vision, "preprocess_cfg", None) or {}, vision),
        }
        if resnet:
            changes["vision_heads"] = vision.attnpool.num_heads
        else:
            block = vision.transformer.resblocks[0]
            changes["vision_heads"] = block.attn.num_heads
            changes["vision_activation"] = _activation(type(block.mlp.gelu).__name__, OPEN_CLIP)
        of_text = getattr(text, "text_pool_type", None) or getattr(text, "pool_type", "argmax")
        pooled = ("tok" if resnet else vision.pool_type, of_text)
        if pooled != ("tok", "argmax") or getattr(vision, "attn_pool", None) is not None:
            raise CheckpointError(f"this CLIP reads the class token and the end of the text; theirs pools by {pooled}.")
        config = replace(found, **changes)
    return build(CLIP, config, tensors, rows)  # type: ignore[return-value]


def _pictures(how: Mapping[str, Any], vision: Any) -> Preprocessing:
    """What open_clip's evaluation transform does with pictures; without a word of it, what OpenAI's does."""
    mean = how.get("mean") or getattr(vision, "image_mean", None) or PICTURES.mean
    std = how.get("std") or getattr(vision, "image_std", None) or PICTURES.std
    modes = {"shortest": "crop", "squash": "stretch"}
    mode, interpolation = how.get("resize_mode") or "shortest", how.get("interpolation") or "bicubic"
    if mode not in modes or interpolation not in vit.RESAMPLE.values():
        raise CheckpointError(f"open_clip's resize {mode!r}, {interpolation!r} is not known here.")
    return Preprocessing(tuple(mean), tuple(std), modes[mode], interpolation=interpolation)  # type: ignore[arg-type]
