"""Choose every version anew inside pyproject.toml's ranges; write requirements.lock and environment.yml."""

from __future__ import annotations

import os
import re
import tomllib
from pathlib import Path

from setup import ROOT, find_uv, run

HEADER = """\
# Every version, with the hashes of its files, for Python 3.11 and newer on Linux, macOS and Windows.
# Written by `make lock` from the ranges in pyproject.toml. Install with `make setup`.
"""


ENVIRONMENT = """\
# The same set for conda, mamba and Binder: the ranges of pyproject.toml, written by `make lock`.
# torch comes from conda-forge, which gives a machine without a GPU the small build.
name: mmcourse
channels: [conda-forge]
dependencies:
  - python{python},<3.14
  - pip
  - make
"""
#: What conda-forge calls the packages that must come from it together.
CONDA = {"torch": "pytorch", "torchvision": "torchvision", "torchaudio": "torchaudio"}


def environment(project: dict) -> str:
    """The text of environment.yml for a project table of pyproject.toml."""
    extras = project["optional-dependencies"]
    wanted = [*project["dependencies"], *extras["book"], *extras["test"]]
    text = ENVIRONMENT.format(python=project["requires-python"])
    named = [(re.match(r"[\w.-]+", line).group(), line) for line in wanted]  # type: ignore[union-attr]
    text += "".join(f"  - {CONDA[name]}{line[len(name) :]}\n" for name, line in named if name in CONDA)
    text += "  - pip:\n" + "".join(f"      - {line}\n" for name, line in named if name not in CONDA)
    return text + "      - -e .\n"


def main() -> None:
    """Compile into a new file beside the lock, then put it in the lock's place."""
    fresh = ROOT / "requirements.lock.new"
    options = ["--extra", "book", "--extra", "test", "--universal", "--python-version", "3.11"]
    options += ["--fork-strategy", "fewest", "--generate-hashes", "--upgrade"]
    options += ["--no-annotate", "--no-header", "--no-emit-index-url", "--no-emit-find-links"]
    run(find_uv(), "pip", "compile", "--quiet", "pyproject.toml", *options, "--output-file", fresh)
    fresh.write_text(HEADER + Path(fresh).read_text())
    os.replace(fresh, ROOT / "requirements.lock")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    (ROOT / "environment.yml").write_text(environment(project))


if __name__ == "__main__":
    main()
