"""The house style: one paper, one ink, colours that survive a colour-blind reader and a dark page."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib as mpl
from cycler import cycler
from matplotlib.colors import LinearSegmentedColormap, is_color_like, to_rgb

PAPER = "#fbfaf6"
"""Every figure is drawn on this opaque paper. No single grey has a contrast of 4.5 with a white page and with a
dark one at once, so a transparent figure cannot be readable on both; a sheet of paper is. On the page of the book
figures are vectors, and paper, ink and colours are those of its theme: see :mod:`mmcourse.show.render`."""

INK = "#1d2129"
"""Text, axes, the darkest line."""

MUTED = "#5b6370"
"""Second voice: tick labels, token numbers, notes. Still 4.5 to 1 on paper."""

GRID = "#d9d6cc"
"""Grid lines and the gaps between patches: to be felt, not read."""

COLOURS: Mapping[str, str] = {
    "blue": "#0072B2",
    "vermilion": "#D55E00",
    "green": "#00916A",
    "purple": "#BF6196",
    "amber": "#B07800",
    "sky": "#2C8DC6",
    "black": "#1d2129",
}
"""The hues of Okabe and Ito (2008), the pale ones darkened until each has a contrast of 3 with the paper."""

CYCLE: tuple[str, ...] = tuple(COLOURS.values())
"""The same colours in the order in which lines take them."""

_BLUE, _VERMILION = to_rgb(COLOURS["blue"]), to_rgb(COLOURS["vermilion"])

HEAT = LinearSegmentedColormap.from_list("mm-heat", [(*_BLUE, 0.0), (*_BLUE, 0.6), (0.0, 0.38, 0.66, 1.0)])
"""For values from nothing to much: clear to blue, so that nothing looks like the page, be it light or dark."""

DIVERGING = LinearSegmentedColormap.from_list(
    "mm-diverging",
    [(0.0, (*_VERMILION, 1.0)), (0.4999, (*_VERMILION, 0.0)), (0.5001, (*_BLUE, 0.0)), (1.0, (*_BLUE, 1.0))],
)
"""For values around zero: vermilion below, clear at zero, blue above."""

WIDTH = 6.4
"""Width of a full figure in inches; at 120 dots an inch it is the width of the book's text column."""

DPI = 120


def luminance(colour: str | tuple[float, float, float]) -> float:
    """Relative luminance of a colour, 0 (black) to 1 (white), as WCAG 2.2 defines it.

    Args:
        colour: Any colour that matplotlib understands.
    """
    if not is_color_like(colour):
        raise ValueError(f"{colour!r} is no colour; give a name or '#rrggbb'")
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(colour)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(first: str, second: str) -> float:
    """Contrast of two colours as WCAG 2.2 defines it: 1 (the same) to 21 (black on white).

    Example:
        >>> round(contrast("black", "white"))
        21
    """
    low, high = sorted((luminance(first), luminance(second)))
    return (high + 0.05) / (low + 0.05)


def style() -> None:
    """Make the house style matplotlib's own; importing :mod:`mmcourse.show` has done it already."""
    mpl.rcParams.update(
        {
            "figure.figsize": (WIDTH, 3.4),
            "figure.dpi": DPI,
            "figure.facecolor": PAPER,
            "figure.constrained_layout.use": True,
            "savefig.dpi": DPI,
            "savefig.facecolor": PAPER,
            "savefig.transparent": False,
            "axes.facecolor": PAPER,
            "axes.edgecolor": MUTED,
            "axes.labelcolor": INK,
            "axes.titlecolor": INK,
            "axes.titlesize": 10,
            "axes.titleweight": "bold",
            "axes.titlelocation": "left",
            "axes.titlepad": 7,
            "axes.labelsize": 9.5,
            "axes.linewidth": 0.8,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.grid": True,
            "axes.axisbelow": True,
            "axes.prop_cycle": cycler(color=list(CYCLE)),
            "grid.color": GRID,
            "grid.linewidth": 0.6,
            "text.color": INK,
            "font.family": "sans-serif",
            "font.sans-serif": ["DejaVu Sans"],  # comes with matplotlib: the same letters on every machine
            "font.size": 9.5,
            "mathtext.fontset": "dejavusans",  # letters that a page has; Computer Modern's are glyphs of its own
            "xtick.color": MUTED,
            "ytick.color": MUTED,
            "xtick.labelsize": 8.5,
            "ytick.labelsize": 8.5,
            "xtick.labelcolor": INK,
            "ytick.labelcolor": INK,
            "legend.fontsize": 8.5,
            "legend.frameon": False,
            "lines.linewidth": 1.8,
            "lines.markersize": 5,
            "image.interpolation": "none",  # a vector figure keeps a picture's own pixels
            "image.cmap": "gray",
            "svg.hashsalt": "mmcourse",
        }
    )
    for cmap in (HEAT, DIVERGING):
        mpl.colormaps.register(cmap, force=True)
