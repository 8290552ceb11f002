"""Write the parts of the site that are made of other things: cards, run times, the map of the book.

Everything goes to book/_generated/*.md, which pages include. A file is touched only where its text changes,
so that Sphinx reads no page again for nothing.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

import yaml
from setup import ROOT, plain_words
from thumbnails import SIZE, thumbnail

from mmcourse.files import write_text

GENERATED = ROOT / "book" / "_generated"
WEIGHTS = ROOT / "mmcourse" / "pretrained" / "weights"
#: What begins anything but text in Markdown, MyST or HTML.
MARKS = set("\\`*_{}[]<>|$&~^\"'#@")


def listed() -> list[str]:
    """The pages that _toc.yml lists, in order."""
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    chapters = [chapter for part in toc["parts"] for chapter in part["chapters"]]
    sections = [section["file"] for chapter in chapters for section in chapter.get("sections", [])]
    return [toc["root"], *(chapter["file"] for chapter in chapters), *sections]


def about(file: str) -> dict[str, Any]:
    """A chapter's own file in book/chapters: its title, question, sequence and slides."""
    path = ROOT / "book" / "chapters" / f"{Path(file).name}.yml"
    return {"file": file, **yaml.safe_load(path.read_text(encoding="utf-8"))}


def chapters() -> list[dict[str, Any]]:
    """What is known of the chapters that _toc.yml lists, in its order."""
    return [about(file) for file in listed() if file.startswith("notebooks/")]


def planned() -> list[dict[str, Any]]:
    """What is known of the chapters that _toc.yml does not list yet."""
    files = [f"notebooks/{path.stem}" for path in sorted((ROOT / "book" / "chapters").glob("*.yml"))]
    return [about(file) for file in files if file not in listed()]


def repository() -> str:
    """Where the repository stands on the web; empty where nobody has said so."""
    if os.environ.get("REPOSITORY_URL"):
        return os.environ["REPOSITORY_URL"].removesuffix(".git").rstrip("/")
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    return str(cited.get("repository-code", "")).removesuffix(".git").rstrip("/")


def book_map() -> str:
    """The chapters as cards, for the front page."""
    if not chapters():
        return "The first chapters are being written.\n"
    cards = []
    for number, entry in enumerate(chapters(), start=1):
        cards.append(
            f"::::{{grid-item-card}} {number} · {entry['title']}\n:link: /{entry['file']}\n:link-type: doc\n"
            f":class-card: mm-chapter\n\n{shown_by(thumbnail(entry))}{entry['question']}\n\n"
            f":::{{card-footer}}\n{entry['sequence']}\n:::\n::::\n"
        )
    return ":::::{grid} 1 2 2 2\n:gutter: 3\n\n" + "\n".join(cards) + ":::::\n"


def shown_by(names: list[str]) -> str:
    """A chapter's small picture on its card; the title beside it says all that its words would."""
    pictures = "".join(
        f'<img class="mm-thumbnail only-{theme}" src="_static/thumbnails/{name}" width="{SIZE[0]}" '
        f'height="{SIZE[1]}" alt="" loading="lazy" decoding="async">'
        for theme, name in zip(("light", "dark"), names, strict=False)
    )
    return f"```{{raw}} html\n{pictures}\n```\n\n" if names else ""


def door() -> str:
    """The figure on the front page: draw a digit, and the smallest model of the book answers."""
    from mmcourse import show
    from mmcourse.data import load

    test = load("digits", "test")
    drawings = [int(test.labels.eq(digit).nonzero()[0]) for digit in (3, 4, 8, 0)]
    figure = show.live.draw_digit(
        "pixels-digits",
        test.batch(drawings)["images"],
        names=[f"a {test.labels[i]}" for i in drawings],
        question="Take the pen and add strokes to the 3. When does it become an 8?",
        answer="The model's 155 thousand numbers were trained in this repository; they came with the page and compute "
        "in it. Chapter 1 takes them apart.",
    )
    return f"```{{raw}} html\n{figure.html}\n```\n"


