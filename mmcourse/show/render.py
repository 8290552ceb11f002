"""Figures as small vector files whose text is text and whose paper and ink are those of the page."""

from __future__ import annotations

import base64
import io
import re
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec
from PIL import Image

from mmcourse.show.theme import COLOURS, GRID, INK, MUTED, PAPER

PHONE = 3.7
"""Width in inches of a figure's variant for a telephone: 355 of its 390 pixels."""

NARROW = 4.4
"""Figures up to this width in inches need no variant for a telephone."""

SMALL = 128
"""Pictures up to this side in pixels are enlarged pixel by pixel, larger ones smoothly."""

#: The page says what these names mean, in light and in dark; where no page says so, the colour after the comma holds.
NAMES = {
    PAPER: "paper",
    INK: "ink",
    MUTED: "muted",
    GRID: "grid",
    **{c: name for name, c in COLOURS.items() if c != INK},
}

_HEX = re.compile("|".join(NAMES), re.IGNORECASE)
_NAME = {colour.lower(): f"var(--mm-fig-{name},{colour.lower()})" for colour, name in NAMES.items()}
_ATTRIBUTE = re.compile(r'(?<=\s)(d|x|y|width|height|points|transform)="([^"]*)"')
_PICTURE = re.compile(r'<image xlink:href="data:image/png;base64,([^"]*)"([^>]*?)/?>', re.DOTALL)


def webp(image: Image.Image) -> bytes:
    """A picture as WebP: without loss, or, where that is large and the eye cannot tell, with a little.

    Args:
        image: Any Pillow image; transparency is kept.
    """
    image = image if image.mode in ("RGB", "RGBA") else image.convert("RGBA" if "A" in image.getbands() else "RGB")
    exact = io.BytesIO()
    image.save(exact, format="WEBP", lossless=True, quality=80, method=6)
    if len(exact.getvalue()) <= 12_000 or max(image.size) <= SMALL:
        return exact.getvalue()
    close = io.BytesIO()
    image.save(close, format="WEBP", quality=88, method=6)
    return min(exact.getvalue(), close.getvalue(), key=len)


def data_url(data: bytes, kind: str) -> str:
    """Bytes as an address that holds them.

    Args:
        data: The file.
        kind: Its media type.
    """
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def _picture(found: re.Match[str]) -> str:
    image: Image.Image = Image.open(io.BytesIO(base64.b64decode(re.sub(r"\s", "", found.group(1)))))
    if image.mode == "RGBA" and image.getchannel("A").getextrema()[0] == 255:
        image = image.convert("RGB")
    rest = re.sub(r'\s(id|style)="[^"]*"', "", found.group(2).replace("\n", " "))
    crisp = ' style="image-rendering:pixelated"' if max(image.size) <= SMALL else ""
    return f'<image preserveAspectRatio="none" href="{data_url(webp(image), "image/webp")}"{rest}{crisp}/>'


def _short(found: re.Match[str]) -> str:
    places = 4 if found.group(1) == "transform" else 2
    value = re.sub(r"-?\d+\.\d+", lambda n: f"{float(n.group()):.{places}f}".rstrip("0").rstrip("."), found.group(2))
    return f'{found.group(1)}="{re.sub(chr(92) + "s+", " ", value).strip()}"'


def svg(figure: Figure, salt: str = "mmcourse") -> str:
    """A figure as SVG: text is text, colours of the house are names that the page may redefine.

    Args:
        figure: Any matplotlib figure.
        salt: Makes the names inside others than those of the same figure with another salt.
    """
    out = io.StringIO()
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": salt, "savefig.dpi": 72}):
        nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        figure.savefig(out, format="svg", facecolor=figure.get_facecolor(), metadata=nothing)
    text = out.getvalue()
    text = text[text.index("<svg") :].strip()
    text = re.sub(r"<!--.*?-->\s*|<metadata>.*?</metadata>\s*", "", text, flags=re.DOTALL)
    text = _PICTURE.sub(_picture, text)
    text = text.replace("xlink:href", "href")
    width, height = (round(side * 96) for side in figure.get_size_inches())
    view = re.search(r'viewBox="([^"]*)"', text)
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="mm-svg" width="{width}" height="{height}" '
        f'viewBox="{view.group(1) if view else ""}" '
        "style=\"font-family:var(--mm-fig-font,'DejaVu Sans',sans-serif)\">"
    )
    text = head + text[text.index(">") + 1 :]
    text = re.sub(r'(<g) id="[^"]*"', r"\1", text)
    text = _ATTRIBUTE.sub(_short, text)
    text = re.sub(r'<style type="text/css">[^<]*</style>', "", text)
    text = re.sub(r" ?font-family: 'DejaVu Sans'(, sans-serif)?;?", "", text)  # the root says it once
    text = re.sub(r' transform="rotate\(-?0 [^)]*\)"', "", text)
    text = re.sub(r'<path [^>]*style="fill: none"/>', "", text)  # neither filled nor stroked
    text = re.sub(r'style="([^"]*)"', lambda found: f'style="{re.sub("([:;]) ", chr(92) + "1", found[1])}"', text)
    text = _HEX.sub(lambda found: _NAME[found.group().lower()], _ungrouped(text))
    return re.sub(r"\n\s*", "\n", re.sub(r"<defs>\s*</defs>|<g[^>]*/>", "", text))


