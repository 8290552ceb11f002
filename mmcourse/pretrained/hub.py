"""Published weights: where their files are, on this machine or on the Hugging Face hub, and what they hold."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from mmcourse.checkpoint import CheckpointError

CONFIG, PROCESSOR, WEIGHTS, INDEX = (
    "config.json",
    "preprocessor_config.json",
    "model.safetensors",
    "model.safetensors.index.json",
)


class Published(NamedTuple):
    """The files of one published model.

    Attributes:
        config: what ``config.json`` says.
        processor: what ``preprocessor_config.json`` says; None where there is none.
        tensors: name there -> tensor.
    """

    config: dict[str, Any]
    processor: dict[str, Any] | None
    tensors: dict[str, Tensor]


def is_published(name_or_path: str | os.PathLike[str]) -> bool:
    """Whether this names a folder with a ``config.json``, the weights file beside one, or a model of the hub."""
    path = Path(name_or_path)
    try:
        if path.is_dir():
            return True
        if path.is_file() or path.suffix == ".safetensors":
            return path.is_file() and path.name == WEIGHTS and (path.parent / CONFIG).is_file()
    except (OSError, ValueError):  # a name that no file can have
        return False
    return isinstance(name_or_path, str) and re.fullmatch(r"[\w.-]+/[\w.-]+", name_or_path) is not None


def load(name_or_path: str | os.PathLike[str], revision: str | None = None) -> Published:
    """Read the files of a published model.

    Args:
        name_or_path: a folder, its weights file, or ``"organisation/name"`` on the hub: its files are fetched once and
            kept in the cache of huggingface_hub.
        revision: of the hub: a commit (which cannot change), a tag or a branch; None for the newest.

    Raises:
        CheckpointError: no such model, no network, no safetensors, or damage; one line says which.
    """
    path = Path(name_or_path)
    fetch = (
        _from_folder(path if path.is_dir() else path.parent)
        if path.exists()
        else _from_hub(str(name_or_path), revision)
    )
    config = fetch(CONFIG)
    if config is None:
        raise CheckpointError(f"{name_or_path} holds no {CONFIG}; give a folder that save_pretrained wrote.")
    processor = fetch(PROCESSOR)
    return Published(_json(config), None if processor is None else _json(processor), _tensors(name_or_path, fetch))


def _tensors(name: str | os.PathLike[str], fetch: Callable[[str], Path | None]) -> dict[str, Tensor]:
    found = [fetch(WEIGHTS)]
    if found == [None] and (index := fetch(INDEX)):
        places = _json(index).get("weight_map")
        if not isinstance(places, dict) or not all(isinstance(shard, str) for shard in places.values()):
            raise CheckpointError(f"{index} names no files; fetch it again.")
        shards = sorted(set(places.values()))
        if any(Path(shard).name != shard for shard in shards):
            raise CheckpointError(f"{index} names files outside its folder; it is not read.")
        found = [fetch(shard) for shard in shards]
    files = [file for file in found if file is not None]
    if not files or len(files) < len(found):
        raise CheckpointError(f"{name} holds no {WEIGHTS}; weights are read as safetensors only, never as pickle.")
    tensors: dict[str, Tensor] = {}
    for file in files:
        try:
            tensors.update(load_file(file))
        except (SafetensorError, OSError) as error:
            raise CheckpointError(f"{file} is truncated or no safetensors file ({error}); fetch it again.") from error
    return tensors


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path} is no JSON ({error}); fetch it again.") from error
    if not isinstance(found, dict):
        raise CheckpointError(f"{path} holds a {type(found).__name__}, where names and values are needed.")
    return found


def _from_folder(folder: Path) -> Callable[[str], Path | None]:
    return lambda file: folder / file if (folder / file).is_file() else None


def _from_hub(repository: str, revision: str | None) -> Callable[[str], Path | None]:
    """What fetches one file of a model on the hub, or None where the model has no such file. No code is fetched."""
    import huggingface_hub
    from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError, LocalEntryNotFoundError

    def fetch(file: str) -> Path | None:
        try:
            return Path(huggingface_hub.hf_hub_download(repository, file, revision=revision))
        except LocalEntryNotFoundError as error:
            raise CheckpointError(
                f"{repository} is not in the cache and the hub cannot be reached; connect once, or give a folder."
            ) from error
        except EntryNotFoundError:
            return None
        except (HfHubHTTPError, OSError, ValueError) as error:
            line = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
            at = f" at revision {revision}" if revision else ""
            raise CheckpointError(f"{repository}{at} cannot be fetched from the hub: {line}") from error

    return fetch
