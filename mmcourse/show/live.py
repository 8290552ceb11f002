"""Figures that are computed in the reader's browser: click, draw, drag, and the arithmetic answers at once.

The script is the book's own (``mmcourse/show/static``); on the page it comes from ``_static``, once and deferred, in a
notebook that somebody runs it comes with the output. What a figure stores is small and the same on every machine.
Without JavaScript, and in print, the first frame stands with its question.
"""

# ruff: noqa: N803  (Q, K, V are the letters of the field)
from __future__ import annotations

import base64
import html
import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from mmcourse import checkpoint
from mmcourse.checks import choose, numbers, real, sides, whole
from mmcourse.show import weights
from mmcourse.show.diagrams import diagram
from mmcourse.show.html import Html, inline, somebody_runs_this
from mmcourse.show.pictures import pixels
from mmcourse.show.render import data_url, webp
from mmcourse.show.sound import bytes_of, samples_of, spectrogram_image

STATIC = Path(__file__).parent / "static"
"""The scripts and the style of these figures; the site copies the folder."""

BUDGET = 300_000
"""Bytes that a figure may put into the page."""


@cache
def _static(name: str) -> str:
    return (STATIC / name).read_text(encoding="utf-8")


class Live(Html):
    """A figure that computes in the page; make it the last line of the cell.

    Args:
        body: The markup.
        plain: What ``repr`` says; the same on every machine.
        models: Names of the checkpoints whose weights the page fetches.
        sounds: Whether it is a figure of sounds, which have a script of their own.
    """

    def __init__(self, body: str, plain: str, models: Sequence[str] = (), sounds: bool = False) -> None:
        super().__init__(body, plain, css=False)
        self.models = tuple(models)
        self.sounds = sounds

    @property
    def html(self) -> str:
        """The markup as the page gets it; where somebody runs the notebook, script, style and weights come along."""
        extra = self.alone() if somebody_runs_this() else ""
        return f"{extra}{self.body}<script>window.mmLive&&mmLive.scan&&mmLive.scan()</script>"

    def alone(self) -> str:
        """What the figure needs where no page of the book is around it."""
        scripts = [_static("live-math.js"), _static("live.js"), *(weights.script(name) for name in self.models)]
        if self.sounds:  # after the tools of live.js, before its figures are begun again
            scripts += [_static("live-sound.js")]
        return f"<style>{_static('live.css')}</style>" + "".join(f"<script>{text}</script>" for text in scripts)


def _picture(image: Any, who: str) -> dict[str, Any]:
    """A picture as bytes for the page: row by row, channels last."""
    array = pixels(image, who)
    channels = 1 if array.ndim == 2 else array.shape[2]
    return {
        "data": base64.b64encode(np.ascontiguousarray(array).tobytes()).decode(),
        "height": array.shape[0],
        "width": array.shape[1],
        "channels": channels,
    }


def _pictures(images: Any, who: str) -> list[Any]:
    listed = list(images) if not hasattr(images, "ndim") or images.ndim in (3, 4) else [images]
    if not listed:
        raise ValueError(f"{who} got no pictures: give at least one")
    return listed


def _named(names: Sequence[str] | None, count: int, who: str) -> list[str]:
    made = [str(n) for n in names] if names is not None else [str(i + 1) for i in range(count)]
    if len(made) != count:
        raise ValueError(f"{who} got {count} pictures and {len(made)} names: give one for each")
    return made


def _still(image: Any, alt: str) -> str:
    """A picture as a first frame."""
    array = pixels(image)
    size = f'width="{array.shape[1]}" height="{array.shape[0]}"'
    url = data_url(webp(Image.fromarray(array)), "image/webp")
    return f'<img class="mm-pixels" {size} alt="{html.escape(alt)}" src="{url}">'


def _live(
    kind: str,
    data: Mapping[str, Any],
    first: str,
    *,
    question: str,
    answer: str,
    caption: str,
    plain: str,
    models: Sequence[str] = (),
    above: str = "",
    sounds: bool = False,
) -> Live:
    """The skeleton that all figures share."""
    if not question.strip():
        raise ValueError(
            f"live.{plain.split()[0]}() got no question: say what to guess before moving it (question=...)"
        )
    stored = json.dumps(data, separators=(",", ":"), ensure_ascii=False).replace("</", "<\\/")
    seen = (
        f'<details class="mm-seen"><summary>What is seen</summary><p>{inline(answer)}</p></details>' if answer else ""
    )
    below = f"<figcaption>{inline(caption)}</figcaption>" if caption else ""
    tag = "figure" if caption else "div"
    names = f' data-weights="{html.escape(" ".join(models))}"' if models else ""
    body = (
        f'<{tag} class="mm-live mm-figure" data-figure="{kind}"{names}>'
        f'<p class="mm-ask"><strong>Guess first.</strong> {inline(question)}</p>{above}'
        f'<div class="mm-stage">{first}</div>'
        '<p class="mm-still">This figure answers in the page itself once scripts run; in a notebook, run its cell.</p>'
        f'<p class="mm-said" role="status"></p>{seen}'
        f'<script type="application/json" class="mm-data">{stored}</script>{below}</{tag}>'
    )
    if len(body) > BUDGET:
        raise ValueError(
            f"live.{plain.split()[0]}() would put {len(body):,} bytes into the page, {BUDGET:,} are allowed"
        )
    return Live(body, plain, models, sounds)


def _config(model: str, who: str) -> dict[str, Any]:
    """The configuration of a checkpoint that the page can compute."""
    _, metadata = checkpoint.load(checkpoint.find(model))
    if metadata["model"] != "ViT" or metadata["config"]["tokens"] == "resnet":
        raise ValueError(f"live.{who}() got {model!r}: give the name of a ViT on pixels or patches")
    return metadata["config"]


