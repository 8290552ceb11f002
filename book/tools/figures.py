"""What the page makes of a notebook's outputs, before Sphinx reads it.

- Figures stand in the page as vectors, so that they take its colours and letters, with a variant for telephones.
- Figures to move become the book's own small component: the first frame and the controls in the page, the other
  frames in a file that its script fetches when the figure comes near (a script file: it also works from file://).
- Pictures inside outputs become files, stored once and fetched when they come near.
- Formulae in outputs are set.
- A tag `fold-plot`, `fold-table`, ... folds a cell under a word that says what it is.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from pathlib import Path
from typing import Any

from maths import in_text
from sphinx.application import Sphinx

#: What a tag folds, and the words it folds under.
FOLDS = {
    "fold-imports": ("hide-cell", "imports"),
    "fold-plot": ("hide-input", "plot"),
    "fold-table": ("hide-input", "table"),
    "fold-check": ("hide-input", "check"),
    "fold-data": ("hide-input", "data"),
    "fold-setup": ("hide-input", "set-up"),
}
INLINE = 900
"""Characters of a picture up to which it stays in the page."""
KINDS = {"image/webp": "webp", "image/png": "png", "image/svg+xml": "svg", "audio/wav": "wav", "image/jpeg": "jpg"}

DATA = re.compile(r"data:([a-z+/]+);base64,([A-Za-z0-9+/=]+)")
EXPLORE = re.compile(
    r'<div class="mm-explore">(?P<ask>.*?)<div class="mm-frame">.*'
    r'<script type="application/json" class="mm-data">(?P<data>.*?)</script></div>',
    re.DOTALL,
)
SEEN = re.compile(r'<details class="mm-seen">.*?</details>', re.DOTALL)
BASE_STYLE = re.compile(r"<script>\(\(\)=>\{if\(!document\.getElementById\('mm-base'\)\).*?</script>", re.DOTALL)
ANSWER = re.compile(r'(data-why)="([^"]*)"')


class Page:
    """One notebook on its way to its page: where its files go, and how many figures it has had."""

    def __init__(self, docname: str, site: Path) -> None:
        self.site = site
        self.up = "../" * docname.count("/")
        self.count = 0
        self.pictures = 0

    def keep(self, data: bytes, folder: str, kind: str) -> str:
        """Store a file under its own hash; its address from the page."""
        name = f"{hashlib.sha256(data).hexdigest()[:20]}.{kind}"
        path = self.site / folder / name
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        return f"{self.up}{folder}/{name}"

    def files(self, markup: str) -> str:
        """Markup whose larger pictures and sounds are files."""

        def out(found: re.Match[str]) -> str:
            kind, data = found.groups()
            if len(data) <= INLINE or kind not in KINDS:
                return found.group()
            return self.keep(base64.b64decode(data), "_images", KINDS[kind])

        return DATA.sub(out, markup)

    def lazy(self, markup: str) -> str:
        """Every picture but the page's first is fetched when it comes near."""

        def mark(found: re.Match[str]) -> str:
            self.pictures += 1
            return found.group() if self.pictures == 1 else '<img loading="lazy" decoding="async"'

        return re.sub(r"<img(?![^>]*\bloading=)", mark, markup)

    def unique(self, markup: str, variant: str = "") -> str:
        """Names inside a vector figure that no other figure of the page has."""
        return re.sub(r'((?:\bid="|url\(#|href="#))([\w-]+)', rf"\g<1>f{self.count}{variant}-\2", markup)

    def figure(self, wide: str, narrow: str | None, alt: str) -> str:
        """A vector figure, and where it is wide its variant for telephones."""
        self.count += 1
        name = f'role="img" aria-label="{html.escape(alt)}" ' if alt else 'role="img" '
        parts = [(wide, "mm-wide" if narrow else "")] + ([(narrow, "mm-narrow")] if narrow else [])
        drawn = []
        for text, kind in parts:
            text = text.replace('class="mm-svg"', f'class="mm-svg {kind}"'.replace(' "', '"'), 1)
            drawn.append(self.unique(text.replace("<svg ", f"<svg {name}", 1), "n" if kind == "mm-narrow" else ""))
        return f'<div class="mm-figure">{self.files("".join(drawn))}</div>'

    def explore(self, found: re.Match[str]) -> str:
        """A figure to move: controls, first frame, and the address of all others."""
        self.count += 1
        facts = json.loads(found["data"].replace("<\\/", "</"))
        lines = [self.unique(self.files(line)) for line in facts["lines"]]
        frames = {"lines": lines, "runs": facts["runs"], "alts": facts["alts"]}
        text = json.dumps(frames, ensure_ascii=False, separators=(",", ":"))
        mark = hashlib.sha256(text.encode()).hexdigest()[:20]
        address = self.keep(f'mmFrames("{mark}",{text})'.encode(), "_frames", "js")
        index = 0
        for control in facts["controls"]:
            index = index * len(control["values"]) + control["start"]
        runs = facts["runs"][index]
        rows = [line for at, count in zip(runs[::2], runs[1::2], strict=True) for line in lines[at : at + count]]
        first = "\n".join(rows).replace("%ALT%", html.escape(facts["alts"][index]))
        controls = "".join(self.control(i, control) for i, control in enumerate(facts["controls"]))
        seen = SEEN.search(found.group())
        return (
            f'<div class="mm-explore" data-mark="{mark}" data-frames="{address}">{found["ask"]}'
            f'<div class="mm-controls">{controls}</div><div class="mm-frame">{self.lazy(first)}</div>'
            f'<p class="mm-said" role="status"></p>{seen.group() if seen else ""}</div>'
        )

    def control(self, number: int, facts: dict[str, Any]) -> str:
        """Buttons for few values, a slider for many; both are the browser's own."""
        name, values, start = html.escape(facts["label"]), facts["values"], facts["start"]
        if len(values) <= 8:
            options = "".join(
                f'<label><input type="radio" name="mm-{self.count}-{number}" value="{i}"'
                f"{' checked' if i == start else ''}><span>{html.escape(value)}</span></label>"
                for i, value in enumerate(values)
            )
            return f"<fieldset><legend>{name}</legend>{options}</fieldset>"
        known, own = html.escape(json.dumps(values, ensure_ascii=False)), f"mm-{self.count}-{number}"
        return (
            f'<div class="mm-slide"><label for="{own}"><span>{name}</span></label>'
            f'<input type="range" id="{own}" min="0" max="{len(values) - 1}" '
            f'value="{start}" aria-valuetext="{html.escape(values[start])}" data-values="{known}">'
            f'<output class="mm-value" for="{own}">{html.escape(values[start])}</output></div>'
        )

    def output(self, data: dict[str, Any], alt: str) -> dict[str, Any]:
        """One output's bundle as the page shows it."""
        data = {kind: body for kind, body in data.items() if "widget-view" not in kind}
        vector = "".join(data.get("image/svg+xml", ""))
        if 'class="mm-svg"' in vector:
            narrow = "".join(data.get("application/vnd.mmcourse.phone", "")) or None
            return {"text/html": self.figure(vector, narrow, alt), "text/plain": data.get("text/plain", "")}
        data.pop("application/vnd.mmcourse.phone", None)
        if "text/html" in data:
            markup = BASE_STYLE.sub("", "".join(data["text/html"]))
            markup = EXPLORE.sub(self.explore, markup) if EXPLORE.search(markup) else self.lazy(self.files(markup))
            markup = ANSWER.sub(lambda found: f'{found[1]}="{html.escape(in_text(html.unescape(found[2])))}"', markup)
            data["text/html"] = in_text(markup)
        return data


