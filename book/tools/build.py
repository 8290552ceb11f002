"""Build the site: libraries from npm, generated pages, then Jupyter Book with every warning an error."""

from __future__ import annotations

import filecmp
import shutil
import signal
import subprocess
import sys

from pages import write_pages
from polish import polish
from setup import ROOT, plain_words
from vendor import vendor

# What Sphinx has read already; without it, it reads and writes every page.
READ = ROOT / "_build" / ".doctrees" / "environment.pickle"


#: jupyter-book, which Ctrl-C ends without a traceback.
BOOK = (
    "import signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL);"
    "from jupyter_book.cli.main import main; sys.argv[0] = 'jupyter-book'; main()"
)


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


def jupyter_book(*options: str) -> int:
    """Run jupyter-book on the book with these options; its exit status."""
    command = [sys.executable, "-c", BOOK, "build", ".", "--keep-going", "--quiet", *options]
    return subprocess.run(command, cwd=ROOT, check=False).returncode


def main() -> None:
    """Build into _build/html; a failed build leaves nothing behind that would let the next one pass."""
    plain_words()
    vendor()
    write_pages()
    # Sphinx writes changed pages only, but the contents stand beside every page, and these tools make every page.
    makers = [ROOT / "_toc.yml", *(ROOT / "book" / "tools" / f"{name}.py" for name in ("figures", "maths", "polish"))]
    if READ.exists() and max(path.stat().st_mtime for path in makers) > READ.stat().st_mtime:
        READ.unlink()
    if not READ.exists():  # all pages are written anew: no page of a module that has moved stays behind
        shutil.rmtree(ROOT / "_build" / "html", ignore_errors=True)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # something is to be tidied up
    try:
        failed = jupyter_book("--warningiserror", "--nitpick")
        fault = "the build warned or failed; its messages stand above" if failed else ""
    except KeyboardInterrupt:
        fault = "stopped; the next build reads every page again"
    if fault:
        # Sphinx warns of a page only when it reads it: forget what was read, so that the next build warns again.
        READ.unlink(missing_ok=True)
        raise SystemExit(f"book: {fault}")
    refresh_static()
    polish()
    print(f"The book is built: {ROOT / '_build' / 'html' / 'index.html'} (`make serve` shows it)")


if __name__ == "__main__":
    main()