def _ungrouped(text: str) -> str:
    """SVG without groups that say nothing."""
    stack: list[bool] = []

    def keep(found: re.Match[str]) -> str:
        tag = found.group()
        if tag == "</g>":
            return tag if stack.pop() else ""
        if not tag.endswith("/>"):
            stack.append(tag != "<g>")
        return "" if tag == "<g>" else tag

    return re.sub(r"</?g(?: [^>]*)?/?>", keep, text)


def _main(figure: Figure) -> list[Axes]:
    """The axes that stand in a grid; colour bars belong to theirs."""
    return [ax for ax in figure.axes if ax.get_subplotspec() is not None and not hasattr(ax, "_colorbar")]


def _pictures(axes: list[Axes]) -> bool:
    return any(ax.images for ax in axes) and not any(ax.axison and ax.xaxis.get_ticklocs().size for ax in axes)


@contextmanager
def _for_phone(figure: Figure, columns: int | None) -> Iterator[None]:
    """Lay a figure out for a telephone, and back."""
    width, height = figure.get_size_inches()
    undo: list[Any] = []
    axes = _main(figure)
    places = [(ax, place) for ax in figure.axes if (place := ax.get_subplotspec()) is not None]
    grid = axes[0].get_gridspec() if axes else None
    regular = (
        not figure.subfigs
        and len(axes) == len(places)
        and all(place.get_gridspec() is grid and place.num1 == place.num2 for _, place in places)
    )
    old = grid.ncols if grid is not None and regular else 1
    if columns is None:
        columns = min(old, 4 if old > 5 else 3) if _pictures(axes) else 1
    tall = height * max(0.8, PHONE / width) if old == 1 else height * PHONE / width
    if grid is not None and old > 1 and columns and columns < old:
        rows = -(-len(axes) // columns)
        ratio = (PHONE / columns) / (width / old) if _pictures(axes) else 1.0
        tall = height / grid.nrows * min(ratio, 1.3) * rows
        fresh = GridSpec(rows, columns, figure=figure)
        for i, ax in enumerate(axes):
            place = ax.get_subplotspec()
            undo.append(lambda ax=ax, place=place: ax.set_subplotspec(place))
            ax.set_subplotspec(fresh[i // columns, i % columns])
            for axis, side in ((ax.xaxis, "labelbottom"), (ax.yaxis, "labelleft")):
                if axis.get_tick_params().get(side) is False:
                    hidden: dict[str, Any] = {side: False}
                    undo.append(lambda axis=axis, hidden=hidden: axis.set_tick_params(**hidden))
                    seen: dict[str, Any] = {side: True}
                    axis.set_tick_params(**seen)
    texts = [(figure._suptitle, 46)] if getattr(figure, "_suptitle", None) else []  # type: ignore[attr-defined]
    texts += [(t, 48 // max(columns or old, 1)) for ax in axes for t in (ax.title, ax._left_title, ax._right_title)]  # type: ignore[attr-defined]
    for text, room in texts:
        words = text.get_text()
        if any(len(line) > room for line in words.split("\n")) and "$" not in words:
            undo.append(lambda text=text, words=words: text.set_text(words))
            text.set_text("\n".join(textwrap.fill(line, max(room, 10)) for line in words.split("\n")))
    figure.set_size_inches(PHONE, tall)
    try:
        yield
    finally:
        for step in reversed(undo):
            step()
        figure.set_size_inches(width, height)


def phone(figure: Figure, columns: int | None = None) -> str | None:
    """The same figure for a telephone: as wide as its column, letters as large as before, axes one below the other.

    Args:
        figure: Any matplotlib figure.
        columns: Axes beside one another; 0 keeps the grid as it is, None stacks charts and keeps two to four pictures.

    Returns:
        SVG, or None where the figure is narrow enough already.
    """
    if figure.get_figwidth() <= NARROW:
        return None
    with _for_phone(figure, columns):
        return svg(figure, "phone")
