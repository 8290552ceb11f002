"""Models of the package transformers, read into this package's. One table of names for each architecture."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from mmcourse.models import ViT, ViTConfig
from mmcourse.tokens.patches import convolution_to_linear

# Patterns of theirs -> names of ours. Version 5 in memory and the files on disk name the same layer differently.
VIT_NAMES = {
    r"embeddings\.cls_token": "class_token",
    r"embeddings\.position_embeddings": "positions.table",
    r"embeddings\.patch_embeddings\.projection\.(weight|bias)": r"tokens.project.\1",
    r"(?:encoder\.layer|layers)\.(\d+)\.attention\.(?:attention\.)?(query|key|value)\.(\w+)": (
        r"encoder.blocks.\1.attention.\2.\3"
    ),
    r"(?:encoder\.layer|layers)\.(\d+)\.attention\.q_proj\.(\w+)": r"encoder.blocks.\1.attention.query.\2",
    r"(?:encoder\.layer|layers)\.(\d+)\.attention\.k_proj\.(\w+)": r"encoder.blocks.\1.attention.key.\2",
    r"(?:encoder\.layer|layers)\.(\d+)\.attention\.v_proj\.(\w+)": r"encoder.blocks.\1.attention.value.\2",
    r"(?:encoder\.layer|layers)\.(\d+)\.attention\.(?:o_proj|output\.dense)\.(\w+)": (
        r"encoder.blocks.\1.attention.out.\2"
    ),
    r"(?:encoder\.layer|layers)\.(\d+)\.layernorm_before\.(\w+)": r"encoder.blocks.\1.norm_attention.\2",
    r"(?:encoder\.layer|layers)\.(\d+)\.layernorm_after\.(\w+)": r"encoder.blocks.\1.norm_mlp.\2",
    r"(?:encoder\.layer|layers)\.(\d+)\.(?:intermediate\.dense|mlp\.fc1)\.(\w+)": r"encoder.blocks.\1.mlp.up.\2",
    r"(?:encoder\.layer|layers)\.(\d+)\.(?:output\.dense|mlp\.fc2)\.(\w+)": r"encoder.blocks.\1.mlp.down.\2",
    r"layernorm\.(\w+)": r"encoder.norm.\1",
    r"classifier\.(\w+)": r"head.\1",
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


CONVERTERS = {"ViTForImageClassification": vit_from_transformers, "ViTModel": vit_from_transformers}


def from_transformers(hf_model: Any) -> ViT:
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
