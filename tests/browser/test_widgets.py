"""Figures that move do so by keyboard, and the picture beside the control follows."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page

SITE = Path(__file__).resolve().parents[2] / "_build" / "html"
MARK = "application/vnd.jupyter.widget-view+json"
PAGES = sorted(
    str(path.relative_to(SITE)) for path in SITE.glob("notebooks/*.html") if MARK in path.read_text(encoding="utf-8")
)
#: What a reader sees of a moving figure: its visible pictures, words and sounds.
SEEN = """(box) => [...box.querySelectorAll("img, audio, .widget-html-content")]
  .filter((el) => el.getClientRects().length).map((el) => el.src || el.innerHTML).join("|")"""


def moves(page: Page, figure: Locator) -> bool:
    """Try each control of a figure with the keys; True if one of them changes what is seen."""
    before = figure.evaluate(SEEN)
    for handle in figure.locator(".noUi-handle").all():
        handle.focus()
        for key in ("ArrowRight", "ArrowLeft", "ArrowLeft"):
            page.keyboard.press(key)
            page.wait_for_timeout(80)
            if figure.evaluate(SEEN) != before:
                return True
    for button in figure.locator(".widget-toggle-button, .widget-toggle-buttons button").all():
        button.focus()
        page.keyboard.press("Enter")
        page.wait_for_timeout(80)
        if figure.evaluate(SEEN) != before:
            return True
    return False


@pytest.mark.parametrize("name", PAGES)
def test_every_moving_figure_moves_by_keyboard(browser: Browser, site: str, name: str) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    try:
        page.goto(f"{site}/{name}", wait_until="load")
        page.wait_for_selector(".mm-explore img, .mm-explore .widget-html-content", timeout=20_000)
        page.wait_for_timeout(500)
        figures = page.locator(".mm-explore").all()
        still = [number for number, figure in enumerate(figures, start=1) if not moves(page, figure)]
        assert not still, f"{name}: of {len(figures)} moving figures, these do not move: {still}"
    finally:
        page.close()


@pytest.mark.parametrize("name", PAGES)
def test_every_control_has_a_name(browser: Browser, site: str, name: str) -> None:
    page = browser.new_page()
    try:
        page.goto(f"{site}/{name}", wait_until="load")
        page.wait_for_selector(".mm-explore", timeout=20_000)
        page.wait_for_timeout(500)
        unnamed = page.eval_on_selector_all(
            ".mm-explore button, .mm-explore [role=slider], .mm-explore select, .mm-explore input",
            """all => all
              .filter((el) => !(el.getAttribute("aria-label") || el.innerText || el.title || el.labels?.length))
              .map((el) => el.outerHTML.slice(0, 120))""",
        )
        assert not unnamed, unnamed
        for slider in page.locator(".mm-explore .widget-slider").all():
            handle, readout = slider.locator(".noUi-handle"), slider.locator(".widget-readout")
            handle.focus()
            for key in ("ArrowRight", "ArrowLeft"):
                page.keyboard.press(key)
                page.wait_for_timeout(80)
                assert handle.get_attribute("aria-valuetext") == readout.inner_text()
    finally:
        page.close()
