"""Check every link of the built site: files and anchors inside it and, with --external, addresses outside.

Sphinx's own link check asks the addresses. It does not read the built pages, so that links which cells print, which
scripts and styles need and which lead to a heading are looked up here.
"""

from __future__ import annotations

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

from build import jupyter_book
from setup import ROOT, plain_words

SITE = ROOT / "_build" / "html"


class Page(HTMLParser):
    """The anchors that a page offers and the addresses that it names."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path, self.anchors, self.links = path, {"", "top"}, set[str]()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collect ids, names, href and src."""
        named = dict(attrs)
        self.anchors |= {value for key in ("id", "name") if (value := named.get(key))}
        if not (tag == "link" and "canonical" in (named.get("rel") or "")):
            self.links |= {value for key in ("href", "src") if (value := named.get(key))}


def inside(pages: dict[Path, Page]) -> list[str]:
    """One line for each link of the site that leads nowhere."""
    faults = []
    for page in pages.values():
        for link in sorted(page.links):
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (page.path.parent / unquote(parts.path)).resolve() if parts.path else page.path
            target = target / "index.html" if target.is_dir() else target
            if not target.exists():
                faults.append(f"{page.path.relative_to(SITE)}: {link} leads to no file")
            elif target in pages and parts.fragment and unquote(parts.fragment) not in pages[target].anchors:
                faults.append(f"{page.path.relative_to(SITE)}: {link} leads to no place on that page")
    return faults


def main() -> None:
    """Check, print the faults, fail where there are any."""
    plain_words()
    files = [path for path in sorted(SITE.rglob("*.html")) if "_static" not in path.relative_to(SITE).parts]
    if not files:
        raise SystemExit("links: there is no site yet; `make book` builds it")
    pages = {path.resolve(): Page(path) for path in files}
    faults = inside(pages)
    count = sum(len(page.links) for page in pages.values())
    print("\n".join(faults) or f"links: {count} on {len(pages)} pages, all lead somewhere")
    if faults or ("--external" in sys.argv and jupyter_book("--builder", "linkcheck")):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
