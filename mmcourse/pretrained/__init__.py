"""Published weights in this package's models and back, and the course's own checkpoints (``weights/``)."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors.torch import save_file
from torch import Tensor

from mmcourse.base import Model
from mmcourse.checkpoint import CheckpointError
from mmcourse.models import CLIP, Whisper
from mmcourse.pretrained import clip, hub, whisper
from mmcourse.pretrained.ast import ASTConverter, ast_from_state, ast_to_state
from mmcourse.pretrained.clip import CLIPConverter, from_open_clip
from mmcourse.pretrained.convert import Converter
from mmcourse.pretrained.imagegpt import ImageGPTConverter
from mmcourse.pretrained.vit import ViTConverter, from_timm, timm_from_files, to_timm
from mmcourse.pretrained.whisper import WhisperConverter

__all__ = [
    "ast_from_state",
    "ast_to_state",
    "from_open_clip",
    "from_openai",
    "from_published",
    "from_timm",
    "from_transformers",
    "save_transformers",
    "to_openai",
    "to_timm",
    "to_transformers",
]

CONVERTERS: tuple[Converter, ...] = (
    ViTConverter(), ImageGPTConverter(), WhisperConverter(), ASTConverter(), CLIPConverter(),
)  # fmt: skip


def _reader(name: str) -> Converter:
    for converter in CONVERTERS:
        if name in converter.classes:
            return converter
    known = ", ".join(name for converter in CONVERTERS for name in converter.classes)
    raise CheckpointError(f"no converter for {name}; there is one for {known}.")


def _writer(model: Model) -> Converter:
    for converter in CONVERTERS:
        if type(model) is converter.model:
            return converter
    known = ", ".join(converter.model.__name__ for converter in CONVERTERS)
    raise CheckpointError(f"transformers has no counterpart of {type(model).__name__}; there is one for {known}.")


def from_transformers(hf_model: Any, processor: Any = None) -> Any:
    """This package's model with the weights of one of the package transformers.

    Args:
        hf_model: a model object, for example ``ViTForImageClassification.from_pretrained(...)``.
        processor: its image processor. What it does with pictures (mean, deviation, resize; ImageGPT's colours) becomes
            part of the model. Without it a model reads pixels as they are, and ImageGPT has no colours yet.

    Returns:
        The model, in evaluation mode, in the same floating-point type.

    Raises:
        CheckpointError: an architecture or an option without a counterpart here, or a key that is missing, left over or
            of another shape; the line names it.
    """
    converter = _reader(type(hf_model).__name__)
    return converter.read(
        hf_model.config.to_dict(), hf_model.state_dict(), None if processor is None else processor.to_dict()
    )


def to_transformers(model: Model) -> tuple[Any, Any]:
    """The way back: a model of the package transformers with these weights, and its processor.

    Returns:
        The model in evaluation mode, in the same floating-point type; the processor.

    Raises:
        CheckpointError: a model of which transformers has no counterpart.
        ImportError: transformers is not installed.
    """
    import transformers

    converter = _writer(model)
    config, pictures, state = converter.publish(model)
    name = config.pop("architectures")[0]
    named = pictures.pop("image_processor_type", None) or pictures.pop("feature_extractor_type")
    kind = getattr(transformers, named)
    cls = getattr(transformers, name)
    options = converter.bare_options if name in converter.bare else {}
    theirs = cls(cls.config_class(**config), **options)
    tensors = converter.tensors(state, model.config, name, spelling=1)  # as in memory
    theirs.to(next(iter(tensors.values())).dtype).load_state_dict(tensors)
    return theirs.eval(), kind(**pictures)


def save_transformers(model: Model, folder: str | os.PathLike[str]) -> None:
    """Write a model as published ones are stored: configuration, image processor, weights as safetensors.

    ``transformers.AutoModel`` reads that folder, and so does the model's own ``from_pretrained``.

    Args:
        model: a ViT, ImageGPT, Whisper, AST or CLIP.
        folder: made if need be.

    Raises:
        CheckpointError: a model of which transformers has no counterpart, or a folder that cannot be written.
    """
    converter = _writer(model)
    config, processor, state = converter.publish(model)
    state = {key: tensor.detach().cpu() for key, tensor in state.items()}
    tensors = converter.tensors(state, model.config, config["architectures"][0], spelling=0)  # as in files
    config["dtype"] = str(next(iter(tensors.values())).dtype).removeprefix("torch.")
    path = Path(folder)
    try:
        path.mkdir(parents=True, exist_ok=True)
        for name, content in ((hub.CONFIG, config), (hub.PROCESSOR, processor)):
            (path / name).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
        save_file({key: tensor.clone() for key, tensor in tensors.items()}, path / hub.WEIGHTS, {"format": "pt"})
    except OSError as error:
        raise CheckpointError(f"{path} cannot be written ({error}); choose a folder that you may write to.") from error


def from_openai(checkpoint: Mapping[str, Any], heads: int | None = None) -> Whisper | CLIP:
    """A Whisper or a CLIP of OpenAI's own checkpoint, in evaluation mode.

    Args:
        checkpoint: the state dict, or Whisper's whole published file with ``"dims"`` and ``"model_state_dict"``. Of
            CLIP's published file, a traced model, give ``torch.jit.load(path).state_dict()``.
        heads: of every attention; None for what the file says, else for heads of 64 numbers, as all published have.

    Raises:
        CheckpointError: a tensor that is missing, left over or of another shape; the line names it.
    """
    seen = any(str(key).startswith("visual.") for key in checkpoint)
    return clip.from_openai(checkpoint, heads) if seen else whisper.from_openai(checkpoint, heads)


def to_openai(model: Whisper | CLIP) -> dict[str, Tensor]:
    """The way back of :func:`from_openai`: a state dict.

    Raises:
        CheckpointError: an option that theirs has not, or a model that OpenAI has not published.
    """
    if isinstance(model, CLIP):
        return clip.to_openai(model)
    if isinstance(model, Whisper):
        return whisper.to_openai(model)
    raise CheckpointError(f"OpenAI has published Whisper and CLIP in this layout, and no {type(model).__name__}.")


def from_published(name_or_path: str | os.PathLike[str], revision: str | None = None) -> Any:
    """A model from files that transformers or timm wrote: a folder, or ``"organisation/name"`` on the hub.

    What ``ViT.from_pretrained`` calls for such names. Only JSON and safetensors are read; no code comes from the hub.

    Args:
        name_or_path: a folder with ``config.json`` and ``model.safetensors``, that file, or a name on the hub.
        revision: of the hub: a commit pins it.

    Raises:
        CheckpointError: not there, not reachable, damaged, or without a counterpart here; one line says which.
    """
    files = hub.load(name_or_path, revision)
    if "architecture" in files.config:
        return timm_from_files(files.config, files.tensors)
    names = files.config.get("architectures") or [None]
    if not isinstance(names, list):
        raise CheckpointError(f"{name_or_path} says architectures={names!r}; a list of names is needed.")
    by_type = [c.classes[0] for c in CONVERTERS if c.model_type == files.config.get("model_type")]
    return _reader(str(names[0] or next(iter(by_type), None))).read(files.config, files.tensors, files.processor)
