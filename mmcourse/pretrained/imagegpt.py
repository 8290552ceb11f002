"""ImageGPT as transformers publishes it (Chen et al., 2020): weights in its model, colours in its image processor."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from mmcourse.checkpoint import CheckpointError
from mmcourse.models import ImageGPT, ImageGPTConfig
from mmcourse.pretrained.convert import TRANSPOSED, Converter, Row, pair
from mmcourse.pretrained.vit import preprocessing, processor_of
from mmcourse.tokens.images import PIXELS, Preprocessing

BLOCK = "decoder.blocks.{}."
QKV = tuple(f"{BLOCK}self_attention.{part}" for part in ("query", "key", "value"))
TRANSFORMERS = (
    Row("embedding", "wte"),
    Row("positions.table", "wpe.weight"),
    Row(f"{BLOCK}self_attention_norm", "h.{}.ln_1"),
    Row(QKV, "h.{}.attn.c_attn", TRANSPOSED),
    Row(f"{BLOCK}self_attention.out", "h.{}.attn.c_proj", TRANSPOSED),
    Row(f"{BLOCK}mlp_norm", "h.{}.ln_2"),
    Row(f"{BLOCK}mlp.up", "h.{}.mlp.c_fc", TRANSPOSED),
    Row(f"{BLOCK}mlp.down", "h.{}.mlp.c_proj", TRANSPOSED),
    Row("decoder.norm", "ln_f"),
    Row("head", "lm_head"),
)


def colours(processor: Mapping[str, Any]) -> Tensor:
    """The image processor's clusters as colours in [0, 1], (k, 3): it normalises pixels before it compares them."""
    if processor.get("clusters") is None:
        raise CheckpointError("the image processor has no clusters, the colours of ImageGPT's codes.")
    clusters = torch.as_tensor(processor["clusters"], dtype=torch.float64)
    # Before version 5 the processor had no mean and deviation: its pixels always ran from -1 to 1.
    normalise = processor.get("do_normalize", True)
    mean = torch.tensor(processor.get("image_mean", [0.5] * 3) if normalise else [0.0] * 3, dtype=torch.float64)
    std = torch.tensor(processor.get("image_std", [0.5] * 3) if normalise else [1.0] * 3, dtype=torch.float64)
    if len(set(std.tolist())) > 1:
        raise CheckpointError(f"the image processor weighs channels differently (image_std {std.tolist()}).")
    return clusters * std + mean


class ImageGPTConverter(Converter):
    """``ImageGPTForCausalImageModeling``."""

    model = ImageGPT
    classes = ("ImageGPTForCausalImageModeling",)
    model_type = "imagegpt"
    rows = TRANSFORMERS
    prefix = "transformer."
    heads = ("lm_head.",)

    def config(
        self, theirs: Mapping[str, Any], processor: Mapping[str, Any] | None, ours: dict[str, Tensor]
    ) -> ImageGPTConfig:
        """Our configuration from theirs; how their attention scales its scores goes into the queries."""
        activation, tied = theirs.get("activation_function", "quick_gelu"), theirs.get("tie_word_embeddings", False)
        if activation != "quick_gelu" or tied:
            raise CheckpointError(
                f"ImageGPT has quick_gelu and a head of its own; this checkpoint has {activation!r}, tied={tied}."
            )
        width, heads, layers = theirs["n_embd"], theirs["n_head"], theirs["n_layer"]
        for layer in range(min(layers, len(ours))):
            scale = 1.0 if theirs.get("scale_attn_weights", True) else math.sqrt(width / heads)
            scale /= layer + 1 if theirs.get("scale_attn_by_inverse_layer_idx", False) else 1
            for name in (f"decoder.blocks.{layer}.self_attention.query.{leaf}" for leaf in ("weight", "bias")):
                if scale != 1 and name in ours:
                    ours[name] = ours[name] * scale
        # The original has no biases; transformers' copies of it hold zeros in their place.
        biases = [name for name in ours if name.endswith(".bias")]
        bias = any(bool(ours[name].any()) for name in biases)
        for name in [] if bias else biases:
            del ours[name]
        places, side = theirs["n_positions"], math.isqrt(theirs["n_positions"])
        given = (processor or {}).get("size", side)
        size = (given["height"], given["width"]) if isinstance(given, Mapping) else pair(given)
        if size[0] * size[1] != places:
            raise CheckpointError(
                f"{places} positions are no picture of {size[0]} x {size[1]} pixels; the size of the image processor "
                f"must say its height and width, as in from_transformers(model, processor)."
            )
        pictures = PIXELS
        k = theirs["vocab_size"] - 1
        seen = torch.linspace(0, 1, k)[:, None].repeat(1, 3)  # grey, as in a fresh palette
        if processor is not None:
            found = preprocessing(processor, size)
            pictures, seen = Preprocessing(resize=found.resize, interpolation=found.interpolation), colours(processor)
        ours["palette.colours"] = seen.to(next(iter(ours.values())).dtype)
        return ImageGPTConfig(
            image_size=size,
            colours=k,
            channels=3,
            width=width,
            layers=layers,
            heads=heads,
            mlp=theirs.get("n_inner") or 4 * width,
            bias=bias,
            epsilon=theirs.get("layer_norm_epsilon", 1e-5),
            dropout=theirs.get("resid_pdrop", 0.0),
            preprocessing=pictures,
        )

    def publish(self, model: ImageGPT) -> tuple[dict[str, Any], dict[str, Any], dict[str, Tensor]]:
        """Their configuration and image processor, colours from -1 to 1; missing biases are written as zeros."""
        c = model.config
        if c.positions != "learned" or c.channels != 3:
            raise CheckpointError(
                f"published ImageGPTs have learned positions and colours of 3 numbers; this one has "
                f"positions={c.positions!r}, channels={c.channels}."
            )
        size = c.size
        config = {
            "architectures": list(self.classes),
            "model_type": self.model_type,
            "vocab_size": c.colours + 1,
            "n_positions": size[0] * size[1],
            "n_embd": c.width,
            "n_layer": c.layers,
            "n_head": c.heads,
            "n_inner": c.mlp,
            "activation_function": "quick_gelu",
            "layer_norm_epsilon": c.epsilon,
            "resid_pdrop": c.dropout,
            "embd_pdrop": 0.0,
            "attn_pdrop": 0.0,
            "scale_attn_weights": True,
            "scale_attn_by_inverse_layer_idx": False,
            "reorder_and_upcast_attn": False,
            "tie_word_embeddings": False,
        }
        state = dict(model.state_dict())
        clusters = 2 * state.pop("palette.colours").double() - 1
        processor = processor_of(c.preprocessing, "ImageGPTImageProcessor", size, c.channels)
        processor |= {"image_mean": [0.5] * 3, "image_std": [0.5] * 3, "do_color_quantize": True}
        processor["clusters"] = clusters.tolist()
        if not c.bias:
            for name in [name for name in state if ".blocks." in name and name.endswith(".weight")]:
                if "norm" not in name:
                    state[name.removesuffix("weight") + "bias"] = state[name].new_zeros(len(state[name]))
        return config, processor, state
