"""A small kit for vector drawings: parts with a size, put side by side or one below the other.

A part knows its width, its height and its markup, drawn from its own upper left corner. Colours are CSS variables
with the page's names and a fall-back, so that one file serves a light page, a dark page, print and JupyterLab.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

WIDE = 740.0
"""Width of a drawing for a desktop's column, in its own units."""

PHONE = 350.0
"""Width of a drawing for a telephone; one unit is one pixel there."""

# The names on the left of each var() are the book's; JupyterLab knows only its own theme attribute.
_VARIABLES = {
    "ink": ("ink", "#1d2129", "#e6e4dd"),
    "soft": ("soft", "#525a66", "#a9b1bd"),
    "card": ("card", "#f3f1ea", "#1e232b"),
    "paper": ("paper", "#fbfaf6", "#15181e"),
    "line": ("strong-line", "#8a8779", "#79828f"),
    "blue": ("blue", "#0072b2", "#56b4e9"),
    "vermilion": ("vermilion", "#c25400", "#f08a3c"),
    "green": ("green", "#007e5c", "#35c297"),
    "amber": ("amber", "#9a6900", "#e5a823"),
    "purple": ("purple", "#a94a80", "#dd91bb"),
}


def _variables(column: int) -> str:
    return "".join(f"--d-{name}:var(--mm-{row[0]},{row[column]});" for name, row in _VARIABLES.items())


CSS = (
    f".mm-d,.mm-live{{{_variables(1)}}}"
    f"[data-jp-theme-light=false] .mm-d,[data-jp-theme-light=false] .mm-live{{{_variables(2)}}}"
    """
.mm-diagram{margin:1.4em 0;container-type:inline-size}
.mm-d{display:block;width:100%;height:auto;max-width:46.25rem;margin:0 auto;overflow:visible}
.mm-d-phone{display:none;max-width:24rem}
@container (max-width:40rem){.mm-d-wide{display:none}.mm-d-phone{display:block}}
.mm-d text{fill:var(--d-ink);font:400 12.5px/1.2 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif}
.mm-d .t{font-weight:650;font-size:13px}.mm-d .s{fill:var(--d-soft);font-size:12px}
.mm-d .i{font-family:"STIX Two Math","Latin Modern Math",Cambria,"Times New Roman",serif;font-style:italic;
font-size:1.12em}
.mm-d .box{fill:var(--d-card);stroke:var(--d-line);stroke-width:1.2}
.mm-d .line{fill:none;stroke:var(--d-line);stroke-width:1.4}.mm-d .head{fill:var(--d-line)}
.mm-d .dash{stroke-dasharray:4 3}.mm-d .cell{stroke:var(--d-line);stroke-width:.6}.mm-d .none{fill:none}
.mm-d .ink{fill:var(--d-ink)}.mm-d .soft{fill:var(--d-soft)}.mm-d .paper{fill:var(--d-paper)}
.mm-d .blue{fill:var(--d-blue)}.mm-d .vermilion{fill:var(--d-vermilion)}.mm-d .green{fill:var(--d-green)}
.mm-d .amber{fill:var(--d-amber)}.mm-d .purple{fill:var(--d-purple)}
.mm-d .ring{fill:none;stroke:var(--d-vermilion);stroke-width:2}
.mm-d .halo{fill:none;stroke:none}
.mm-d .lit>.halo{fill:var(--d-vermilion);fill-opacity:.1;stroke:var(--d-vermilion);stroke-width:1.8}
.mm-d .lit .box{stroke:var(--d-vermilion);stroke-width:2}.mm-d .lit .t{fill:var(--d-vermilion)}
""".replace("\n", "")
)


