"""The last pass over the built pages: light, found by search engines, valid.

- One style sheet for all pages, without the rules that no page uses; scripts deferred, those left out that a page
  has no use for; the search index only on the page of search.
- Description, Open Graph, canonical address, sitemap, robots.txt, 404.html, .nojekyll.
- The theme's slips against valid HTML and against axe's rules.

The address of the site is one setting, `html_baseurl`: `baseurl` in _config.yml, or SITE_URL in the environment.
"""

from __future__ import annotations

import datetime
import hashlib
import html
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import yaml
from pages import repository

ROOT = Path(__file__).resolve().parents[2]
SITE = ROOT / "_build" / "html"
DONE = "<!-- polished -->"
SHEET = "site.css"
FONT = "vendor/temml/STIXTwoMath.woff"
#: Words of styles that scripts and states make, which no page holds when it is read.
ALWAYS = {"show", "showing", "fade", "collapse", "collapsing", "collapsed", "active", "open", "hover", "focus"}

LINK = re.compile(r'\s*<link[^>]*?href="([^"]+\.css)(?:\?[^"]*)?"[^>]*?>')
SCRIPT = re.compile(r'\s*<script(?P<rest>[^>]*?) ?src="(?P<src>[^"]+)"(?P<more>[^>]*)></script>')
WORD = re.compile(r"[\w-]+")


def site_address() -> str:
    """Where the site will stand, with a slash at its end; empty where nobody has said so."""
    config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    address = os.environ.get("SITE_URL") or config.get("html", {}).get("baseurl") or ""
    return address.rstrip("/") + "/" if address else ""


# ---- styles ----


def blocks(css: str) -> Iterator[tuple[str, str | None]]:
    """The rules of a style sheet, each as its head and its body; None for a statement without a body."""
    at, depth, start, head, quote = 0, 0, 0, "", ""
    while at < len(css):
        letter = css[at]
        if quote:
            at += letter == "\\"
            quote = "" if letter == quote else quote
        elif letter in "\"'":
            quote = letter
        elif letter == "{":
            if depth == 0:
                head, start = css[start:at].strip(), at + 1
            depth += 1
        elif letter == "}":
            depth -= 1
            if depth == 0:
                yield head, css[start:at]
                start = at + 1
        elif letter == ";" and depth == 0:
            yield css[start : at + 1].strip(), None
            start = at + 1
        at += 1


def selectors(head: str) -> list[str]:
    """The selectors of a rule, split at the commas outside brackets."""
    parts, depth, start = [], 0, 0
    for at, letter in enumerate(head):
        depth += (letter in "([") - (letter in ")]")
        if letter == "," and depth == 0:
            parts.append(head[start:at])
            start = at + 1
    return [part.strip() for part in [*parts, head[start:]]]


def used(selector: str, words: set[str]) -> bool:
    """Whether every class and name that a selector asks for occurs somewhere on the site."""
    plain = re.sub(r":(not|is|where|has)\((?:[^()]|\([^()]*\))*\)", "", selector)
    plain = re.sub(r"\[[^\]]*\]", "", plain)
    return all(name.replace("\\", "") in words for name in re.findall(r"[.#]((?:[\w-]|\\.)+)", plain))


def prune(css: str, words: set[str]) -> str:
    """A style sheet without the rules that nothing on the site can match."""
    kept = []
    for head, body in blocks(re.sub(r"/\*.*?\*/", "", css, flags=re.DOTALL)):
        if body is None:
            kept.append("" if head.startswith("@charset") else head)
        elif head.startswith(("@media", "@supports", "@container", "@layer")):
            inner = prune(body, words)
            kept.append(f"{head}{{{inner}}}" if inner else "")
        elif head.startswith("@"):
            icons = head == "@font-face" and re.search(r"Font\\? ?Awesome", body)
            kept.append("" if icons else f"{head}{{{body.strip()}}}")
        else:
            live = [one for one in selectors(head) if used(one, words)]
            kept.append(f"{','.join(live)}{{{re.sub(chr(92) + 's+', ' ', body).strip()}}}" if live else "")
    return "\n".join(filter(None, kept))


