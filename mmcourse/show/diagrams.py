"""The book's diagrams: tokens in, the transformer, tokens out; one set, drawn by code, with the part that changes lit.

Every diagram is a flow of stages, and a stage is a small drawing with a title, a shape and an equation. The same stages
serve every chapter. A desktop's column shows them side by side, a telephone one below the other.
"""

# ruff: noqa: N803, N806  (P, D, L, H, W, C, K are the letters of the field)
from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from mmcourse.checks import choose
from mmcourse.show.html import Html, inline
from mmcourse.show.vectors import (
    NOTHING,
    PHONE,
    WIDE,
    Part,
    arrow,
    box,
    circle,
    column,
    label,
    lines,
    named,
    number,
    pad,
    plain,
    rect,
    row,
    svg,
    wrap,
)

# ---- small drawings ----

_SMILE = ("..YYYY..", ".YYYYYY.", "YYKYYKYY", "YYKYYKYY", "YYYYYYYY", "YKYYYYKY", ".YKKKKY.", "..YYYY..")
_HUES = {".": "#dce8f1", "Y": "#f3c232", "K": "#6b4600"}
_THREE = ("..2772..", ".57..75.", ".....75.", "...277..", "...2775.", ".....77.", ".57..75.", "..2772..")


def mosaic(cell: float = 12.0, gap: float = 0.0, P: int = 8, picture: str = "smile") -> Part:
    """A picture of 8 x 8 pixels; with a gap it is cut into patches of P x P. Patches carry their number."""
    rows = _SMILE if picture == "smile" else _THREE
    n = 8 // P
    out = []
    for a in range(n):
        for b in range(n):
            inner = []
            for r in range(P):
                for c in range(P):
                    sign = rows[a * P + r][b * P + c]
                    if picture == "smile":
                        hue = _HUES[sign]
                    else:
                        level = 20 + 25 * int(sign.replace(".", "0"))
                        hue = f"#{level:02x}{level:02x}{level + 6:02x}"
                    inner.append(rect(c * cell, r * cell, cell + 0.15, cell + 0.15, "", f'fill="{hue}"'))
            x, y = b * (P * cell + gap), a * (P * cell + gap)
            frame = rect(0, 0, P * cell, P * cell, "cell none") if gap or P < 8 else ""
            out.append(
                f'<g data-i="{a * n + b + 1}" transform="translate({number(x)} {number(y)})">'
                f"{''.join(inner)}{frame}</g>"
            )
    side = 8 * cell + (n - 1) * gap
    return Part(side, side, "".join(out))


def tokens(
    n: int,
    colour: str = "blue",
    first: str = "",
    cell: float = 7.0,
    high: int = 6,
    gap: float = 3.0,
    more: bool = False,
) -> Part:
    """A sequence: n columns, each the vector of one token; ``first`` is the colour of an extra one at the front."""
    colours = [first] * bool(first) + [colour] * n
    out = []
    for i, hue in enumerate(colours):
        number_ = i if first else i + 1
        cells = "".join(
            rect(
                0,
                r * cell,
                cell,
                cell,
                f"cell {hue}",
                f'fill-opacity="{(0.25, 0.95, 0.45, 0.7)[(3 * i + 5 * r + i * r) % 4]}"',
            )
            for r in range(high)
        )
        out.append(f'<g data-i="{number_}" transform="translate({number(i * (cell + gap))} 0)">{cells}</g>')
    width = len(colours) * (cell + gap) - gap
    if more:
        dots = label("…", "s").at(width + 2, high * cell / 2 - 9)
        return Part(width + 14, high * cell, "".join(out) + dots)
    return Part(width, high * cell, "".join(out))


def flat(n: int, colour: str = "ink", cell: float = 7.0) -> Part:
    """One flattened vector: n cells in a row."""
    cells = (
        rect(i * cell, 0, cell, cell, f"cell {colour}", f'fill-opacity="{(0.15, 0.6, 0.3, 0.85)[(5 * i + i * i) % 4]}"')
        for i in range(n)
    )
    return Part(n * cell, cell, "".join(cells))


def matrix(rows: int, columns: int, colour: str = "purple", cell: float = 7.0) -> Part:
    """A matrix of weights."""
    return column([replace_shade(columns, colour, cell, r) for r in range(rows)], 0)


def replace_shade(n: int, colour: str, cell: float, seed: int) -> Part:
    """One row of a matrix."""
    cells = (
        rect(
            i * cell,
            0,
            cell,
            cell,
            f"cell {colour}",
            f'fill-opacity="{(0.2, 0.8, 0.4, 0.6)[(i * 5 + seed * 3 + i * seed) % 4]}"',
        )
        for i in range(n)
    )
    return Part(n * cell, cell, "".join(cells))


def one_hot(n: int, cell: float = 9.0, lit: int = -1) -> Part:
    """The identity: row i holds a single 1."""
    out = []
    for r in range(n):
        for c in range(n):
            shade = "purple" if r == c else "none"
            out.append(rect(c * cell, r * cell, cell, cell, f"cell {shade}"))
    ring = rect(-1.5, lit * cell - 1.5, n * cell + 3, cell + 3, "ring", 'rx="2"') if lit >= 0 else ""
    return Part(n * cell, n * cell, "".join(out) + ring)


def mask(n: int, cell: float = 11.0) -> Part:
    """Who may read whom in a decoder: the lower triangle."""
    out = [
        rect(c * cell, r * cell, cell, cell, f"cell {'blue' if c <= r else 'none'}", 'fill-opacity=".75"')
        for r in range(n)
        for c in range(n)
    ]
    return Part(n * cell, n * cell, "".join(out))


def similarity(n: int, cell: float = 14.0) -> Part:
    """Pictures against texts: the pairs on the diagonal belong together."""
    out = [
        rect(
            c * cell,
            r * cell,
            cell,
            cell,
            "cell green",
            f'fill-opacity="{0.95 if r == c else (0.08, 0.2, 0.14)[(r + 2 * c) % 3]}"',
        )
        for r in range(n)
        for c in range(n)
    ]
    return Part(n * cell, n * cell, "".join(out))


