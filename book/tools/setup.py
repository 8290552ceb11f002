"""Make .venv from requirements.lock: the one set-up step behind every make target.

Needs nothing but Python 3.11 to 3.13. uv does the installing; where the machine has none,
it is put into .bootstrap first. ``--torch cpu`` takes torch's CPU builds on Linux and spares
four gigabytes of CUDA libraries.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv"
STAMP = VENV / ".ready"
CHOICE = VENV / ".torch"
LOCK = ROOT / "requirements.lock"
SCRIPTS = "Scripts" if os.name == "nt" else "bin"
PYTHON = VENV / SCRIPTS / ("python.exe" if os.name == "nt" else "python")
#: Built anew for each backend, so that PyPI's hashes do not fit the CPU builds.
REBUILT = {"torch", "torchvision", "torchaudio"}
#: What only the CUDA build asks for.
CUDA_ONLY = re.compile(r"(nvidia-.*|cuda-.*|triton)$")


def plain_words() -> None:
    """For every tool: letters that the terminal lacks become `?`, and Ctrl-C ends it without a traceback."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")  # type: ignore[union-attr]
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def fail(message: str) -> None:
    """Leave with one line for a student."""
    raise SystemExit(f"setup: {message}")


def check_python() -> None:
    """Leave where this Python is outside the tested range."""
    if not (3, 11) <= sys.version_info < (3, 14):  # whoever starts this may have another one
        version = sys.version.split()[0]
        fail(f"Python {version} is here, 3.11 to 3.13 are tested; `make book PYTHON=python3.12` names another")


def run(*command: str | Path) -> None:
    """Run a command, or leave with the command that did not work."""
    try:
        done = subprocess.run([str(part) for part in command], cwd=ROOT, check=False)
    except OSError as error:
        fail(f"could not start {command[0]}: {error}")
    if done.returncode:
        fail(f"this step did not work (its own message stands above): {' '.join(str(part) for part in command)}")


def entries(lock: str) -> dict[str, str]:
    """The entries of a lock: a package's name to its version and hashes."""
    parts = [part for part in re.split(r"\n(?=\S)", lock.strip()) if not part.startswith("#")]
    return {re.split(r"[=<>!~ \[;@]", part, maxsplit=1)[0].lower(): part for part in parts}


def find_uv(run: Callable[..., object] = run) -> Path:
    """The machine's uv, or the locked one in .bootstrap, which ``run`` puts there."""
    found = shutil.which("uv")
    if found:
        return Path(found)
    home = ROOT / ".bootstrap" / "uv"
    uv = home / SCRIPTS / ("uv.exe" if os.name == "nt" else "uv")
    if not uv.exists():
        run(sys.executable, "-m", "venv", "--clear", home)
        with tempfile.TemporaryDirectory() as folder:
            wanted = Path(folder) / "uv.txt"
            wanted.write_text(entries(LOCK.read_text(encoding="utf-8"))["uv"], encoding="utf-8")
            pip = (home / SCRIPTS / "python", "-m", "pip", "--quiet", "--disable-pip-version-check", "--retries", "1")
            run(*pip, "install", "--timeout", "5", "--require-hashes", "--requirement", wanted)
        print("setup: no uv on this machine, so one was put into .bootstrap", flush=True)
    return uv


def without_cuda(lock: str) -> str:
    """The lock for torch's CPU builds: no CUDA libraries, no hashes where the wheels are other ones."""
    kept = {name: entry for name, entry in entries(lock).items() if not CUDA_ONLY.match(name)}
    return "".join(
        (entry.split("\\\n", 1)[0].rstrip() if name in REBUILT else entry) + "\n" for name, entry in kept.items()
    )


def sync_cpu(uv: Path) -> None:
    """Bring .venv to the lock with torch's CPU builds, which PyPI does not have for Linux."""
    print("setup: torch's CPU builds come from PyTorch's index, and unhashed: the lock knows PyPI's files", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        trimmed = Path(folder) / "requirements-cpu.txt"
        trimmed.write_text(without_cuda(LOCK.read_text(encoding="utf-8")), encoding="utf-8")
        command = [uv, "pip", "sync", "--python", PYTHON, "--torch-backend", "cpu", trimmed]
        if subprocess.run([str(part) for part in command], cwd=ROOT, check=False).returncode:
            fail("torch's CPU builds could not be had (the reason stands above); TORCH=default needs PyPI alone")


def install(uv: Path, torch: str) -> None:
    """Bring .venv to exactly what the lock says, then the project itself."""
    works = PYTHON.exists() and subprocess.run([str(PYTHON), "-c", ""], check=False).returncode == 0
    if not works:
        run(uv, "venv", "--quiet", "--clear", "--no-project", "--python", sys.executable, VENV)
    if torch == "cpu" and sys.platform == "linux":
        sync_cpu(uv)
    else:
        run(uv, "pip", "sync", "--python", PYTHON, "--require-hashes", LOCK)
    run(uv, "pip", "install", "--quiet", "--python", PYTHON, "--no-deps", "--editable", ROOT)


def main() -> None:
    """Parse the options, install, leave the stamp that spares the next run the work."""
    plain_words()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--torch", choices=["default", "cpu"], default=os.environ.get("TORCH") or "default")
    chosen = parser.parse_args().torch
    check_python()
    STAMP.unlink(missing_ok=True)
    install(find_uv(), chosen)
    CHOICE.write_text(f"{chosen}\n", encoding="utf-8")
    STAMP.touch()


if __name__ == "__main__":
    main()
