"""Figures to move: by keyboard and by touch the picture changes and the change is said; nothing else is loaded."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page

SITE = Path(__file__).resolve().parents[2] / "_build" / "html"
PAGES = sorted(
    str(path.relative_to(SITE)) for path in SITE.rglob("*.html") if "data-frames=" in path.read_text(encoding="utf-8")
)
every_page = pytest.mark.parametrize("name", PAGES)


def figures(page: Page, site: str, name: str) -> list[Locator]:
    page.goto(f"{site}/{name}", wait_until="load")
    found = page.locator(".mm-explore[data-frames]").all()
    for figure in found:  # what is far from the screen is laid out when it comes near
        figure.scroll_into_view_if_needed()
    assert found
    return found


LAZY = ' loading="lazy" decoding="async"'  # of the frame that the page comes with, and of no later one


def seen(figure: Locator) -> str:
    return str(figure.locator(".mm-frame").inner_html()).replace(LAZY, "")


def waits(page: Page, figure: Locator, before: str) -> str:
    """What stands there when the figure has changed."""
    page.wait_for_function(
        "([box, old, lazy]) => box.innerHTML.replaceAll(lazy, '') !== old",
        arg=[figure.locator(".mm-frame").element_handle(), before, LAZY],
    )
    return seen(figure)


@every_page
def test_every_control_moves_its_figure_by_keyboard_and_says_so(browser: Browser, site: str, name: str) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    try:
        for figure in figures(page, site, name):
            for control in figure.locator(".mm-controls > *").all():
                handle = control.locator("input:checked, input[type=range]").first
                handle.focus()
                page.keyboard.press("Home")
                page.wait_for_timeout(120)
                first = seen(figure)
                page.keyboard.press("ArrowRight")
                second = waits(page, figure, first)
                said = figure.locator(".mm-said").inner_text()
                page.keyboard.press("End")
                if len(control.locator("input").all()) != 2:
                    waits(page, figure, second)
                    assert figure.locator(".mm-said").inner_text() != said
                page.keyboard.press("Home")
                page.wait_for_timeout(120)
                assert seen(figure) == first, "Home does not lead back to the first value"
            folded = figure.locator(".mm-seen")
            assert not folded.count() or folded.get_attribute("open") is not None
    finally:
        page.close()


@every_page
def test_every_control_is_large_enough_and_has_a_name_and_moves_by_touch(
    browser: Browser, site: str, name: str
) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page = context.new_page()
    try:
        for figure in figures(page, site, name):
            figure.scroll_into_view_if_needed()
            for target in figure.locator("fieldset label, input[type=range]").all():
                box = target.bounding_box()
                assert box
                assert min(box["width"], box["height"]) >= 24
            for control in figure.locator(".mm-controls > *").all():
                # What is far from the screen has no inner text, but it has its name.
                assert (control.locator("legend, span").first.text_content() or "").strip()
                others = control.locator("input[type=radio]:not(:checked)").all()
                if others:
                    before = seen(figure)
                    others[0].tap()
                    waits(page, figure, before)
    finally:
        context.close()


@every_page
def test_a_figure_is_its_file_and_nothing_else_comes(browser: Browser, name: str) -> None:
    """From the disk, without a server."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: asked.append(f"error {error}"))
    try:
        figure = figures(page, f"file://{SITE}", name)[0]
        before = seen(figure)
        figure.locator("input:checked, input[type=range]").first.focus()
        page.keyboard.press("Home")
        page.wait_for_timeout(300)
        if seen(figure) == before:  # it began at its first value
            page.keyboard.press("End")
        waits(page, figure, before)
        assert all(url.startswith(("file://", "data:")) for url in asked), asked
        assert not [url for url in asked if re.search("mathjax|html-manager|embed-amd|require", url)]
    finally:
        page.close()


@every_page
def test_without_javascript_the_first_frame_stands_there(browser: Browser, site: str, name: str) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    try:
        for figure in figures(page, site, name):
            figure.scroll_into_view_if_needed()
            assert not figure.locator(".mm-controls").is_visible()
            assert figure.locator(
                ".mm-frame svg:visible, .mm-frame img, .mm-frame p, .mm-frame table"
            ).first.is_visible()
        assert page.locator("math").count() > 10
    finally:
        context.close()
