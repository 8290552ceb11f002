"""A Sphinx extension: the weights that figures on the pages ask for, each once, in ``_static/models``."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

from mmcourse.show.weights import script

#: A figure's own tag; the listing of a source file, in which every < is escaped, is none.
ASKED = re.compile(r'<(?:div|figure) class="mm-live[^<>]* data-weights="([^"<>]+)"')


def asked(markup: str) -> set[str]:
    """The checkpoints that a page's figures name."""
    return {name for found in ASKED.findall(markup) for name in found.split()}


def write(app: Sphinx, error: Exception | None) -> None:
    """After the build: every checkpoint that some page names, as a script that works from ``file://`` too."""
    if error or app.builder.format != "html":
        return
    out = Path(app.outdir)
    names = set().union(*(asked(page.read_text(encoding="utf-8")) for page in out.rglob("*.html")))
    folder = out / "_static" / "models"
    folder.mkdir(parents=True, exist_ok=True)
    for name in sorted(names):
        path, text = folder / f"{name}.js", script(name)
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect to Sphinx."""
    app.connect("build-finished", write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
