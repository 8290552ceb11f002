"""What was slow to make is kept on disk: one writer at a time, never half a file, never a reason to fail."""

from __future__ import annotations

import hashlib
import logging
import os
import re
import sys
import tempfile
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from torch import Tensor

from mmcourse import checkpoint
from mmcourse.files import reason, remove_stale

log = logging.getLogger(__name__)
_told: set[str] = set()

FORMAT = 1
WAIT_SECONDS = 300.0


def cache_folder() -> Path:
    """Where rasterised pictures are kept: ``MMCOURSE_CACHE``, else where this system keeps caches."""
    chosen = os.environ.get("MMCOURSE_CACHE")
    if chosen:
        return Path(chosen).expanduser()
    import platformdirs

    return Path(platformdirs.user_cache_dir("mmcourse", appauthor=False))


def data_folder() -> Path:
    """Where downloaded sets are kept: ``MMCOURSE_DATA``, else where this system keeps a program's data."""
    chosen = os.environ.get("MMCOURSE_DATA")
    if chosen:
        return Path(chosen).expanduser()
    import platformdirs

    return Path(platformdirs.user_data_dir("mmcourse", appauthor=False))


def key(name: str, *packages: str) -> str:
    """A file name that changes when one of the packages it was made with does."""
    found = []
    for package in packages:
        try:
            found.append(f"{package}={version(package)}")
        except PackageNotFoundError:
            found.append(f"{package}=absent")
    digest = hashlib.sha256(f"{FORMAT} {' '.join(found)}".encode()).hexdigest()[:10]
    return f"{re.sub(r'[^a-z0-9.-]+', '-', name.lower())}-{digest}"


def notice(message: str) -> None:
    """Say something once: in a terminal as one line, in a notebook to the log alone.

    A notebook is stored with its outputs and these are compared on other machines, so what is true
    of this machine only has no place in them; ``mmcourse data`` says it there.
    """
    if message in _told:
        return
    _told.add(message)
    log.log(logging.INFO if "ipykernel" in sys.modules else logging.WARNING, message)


def cached(name: str, make: Callable[[], dict[str, Tensor]]) -> dict[str, Tensor]:
    """The tensors stored under a name, or made now and stored.

    Two processes that ask together make them once: the second waits for the first. A file that is
    damaged is made again. Where the folder cannot be written, the tensors are made in memory.

    Args:
        name: File name without its ending, from ``key``.
        make: Called without arguments when nothing good is stored.
    """
    from filelock import FileLock

    folder = cache_folder()
    path = folder / f"{name}.safetensors"
    found = _read(path)
    if found is not None:
        return found
    lock = FileLock(folder / f"{name}.lock")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=WAIT_SECONDS)
    except (OSError, NotImplementedError) as error:
        _unwritable(folder, error)
        return make()
    try:
        found = _read(path)
        if found is None:
            remove_stale(path)
            found = make()
            try:
                checkpoint.save(path, found, {})
            except checkpoint.CheckpointError as error:
                _unwritable(folder, error.__cause__ or error)
        return found
    finally:
        lock.release()


def problem() -> str | None:
    """Why the cache folder cannot be written, in a few words, or None when it can."""
    folder = cache_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return None
    except OSError as error:
        return reason(error)


def _unwritable(folder: Path, error: BaseException) -> None:
    notice(
        f"the cache folder {folder} cannot be written ({reason(error)}): pictures are made anew each time; "
        "set MMCOURSE_CACHE to a folder that can be"
    )


def _read(path: Path) -> dict[str, Tensor] | None:
    try:
        return checkpoint.load(path)[0]
    except checkpoint.CheckpointError:
        return None
