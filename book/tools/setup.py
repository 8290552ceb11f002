"""Make .venv from requirements.lock: the one set-up step behind every make target.

Needs nothing but Python 3.11 or newer. uv does the installing; where the machine has none,
it is put into .bootstrap first. ``--torch cpu`` takes torch's CPU builds on Linux and spares
four gigabytes of CUDA libraries.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv"
STAMP = VENV / ".ready"
CHOICE = VENV / ".torch"
SCRIPTS = "Scripts" if os.name == "nt" else "bin"
#: Built anew for each backend, so that PyPI's hashes do not fit the CPU builds.
REBUILT = {"torch", "torchvision", "torchaudio"}
#: What only the CUDA build asks for.
CUDA_ONLY = re.compile(r"(nvidia-.*|cuda-.*|triton)$")


def fail(message: str) -> None:
    """Leave with one line for a student."""
    raise SystemExit(f"setup: {message}")


def run(*command: str | Path) -> None:
    """Run a command, or leave with the command that did not work."""
    try:
        done = subprocess.run([str(part) for part in command], cwd=ROOT, check=False)
    except OSError as error:
        fail(f"could not start {command[0]}: {error}")
    if done.returncode:
        fail(f"this step did not work (its own message stands above): {' '.join(str(part) for part in command)}")


def find_uv() -> Path:
    """The machine's uv, or one of our own in .bootstrap."""
    found = shutil.which("uv")
    if found:
        return Path(found)
    home = ROOT / ".bootstrap"
    uv = home / SCRIPTS / ("uv.exe" if os.name == "nt" else "uv")
    if not uv.exists():
        print("setup: no uv on this machine, putting one into .bootstrap", flush=True)
        run(sys.executable, "-m", "venv", "--clear", home)
        run(home / SCRIPTS / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "uv")
    return uv


def without_cuda(lock: str) -> str:
    """The lock for torch's CPU builds: no CUDA libraries, no hashes where the wheels are other ones."""
    kept: list[str] = []
    for entry in re.split(r"\n(?=\S)", lock.strip()):
        name = re.split(r"[=<>!~ \[;@]", entry, maxsplit=1)[0].lower()
        if CUDA_ONLY.match(name):
            continue
        kept.append(entry.split("\\\n", 1)[0].rstrip() if name in REBUILT else entry)
    return "\n".join(kept) + "\n"


def install(uv: Path, torch: str) -> None:
    """Bring .venv to exactly what the lock says, then the project itself."""
    python = VENV / SCRIPTS / ("python.exe" if os.name == "nt" else "python")
    works = python.exists() and subprocess.run([str(python), "-c", ""], check=False).returncode == 0
    if not works:
        run(uv, "venv", "--quiet", "--clear", "--no-project", "--python", sys.executable, VENV)
    lock = ROOT / "requirements.lock"
    if torch == "cpu" and sys.platform == "linux":
        with tempfile.TemporaryDirectory() as folder:
            trimmed = Path(folder) / "requirements-cpu.txt"
            trimmed.write_text(without_cuda(lock.read_text()))
            run(uv, "pip", "sync", "--python", python, "--torch-backend", "cpu", trimmed)
    else:
        run(uv, "pip", "sync", "--python", python, "--require-hashes", lock)
    run(uv, "pip", "install", "--quiet", "--python", python, "--no-deps", "--editable", ROOT)


def main() -> None:
    """Parse the options, install, leave the stamp that spares the next run the work."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--torch", choices=["default", "cpu"], default=os.environ.get("TORCH") or "default")
    chosen = parser.parse_args().torch
    if sys.version_info < (3, 11):  # noqa: UP036  (whoever starts this may have another one)
        version = sys.version.split()[0]
        fail(f"Python {version} is too old: 3.11 or newer is needed. `make book PYTHON=python3.12` names another.")
    STAMP.unlink(missing_ok=True)
    install(find_uv(), chosen)
    CHOICE.write_text(f"{chosen}\n")
    STAMP.touch()


if __name__ == "__main__":
    main()
