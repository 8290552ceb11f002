"""Checkpoints: tensors in safetensors, what is known about them, and a checksum that finds damage. Never pickle."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from mmcourse.checks import choose
from mmcourse.files import reason, replacing

WEIGHTS = Path(__file__).parent / "pretrained" / "weights"
"""The folder of the course's own checkpoints; it is part of the package."""


class CheckpointError(ValueError):
    """A checkpoint that is missing, truncated, altered, or not a safetensors file."""


def checksum(tensors: dict[str, Tensor], metadata: str) -> str:
    """SHA-256 over metadata and every tensor's name, type, shape and bytes."""
    digest = hashlib.sha256(metadata.encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def save(path: str | os.PathLike[str], tensors: dict[str, Tensor], metadata: dict[str, Any]) -> None:
    """Write tensors and metadata so that the file is whole or, after a crash, the old one is still there.

    Args:
        path: the file; its folder is made if need be.
        tensors: name to tensor, of any device; stored on the CPU.
        metadata: anything that JSON can hold.

    Raises:
        CheckpointError: the folder cannot be written; one line names it.
    """
    path = Path(path)
    # Copies, because safetensors refuses tensors that share memory (tied weights, views).
    tensors = {name: tensor.detach().cpu().clone().contiguous() for name, tensor in tensors.items()}
    text = json.dumps(metadata, sort_keys=True)
    try:
        with replacing(path) as temporary:
            save_file(tensors, temporary, metadata={"mmcourse": text, "sha256": checksum(tensors, text)})
    except (OSError, SafetensorError) as error:
        raise CheckpointError(
            f"{path} cannot be written ({reason(error)}); choose a folder that you may write to."
        ) from error


def load(path: str | os.PathLike[str]) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read a file that :func:`save` wrote, and check its checksum.

    Returns:
        The tensors by name, and the metadata.

    Raises:
        CheckpointError: missing, truncated, altered, or written by something else; one line says which.
    """
    path = Path(path)
    if not _is_file(path):
        raise CheckpointError(f"{path} is not there; give the path of a .safetensors file.")
    try:
        with safe_open(path, framework="pt") as file:
            header = file.metadata() or {}
            # Copies: what is read must not change, or end the process, when somebody writes to the file.
            tensors = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118 (no mapping)
    except (SafetensorError, OSError, ValueError) as error:
        raise CheckpointError(
            f"{path} is truncated or no safetensors file ({error}); restore or train it again."
        ) from error
    if "mmcourse" not in header or "sha256" not in header:
        raise CheckpointError(f"{path} is a safetensors file, but none of this course's: it has no recipe or checksum.")
    if checksum(tensors, header["mmcourse"]) != header["sha256"]:
        raise CheckpointError(
            f"{path} was altered after it was written: its checksum differs; restore or train it again."
        )
    try:
        metadata = json.loads(header["mmcourse"])
    except ValueError:
        metadata = None
    if not isinstance(metadata, dict):
        raise CheckpointError(f"{path} has metadata that is no mapping; restore or train it again.")
    return tensors, metadata


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name that is too long for the file system
        return False


def names() -> list[str]:
    """The course's own checkpoints, by name."""
    return sorted(path.stem for path in WEIGHTS.glob("*.safetensors"))


def find(name_or_path: str | os.PathLike[str]) -> Path:
    """The file of a course checkpoint's name, or a path as it is.

    Raises:
        CheckpointError: neither a file nor a known name; the line lists the names and the nearest one.
    """
    if not isinstance(name_or_path, str | os.PathLike):
        raise CheckpointError(f"a checkpoint is given by a name or a path, not by {name_or_path!r}.")
    path = Path(name_or_path)
    if path.suffix == ".safetensors" or _is_file(path):
        return path
    packaged = WEIGHTS / f"{name_or_path}.safetensors"
    if _is_file(packaged):
        return packaged
    try:
        choose("checkpoint", str(name_or_path), names())
    except ValueError as error:
        raise CheckpointError(str(error)) from None
    raise AssertionError("a known name has a file")
