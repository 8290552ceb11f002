"""Pictures of images, patches, sequences and attention, in the house style."""

# ruff: noqa: N803  (B, N, D, P, E are the letters of the field)
from __future__ import annotations

import base64
import io
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Colormap, ListedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from PIL import Image

from mmcourse.checks import real, sides, whole
from mmcourse.show.render import phone, svg
from mmcourse.show.theme import DIVERGING, DPI, GRID, HEAT, INK, MUTED, WIDTH

PHONE_TYPE = "application/vnd.mmcourse.phone"
"""Media type of a figure's variant for a telephone, which only the page knows."""


class Picture(Figure):
    """A figure that shows itself once, where it is the last line of a cell, and never a second time.

    It is drawn outside pyplot: nothing to close, no warning about many open figures, no double output.
    """

    phone: int | None = None
    """Columns of axes on a telephone: see :func:`mmcourse.show.render.phone`."""

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """Vectors for the page and for a trusted notebook, a PNG for one that is not trusted yet."""
        bundle = {"text/plain": repr(self), "image/svg+xml": svg(self)}
        bundle["image/png"] = base64.b64encode(png(self)).decode()
        narrow = phone(self, self.phone)
        return bundle | ({PHONE_TYPE: narrow} if narrow else {})


def png(picture: Figure) -> bytes:
    """A figure as the bytes of a small PNG file.

    Args:
        picture: Any matplotlib figure.
    """
    raw = io.BytesIO()
    picture.savefig(raw, format="png", dpi=picture.dpi, facecolor=picture.get_facecolor())
    return encode(Image.open(raw))