def launch() -> str:
    """Where the notebooks run without an installation, once it is known where the repository stands."""
    address = repository()
    place = re.fullmatch(r"https://github\.com/([\w.-]+/[\w.-]+)", address)
    if not place:
        return (
            "On a hosted service: a copy of the repository on GitHub that is named in `REPOSITORY_URL`, or in "
            "`CITATION.cff`, gets links to Binder and Colab here when the book is built.\n"
        )
    binder = f"https://mybinder.org/v2/gh/{place[1]}/HEAD?urlpath=lab/tree/notebooks"
    colab = f"https://colab.research.google.com/github/{place[1]}/blob/HEAD/notebooks"
    rows = ["| chapter | Binder: nothing to install | Colab: a GPU |", "|---|---|---|"]
    for entry in chapters():
        name = Path(entry["file"]).name
        rows.append(f"| {entry['title']} | [open]({binder}/{name}.ipynb) | [open]({colab}/{name}.ipynb) |")
    return "\n".join(rows) + f"\n\nIn Colab, run `pip install git+{address}` first: it keeps the torch that is there.\n"


def deck() -> list[dict[str, Any]]:
    """The lecture's slides in their order, with minutes and notes."""
    return list(yaml.safe_load((ROOT / "book" / "slides.yml").read_text(encoding="utf-8")))


def slides() -> str:
    """Slide to section, for whoever teaches from the book."""
    sections: dict[str, list[str]] = {}
    for entry in [*chapters(), *planned()]:
        for slide, label in entry["slides"]:
            sections.setdefault(slide.split(" — ")[0], []).append(f"{{ref}}`{label}`")
    rows = ["| no. | slide | minutes | sections of the book | in class |", "|--:|---|--:|---|---|"]
    for number, slide in enumerate(deck(), start=1):
        there = "<br>".join(sections.pop(slide["title"], []))
        rows.append(f"| {number} | {slide['title']} | {slide['minutes'] or ''} | {there} | {slide.get('note', '')} |")
    rows += [f"| | {title} | | {'<br>'.join(labels)} | |" for title, labels in sections.items()]  # of no slide
    return "\n".join(rows) + "\n"


def outlook() -> str:
    """The chapters that are planned but not listed yet, with the labels that the package already refers to."""
    lines = []
    for entry in planned():
        number = entry["file"].split("/")[1][:2]
        lines += [f"(ch-{number})=", f"## {entry['title']}", ""]
        lines += [f"{entry['question']} The sequence: {entry['sequence']}.", ""]
        for slide, label in entry["slides"]:
            lines += [f"({label})=", f"### {slide}", ""]
    return "\n".join(lines) + "\n" if lines else "Every planned chapter is there.\n"


def data_cards() -> str:
    """Every data set's card with its label; those that must be fetched are folded, each under its title."""
    from mmcourse import data

    open_, fetched, by_hand = [], [], []
    for name in data.names():
        card = data.card(name)
        text = card.to_markdown().strip()
        if card.download:
            body = text.removeprefix(f"## {card.title}").strip()
            folded = f"::::{{dropdown}} {card.title} (`{name}`)\n:name: data-{name}\n\n{body}\n::::"
            (fetched if card.comes == "torchvision" else by_hand).append(folded)
        else:
            open_.append(f"(data-{name})=\n{text}")
    head = "(data-torchvision)=\n## Sets that are downloaded on first use"
    note = "torchvision's own code fetches them; without a network, `load` says where to put the files by hand."
    people = "(data-people)=\n## Recordings of people, fetched by hand"
    why = "Nothing downloads them. Unpack one into the folder `MMCOURSE_DATA` as its publisher lays it out."
    return "\n\n".join([*open_, head, note, *fetched, people, why, *by_hand]) + "\n"


def plain(value: Any) -> str:
    """Any value as one line of text in which Markdown, MyST and HTML find nothing to act on."""
    text = " ".join(str(value).split())
    return "".join(f"&#{ord(char)};" if char in MARKS else char for char in text)


def code(value: Any) -> str:
    """Any value as code inside a table: nothing in it ends the code or the cell."""
    text = " ".join(str(value).split()).replace("`", "'")
    return f"`{text or ' '}`"


def table(value: Any) -> dict[str, Any]:
    """A table out of a checkpoint's metadata, which may hold anything; an empty one in place of anything else."""
    return value if isinstance(value, dict) else {}


def number(value: Any) -> float:
    """A number out of metadata; 0 in place of anything else."""
    return value if isinstance(value, int | float) and not isinstance(value, bool) else 0


def settings(values: Any) -> str:
    """``a 1 · b 2`` for a small dictionary."""
    words = (f"{plain(str(key).replace('_', ' '))} {shown(value)}" for key, value in table(values).items())
    return " · ".join(words) or "none"


