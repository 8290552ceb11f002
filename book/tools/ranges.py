"""Run the package's tests at the lower ends of pyproject.toml's ranges, on the oldest and the newest Python.

Each Python gets an environment of its own under ``.ranges``, with the oldest direct dependencies that the ranges allow.
uv takes a Python of the machine, or fetches one. ``TORCH=cpu`` takes torch's CPU builds, as in set-up.
"""

from __future__ import annotations

import os
import sys

from setup import ROOT, SCRIPTS, find_uv, plain_words, run

PYTHONS = ("3.11", "3.13")
TESTS = ("tests/unit", "tests/parity", "tests/data")


def main() -> None:
    """Install and test, one Python after the other; the first that fails ends it."""
    plain_words()
    uv = find_uv()
    backend = ["--torch-backend", "cpu"] if os.environ.get("TORCH") == "cpu" else []
    os.environ |= {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    for version in sys.argv[1:] or PYTHONS:
        folder = ROOT / ".ranges" / version
        python = folder / SCRIPTS / "python"
        print(f"ranges: Python {version}, the oldest versions that pyproject.toml allows", flush=True)
        run(uv, "venv", "--quiet", "--clear", "--no-project", "--python", version, folder)
        # Without the project's own settings for uv, which hold torch at the lock's version.
        install = [uv, "--no-config", "pip", "install", "--quiet", "--python", python, *backend]
        # What has no wheel for this Python counts as not allowed: numpy 1.26 on 3.13, for one.
        # openai-whisper is published as source alone.
        wheels = ["--only-binary", ":all:", "--no-binary", "mmcourse", "--no-binary", "openai-whisper"]
        run(*install, *wheels, "--resolution", "lowest-direct", "--editable", f"{ROOT}[test]")
        run(python, "-m", "pytest", *TESTS, "-n", "2", "-p", "no:cacheprovider")


if __name__ == "__main__":
    main()
