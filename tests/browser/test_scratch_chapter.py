"""A chapter is added by its own files and one line: a scratch one is, in a copy of the book, which is then built."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import yaml

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "book" / "tools"))

from execute import KERNEL, LANGUAGE  # noqa: E402

NAME = "99_scratch"
#: The tools of the copy, with the pages that are made of chapters alone: cards and the reference take their time.
TOOLS = (
    "import sys; sys.path.insert(0, 'book/tools'); import build, pages;"
    "pages.PAGES = {name: pages.PAGES[name] for name in ('map', 'outlook', 'slides')};"
)


def copy_of_the_book(folder: Path) -> Path:
    """The repository without environments, sites, notebooks and weights; with what npm brought, so that nothing is
    fetched."""
    left_out = {".venv", ".git", ".ranges", ".bootstrap", "_build", "runs", "weights", "tests", "node_modules"}
    book = folder / "book of one chapter"
    shutil.copytree(
        ROOT,
        book,
        ignore=lambda _, names: {
            name for name in names if name in left_out or name.endswith(("_cache", "__pycache__"))
        },
    )
    for notebook in (book / "notebooks").glob("*.ipynb"):
        notebook.unlink()
    if (ROOT / "_build" / "npm").is_dir():
        shutil.copytree(ROOT / "_build" / "npm", book / "_build" / "npm")
    return book


def add_chapter(book: Path) -> None:
    """The files that CONTRIBUTING names, as short as they can be."""
    cell = nbformat.v4.new_code_cell("print(6 * 7)", execution_count=1)
    cell.outputs = [nbformat.v4.new_output("stream", name="stdout", text="42\n")]
    words = (
        "(ch-99)=\n# A scratch chapter\n\n(sec-99-idea)=\n## Its idea\n\nIt says $6 \\cdot 7$, see {ref}`sec-99-idea`."
    )
    about_kernel = {"kernelspec": KERNEL, "language_info": LANGUAGE}
    notebook = nbformat.v4.new_notebook(metadata=about_kernel, cells=[nbformat.v4.new_markdown_cell(words), cell])
    nbformat.write(notebook, book / "notebooks" / f"{NAME}.ipynb")
    about = {
        "title": "Scratch",
        "question": "What is added?",
        "sequence": "one token",
        "slides": [["A slide", "sec-99-idea"]],
    }
    (book / "book" / "chapters" / f"{NAME}.yml").write_text(yaml.safe_dump(about), encoding="utf-8")


def tools(book: Path, call: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", TOOLS + call]
    return subprocess.run(command, cwd=book, capture_output=True, encoding="utf-8", check=False, timeout=600)


def test_a_chapter_is_its_own_files_and_one_line(tmp_path: Path) -> None:
    book = copy_of_the_book(tmp_path)
    add_chapter(book)
    toc, generated = book / "_toc.yml", book / "book" / "_generated"
    done = tools(book, "pages.write_pages()")
    assert done.returncode == 0, done.stderr
    assert "What is added?" in (generated / "outlook.md").read_text(encoding="utf-8"), "not listed: announced"
    assert "What is added?" not in (generated / "map.md").read_text(encoding="utf-8")

    # The other chapters' notebooks stayed behind, so the book of the copy is this chapter and the maps.
    maps = ["book/instructors_map", "book/grading", "book/outlook", "book/run_times"]
    (book / "book" / "run_times.md").write_text("# Map\n\n```{include} _generated/map.md\n```\n", encoding="utf-8")
    parts = [{"chapters": [{"file": name} for name in maps]}]
    toc.write_text(yaml.safe_dump({"format": "jb-book", "root": f"notebooks/{NAME}", "parts": parts}), encoding="utf-8")
    done = tools(book, "build.main()")
    assert done.returncode == 0, done.stdout + done.stderr
    site = book / "_build" / "html"
    page = (site / "notebooks" / f"{NAME}.html").read_text(encoding="utf-8")
    assert "A scratch chapter" in page
    assert ">42" in page
    assert f"{NAME}.html#sec-99-idea" in (site / "book" / "instructors_map.html").read_text(encoding="utf-8")
    assert "What is added?" in (site / "book" / "run_times.html").read_text(encoding="utf-8"), "the map has its card"
