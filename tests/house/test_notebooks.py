"""Notebooks as they are stored: run, whole, without installs or pins, in the book."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
sys.path.insert(0, str(ROOT / "book" / "tools"))

from pages import API, chapters, deck, listed, modules, on_page, planned  # noqa: E402

every_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def code(path: Path) -> list[Any]:
    """The code cells of a notebook."""
    return [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]


@every_notebook
def test_every_cell_was_run_in_order(path: Path) -> None:
    counts = [cell.execution_count for cell in code(path)]
    assert counts == list(range(1, len(counts) + 1)), f"run it: make notebooks NB=notebooks/{path.name}"
    assert not [out for cell in code(path) for out in cell.outputs if out.output_type == "error"]


@every_notebook
def test_no_install_no_pin_no_skip(path: Path) -> None:
    for cell in code(path):
        assert not re.search(r"\b(pip|conda|mamba|uv|apt(-get)?)\s+install", cell.source), cell.source
        assert not re.search(r"['\"]\w+==\d", cell.source), cell.source
        assert not {"nbval-skip", "raises-exception", "skip-execution"} & set(cell.metadata.get("tags", []))


@every_notebook
def test_a_visible_cell_fits_on_a_screen(path: Path) -> None:
    for cell in code(path):
        if not {"hide-input", "remove-input"} & set(cell.metadata.get("tags", [])):
            lines = cell.source.splitlines()
            assert len(lines) <= 45, f"{len(lines)} lines, split it or fold it away (hide-input):\n{cell.source}"
            assert not [line for line in lines if len(line) > 88], f"wider than the page:\n{cell.source}"


@every_notebook
def test_exercises_and_quizzes_show_no_code_of_the_book(path: Path) -> None:
    asks = re.compile(r"^(card|solution)\(|^show\.quiz\(", re.MULTILINE)
    cells = [cell for cell in code(path) if asks.search(cell.source)]
    assert len(cells) >= 9, "four exercises with their solutions and a quiz belong to a chapter"
    for cell in cells:
        assert "remove-input" in cell.metadata.get("tags", []), cell.source[:80]


@every_notebook
def test_what_cannot_repeat_is_followed_by_an_assertion(path: Path) -> None:
    cells = code(path)
    for cell, after in zip(cells, [*cells[1:], None], strict=True):
        if "nbval-ignore-output" in cell.metadata.get("tags", []):
            assert after is not None, f"nothing asserts what this cell showed:\n{cell.source}"
            assert "assert" in after.source, f"the next cell asserts nothing:\n{cell.source}"


@every_notebook
def test_no_cell_shows_a_raw_object(path: Path) -> None:
    """What a cell ends with by accident, such as a history of 200 rows, fills screens that nobody reads."""
    for cell in code(path):
        for out in cell.outputs:
            if out.output_type == "execute_result" and set(out.data) == {"text/plain"}:
                assert len(out.data["text/plain"]) <= 300, f"it shows {out.data['text/plain'][:80]}...\n{cell.source}"


@every_notebook
def test_every_picture_has_words(path: Path) -> None:
    for cell in code(path):
        if any("image/png" in out.get("data", {}) or "image/jpeg" in out.get("data", {}) for out in cell.outputs):
            by_cell = cell.metadata.get("mystnb", {}).get("image", {}).get("alt", "")
            by_output = any("<img alt=" in str(out.get("data", {}).get("text/html", "")) for out in cell.outputs)
            assert len(by_cell) > 20 or by_output, f"no alternative text:\n{cell.source}"


@every_notebook
def test_widgets_are_stored_with_their_state(path: Path) -> None:
    book = nbformat.read(path, as_version=4)
    state = book.metadata.get("widgets", {}).get("application/vnd.jupyter.widget-state+json", {}).get("state", {})
    for cell in code(path):
        for out in cell.outputs:
            view = out.get("data", {}).get("application/vnd.jupyter.widget-view+json")
            assert view is None or view["model_id"] in state, f"run it: make notebooks NB=notebooks/{path.name}"


@every_notebook
def test_runs_anywhere_in_time(path: Path) -> None:
    assert nbformat.read(path, as_version=4).metadata.kernelspec.name == "python3"
    run = json.loads((ROOT / "book" / "_generated" / "run_times.json").read_text(encoding="utf-8")).get(path.stem)
    assert run, f"no run time is noted: make notebooks NB=notebooks/{path.name}"
    assert run["seconds"] <= 90, f"{path.name} takes {run['seconds']} s, a chapter may take 90"


def test_every_page_is_in_the_book() -> None:
    pages = [ROOT / "index.md", *NOTEBOOKS, *(ROOT / "book").glob("*.md"), *(ROOT / "book" / "api").glob("*.md")]
    there = {str(path.relative_to(ROOT).with_suffix("")) for path in pages}
    assert there == set(listed()), "pages and _toc.yml differ"


def test_every_chapter_says_what_it_is() -> None:
    assert {path.stem for path in NOTEBOOKS} <= {path.stem for path in (ROOT / "book" / "chapters").glob("*.yml")}
    for entry in [*chapters(), *planned()]:
        assert set(entry) - {"thumbnail"} == {"file", "title", "question", "sequence", "slides"}, entry["file"]


def test_chapters_name_the_slides_that_there_are_and_a_class_has_100_minutes() -> None:
    titles = {slide["title"] for slide in deck()}
    named = {slide.split(" — ")[0] for entry in [*chapters(), *planned()] for slide, _ in entry["slides"]}
    assert named <= titles, "a chapter's file names a slide that book/slides.yml lacks"
    assert sum(slide["minutes"] for slide in deck()) == 100


def test_every_module_is_in_the_reference() -> None:
    described = {module for page in API for module in on_page(page)}
    assert set(modules()) == described, "give the new module a page in API of book/tools/pages.py"
    assert {path.stem for path in (ROOT / "book" / "api").glob("*.md")} == set(API)