def waves(width: float = 96.0, each: float = 15.0, count: int = 4) -> Part:
    """Sinusoids, from fast to slow."""
    out = []
    for k in range(count):
        points = (
            f"{number(x)} {number(k * each + each / 2 - each * 0.36 * math.sin(x * 0.5 / 2.2**k))}"
            for x in range(0, int(width) + 1, 3)
        )
        out.append(f'<path d="M{"L".join(points)}" fill="none" stroke="var(--d-purple)" stroke-width="1.6"/>')
    return Part(width, each * count, "".join(out))


def sound(width: float = 92.0, height: float = 46.0) -> Part:
    """A waveform."""
    points = []
    for x in range(0, int(width) + 1):
        loud = math.exp(-(((x / width) - 0.4) ** 2) / 0.05) + 0.35 * math.exp(-(((x / width) - 0.8) ** 2) / 0.01)
        points.append(
            f"{x} {number(height / 2 - height * 0.46 * min(1, loud) * math.sin(x * 1.25) * math.cos(x * 0.31))}"
        )
    return Part(width, height, f'<path d="M{"L".join(points)}" fill="none" stroke="var(--d-blue)" stroke-width="1.4"/>')


def spectrogram(columns: int = 12, rows: int = 8, cell: float = 7.0) -> Part:
    """Loudness over time and pitch."""
    out = []
    for c in range(columns):
        for r in range(rows):
            a = math.exp(-((r - 5 + 2.6 * math.sin(c / 2.4)) ** 2) / 1.6) + 0.6 * math.exp(
                -((r - 2 + math.sin(c / 2.4)) ** 2)
            )
            out.append(
                rect(c * cell, r * cell, cell, cell, "blue", f'fill-opacity="{number(min(1.0, 0.06 + a * 0.9))}"')
            )
    frame = rect(0, 0, columns * cell, rows * cell, "cell none")
    return Part(columns * cell, rows * cell, "".join(out) + frame)


def words(texts: Sequence[str], colour: str = "amber", room: float = 110.0) -> Part:
    """Tokens of a text, in as many rows as they need."""
    made: list[list[Part]] = [[]]
    for text in texts:
        word = label(text, "", 12)
        part = Part(
            word.width + 10,
            21,
            rect(0.5, 0.5, word.width + 9, 20, f"cell {colour}", 'rx="4" fill-opacity=".18"') + word.at(5, 2.5),
        )
        if made[-1] and sum(p.width + 3 for p in made[-1]) + part.width > room:
            made.append([])
        made[-1].append(part)
    return column([row(line, 3) for line in made], 3, "left")


def bars(names: Sequence[str], shares: Sequence[float], width: float = 60.0, colour: str = "green") -> Part:
    """A few classes and how sure the model is of each."""
    side = max(label(n, "s").width for n in names) + 6
    out = []
    for i, (name, share) in enumerate(zip(names, shares, strict=True)):
        out.append(label(name, "s", 12).at(side - 6 - label(name, "s", 12).width, i * 17))
        out.append(rect(side, i * 17 + 3, width, 11, "cell none") + rect(side, i * 17 + 3, width * share, 11, colour))
    return Part(side + width, 17 * len(names), "".join(out))


def stack(
    title: str = "block", width: float = 104.0, inside: Sequence[str] = ("attention", "MLP"), lit: Iterable[str] = ()
) -> Part:
    """The part that stays: some cards behind one another, the front one with what is in it."""
    inner = column([named(box(word, width - 18, 25), word, lit, 0) for word in inside], 5)
    h = inner.height + 34
    cards = "".join(rect(8 - 4 * i, 4 * i + 0.6, width, h, "box", 'rx="7"') for i in range(3))
    words_ = label(title, "t")
    return Part(width + 9, h + 9, cards + words_.at((width - words_.width) / 2, 12) + inner.at(9, 36))


def cube(lit: bool = True) -> Part:
    """Colours of pixels in the cube of red, green and blue, and the few centres that stand for them."""

    def place(r: float, g: float, b: float) -> tuple[float, float]:
        return 6 + 62 * r + 30 * b, 96 - 62 * g - 24 * b

    out = []
    corners = [(r, g, b) for r in (0, 1) for g in (0, 1) for b in (0, 1)]
    for p in corners:
        for q in corners:
            if p < q and sum(u != v for u, v in zip(p, q, strict=True)) == 1:
                (x, y), (u, v) = place(*p), place(*q)
                out.append(
                    f'<path d="M{number(x)} {number(y)}L{number(u)} {number(v)}" class="line" stroke-width=".8"/>'
                )
    groups = [((0.9, 0.75, 0.2), 16), ((0.35, 0.22, 0.05), 9), ((0.25, 0.55, 0.85), 12), ((0.85, 0.25, 0.3), 9)]
    for k, (centre, count) in enumerate(groups):
        hue = "#" + "".join(f"{round(255 * v):02x}" for v in centre)
        for i in range(count):
            spread = 0.055 + 0.035 * ((i * 7) % 3)
            r = centre[0] + spread * math.cos(2.4 * i + k)
            g = centre[1] + spread * math.sin(2.4 * i)
            x, y = place(r, g, centre[2])
            out.append(f'<circle cx="{number(x)}" cy="{number(y)}" r="2" fill="{hue}"/>')
        x, y = place(*centre)
        out.append(f'<circle cx="{number(x)}" cy="{number(y)}" r="6" class="ring" style="fill:{hue}"/>' if lit else "")
    for text, (x, y) in {"R": place(1.05, 0, 0), "G": place(-0.07, 1.04, 0), "B": place(0, 0.02, 1)}.items():
        out.append(f'<text x="{number(x)}" y="{number(y)}" class="s">{text}</text>')
    return Part(112, 104, "".join(out))


def swatches(hues: Sequence[str] = ("#f3c232", "#6b4600", "#dce8f1", "#d9403f"), cell: float = 15.0) -> Part:
    """A palette: code and colour."""
    out = []
    for i, hue in enumerate(hues):
        out.append(rect(0, i * (cell + 3), cell * 1.6, cell, "cell", f'style="fill:{hue}"'))
        out.append(label(str(i), "s", 12).at(cell * 1.6 + 5, i * (cell + 3) - 1))
    return Part(cell * 1.6 + 14, len(hues) * (cell + 3) - 3, "".join(out))


def indices(cell: float = 12.0, n: int = 8) -> Part:
    """The picture as numbers of colours."""
    codes = {".": "2", "Y": "0", "K": "1"}
    out = []
    for r in range(n):
        for c in range(n):
            out.append(rect(c * cell, r * cell, cell, cell, "cell none"))
            out.append(
                f'<text x="{number((c + 0.5) * cell)}" y="{number((r + 0.5) * cell + 4)}" text-anchor="middle" '
                f'style="font-size:10.5px">{codes[_SMILE[r][c]]}</text>'
            )
    return Part(n * cell, n * cell, "".join(out))


