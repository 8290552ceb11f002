"""Figures that move without a kernel: every frame is in the page, controls choose between them."""

from __future__ import annotations

import base64
import html
import io
import wave
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import ipywidgets as W
import numpy as np
import torch
from matplotlib.figure import Figure
from PIL import Image

from mmcourse.show.html import BASE_CSS, Html, inline
from mmcourse.show.pictures import encode, pixels, png
from mmcourse.show.theme import DPI

# ipywidgets' own colours are those of a light page. These take the text's colour and half-transparent greys.
_CSS = (
    BASE_CSS
    + """
.mm-explore{color:inherit;--jp-widgets-color:currentColor;--jp-widgets-label-color:currentColor;
--jp-widgets-readout-color:currentColor;--jp-ui-font-color0:currentColor;--jp-ui-font-color1:currentColor;
--jp-widgets-inline-height:34px;--jp-widgets-font-size:15px;gap:.3em}
.mm-explore .jupyter-button{color:inherit;background:rgba(128,128,128,.15);border:1px solid rgba(128,128,128,.6);
border-radius:.3em;min-width:2.4em;box-shadow:none}
.mm-explore .jupyter-button.mod-active{background:#005a8c;color:#fff;border-color:#005a8c}
.mm-explore .jupyter-button:focus-visible,.mm-explore .noUi-handle:focus{outline:3px solid #0080c4;outline-offset:1px}
.mm-explore .widget-html-content{font-size:16px;line-height:1.5}
""".strip().replace("\n", "")
)

Alt = str | Mapping[Any, str] | Callable[..., str]


