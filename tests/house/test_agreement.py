"""The tested ranges, the exact lock, the conda environment and the doors into the house say the same."""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

import yaml
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
sys.path.insert(0, str(ROOT / "book" / "tools"))

from lock import CONDA, EXTRAS, environment  # noqa: E402
from setup import entries, without_cuda  # noqa: E402


def declared(*extras: str) -> dict[str, Requirement]:
    """Every direct dependency, the extras' among them."""
    lines = [*PROJECT["dependencies"], *(line for extra in extras for line in PROJECT["optional-dependencies"][extra])]
    return {requirement.name: requirement for requirement in map(Requirement, lines)}


def version(entry: str) -> Version:
    """The version of an entry."""
    return Version(re.search(r"==([^\s;\\]+)", entry).group(1))  # type: ignore[union-attr]


def test_lock_is_inside_the_ranges() -> None:
    locked = entries(LOCK)
    for name, requirement in declared("book", "test").items():
        assert name in locked, f"{name} is not in requirements.lock: run `make lock`"
        assert requirement.specifier.contains(version(locked[name]), prereleases=True), f"{name}: run `make lock`"


def test_every_dependency_but_the_tools_has_a_range_with_a_floor() -> None:
    for line in PROJECT["dependencies"]:
        assert ">=" in line, f"{line} has no floor"
        assert "==" not in line, f"{line} is a pin: hosted notebooks bring their own versions"


def test_lock_is_hashed_and_names_no_place() -> None:
    for name, entry in entries(LOCK).items():
        assert "--hash=sha256:" in entry, f"{name} has no hash"
    for word in ["://", "--index", "--extra-index", "--find-links", " @ ", "file:", "-e "]:
        assert word not in LOCK, f"requirements.lock holds {word!r}"


def test_held_versions_are_the_locked_ones() -> None:
    locked = entries(LOCK)
    held = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["uv"]["constraint-dependencies"]
    for requirement in map(Requirement, held):
        assert requirement.specifier.contains(version(locked[requirement.name])), requirement


def test_environment_file_is_what_the_ranges_make_of_it() -> None:
    text = (ROOT / "environment.yml").read_text(encoding="utf-8")
    assert text == environment(PROJECT), "environment.yml is behind pyproject.toml: run `make lock`"
    conda = yaml.safe_load(text)["dependencies"]
    pip = conda.pop()["pip"]
    assert pip.pop() == "-e ."
    from_conda = {key for key, value in CONDA.items() if any(line.startswith(value) for line in conda)}
    assert {Requirement(line).name for line in pip} | from_conda == set(declared(*EXTRAS))
    assert f"python{PROJECT['requires-python']}" in conda, "conda takes the Pythons that pip takes"


def test_cpu_builds_come_without_cuda_and_with_every_other_hash() -> None:
    trimmed = entries(without_cuda(LOCK))
    whole = entries(LOCK)
    gone = set(whole) - set(trimmed)
    assert gone
    assert all(name.startswith(("nvidia-", "cuda-")) or name == "triton" for name in gone)
    for name, entry in trimmed.items():
        if name in ("torch", "torchvision", "torchaudio"):
            assert entry.strip() == f"{name}=={version(whole[name])}"
        else:
            assert entry.strip() == whole[name].strip()


def test_workflows_call_the_doors_of_the_readme_and_nothing_else() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for path in (ROOT / ".github" / "workflows").glob("*.yml"):
        for name, job in yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"].items():
            for command in (step["run"] for step in job["steps"] if "run" in step):
                known = command in readme if name == "windows" else command.startswith("make ")
                assert known, f"{path.name}: {command}"


def test_ci_runs_both_ends_of_the_declared_pythons() -> None:
    text = (ROOT / ".github" / "workflows" / "test.yml").read_text(encoding="utf-8")
    lower, upper = re.fullmatch(r">=3\.(\d+),<3\.(\d+)", PROJECT["requires-python"]).groups()  # type: ignore[union-attr]
    assert f'"3.{lower}"' in text
    assert f'"3.{int(upper) - 1}"' in text


def test_readme_names_only_doors_that_exist() -> None:
    doors = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))
    for name in ["README.md", "CONTRIBUTING.md", "book/how_to_use.md"]:
        asked = set(re.findall(r"`make ([a-z-]+)|^make ([a-z-]+)", (ROOT / name).read_text(encoding="utf-8"), re.M))
        assert {a or b for a, b in asked} <= doors, name
