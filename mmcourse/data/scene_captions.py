"""What is said of a scene: one grammar, used both ways, in English and Portuguese.

A sentence is a pattern with places for phrases: ``{a}``, ``{b}`` and ``{c}`` are shapes with colour and size,
``{place}`` is where a single one stands, ``{rel}`` how the first stands to the second, ``{side}`` where the third
stands to both.
"""

from __future__ import annotations

import itertools
import random
import re
from dataclasses import dataclass
from functools import cache

from mmcourse.checks import choose
from mmcourse.data.scenes import COLOURS, SHAPES, Relation, Scene, Thing

UNSAID = 0.2  # share of things whose size is left out


@dataclass(frozen=True)
class Grammar:
    """A language's words and patterns.

    Attributes:
        shapes: word of each shape, and whether it is feminine.
        colours, sizes: masculine and feminine forms; of a size several words.
        phrases: patterns of one thing: with ``{size}``, and last the one without.
        places: ways to say each place.
        relations: ways to say ``left of``, ``right of``, ``above``, ``below``, with what follows them.
        sides: the same of ``them``, masculine and feminine.
        one, two, three: patterns of whole captions by the number of things.
    """

    article: tuple[str, str]
    shapes: dict[str, tuple[str, bool]]
    colours: dict[str, tuple[str, str]]
    sizes: dict[str, tuple[tuple[str, str], ...]]
    phrases: tuple[str, ...]
    places: dict[str, tuple[str, ...]]
    relations: dict[str, tuple[str, ...]]
    them: tuple[str, str]
    one: tuple[str, ...]
    two: tuple[str, ...]
    three: tuple[str, ...]

    def thing(self, one: Thing, chance: random.Random, *, full: bool = False) -> str:
        """A thing in words; its size is sometimes left out, unless all shall be said."""
        word, feminine = self.shapes[one.shape]
        said = one.size is not None and (full or chance.random() >= UNSAID)
        pattern = (self.phrases[0] if full else chance.choice(self.phrases[:-1])) if said else self.phrases[-1]
        sizes = self.sizes[one.size or "small"]
        size = sizes[0] if full else chance.choice(sizes)
        return pattern.format(
            a=self.article[feminine], size=size[feminine], colour=self.colours[one.colour][feminine], shape=word
        )

    def side(self, relation: str, feminine: bool) -> list[str]:
        """Ways to say how something stands to both others."""
        them = self.them[feminine]
        return [f"{way.removesuffix(' de')} {them}" for way in self.relations[relation]]


GRAMMARS = {
    "en": Grammar(
        article=("a", "a"),
        shapes={shape: (shape, False) for shape in SHAPES},
        colours={colour: (colour, colour) for colour in COLOURS},
        sizes={"small": (("small", "small"), ("little", "little")), "large": (("large", "large"), ("big", "big"))},
        phrases=("{a} {size} {colour} {shape}", "{a} {colour} {shape}"),
        places={
            "left": ("on the left", "at the left"),
            "right": ("on the right", "at the right"),
            "top": ("at the top", "at the upper edge"),
            "bottom": ("at the bottom", "at the lower edge"),
            "middle": ("in the middle", "in the centre"),
        },
        relations={
            "left of": ("to the left of", "left of"),
            "right of": ("to the right of", "right of"),
            "above": ("above", "over"),
            "below": ("below", "under"),
        },
        them=("them", "them"),
        one=("{a} {place}", "there is {a} {place}", "{place}, {a}", "{place} there is {a}"),
        two=("{a} {rel} {b}", "there is {a} {rel} {b}", "{rel} {b} there is {a}"),
        three=("{a} {rel} {b}, and {side} {c}", "there is {a} {rel} {b}, and {c} {side}"),
    ),
    "pt": Grammar(
        article=("um", "uma"),
        shapes={
            "circle": ("círculo", False),
            "square": ("quadrado", False),
            "triangle": ("triângulo", False),
            "star": ("estrela", True),
            "cross": ("cruz", True),
        },
        colours={
            "red": ("vermelho", "vermelha"),
            "green": ("verde", "verde"),
            "blue": ("azul", "azul"),
            "yellow": ("amarelo", "amarela"),
            "purple": ("roxo", "roxa"),
            "black": ("preto", "preta"),
        },
        sizes={"small": (("pequeno", "pequena"),), "large": (("grande", "grande"),)},
        phrases=("{a} {shape} {colour} {size}", "{a} {size} {shape} {colour}", "{a} {shape} {colour}"),
        places={
            "left": ("à esquerda", "no lado esquerdo"),
            "right": ("à direita", "no lado direito"),
            "top": ("no alto", "em cima"),
            "bottom": ("embaixo", "na parte de baixo"),
            "middle": ("no meio", "no centro"),
        },
        relations={
            "left of": ("à esquerda de",),
            "right of": ("à direita de",),
            "above": ("acima de",),
            "below": ("abaixo de", "debaixo de"),
        },
        them=("deles", "delas"),
        one=("{a} {place}", "há {a} {place}", "{place}, {a}", "{place} há {a}"),
        two=("{a} {rel} {b}", "há {a} {rel} {b}", "{rel} {b} há {a}"),
        three=("{a} {rel} {b}, e {side} {c}", "há {a} {rel} {b}, e {c} {side}"),
    ),
}
OTHER_WAY = {"left of": "right of", "above": "below"}