def number(value: float) -> str:
    """A coordinate in as few characters as it needs."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


@dataclass(frozen=True)
class Part:
    """A drawing with a size; its corner is at (0, 0)."""

    width: float
    height: float
    body: str

    def at(self, x: float, y: float) -> str:
        """The markup, moved."""
        if abs(x) < 0.005 and abs(y) < 0.005:
            return self.body
        return f'<g transform="translate({number(x)} {number(y)})">{self.body}</g>'


NOTHING = Part(0, 0, "")


def _pieces(text: str) -> list[tuple[str, bool]]:
    """Words and, between dollar signs, mathematics."""
    return [(piece, i % 2 == 1) for i, piece in enumerate(text.split("$")) if piece]


def plain(text: str) -> str:
    """A label without its markup, for alternative texts.

    Example:
        >>> plain("$Z_{l-1}^{0}$ of the block")
        'Z_l-1^0 of the block'
    """
    return re.sub(r"[{}$]", "", text)


def text_width(text: str, size: float = 12.5, bold: bool = False) -> float:
    """About how wide a label is; letters are taken a little too wide, so that nothing touches."""
    wide = 0.0
    for piece, maths in _pieces(text):
        level = 1.0
        for letter in re.findall(r"[_^]\{[^}]*\}|[_^].|.", piece) if maths else piece:
            inner = re.sub(r"[_^{}]", "", letter) if maths else letter
            level = 0.75 if maths and letter[0] in "_^" else 1.0
            for sign in inner:
                wide += level * (0.3 if sign in " .,:;|'il" else 0.9 if sign in "mwMWD×→=+" else 0.62)
    return wide * size * (1.08 if bold else 1.0)


def _spans(text: str) -> str:
    """A label as tspans: italics for mathematics, small and moved for indices."""
    out = []
    for piece, maths in _pieces(text):
        if not maths:
            out.append(html.escape(piece, quote=False))
            continue
        for token in re.findall(r"[_^]\{[^}]*\}|[_^].|[^_^]+", piece):
            body = html.escape(re.sub(r"^[_^]|[{}]", "", token), quote=False)
            kind = ' class="i"' if re.search(r"[A-Za-z]", body) else ""
            if token[0] in "_^":
                shift = "0.28em" if token[0] == "_" else "-0.45em"
                back = "-0.2em" if token[0] == "_" else "0.32em"
                out.append(f'<tspan{kind} dy="{shift}" style="font-size:.77em">{body}</tspan>')
                out.append(f'<tspan dy="{back}">\u200b</tspan>')  # a space of no width brings the line back
            else:
                out.append(f"<tspan{kind}>{body}</tspan>" if kind else body)
    return "".join(out)


def label(text: str, kind: str = "", size: float = 12.5, anchor: str = "start") -> Part:
    """One line of text; mathematics stands between dollar signs, ``$Z_{l-1}^{0}$``."""
    width, bold = text_width(text, size, kind == "t"), kind == "t"
    x = {"start": 0.0, "middle": width / 2, "end": width}[anchor]
    style = f' class="{kind}"' if kind else ""
    font = f' style="font-size:{number(size)}px"' if size not in (12.5,) and not bold and kind != "s" else ""
    turn = f' text-anchor="{anchor}"' if anchor != "start" else ""
    return Part(width, size * 1.3, f'<text x="{number(x)}" y="{number(size)}"{style}{font}{turn}>{_spans(text)}</text>')


def lines(texts: Sequence[tuple[str, str]], anchor: str = "start", width: float = 0.0) -> Part:
    """Several lines, each (text, kind), set to one side or to the middle of the width."""
    sizes = {"t": 13.0, "s": 12.0}
    made = [(label(text, kind, sizes.get(kind, 12.5), anchor)) for text, kind in texts if text]
    wide = max([width, *(p.width for p in made)])
    out, y = [], 0.0
    for part in made:
        x = {"start": 0.0, "middle": (wide - part.width) / 2, "end": wide - part.width}[anchor]
        out.append(part.at(x, y))
        y += part.height + 1
    return Part(wide, y, "".join(out))


def wrap(text: str, room: float, size: float = 12.5, bold: bool = False) -> list[str]:
    """A label cut into lines that fit; never inside mathematics."""
    words = re.findall(r"(?:\$[^$]*\$|[^ $])+", text)  # a space that does not break holds "16 × 64" together
    out: list[str] = []
    for word in words:
        if out and text_width(f"{out[-1]} {word}", size, bold) <= room:
            out[-1] = f"{out[-1]} {word}"
        else:
            out.append(word)
    return out


def rect(x: float, y: float, w: float, h: float, kind: str, more: str = "") -> str:
    """A rectangle; ``more`` holds further attributes."""
    size = f'width="{number(w)}" height="{number(h)}"'
    return f'<rect x="{number(x)}" y="{number(y)}" {size} class="{kind}"{" " + more if more else ""}/>'


def box(title: str, width: float = 0.0, height: float = 30.0, sub: str = "") -> Part:
    """A rounded box with words in its middle."""
    words = lines([(title, "t"), (sub, "s")] if sub else [(title, "")], "middle")
    w, h = max(width, words.width + 16), max(height, words.height + 10)
    body = rect(0.6, 0.6, w - 1.2, h - 1.2, "box", 'rx="6"')
    return Part(w, h, body + words.at((w - words.width) / 2, (h - words.height) / 2))


def circle(sign: str, radius: float = 10.0) -> Part:
    """A sum, a product: a sign in a circle."""
    body = f'<circle cx="{radius}" cy="{radius}" r="{radius - 0.6}" class="box"/>'
    mark = f'<text x="{radius}" y="{number(radius + 5)}" text-anchor="middle" style="font-size:15px">{sign}</text>'
    return Part(2 * radius, 2 * radius, body + mark)


def arrow(length: float, down: bool = False) -> Part:
    """An arrow to the right or down."""
    end = number(length - 5)
    tip = number(length)
    if down:
        body = f'<path d="M5 0V{end}" class="line"/><path d="M1 {end}H9L5 {tip}Z" class="head"/>'
        return Part(10, length, body)
    body = f'<path d="M0 5H{end}" class="line"/><path d="M{end} 1V9L{tip} 5Z" class="head"/>'
    return Part(length, 10, body)


def row(parts: Iterable[Part], gap: float = 8.0, align: str = "middle") -> Part:
    """Side by side; ``align`` is ``"middle"``, ``"top"`` or ``"bottom"``."""
    kept = [p for p in parts if p.width or p.height]
    tall = max((p.height for p in kept), default=0.0)
    out, x = [], 0.0
    for part in kept:
        y = {"top": 0.0, "middle": (tall - part.height) / 2, "bottom": tall - part.height}[align]
        out.append(part.at(x, y))
        x += part.width + gap
    return Part(max(0.0, x - gap), tall, "".join(out))


def column(parts: Iterable[Part], gap: float = 8.0, align: str = "middle") -> Part:
    """One below the other; ``align`` is ``"middle"`` or ``"left"``."""
    kept = [p for p in parts if p.width or p.height]
    wide = max((p.width for p in kept), default=0.0)
    out, y = [], 0.0
    for part in kept:
        out.append(part.at((wide - part.width) / 2 if align == "middle" else 0.0, y))
        y += part.height + gap
    return Part(wide, max(0.0, y - gap), "".join(out))


def pad(part: Part, x: float, y: float | None = None) -> Part:
    """The same with room around it."""
    y = x if y is None else y
    return Part(part.width + 2 * x, part.height + 2 * y, part.at(x, y))


def named(part: Part, name: str, lit: Iterable[str], room: float = 5.0) -> Part:
    """A part that has a name: lit where the name is among those that are lit, with a halo where there is room."""
    on = " lit" if name in set(lit) else ""
    w, h = part.width + 2 * room, part.height + 2 * room
    halo = rect(-room, -room, w, h, "halo", 'rx="8"') if on and room else ""
    return Part(part.width, part.height, f'<g class="part{on}" data-part="{html.escape(name)}">{halo}{part.body}</g>')


def svg(part: Part, width: float, kind: str, title: str, margin: float = 8.0, css: bool = True) -> str:
    """The drawing as inline SVG with its accessible name.

    Raises:
        ValueError: the part is wider than the drawing.
    """
    if part.width > width + 0.5:
        raise ValueError(f"the drawing is {part.width:.0f} units wide, there is room for {width:.0f}: leave a part out")
    height = part.height + 2 * margin
    style = f"<style>{html.escape(CSS, quote=False)}</style>" if css else ""
    return (
        f'<svg class="mm-d mm-d-{kind}" viewBox="0 0 {number(width)} {number(height)}" role="img" '
        f'aria-label="{html.escape(title)}" xmlns="http://www.w3.org/2000/svg">'
        f"{style}{part.at((width - part.width) / 2, margin)}</svg>"
    )