def _fits(images: Sequence[Any], config: Mapping[str, Any], who: str) -> None:
    side, channels = config["image_size"], config["channels"]
    for image in images:
        array = pixels(image, f"live.{who}()")
        if array.shape[:2] != (side, side) or (array.ndim == 2) != (channels == 1):
            raise ValueError(
                f"live.{who}() got a picture of shape {array.shape}; the model reads {side} x {side}, {channels} "
                f"channel(s)"
            )


def draw_digit(
    model: str,
    examples: Any,
    *,
    question: str,
    names: Sequence[str] | None = None,
    labels: Sequence[str] | None = None,
    answer: str = "",
    caption: str = "",
) -> Live:
    """Draw on a grid of pixels; a vision transformer answers while one draws.

    Args:
        model: A course checkpoint with one token a pixel or patch, for example ``"pixels-digits"``.
        examples: (B, 1, H, W), to begin from; the first one is shown at the start.
        question: What to guess first.
        names: One for each example.
        labels: One for each class; the digits where not given.
        answer: What is seen; it opens after the first change.
        caption: Below the figure, where the page gives it none.

    Raises:
        ValueError: Another model, pictures of another size, no question.
    """
    config = _config(model, "draw_digit")
    images = _pictures(examples, "live.draw_digit()")
    _fits(images, config, "draw_digit")
    classes = [str(v) for v in (labels if labels is not None else range(config["classes"]))]
    data: dict[str, Any] = {
        "model": model,
        "images": [_picture(i, "live.draw_digit()") for i in images],
        "names": _named(names, len(images), "live.draw_digit()"),
        "labels": classes,
    }
    first = _still(images[0], f"A picture of {config['image_size']} by {config['image_size']} pixels to begin from")
    plain = f"draw_digit {model}, {len(images)} examples"
    return _live("digit", data, first, question=question, answer=answer, caption=caption, plain=plain, models=[model])


def _bytes_of_maps(maps: torch.Tensor) -> dict[str, Any]:
    """Attention maps (L, H, N, N) as a byte a weight, with the largest weight of each row."""
    tops = maps.amax(-1, keepdim=True)
    levels = (maps / tops * 255).round().byte().numpy()
    return {
        "shape": list(maps.shape),
        "values": base64.b64encode(levels.tobytes()).decode(),
        "tops": [round(v, 5) for v in tops.flatten().tolist()],
    }


def attention(
    model: str | None = None,
    images: Any = None,
    *,
    question: str,
    maps: Any = None,
    prefix: int = 1,
    grid: tuple[int, int] | None = None,
    names: Sequence[str] | None = None,
    token: int | None = None,
    answer: str = "",
    caption: str = "",
) -> Live:
    """Choose a token in the picture and see its row of the attention map drawn over the picture.

    Args:
        model: A course checkpoint, whose maps the page computes itself.
        images: (B, C, H, W), or with ``maps`` of one picture that picture.
        question: What to guess first.
        maps: In place of a model, in float64: (L, H, N, N) of one picture, or (B, L, H, N, N) of several.
        prefix: Tokens in front that belong to no place, 1 for a class token (only with ``maps``).
        grid: Rows and columns of tokens (only with ``maps``); as many of one as of the other where not given.
        names: One for each picture.
        token: Place that is chosen at the start, from 0; the middle where not given.
        answer: What is seen; it opens after the first change.
        caption: Below the figure, where the page gives it none.

    Raises:
        ValueError: Neither a model nor maps, maps that are not float64, pictures of another size.
    """
    who = "live.attention()"
    if (model is None) == (maps is None) or images is None:
        raise ValueError(f"{who} needs pictures, and either the name of a model or maps=")
    several = model is not None or getattr(maps, "ndim", 4) == 5
    shown = _pictures(images, who) if several else [images]
    data: dict[str, Any] = {"images": [_picture(i, who) for i in shown], "names": _named(names, len(shown), who)}
    if model is not None:
        _fits(shown, _config(model, "attention"), "attention")
        data["model"] = model
    else:
        table = torch.as_tensor(maps).detach().cpu()
        table = table if several else table[None]
        if table.dtype != torch.float64 or table.ndim != 5 or table.shape[3] != table.shape[4]:
            raise ValueError(
                f"{who} got maps {tuple(table.shape[1:])} of {table.dtype}: give (L, H, N, N) from model.double()"
            )
        if len(table) != len(shown):
            raise ValueError(f"{who} got maps of {len(table)} pictures and {len(shown)} pictures: give one for each")
        whole("prefix", prefix, 0)
        places = table.shape[3] - prefix
        rows, columns = (round(max(places, 0) ** 0.5),) * 2 if grid is None else sides("grid", grid)
        if rows * columns != places:
            wanted = "no square grid" if grid is None else f"a grid of {rows} x {columns} needs {rows * columns}"
            raise ValueError(f"{who} got {table.shape[3]} tokens, {prefix} of them without a place: {wanted}")
        data |= {"grid": [rows, columns], "prefix": prefix, "maps": [_bytes_of_maps(one) for one in table]}
    if token is not None:
        data["token"] = token
    plain = f"attention {model or 'maps'}, {len(shown)} picture{'s' if len(shown) > 1 else ''}"
    first = _still(shown[0], f"The picture whose attention is shown: {data['names'][0]}")
    models = [model] if model else []
    return _live(
        "attention", data, first, question=question, answer=answer, caption=caption, plain=plain, models=models
    )