def book(rows: int = 5, columns: int = 6, chosen: int = 2, cell: float = 9.0) -> Part:
    """A codebook: K vectors, one of them the nearest."""
    lines_ = [replace_shade(columns, "amber", cell, r) for r in range(rows)]
    body = column(lines_, 3)
    ring = rect(-2.5, chosen * (cell + 3) - 2.5, columns * cell + 5, cell + 5, "ring", 'rx="3"')
    names = "".join(label(str(r), "s", 12).at(-12, r * (cell + 3) - 4) for r in range(rows))
    return pad(Part(body.width + 12, body.height, Part(0, 0, body.body + ring + names).at(12, 0)), 2)


def grid_of_codes(n: int = 4, cell: float = 20.0) -> Part:
    """A small picture of indices into a codebook."""
    numbers = (17, 4, 4, 52, 9, 31, 8, 2, 9, 60, 33, 2, 17, 11, 11, 52)
    out = []
    for i in range(n * n):
        x, y = (i % n) * cell, (i // n) * cell
        out.append(rect(x, y, cell, cell, "cell amber", f'fill-opacity="{(0.1, 0.22, 0.3)[numbers[i] % 3]}"'))
        out.append(
            f'<text x="{number(x + cell / 2)}" y="{number(y + cell / 2 + 4)}" text-anchor="middle" '
            f'style="font-size:11px">{numbers[i]}</text>'
        )
    return Part(n * cell, n * cell, "".join(out))


# ---- stages and flows ----


@dataclass(frozen=True)
class Stage:
    """One step of a flow.

    Args:
        name: by which it is lit.
        drawing: what it looks like.
        title: what it is, in a word or two.
        shape: its shape, with mathematics between dollar signs.
        equation: the formula or its number.
    """

    name: str
    drawing: Part
    title: str
    shape: str = ""
    equation: str = ""


def _wide(stages: Sequence[Stage], lit: Iterable[str], room: float = WIDE) -> Part:
    return _across(stages, lit, room)[0]


def _across(stages: Sequence[Stage], lit: Iterable[str], room: float = WIDE) -> tuple[Part, list[float]]:
    """Side by side, drawings on one axis, words below; and the middle of each stage."""
    tall = max(s.drawing.height for s in stages)
    least = 22.0
    free = room - least * (len(stages) - 1) - 12
    drawings = sum(s.drawing.width for s in stages)
    slack = max(0.0, (free - drawings) / len(stages))
    columns = []
    for stage in stages:
        limit = stage.drawing.width + slack
        texts = [(t, "t") for t in wrap(stage.title, limit, 13, True)]
        texts += [(t, "s") for t in wrap(stage.shape, limit, 12)]
        texts += [(t, "") for t in wrap(stage.equation, limit)]
        below = lines(texts, "middle")
        w = max(stage.drawing.width, below.width)
        body = stage.drawing.at((w - stage.drawing.width) / 2, (tall - stage.drawing.height) / 2)
        columns.append((w, below.height, body + below.at((w - below.width) / 2, tall + 9), stage))
    high = tall + 9 + max(c[1] for c in columns)
    used = sum(c[0] for c in columns)
    gap = min(54.0, max(least, (room - 12 - used) / max(1, len(stages) - 1)))
    out, x, middles = [], 0.0, []
    for i, (w, h, body, stage) in enumerate(columns):
        middles.append(6 + x + w / 2)
        if i:
            # An arrow spans the empty room between two drawings, which may be more than the gap between the words;
            # at a part that is lit it stops before the frame.
            before, old = columns[i - 1][3], columns[i - 1][0]
            start = x - gap + (7 if before.name in lit else 5 - (old - before.drawing.width) / 2)
            end = x - (7 if stage.name in lit else 5 - (w - stage.drawing.width) / 2)
            out.append(arrow(end - start).at(start, tall / 2 - 5))
        out.append(named(Part(w, tall + 9 + h, body), stage.name, lit).at(x, 0))
        x += w + gap
    return pad(Part(x - gap, high, "".join(out)), 6), middles


def _phone(stages: Sequence[Stage], lit: Iterable[str], room: float = PHONE) -> Part:
    """One below the other: the drawing to the left, the words to its right."""
    left = min(165.0, max(s.drawing.width for s in stages))
    out, y = [], 0.0
    for i, stage in enumerate(stages):
        if i:
            out.append(arrow(18, down=True).at(left / 2 - 5, y + 3))
            y += 24
        limit = room - 12 - left - 14
        texts = [(t, "t") for t in wrap(stage.title, limit, 13, True)]
        texts += [(t, "s") for t in wrap(stage.shape, limit, 12)]
        texts += [(t, "") for t in wrap(stage.equation, limit)]
        beside = lines(texts)
        h = max(stage.drawing.height, beside.height)
        body = stage.drawing.at((left - stage.drawing.width) / 2, (h - stage.drawing.height) / 2)
        body += beside.at(left + 14, (h - beside.height) / 2)
        out.append(named(Part(room - 12, h, body), stage.name, lit, 4).at(0, y))
        y += h
    return pad(Part(room - 12, y, "".join(out)), 6)


@dataclass(frozen=True)
class Drawing:
    """A diagram in both layouts.

    Args:
        wide: for a desktop's column.
        phone: for a telephone.
        alt: what it shows, in a sentence or two.
        parts: names that ``lit`` may take.
    """

    wide: Part
    phone: Part
    alt: str
    parts: tuple[str, ...]


def flow(stages: Sequence[Stage], lit: Iterable[str] = (), alt: str = "") -> Drawing:
    """Stages from left to right, or from top to bottom: the form of most diagrams here."""
    said = alt or "From left to right: " + "; ".join(
        plain(s.title + (f", {s.shape}" if s.shape else "")) for s in stages
    )
    return Drawing(_wide(stages, lit), _phone(stages, lit), f"{said}.", tuple(s.name for s in stages))


Sizes = Mapping[str, float | str]


def _of(sizes: Sizes, *symbols: str) -> str:
    """`` m × D``, with the numbers where they are known: ``$m$ × $D$ = 16 × 64``."""
    letters = "\u00a0×\u00a0".join(f"${s}$" for s in symbols)
    known = [sizes.get(s) for s in symbols]
    if any(v is None for v in known):
        return letters
    return f"{letters} =\u00a0" + "\u00a0×\u00a0".join(f"{v:,}" if isinstance(v, int) else str(v) for v in known)


def _derived(sizes: Sizes) -> dict[str, float | str]:
    """Sizes that follow from others: m = HW / P², m + 1, m + 2, P²C."""
    out = dict(sizes)
    H, W, P, C = (out.get(s) for s in ("H", "W", "P", "C"))
    if isinstance(H, int) and isinstance(P, int):
        W = W if isinstance(W, int) else H
        if H % P or W % P:
            raise ValueError(f"diagram() got a picture of {H} x {W} and P = {P}: P must divide both sides")
        out.setdefault("m", (H // P) * (W // P))
    if isinstance(P, int) and isinstance(C, int):
        out.setdefault("P²C", P * P * C)
    m = out.get("m")
    if isinstance(m, int):
        out.setdefault("m+1", m + 1)
        out.setdefault("m+2", m + 2)
    h, w = out.get("h"), out.get("w")
    if isinstance(h, int) and isinstance(w, int):
        out.setdefault("n", h * w)
    return out


def _way_in(kind: str, sizes: Sizes) -> list[Stage]:
    """A modality and the sequence that it becomes."""
    D = _of(sizes, "m", "D")
    ways: dict[str, tuple[Stage, Stage]] = {
        "pixels": (
            Stage("input", mosaic(10), "picture", _of(sizes, "h", "w")),
            Stage("tokens_in", tokens(8, more=True), "one token a pixel", _of(sizes, "n", "D")),
        ),
        "patches": (
            Stage("input", mosaic(10, 4, 4), "picture in patches", ""),
            Stage("tokens_in", tokens(4, cell=9), "one token a patch", D),
        ),
        "cnn": (
            Stage("input", mosaic(10), "picture", _of(sizes, "H", "W", "C")),
            Stage("tokens_in", tokens(4, cell=9), "a CNN's features as tokens", D),
        ),
        "colours": (
            Stage("input", indices(11), "picture in $k$ colours", ""),
            Stage("tokens_in", tokens(8, "amber", more=True), "one token a colour", _of(sizes, "n", "D")),
        ),
        "codes": (
            Stage("input", grid_of_codes(4, 19), "picture in codes", ""),
            Stage("tokens_in", tokens(8, "amber", more=True), "one token a code", D),
        ),
        "spectrogram": (
            Stage("input", spectrogram(), "spectrogram", "time × mel bands"),
            Stage("tokens_in", tokens(6, more=True), "one token a patch", D),
        ),
        "sound": (
            Stage("input", sound(), "waveform", "samples"),
            Stage("tokens_in", tokens(6, more=True), "one token a frame", D),
        ),
        "text": (
            Stage("input", words(["a", "red", "bird"]), "text", ""),
            Stage("tokens_in", tokens(3, "amber", cell=9), "one token a word piece", D),
        ),
    }
    return list(_pick(ways, kind, "tokens_in"))


def _way_out(kind: str, sizes: Sizes) -> list[Stage]:
    """What becomes of the transformer's output."""
    K = sizes.get("K")
    ways: dict[str, tuple[Stage, Stage]] = {
        "class": (
            Stage("tokens_out", tokens(4, "ink", "green", cell=9), "the class token's output", "$Z_L^0$"),
            Stage(
                "output", bars(["cat", "bird", "sun"], [0.2, 0.1, 0.7], 50), "class", f"{K} logits" if K else "logits"
            ),
        ),
        "colours": (
            Stage("tokens_out", tokens(8, "green", more=True), "the next colour, at every place", _of(sizes, "n", "k")),
            Stage("output", mosaic(10), "picture", "colour by colour"),
        ),
        "codes": (
            Stage("tokens_out", tokens(8, "green", more=True), "the next code", "one of $k$"),
            Stage("output", mosaic(10), "picture", "decoded from codes"),
        ),
        "text": (
            Stage("tokens_out", tokens(5, "green", more=True), "the next word piece", "one of $k$"),
            Stage("output", words(["the", "sun", "smiles"], "green"), "text", ""),
        ),
        "vector": (
            Stage("tokens_out", tokens(4, "ink", "green", cell=9), "one summary token", ""),
            Stage("output", flat(8, "green", 9), "a point in a shared space", _of(sizes, "D")),
        ),
        "sound": (
            Stage("tokens_out", tokens(6, "green", more=True), "the next frame", ""),
            Stage("output", sound(), "waveform", ""),
        ),
    }
    return list(_pick(ways, kind, "tokens_out"))


def _pick(ways: Mapping[str, tuple[Stage, Stage]], kind: str, what: str) -> tuple[Stage, Stage]:
    if kind not in ways:
        raise ValueError(f"diagram() knows no {what}={kind!r}: choose one of {', '.join(ways)}")
    return ways[kind]


def _times(sizes: Sizes, name: str = "L") -> str:
    return f"$L$ = {sizes[name]} blocks" if name in sizes else "$L$ blocks"


def _model(
    sizes: Sizes, lit: Iterable[str], tokens_in: str = "patches", tokens_out: str = "class", stack_name: str = ""
) -> Drawing:
    causal = tokens_out in ("colours", "codes", "text", "sound")
    name = stack_name or ("decoder" if causal else "encoder")
    middle = Stage("block", stack(name, lit=lit), "transformer", _times(sizes))
    return flow([*_way_in(tokens_in, sizes), middle, *_way_out(tokens_out, sizes)], lit)


def _pixels(sizes: Sizes, lit: Iterable[str]) -> Drawing:
    side = 15.0
    picture = mosaic(side)
    arrows = "".join(
        f'<path d="M6 {number((r + 0.5) * side)}H{number(8 * side - 8)}" class="line" '
        f'style="stroke:var(--d-vermilion)"/>'
        f'<path d="M{number(8 * side - 10)} {number((r + 0.5) * side - 3.5)}v7l6 -3.5z" class="vermilion"/>'
        for r in range(0, 8, 2)
    )
    strip = []
    for i in range(12):
        hue = _HUES[_SMILE[i // 8][i % 8]]
        strip.append(
            Part(
                20,
                34,
                rect(0, 0, 20, 20, "cell", f'style="fill:{hue}"') + lines([(str(i + 1), "s")], "middle", 20).at(0, 21),
            )
        )
    half = column([row(strip[:6], 2, "top"), row([*strip[6:], label("…", "s")], 2, "top")], 4, "left")
    stages = [
        Stage(
            "raster",
            Part(picture.width, picture.height, picture.body + arrows),
            "picture",
            _of(sizes, "h", "w"),
            "row by row",
        ),
        Stage("sequence", half, "sequence of pixels", _of(sizes, "n"), "$n = hw$"),
        Stage("embedding", tokens(10, more=True), "tokens", _of(sizes, "n", "D"), "each pixel times a matrix"),
    ]
    return flow(
        stages,
        lit,
        "A picture read in raster order, row by row, becomes a sequence of n = hw pixels, each made a token of "
        "D numbers",
    )


def _patch(sizes: Sizes, lit: Iterable[str]) -> Drawing:
    cut = mosaic(11, 9, 4)
    ring = rect(-2, -2, 48, 48, "ring", 'rx="3"')
    one = Part(
        4 * 18,
        4 * 18,
        "".join(
            rect(c * 18, r * 18, 18.2, 18.2, "", f'fill="{_HUES[_SMILE[r][c]]}"') for r in range(4) for c in range(4)
        )
        + rect(0, 0, 72, 72, "cell none"),
    )
    flatten = row(
        [Part(8, 16, rect(0, 0, 8, 16, "cell", f'style="fill:{_HUES[_SMILE[i // 4][i % 4]]}"')) for i in range(12)]
        + [label("…", "s")],
        0,
    )
    stages = [
        Stage(
            "cut",
            Part(cut.width, cut.height, cut.body + ring),
            "cut into patches",
            _of(sizes, "H", "W"),
            "$m = HW/P^2$",
        ),
        Stage("one", one, "one patch", _of(sizes, "P", "P", "C")),
        Stage("flatten", flatten, "flattened, $x^{<i>}$", _of(sizes, "P²C")),
        Stage("E", matrix(8, 5, "purple", 9), "times $E$", _of(sizes, "P²C", "D")),
        Stage("tokens", tokens(4, cell=10), "tokens", _of(sizes, "m", "D"), "$x^{<i>}E$"),
    ]
    return flow(
        stages,
        lit,
        "A picture is cut into patches; each is flattened, multiplied by the same matrix E, and is then a token",
    )


def _cnn_grid(sizes: Sizes, lit: Iterable[str]) -> Drawing:
    def volume(side: float, depth: float, cells: int) -> Part:
        step = side / cells
        d, up, end = number(depth), number(depth * 0.6), number(side)
        front = "".join(
            f'<path d="M{number(depth + i * step)} {up}v{end}M{d} {number(depth * 0.6 + i * step)}h{end}" '
            'class="line"/>'
            for i in range(cells + 1)
        )
        back = (
            f'<path d="M{d} {up}L0 0H{end}L{number(side + depth)} {up}M0 0V{end}'
            f'L{d} {number(side + depth * 0.6)}" class="line"/>'
        )
        fill = rect(depth, depth * 0.6, side, side, "blue", 'fill-opacity=".18"')
        return Part(side + depth, side + depth * 0.6, fill + back + front)

    stages = [
        Stage("input", mosaic(12), "picture", _of(sizes, "H", "W", "C")),
        Stage("stage1", volume(76, 10, 8), "stride 2", "$H/2$ × $W/2$"),
        Stage("stage2", volume(56, 18, 4), "stride 4", "$H/4$ × $W/4$"),
        Stage("stage3", volume(40, 28, 2), "stride 8", "$H/8$ × $W/8$ × $D$"),
        Stage("tokens", tokens(4, cell=10), "tokens", _of(sizes, "m", "D"), "$m = HW/64$"),
    ]
    return flow(
        stages,
        lit,
        "Three stages of a ResNet halve the sides of the picture each time; the grid at stride 8, read in "
        "raster order, is the sequence: 64 times fewer tokens than pixels",
    )


def _positions(sizes: Sizes, lit: Iterable[str], way: str = "learned") -> Drawing:
    if way not in ("learned", "sinusoid"):
        raise ValueError(f"diagram('positions') got way={way!r}: choose 'learned' or 'sinusoid'")
    summed = Stage(
        "sum",
        row([tokens(5, cell=8), circle("+"), tokens(5, "purple", cell=8)], 7),
        "added to the tokens",
        _of(sizes, "m", "D"),
    )
    if way == "learned":
        stages = [
            Stage("one_hot", one_hot(6, 11, lit=2), "one-hot position", _of(sizes, "m", "m")),
            Stage("table", matrix(6, 8, "purple", 11), "times the table $E_{pos}$", _of(sizes, "m", "D"), "learned"),
            Stage("row", flat(8, "purple", 11), "one row of it", _of(sizes, "D")),
            summed,
        ]
        return flow(
            stages,
            lit,
            "A position as a one-hot vector times the learned table E_pos picks one row of the table, which is "
            "added to the token",
        )
    stages = [
        Stage("waves", waves(120, 19), "sines and cosines", "fast to slow"),
        Stage("row", flat(8, "purple", 11), "read at place $i$", _of(sizes, "D")),
        summed,
    ]
    return flow(
        stages,
        lit,
        "Sines and cosines of many wavelengths, read at one place, give that position's vector, which is added "
        "to the token",
    )


_BLOCK = ("input", "norm", "attention", "residual", "norm", "mlp", "residual", "output")


def _block_parts(lit: Iterable[str], cross: bool) -> list[tuple[str, Part]]:
    on = set(lit)

    def piece(name: str, part: Part) -> Part:
        return named(part, name, on, 0)

    out = [("in", pad(label("$Z_{l-1}$", "", 15), 2, 0)), ("norm", piece("norm", box("LN", 44, 34)))]
    out += [
        ("main", piece("attention", box("Multihead", 96, 40, "attention"))),
        ("add", piece("residual", circle("+"))),
    ]
    if cross:
        out += [("norm", piece("norm", box("LN", 44, 34)))]
        out += [
            ("main", piece("cross", box("Multihead", 96, 40, "of the memory"))),
            ("add", piece("residual", circle("+"))),
        ]
    out += [("mid", pad(label("$Z′_l$", "", 15), 2, 0)), ("norm", piece("norm", box("LN", 44, 34)))]
    out += [("main", piece("mlp", box("MLP", 80, 40, "each token alone"))), ("add", piece("residual", circle("+")))]
    out += [("out", pad(label("$Z_l$", "", 15), 2, 0))]
    return out


def _strip(parts: Sequence[tuple[str, Part]], lit: Iterable[str], gap: float = 16.0) -> Part:
    """The block as a strip, residual paths above it."""
    on = "residual" in set(lit)
    tall = max(p.height for _, p in parts)
    top = 26.0
    mid = top + tall / 2
    out, x, fork = [], 0.0, 0.0
    for i, (kind, part) in enumerate(parts):
        if i:
            out.append(arrow(gap - 2).at(x + 1, mid - 5))
            x += gap
        out.append(part.at(x, mid - part.height / 2))
        if kind in ("in", "mid") or (kind == "add" and i + 1 < len(parts) and parts[i + 1][0] == "norm"):
            after = x + part.width + gap / 2 - 3
        if kind == "add":
            style = ' style="stroke:var(--d-vermilion);stroke-width:2"' if on else ""
            centre = x + part.width / 2
            out.append(
                f'<path d="M{number(fork)} {number(mid)}V14a8 8 0 0 1 8 -8H{number(centre - 8)}a8 8 0 0 1 8 8'
                f'V{number(mid - 15)}" class="line"{style}/>'
                f'<path d="M{number(centre - 4)} {number(mid - 17)}h8l-4 6z" class="{"vermilion" if on else "head"}"/>'
            )
        if kind in ("in", "mid") or (kind == "add" and i + 1 < len(parts) and parts[i + 1][0] == "norm"):
            fork = after
        x += part.width
    return Part(x, top + tall, "".join(out))


def _tower(parts: Sequence[tuple[str, Part]], lit: Iterable[str], gap: float = 18.0, room: float = 150.0) -> Part:
    """The block standing, residual paths to its left."""
    on = "residual" in set(lit)
    axis = room - 60
    out, y, fork = [], 0.0, 0.0
    for i, (kind, part) in enumerate(parts):
        if i:
            out.append(arrow(gap - 2, down=True).at(axis - 5, y + 1))
            y += gap
        out.append(part.at(axis - part.width / 2, y))
        if kind == "add":
            style = ' style="stroke:var(--d-vermilion);stroke-width:2"' if on else ""
            centre = y + part.height / 2
            out.append(
                f'<path d="M{number(axis)} {number(fork)}H20a8 8 0 0 0 -8 8V{number(centre - 8)}a8 8 0 0 0 8 8'
                f'H{number(axis - 15)}" class="line"{style}/>'
                f'<path d="M{number(axis - 17)} {number(centre - 4)}v8l6 -4z" class="{"vermilion" if on else "head"}"/>'
            )
        if kind in ("in", "mid") or (kind == "add" and i + 1 < len(parts) and parts[i + 1][0] == "norm"):
            fork = y + part.height + gap / 2 - 3
        y += part.height
    return Part(room, y, "".join(out))


def _block(sizes: Sizes, lit: Iterable[str], cross: bool = False) -> Drawing:
    parts = _block_parts(lit, cross)
    equations = lines(
        [
            ("$Z′_l$ = Multihead(LN($Z_{l-1}$)) + $Z_{l-1}$", ""),
            ("$Z_l$ = MLP(LN($Z′_l$)) + $Z′_l$", ""),
        ]
    )
    strip = _strip(parts, lit, 12 if cross else 18)
    wide = strip if cross else column([strip, equations], 16)
    phone = column([_tower(parts, lit), NOTHING if cross else equations], 14)
    alt = "One block: the norm, attention, and a sum with what came in; then the norm, the MLP, and a sum again."
    if cross:
        alt = (
            "One block of a decoder with a memory: attention to itself, attention to the memory, the MLP; "
            "a norm before each and a sum with what came in after each."
        )
    return Drawing(
        pad(wide, 4), pad(phone, 4), alt, ("norm", "attention", *(["cross"] if cross else []), "mlp", "residual")
    )


def _vit_stages(sizes: Sizes, lit: Iterable[str], equations: Mapping[str, str]) -> list[Stage]:
    def eq(name: str) -> str:
        return equations.get(name, "")

    K = sizes.get("K")
    return [
        Stage("patches", mosaic(8, 3, 2), "patches", _of(sizes, "m", "P²C"), eq("patches")),
        Stage("embed", matrix(8, 4, "purple", 8), "times $E$", _of(sizes, "P²C", "D"), eq("embed")),
        Stage(
            "class_token",
            tokens(6, "blue", "green", 6, 7, 2.5, True),
            "class token in front",
            _of(sizes, "m+1", "D"),
            eq("class_token"),
        ),
        Stage(
            "positions",
            row([circle("+"), tokens(6, "purple", "purple", 6, 7, 2.5, True)], 4),
            "plus $E_{pos}$",
            _of(sizes, "m+1", "D"),
            eq("positions"),
        ),
        Stage("blocks", stack("encoder", 88, lit=lit), _times(sizes), _of(sizes, "m+1", "D"), eq("blocks")),
        Stage("summary", tokens(1, "green", cell=9, high=7), "only $Z_L^0$", _of(sizes, "D"), eq("summary")),
        Stage(
            "head", bars(["0", "3", "8"], [0.1, 0.75, 0.15], 30), "head", f"{K} logits" if K else "logits", eq("head")
        ),
    ]


def _vit(sizes: Sizes, lit: Iterable[str], equations: Mapping[str, str] | None = None) -> Drawing:
    stages = _vit_stages(sizes, lit, equations or {})
    parts = _block_parts(lit, False)
    top = _wide(stages, lit)
    inner = column([label("inside each block", "t"), _strip(parts, lit, 17)], 4)
    frame = rect(0.5, 0.5, top.width - 1, inner.height + 24, "line dash", 'rx="10"')
    inside = Part(top.width, inner.height + 25, frame + inner.at((top.width - inner.width) / 2, 10))
    phone = column([_phone(stages, lit), label("inside each block", "t"), _tower(parts, lit)], 12)
    alt = (
        "The vision transformer: patches times E are tokens; a class token is put in front and positions are added; "
        "blocks of attention and MLP, each behind a norm and on a residual path; the head reads the class token alone."
    )
    names = (*(s.name for s in stages), "norm", "attention", "mlp", "residual", "MLP")
    return Drawing(column([top, inside], 18), phone, alt, names)


def _imagegpt(sizes: Sizes, lit: Iterable[str]) -> Drawing:
    stages = [
        Stage("palette", indices(11), "picture in $k$ colours", _of(sizes, "n")),
        Stage(
            "shift",
            tokens(6, "amber", "green", 7, 6, 3, True),
            "shifted by one",
            _of(sizes, "n", "D"),
            "start, $x_1$, $x_2$, …",
        ),
        Stage("mask", mask(7, 11), "causal mask", _of(sizes, "n", "n"), "no look ahead"),
        Stage("blocks", stack("decoder", 96, lit=lit), _times(sizes), _of(sizes, "n", "D")),
        Stage(
            "logits",
            bars(["sky", "yellow", "brown"], [0.15, 0.7, 0.15], 44),
            "next colour",
            _of(sizes, "n", "k"),
            "$p(x_i | x_{<i})$",
        ),
    ]
    return flow(
        stages,
        lit,
        "ImageGPT: a picture as numbers of colours, shifted by one place with a start vector in front, read by "
        "a decoder with a causal mask, which says at every place how likely each colour is next",
    )


def _palette(sizes: Sizes, lit: Iterable[str]) -> Drawing:
    stages = [
        Stage("colours", cube(), "all colours in RGB", "$256^3$ possible"),
        Stage("centres", swatches(), "$k$ centres", _of(sizes, "k", "3"), "k-means"),
        Stage("codes", indices(12), "nearest centre", "log$_2$ $k$ bits a pixel"),
        Stage("picture", mosaic(12), "and back", _of(sizes, "h", "w")),
    ]
    return flow(
        stages,
        lit,
        "Colours of pixels in the cube of red, green and blue; k-means finds k centres; each pixel becomes the "
        "number of its nearest centre, and the numbers give a picture back",
    )


def _codebook(sizes: Sizes, lit: Iterable[str]) -> Drawing:
    stages = [
        Stage("picture", mosaic(10), "picture $x$", _of(sizes, "H", "W", "C")),
        Stage("encoder", column([tokens(4, cell=9, high=5), NOTHING], 0), "encoder", "tokens $z_e$"),
        Stage("nearest", book(), "nearest code", _of(sizes, "k", "d"), "argmin ‖$z_e$ − $c_j$‖"),
        Stage("codes", grid_of_codes(4, 20), "codes", _of(sizes, "m")),
        Stage("decoder", tokens(4, "amber", cell=9, high=5), "decoder", "reads $c_j$"),
        Stage("output", mosaic(10), "picture $x̂$", ""),
    ]
    wide, phone = _wide(stages, lit), _phone(stages, lit)
    on = "straight_through" in set(lit)
    colour = "vermilion" if on else "soft"
    stroke = f'style="stroke:var(--d-{colour});stroke-width:{2 if on else 1.4}"'
    said = label("gradients skip the choice: straight through", "t" if on else "s")
    a, b = 0.72 * wide.width, 0.24 * wide.width
    back = Part(
        wide.width,
        34,
        f'<path d="M{number(a)} 0v8a8 8 0 0 1 -8 8H{number(b + 8)}a8 8 0 0 1 -8 -8V5" class="line dash" {stroke}/>'
        f'<path d="M{number(b - 4)} 7h8l-4 -7z" class="{colour}"/>' + said.at((a + b - said.width) / 2, 18),
    )
    note = lines(
        [
            (t, "t" if on else "s")
            for t in wrap("Gradients skip the choice: from the decoder straight through to the encoder.", PHONE - 20)
        ]
    )
    alt = (
        "A learned codebook: the encoder makes tokens, each is replaced by its nearest code, the decoder draws "
        "the picture "
        "from the codes; gradients pass straight through from the decoder to the encoder."
    )
    return Drawing(
        column([wide, back], 2), column([phone, note], 8), alt, (*(s.name for s in stages), "straight_through")
    )


def _lanes(upper: Sequence[Stage], lower: Sequence[Stage], lit: Iterable[str], alt: str, bridge: str) -> Drawing:
    """Two flows, one below the other, the end of the first leading into the second."""
    (top, above), (bottom, below) = _across(upper, lit), _across(lower, lit)
    total = max(top.width, bottom.width)
    a = above[-1] + (total - top.width) / 2
    b = below[1] + (total - bottom.width) / 2
    said = label(bridge, "s")
    line = f'<path d="M{number(a)} 0V12a8 8 0 0 1 -8 8H{number(b + 8)}a8 8 0 0 0 -8 8V36" class="line"/>'
    tip = f'<path d="M{number(b - 4)} 35h8l-4 7z" class="head"/>'
    link = Part(total, 42, line + tip + said.at((a + b - said.width) / 2, 2))
    wide = column([top, link, bottom], 2)
    beside = column([label(part, "s") for part in wrap(bridge, PHONE - 60, 12)], 0, "left")
    small = Part(PHONE - 12, 34, arrow(32, True).at(60, 1) + beside.at(80, 17 - beside.height / 2))
    phone = column([_phone(upper, lit), small, _phone(lower, lit)], 4)
    return Drawing(wide, phone, alt, tuple(s.name for s in (*upper, *lower)))


def _memory(name: str, lit: Iterable[str]) -> Part:
    return stack(name, 128, ("attention", "of the memory", "MLP"), lit)


def _encoder_decoder(
    sizes: Sizes, lit: Iterable[str], tokens_in: str = "spectrogram", tokens_out: str = "text"
) -> Drawing:
    source, tokens_ = _way_in(tokens_in, sizes)
    target = {"text": "text", "codes": "codes", "colours": "colours", "sound": "sound"}.get(tokens_out)
    if target is None:
        raise ValueError(
            f"diagram('encoder_decoder') got tokens_out={tokens_out!r}: choose text, codes, colours or sound"
        )
    _, written = _way_in(target, sizes)
    out, end = _way_out(tokens_out, sizes)
    upper = [
        source,
        tokens_,
        Stage("encoder", stack("encoder", 96, lit=lit), "reads all", ""),
        Stage("memory", tokens(6, "ink", cell=7, more=True), "memory", _of(sizes, "m", "D")),
    ]
    lower = [
        replace(written, name="written", title="written so far", shape=""),
        Stage("decoder", _memory("decoder", lit), "writes", "causal"),
        out,
        end,
    ]
    return _lanes(
        upper,
        lower,
        lit,
        "An encoder reads the whole input and leaves a memory; a decoder writes one token after the other and "
        "reads the memory in every block",
        "keys and values for every block of the decoder",
    )


def _two_towers(sizes: Sizes, lit: Iterable[str]) -> Drawing:
    left = [
        Stage("image", mosaic(9), "picture", ""),
        Stage("image_encoder", stack("image encoder", 126, lit=lit), "a ViT", ""),
        Stage("image_vector", flat(6, "blue", 10), "$I$", _of(sizes, "d")),
    ]
    right = [
        Stage("text", words(["a", "happy", "face"], room=80), "caption", ""),
        Stage("text_encoder", stack("text encoder", 126, lit=lit), "a transformer", ""),
        Stage("text_vector", flat(6, "amber", 10), "$T$", _of(sizes, "d")),
    ]
    end = Stage("similarity", similarity(5, 17), "$I · T$ of all pairs", _of(sizes, "B", "B"), "diagonal up, rest down")
    towers = column([_wide(left, lit, 500), _wide(right, lit, 500)], 12, "left")
    shown = _wide([end], lit, 200)
    both = row([towers, arrow(34), shown], 6)
    phone = column([_phone(left, lit), _phone(right, lit), arrow(18, True), _phone([end], lit)], 10)
    alt = (
        "Two towers: one encoder for pictures, one for texts, each gives one vector; the dot products of all pairs "
        "of a batch form a square whose diagonal shall be large."
    )
    return Drawing(both, phone, alt, tuple(s.name for s in (*left, *right, end)))


def _clip(sizes: Sizes, lit: Iterable[str]) -> Drawing:
    return _two_towers(sizes, lit)


def _ast(sizes: Sizes, lit: Iterable[str]) -> Drawing:
    stages = [
        Stage("waveform", sound(), "waveform", ""),
        Stage("input", spectrogram(), "mel spectrogram", "time × mel bands"),
        Stage("tokens_in", tokens(5, "blue", "green", more=True), "patches as tokens", _of(sizes, "m+2", "D")),
        Stage("block", stack("encoder", 96, lit=lit), _times(sizes), "as in ViT"),
        Stage("output", bars(["dog", "rain", "bell"], [0.7, 0.2, 0.1], 44), "class", "logits"),
    ]
    return flow(
        stages,
        lit,
        "AST: a waveform becomes a mel spectrogram, its patches become tokens, and a ViT's encoder classifies it",
    )


def _whisper(sizes: Sizes, lit: Iterable[str]) -> Drawing:
    return _encoder_decoder(sizes, lit, "spectrogram", "text")


def _parti(sizes: Sizes, lit: Iterable[str]) -> Drawing:
    return _encoder_decoder(sizes, lit, "text", "codes")


def _speech(sizes: Sizes, lit: Iterable[str]) -> Drawing:
    return _encoder_decoder(sizes, lit, "text", "sound")


KINDS: dict[str, Callable[..., Drawing]] = {
    "model": _model,
    "pixels": _pixels,
    "patch": _patch,
    "cnn_grid": _cnn_grid,
    "positions": _positions,
    "block": _block,
    "vit": _vit,
    "imagegpt": _imagegpt,
    "palette": _palette,
    "codebook": _codebook,
    "encoder_decoder": _encoder_decoder,
    "two_towers": _two_towers,
    "ast": _ast,
    "whisper": _whisper,
    "parti": _parti,
    "clip": _clip,
    "speech": _speech,
}
"""Every diagram by name."""


def parts(kind: str) -> tuple[str, ...]:
    """Names that ``lit`` may take in a diagram.

    Example:
        >>> parts("palette")
        ('colours', 'centres', 'codes', 'picture')
    """
    return tuple(dict.fromkeys(_draw(kind, {}, ()).parts))


def _draw(kind: str, sizes: Sizes, lit: Iterable[str], **options: object) -> Drawing:
    return KINDS[choose("diagram", kind, KINDS)](_derived(sizes), tuple(lit), **options)


def diagram(
    kind: str,
    *,
    caption: str = "",
    lit: str | Sequence[str] = (),
    sizes: Sizes | None = None,
    alt: str = "",
    **options: object,
) -> Html:
    """One of the book's diagrams, as a vector that reads in both themes, on a telephone and in print.

    Args:
        kind: which one; see :data:`KINDS`.
        caption: what to see in it, where the page gives it no caption.
        lit: the part or parts that change here; :func:`parts` lists them.
        sizes: numbers for the letters of the shapes, ``{"P": 7, "D": 64}``; what follows from others
            (m from H and P) is filled in. Without numbers the letters stand alone.
        alt: what it shows, for those who do not see it; a sentence of its own where not given.
        options: of some kinds: ``tokens_in`` and ``tokens_out`` (``model``, ``encoder_decoder``), ``way``
            (``positions``), ``cross`` (``block``), ``equations`` (``vit``, a dict from part to number).

    Raises:
        ValueError: no such diagram, no such part, or sizes that contradict each other.

    Example:
        >>> diagram("patch", lit="E", sizes={"H": 28, "P": 7, "C": 1, "D": 64}, caption="E is shared by all patches.")
        diagram patch, lit: E
    """
    if not isinstance(lit, str | list | tuple):
        raise TypeError(f"diagram() got lit={lit!r}; give a name of parts({kind!r}), or several.")
    on = (lit,) if isinstance(lit, str) else tuple(lit)
    drawing = _draw(kind, sizes or {}, on, **options)
    for name in on:
        if name not in drawing.parts and name not in ("attention", "MLP", "of the memory"):
            known = ", ".join(dict.fromkeys(drawing.parts))
            raise ValueError(f"diagram({kind!r}) has no part {name!r} to light; it has {known}")
    said = alt or drawing.alt
    tag = "figure" if caption else "div"
    below = f"<figcaption>{inline(caption)}</figcaption>" if caption else ""
    body = (
        f'<{tag} class="mm-diagram mm-figure" data-diagram="{kind}">'
        f"{svg(drawing.wide, WIDE, 'wide', said)}{svg(drawing.phone, PHONE, 'phone', said, css=False)}"
        f"{below}</{tag}>"
    )
    return Html(body, f"diagram {kind}" + (f", lit: {', '.join(on)}" if on else ""), css=False)
