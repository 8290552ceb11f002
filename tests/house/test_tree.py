"""The tree holds nothing that belongs to one machine, and nothing left undone."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
#: Written in two halves, so that this file does not find itself.
FOREIGN = ["/ro" + "ot/", "/ho" + "me/", "/Us" + "ers/", "/wo" + "rk/", "/opt/" + "wheels", "/opt/" + "pypi"]
HOSTS = ["py" + "pi.org", "python" + "hosted.org", "registry." + "npmjs", "deb." + "debian.org"]
HOSTS += ["cdn." + "jsdelivr", "unp" + "kg.com"]
UNDONE = ["TO" + "DO", "FIX" + "ME", "X" * 3]
TEXT = {".py", ".md", ".toml", ".yml", ".cff", ".bib", ".js", ".css", ".svg", ".ipynb", ".json", ".lock", ".cfg", ""}


def tracked() -> list[Path]:
    """The text files that git tracks; where there is no git, every one outside built folders."""
    asked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    names = asked.stdout.split("\0") if asked.returncode == 0 else []
    return [path for name in names if name and (path := ROOT / name).suffix in TEXT and path.is_file()]


def lines_with(words: list[str], whole: bool = False) -> list[str]:
    """Every line that holds one of the words."""
    pattern = re.compile("|".join(rf"\b{word}\b" if whole else re.escape(word) for word in words))
    found = []
    for path in tracked():
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            if pattern.search(line):
                found.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()[:100]}")
    return found


def test_no_path_of_one_machine() -> None:
    assert not lines_with(FOREIGN)


def test_no_package_host() -> None:
    assert not lines_with(HOSTS)


def test_nothing_left_undone() -> None:
    assert not lines_with(UNDONE, whole=True)


def test_what_is_made_is_not_stored() -> None:
    command = ["git", "ls-files", "_build", "book/_static/vendor", ".venv"]
    asked = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert not asked.stdout.strip()