def _waves(kind: str, width: int, grid: tuple[int, int]) -> np.ndarray:
    """Sinusoidal positions in float64, (N, D), for the first frame; derived in :ref:`sec-04-sinusoidal`."""
    step = {"sinusoidal_1d": 2, "sinusoidal_2d": 4}[choose("kind", kind, ("sinusoidal_1d", "sinusoidal_2d"))]
    whole("D", width)
    if width % step:
        raise ValueError(f"live.positions() got D = {width} for {kind!r}: choose a multiple of {step}")

    def wave(count: int, d: int) -> np.ndarray:
        angle = np.arange(count)[:, None] * np.exp(np.arange(0, d, 2) * (-np.log(10000.0) / d))
        return np.stack([np.sin(angle), np.cos(angle)], -1).reshape(count, d)

    rows, columns = grid
    if kind == "sinusoidal_1d":
        return wave(rows * columns, width)
    row, column = wave(rows, width // 2), wave(columns, width // 2)
    return np.concatenate([row.repeat(columns, 0), np.tile(column, (rows, 1))], 1)


def positions(
    tables: Mapping[str, Any],
    grid: tuple[int, int],
    *,
    question: str,
    place: int | None = None,
    image: Any = None,
    answer: str = "",
    caption: str = "",
) -> Live:
    """Choose a position and see how alike its vector is to all others: the cosine, for each table.

    Args:
        tables: From a name to (N, D), N = rows · columns, the class token left out: a checkpoint's own tensor or
            float64; or to ``("sinusoidal_1d", D)`` or ``("sinusoidal_2d", D)``, which the page computes.
        grid: (rows, columns).
        question: What to guess first.
        place: Position that is chosen at the start, from 0; the middle where not given.
        image: The picture whose tokens they are; it stands in front, and a place of it can be chosen too.
        answer: What is seen; it opens after the first change.
        caption: Below the figure, where the page gives it none.

    Raises:
        ValueError: A table whose rows are not those of the grid.
    """
    rows, columns = sides("grid", grid)
    if not tables:
        raise ValueError("live.positions() got no table: give at least one")
    at = (rows // 2) * columns + columns // 2 if place is None else place
    stored: list[dict[str, Any]] = []
    first = []
    for name, table in tables.items():
        waves = isinstance(table, tuple) and isinstance(table[0], str)
        array = _waves(table[0], table[1], grid) if waves else numbers(name, table).double().numpy()
        if not np.isfinite(array).all():
            raise ValueError(f"live.positions() got {name!r} with NaN or infinity: give finite numbers")
        if array.ndim != 2 or len(array) != rows * columns:
            raise ValueError(
                f"live.positions() got {name!r} of shape {array.shape}; a {rows} x {columns} grid needs "
                f"({rows * columns}, D): leave the class token out"
            )
        one: dict[str, Any] = {"name": name, "width": array.shape[1]}
        if waves:
            one["waves"] = table[0]
        else:
            one["scale"] = float(np.abs(array).max()) / 32767 or 1.0
            whole = np.rint(array / one["scale"]).astype("<i2")
            one["values"] = base64.b64encode(whole.tobytes()).decode()
        stored.append(one)
        length = np.maximum(np.sqrt((array**2).sum(1)), 1e-12)
        like = (array * array[at]).sum(1) / (length * length[at])
        cells = "".join(
            f'<rect x="{i % columns}" y="{i // columns}" width="1" height="1" '
            f'fill="{"#0072b2" if v > 0 else "#d55e00"}" fill-opacity="{min(1.0, abs(v)):.2f}"/>'
            for i, v in enumerate(like)
        )
        first.append(
            f'<div><p class="mm-title">{inline(name)}</p>'
            f'<svg class="mm-pixels" viewBox="0 0 {columns} {rows}" role="img" aria-label="{html.escape(name)}: '
            f'how alike each position is to row {at // columns + 1}, column {at % columns + 1}">{cells}</svg></div>'
        )
    data: dict[str, Any] = {"grid": [rows, columns], "tables": stored, "place": at}
    if image is not None:
        data["image"] = _picture(image, "live.positions()")
    plain = f"positions {rows} x {columns}: {', '.join(tables)}"
    frame = f'<div class="mm-pair">{"".join(first)}</div>'
    return _live("positions", data, frame, question=question, answer=answer, caption=caption, plain=plain)


def convolution(
    image: Any,
    kernels: Mapping[str, Sequence[Sequence[float]]],
    *,
    question: str,
    strides: Sequence[int] = (2, 2, 2),
    place: tuple[float, float] = (0.5, 0.5),
    top: float = 1.0,
    answer: str = "",
    caption: str = "",
) -> Live:
    """A tower of 3 x 3 convolutions over a picture's grey values: stride, tokens, receptive field, numbers.

    Every layer has the same kernel, whose nine numbers can be changed; between layers negative values become 0. A
    small picture (64 pixels at most) shows its numbers, and a single layer its sum.

    Args:
        image: (C, H, W) or (H, W) in [0, 1] or uint8, at most 40 pixels a side.
        kernels: From a name to 3 rows of 3 numbers; the first is there at the start.
        question: What to guess first.
        strides: Of each layer at the start, 1 or 2; 0 for a layer that is not there yet. At most 4.
        place: Token that is chosen at the start, as shares of the map's height and width.
        top: Value of a white pixel; a small picture of the numbers 0 to 2 has ``top=2``.
        answer: What is seen; it opens after the first change.
        caption: Below the figure, where the page gives it none.

    Raises:
        ValueError: A picture that is too large, a kernel that is not 3 x 3, other strides.
    """
    who = "live.convolution()"
    drawn = _picture(image, who)
    if max(drawn["height"], drawn["width"]) > 40:
        raise ValueError(f"{who} got a picture of {drawn['height']} x {drawn['width']}; give at most 40 pixels a side")
    listed = []
    for name, kernel in kernels.items():
        table = numbers(f"the kernel {name!r}", kernel).double().numpy()
        if table.shape != (3, 3):
            raise ValueError(f"{who} got the kernel {name!r} of shape {table.shape}; give 3 rows of 3 numbers")
        listed.append({"name": name, "values": table.flatten().tolist()})
    if not isinstance(strides, list | tuple):
        raise ValueError(f"{who} got strides={strides!r}; give a list of them, 0 to 2")
    if not listed or not 1 <= len(strides) <= 4 or not set(strides) <= {0, 1, 2} or not any(strides):
        raise ValueError(f"{who} got {len(listed)} kernels and strides={tuple(strides)}; give one, and strides 0 to 2")
    data = {"image": drawn, "kernels": listed, "strides": list(strides), "place": list(place), "top": top}
    first = _still(image, f"The picture, {drawn['height']} by {drawn['width']} pixels, that the convolutions read")
    plain = f"convolution {drawn['height']} x {drawn['width']}, strides {', '.join(map(str, strides))}"
    return _live("convolution", data, first, question=question, answer=answer, caption=caption, plain=plain)


def kmeans(
    points: Any,
    *,
    question: str,
    k: int = 4,
    axes: tuple[str, str] = ("red", "green"),
    image: Any = None,
    most: int = 16,
    answer: str = "",
    caption: str = "",
) -> Live:
    """Drag the centres of k-means in the plane of two colours, step it, and watch the distortion fall.

    Args:
        points: (n, 3) colours in [0, 1] or uint8; some hundreds.
        question: What to guess first.
        k: Centres at the start.
        axes: The two colours that are drawn; distances count all three.
        image: A small picture, shown beside itself in the colours of the centres.
        most: Largest k of the slider.
        answer: What is seen; it opens after the first change.
        caption: Below the figure, where the page gives it none.

    Raises:
        ValueError: Not colours, or more than 600.
    """
    array = torch.as_tensor(points).detach().cpu()
    if array.ndim != 2 or array.shape[1] != 3 or not 2 <= len(array) <= 600:
        raise ValueError(f"live.kmeans() got points of shape {tuple(array.shape)}; give (n, 3) with n from 2 to 600")
    whole = array.numpy() if array.dtype == torch.uint8 else (array.double() * 255).round().byte().numpy()
    order = ("red", "green", "blue")
    if not set(axes) <= set(order) or len(set(axes)) != 2:
        raise ValueError(f"live.kmeans() got axes={axes}: choose two of red, green, blue")
    x, y = (order.index(a) for a in axes)
    data: dict[str, Any] = {
        "points": base64.b64encode(np.ascontiguousarray(whole).tobytes()).decode(),
        "k": k,
        "axes": [x, y],
        "most": most,
    }
    if image is not None:
        data["image"] = _picture(image, "live.kmeans()")
    dots = "".join(
        f'<circle cx="{34 + p[x] * 286 / 255:.0f}" cy="{296 - p[y] * 286 / 255:.0f}" r="3" '
        f'fill="#{p[0]:02x}{p[1]:02x}{p[2]:02x}"/>'
        for p in whole[:200].tolist()
    )
    first = (
        f'<svg class="mm-d mm-plot" viewBox="0 0 330 330" role="img" aria-label="Colours by {axes[0]} and {axes[1]}">'
        f'<path class="line" fill="none" stroke="currentColor" d="M34 10V296H320"/>'
        f'<text x="180" y="322" text-anchor="middle">{axes[0]} →</text>'
        f'<text x="14" y="150" text-anchor="middle" transform="rotate(-90 14 150)">{axes[1]} →</text>{dots}</svg>'
    )
    plain = f"kmeans {len(whole)} colours, k = {k}"
    return _live("kmeans", data, first, question=question, answer=answer, caption=caption, plain=plain)


def temperature(
    logits: Any,
    *,
    question: str,
    colours: Any = None,
    names: Sequence[str] | None = None,
    images: Mapping[str, Any] | None = None,
    shown: int = 10,
    seed: int = 1,
    answer: str = "",
    caption: str = "",
) -> Live:
    """Drag the temperature, cut off all but the k likeliest, see the distribution change, then draw from it.

    Args:
        logits: (K,) in float64, or from a context's name to its (K,).
        question: What to guess first.
        colours: (K, 3) in [0, 1], where the choices are colours.
        names: One for each choice; their numbers where not given.
        images: From a context's name to the picture so far.
        shown: How many of the likeliest have a bar of their own.
        seed: Of the draws.
        answer: What is seen; it opens after the first change.
        caption: Below the figure, where the page gives it none.

    Raises:
        ValueError: Not float64 (its digits would differ on another machine), or lists of different lengths.
    """
    contexts = dict(logits) if isinstance(logits, Mapping) else {"": logits}
    stored: list[dict[str, Any]] = []
    size = 0
    for name, values in contexts.items():
        row = torch.as_tensor(values).detach().cpu()
        if row.dtype != torch.float64 or row.ndim != 1:
            raise ValueError(
                f"live.temperature() got logits of shape {tuple(row.shape)} and {row.dtype}: give (K,) from "
                f"model.double()"
            )
        if not len(row) or (size and len(row) != size):
            raise ValueError(f"live.temperature() got {size} logits and {len(row)}: give K for every context")
        size = len(row)
        one: dict[str, Any] = {"name": name, "logits": [round(v, 3) for v in row.tolist()]}
        if images and name in images:
            one["image"] = _picture(images[name], "live.temperature()")
        stored.append(one)
    data: dict[str, Any] = {"contexts": stored, "shown": min(shown, size), "seed": seed}
    if colours is not None:
        table = torch.as_tensor(colours).detach().cpu().double()
        if tuple(table.shape) != (size, 3):
            raise ValueError(f"live.temperature() got colours {tuple(table.shape)}: give ({size}, 3), one a logit")
        data["colours"] = [[round(v, 3) for v in row] for row in table.tolist()]
    if names is not None:
        if len(names) != size:
            raise ValueError(f"live.temperature() got {len(names)} names for {size} logits: give one for each")
        data["names"] = list(names)
    share = np.exp(np.array(stored[0]["logits"]) - max(stored[0]["logits"]))
    share /= share.sum()
    likeliest = np.argsort(-share, kind="stable")[: data["shown"]]
    rows = []
    for i in likeliest:
        hue = "".join(f"{round(255 * v):02x}" for v in data["colours"][i]) if colours is not None else ""
        swatch = f'<b class="mm-swatch" style="background:#{hue}"></b>' if hue else ""
        name = names[i] if names is not None else f"colour {i}"
        rows.append(
            f'<li>{swatch}<span class="mm-name">{html.escape(str(name))}</span><span class="mm-track">'
            f'<i style="width:{100 * share[i]:.1f}%"></i></span>'
            f'<span class="mm-amount">{100 * share[i]:.0f}%</span></li>'
        )
    first = f'<ol class="mm-bars">{"".join(rows)}</ol>'
    plain = f"temperature {len(stored)} context{'s' if len(stored) > 1 else ''}, {size} choices"
    return _live("temperature", data, first, question=question, answer=answer, caption=caption, plain=plain)


def cut(
    image: Any,
    sizes: Sequence[int],
    *,
    question: str,
    width: int,
    heads: int,
    layers: int,
    hidden: int | None = None,
    start: int | None = None,
    answer: str = "",
    caption: str = "",
) -> Live:
    """Cut a picture into patches of P x P and count tokens, memory and operations.

    Args:
        image: One picture.
        sizes: Values of P; each must divide both sides.
        question: What to guess first.
        width: Width of a token, D.
        heads: Number of heads, H.
        layers: Number of blocks, L.
        hidden: Units of each MLP; 4 D where not given.
        start: P at the start; the first of ``sizes`` where not given.
        answer: What is seen; it opens after the first change.
        caption: Below the figure, where the page gives it none.

    Raises:
        ValueError: A P that does not divide the picture.
    """
    array = pixels(image, "live.cut()")
    if not sizes:
        raise ValueError("live.cut() got no patch size: give at least one P")
    for name, value in (("width", width), ("heads", heads), ("layers", layers)):
        whole(name, value)
    for p in sizes:
        whole("P", p)
        if array.shape[0] % p or array.shape[1] % p:
            raise ValueError(
                f"live.cut() got P = {p} for {array.shape[0]} x {array.shape[1]} pixels: P must divide both"
            )
    begin = sizes[0] if start is None else start
    data: dict[str, Any] = {
        "picture": {
            "height": array.shape[0],
            "width": array.shape[1],
            "channels": 1 if array.ndim == 2 else 3,
        },
        "sizes": list(sizes),
        "start": begin,
        "dim": width,
        "heads": heads,
        "layers": layers,
        "hidden": 4 * width if hidden is None else hidden,
    }
    first = _still(array, f"A picture of {array.shape[0]} by {array.shape[1]} pixels, to be cut into patches")
    plain = f"cut {array.shape[0]} x {array.shape[1]}, P = {', '.join(map(str, sizes))}"
    return _live("cut", data, first, question=question, answer=answer, caption=caption, plain=plain)


def overlap(
    picture: Any,
    *,
    question: str,
    patch: int = 16,
    stride: int = 10,
    least: int = 4,
    frames: int | None = None,
    hop: float = 0.01,
    answer: str = "",
    caption: str = "",
) -> Live:
    """Lay overlapping patches over a spectrogram: drag their stride and the length of the sound, and count tokens.

    Args:
        picture: (F, M), frames by bands.
        question: What to guess first.
        patch: P, frames and bands of a patch.
        stride: Cells from one patch to the next, at the start.
        least: The smallest stride.
        frames: Length at the start; F where not given.
        hop: Seconds from one frame to the next.
        answer: What is seen; it opens after the first change.
        caption: Below the figure, where the page gives it none.

    Raises:
        ValueError: A spectrogram that holds no patch, or a stride above P.
    """
    who = "live.overlap()"
    image = spectrogram_image(picture)
    for name, value in (("patch", patch), ("stride", stride), ("least", least)):
        whole(name, value)
    real("hop", hop, above=True)
    if not least <= stride <= patch <= min(image.size):
        raise ValueError(
            f"{who} got patch={patch}, stride={stride}, least={least} for {image.width} frames of {image.height} "
            "bands: give least <= stride <= patch <= bands and frames"
        )
    length = image.width if frames is None else frames
    whole("frames", length)
    if not patch <= length <= image.width:
        raise ValueError(f"{who} got frames={length}; choose {patch} to {image.width}")
    data = {"frames": image.width, "bands": image.height, "patch": patch, "start": stride, "least": least, "hop": hop}
    first = _plate(torch.as_tensor(picture).detach().cpu().double().numpy(), "A spectrogram, to be cut into patches")
    plain = f"overlap of {patch} x {patch} on {image.width} frames of {image.height} bands"
    shown = {**data, "length": length}
    return _live("overlap", shown, first, question=question, answer=answer, caption=caption, plain=plain)


def shuffle(
    models: Mapping[str, str],
    images: Any,
    *,
    question: str,
    names: Sequence[str] | None = None,
    labels: Sequence[str] | None = None,
    answer: str = "",
    caption: str = "",
) -> Live:
    """Let patches change places and see what one or several vision transformers say.

    Args:
        models: From a title to a course checkpoint; all with the same patches.
        images: (B, C, H, W).
        question: What to guess first.
        names: One for each picture.
        labels: One for each class; the digits where not given.
        answer: What is seen; it opens after the first change.
        caption: Below the figure, where the page gives it none.

    Raises:
        ValueError: Models whose patches differ, pictures of another size.
    """
    configs = [_config(name, "shuffle") for name in models.values()]
    kinds = {(c["tokens"], c["patch_size"] if c["tokens"] == "patches" else 1, c["image_size"]) for c in configs}
    if len(kinds) != 1:
        raise ValueError(
            f"live.shuffle() got models with different patches, {sorted(kinds)}: give models that share them"
        )
    shown = _pictures(images, "live.shuffle()")
    _fits(shown, configs[0], "shuffle")
    data: dict[str, Any] = {
        "models": [{"title": title, "name": name} for title, name in models.items()],
        "images": [_picture(i, "live.shuffle()") for i in shown],
        "names": _named(names, len(shown), "live.shuffle()"),
        "labels": [str(v) for v in (labels if labels is not None else range(configs[0]["classes"]))],
    }
    first = _still(shown[0], f"The picture whose patches change places: {data['names'][0]}")
    plain = f"shuffle {', '.join(models.values())}, {len(shown)} pictures"
    return _live(
        "shuffle",
        data,
        first,
        question=question,
        answer=answer,
        caption=caption,
        plain=plain,
        models=[*models.values()],
    )


def by_hand(
    Q: Sequence[Sequence[float]],
    K: Sequence[Sequence[float]],
    V: Sequence[Sequence[float]],
    *,
    question: str,
    answer: str = "",
    caption: str = "",
) -> Live:
    """Attention of two or three tokens with numbers that can be changed: scores, softmax, output.

    Args:
        Q: One row a token.
        K: As many rows, as many numbers in each.
        V: As many rows.
        question: What to guess first.
        answer: What is seen; it opens after the first change.
        caption: Below the figure, where the page gives it none.

    Raises:
        ValueError: Rows that do not fit together.
    """
    q, k, v = (numbers(name, table).double().numpy() for name, table in (("Q", Q), ("K", K), ("V", V)))
    if not all(np.isfinite(table).all() for table in (q, k, v)):
        raise ValueError("live.by_hand() got NaN or infinity: give finite numbers")
    if q.ndim != 2 or q.shape != k.shape or v.ndim != 2 or len(v) != len(k) or not 2 <= len(q) <= 4:
        raise ValueError(
            f"live.by_hand() got Q {q.shape}, K {k.shape}, V {v.shape}: give 2 to 4 rows that fit together"
        )
    scores = q @ k.T / q.shape[1] ** 0.5
    shares = np.exp(scores - scores.max(1, keepdims=True))
    shares /= shares.sum(1, keepdims=True)

    def rows(name: str, table: np.ndarray, digits: int) -> str:
        cells = "".join(
            f'<tr><th scope="row">token {i + 1}</th>' + "".join(f"<td>{x:.{digits}f}</td>" for x in row) + "</tr>"
            for i, row in enumerate(table)
        )
        return (
            f'<div class="mm-matrix"><p class="mm-title">{name}</p><table aria-label="{name}"><tbody>{cells}</tbody>'
            "</table></div>"
        )

    first = "".join(
        rows(name, table, digits)
        for name, table, digits in (
            ("Q", q, 1),
            ("K", k, 1),
            ("V", v, 1),
            ("weights", shares, 2),
            ("output", shares @ v, 2),
        )
    )
    data = {"Q": q.tolist(), "K": k.tolist(), "V": v.tolist()}
    frame = f'<div class="mm-results">{first}</div>'
    plain = f"by_hand {len(q)} tokens of {q.shape[1]} numbers"
    return _live("hand", data, frame, question=question, answer=answer, caption=caption, plain=plain)


def codes(
    model: str,
    codes: Any,
    images: Any,
    *,
    question: str,
    names: Sequence[str] | None = None,
    answer: str = "",
    caption: str = "",
) -> Live:
    """Exchange a code of a picture's grid and see the decoded picture change.

    Args:
        model: A course checkpoint with a learned codebook, for example ``"vq-emoji-64codes"``.
        codes: (B, N) int64, a square grid each.
        images: (B, 3, H, W), the pictures themselves: the first one is the first frame.
        question: What to guess first.
        names: One for each picture.
        answer: What is seen; it opens after the first change.
        caption: Below the figure, where the page gives it none.

    Raises:
        ValueError: Another model, or codes that are no square grid.
    """
    _, metadata = checkpoint.load(checkpoint.find(model))
    if metadata["model"] != "VQTokenizer":
        raise ValueError(f"live.codes() got {model!r}, a {metadata['model']}: give the name of a VQTokenizer")
    table = torch.as_tensor(codes).detach().cpu()
    side = round(table.shape[-1] ** 0.5) if table.ndim == 2 else 0
    if table.ndim != 2 or not table.numel() or side * side != table.shape[1] or table.is_floating_point():
        raise ValueError(f"live.codes() got codes of shape {tuple(table.shape)}: give whole numbers (B, N), N a square")
    top = metadata["config"]["codes"]
    if int(table.min()) < 0 or int(table.max()) >= top:
        raise ValueError(f"live.codes() got codes {int(table.min())} to {int(table.max())}; the book has {top}")
    shown = _pictures(images, "live.codes()")
    data = {"model": model, "codes": table.tolist(), "names": _named(names, len(table), "live.codes()")}
    first = _still(shown[0], f"The picture whose codes can be exchanged: {data['names'][0]}")
    plain = f"codes {model}, {len(table)} pictures of {table.shape[1]} codes"
    return _live("codes", data, first, question=question, answer=answer, caption=caption, plain=plain, models=[model])


def vit(
    model: str,
    images: Any,
    *,
    question: str,
    names: Sequence[str] | None = None,
    labels: Sequence[str] | None = None,
    patch: int | None = None,
    equations: Mapping[str, str] | None = None,
    answer: str = "",
    caption: str = "",
) -> Live:
    """The slide's figure of the vision transformer, alive: follow one patch from its pixels to the logits.

    Args:
        model: A course checkpoint on patches, for example ``"patches-p7"``.
        images: (B, C, H, W).
        question: What to guess first.
        names: One for each picture.
        labels: One for each class; the digits where not given.
        patch: The one that is followed at the start, from 0; one in the middle where not given.
        equations: Numbers of equations, ``{"embed": "(5.1)"}``, for the steps ``patch``, ``embed``, ``position``,
            ``heads``, ``attention``, ``mlp``, ``out``, ``summary`` and ``logits``.
        answer: What is seen; it opens after the first change.
        caption: Below the figure, where the page gives it none.

    Raises:
        ValueError: Another model, pictures of another size, or a patch that there is not.
    """
    config = _config(model, "vit")
    shown = _pictures(images, "live.vit()")
    _fits(shown, config, "vit")
    side, p = config["image_size"], config["patch_size"] if config["tokens"] == "patches" else 1
    grid = side // p
    at = (grid // 2) * grid + grid // 2 if patch is None else patch
    if not 0 <= at < grid * grid:
        raise ValueError(f"live.vit() got patch={at}; there are {grid * grid}, from 0")
    numbers = dict(equations or {})
    data: dict[str, Any] = {
        "model": model,
        "images": [_picture(i, "live.vit()") for i in shown],
        "names": _named(names, len(shown), "live.vit()"),
        "labels": [str(v) for v in (labels if labels is not None else range(config["classes"]))],
        "patch": at,
        "equations": numbers,
    }
    sizes = {
        "H": side,
        "W": side,
        "C": config["channels"],
        "P": p,
        "D": config["width"],
        "L": config["layers"],
        "K": config["classes"],
    }
    parts = {"embed": "embed", "positions": "position", "summary": "summary", "head": "logits"}
    drawn = diagram(
        "vit",
        caption="",
        sizes=sizes,
        equations={part: numbers[step] for part, step in parts.items() if step in numbers},
    )
    first = _still(shown[0], f"The picture that the model reads: {data['names'][0]}")
    plain = f"vit {model}, {len(shown)} pictures of {grid * grid} patches"
    return _live(
        "vit",
        data,
        first,
        question=question,
        answer=answer,
        caption=caption,
        plain=plain,
        models=[model],
        above=drawn.body,
    )


def _stored(waveform: Any, who: str) -> tuple[str, np.ndarray]:
    """A sound as the page gets it, and its samples as the page reads them."""
    raw = bytes_of(samples_of(waveform, who))
    return base64.b64encode(raw).decode(), np.frombuffer(raw, "<i2").astype(np.float64) / 32767


def _spectrum(sound: np.ndarray, size: int, hop: int, decades: float = 5.0) -> np.ndarray:
    """Logarithms of the power of each windowed frame, ends mirrored, for a first frame: (F, K)."""
    padded = np.pad(sound, size // 2, mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(padded, size)[::hop]
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)
    power = np.abs(np.fft.rfft(frames * window)) ** 2
    return np.log10(np.maximum(power, max(float(power.max()), 1e-10) * 10**-decades))


def _plate(table: np.ndarray, alt: str) -> str:
    """A spectrogram (F, K) as a first frame."""
    image = spectrogram_image(table)
    size = f'width="{image.width}" height="{image.height}"'
    return f'<img class="mm-plate" {size} alt="{html.escape(alt)}" src="{data_url(webp(image), "image/webp")}">'


def _curve(points: Sequence[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)


def aliasing(
    *,
    question: str,
    tone: int = 3000,
    rate: int = 16000,
    top: int = 8000,
    most: int = 16000,
    answer: str = "",
    caption: str = "",
) -> Live:
    """Drag the sample rate and the pitch of a tone; see the samples, and hear what they have become.

    Args:
        question: What to guess first.
        tone: Frequency at the start, in Hz.
        rate: Samples a second at the start.
        top: The highest tone.
        most: The highest sample rate.
        answer: What is seen; it opens after the first change.
        caption: Below the figure, where the page gives it none.

    Raises:
        ValueError: Numbers outside the sliders.
    """
    for name, value, least, high in (("tone", tone, 100, top), ("rate", rate, 1000, most)):
        whole(name, value)
        if not least <= value <= high:
            raise ValueError(f"live.aliasing() got {name}={value}; choose {least} to {high}")
    span = 0.002
    wave = [(2.0 * i, 75 - 62 * float(np.sin(2 * np.pi * tone * span * i / 300))) for i in range(301)]
    step = 600 / (rate * span)
    dots = "".join(
        f'<circle cx="{t * step:.1f}" cy="{75 - 62 * float(np.sin(2 * np.pi * tone * t / rate)):.1f}" r="4.5"/>'
        for t in range(int(rate * span) + 1)
    )
    first = (
        f'<svg class="mm-scope" viewBox="0 0 600 150" role="img" aria-label="A tone of {tone} Hz, measured {rate} '
        f'times a second"><path class="line" d="M0 75H600"/><path class="mm-true" d="{_curve(wave)}"/>{dots}</svg>'
    )
    data = {"tone": tone, "rate": rate, "top": top, "most": most, "span": span}
    plain = f"aliasing of {tone} Hz at {rate} Hz"
    return _live("aliasing", data, first, question=question, answer=answer, caption=caption, plain=plain, sounds=True)


def stft(
    sounds: Mapping[str, tuple[Any, int]],
    *,
    question: str,
    sizes: Sequence[int] = (32, 64, 128, 256, 512, 1024, 2048),
    start: int = 256,
    alts: Mapping[str, str] | None = None,
    answer: str = "",
    caption: str = "",
) -> Live:
    """Drag the window's length and see time and frequency sharpen and blur in turn, computed from the sound itself.

    Args:
        sounds: From a name to (waveform (T,) in [-1, 1], samples a second).
        question: What to guess first.
        sizes: Windows S in samples, powers of two.
        start: The first one shown.
        alts: What each sound is, in a few words, for those who do not see its picture.
        answer: What is seen; it opens after the first change.
        caption: Below the figure, where the page gives it none.

    Raises:
        ValueError: No sound, a window that is no power of two, or a sound shorter than half the longest window.
    """
    who = "live.stft()"
    for size in sizes:
        whole("sizes", size)
    powers = sorted(sizes)
    if not sounds or not powers or start not in powers:
        raise ValueError(f"{who} needs at least one sound, and a start among its sizes {list(sizes)}")
    if powers != [powers[0] * 2**i for i in range(len(powers))] or powers[0] < 8 or powers[0] & (powers[0] - 1):
        raise ValueError(f"{who} got windows {list(sizes)}: give powers of two in a row, from 8 on")
    stored, first = [], ""
    for name, (waveform, rate) in sounds.items():
        whole("rate", rate)
        text, sound = _stored(waveform, who)
        if len(sound) <= powers[-1] // 2:
            raise ValueError(f"{who} got {name!r} of {len(sound)} samples: more than {powers[-1] // 2} are needed")
        said = (alts or {}).get(name, name)
        stored.append({"name": name, "rate": rate, "data": text, "alt": said})
        first = first or _plate(_spectrum(sound, start, start // 4), f"Spectrogram of {said}, window {start} samples")
    data = {"sounds": stored, "sizes": powers, "start": start}
    plain = f"stft of {', '.join(sounds)}, windows {powers[0]} to {powers[-1]}"
    return _live("stft", data, first, question=question, answer=answer, caption=caption, plain=plain, sounds=True)


def mel(
    waveform: Any,
    rate: int,
    *,
    question: str,
    bands: int = 80,
    size: int = 400,
    hop: int = 160,
    at: float = 0.5,
    answer: str = "",
    caption: str = "",
) -> Live:
    """Drag the number of bands: triangles over one column's spectrum, and the picture that they make of the sound.

    Args:
        waveform: (T,) in [-1, 1].
        rate: Samples a second.
        question: What to guess first.
        bands: Bands M at the start, 4 to 128.
        size: Window S in samples.
        hop: Samples from one column to the next.
        at: Place of the column shown at the start, 0 to 1.
        answer: What is seen; it opens after the first change.
        caption: Below the figure, where the page gives it none.

    Raises:
        ValueError: Numbers out of range, or a sound shorter than a window.
    """
    who = "live.mel()"
    for name, value in (("rate", rate), ("bands", bands), ("size", size), ("hop", hop)):
        whole(name, value)
    real("at", at, 0, 1)
    if not 4 <= bands <= 128:
        raise ValueError(f"{who} got bands={bands}; choose 4 to 128")
    text, sound = _stored(waveform, who)
    if len(sound) < size:
        raise ValueError(f"{who} got {len(sound)} samples: a window of {size} is longer")
    data = {"rate": rate, "bands": bands, "size": size, "hop": hop, "at": at, "data": text}
    first = _plate(
        _spectrum(sound, size, hop), f"The sound's spectrogram, before its {size // 2 + 1} rows are gathered"
    )
    plain = f"mel of {len(sound) / rate:.2f} s, {bands} bands"
    return _live("mel", data, first, question=question, answer=answer, caption=caption, plain=plain, sounds=True)


def microphone(
    waveform: Any,
    rate: int,
    *,
    question: str,
    bands: int = 80,
    columns: int = 300,
    answer: str = "",
    caption: str = "",
) -> Live:
    """The reader's own microphone as a spectrogram that runs along; nothing is recorded, nothing leaves the page.

    Args:
        waveform: (T,) in [-1, 1], a sound whose spectrogram stands there before the microphone starts.
        rate: Its samples a second.
        question: What to guess first.
        bands: Rows of the picture.
        columns: Columns that are kept.
        answer: What is seen; it opens after the first change.
        caption: Below the figure, where the page gives it none.

    Raises:
        ValueError: Numbers that are not whole, or no sound.
    """
    for name, value in (("rate", rate), ("bands", bands), ("columns", columns)):
        whole(name, value)
    _, sound = _stored(waveform, "live.microphone()")
    size = min(400, len(sound))
    first = _plate(_spectrum(sound, size, max(1, size // 2)), "Spectrogram of a sound, as yours will look")
    data = {"bands": bands, "columns": columns}
    plain = f"microphone, {bands} bands"
    return _live("microphone", data, first, question=question, answer=answer, caption=caption, plain=plain, sounds=True)
