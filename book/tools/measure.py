"""Measure the built pages: what they show, what they weigh, how well they are made.

    measure.py shares       per chapter: share of the height that is code, prose, figures; the first figure; weights
    measure.py axe          axe-core on every page, light and dark, 390 and 1280 pixels wide: A, AA and best practice
    measure.py html         every page through vnu, the W3C's checker of HTML (needs Java)
    measure.py lighthouse   Lighthouse on every chapter, mobile and desktop; NAMES choose pages

Each ends with 1 where a bound is not kept.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

from browser import bring
from pages import chapters
from playwright.sync_api import Browser, Page, sync_playwright
from serve import Handler
from setup import ROOT, plain_words
from vendor import measures, node

SITE = ROOT / "_build" / "html"
LIGHTHOUSE = "13.5.0"
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1"]
#: Bounds of a chapter: code at most, figures at least, first figure within so many screens, figures to move, weight.
CODE, FIGURES, SCREENS, MOVING, LIVE, WEIGHT = 0.25, 0.30, 1.5, 3, 1, 900_000
#: Bounds of Lighthouse, mobile and desktop.
SCORES = {"mobile": {"performance": 85}, "desktop": {"performance": 95}}
EVERYWHERE = {"accessibility": 95, "best-practices": 95, "seo": 95}

#: What is folded away has a box, too, when it is asked for: only `checkVisibility` tells.
SHARES = """() => {
  const article = document.querySelector("article.bd-article");
  const top = article.getBoundingClientRect().top + scrollY;
  const total = article.getBoundingClientRect().height;
  const cover = (selector, outside) => {
    const spans = [...article.querySelectorAll(selector)]
      .filter((el) => el.checkVisibility() && !(outside && el.closest(outside)))
      .map((el) => el.getBoundingClientRect()).filter((box) => box.height > 1)
      .map((box) => [box.top + scrollY, box.bottom + scrollY]).sort((a, b) => a[0] - b[0]);
    let [sum, end] = [0, -Infinity];
    for (const [from, to] of spans) { sum += Math.max(0, to - Math.max(from, end)); end = Math.max(end, to); }
    return [sum / total, spans.length ? spans[0][0] : Infinity];
  };
  const FIGURE = "figure, .mm-figure, .mm-explore, .mm-live, .mm-diagram, .mm-flow, .cell_output img";
  const [figures, first] = cover(FIGURE);
  const [code] = cover(".cell_input, .highlight", ".cell_output, " + FIGURE);
  const [prose] = cover("p, ul, ol, dl, h1, h2, h3, h4, blockquote", ".cell_output, .cell_input, " + FIGURE);
  const count = (selector) => article.querySelectorAll(selector).length;
  return { code, figures, prose, first: first / innerHeight, height: total,
           moving: count(".mm-explore[data-frames]"), live: count(".mm-live") };
}"""
#: Go through the page as a reader does: what is far away is laid out, and made reachable, when it comes near.
THROUGH = """async () => {
  for (let y = 0; y < document.documentElement.scrollHeight; y += innerHeight) {
    scrollTo(0, y);
    await new Promise((done) => requestAnimationFrame(() => setTimeout(done, 20)));
  }
  scrollTo(0, 0);
}"""
AXE = """() => axe.run(document, {
  runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
}).then((found) => found.violations.map((v) => `${v.id}: ${v.nodes.length} x ${v.nodes[0].target.join(" ")}`))"""


def pages() -> list[str]:
    """Every page of the site, sources left out."""
    names = [path.relative_to(SITE).as_posix() for path in sorted(SITE.rglob("*.html"))]
    return [name for name in names if not name.startswith(("_static", "_modules"))]


def chapter_pages() -> list[str]:
    """The chapters' pages."""
    return [f"{entry['file']}.html" for entry in chapters()]


