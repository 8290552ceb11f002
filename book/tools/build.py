"""Build the site: libraries from npm, generated pages, then Jupyter Book with every warning an error."""

from __future__ import annotations

import filecmp
import shutil
import subprocess
import sys
from pathlib import Path

from pages import write_pages
from vendor import vendor

ROOT = Path(__file__).resolve().parents[2]
# What Sphinx has read already; without it, it reads and writes every page.
READ = ROOT / "_build" / ".doctrees" / "environment.pickle"


def refresh_static() -> None:
    """Bring changed styles and scripts to the site: Sphinx copies them only when a page has changed too."""
    sources, site = (
        (ROOT / "book" / "_static", ROOT / "mmcourse" / "show" / "static"),
        ROOT / "_build" / "html" / "_static",
    )
    for path in (path for source in sources for path in source.iterdir()):
        target = site / path.name
        if path.is_file() and not (target.exists() and filecmp.cmp(path, target, shallow=False)):
            shutil.copyfile(path, target)


def main() -> None:
    """Build into _build/html; a failed build leaves nothing behind that would let the next one pass."""
    vendor()
    write_pages()
    # Sphinx writes changed pages only, but the contents stand beside every page.
    if READ.exists() and (ROOT / "_toc.yml").stat().st_mtime > READ.stat().st_mtime:
        READ.unlink()
    book = Path(sys.executable).parent / "jupyter-book"
    done = subprocess.run(
        [str(book), "build", ".", "--warningiserror", "--nitpick", "--keep-going", "--quiet"], cwd=ROOT, check=False
    )
    if done.returncode:
        # Sphinx warns of a page only when it reads it: forget what was read, so that the next build warns again.
        READ.unlink(missing_ok=True)
        raise SystemExit("book: the build warned or failed; its messages stand above")
    refresh_static()
    print(f"The book is built: {ROOT / '_build' / 'html' / 'index.html'} (`make serve` shows it)")


if __name__ == "__main__":
    main()
