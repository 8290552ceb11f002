"""Small pictures of the chapters' best figures, for the front page: in the colours of the light page and of the dark.

They are drawn from what the notebooks store, so a figure that changes changes its small picture too.
"""

from __future__ import annotations

import base64
import io
import json
import re
from pathlib import Path
from typing import Any

import matplotlib
import resvg_py
from figures import DATA, EXPLORE
from PIL import Image
from setup import ROOT

FOLDER = ROOT / "book" / "_static" / "thumbnails"
SIZE = (480, 300)
"""Width and height in pixels: twice what a card shows."""

SVG = re.compile(r"<svg\b.*?</svg>", re.DOTALL)
COLOUR = re.compile(r"var\(--mm-fig-([\w-]+),\s*([^()]*)\)")
FONTS = str(Path(matplotlib.get_data_path()) / "fonts" / "ttf")
#: The names that the page's style sheet gives to papers and inks; html[data-theme=...] holds the rest.
ALIASES = {"paper": "paper", "ink": "ink", "muted": "soft", "grid": "line"}


def palette(theme: str) -> dict[str, str]:
    """What the colours of figures are called in a theme."""
    css = (ROOT / "book" / "_static" / "book.css").read_text(encoding="utf-8")
    rules = "".join(body for head, body in re.findall(r"([^{}]*)\{([^{}]*)\}", css) if f'data-theme="{theme}"' in head)
    named = dict(re.findall(r"--mm-([\w-]+):\s*(#\w+);", rules))
    own = {name.removeprefix("fig-"): value for name, value in named.items() if name.startswith("fig-")}
    return own | {name: named[alias] for name, alias in ALIASES.items()}


def frame(markup: str) -> str:
    """The frame with which a figure to move begins; any other markup as it is."""
    found = EXPLORE.search(markup)
    if not found:
        return markup
    facts = json.loads(found["data"].replace("<\\/", "</"))
    index = 0
    for control in facts["controls"]:
        index = index * len(control["values"]) + control["start"]
    runs, lines = facts["runs"][index], facts["lines"]
    return "\n".join(line for at, count in zip(runs[::2], runs[1::2], strict=True) for line in lines[at : at + count])


def drawn(svg: str, theme: str) -> Image.Image:
    """A vector figure of the book in the colours of a theme."""
    colours = palette(theme)
    svg = svg.replace("var(--mm-fig-font,'DejaVu Sans',sans-serif)", "'DejaVu Sans'").replace("%ALT%", "")
    svg = COLOUR.sub(lambda found: colours.get(found[1], found[2]), svg)
    # The picture formats inside figures that not every renderer reads.
    svg = DATA.sub(lambda found: f"data:image/png;base64,{png(base64.b64decode(found[2]))}", svg)
    if "xmlns=" not in svg.split(">", 1)[0]:
        svg = svg.replace("<svg", '<svg xmlns="http://www.w3.org/2000/svg"', 1)
    data = resvg_py.svg_to_bytes(svg_string=svg, width=2 * SIZE[0], font_dirs=[FONTS], skip_system_fonts=True)
    return Image.open(io.BytesIO(bytes(data))).convert("RGBA")


def png(data: bytes) -> str:
    """A picture as PNG, in letters."""
    out = io.BytesIO()
    Image.open(io.BytesIO(data)).save(out, format="PNG")
    return base64.b64encode(out.getvalue()).decode()


def picture(data: dict[str, Any], theme: str) -> Image.Image | None:
    """What one stored output shows; None where it is no picture."""
    vector, markup = "".join(data.get("image/svg+xml", "")), frame("".join(data.get("text/html", "")))
    found = SVG.search(vector) or SVG.search(markup)
    if found and "mm-svg" in found.group():
        return drawn(found.group(), theme)
    stored = DATA.search(markup)
    letters = stored[2] if stored and stored[1].startswith("image/") else "".join(data.get("image/png", ""))
    return Image.open(io.BytesIO(base64.b64decode(letters))).convert("RGBA") if letters else None


def small(image: Image.Image) -> bytes:
    """A picture fitted into the size of all, as WebP."""
    share = min(SIZE[0] / image.width, SIZE[1] / image.height)
    method = Image.Resampling.NEAREST if share >= 2 else Image.Resampling.LANCZOS
    image = image.resize((max(1, round(image.width * share)), max(1, round(image.height * share))), method)
    sheet = Image.new("RGBA", SIZE)
    sheet.paste(image, ((SIZE[0] - image.width) // 2, (SIZE[1] - image.height) // 2))
    out = io.BytesIO()
    sheet.save(out, format="WEBP", quality=82, method=6)
    return out.getvalue()


def chosen(notebook: Path, name: str) -> list[dict[str, Any]]:
    """The outputs of the figure of that name; of all figures where there is none of that name."""
    if not notebook.exists():  # listed before it was written
        return []
    cells = [c for c in json.loads(notebook.read_text(encoding="utf-8"))["cells"] if c["cell_type"] == "code"]
    named = [c for c in cells if c["metadata"].get("mystnb", {}).get("figure", {}).get("name") == name]
    return [output["data"] for cell in named or cells for output in cell["outputs"] if "data" in output]


def thumbnail(entry: dict[str, Any]) -> list[str]:
    """Write a chapter's small pictures; their names, light and dark, or none where it shows no picture."""
    notebook = ROOT / f"{entry['file']}.ipynb"
    names = []
    for theme in ("light", "dark"):
        shown = (picture(data, theme) for data in chosen(notebook, entry.get("thumbnail", "")))
        image = next((image for image in shown if image), None)
        if image:
            FOLDER.mkdir(parents=True, exist_ok=True)
            path = FOLDER / f"{notebook.stem}-{theme}.webp"
            data = small(image)
            if not path.exists() or path.read_bytes() != data:
                path.write_bytes(data)
            names.append(path.name)
    return names