def shown(value: Any) -> str:
    """A value as a reader wants to see it."""
    if isinstance(value, dict):
        return f"({settings(value)})"
    if isinstance(value, float):
        return f"{value:.6g}"
    return plain(value)


def duration(seconds: float) -> str:
    """Seconds as a reader says them."""
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.1f} min"


def result(measure: str, found: Any) -> str:
    """One measure on held-out data: ``accuracy: 98.6% (986 of 1,000)``; what is none as it stands."""
    from mmcourse.training import Mean, Score

    kind: type[Score | Mean] = Score if "correct" in table(found) else Mean
    try:
        return f"{plain(measure)}: {plain(kind.stored(found))}"
    except (KeyError, TypeError, ValueError):
        return f"{plain(measure)}: {shown(found)}"


def model_card(name: str, tensors: dict[str, Any], metadata: dict[str, Any], size: int) -> str:
    """One committed checkpoint, from nothing but what it carries; whatever that is, it stays text."""
    recipe, data, metrics = (table(metadata.get(key)) for key in ("recipe", "data", "metrics"))
    count = sum(tensor.numel() for tensor in tensors.values())
    held = table(next(iter(metrics.values()), {}))
    apart = {key: value for key, value in held.items() if key not in ("correct", "total", "value", "unit")}
    rows = [
        ("What it is", shown(recipe.get("title"))),
        ("Model", f"{code(metadata.get('model'))}: {settings(metadata.get('config'))}"),
        ("Numbers stored", f"{count:,} in {len(tensors)} tensors, {size / 2**20:.1f} MiB"),
        (
            "Trained on",
            f"{number(data.get('examples')):,} examples: {settings({k: data.get(k) for k in ('name', 'split')})}",
        ),
        ("Data fingerprint", code(str(data.get("fingerprint", ""))[:16])),
        ("Augmentation", shown(recipe.get("augmentation"))),
        ("Recipe", f"{code(recipe.get('name'))}: {settings(recipe.get('settings'))}"),
        ("Held-out data", settings({"name": data.get("name"), **apart})),
        ("Held-out result", "<br>".join(result(measure, found) for measure, found in metrics.items()) or "none"),
        ("Time by the clock", duration(number(metadata.get("wall_seconds")))),
        ("Time of the processor", duration(number(metadata.get("cpu_seconds")))),
        ("Machine", shown(metadata.get("machine"))),
        ("Made by", code(metadata.get("command"))),
    ]
    lines = [f"(model-{name})=", f"## {plain(name)}", "", "| | |", "|---|---|"]
    return "\n".join(lines + [f"| **{key}** | {value.replace('|', chr(92) + '|')} |" for key, value in rows]) + "\n"


def model_cards() -> str:
    """Every committed checkpoint's card."""
    files = sorted(WEIGHTS.glob("*.safetensors"))
    if not files:
        return "No checkpoint is stored yet.\n"
    from mmcourse import checkpoint

    return "\n".join(model_card(path.stem, *checkpoint.load(path), path.stat().st_size) for path in files)


def run_times() -> str:
    """Seconds and peak memory of each notebook when it was last run."""
    path = GENERATED / "run_times.json"
    times = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    rows = ["| notebook | seconds | peak memory | machine |", "|---|--:|--:|---|"]
    for entry in chapters():
        run = times.get(Path(entry["file"]).name)
        if run:
            machine = f"{run['cores']} cores, {run['processor']}"
            rows.append(f"| [](/{entry['file']}.ipynb) | {run['seconds']:.0f} | {run['peak_mb']:,} MB | {machine} |")
    return "\n".join(rows) + "\n" if len(rows) > 2 else "No notebook has been run yet.\n"


def benchmarks() -> str:
    """Every result of `make bench`, a table for each script, as it was last recorded."""
    path = GENERATED / "benchmarks.json"
    results = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    parts = []
    for name, result in results.items():
        rows = ["| what | threads | ours | theirs | ratio | beside |", "|---|--:|--:|--:|--:|---|"]
        for row in result["rows"]:
            ours, theirs = (f"{row[who]:g} {row['unit']}" for who in ("ours", "theirs"))
            what = f"{row['what']} | {row['threads']} | {ours} | {theirs}"
            rows.append(f"| {what} | **{row['ratio']:g}** | {row['library']} |")
        where = f"`benchmarks/bench_{name}.py`. {shown(result['machine'])}."
        parts.append("\n".join([f"## {name}", "", where, "", *rows, ""]))
    return "\n".join(parts) or "No benchmark has been recorded yet.\n"