def languages(language: str) -> list[str]:
    """Codes of a choice such as ``"en+pt"``."""
    spoken = str(language).split("+")
    for code in spoken:
        choose("language", code, GRAMMARS)
    return spoken


def caption(scene: Scene, language: str = "en", chance: random.Random | None = None) -> str:
    """One of many ways to say a scene.

    Args:
        scene: with a place, or relations as :func:`~mmcourse.data.scenes.random_scene` makes them.
        language: ``"en"`` or ``"pt"``.
        chance: chooses the way; None for the first way, with every size said.
    """
    grammar = GRAMMARS[choose("language", language, GRAMMARS)]
    full, chance = chance is None, chance or random.Random(0)
    said = [grammar.thing(one, chance, full=full) for one in scene.things]

    def way(ways: tuple[str, ...] | list[str]) -> str:
        return ways[0] if full else chance.choice(ways)

    if len(said) == 1:
        return way(grammar.one).format(a=said[0], place=way(grammar.places[scene.place or "middle"]))
    relation, (a, b) = scene.relations[0][1], said[:2]
    if not full and chance.random() < 0.5:
        relation, a, b = OTHER_WAY[relation], b, a
    words = {"a": a, "b": b, "rel": way(grammar.relations[relation])}
    if len(said) == 2:
        return way(grammar.two).format(**words)
    first, across, _ = scene.relations[1]
    feminine = all(grammar.shapes[one.shape][1] for one in scene.things[:2])
    side = way(grammar.side(across if first == 2 else OTHER_WAY[across], feminine))
    return way(grammar.three).format(**words, c=said[2], side=side)


def full(scene: Scene) -> str:
    """The caption in English that leaves nothing out, the same for the same scene."""
    return caption(scene)


@cache
def _phrase(language: str) -> str:
    """A regular expression of one thing, without groups."""
    grammar = GRAMMARS[language]

    def any_of(words: list[str]) -> str:
        return f"(?:{'|'.join(sorted(set(words), key=len, reverse=True))})"

    words = {
        "a": any_of(list(grammar.article)),
        "shape": any_of([word for word, _ in grammar.shapes.values()]),
        "colour": any_of([form for forms in grammar.colours.values() for form in forms]),
        "size": any_of([form for ways in grammar.sizes.values() for forms in ways for form in forms]),
    }
    return any_of([pattern.format(**words) for pattern in grammar.phrases])


@cache
def _patterns() -> list[tuple[str, re.Pattern[str]]]:
    """Every sentence of every language as a regular expression with a group for each phrase."""
    found = []
    for language, grammar in GRAMMARS.items():
        ways = {
            "place": [way for those in grammar.places.values() for way in those],
            "rel": [way for those in grammar.relations.values() for way in those],
            "side": [way for relation in grammar.relations for f in (False, True) for way in grammar.side(relation, f)],
        }
        groups = {name: f"(?P<{name}>{_phrase(language)})" for name in "abc"}
        groups |= {name: f"(?P<{name}>{'|'.join(sorted(set(those), key=len, reverse=True))})"
                   for name, those in ways.items()}  # fmt: skip
        found += [
            (language, re.compile(pattern.format(**groups))) for pattern in (*grammar.one, *grammar.two, *grammar.three)
        ]
    return found


def _thing(grammar: Grammar, words: list[str]) -> Thing:
    shape = next(shape for shape, (word, _) in grammar.shapes.items() if word in words)
    colour = next(colour for colour, forms in grammar.colours.items() if set(forms) & set(words))
    sizes = {size: set(itertools.chain(*ways)) for size, ways in grammar.sizes.items()}
    return Thing(shape, colour, next((size for size, forms in sizes.items() if forms & set(words)), None))


def parse_caption(text: str) -> Scene:
    """What a caption says, in either language; sizes that it leaves out are None.

    Raises:
        ValueError: no sentence of the grammar.
    """
    if not isinstance(text, str):
        raise TypeError(f"a caption is a text, not {type(text).__name__}.")
    plain = " ".join(text.lower().split()).removesuffix(".")
    for language, pattern in _patterns():
        if match := pattern.fullmatch(plain):
            return _meaning(GRAMMARS[language], match)
    raise ValueError(f"{text!r:.80} is no caption of a scene; say for example 'a small red circle above a blue star'.")


def _meaning(grammar: Grammar, match: re.Match[str]) -> Scene:
    said = match.groupdict()
    things = tuple(_thing(grammar, said[name].split()) for name in "abc" if name in said)
    if "place" in said:
        return Scene(things, place=next(place for place, ways in grammar.places.items() if said["place"] in ways))
    relations = [*_relation(next(way for way, those in grammar.relations.items() if said["rel"] in those), 0, 1)]
    if "side" in said:
        way = next(
            way for way in grammar.relations if said["side"] in grammar.side(way, False) + grammar.side(way, True)
        )
        relations += [*_relation(way, 2, 0), *_relation(way, 2, 1)]
    return Scene(things, relations=tuple(relations))


def _relation(way: str, i: int, j: int) -> list[Relation]:
    """Thing i stands this way to thing j, said as ``left of`` or ``above``."""
    back = {other: way for way, other in OTHER_WAY.items()}
    return [(j, back[way], i)] if way in back else [(i, way, j)]
