"""Open every page of the built site, in both themes, at two widths, and listen for complaints."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, Response

SITE = Path(__file__).resolve().parents[2] / "_build" / "html"
PAGES = sorted(
    str(path.relative_to(SITE)) for path in SITE.rglob("*.html") if path.relative_to(SITE).parts[0] != "_static"
)
WIDTHS = [(1280, 900), (390, 844)]

READY = """async () => {
  await document.fonts.ready;
  document.querySelectorAll("img").forEach((img) => { img.loading = "eager"; });
  await Promise.all([...document.images].map((img) => img.decode().catch(() => {})));
}"""
BROKEN = "() => [...document.images].filter((i) => !i.complete || i.naturalWidth === 0).map((i) => i.src.slice(0, 120))"
#: A picture says something (alt="" is not accepted for content), or what stands around it does: a drawing board with a
#: name of its own, or the title of the card that it decorates.
WITHOUT_ALT = """() => [...document.querySelectorAll("img")].filter((i) => !(i.getAttribute("alt") || "").trim())
  .filter((i) => !i.closest(".navbar-brand") && !i.matches('.mm-chapter .mm-thumbnail[alt=""]'))
  .filter((i) => !(i.matches('[alt=""]') && (i.closest("[role=img]")?.getAttribute("aria-label") || "").trim()))
  .map((i) => i.src.slice(0, 120))"""
POOR_ALT = """() => [...document.querySelectorAll("article img")].map((i) => i.alt)
  .filter((alt) => /^(\\.\\.\\/)?_images\\/|\\.(png|svg|jpe?g)$/.test(alt))"""
SIDEWAYS = """() => {
  const room = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= room + 1 && document.body.scrollWidth <= room + 1) return [];
  const scrolls = (el) => el && el !== document.body &&
    (["auto", "scroll", "hidden", "clip"].includes(getComputedStyle(el).overflowX) || scrolls(el.parentElement));
  return [...document.querySelectorAll("main *")]
    .filter((el) => el.getBoundingClientRect().right > room + 1 && !scrolls(el))
    .map((el) => `${el.tagName}.${el.className}`.slice(0, 100)).slice(0, 5).concat("the page scrolls sideways");
}"""

#: Equations and tables that a desktop's column cuts off; on a telephone they scroll.
CUT_OFF = """() => {
  const cut = (what) => [...document.querySelectorAll(what)].filter((box) => box.scrollWidth > box.clientWidth + 1);
  const [equations, tables] = [cut(".mm-formula"), cut(".mm-table")];
  return [...equations.map((box) => `equation ${box.parentElement.textContent}`),
    ...tables.map((box) => `table ${box.querySelector("caption").textContent}`)];
}"""

#: On a telephone an equation is no wider than the column, and a formula inside a line no wider than its paragraph.
TOO_WIDE = """() => {
  const right = (el) => el.getBoundingClientRect().right, style = document.createElement("style");
  style.textContent = "* { content-visibility: visible !important }";
  document.head.append(style);
  const equations = [...document.querySelectorAll("article .mm-formula")]
    .filter((box) => box.scrollWidth > box.clientWidth + 1);
  const inside = [...document.querySelectorAll("article math")].filter((m) => !m.closest(".mm-formula, table"))
    .filter((m) => m.checkVisibility())
    .filter((m) => right(m) > right(m.closest("p, li, figcaption, div")) + 1);
  style.remove();
  return [...equations, ...inside].map((box) => box.textContent.slice(0, 60));
}"""


class Ears:
    """Everything a page complains of or asks of others."""

    def __init__(self, page: Page, site: str) -> None:
        self.site = site
        self.faults: list[str] = []
        page.on("console", self.console)
        page.on("pageerror", lambda error: self.faults.append(f"error on the page: {error}"))
        page.on("request", self.request)
        page.on("response", self.response)
        page.on("requestfailed", lambda request: self.faults.append(f"failed: {request.url} {request.failure}"))

    def console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.faults.append(f"console error: {message.text[:300]}")

    def request(self, request: Request) -> None:
        if not request.url.startswith((self.site, "data:", "blob:", "about:")):
            self.faults.append(f"leaves the site: {request.url[:200]}")

    def response(self, response: Response) -> None:
        if response.status >= 400:
            self.faults.append(f"{response.status}: {response.url[:200]}")


@pytest.mark.parametrize("name", PAGES)
def test_page_is_whole_and_quiet(browser: Browser, site: str, name: str) -> None:
    page = browser.new_page(viewport={"width": WIDTHS[0][0], "height": WIDTHS[0][1]})
    ears = Ears(page, site)
    try:
        page.goto(f"{site}/{name}", wait_until="load")
        page.evaluate(READY)
        ears.faults += [f"cut off at {WIDTHS[0][0]} px: {what}" for what in page.evaluate(CUT_OFF)]
        for width, height in WIDTHS:
            page.set_viewport_size({"width": width, "height": height})
            if width == 390:
                ears.faults += [f"wider than a telephone's column: {what}" for what in page.evaluate(TOO_WIDE)]
            for scheme in ("light", "dark"):
                page.evaluate("(scheme) => { document.documentElement.dataset.theme = scheme; }", scheme)
                ears.faults += [f"{width} px, {scheme}: {fault}" for fault in page.evaluate(SIDEWAYS)]
        ears.faults += [f"broken picture: {source}" for source in page.evaluate(BROKEN)]
        ears.faults += [f"no alternative text: {source}" for source in page.evaluate(WITHOUT_ALT)]
        ears.faults += [f"alternative text is a file name: {alt}" for alt in page.evaluate(POOR_ALT)]
    finally:
        page.close()
    assert not ears.faults, f"{name}:\n" + "\n".join(ears.faults)


def test_the_door_is_the_introduction_itself(browser: Browser, site: str) -> None:
    page = browser.new_page()
    page.goto(f"{site}/")
    assert page.url == f"{site}/"
    assert page.locator("h1").first.inner_text().startswith("The transformer stays")
    page.close()


def test_there_are_pages() -> None:
    assert {"index.html", "book/how_to_use.html", "book/notation.html"} <= set(PAGES)
