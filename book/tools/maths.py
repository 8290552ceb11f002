"""Formulae become MathML when the book is built: a page shows them with no script, a screen reader reads them.

Temml (npm) reads LaTeX; one node process sets all formulae of a build.
"""

from __future__ import annotations

import atexit
import html
import json
import re
import subprocess
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.math import get_node_equation_number
from vendor import TOOLS, node

LOG = logging.getLogger(__name__)
ROOT = Path(__file__).resolve().parents[2]
SCRIPT = """
const temml = require(process.argv[1]);
require("readline").createInterface({ input: process.stdin }).on("line", (line) => {
  const [tex, display] = JSON.parse(line);
  let answer;
  try { answer = { ok: temml.renderToString(tex, { displayMode: display, throwOnError: true, strict: false }) }; }
  catch (error) { answer = { error: error.message }; }
  process.stdout.write(JSON.stringify(answer) + "\\n");
});
"""
TAG = re.compile(r"\\\((.+?)\\\)", re.DOTALL)


@lru_cache(maxsize=1)
def _process() -> subprocess.Popen[str]:
    started = subprocess.Popen(
        [node(), "-e", SCRIPT, str(TOOLS / "temml" / "temml.cjs")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )
    atexit.register(started.kill)
    return started


@cache
def mathml(tex: str, display: bool = False) -> str:
    """A formula in MathML; a ValueError where it is no LaTeX that Temml reads."""
    process = _process()
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(json.dumps([tex, display]) + "\n")
    process.stdin.flush()
    answer = json.loads(process.stdout.readline())
    if "error" in answer:
        raise ValueError(f"{answer['error']} in the formula {tex!r}")
    text = str(answer["ok"]).replace(' style="display:block math;"', "")
    # What Temml says beyond MathML Core is for browsers that are gone.
    return re.sub(r' (lspace|rspace)="0em"', r' \1="0"', text)


def in_text(markup: str) -> str:
    r"""Markup whose formulae, written ``\( \)``, are set."""
    return TAG.sub(lambda found: mathml(html.unescape(found.group(1))), markup)


def _set(translator: Any, element: Any, tex: str, display: bool) -> str:
    try:
        return mathml(tex, display)
    except ValueError as error:
        LOG.warning(str(error), location=element, type="maths")
        return f"<code>{html.escape(tex)}</code>"


def visit_inline(translator: Any, element: Any) -> None:
    """A formula in a line of text."""
    formula = _set(translator, element, element.astext(), False)
    translator.body.append(f'<span class="math notranslate">{formula}</span>')
    raise nodes.SkipNode


def visit_display(translator: Any, element: Any) -> None:
    """A formula that stands alone, with its number."""
    translator.body.append(translator.starttag(element, "div", CLASS="math notranslate nohighlight"))
    tex = element.astext().strip()
    if r"\\" in tex and not element.get("nowrap") and not tex.startswith(r"\begin"):
        tex = rf"\begin{{aligned}}{tex}\end{{aligned}}"
    tex = re.sub(r"\\begin\{(align|gather|equation)\*?\}", r"\\begin{\1*}", tex)
    tex = re.sub(r"\\end\{(align|gather|equation)\*?\}", r"\\end{\1*}", tex)
    translator.body.append(f'<div class="mm-formula">{_set(translator, element, tex, True)}</div>')
    if element["number"]:
        translator.body.append(f'<span class="eqno">({get_node_equation_number(translator, element)})')
        translator.add_permalink_ref(element, "Link to this equation")
        translator.body.append("</span>")
    translator.body.append("</div>\n")
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the renderer, which `html_math_renderer: mathml` chooses."""
    app.add_html_math_renderer("mathml", (visit_inline, None), (visit_display, None))
    app.add_css_file("vendor/temml/temml.css")
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