class Compressing(Handler):
    """Text comes compressed, as from every host that a site stands on."""

    def do_GET(self) -> None:  # noqa: N802  (the base class's name)
        """Answer with the file, compressed where it is text."""
        path = Path(self.translate_path(self.path))
        path = path / "index.html" if path.is_dir() else path
        if path.suffix not in (".html", ".css", ".js", ".svg") or not path.is_file():
            super().do_GET()
            return
        body = gzip.compress(path.read_bytes(), 6)
        self.send_response(200)
        self.send_header("Content-Type", self.guess_type(str(path)))
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def site() -> Iterator[str]:
    """The site on a server of its own; its address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Compressing, directory=str(SITE))) as http:
        threading.Thread(target=http.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{http.server_port}"
        http.shutdown()


@contextmanager
def opened() -> Iterator[tuple[Browser, str]]:
    """A browser, and the address of the site."""
    with sync_playwright() as play, site() as address:
        started = play.chromium.launch(executable_path=bring(), headless=True, args=ARGUMENTS)
        yield started, address
        started.close()


def weight(asked: dict[str, bytes]) -> int:
    """Bytes on the wire of what was asked for, text compressed as every host does."""
    text = re.compile(r"\.(html|css|js|svg|json)(\?|$)|/$")
    return sum(len(gzip.compress(body)) if text.search(name) else len(body) for name, body in asked.items())


def shares_of(browser: Browser, address: str, name: str) -> dict[str, Any]:
    """What one page shows at 1280 x 900, and what its first load weighs."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    asked: dict[str, bytes] = {}
    page.on("response", lambda reply: asked.setdefault(reply.url, reply.body() if reply.ok else b""))
    page.goto(f"{address}/{name}", wait_until="load")
    page.wait_for_timeout(300)
    first_load = weight(dict(asked))
    page.add_style_tag(content="* { content-visibility: visible !important }")  # what is far away has its height too
    found: dict[str, Any] = page.evaluate(SHARES)
    page.close()
    return {**found, "weight": first_load}


def shares_faults(found: dict[str, Any]) -> list[str]:
    """The bounds that a chapter does not keep."""
    tests = [
        (found["code"] <= CODE, f"code {found['code']:.0%}, at most {CODE:.0%}"),
        (found["figures"] >= FIGURES, f"figures {found['figures']:.0%}, at least {FIGURES:.0%}"),
        (found["first"] <= SCREENS, f"first figure after {found['first']:.1f} screens, within {SCREENS}"),
        (found["moving"] + found["live"] >= MOVING, f"{found['moving'] + found['live']} figures to move, {MOVING}"),
        (found["live"] >= LIVE, f"{found['live']} figures computed in the page, {LIVE}"),
        (found["weight"] <= WEIGHT, f"first load {found['weight']:,} bytes, at most {WEIGHT:,}"),
    ]
    return [words for kept, words in tests if not kept]


def shares(names: list[str]) -> list[str]:
    """Print the table of shares."""
    faults = []
    print(f"{'chapter':24}  code  prose  figures  first  move  live  first load")
    with opened() as (browser, address):
        for name in names:
            found = shares_of(browser, address, name)
            print(
                f"{Path(name).stem:24} {found['code']:5.0%} {found['prose']:6.0%} {found['figures']:8.0%} "
                f"{found['first']:6.1f} {found['moving']:5} {found['live']:5} {found['weight'] / 1000:8.0f} kB",
                flush=True,
            )
            faults += [f"{name}: {fault}" for fault in shares_faults(found)]
    return faults


def axe_faults(page: Page, address: str, name: str, script: str) -> list[str]:
    """What axe finds on one page, in both themes and widths."""
    found: dict[str, None] = {}
    page.goto(f"{address}/{name}", wait_until="load")
    page.evaluate(script)
    for width in (1280, 390):
        page.set_viewport_size({"width": width, "height": 900})
        page.evaluate(THROUGH)
        for theme in ("light", "dark"):
            page.evaluate("(theme) => { document.documentElement.dataset.theme = theme; }", theme)
            page.wait_for_timeout(150)
            found.update(dict.fromkeys(f"{name}, {width} px, {theme}: {what}" for what in page.evaluate(AXE)))
    return list(found)


def axe(names: list[str]) -> list[str]:
    """Print what axe finds."""
    script = (measures() / "axe" / "axe.min.js").read_text(encoding="utf-8")
    faults = []
    with opened() as (browser, address):
        page = browser.new_page()
        for name in names:
            faults += axe_faults(page, address, name, script)
    print(f"axe: {len(names)} pages in two themes at two widths, {len(faults)} violations")
    return faults