def style_sheet(names: list[str], pages: list[Path]) -> str:
    """Write the one style sheet; its name with a mark of its content."""
    static = SITE / "_static"
    words = set(ALWAYS)
    for path in [*pages, *static.rglob("*.js")]:
        if "vendor" not in path.parts and path.name != "fontawesome.js":
            words |= set(WORD.findall(path.read_text(encoding="utf-8", errors="replace")))
    parts = []
    for name in names:
        text = (static / name).read_text(encoding="utf-8")
        text = re.sub(r'@import "\.\./([\w.-]+)";', lambda found: (static / found[1]).read_text(encoding="utf-8"), text)
        folder = Path(name).parent
        moved = lambda found, folder=folder: f"url({found[1]}{os.path.normpath(folder / found[2])}{found[1]})"  # noqa: E731
        parts.append(re.sub(r"url\((['\"]?)(?!data:|#|https?:)([^'\")]+)\1\)", moved, text))
    text = prune("\n".join(parts), words)
    (static / SHEET).write_text(text, encoding="utf-8")
    return f"{SHEET}?v={hashlib.sha256(text.encode()).hexdigest()[:8]}"


# ---- pages ----

#: A script is loaded where the page holds what it is for.
NEEDS = {
    "fontawesome.js": "a page that has none",
    "togglebutton.js": 'class="toggle',
    "design-tabs.js": "sd-tab",
    "copybutton.js": '<div class="highlight',
    "clipboard.min.js": '<div class="highlight',
    "explore.js": "data-frames=",
    "sound.js": "mm-sound",
    "searchtools.js": 'id="search-results"',
    "language_data.js": 'id="search-results"',
    "searchindex.js": 'id="search-results"',
}
INLINE = re.compile(
    r"\s*<script>(?:DOCUMENTATION_OPTIONS\.\w+ = [^<]*|let toggle\w+ = [^<]*|var togglebuttonSelector = [^<]*)</script>"
)


def scripts(page: str) -> str:
    """Scripts that the page needs, none of which holds it up."""
    body = page[page.index("<body") :]
    toggles = NEEDS["togglebutton.js"] in body

    def mend(found: re.Match[str]) -> str:
        name = found["src"].split("?")[0].rsplit("/", 1)[-1]
        need = NEEDS.get(name)
        if need and need not in body:
            return ""
        rest = f"{found['rest']}{found['more']}"
        rest = re.sub(r'\sdefer(="defer")?', "", rest)
        return f'\n    <script defer{rest} src="{found["src"]}"></script>'

    page = SCRIPT.sub(mend, page)
    page = INLINE.sub(lambda found: found.group() if toggles and "toggle" in found.group() else "", page)
    return re.sub(r'\s*<link rel="preload" as="script"[^>]*>', "", page)


def text_of(markup: str) -> str:
    """What a reader reads of some markup."""
    markup = re.sub(r"<(script|style|math|svg)\b.*?</\1>", "", markup, flags=re.DOTALL)
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", "", markup))).strip()


def described(page: str) -> str:
    """The first sentences of a page, as a search engine shows them."""
    article = page[page.find("<article") :]
    for found in re.finditer(r"<p>(.*?)</p>", article, flags=re.DOTALL):
        text = text_of(found[1])
        if len(text) > 60 and text[0].isupper():
            break
    else:
        text = text_of(re.search(r"<title>(.*?)</title>", page, re.DOTALL)[1])  # type: ignore[index]
        text = f"{text}: a page of an executable companion to a lecture on multimodal learning."
    if len(text) <= 160:
        return text
    cut = text[:158]
    return (cut[: cut.rindex(" ")]).rstrip(",;:") + " …"


def head(page: str, name: str, address: str) -> str:
    """What others read of a page: description, Open Graph, canonical address."""
    title = text_of(re.search(r"<title>(.*?)</title>", page, re.DOTALL)[1])  # type: ignore[index]
    words = html.escape(described(page))
    lines = [f'<meta name="description" content="{words}"/>']
    facts = {
        "title": title.split(" — ")[0],
        "description": words,
        "type": "article",
        "site_name": "Multimodal Learning",
    }
    if address:
        here = address + ("" if name == "index.html" else name)
        lines.append(f'<link rel="canonical" href="{here}"/>')
        picture = re.search(r'src="(?:\.\./)*(_images/[^"]+\.(?:png|webp|jpg))"', page)
        facts |= {"url": here, "image": address + (picture[1] if picture else "_static/logo.svg")}
    lines += [
        f'<meta property="og:{key}" content="{html.escape(html.unescape(value))}"/>' for key, value in facts.items()
    ]
    lines.append('<meta name="twitter:card" content="summary"/>')
    return page.replace("</title>", "</title>\n    " + "\n    ".join(lines), 1)


