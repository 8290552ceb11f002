"""Chapters that are done keep the bounds of `make measure`: code, figures, first figure, figures to move, weight."""

from __future__ import annotations

import pytest
from measure import shares_faults, shares_of, site
from playwright.sync_api import Browser, Page

#: A chapter that is done stands here, one a line.
DONE = [
    "notebooks/01_pixels.html",
    "notebooks/02_patches.html",
    "notebooks/03_cnn_tokens.html",
    "notebooks/04_positions.html",
    "notebooks/05_vit.html",
    "notebooks/06_vector_quantization.html",
    "notebooks/07_imagegpt.html",
    "notebooks/08_sound.html",
    "notebooks/09_ast.html",
]


@pytest.mark.parametrize("name", DONE)
def test_a_chapter_shows_before_it_tells(browser: Browser, name: str) -> None:
    with site() as address:
        assert not shares_faults(shares_of(browser, address, name))


def test_what_is_folded_is_not_seen(browser: Browser) -> None:
    """A closed fold has a box in the layout, but nobody sees it."""
    from measure import SHARES

    page: Page = browser.new_page(viewport={"width": 1280, "height": 900})
    tall = '<div class="cell_input" style="height:400px">code</div>'
    page.set_content(
        f'<article class="bd-article" style="height:1000px"><details><summary>The plot</summary>{tall}</details>'
        f'<figure style="height:300px;margin:0">figure</figure>{tall.replace("400", "100")}</article>'
    )
    found = page.evaluate(SHARES)
    page.close()
    assert found["code"] == pytest.approx(0.1, abs=0.01)
    assert found["figures"] == pytest.approx(0.3, abs=0.01)