def valid(names: list[str]) -> list[str]:
    """Print what vnu finds."""
    java = shutil.which("java")
    if not java:
        raise SystemExit("measure: vnu needs Java on this machine (Debian: default-jre-headless)")
    jar = str(measures() / "vnu" / "vnu.jar")
    command = [java, "-jar", jar, "--errors-only", "--format", "gnu", *(str(SITE / name) for name in names)]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
    lines = [line.replace(f"file:{SITE}/", "") for line in done.stderr.splitlines() if "error" in line]
    print(f"vnu: {len(names)} pages, {len(lines)} errors")
    return lines


def lighthouse_tool() -> Path:
    """Lighthouse from npm, of one version, in _build."""
    folder = ROOT / "_build" / f"lighthouse-{LIGHTHOUSE}"
    script = folder / "node_modules" / "lighthouse" / "cli" / "index.js"
    if not script.exists():
        npm = shutil.which("npm", path=str(Path(sys.executable).parent)) or shutil.which("npm") or "npm"
        wanted = f"lighthouse@{LIGHTHOUSE}"
        command = [npm, "install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", str(folder)]
        if subprocess.run([*command, wanted], check=False).returncode:
            raise SystemExit(f"measure: npm could not bring {wanted}; connect once")
    return script


def lighthouse(names: list[str]) -> list[str]:
    """Print Lighthouse's scores."""
    script, faults = lighthouse_tool(), []
    # Lighthouse asks for a newer node than many machines have; the one in .venv is.
    runner = shutil.which("node", path=str(Path(sys.executable).parent)) or node()
    environment = {**os.environ, "CHROME_PATH": bring()}
    flags = "--headless=new --no-sandbox --disable-gpu"
    kinds = [*EVERYWHERE, "performance"]
    print(f"{'page':40} {'form':8} " + " ".join(f"{kind:>14}" for kind in kinds) + "   largest paint")
    with site() as address:
        for name in names:
            for form, bounds in SCORES.items():
                command = [runner, str(script), f"{address}/{name}", "--quiet", "--output=json", "--output-path=stdout"]
                command += [f"--chrome-flags={flags}", f"--only-categories={','.join(kinds)}"]
                command += ["--preset=desktop"] if form == "desktop" else []
                done = subprocess.run(command, capture_output=True, encoding="utf-8", env=environment, check=False)
                if done.returncode:
                    raise SystemExit(f"measure: Lighthouse stopped on {name}: {done.stderr.strip()[-300:]}")
                report = json.loads(done.stdout)
                scores = {kind: round(100 * (report["categories"][kind]["score"] or 0)) for kind in kinds}
                paint = report["audits"]["largest-contentful-paint"]["displayValue"]
                print(f"{name:40} {form:8} " + " ".join(f"{scores[k]:14}" for k in kinds) + f"   {paint}", flush=True)
                wanted = EVERYWHERE | bounds
                faults += [f"{name}, {form}: {k} {scores[k]}, at least {v}" for k, v in wanted.items() if scores[k] < v]
                for kind in EVERYWHERE:
                    for reference in report["categories"][kind]["auditRefs"]:
                        audit = report["audits"][reference["id"]]
                        if reference["weight"] and audit["score"] is not None and audit["score"] < 1:
                            print(f"    {kind}: {audit['title']}")
    return faults


def main() -> None:
    """Measure what the command line asks for."""
    plain_words()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["shares", "axe", "html", "lighthouse"])
    parser.add_argument("names", nargs="*", help="pages, as in notebooks/05_vit.html")
    given = parser.parse_args()
    if not (SITE / "index.html").exists():
        raise SystemExit("measure: there is no site yet; `make book` builds it")
    work, usual = {
        "shares": (shares, chapter_pages),
        "axe": (axe, pages),
        "html": (valid, pages),
        "lighthouse": (lighthouse, chapter_pages),
    }[given.what]
    faults = work(given.names or usual())
    print("\n".join(faults))
    raise SystemExit(bool(faults))


if __name__ == "__main__":
    main()