def spoken(math: str) -> str:
    """A short formula in words enough to tell it from the other answers."""
    for tag, word in {"msqrt": "√ ", "mfrac": "fraction ", "msup": "power ", "msub": "index "}.items():
        math = math.replace(f"<{tag}>", f" {word}")
    return text_of(re.sub(r"</m\w+>", " ", math))


def valid(page: str) -> str:
    """The theme's slips: doubled meta lines, trailing attributes, lists that say they are none."""
    first, *_ = re.findall(r'<meta name="viewport"[^>]*>', page) or [""]
    page = re.sub(r'\s*<meta name="viewport"[^>]*>', "", page)
    # The theme's script would find out later which of the two the machine asks for, and the page would blink.
    page = page.replace(
        'dataset.theme = localStorage.getItem("theme") || "auto";',
        'dataset.theme = localStorage.getItem("theme") || '
        '(matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");',
    )
    # A summary holds words, no paragraphs, and its words are its name.
    page = re.sub(
        r'<summary aria-label="Toggle hidden content">(.*?)</summary>',
        lambda found: "<summary>" + found[1].replace("<p ", "<span ").replace("</p>", "</span>") + "</summary>",
        page,
        flags=re.DOTALL,
    )
    # Roles that ARIA has given up, a fold without a name, a name of the book outside every landmark.
    page = page.replace(' role="doc-biblioentry"', "").replace('<div role="list" class="cit', '<div class="cit')
    page = page.replace('<summary><span class="toc', '<summary aria-label="Pages of this part"><span class="toc')
    page = page.replace(
        '<div id="pst-primary-sidebar"', '<div id="pst-primary-sidebar" role="region" aria-label="The book"'
    )
    # A head without words is a plain cell, and an answer that is a formula alone needs words for its name.
    page = re.sub(r"<th\b([^>]*)>(\s*(?:<p>\s*</p>)?\s*)</th>", r"<td\1>\2</td>", page)
    page = re.sub(
        r'(<label class="mm-option"[^>]*><input\b(?![^>]*aria-label)[^>]*)(><span><math\b[^<]*(.*?)</math></span>)',
        lambda found: f'{found[1]} aria-label="{html.escape(spoken(found[3]))}"{found[2]}',
        page,
    )
    # Sources: a block inside preformatted text is no division.
    page = re.sub(
        r"<pre>(?:(?!</pre>).)*?<div.*?</pre>",
        lambda found: found.group().replace("<div", "<span").replace("</div>", "</span>"),
        page,
        flags=re.DOTALL,
    )
    return page.replace('<meta charset="utf-8" />', f'<meta charset="utf-8" />\n    {first}', 1)


def footer() -> str:
    """Version, date, source and licence."""
    from mmcourse import __version__

    stamp = (
        os.environ.get("SOURCE_DATE_EPOCH")
        or subprocess.run(
            ["git", "log", "-1", "--format=%ct"], cwd=ROOT, capture_output=True, encoding="utf-8", check=False
        ).stdout.strip()
    )
    day = datetime.datetime.fromtimestamp(int(stamp or 0), datetime.UTC).date() if stamp else None
    link = f' · <a href="{html.escape(repository())}">source</a>' if repository() else ""
    return (
        f"Version {__version__}{f', {day.day} {day:%B %Y}' if day else ''}{link} · text and figures "
        '<a href="https://creativecommons.org/licenses/by/4.0/">CC BY 4.0</a>, code MIT'
    )