class Audio:
    """A sound with a player, held in the page itself.

    Args:
        samples: (T,) floats in [-1, 1].
        rate: Samples a second (Hz).
        alt: What is heard; :func:`explore` gives its own.

    Raises:
        ValueError: Not one channel, empty, NaN, or louder than 1.
    """

    def __init__(self, samples: Any, rate: int, alt: str = "") -> None:
        sound = torch.as_tensor(samples).detach().cpu().double().numpy()
        if sound.ndim != 1 or sound.size == 0:
            raise ValueError(f"Audio() got samples of shape {sound.shape}: give one channel (T,), T at least 1")
        if not np.isfinite(sound).all() or np.abs(sound).max() > 1 + 1e-3:
            raise ValueError("Audio() got samples that are NaN or outside [-1, 1]: divide by their largest value")
        self.samples, self.rate, self.alt = sound, int(rate), alt

    def tag(self, alt: str) -> str:
        """The player as HTML.

        Args:
            alt: Its accessible name.
        """
        out = io.BytesIO()
        with wave.open(out, "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(self.rate)
            file.writeframes((self.samples.clip(-1, 1) * 32767).round().astype("<i2").tobytes())
        data = base64.b64encode(out.getvalue()).decode()
        name = html.escape(alt)
        return f'<audio controls preload="metadata" aria-label="{name}" src="data:audio/wav;base64,{data}"></audio>'

    def _repr_html_(self) -> str:
        return self.tag(self.alt or "sound")

    def __repr__(self) -> str:
        return f"Audio of {len(self.samples) / self.rate:.2f} s at {self.rate:,} Hz"


class Explorer(W.VBox):
    """What :func:`explore` returns: controls above a stack of frames.

    Its text is short and the same on every machine, for those who compare stored outputs.
    """

    def __init__(self, children: Sequence[W.Widget], words: str, size: int) -> None:
        super().__init__(children=tuple(children))
        self.words, self.bytes = words, size
        self.add_class("mm-explore")

    def __repr__(self) -> str:
        return f"explore: {self.words}"[:105]


def _tag(frame: Any, alt: str, width: int, who: str) -> tuple[str, tuple[int, int] | None]:
    """A frame as HTML, and its size in pixels where it is a picture."""
    if isinstance(frame, list | tuple):
        pieces = [_tag(piece, alt, width, who) for piece in frame]
        return "<br>".join(p for p, _ in pieces), next((s for _, s in pieces if s), None)
    if isinstance(frame, Html):
        return frame.body, None
    if isinstance(frame, str):
        return (frame if frame.lstrip().startswith("<") else f"<p>{inline(frame)}</p>"), None
    if not alt.strip():
        raise ValueError(
            f"{who} has no alternative text: say what it shows (alt={{value: text}} or a function of the value)"
        )
    if isinstance(frame, Audio):
        return frame.tag(alt), None
    if isinstance(frame, Figure):
        data = png(frame)
        size = (round(frame.get_figwidth() * frame.dpi), round(frame.get_figheight() * frame.dpi))
        css = f"width:{round(size[0] * 120 / DPI)}px"
    else:
        array = pixels(frame, who)
        data = encode(Image.fromarray(array))
        size = (array.shape[1], array.shape[0])
        css = f"width:{max(width, size[0]) if size[0] < width else size[0]}px;image-rendering:pixelated"
    url = base64.b64encode(data).decode()
    return (
        f'<img alt="{html.escape(alt)}" src="data:image/png;base64,{url}" style="{css};max-width:100%;height:auto">',
        size,
    )


def _control(values: Sequence[Any], label: str, start: int) -> tuple[list[W.Widget], W.Widget]:
    """Buttons for few values, a slider with a player for many; both carry ``index``."""
    options = [(_name(v), i) for i, v in enumerate(values)]
    style = {"description_width": "initial"}
    if len(values) <= 6 and sum(len(n) for n, _ in options) <= 60:
        buttons = W.ToggleButtons(
            options=options, index=start, description=label, style={**style, "button_width": "auto"}
        )
        return [buttons], buttons
    slider = W.SelectionSlider(
        options=options, index=start, description=label, style=style, layout=W.Layout(width="min(100%, 26em)")
    )
    player = W.Play(min=0, max=len(values) - 1, value=start, interval=700, show_repeat=False)
    return [player, slider, W.jslink((player, "value"), (slider, "index"))], slider


def _name(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def explore(
    frames: Mapping[Any, Any],
    label: str | tuple[str, str] = "value",
    alt: Alt | None = None,
    start: Any = None,
    width: int = 320,
    budget: int = 3_000_000,
) -> Explorer:
    """A figure to move, by mouse, touch and keyboard, in the notebook and on the static page, with no kernel.

    Args:
        frames: What to show for each value, in the order of the control. A frame is a figure, an image (tensor,
            array or Pillow), an :class:`Audio`, a sentence, HTML, or a list of these shown one below the other.
            Keys are the values of one control, or pairs ``(a, b)`` of two; then every pair must be there.
        label: Name of the control with its unit, or two names.
        alt: Alternative text of each frame: a dict with the keys of ``frames``, or a function of the value
            (of both values). Sentences need none.
        start: Key that is shown first; the first one where not given.
        width: Width in pixels to which small images are enlarged, pixel by pixel.
        budget: Bytes that all frames together may take in the page.

    Returns:
        The widget; make it the last line of the cell.

    Raises:
        ValueError: No frame, a missing pair, a picture or sound without alternative text, pictures of different
            sizes, or more bytes than the budget.

    Example:
        >>> widget = explore({2: "196 tokens", 4: "49 tokens", 7: "16 tokens"}, label="P (pixels)")
        >>> widget
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
    missing = [(a, b) for a in first for b in second if (a, b) not in frames]
    if missing:
        raise ValueError(
            f"explore() has no frame for {missing[0]!r} ({len(missing)} missing): give every pair of values"
        )
    if start is not None and start not in frames:
        raise ValueError(f"explore() was asked to start at {start!r}, which is no frame: use one of its keys")
    start = keys[0] if start is None else start

    tags: dict[Any, str] = {}
    size: tuple[int, int] | None = None
    for key, frame in frames.items():
        who = f"explore() frame {key!r}"
        if alt is None or isinstance(alt, str):
            text = "" if alt is None else (f"{alt}, {_say(label, key, two)}" if len(keys) > 1 else alt)
        else:
            text = alt.get(key, "") if isinstance(alt, Mapping) else (alt(*key) if two else alt(key))
        tags[key], here = _tag(frame, text, width, who)
        if here and size and here != size:
            raise ValueError(
                f"{who} is {here[0]}x{here[1]} pixels, an earlier one {size[0]}x{size[1]}: draw all frames in one size"
            )
        size = size or here
    total = sum(len(t) for t in tags.values())
    if total > budget:
        raise ValueError(
            f"explore() would put {total:,} bytes into the page, the budget is {budget:,}: fewer or smaller frames"
        )

    def leaf(key: Any) -> W.HTML:
        return W.HTML(tags[key])

    if not two:
        at = keys.index(start)
        parts, control = _control(keys, str(label), at)
        stack = W.Stack([leaf(k) for k in keys], selected_index=at)
        links = [W.jslink((control, "index"), (stack, "selected_index"))]
        bars = [_bar(parts)]
        words = f"{label} = {', '.join(_name(k) for k in keys)}"
    else:
        a, b = first.index(start[0]), second.index(start[1])
        parts_a, control_a = _control(first, label[0], a)
        parts_b, control_b = _control(second, label[1], b)
        inner = [W.Stack([leaf((x, y)) for y in second], selected_index=b) for x in first]
        stack = W.Stack(inner, selected_index=a)
        links = [W.jslink((control_a, "index"), (stack, "selected_index"))]
        links += [W.jslink((control_b, "index"), (s, "selected_index")) for s in inner]
        bars = [_bar(parts_a), _bar(parts_b)]
        words = f"{label[0]} = {', '.join(map(_name, first))}; {label[1]} = {', '.join(map(_name, second))}"
    look = W.HTML(f"<style>{_CSS}</style>", layout=W.Layout(display="none"))
    widget = Explorer([*bars, stack, look], words, total)
    widget._links = links
    return widget


def _say(label: str | tuple[str, str], key: Any, two: bool) -> str:
    pairs = zip(label, key, strict=True) if two else [(label, key)]
    return ", ".join(f"{name} = {_name(value)}" for name, value in pairs)


def _bar(parts: list[W.Widget]) -> W.HBox:
    shown = [p for p in parts if isinstance(p, W.DOMWidget)]
    return W.HBox(shown, layout=W.Layout(flex_flow="row wrap", align_items="center"))
