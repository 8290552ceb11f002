"""The tree holds nothing that belongs to one machine, and nothing left undone."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "book" / "tools"))

import pages  # noqa: E402

#: Written in two halves, so that this file does not find itself.
FOREIGN = ["/ro" + "ot/", "/ho" + "me/", "/Us" + "ers/", "/wo" + "rk/", "/opt/" + "wheels", "/opt/" + "pypi"]
HOSTS = ["py" + "pi.org", "python" + "hosted.org", "registry." + "npmjs", "deb." + "debian.org"]
HOSTS += ["cdn." + "jsdelivr", "unp" + "kg.com"]
UNDONE = ["TO" + "DO", "FIX" + "ME", "X" * 3]
TEXT = {".py", ".md", ".toml", ".yml", ".cff", ".bib", ".js", ".css", ".svg", ".ipynb", ".json", ".lock", ".cfg", ""}


def tracked() -> list[Path]:
    """The text files that git tracks; where there is no git, every one outside built folders."""
    asked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, encoding="utf-8", check=False)
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
    asked = subprocess.run(command, cwd=ROOT, capture_output=True, encoding="utf-8", check=False)
    assert not asked.stdout.strip()


def unnamed(call: ast.Call) -> bool:
    """Whether a call reads or writes text in whatever encoding the machine happens to have."""
    named = {keyword.arg for keyword in call.keywords}
    decodes = {k.arg for k in call.keywords if isinstance(k.value, ast.Constant) and k.value.value is True}
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    if "encoding" in named:
        return False
    reads = name == "read_text" and not call.args
    writes = name == "write_text" and len(call.args) == 1
    return reads or writes or bool(decodes & {"text", "universal_newlines"})


def test_every_text_names_its_encoding() -> None:
    """ruff's PLW1514 sees the files that are opened; this sees pipes, and paths whose type ruff does not know."""
    found = []
    for path in tracked():
        if path.suffix == ".py":
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and unnamed(node):
                    found.append(f"{path.relative_to(ROOT)}:{node.lineno}: give encoding='utf-8'")
    assert not found, "\n".join(found)


def test_pages_are_the_same_on_a_machine_that_knows_ascii_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Python's own ways out of such a locale (UTF-8 mode, another locale) are closed."""
    poor, rich = tmp_path / "poor", tmp_path / "rich"
    code = (
        "import sys; from pathlib import Path; sys.path.insert(0, 'book/tools'); import pages; pages.plain_words();"
        "pages.GENERATED = Path(sys.argv[1]); pages.write_pages(); print(chr(183))"
    )
    locale = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"}
    command = [sys.executable, "-c", code, str(poor)]
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, **locale}, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    monkeypatch.setattr(pages, "GENERATED", rich)
    pages.write_pages()
    names = sorted(path.name for path in rich.glob("*.md"))
    assert {"map.md", "data_cards.md", "model_cards.md"} <= set(names)
    for name in names:
        assert (poor / name).read_bytes() == (rich / name).read_bytes(), name
    assert "·" in (poor / "model_cards.md").read_text(encoding="utf-8")
