"""What every model of the book can do besides its forward: be built from a preset, be saved, be loaded."""

from __future__ import annotations

import dataclasses
import os
from dataclasses import dataclass
from typing import Any, ClassVar, Self, get_type_hints

import torch
from torch import Tensor, nn

from mmcourse import checkpoint
from mmcourse.checks import choose


@dataclass(frozen=True)
class ModelConfig:
    """The base of every model's configuration; subclasses list their published sizes in ``PRESETS``."""

    PRESETS: ClassVar[dict[str, dict[str, object]]] = {}

    @classmethod
    def preset(cls, name: str, **changes: Any) -> Self:
        """The configuration of a published size.

        Args:
            name: as in ``PRESETS``, for example ``"vit-b/16"``.
            changes: fields that shall differ, for example ``classes=10``.

        Raises:
            ValueError: an unknown name or field; the line lists those that exist.
        """
        return cls.from_dict({**cls.PRESETS[choose(f"preset of {cls.__name__}", name, cls.PRESETS)], **changes})

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Build from a mapping; a field that does not exist is an error that names it, never ignored."""
        return _from_dict(cls, values)


def _from_dict(kind: Any, values: dict[str, Any]) -> Any:
    known = {field.name for field in dataclasses.fields(kind)}
    unknown = [key for key in values if key not in known]
    if unknown:
        raise ValueError(f"{kind.__name__} has no field {unknown[0]!r}; it has {', '.join(sorted(known))}.")
    missing = [field.name for field in dataclasses.fields(kind) if field.name not in values and _needed(field)]
    if missing:
        raise ValueError(f"{kind.__name__} needs {missing[0]!r}.")
    hints, given = get_type_hints(kind), dict(values)
    for key, value in values.items():
        if isinstance(value, dict):  # a nested configuration, as it comes back from JSON
            if not dataclasses.is_dataclass(hints[key]):
                raise ValueError(f"{key} is {value!r}; {kind.__name__} needs no mapping there.")
            given[key] = _from_dict(hints[key], value)
    return kind(**given)


def _needed(field: dataclasses.Field[Any]) -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


class Model(nn.Module):
    """A module with a configuration, which a checkpoint can carry.

    Attributes:
        config: what it was built from.
        metadata: what the checkpoint says about its training; empty for a fresh model.
    """

    config_class: ClassVar[type[ModelConfig]] = ModelConfig

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.metadata: dict[str, Any] = {}

    @classmethod
    def from_pretrained(cls, name_or_path: str | os.PathLike[str], *, revision: str | None = None) -> Self:
        """Load a course checkpoint by name, any file that :meth:`save_pretrained` wrote, or published weights.

        Published are: a folder with ``config.json`` and ``model.safetensors``, that file, and ``"organisation/name"``
        on the Hugging Face hub (kept in its cache; safetensors only, no code). In evaluation mode.

        Args:
            name_or_path: name, file, folder, or name on the hub.
            revision: of the hub: a commit pins the weights; None for the newest.

        Raises:
            CheckpointError: no such file, damage, the checkpoint of another model, or no network.
        """
        from mmcourse import pretrained  # knows the models, which know this class

        if pretrained.hub.is_published(name_or_path):
            found = pretrained.from_published(name_or_path, revision)
            if not isinstance(found, cls):
                raise checkpoint.CheckpointError(
                    f"{name_or_path} holds a {type(found).__name__}, not a {cls.__name__}; load it with that class."
                )
            return found
        if revision is not None:
            raise checkpoint.CheckpointError("a revision belongs to a name on the hub, as in 'organisation/name'.")
        path = checkpoint.find(name_or_path)
        tensors, metadata = checkpoint.load(path)
        if metadata.get("model") != cls.__name__:
            raise checkpoint.CheckpointError(
                f"{path.name} holds a {metadata.get('model')}, not a {cls.__name__}; load it with that class."
            )
        config = _config(cls.config_class, metadata.get("config"), path.name)
        _check_fit(cls, config, tensors, path.name)
        model = cls(config)
        _take_types(model, tensors)
        model.load_state_dict(tensors)
        model.metadata = metadata
        return model.eval()

    def save_pretrained(self, path: str | os.PathLike[str], **metadata: Any) -> None:
        """Write weights, configuration and whatever else is known about them to a safetensors file."""
        about = {**self.metadata, **metadata, "model": type(self).__name__, "config": dataclasses.asdict(self.config)}
        checkpoint.save(path, self.state_dict(), about)

    def parameter_count(self) -> int:
        """Number of trained values."""
        return sum(parameter.numel() for parameter in self.parameters())


#: Numbers that a model may hold beside those of its file (tables that are computed, masks), as a multiple of the
#: file's and on top of it; more than that is no model of this file.
BESIDE, ON_TOP = 64, 2**24


def _config(kind: type[ModelConfig], values: Any, name: str) -> ModelConfig:
    """The configuration that a checkpoint carries."""
    if not isinstance(values, dict):
        raise checkpoint.CheckpointError(f"{name} carries no configuration; load a file that save_pretrained wrote.")
    try:
        return kind.from_dict(values)
    except (ValueError, TypeError) as error:
        raise checkpoint.CheckpointError(f"{name} carries a configuration that makes no model: {error}") from error


def _numbers(config: Any) -> list[tuple[str, int]]:
    """Every whole number of a configuration, by field, those of nested configurations too."""
    found: list[tuple[str, int]] = []
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        if dataclasses.is_dataclass(value):
            found += _numbers(value)
        for one in value if isinstance(value, tuple | list) else [value]:
            if isinstance(one, int) and not isinstance(one, bool):
                found.append((field.name, one))
    return found


def _check_fit(kind: type[Model], config: ModelConfig, tensors: dict[str, Tensor], name: str) -> None:
    """Whether a configuration asks for the tensors of the file and no more, found out before memory is taken.

    No layer comes without a tensor, and no size without numbers: what is larger than the file cannot be its own. What
    is left is built on the meta device, which holds shapes and no numbers.
    """
    held = sum(tensor.numel() for tensor in tensors.values())
    for field, value in _numbers(config):
        most = len(tensors) if field.endswith("layers") else BESIDE * held + ON_TOP
        if value > most:
            raise checkpoint.CheckpointError(
                f"{name} asks for {field}={value:,} and holds {len(tensors)} tensors of {held:,} numbers in all; "
                "restore or train it again."
            )
    try:
        with torch.device("meta"):
            empty = kind(config)
    except (ValueError, TypeError, RuntimeError, OverflowError, ArithmeticError) as error:
        reason = " ".join(str(error).split())[:200]
        raise checkpoint.CheckpointError(f"{name} carries a configuration that makes no model: {reason}") from error
    wanted = {key: tuple(tensor.shape) for key, tensor in empty.state_dict().items()}
    given = {key: tuple(tensor.shape) for key, tensor in tensors.items()}
    missing, unexpected = [key for key in wanted if key not in given], [key for key in given if key not in wanted]
    if missing or unexpected:
        raise checkpoint.CheckpointError(f"{name} does not fit: missing {missing[:5]}, left over {unexpected[:5]}.")
    for key, shape in wanted.items():
        if given[key] != shape:
            raise checkpoint.CheckpointError(f"{name} does not fit: {key} is {given[key]}, and {shape} is needed.")
    built = sum(tensor.numel() for tensor in [*empty.parameters(), *empty.buffers()])
    if built > BESIDE * held + ON_TOP:
        raise checkpoint.CheckpointError(f"{name} asks for {built:,} numbers and holds {held:,}; train it again.")


def _take_types(model: Model, tensors: dict[str, Tensor]) -> None:
    """Give a model the floating types of its file: a float64 or half model comes back as one."""
    types = {tensor.dtype for tensor in tensors.values() if tensor.is_floating_point()}
    if len(types) == 1:
        model.to(types.pop())
        return
    for key, tensor in model.state_dict(keep_vars=True).items():
        if tensor.is_floating_point():
            tensor.data = tensor.data.to(tensors[key].dtype)
