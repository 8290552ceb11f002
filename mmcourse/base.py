"""What every model of the book can do besides its forward: be built from a preset, be saved, be loaded."""

from __future__ import annotations

import dataclasses
import difflib
import os
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from torch import nn

from mmcourse import checkpoint


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
        if name not in cls.PRESETS:
            near = difflib.get_close_matches(name, cls.PRESETS, n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise ValueError(f"{cls.__name__} has no preset {name!r}; choose one of {', '.join(cls.PRESETS)}.{hint}")
        return cls.from_dict({**cls.PRESETS[name], **changes})

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Build from a mapping; a field that does not exist is an error that names it, never ignored."""
        known = {field.name for field in dataclasses.fields(cls)}
        unknown = [key for key in values if key not in known]
        if unknown:
            raise ValueError(f"{cls.__name__} has no field {unknown[0]!r}; it has {', '.join(sorted(known))}.")
        return cls(**values)


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
    def from_pretrained(cls, name_or_path: str | os.PathLike[str]) -> Self:
        """Load a course checkpoint by name, or any file that :meth:`save_pretrained` wrote; in evaluation mode.

        Raises:
            CheckpointError: no such file, damage, or the checkpoint of another model.
        """
        path = checkpoint.find(name_or_path)
        tensors, metadata = checkpoint.load(path)
        if metadata.get("model") != cls.__name__:
            raise checkpoint.CheckpointError(
                f"{path.name} holds a {metadata.get('model')}, not a {cls.__name__}; load it with that class."
            )
        model = cls(cls.config_class.from_dict(metadata["config"]))
        missing, unexpected = model.load_state_dict(tensors, strict=False)
        if missing or unexpected:
            raise checkpoint.CheckpointError(f"{path.name} does not fit: missing {missing}, left over {unexpected}.")
        model.metadata = metadata
        return model.eval()

    def save_pretrained(self, path: str | os.PathLike[str], **metadata: Any) -> None:
        """Write weights, configuration and whatever else is known about them to a safetensors file."""
        about = {**self.metadata, **metadata, "model": type(self).__name__, "config": dataclasses.asdict(self.config)}
        checkpoint.save(path, self.state_dict(), about)

    def parameter_count(self) -> int:
        """Number of trained values."""
        return sum(parameter.numel() for parameter in self.parameters())
