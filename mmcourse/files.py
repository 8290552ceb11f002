"""Files that are whole or not there: written beside their place first, then renamed over it."""

from __future__ import annotations

import contextlib
import errno
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

LONGEST_STEM = 100  # of a temporary name: most file systems allow 255 bytes in all


def reason(error: BaseException) -> str:
    """Why a file could not be read or written, in a few words for one line."""
    number = getattr(error, "errno", None)
    if number == errno.ENOSPC or "No space left" in str(error) or "os error 28" in str(error):
        return "no space is left on the disk"
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(str(text).split())


@contextlib.contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """A temporary file to write, which takes the place of ``path`` when the block ends well; else it is removed.

    A symbolic link stays one: the file that it points to is replaced. The file keeps the permissions of the one it
    replaces; a new one gets those of any new file (the ``umask``).

    Raises:
        OSError: the folder cannot be made or written.
    """
    target = Path(os.path.realpath(path))
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=_prefix(target), suffix=".part")
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        _give_mode(temporary, target)
        with open(temporary, "rb+") as written:
            os.fsync(written.fileno())
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


def write_bytes(path: str | os.PathLike[str], whole: bytes) -> None:
    """Put bytes in place whole; see :func:`replacing`."""
    with replacing(path) as temporary:
        temporary.write_bytes(whole)


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Put text in place whole, as UTF-8 with ``\\n`` at the ends of lines on every system; see :func:`replacing`."""
    write_bytes(path, text.encode("utf-8"))


def remove_stale(path: str | os.PathLike[str]) -> int:
    """Remove what writers of this file left behind when they were killed, and say how many there were.

    Only for whoever holds the lock that guards ``path``: a writer at work would lose its file.
    """
    target = Path(os.path.realpath(path))
    prefix, removed = _prefix(target), 0
    with contextlib.suppress(OSError):
        for found in list(target.parent.iterdir()):
            if found.name.startswith(prefix) and found.name.endswith(".part"):
                with contextlib.suppress(OSError):
                    found.unlink()
                    removed += 1
    return removed


def check_writable(folder: str | os.PathLike[str]) -> None:
    """Make a folder and try to write into it.

    Raises:
        ValueError: it cannot be written; one line that says why.
    """
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"x")
    except (OSError, ValueError) as error:
        raise ValueError(
            f"{folder} cannot be written ({reason(error)}); choose a folder that you may write to."
        ) from error


def _prefix(target: Path) -> str:
    return f".{target.name[:LONGEST_STEM]}."


def _give_mode(temporary: Path, target: Path) -> None:
    """The mode of the file that is replaced, or that of any new file: ``mkstemp`` gives 0o600."""
    try:
        mode = target.stat().st_mode & 0o7777
    except OSError:
        mask = os.umask(0o077)
        os.umask(mask)
        mode = 0o666 & ~mask
    with contextlib.suppress(OSError):  # a file system without modes
        os.chmod(temporary, mode)
