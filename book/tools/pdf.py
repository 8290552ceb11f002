"""The whole book as one file, ``_build/book.pdf``: every page of the contents, printed by the browser, with bookmarks.

The browser prints each page of the site as the style sheet for print says. Bookmarks name the book's parts, pages and
sections; links from page to page of the site become links inside the file.
"""

from __future__ import annotations

import io
import re
from typing import Any

import yaml
from browser import bring
from measure import ARGUMENTS, THROUGH, site
from playwright.sync_api import Page, sync_playwright
from pypdf import PdfReader, PdfWriter
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
#: Headings with their names in the page, in order: the first level is the page itself.
HEADINGS = """() => [...document.querySelectorAll("article.bd-article :is(h1, h2, h3)")].map((h) => {
  const words = h.cloneNode(true);
  words.querySelectorAll(".headerlink").forEach((link) => link.remove());
  return [+h.tagName[1], words.textContent.trim().replace(/\\s+/g, " "), h.closest("section")?.id ?? ""];
})"""


def contents() -> list[tuple[str, list[str]]]:
    """The parts of the book with their pages, the front page first."""
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    parts = [("", [toc["root"]])]
    parts += [(part["caption"], [chapter["file"] for chapter in part["chapters"]]) for part in toc["parts"]]
    return [(caption, [name for name in names if not name.startswith(APART)]) for caption, names in parts]


def printed(page: Page, address: str, name: str) -> tuple[PdfReader, list[Any]]:
    """One page of the site on paper, and its headings."""
    page.goto(f"{address}/{name}.html", wait_until="load")
    page.evaluate(PREPARE)
    page.evaluate(THROUGH)
    page.wait_for_timeout(300)
    data = page.pdf(
        format="A4",
        print_background=True,
        margin={"top": "16mm", "bottom": "16mm", "left": "17mm", "right": "17mm"},
    )
    return PdfReader(io.BytesIO(data)), page.evaluate(HEADINGS)


def place(reader: PdfReader, words: str, start: int) -> int:
    """The sheet on which a heading stands, from ``start`` on; ``start`` where it cannot be read."""
    wanted = re.sub(r"\W+", "", words)[:40]
    for number in range(start, len(reader.pages)):
        if wanted and wanted in re.sub(r"\W+", "", reader.pages[number].extract_text() or ""):
            return number
    return start


def main() -> None:
    """Print, join, mark."""
    plain_words()
    writer, starts, count = PdfWriter(), {}, 0
    with site() as address, sync_playwright() as play:
        started = play.chromium.launch(executable_path=bring(), headless=True, args=ARGUMENTS)
        page = started.new_page(viewport={"width": 900, "height": 1200}, color_scheme="light")
        for caption, names in contents():
            part = None
            for name in names:
                reader, headings = printed(page, address, name)
                for sheet in reader.pages:
                    writer.add_page(sheet)
                if caption and part is None:
                    part = writer.add_outline_item(caption, count, fit=Fit.fit())
                above: dict[int, Any] = {}
                here = 0
                for level, words, _ in headings:
                    here = place(reader, words, here)
                    parent = next((above[i] for i in range(level - 1, 0, -1) if i in above), part)
                    above = {i: item for i, item in above.items() if i < level}
                    above[level] = writer.add_outline_item(words, count + here, parent=parent)
                starts[f"{address}/{name}.html"] = count
                count += len(reader.pages)
                print(f"{name}: {len(reader.pages)} sheets", flush=True)
        started.close()
    inside(writer, starts)
    writer.add_metadata({"/Title": "Multimodal Learning: the transformer stays", "/Author": "the INF721 course"})
    writer.compress_identical_objects()
    writer.write(BOOK)
    print(f"pdf: {count} sheets, {BOOK.stat().st_size / 2**20:.1f} MiB: {BOOK}")


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
