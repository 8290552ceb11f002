"""The whole book as one file, ``_build/book.pdf``: every page of the contents, printed by the browser, with bookmarks.

The browser prints each page of the site as the style sheet for print says. Bookmarks name pages and
their sections; links from page to page of the site become links inside the file.
"""

from __future__ import annotations

import io

from browser import bring
from measure import ARGUMENTS, THROUGH, site
from pages import listed
from playwright.sync_api import Page, sync_playwright
from pypdf import PdfWriter
from pypdf.annotations import Link
from pypdf.generic import Fit
from setup import ROOT, plain_words

BOOK = ROOT / "_build" / "book.pdf"
#: Pages of the reference are for the screen: they would double the book.
APART = ("book/api",)
#: What a reader of paper needs: everything near, first frames there, answers open.
PREPARE = """async () => {
  document.documentElement.dataset.theme = "light";
  document.querySelectorAll("img").forEach((img) => { img.loading = "eager"; });
  document.querySelectorAll("details.mm-seen").forEach((fold) => { fold.open = true; });
  await document.fonts.ready;
  await Promise.all([...document.images].map((img) => img.decode().catch(() => {})));
}"""


def contents() -> list[str]:
    """The pages of the book in their order."""
    return [name for name in listed() if not name.startswith(APART)]


def printed(page: Page, address: str, name: str) -> io.BytesIO:
    """One page of the site on paper, with a bookmark for each of its headings."""
    page.goto(f"{address}/{name}.html", wait_until="load")
    page.evaluate(PREPARE)
    page.evaluate(THROUGH)
    page.wait_for_timeout(300)
    margin = {"top": "16mm", "bottom": "16mm", "left": "17mm", "right": "17mm"}
    return io.BytesIO(page.pdf(format="A4", print_background=True, outline=True, tagged=True, margin=margin))


def main() -> None:
    """Print, join, mark."""
    plain_words()
    writer, starts = PdfWriter(), {}
    with site() as address, sync_playwright() as play:
        started = play.chromium.launch(executable_path=bring(), headless=True, args=ARGUMENTS)
        page = started.new_page(viewport={"width": 900, "height": 1200}, color_scheme="light")
        for name in contents():
            starts[f"{address}/{name}.html"] = len(writer.pages)
            writer.append(printed(page, address, name))
            print(f"{name}: sheet {starts[f'{address}/{name}.html'] + 1}", flush=True)
        started.close()
    inside(writer, starts)
    writer.add_metadata({"/Title": "Multimodal Learning: the transformer stays", "/Author": "the INF721 course"})
    writer.compress_identical_objects()
    writer.write(BOOK)
    print(f"pdf: {len(writer.pages)} sheets, {BOOK.stat().st_size / 2**20:.1f} MiB: {BOOK}")


def inside(writer: PdfWriter, starts: dict[str, int]) -> None:
    """Links to pages of the site lead to their sheets."""
    for number, sheet in enumerate(writer.pages):
        kept = []
        for item in sheet.get("/Annots", []) or []:
            note = item.get_object()
            address = str(note.get("/A", {}).get("/URI", "")).split("#")[0]
            if address in starts:
                rect = [float(value) for value in note["/Rect"]]
                kept.append((Link(rect=rect, target_page_index=starts[address], fit=Fit.fit()), item))
        for link, old in kept:
            sheet["/Annots"].remove(old)
            writer.add_annotation(number, link)


if __name__ == "__main__":
    main()
