"""Write the notebooks without solutions, into ``_build/handout``.

Tasks, hints and checkers stay. Outputs of exercises go, so that nobody's answer shows; all others stay as they are.
"""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
from setup import ROOT, plain_words

HANDOUT = ROOT / "_build" / "handout"
SOLUTION = re.compile(r"^\s*solution\(", re.MULTILINE)
CHECK = re.compile(r"^\s*check\(", re.MULTILINE)


def without_solutions(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """The same notebook to hand out; cells that only unfold a solution are gone."""
    kept = []
    for cell in notebook.cells:
        if cell.cell_type != "code":
            kept.append(cell)
            continue
        if SOLUTION.search(cell.source):
            cell.source = "\n".join(line for line in cell.source.splitlines() if not SOLUTION.match(line)).strip()
            cell.outputs = []
            if not cell.source:
                continue
        if CHECK.search(cell.source):
            cell.outputs, cell.execution_count = [], None
        cell.source = re.sub(r"(import .*), solution\b", r"\1", cell.source)
        kept.append(cell)
    notebook.cells = kept
    return notebook


def main() -> None:
    """Write every notebook."""
    plain_words()
    HANDOUT.mkdir(parents=True, exist_ok=True)
    for old in HANDOUT.glob("*.ipynb"):
        old.unlink()
    paths = sorted((ROOT / "notebooks").glob("*.ipynb"))
    for path in paths:
        notebook = without_solutions(nbformat.read(path, as_version=4))
        nbformat.write(notebook, HANDOUT / Path(path).name)
    print(f"handout: {len(paths)} notebooks without solutions in {HANDOUT}")


if __name__ == "__main__":
    main()