def polish() -> None:
    """Go over every page that has been written since the last time, then over the site as a whole."""
    pages = [path for path in sorted(SITE.rglob("*.html")) if "_static" not in path.relative_to(SITE).parts]
    address, foot = site_address(), footer()
    fresh = {path: text for path in pages if DONE not in (text := path.read_text(encoding="utf-8"))}
    fresh = {path: text for path, text in fresh.items() if "<head>" in text and "<body" in text}
    note = SITE / "_static" / ".sheets"
    if fresh:
        names: dict[str, None] = dict.fromkeys(note.read_text(encoding="utf-8").split() if note.exists() else [])
        for text in fresh.values():
            for found in LINK.finditer(text):
                names.setdefault(found[1].split("_static/", 1)[-1])
        last = [name for name in names if name == "book.css"]
        note.write_text("\n".join([name for name in names if name not in last] + last), encoding="utf-8")
    for path, text in fresh.items():
        name = path.relative_to(SITE).as_posix()
        up = "../" * name.count("/")
        text = LINK.sub("", text)
        text = head(scripts(valid(text)), name, address)
        sheet = f'<link rel="stylesheet" href="{up}_static/{SHEET}?v=0"/>'
        if "<math" in text:  # the font is there before the first formula is drawn, so that no line moves
            font = f'<link rel="preload" as="font" type="font/woff" crossorigin href="{up}_static/{FONT}"/>'
            sheet = f"{sheet}\n    {font}"
        text = text.replace("</title>", f"</title>\n    {sheet}", 1)
        text = re.sub(r'(<div class="extra_footer">).*?(</div>)', rf"\1{foot}\2", text, flags=re.DOTALL)
        path.write_text(text.replace("</head>", f"{DONE}</head>", 1), encoding="utf-8")
    mark = style_sheet(note.read_text(encoding="utf-8").split(), pages)
    for path in pages:
        text = path.read_text(encoding="utf-8")
        new = re.sub(rf"{re.escape(SHEET)}\?v=\w+", mark, text)
        if new != text:
            path.write_text(new, encoding="utf-8")
    # Sphinx lists modules whose source it could not find.
    listed = SITE / "_modules" / "index.html"
    if listed.exists():
        text = listed.read_text(encoding="utf-8")
        there = lambda found: found.group() if (listed.parent / found[1]).exists() else ""  # noqa: E731
        listed.write_text(re.sub(r'<li><a href="([\w./]+\.html)">[^<]*</a></li>', there, text), encoding="utf-8")
    surroundings(pages, address, mark)
    calm_theme()


#: What the theme's script measures of every box, at first and after every change of the page: a layout of all that is
#: far away. book.js asks each box once it comes near.
MEASURED = (
    'document.querySelectorAll(["pre",".nboutput > .output_area",".cell_output > .output",".jp-RenderedHTMLCommon",'
    '".pst-scrollable-table-container"].join(", ")).forEach('
)


def calm_theme() -> None:
    """Take from the theme's script what would lay out the whole page again and again."""
    path = SITE / "_static" / "scripts" / "pydata-sphinx-theme.js"
    text = path.read_text(encoding="utf-8")
    if MEASURED in text:
        path.write_text(text.replace(MEASURED, "[].forEach("), encoding="utf-8")
    elif "[].forEach(" not in text:
        raise SystemExit("book: the theme's script has changed: see MEASURED in book/tools/polish.py")


def surroundings(pages: list[Path], address: str, sheet: str) -> None:
    """The files beside the pages that servers and search engines look for."""
    (SITE / ".nojekyll").touch()
    lines = ["User-agent: *", "Allow: /"]
    if address:
        apart = {"genindex.html", "search.html", "404.html", "py-modindex.html"}
        names = [path.relative_to(SITE).as_posix() for path in pages if "_modules" not in path.parts]
        places = [f"  <url><loc>{address}{'' if n == 'index.html' else n}</loc></url>" for n in names if n not in apart]
        text = '<?xml version="1.0" encoding="UTF-8"?>\n<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n'
        (SITE / "sitemap.xml").write_text(text + "\n".join(places) + "\n</urlset>\n", encoding="utf-8")
        lines.append(f"Sitemap: {address}sitemap.xml")
    (SITE / "robots.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    # A server shows this page under any address, so nothing in it may be relative: it carries its style along.
    home = html.escape(address or "index.html")
    (SITE / "404.html").write_text(
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>No such page — Multimodal Learning</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="robots" content="noindex">'
        '<link rel="icon" href="data:,">'
        "<style>:root{color-scheme:light dark}body{font:1.1rem/1.6 Georgia,serif;max-width:34rem;margin:18vh auto;"
        "padding:0 1.2rem}</style></head><body><main><h1>No such page</h1><p>Nothing stands at this address: a page "
        f'may have moved when a chapter was renamed.</p><p><a href="{home}">To the front page</a>, which lists all '
        "chapters.</p></main></body></html>\n",
        encoding="utf-8",
    )


if __name__ == "__main__":
    polish()