def fold(metadata: dict[str, Any]) -> None:
    """Translate a tag `fold-...` into what myst-nb understands."""
    for tag in set(metadata.get("tags", [])) & set(FOLDS):
        kind, word = FOLDS[tag]
        metadata["tags"] = [*metadata["tags"], kind]
        words = {"code_prompt_show": f"The {word}", "code_prompt_hide": f"Hide the {word}"}
        metadata["mystnb"] = {**words, **metadata.get("mystnb", {})}


def read(app: Sphinx, docname: str, source: list[str]) -> None:
    """Rewrite a notebook as it is read."""
    if not app.env.doc2path(docname).endswith(".ipynb"):
        return
    notebook = json.loads(source[0])
    notebook["metadata"].pop("widgets", None)
    page = Page(docname, Path(app.outdir))
    for cell in notebook["cells"]:
        if cell["cell_type"] != "code":
            continue
        fold(cell["metadata"])
        alt = cell["metadata"].get("mystnb", {}).get("image", {}).get("alt", "")
        for output in cell["outputs"]:
            if "data" in output:
                output["data"] = page.output(output["data"], alt)
    source[0] = json.dumps(notebook, ensure_ascii=False)


def setup(app: Sphinx) -> dict[str, Any]:
    """Listen to Sphinx."""
    app.connect("source-read", read)
    return {"version": "1", "env_version": 1, "parallel_read_safe": True, "parallel_write_safe": True}