AUTOMODULE = "```{{eval-rst}}\n.. automodule:: {}\n   :ignore-module-all:\n```\n"

#: The API's pages and the modules of each; a package stands for all in it.
API = {
    "transformer": ["mmcourse.transformer", "mmcourse.cache"],
    "tokens": ["mmcourse.tokens"],
    "models": [
        f"mmcourse.{part}" for part in ("models", "generation", "transcribe", "drawing", "speaking", "retrieval")
    ],
    "checkpoints": [
        *("mmcourse.base", "mmcourse.checks", "mmcourse.checkpoint", "mmcourse.files"),
        "mmcourse.pretrained.convert",  # before its subclasses: viewcode links a source page to whom it meets first
        "mmcourse.pretrained",
    ],
    "data": ["mmcourse.data"],
    "training": ["mmcourse.training", "mmcourse.recipes", "mmcourse.identity", "mmcourse.machine"],
    "show": ["mmcourse.show"],
    "exercises": ["mmcourse.exercises"],
}


def modules() -> list[str]:
    """Every module of the package that is meant for others, packages before what is in them."""
    found = []
    for path in sorted((ROOT / "mmcourse").rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        if parts[-1] == "__init__":
            parts = parts[:-1]
        solutions = parts[1:2] == ("exercises",) and parts[-1].startswith("ch")
        if len(parts) > 1 and not solutions and not any(part.startswith("_") for part in parts):
            found.append(".".join(parts))
    return sorted(found)


def on_page(page: str) -> list[str]:
    """The modules that a page of the API reference describes."""
    found = [m for root in API[page] for m in modules() if m == root or m.startswith(f"{root}.")]
    return list(dict.fromkeys(found))


def api(page: str) -> str:
    """One page of the API reference."""
    parts = [f"## `{module}`\n\n{AUTOMODULE.format(module)}" for module in on_page(page)]
    return "\n".join(parts) or "There is nothing here yet.\n"


#: Each generated file, what writes it, and which files it is made of.
PAGES: dict[str, tuple[Callable[[], str], list[str]]] = {
    "map": (
        book_map,
        ["_toc.yml", "book/chapters/*.yml", "notebooks/*.ipynb", "book/_static/book.css", "book/tools/thumbnails.py"],
    ),
    "door": (door, ["mmcourse/show/live.py", "mmcourse/pretrained/weights/pixels-digits.safetensors"]),
    "launch": (launch, ["_toc.yml", "book/chapters/*.yml", "CITATION.cff"]),
    "slides": (slides, ["_toc.yml", "book/chapters/*.yml", "book/slides.yml"]),
    "outlook": (outlook, ["_toc.yml", "book/chapters/*.yml"]),
    "data_cards": (data_cards, ["mmcourse/data/**/*"]),
    "model_cards": (model_cards, ["mmcourse/pretrained/weights/*.safetensors", "mmcourse/checkpoint.py"]),
    **{f"api_{page}": (partial(api, page), ["mmcourse/**/*.py"]) for page in API},
    "benchmarks": (benchmarks, ["book/_generated/benchmarks.json"]),
    "run_times": (run_times, ["_toc.yml", "book/chapters/*.yml", "book/_generated/run_times.json"]),
}


def fingerprint(patterns: Iterable[str]) -> str:
    """What a page is made of, in one hash."""
    digest = hashlib.sha256(Path(__file__).read_bytes())
    for path in sorted({path for pattern in patterns for path in ROOT.glob(pattern)}):
        if path.is_file() and "__pycache__" not in path.parts:
            digest.update(str(path.relative_to(ROOT)).encode() + path.read_bytes())
    return digest.hexdigest()


def write_pages() -> None:
    """Bring book/_generated up to date; a page whose sources have not changed costs no import."""
    GENERATED.mkdir(parents=True, exist_ok=True)
    notes = GENERATED / "inputs"
    known = json.loads(notes.read_text(encoding="utf-8")) if notes.exists() else {}
    for name, (write, sources) in PAGES.items():
        path, now = GENERATED / f"{name}.md", fingerprint(sources) + repository()
        if not path.exists() or known.get(name) != now:
            text = write()
            if not path.exists() or path.read_text(encoding="utf-8") != text:
                write_text(path, text)
            known[name] = now
    notes.write_text(json.dumps(known, indent=1), encoding="utf-8")


if __name__ == "__main__":
    plain_words()
    write_pages()
