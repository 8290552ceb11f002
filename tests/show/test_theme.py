import itertools

import matplotlib as mpl
import pytest

from mmcourse import show
from mmcourse.show import theme
from mmcourse.show.html import BASE_CSS

LIGHT, DARK = "#ffffff", "#14181e"  # the page of the book's theme, either way


def test_contrast_is_wcags() -> None:
    assert show.contrast("black", "white") == pytest.approx(21)
    assert show.contrast("#777777", "white") == pytest.approx(4.48, abs=0.01)


def test_text_on_paper_passes() -> None:
    assert show.contrast(show.INK, show.PAPER) >= 7
    assert show.contrast(show.MUTED, show.PAPER) >= 4.5


@pytest.mark.parametrize("name", show.COLOURS)
def test_every_line_colour_passes_on_paper(name: str) -> None:
    assert show.contrast(show.COLOURS[name], show.PAPER) >= 3


def test_no_grey_passes_on_both_pages_so_figures_are_opaque() -> None:
    greys = [f"#{v:02x}{v:02x}{v:02x}" for v in range(256)]
    assert not [g for g in greys if show.contrast(g, LIGHT) >= 4.5 and show.contrast(g, DARK) >= 4.5]
    fig, _ = show.figure()
    assert fig.get_facecolor()[3] == 1


@pytest.mark.parametrize("accent", ["#0080c4", "#00916a", "#d55e00"])
def test_accents_of_quiz_and_card_pass_on_both_pages(accent: str) -> None:
    assert accent in BASE_CSS
    assert show.contrast(accent, LIGHT) >= 3
    assert show.contrast(accent, DARK) >= 3


def _seen(colour: str, kind: str) -> tuple[float, float, float]:
    """A colour as a reader without red or green cones sees it (Viénot and others 1999), in linear light."""
    r, g, b = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in mpl.colors.to_rgb(colour))
    rows = {"protan": ((0.11238, 0.88762, 0), (0.11238, 0.88762, 0), (0.00401, -0.00401, 1)),
            "deutan": ((0.29275, 0.70725, 0), (0.29275, 0.70725, 0), (-0.02234, 0.02234, 1))}[kind]  # fmt: skip
    x, y, z = (max(0.0, m[0] * r + m[1] * g + m[2] * b) ** (1 / 2.2) for m in rows)
    return x, y, z


@pytest.mark.parametrize("kind", ["protan", "deutan"])
def test_first_colours_stay_apart_for_colour_blind_readers(kind: str) -> None:
    seen = [_seen(c, kind) for c in show.CYCLE[:4]]
    for i, a in enumerate(seen):
        for b in seen[:i]:
            assert sum((x - y) ** 2 for x, y in zip(a, b, strict=True)) ** 0.5 > 0.1


@pytest.mark.parametrize(("page", "darker"), [(LIGHT, True), (DARK, False)])
def test_heat_leaves_the_page_all_the_way_be_it_light_or_dark(page: str, darker: bool) -> None:
    ground = mpl.colors.to_rgb(page)

    def laid(value: float) -> float:
        *colour, opacity = theme.HEAT(value)
        return theme.luminance(tuple(opacity * c + (1 - opacity) * g for c, g in zip(colour, ground, strict=True)))

    steps = [laid(i / 50) for i in range(51)]
    assert all((a > b) == darker for a, b in itertools.pairwise(steps))
    assert theme.DIVERGING(0.5)[3] < 0.01


def test_importing_sets_the_style() -> None:
    assert mpl.rcParams["figure.facecolor"] == show.PAPER
    assert mpl.rcParams["axes.prop_cycle"].by_key()["color"] == list(show.CYCLE)
