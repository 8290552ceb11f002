"""Figures that move: in the page by its own small script, in Jupyter by a kernel that computes any value asked for."""

from __future__ import annotations

import html
import json
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any

import ipywidgets as W
from matplotlib.figure import Figure
from PIL import Image

from mmcourse.show.html import BASE_CSS, Html, inline
from mmcourse.show.pictures import pixels
from mmcourse.show.render import SMALL, data_url, phone, svg, webp

Alt = str | Mapping[Any, str] | Callable[..., str]


_ALT = "%ALT%"
"""Stands in a stored frame where its alternative text goes, so that frames share all else."""

BUDGET = 300_000
"""Bytes that all frames of a figure may take."""

BUTTONS = 8
"""Up to so many values are buttons, more are a slider."""


def _name(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _markup(frame: Any, width: int, who: str) -> tuple[str, tuple[int, int] | None]:
    """A frame as HTML with a place for its alternative text, and its size in pixels where it is a picture."""
    if isinstance(frame, list | tuple):
        pieces = [_markup(piece, width, who) for piece in frame]
        return "\n".join(p for p, _ in pieces), next((s for _, s in pieces if s), None)
    if isinstance(frame, Html):
        return frame.body, None
    if isinstance(frame, str):
        return (frame if frame.lstrip().startswith("<") else f"<p>{inline(frame)}</p>"), None
    if isinstance(frame, Figure):
        size = (round(frame.get_figwidth() * 96), round(frame.get_figheight() * 96))
        wide, narrow = svg(frame), phone(frame, getattr(frame, "phone", None))
        name = f'role="img" aria-label="{_ALT}" '
        parts = [wide] if narrow is None else [_class(wide, "mm-wide"), _class(narrow, "mm-narrow")]
        return "\n".join(part.replace("<svg ", f"<svg {name}", 1) for part in parts), size
    array = pixels(frame, who)
    size = (array.shape[1], array.shape[0])
    shown = max(width, size[0])
    crisp = ";image-rendering:pixelated" if max(size) <= SMALL else ""
    return (
        f'<img alt="{_ALT}" width="{size[0]}" height="{size[1]}" style="width:{shown}px;height:auto{crisp}" '
        f'src="{data_url(webp(Image.fromarray(array)), "image/webp")}">',
        size,
    )


def _class(markup: str, name: str) -> str:
    return markup.replace('class="mm-svg"', f'class="mm-svg {name}"', 1)


def pack(frames: Sequence[str]) -> tuple[list[str], list[list[int]]]:
    """Store every line of some texts once.

    Args:
        frames: Texts that share most of their lines.

    Returns:
        The lines, and for each text the runs of lines it is made of: first, count, first, count, ...

    Example:
        >>> pack(["a\\nb\\nc", "a\\nx\\nc"])
        (['a', 'b', 'c', 'x'], [[0, 3], [0, 1, 3, 1, 2, 1]])
    """
    place: dict[str, int] = {}
    packed = []
    for frame in frames:
        runs: list[int] = []
        for line in frame.split("\n"):
            at = place.setdefault(line, len(place))
            if runs and runs[-2] + runs[-1] == at:
                runs[-1] += 1
            else:
                runs += [at, 1]
        packed.append(runs)
    return list(place), packed


class Explorer:
    """What :func:`explore` returns: the last line of a cell.

    Its text is short and the same on every machine, for those who compare stored outputs.

    Attributes:
        labels: The names of the controls.
        values: The values of each control that are in the page.
        start: Position of the first value shown, one for each control.
        frames: One piece of HTML for each combination, the last control fastest.
        bytes: What the frames take in the page.
    """

    def __init__(
        self,
        labels: list[str],
        values: list[list[Any]],
        start: list[int],
        frames: list[str],
        alts: list[str],
        question: str = "",
        answer: str = "",
        more: tuple[list[list[Any]], Callable[..., str]] | None = None,
    ) -> None:
        self.labels, self.values, self.start, self.frames, self.alts = labels, values, start, frames, alts
        self.question, self.answer, self._more = question, answer, more
        self.lines, self.runs = pack(frames)
        self.bytes = sum(len(line.encode()) + 3 for line in self.lines) + sum(len(str(r)) for r in self.runs)

    def frame(self, *at: int) -> str:
        """The frame at these positions of the controls, with its alternative text.

        Args:
            at: One position for each control, from 0.
        """
        index = 0
        for position, values in zip(at, self.values, strict=True):
            index = index * len(values) + position
        return self.frames[index].replace(_ALT, html.escape(self.alts[index]))

    def _repr_html_(self) -> str:
        """The first frame with its question, and all that the page's script needs to show the others.

        The page's build takes it from here: see ``book/tools/figures.py``.
        """
        first = self.frame(*self.start)
        if "<svg" in first:  # an untrusted notebook shows pictures, but strips vectors down to their words
            first = _as_pictures(first)
        facts = {
            "controls": [
                {"label": label, "values": [_name(v) for v in values], "start": start}
                for label, values, start in zip(self.labels, self.values, self.start, strict=True)
            ],
            "alts": self.alts,
            "runs": self.runs,
            "lines": self.lines,
        }
        data = json.dumps(facts, ensure_ascii=False, separators=(",", ":")).replace("</", "<\\/")
        return (
            f'<div class="mm-explore">{_ask(self.question)}<div class="mm-frame">{first}</div>{_seen(self.answer)}'
            f'<script type="application/json" class="mm-data">{data}</script></div>'
        )

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        return {**self.widget._repr_mimebundle_(), "text/html": self._repr_html_(), "text/plain": repr(self)}

    def __repr__(self) -> str:
        pairs = zip(self.labels, self.values, strict=True)
        return f"explore: {'; '.join(f'{label} = ' + ', '.join(map(_name, values)) for label, values in pairs)}"[:105]

    @cached_property
    def widget(self) -> W.VBox:
        """The face for a kernel: the same controls, and where ``compute`` was given, every value it takes."""
        choices = self._more[0] if self._more else self.values
        draw = self._more[1] if self._more else None
        starts = [values.index(mine[at]) for values, mine, at in zip(choices, self.values, self.start, strict=True)]
        controls = [_control(values, label, at) for values, label, at in zip(choices, self.labels, starts, strict=True)]
        shown = W.HTML(self.frame(*self.start))
        answer = W.HTML(f"<p>{inline(self.answer)}</p>" if self.answer else "", layout=W.Layout(display="none"))

        def move(_: Any) -> None:
            at = [control.index for control in controls]
            picked = [values[i] for values, i in zip(choices, at, strict=True)]
            known = all(value in mine for value, mine in zip(picked, self.values, strict=True))
            if known or draw is None:
                shown.value = self.frame(*(mine.index(v) for v, mine in zip(picked, self.values, strict=True)))
            else:
                shown.value = draw(*picked)
            answer.layout.display = None

        for control in controls:
            control.observe(move, names="index")
        ask = [W.HTML(_ask(self.question))] if self.question else []
        look = W.HTML(f"<style>{BASE_CSS}</style>", layout=W.Layout(display="none"))
        box = W.VBox([*ask, *controls, shown, answer, look])
        box.add_class("mm-explore")
        return box


def _control(values: Sequence[Any], label: str, start: int) -> Any:
    options = [(_name(v), i) for i, v in enumerate(values)]
    wide = {"description_width": "initial"}
    if len(values) <= BUTTONS:
        return W.ToggleButtons(options=options, index=start, description=label, style={**wide, "button_width": "auto"})
    layout = W.Layout(width="min(100%, 26em)")
    return W.SelectionSlider(options=options, index=start, description=label, style=wide, layout=layout)


def _ask(question: str) -> str:
    return f'<p class="mm-ask"><strong>Guess first.</strong> {inline(question)}</p>' if question else ""


def _seen(answer: str) -> str:
    text = f'<details class="mm-seen"><summary>What is seen</summary><p>{inline(answer)}</p></details>'
    return text if answer else ""


def _as_pictures(markup: str) -> str:
    """Vectors inside HTML as pictures of their own; the variant for a telephone is left out."""
    out = []
    for piece in markup.replace("<svg ", "\0<svg ").split("\0"):
        if not piece.startswith("<svg "):
            out.append(piece)
            continue
        end = piece.index("</svg>") + len("</svg>")
        head = piece[: piece.index(">")]
        if "mm-outline" in head:  # a player's waveform, which has no words and takes the width that there is
            source = data_url(piece[:end].encode(), "image/svg+xml")
            out.append(f'<img class="mm-outline" alt="" src="{source}">')
        elif "mm-narrow" not in head:
            alt, width, height = (head.split(f' {name}="', 1)[1].split('"', 1)[0] for name in _HEAD)
            source = data_url(piece[:end].encode(), "image/svg+xml")
            out.append(f'<img alt="{alt}" width="{width}" height="{height}" src="{source}">')
        out.append(piece[end:])
    return "".join(out)


_HEAD = ("aria-label", "width", "height")


def explore(
    frames: Mapping[Any, Any],
    label: str | tuple[str, str] = "value",
    alt: Alt | None = None,
    start: Any = None,
    width: int = 320,
    budget: int = BUDGET,
    *,
    question: str = "",
    answer: str = "",
    compute: Callable[..., Any] | None = None,
    values: Sequence[Any] | tuple[Sequence[Any], Sequence[Any]] | None = None,
) -> Explorer:
    """A figure to move, by mouse, touch and keyboard: the frames in the page, any value where a kernel runs.

    Args:
        frames: What to show for each value, in the order of the control. A frame is a figure, an image (tensor,
            array or Pillow), a :func:`~mmcourse.show.sound.sound`, a sentence, HTML, or a list of these shown one
            below the other.
            Keys are the values of one control, or pairs ``(a, b)`` of two; then every pair must be there.
        label: Name of the control with its unit, or two names.
        alt: Alternative text of each frame: a dict with the keys of ``frames``, or a function of the value
            (of both values). Sentences need none. It is also what is read out when the figure has moved.
        start: Key that is shown first; the first one where not given.
        width: Width in pixels to which small images are enlarged, pixel by pixel.
        budget: Bytes that all frames together may take in the page.
        question: What to predict before moving it.
        answer: What is seen when one does; it opens after the first move.
        compute: Makes the frame of any value (of both values) when a kernel runs.
        values: The values that ``compute`` can be asked for, a sequence, or two for two controls; those of
            ``frames`` belong to them.

    Returns:
        The figure; make it the last line of the cell.

    Raises:
        ValueError: No frame, a missing pair, a picture or sound without alternative text, pictures of different
            sizes, more bytes than the budget, or ``compute`` without its values.

    Example:
        >>> figure = explore({2: "196 tokens", 4: "49 tokens", 7: "16 tokens"}, label="P (pixels)")
        >>> figure
        explore: P (pixels) = 2, 4, 7
    """
    if not frames:
        raise ValueError("explore() got no frames: give a dict from each value to what it shows")
    keys = list(frames)
    two = not isinstance(label, str)
    if two and (len(label) != 2 or not all(isinstance(k, tuple) and len(k) == 2 for k in keys)):
        raise ValueError("explore() got two labels, so each key must be a pair (a, b): one value for each label")
    first = list(dict.fromkeys(k[0] for k in keys)) if two else keys
    second = list(dict.fromkeys(k[1] for k in keys)) if two else []
    order = [(a, b) for a in first for b in second] if two else keys
    missing = [key for key in order if key not in frames]
    if missing:
        raise ValueError(
            f"explore() has no frame for {missing[0]!r} ({len(missing)} missing): give every pair of values"
        )
    if start is not None and start not in frames:
        raise ValueError(f"explore() was asked to start at {start!r}, which is no frame: use one of its keys")
    start = keys[0] if start is None else start

    def words(key: Any) -> str:
        if alt is None or isinstance(alt, str):
            return "" if alt is None else (f"{alt}, {_say(label, key, two)}" if len(keys) > 1 else alt)
        return alt.get(key, "") if isinstance(alt, Mapping) else (alt(*key) if two else alt(key))

    def drawn(key: Any, frame: Any) -> tuple[str, tuple[int, int] | None, str]:
        who = f"explore() frame {key!r}"
        markup, size = _markup(frame, width, who)
        text = words(key)
        if _ALT in markup and not text.strip():
            raise ValueError(
                f"{who} has no alternative text: say what it shows (alt={{value: text}} or a function of the value)"
            )
        return markup, size, text

    pieces, alts = [], []
    size: tuple[int, int] | None = None
    for key in order:
        markup, here, text = drawn(key, frames[key])
        if here and size and here != size:
            raise ValueError(
                f"explore() frame {key!r} is {here[0]}x{here[1]} pixels, an earlier one {size[0]}x{size[1]}: "
                "draw all frames in one size"
            )
        size = size or here
        pieces.append(markup)
        alts.append(text)

    labels = list(label) if not isinstance(label, str) else [label]
    mine = [first, second] if two else [first]
    at = [first.index(start[0]), second.index(start[1])] if two else [keys.index(start)]
    made = Explorer(labels, mine, at, pieces, alts, question, answer, _kernel_side(compute, values, mine, drawn))
    if made.bytes > budget:
        raise ValueError(
            f"explore() would put {made.bytes:,} bytes into the page, the budget is {budget:,}: fewer or smaller frames"
        )
    return made


def _kernel_side(
    compute: Callable[..., Any] | None, values: Any, mine: list[list[Any]], drawn: Callable[..., Any]
) -> tuple[list[list[Any]], Callable[..., str]] | None:
    """The values that a kernel can be asked for, and what draws them."""
    if (compute is None) != (values is None):
        raise ValueError("explore() needs compute= and values= together: what to compute, and for which values")
    if compute is None:
        return None
    choices = [list(v) for v in values] if len(mine) == 2 else [list(values)]
    for had, all_of_them in zip(mine, choices, strict=True):
        left = [value for value in had if value not in all_of_them]
        if left:
            raise ValueError(f"explore() has a frame for {left[0]!r}, which is not among values=: add it there")

    def draw(*picked: Any) -> str:
        key = picked if len(mine) == 2 else picked[0]
        markup, _, text = drawn(key, compute(*picked))
        return markup.replace(_ALT, html.escape(text))

    return choices, draw


def _say(label: str | tuple[str, str], key: Any, two: bool) -> str:
    pairs = zip(label, key, strict=True) if two else [(label, key)]
    return ", ".join(f"{name} = {_name(value)}" for name, value in pairs)
