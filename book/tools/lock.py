"""Write requirements.lock and environment.yml from pyproject.toml's ranges.

Versions that the lock has and the ranges allow stay; ``--upgrade`` chooses every one anew.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import tomllib

from setup import LOCK, ROOT, find_uv, plain_words, run

HEADER = """\
# Every version, with the hashes of its files, for Python 3.11 to 3.13 on Linux, macOS and Windows.
# Written by `make lock` from the ranges in pyproject.toml. Install with `make setup`.
"""


ENVIRONMENT = """\
# The same set for conda, mamba and Binder: the ranges of pyproject.toml, written by `make lock`.
# torch comes from conda-forge, which gives a machine without a GPU the small build.
name: mmcourse
channels: [conda-forge]
dependencies:
  - python{python}
  - pip
  - make
"""
#: What environment.yml holds beside the package's own dependencies.
EXTRAS = ["book", "test", "notebook"]
#: What conda-forge calls the packages that must come from it together.
CONDA = {"torch": "pytorch", "torchvision": "torchvision", "torchaudio": "torchaudio"}


def environment(project: dict) -> str:
    """The text of environment.yml for a project table of pyproject.toml."""
    extras = project["optional-dependencies"]
    wanted = [*project["dependencies"], *(line for extra in EXTRAS for line in extras[extra])]
    text = ENVIRONMENT.format(python=project["requires-python"])
    named = [(re.match(r"[\w.-]+", line).group(), line) for line in wanted]  # type: ignore[union-attr]
    text += "".join(f"  - {CONDA[name]}{line[len(name) :]}\n" for name, line in named if name in CONDA)
    text += "  - pip:\n" + "".join(f"      - {line}\n" for name, line in named if name not in CONDA)
    return text + "      - -e .\n"


def main() -> None:
    """Compile into a new file beside the lock, then put it in the lock's place."""
    plain_words()
    fresh = ROOT / "requirements.lock.new"
    shutil.copyfile(LOCK, fresh)  # uv prefers the versions that it finds there
    extras = [word for extra in [*EXTRAS, "instruments"] for word in ("--extra", extra)]
    options = [*extras, "--universal", "--python-version", "3.11"]
    options += ["--fork-strategy", "fewest", "--generate-hashes"]
    options += ["--no-annotate", "--no-header", "--no-emit-index-url", "--no-emit-find-links"]
    options += ["--upgrade"] if "--upgrade" in sys.argv else []
    run(find_uv(), "pip", "compile", "--quiet", "pyproject.toml", *options, "--output-file", fresh)
    fresh.write_text(HEADER + fresh.read_text(encoding="utf-8"), encoding="utf-8")
    os.replace(fresh, LOCK)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    (ROOT / "environment.yml").write_text(environment(project), encoding="utf-8")


if __name__ == "__main__":
    main()
