"""Check every link of the built site: files and anchors inside it and, with --external, addresses outside."""

from __future__ import annotations

import argparse
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

SITE = Path(__file__).resolve().parents[2] / "_build" / "html"
#: Answers of sites that exist but do not talk to programs.
SHY = {401, 403, 405, 406, 418, 429, 503, 999}


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


def answers(address: str) -> str | None:
    """What is wrong with an address outside, or None."""
    request = urllib.request.Request(address, headers={"User-Agent": "Mozilla/5.0 (link check of a course book)"})
    try:
        with urllib.request.urlopen(request, timeout=30):
            return None
    except urllib.error.HTTPError as error:
        return None if error.code in SHY else f"answers {error.code}"
    except (OSError, ValueError) as error:
        return f"does not answer ({error})"


def outside(pages: dict[Path, Page]) -> list[str]:
    """One line for each address outside that does not answer."""
    links = {link.split("#")[0] for page in pages.values() for link in page.links}
    addresses = sorted(link for link in links if link.startswith("http"))
    with ThreadPoolExecutor(8) as pool:
        answered = zip(addresses, pool.map(answers, addresses), strict=True)
        return [f"{address} {fault}" for address, fault in answered if fault]


def main() -> None:
    """Check, print the faults, fail where there are any."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--external", action="store_true")
    external = parser.parse_args().external
    files = [path for path in sorted(SITE.rglob("*.html")) if "_static" not in path.relative_to(SITE).parts]
    if not files:
        raise SystemExit("links: there is no site yet; `make book` builds it")
    pages = {path.resolve(): Page(path) for path in files}
    faults = inside(pages) + (outside(pages) if external else [])
    count = sum(len(page.links) for page in pages.values())
    print("\n".join(faults) or f"links: {count} on {len(pages)} pages, all lead somewhere")
    raise SystemExit(1 if faults else 0)


if __name__ == "__main__":
    main()