def encode(image: Image.Image) -> bytes:
    """A PNG of at most 256 colours where the eye cannot tell (40 dB), of all its colours where it can.

    Args:
        image: Any Pillow image; transparency is laid on white paper.
    """
    full = on_paper(image).convert("RGB")
    small = full.quantize(256, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    a = np.asarray(full, dtype=np.float32)
    b = np.asarray(small.convert("RGB"), dtype=np.float32)
    error = float(((a - b) ** 2).mean())
    out = io.BytesIO()
    (small if error < 255**2 / 10**4.0 else full).save(out, format="PNG", optimize=True)
    return out.getvalue()


def on_paper(image: Image.Image) -> Image.Image:
    """A picture of any mode as 8-bit RGB or grey: 16 bits scaled to 8, what is transparent laid on white.

    Args:
        image: Any Pillow image. Of mode I, 0 to 65,535 is black to white; of mode F, 0 to 1, or 0 to 255 where a value
            is above 1.

    Raises:
        ValueError: Values outside these ranges, or NaN.
    """
    if image.mode.startswith("I") or image.mode == "F":
        values = np.asarray(image).astype(np.float64)
        top = 65535.0 if image.mode != "F" else (1.0 if not (values > 1).any() else 255.0)
        if not np.isfinite(values).all() or values.min() < 0 or values.max() > top:
            raise ValueError(
                f"a picture of mode {image.mode} holds values from {values.min():.3g} to {values.max():.3g}: "
                f"they must lie in 0 to {top:g}"
            )
        return Image.fromarray((values / top * 255).round().astype(np.uint8))
    if "A" in image.getbands() or "a" in image.getbands() or "transparency" in image.info:
        clear = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", clear.size, "white"), clear).convert("RGB")
    return image.convert("L" if image.mode in ("1", "L") else "RGB")


def pixels(image: Any, who: str = "images()") -> np.ndarray:
    """One image, however it is stored, as uint8 of shape (H, W) or (H, W, 3).

    Args:
        image: Tensor or array (H, W), (C, H, W) or (H, W, C) with 1, 3 or 4 channels, uint8, uint16 or float in
            [0, 1]; or a Pillow image of any mode. A fourth channel is opacity, over white.
        who: The call that a message names.

    Raises:
        ValueError: Another shape, values outside [0, 1], NaN.
    """
    if isinstance(image, Image.Image):
        image = np.asarray(on_paper(image))
    if isinstance(image, torch.Tensor):
        tensor = image.detach().cpu()
        array = (tensor.float() if tensor.dtype == torch.bfloat16 else tensor).numpy()  # NumPy has no bfloat16
    else:
        array = np.asarray(image)
    given = tuple(array.shape)
    readable = array.ndim == 2
    if array.ndim == 3:
        channels, torchs = (1, 3, 4), isinstance(image, torch.Tensor)
        first = array.shape[0] in channels and (torchs or array.shape[2] not in channels)
        if first:  # tensors are channels first, arrays channels last
            array = array.transpose(1, 2, 0)
        readable = array.shape[2] in channels and (first or not torchs or array.shape[2] != 4)
        array = array[:, :, 0] if array.shape[2] == 1 else array
    if not readable:
        raise ValueError(
            f"{who} got an image of shape {given}: give (H, W), (C, H, W) or (H, W, C) with 1, 3 or 4 channels"
        )
    if array.size == 0:
        raise ValueError(f"{who} got an empty image of shape {given}: give one with pixels")
    if array.dtype == np.uint8 and array.shape[2:] != (4,):
        return np.ascontiguousarray(array)
    scale = {np.dtype(np.uint8): 255.0, np.dtype(np.uint16): 65535.0}.get(array.dtype, 1.0)
    array = array.astype(np.float32) / scale
    if not np.isfinite(array).all():
        raise ValueError(f"{who} got an image with NaN or infinite values: look at the step that made them")
    low, high = float(array.min()), float(array.max())
    if low < -1e-3 or high > 1 + 1e-3:
        raise ValueError(
            f"{who} got values from {low:.3g} to {high:.3g}: floats must be in [0, 1]; undo the normalisation, "
            "or use heatmap() for values that are no colours"
        )
    array = array.clip(0, 1)
    if array.shape[2:] == (4,):
        array = array[:, :, :3] * array[:, :, 3:] + 1 - array[:, :, 3:]
    return np.ascontiguousarray((array * 255).round().astype(np.uint8))


def _blank(width: float, height: float, gap: float = 0.04) -> Picture:
    fig = Picture(figsize=(width, height), dpi=DPI)
    fig.set_layout_engine(ConstrainedLayoutEngine(w_pad=gap, h_pad=gap, wspace=gap / 2, hspace=gap / 2))
    FigureCanvasAgg(fig)
    return fig


def figure(rows: int = 1, columns: int = 1, width: float = WIDTH, height: float | None = None, **options: Any) -> Any:
    """A figure and its axes in the house style; end the cell with the figure to show it.

    Args:
        rows: Rows of axes.
        columns: Columns of axes.
        width: Inches; 6.4 is the text column.
        height: Inches; the default gives each axes the proportions of a book page lying down.
        options: What :meth:`matplotlib.figure.Figure.subplots` takes (``sharey=True``, ``width_ratios=...``).

    Returns:
        ``(figure, axes)``: one axes, or an array of them as matplotlib gives it.

    Example:
        >>> fig, ax = figure()
        >>> line = ax.plot([1, 2, 3], [1, 4, 9])
        >>> label = ax.set_xlabel("side (pixels)")
        >>> fig
        <Picture size 768x408 with 1 Axes>
    """
    whole("rows", rows)
    whole("columns", columns)
    real("width", width, above=True)
    if height is not None:
        real("height", height, above=True)
    else:
        height = rows * min(3.4, max(2.0, 0.78 * width / columns))
    fig = _blank(width, height, 0.06)
    return fig, fig.subplots(rows, columns, **options)


def bare(ax: Axes) -> None:
    """Take ticks, grid and frame off axes that hold a picture.

    Args:
        ax: The axes; title and labels stay.
    """
    ax.set_xticks([])
    ax.set_yticks([])
    ax.grid(False)
    for side in ax.spines.values():
        side.set_visible(False)


def _headline(fig: Figure, title: str) -> None:
    """Over the whole figure, colour bar included, from its left edge."""
    fig.suptitle(title, fontsize=10, fontweight="bold", x=0.01, ha="left")


def _put(ax: Axes, image: np.ndarray, cmap: Colormap | str = "gray") -> None:
    if image.ndim == 2 and image.dtype == np.uint8:
        ax.imshow(image, cmap=cmap, vmin=0, vmax=255)
    else:
        ax.imshow(image, cmap=cmap)
    bare(ax)


def images(
    batch: Any, titles: Sequence[str] | str | None = None, columns: int | None = None, size: float | None = None
) -> Picture:
    """Images side by side.

    Args:
        batch: A tensor (B, C, H, W) or (B, H, W), or a list of images of any kind and size that
            :func:`~mmcourse.show.pictures.pixels` reads.
        titles: One for each image, or one for all.
        columns: Images in a row; at most eight where not said.
        size: Side of one image in inches; else the row fills the column, no image larger than 1.8.

    Raises:
        ValueError: No image, a wrong number of titles, or an image that cannot be shown.
    """
    if getattr(batch, "ndim", 3) < 3:
        raise ValueError(f"images() got shape {tuple(batch.shape)}: give (B, C, H, W), (B, H, W) or a list")
    items = [pixels(image) for image in batch]
    if not items:
        raise ValueError("images() got an empty batch: give at least one image")
    if titles is not None and not isinstance(titles, str) and len(titles) != len(items):
        raise ValueError(f"images() got {len(items)} images and {len(titles)} titles: give one for each")
    if columns is not None:
        whole("columns", columns)
    columns = min(len(items), columns or 8)
    rows = math.ceil(len(items) / columns)
    size = size or min(1.8, WIDTH / columns)
    lines = 0 if titles is None or isinstance(titles, str) else max(str(t).count("\n") + 1 for t in titles)
    tall = max(i.shape[0] / i.shape[1] for i in items)
    fig = _blank(size * columns, rows * (size * tall + 0.17 * lines) + 0.25 * isinstance(titles, str), 0.03)
    axes = fig.subplots(rows, columns, squeeze=False).flat
    for i, ax in enumerate(axes):
        if i >= len(items):
            ax.set_axis_off()
            continue
        _put(ax, items[i])
        if titles is not None and not isinstance(titles, str):
            ax.set_title(str(titles[i]), fontsize=8.5, fontweight="normal", loc="center", pad=3)
    if isinstance(titles, str):
        _headline(fig, titles)
    return fig


def _matrix(values: Any, who: str) -> np.ndarray:
    array = (
        values.detach().cpu().float().numpy() if isinstance(values, torch.Tensor) else np.asarray(values, dtype=float)
    )
    if array.ndim != 2 or array.size == 0:
        raise ValueError(f"{who} got values of shape {tuple(array.shape)}: give a matrix (rows, columns)")
    if not np.isfinite(array).all():
        raise ValueError(f"{who} got NaN or infinite values: look at the step that made them")
    return array


def heatmap(
    values: Any,
    title: str = "",
    x: str = "",
    y: str = "",
    bar: str = "",
    numbers: bool = False,
    centre: bool = False,
    digits: int = 2,
    ax: Axes | None = None,
    limits: tuple[float, float] | None = None,
    width: float = 4.2,
) -> Picture:
    """A matrix as a picture: an attention map, a table of positions, a confusion matrix.

    Args:
        values: (rows, columns).
        title: Says what is found.
        x: Label of the columns, with unit.
        y: Label of the rows, with unit.
        bar: Label of the colour bar.
        numbers: Write each value in its cell.
        centre: Colours around zero (vermilion below, blue above) instead of from low to high.
        digits: Decimals of written values.
        ax: Draw here instead of in a new figure.
        limits: Lowest and highest value of the colours, to make several figures comparable.
        width: Inches of a new figure.
    """
    array = _matrix(values, "heatmap()")
    own = ax is None
    if ax is None:
        height = min(4.6, max(1.6, width * array.shape[0] / array.shape[1] * 0.85 + 0.5))
        fig, ax = figure(width=width, height=height)
    else:
        fig = ax.figure
    assert ax is not None
    if limits is None:
        top = float(np.abs(array).max()) or 1.0
        limits = (-top, top) if centre else (min(0.0, float(array.min())), float(array.max()))
    slim = max(array.shape) > 4 * min(array.shape)
    picture = ax.imshow(
        array,
        cmap=DIVERGING if centre else HEAT,
        vmin=limits[0],
        vmax=limits[1],
        aspect="auto" if slim else "equal",
    )
    ax.grid(False)
    ax.set(title="" if own else title, xlabel=x, ylabel=y)
    if own and title:  # a long title needs the room over the colour bar
        _headline(fig, title)
    for side in ax.spines.values():
        side.set_visible(False)
    if numbers:
        for (i, j), value in np.ndenumerate(array):
            full = picture.cmap(picture.norm(value))[3] > 0.6
            ax.text(j, i, f"{value:.{digits}f}", ha="center", va="center", fontsize=8, color="white" if full else INK)
    if bar or not numbers:
        fig.colorbar(picture, ax=ax, label=bar, shrink=0.85).outline.set_visible(False)
    return fig


def patches(image: Any, P: int, title: str = "") -> Picture:
    """An image cut into its patches, and below it the same patches as the sequence that the transformer reads.

    At most 32 tokens are drawn, an ellipsis stands for the rest. The size is the same for every ``P``.

    Args:
        image: One image (C, H, W) or (H, W).
        P: Side of a patch in pixels; divides H and W.
        title: Says what is found.

    Raises:
        ValueError: ``P`` does not divide the sides.
    """
    array = pixels(image, "patches()")
    height, width = array.shape[:2]
    whole("P", P)
    if height % P or width % P:
        raise ValueError(
            f"patches() got an image {height}x{width} and P = {P}: P must divide both sides; crop or resize it"
        )
    rows, columns = height // P, width // P
    cells = [array[r * P : (r + 1) * P, c * P : (c + 1) * P] for r in range(rows) for c in range(columns)]
    shown = cells if len(cells) <= 32 else cells[:31]
    per_row = min(16, len(shown))
    strips = math.ceil(len(shown) / per_row)
    top = 2.5
    fig = _blank(WIDTH, top + 1.04 + (0.3 if title else 0))  # the same for every P, so that frames do not jump
    if title:
        _headline(fig, title)
    upper, lower = fig.subfigures(2, 1, squeeze=False, height_ratios=[top, 1.04]).flat
    uncut, cut = upper.subplots(1, 2)
    _put(uncut, array)
    uncut.set_title(f"image, {height} × {width} pixels", fontsize=8.5, fontweight="normal", loc="center")
    _put(cut, array)
    for r in range(1, rows):
        cut.axhline(r * P - 0.5, color=COLOUR_CUT, lw=1.2)
    for c in range(1, columns):
        cut.axvline(c * P - 0.5, color=COLOUR_CUT, lw=1.2)
    if len(cells) <= 64:
        for i in range(len(cells)):
            cut.text(
                (i % columns) * P + P / 2 - 0.5, (i // columns) * P + P / 2 - 0.5, str(i + 1), ha="center", va="center",
                fontsize=max(5.0, min(9.0, 60 / max(rows, columns))), color=INK,
                bbox={"boxstyle": "round,pad=0.15", "fc": "#fbfaf6e0", "ec": "none"},
            )  # fmt: skip
    cut.set_title(f"{rows} × {columns} patches, P = {P}", fontsize=8.5, fontweight="normal", loc="center")
    axes = lower.subplots(strips, per_row, squeeze=False).flat
    for i, ax in enumerate(axes):
        bare(ax)
        ax.set_facecolor("none")
        if i < len(shown):
            _put(ax, shown[i])
            ax.set_title(str(i + 1), fontsize=7, fontweight="normal", color=MUTED, loc="center", pad=2)
        elif i == len(shown) and len(cells) > len(shown):
            ax.text(0.5, 0.5, f"… {len(cells)}", ha="center", va="center", fontsize=8, transform=ax.transAxes)
        else:
            ax.set_axis_off()
    return fig


COLOUR_CUT = "#D55E00"
"""The knife: lines between patches, readable on black digits as on photographs."""


def sequence(tokens: Any, labels: Sequence[str] | None = None, title: str = "", limit: int = 24) -> Picture:
    """A sequence of tokens as a row of columns of numbers: each column one vector, its position below it.

    Args:
        tokens: (N, D): one row a token.
        labels: One name a token; the positions 1 … N where not given.
        title: Says what is found.
        limit: Tokens that are drawn.

    Raises:
        ValueError: Not a matrix, or a wrong number of labels.
    """
    array = _matrix(tokens, "sequence()")
    if labels is not None and len(labels) != len(array):
        raise ValueError(f"sequence() got {len(array)} tokens and {len(labels)} labels: give one for each")
    names = [str(v) for v in (labels if labels is not None else range(1, len(array) + 1))]
    shown = array[:limit]
    fig = _blank(WIDTH, 2.0, 0.02)
    axes = fig.subplots(1, len(shown), squeeze=False)
    top = float(np.abs(shown).max()) or 1.0
    for ax, column, name in zip(axes[0], shown, names, strict=False):
        ax.imshow(column[:, None], cmap=DIVERGING, vmin=-top, vmax=top, aspect="auto")
        bare(ax)
        for side in ax.spines.values():
            side.set(visible=True, color=GRID)
        ax.set_xlabel(name, fontsize=7.5)
    fig.supylabel(f"D = {array.shape[1]} numbers a token", fontsize=8.5)
    more = f" (the first {len(shown)} of {len(array)})" if len(shown) < len(array) else ""
    fig.supxlabel(f"token{more}", fontsize=8.5)
    if title:
        _headline(fig, title)
    return fig


def attention_overlay(image: Any, map: Any, titles: Sequence[str] | None = None) -> Picture:
    """Where attention looks: the image, and the image lit by each map.

    Args:
        image: One image (C, H, W) or (H, W).
        map: Weights on the patch grid, (rows, columns), or several (M, rows, columns); the class token left out.
        titles: One for each map.

    Raises:
        ValueError: A map of another shape, or a grid that does not fit the image.
    """
    array = pixels(image, "attention_overlay()")
    weights = torch.as_tensor(map).detach().cpu().float()
    weights = weights[None] if weights.ndim == 2 else weights
    if weights.ndim != 3 or not weights.numel() or not torch.isfinite(weights).all():
        raise ValueError(
            f"attention_overlay() got a map of shape {tuple(weights.shape)}: give finite (rows, columns) weights"
        )
    height, width = array.shape[:2]
    rows, columns = weights.shape[1:]
    if height % rows or width % columns:
        raise ValueError(
            f"attention_overlay() got a {rows}x{columns} grid for a {height}x{width} image: the grid must divide it"
        )
    if titles is not None and len(titles) != len(weights):
        raise ValueError(f"attention_overlay() got {len(weights)} maps and {len(titles)} titles: give one for each")
    colour = array if array.ndim == 3 else np.repeat(array[:, :, None], 3, axis=2)
    out, names = [colour], ["image"]
    for i, weight in enumerate(weights):
        light = (weight / weight.max().clamp_min(1e-12)).numpy().repeat(height // rows, 0).repeat(width // columns, 1)
        out.append(_lit(colour, light))
        names.append(str(titles[i]) if titles is not None else ("attention" if len(weights) == 1 else f"map {i + 1}"))
    fig = images(out, titles=names, columns=min(len(out), 7))
    # The bar shows a mid-grey picture under the same lamp, so that it reads on a light and on a dark page.
    lamp = ListedColormap(_lit(np.full((1, 64, 3), 128), np.linspace(0, 1, 64)[None])[0] / 255, "mm-lamp")
    bar = fig.colorbar(ScalarMappable(Normalize(0, 1), lamp), ax=fig.axes, shrink=0.8, pad=0.02, aspect=12)
    bar.set_ticks([0, 1], labels=["0", "max."])
    bar.ax.set_ylabel("attention", fontsize=7.5, labelpad=-8)
    bar.ax.tick_params(labelsize=7.5, length=0)
    bar.outline.set_visible(False)
    return fig


def _lit(colour: np.ndarray, light: np.ndarray) -> np.ndarray:
    """A picture (H, W, 3) under a lamp (H, W): from sunk into dark blue to itself under amber, also where black."""
    base = colour * 0.25 + np.array([5, 25, 50]) * 0.75
    glow = colour * 0.6 + np.array([230, 159, 0]) * 0.4
    return (base + (glow - base) * light[:, :, None]).clip(0, 255).round().astype(np.uint8)


def similarity_grid(table: Any, grid: tuple[int, int], title: str = "") -> Picture:
    """Cosine similarity of each position's vector with all others, laid out as the image (ViT paper, figure 7).

    Args:
        table: (N, D), N = rows · columns, the class token left out.
        grid: (rows, columns).
        title: Says what is found.

    Raises:
        ValueError: The table's rows are not those of the grid.
    """
    array = _matrix(table, "similarity_grid()")
    rows, columns = sides("grid", grid)
    if len(array) != rows * columns:
        raise ValueError(
            f"similarity_grid() got {len(array)} positions for a {rows}x{columns} grid ({rows * columns}): "
            "leave the class token out, or give the right grid"
        )
    unit = array / np.maximum(np.linalg.norm(array, axis=1, keepdims=True), 1e-12)
    likeness = (unit @ unit.T).reshape(rows, columns, rows, columns)
    side = 5.0
    longest = max(rows, columns)
    fig = _blank(side * columns / longest + 0.9, side * rows / longest + 0.5, 0.02)
    fig.phone = 0  # each picture stands where its patch stands
    axes = fig.subplots(rows, columns, squeeze=False)
    for r in range(rows):
        for c in range(columns):
            drawn = axes[r, c].imshow(likeness[r, c], cmap=DIVERGING, vmin=-1, vmax=1)
            bare(axes[r, c])
            if c == 0:
                axes[r, c].set_ylabel(str(r + 1), fontsize=8, rotation=0, ha="right", va="center")
            if r == rows - 1:
                axes[r, c].set_xlabel(str(c + 1), fontsize=8)
    fig.supylabel("row of the patch", fontsize=8.5)
    fig.supxlabel("column of the patch", fontsize=8.5)
    fig.colorbar(drawn, ax=axes, label="cosine similarity", shrink=0.7).outline.set_visible(False)
    if title:
        _headline(fig, title)
    return fig
