"""Small pieces of HTML that read well on a light page, on a dark page and with no style sheet at all."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping, Sequence
from importlib import metadata
from typing import Any

# Text takes the page's colour; lines and shades are half-transparent grey, so that they suit either theme.
# The two accents have a contrast of at least 3 with white and with the theme's dark page.
BASE_CSS = """
.mm-table{overflow-x:auto;margin:1em 0}
.mm-table table{border-collapse:collapse;color:inherit;background:transparent;font-size:.95em}
.mm-table caption{caption-side:top;text-align:left;font-weight:600;padding:.3em 0;color:inherit}
.mm-table th,.mm-table td{padding:.35em .8em;border-bottom:1px solid rgba(128,128,128,.45);
text-align:left;color:inherit;background:transparent}
.mm-table thead th{border-bottom:2px solid rgba(128,128,128,.9)}
.mm-table .mm-number{text-align:right;font-variant-numeric:tabular-nums}
.mm-table td.mm-short{white-space:nowrap}
.mm-copy{font:inherit;font-size:.8em;color:inherit;background:transparent;padding:.15em .6em;
border:1px solid rgba(128,128,128,.8);border-radius:.3em;cursor:pointer}
.mm-quiz,.mm-exercise{margin:1em 0;padding:.2em 1em .8em;border:1px solid rgba(128,128,128,.45);
border-left:4px solid #0080c4;border-radius:.4em;background:rgba(128,128,128,.07);color:inherit}
.mm-question{border:0;padding:0;margin:.9em 0;min-width:0}
.mm-question legend{font-weight:600;font-size:1em;padding:0;margin:0 0 .3em;color:inherit}
.mm-option{display:flex;gap:.6em;align-items:baseline;padding:.35em .3em;cursor:pointer;border-radius:.3em}
.mm-option:hover{background:rgba(128,128,128,.15)}
.mm-option:focus-within{outline:2px solid #0080c4;outline-offset:1px}
.mm-feedback{display:block;min-height:1.5em;padding:.1em .8em;border-left:4px solid transparent}
.mm-feedback[data-right="yes"]{border-left-color:#00916a}
.mm-feedback[data-right="no"]{border-left-color:#d55e00}
.mm-exercise .mm-title{font-weight:700;margin:.5em 0 .1em}
.mm-exercise .mm-facts{font-size:.88em;margin:0 0 .5em}
.mm-figure img,.mm-explore img{max-width:100%;height:auto;border-radius:.4em}
.mm-explore audio{max-width:100%}
.mm-svg,.mm-explore svg{display:block;max-width:100%;height:auto}
.mm-narrow{display:none!important}
.mm-ask,.mm-seen{padding:.3em .8em;border-left:4px solid #b07800}
.mm-explore .jupyter-button{color:inherit;background:rgba(128,128,128,.15);border:1px solid rgba(128,128,128,.6)}
.mm-explore .jupyter-button.mod-active{background:#005a8c;color:#fff;border-color:#005a8c}
""".strip().replace("\n", "")

SHORT = 16
"""Characters up to which a cell of a table stays on one line."""

_ADD_CSS = (
    "<script>(()=>{if(!document.getElementById('mm-base')){const s=document.createElement('style');"
    f"s.id='mm-base';s.textContent={json.dumps(BASE_CSS)};document.head.prepend(s)}}}})()</script>"
)
_COPY = (
    "const b=this,t=[...b.closest('.mm-table').querySelectorAll('tr')].map(r=>[...r.cells]"
    ".map(c=>c.innerText.trim()).join('\\t')).join('\\n');navigator.clipboard.writeText(t)"
    ".then(()=>{b.textContent='Copied'},()=>{b.textContent='Select and copy by hand'})"
)


class Html:
    """A piece of HTML that a notebook shows, with a plain text for terminals and for those who compare outputs.

    Args:
        body: The markup.
        plain: What ``repr`` says.
        css: Whether the base style comes along (once a page, whatever the number of pieces).
    """

    def __init__(self, body: str, plain: str, css: bool = True) -> None:
        self.body = body
        self.plain = plain
        self.css = css

    @property
    def html(self) -> str:
        """The markup as the page gets it."""
        return (_ADD_CSS if self.css else "") + self.body

    def _repr_html_(self) -> str:
        return self.html

    def __repr__(self) -> str:
        return self.plain


def somebody_runs_this() -> bool:
    """Whether a person sits at a live notebook: only then can an input be asked for. Tests and builds cannot."""
    try:
        from IPython import get_ipython
    except ImportError:
        return False
    return bool(getattr(getattr(get_ipython(), "kernel", None), "_allow_stdin", False))


def inline(text: str) -> str:
    r"""Escape a sentence for HTML; `` `x` `` becomes code, ``**x**`` bold, and ``\( \)`` is left for MathJax.

    Example:
        >>> inline("`a<b` and **more**")
        '<code>a&lt;b</code> and <strong>more</strong>'
    """
    parts = re.split(r"(`[^`]+`)", text)
    out = []
    for part in parts:
        if len(part) > 2 and part[0] == part[-1] == "`":
            out.append(f"<code>{html.escape(part[1:-1])}</code>")
        else:
            out.append(re.sub(r"\*\*([^*]+)\*\*", r"<strong>\1</strong>", html.escape(part, quote=False)))
    return "".join(out)


def _cell(value: Any) -> tuple[str, bool]:
    """Text of a cell and whether it is a number."""
    if hasattr(value, "item") and getattr(value, "ndim", 1) == 0:
        value = value.item()
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "–"}[value], False
    if isinstance(value, int):
        return f"{value:,}", True
    if isinstance(value, float):
        return (f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"), True
    text = str(value)
    return text, bool(re.fullmatch(r"[-+−]?[\d,. ]*\d\s?(%|x|×|ms|s|MB|kB|KB|GB|MiB|KiB|GiB|dB|bits)?", text))


def _class(number: bool, short: bool = False) -> str:
    return ' class="mm-number"' if number else ' class="mm-short"' if short else ""


def table(
    rows: Sequence[Sequence[Any]] | Sequence[Mapping[str, Any]],
    columns: Sequence[str] | None = None,
    caption: str = "",
) -> Html:
    r"""Rows and columns as a table that reads in both themes, can be copied, and scrolls on a telephone.

    Args:
        rows: A list of rows, or of dicts (then ``columns`` may be left out). Integers get thousands separators,
            floats four figures; pass a string where you want it otherwise. Strings may hold `` `code` ``,
            ``**bold**`` and ``\( maths \)``.
        columns: Headings, with units.
        caption: What the table says; needed, it is the table's accessible name.

    Returns:
        The table; ``repr`` gives it as aligned text.

    Raises:
        ValueError: No rows, no caption, or a row whose length is not that of the headings.
    """
    if not rows:
        raise ValueError("table() got no rows: give at least one")
    if not caption:
        raise ValueError("table() got no caption: say in one line what the table shows (caption=...)")
    if isinstance(rows[0], Mapping):
        columns = list(rows[0]) if columns is None else columns
        rows = [[dict(row).get(c) for c in columns] for row in rows]
    if columns is None:
        raise ValueError("table() got rows without names: give columns=[...]")
    for i, row in enumerate(rows):
        if len(row) != len(columns):
            raise ValueError(f"table() row {i} has {len(row)} cells, the headings are {len(columns)}: make them equal")
    cells = [[_cell(v) for v in row] for row in rows]
    numeric = [all(r[j][1] or r[j][0] == "–" for r in cells) for j in range(len(columns))]
    head = "".join(
        f'<th scope="col"{_class(right)}>{inline(str(c))}</th>' for c, right in zip(columns, numeric, strict=True)
    )
    body = "".join(
        "<tr>"
        + "".join(
            f"<td{_class(right, len(text) <= SHORT)}>{inline(text)}</td>"
            for (text, _), right in zip(row, numeric, strict=True)
        )
        + "</tr>"
        for row in cells
    )
    markup = (
        f'<div class="mm-table mathjax_process"><table><caption>{inline(caption)}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        f'<button type="button" class="mm-copy" aria-live="polite" onclick="{html.escape(_COPY)}">Copy</button></div>'
    )
    width = [max(len(str(c)), *(len(r[j][0]) for r in cells)) for j, c in enumerate(columns)]

    def line(values: Sequence[str]) -> str:
        return "  ".join(
            v.rjust(w) if n else v.ljust(w) for v, w, n in zip(values, width, numeric, strict=True)
        ).rstrip()

    plain = "\n".join([caption, line([str(c) for c in columns]), *(line([t for t, _ in r]) for r in cells)])
    return Html(markup, plain)


def versions(*packages: str) -> Html:
    """The ranges of versions that this book is tested with, and whether this machine is inside them.

    It names no local version, so that the stored page says the same on every machine inside the ranges.

    Args:
        packages: Names to list; the default is what the figures and the models stand on.
    """
    from packaging.requirements import Requirement

    wanted = packages or ("torch", "torchvision", "numpy", "matplotlib", "ipywidgets")
    declared = {(r := Requirement(s)).name: r for s in metadata.requires("mmcourse") or []}
    rows, outside = [], []
    for name in wanted:
        if name not in declared:
            raise ValueError(f"versions() knows no package {name!r}: choose from {', '.join(sorted(declared))}")
        spec = declared[name].specifier
        rows.append((name, ", ".join(sorted((str(s) for s in spec), reverse=True))))
        if not spec.contains(metadata.version(name), prereleases=True):
            outside.append(f"{name} {metadata.version(name)}")
    text = " · ".join(f"{name} {ranges}" for name, ranges in rows)
    end = f"outside its range here: {', '.join(outside)}" if outside else "this machine is inside every range"
    plain = f"Tested with Python 3.11 or newer · {text} ({end})"
    return Html(f'<p class="mm-versions">{html.escape(plain)}</p>', plain, css=False)
