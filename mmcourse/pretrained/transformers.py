"""Models of the package transformers, read into this package's. One table of names for each architecture."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor, nn

from mmcourse.base import Model
from mmcourse.models import ImageGPT, ImageGPTConfig, ViT, ViTConfig
from mmcourse.tokens.patches import convolution_to_linear

# Patterns of theirs -> names of ours. Version 5 in memory and the files on disk name the same layer differently.
VIT_NAMES = {
    r"embeddings\.cls_token": "class_token",
    r"embeddings\.position_embeddings": "positions.table",
    r"embeddings\.patch_embeddings\.projection\.(weight|bias)": r"tokens.project.\1",
    r"(?:encoder\.layer|layers)\.(\d+)\.attention\.(?:attention\.)?(query|key|value)\.(\w+)": (
        r"encoder.blocks.\1.self_attention.\2.\3"
    ),
    r"(?:encoder\.layer|layers)\.(\d+)\.attention\.q_proj\.(\w+)": r"encoder.blocks.\1.self_attention.query.\2",
    r"(?:encoder\.layer|layers)\.(\d+)\.attention\.k_proj\.(\w+)": r"encoder.blocks.\1.self_attention.key.\2",
    r"(?:encoder\.layer|layers)\.(\d+)\.attention\.v_proj\.(\w+)": r"encoder.blocks.\1.self_attention.value.\2",
    r"(?:encoder\.layer|layers)\.(\d+)\.attention\.(?:o_proj|output\.dense)\.(\w+)": (
        r"encoder.blocks.\1.self_attention.out.\2"
    ),
    r"(?:encoder\.layer|layers)\.(\d+)\.layernorm_before\.(\w+)": r"encoder.blocks.\1.self_attention_norm.\2",
    r"(?:encoder\.layer|layers)\.(\d+)\.layernorm_after\.(\w+)": r"encoder.blocks.\1.mlp_norm.\2",
    r"(?:encoder\.layer|layers)\.(\d+)\.(?:intermediate\.dense|mlp\.fc1)\.(\w+)": r"encoder.blocks.\1.mlp.up.\2",
    r"(?:encoder\.layer|layers)\.(\d+)\.(?:output\.dense|mlp\.fc2)\.(\w+)": r"encoder.blocks.\1.mlp.down.\2",
    r"layernorm\.(\w+)": r"encoder.norm.\1",
    r"classifier\.(\w+)": r"head.\1",
}
IMAGEGPT_NAMES = {
    r"wte\.weight": "embedding.weight",
    r"wpe\.weight": "positions.table",
    r"h\.(\d+)\.ln_1\.weight": r"decoder.blocks.\1.self_attention_norm.weight",
    r"h\.(\d+)\.attn\.c_attn\.(\w+)": r"decoder.blocks.\1.self_attention.qkv.\2",
    r"h\.(\d+)\.attn\.c_proj\.(\w+)": r"decoder.blocks.\1.self_attention.out.\2",
    r"h\.(\d+)\.ln_2\.weight": r"decoder.blocks.\1.mlp_norm.weight",
    r"h\.(\d+)\.mlp\.c_fc\.(\w+)": r"decoder.blocks.\1.mlp.up.\2",
    r"h\.(\d+)\.mlp\.c_proj\.(\w+)": r"decoder.blocks.\1.mlp.down.\2",
    r"ln_f\.weight": "decoder.norm.weight",
    r"lm_head\.weight": "head.weight",
}
ACTIVATIONS = {"gelu": "gelu", "gelu_new": "gelu_tanh", "quick_gelu": "quick_gelu"}


def rename(state: Mapping[str, Tensor], names: Mapping[str, str], prefix: str = "") -> dict[str, Tensor]:
    """Give each tensor this package's name.

    Raises:
        ValueError: a key that the table does not know; the line names it.
    """
    renamed = {}
    for key, tensor in state.items():
        short = key.removeprefix(prefix)
        for pattern, ours in names.items():
            match = re.fullmatch(pattern, short)
            if match:
                renamed[match.expand(ours)] = tensor
                break
        else:
            raise ValueError(f"the checkpoint holds {key!r}, which this model has no place for.")
    return renamed


def fill(model: nn.Module, state: Mapping[str, Tensor]) -> None:
    """Load every tensor; a missing, left-over or differently shaped one is an error that names it."""
    own = model.state_dict()
    for problem, keys in (("lacks", own.keys() - state.keys()), ("has left over", state.keys() - own.keys())):
        if keys:
            raise ValueError(f"the checkpoint {problem} {', '.join(sorted(keys))}.")
    for key, tensor in state.items():
        if tensor.shape != own[key].shape:
            raise ValueError(f"{key} has shape {tuple(tensor.shape)} in the checkpoint, {tuple(own[key].shape)} here.")
    model.load_state_dict(dict(state))


def vit_from_transformers(hf_model: Any) -> ViT:
    """A ``ViTForImageClassification`` (or ``ViTModel``, without head) as a :class:`~mmcourse.models.vit.ViT`."""
    c = hf_model.config
    if c.hidden_act not in ("gelu",):
        raise ValueError(f"ViT uses exact GELU; this checkpoint has {c.hidden_act!r}.")
    state = {k: v for k, v in hf_model.state_dict().items() if not k.startswith(("pooler.", "vit.pooler."))}
    state = rename(state, VIT_NAMES, prefix="vit.")
    state["tokens.project.weight"] = convolution_to_linear(state["tokens.project.weight"])
    state["positions.table"] = state["positions.table"][0]
    classes = len(state["head.weight"]) if "head.weight" in state else 0
    config = ViTConfig(
        image_size=c.image_size,
        patch_size=c.patch_size,
        channels=c.num_channels,
        classes=classes,
        width=c.hidden_size,
        layers=c.num_hidden_layers,
        heads=c.num_attention_heads,
        mlp=c.intermediate_size,
        epsilon=c.layer_norm_eps,
    )
    model = ViT(config).to(next(iter(state.values())).dtype)
    fill(model, state)
    return model.eval()


def imagegpt_from_transformers(hf_model: Any) -> ImageGPT:
    """An ``ImageGPTForCausalImageModeling`` as an :class:`~mmcourse.models.imagegpt.ImageGPT`.

    Its colours are not part of those weights: they stand in the image processor's ``clusters``, from -1 to 1. Copy
    them with ``model.palette.colours.copy_((clusters + 1) / 2)``; the original shows them as rint(127.5 (c + 1)).
    """
    c = hf_model.config
    if c.activation_function != "quick_gelu" or c.tie_word_embeddings or c.scale_attn_by_inverse_layer_idx:
        raise ValueError(
            f"ImageGPT uses quick_gelu, an untied head and no scaling by layer; this checkpoint has "
            f"{c.activation_function!r}, tied={c.tie_word_embeddings}, by layer={c.scale_attn_by_inverse_layer_idx}."
        )
    side = math.isqrt(c.n_positions)
    if side * side != c.n_positions:
        raise ValueError(f"{c.n_positions} positions are no square picture.")
    state = {}
    for key, tensor in rename(hf_model.state_dict(), IMAGEGPT_NAMES, prefix="transformer.").items():
        # Their Conv1D keeps (in, out); ours are linear layers, (out, in).
        tensor = tensor.T if tensor.dim() == 2 and ".blocks." in key else tensor
        if ".qkv." in key:
            for part, piece in zip(("query", "key", "value"), tensor.chunk(3), strict=True):
                state[key.replace("qkv", part)] = piece
        else:
            state[key] = tensor
    config = ImageGPTConfig(
        image_size=side,
        colours=c.vocab_size - 1,
        width=c.n_embd,
        layers=c.n_layer,
        heads=c.n_head,
        mlp=c.n_inner or 4 * c.n_embd,
        bias=True,
        epsilon=c.layer_norm_epsilon,
    )
    model = ImageGPT(config).to(state["embedding.weight"].dtype)
    fill(model, {**state, "palette.colours": model.palette.colours})
    return model.eval()


CONVERTERS: dict[str, Callable[[Any], Model]] = {
    "ViTForImageClassification": vit_from_transformers,
    "ViTModel": vit_from_transformers,
    "ImageGPTForCausalImageModeling": imagegpt_from_transformers,
}


def from_transformers(hf_model: Any) -> Any:
    """This package's model with the weights of one of the package transformers.

    Args:
        hf_model: a model object, for example ``ViTForImageClassification.from_pretrained(...)``.

    Returns:
        The model, in evaluation mode, in the same floating-point type.

    Raises:
        ValueError: an architecture without a counterpart here, or a key that is missing, left over or of another shape.
    """
    name = type(hf_model).__name__
    if name not in CONVERTERS:
        raise ValueError(f"no converter for {name}; there is one for {', '.join(CONVERTERS)}.")
    return CONVERTERS[name](hf_model)
