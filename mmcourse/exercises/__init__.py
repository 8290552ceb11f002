"""Exercises that check themselves: an answer is compared with what the lesson asks, and a mistake gets its name.

``card(id)`` shows the task with its hints folded into one another, ``check(id, answer)`` says in one line what is
right or wrong, ``hint(id)`` nudges, ``solution(id)`` unfolds the reference.

For authors. An exercise on a page is three cells, the first and the last tagged ``remove-input``::

    card("01.index")

    def index(row, column, width):
        ...

    check("01.index", index)

    solution("01.index")

While the dots stand there, ``check`` prints nothing, so that the page shows nothing. A new exercise is an
:class:`Exercise` in the chapter's module: the reference, inputs on which mistakes differ from it and from one another
(no two sizes alike, and more than one picture), and the mistakes with a hint for each. Where mistakes combine, write
the reference once more as a ``family`` with a switch for each::

    register(
        Exercise(
            id="01.index", title="To raster index", chapter=1, difficulty=1, importance=3, minutes=3,
            question="Write `index(row, column, width)`: ...",
            reference=index,
            wrong={"row and column are swapped": lambda row, column, width: column * width + row},
            cases=lambda g: [(0, 0, 8), (0, 5, 8), (1, 0, 8), (3, 2, 28)],
            hints=("How many pixels come before the first pixel of row 1?", "`row * width` pixels, and then?"),
        )
    )

Write answers of students first, six right and ten wrong ones, into ``tests/exercises/answers``, then the mistakes;
``make exercises`` says how many are accepted, refused and named. A hint says what was done and what to do instead.
"""

from __future__ import annotations

import html
import importlib
import pkgutil
from typing import TYPE_CHECKING, Any

from mmcourse.checks import choose, whole
from mmcourse.exercises.core import REGISTRY, Exercise, Verdict, source

if TYPE_CHECKING:
    from mmcourse.show import Html

__all__ = ["Exercise", "Verdict", "card", "check", "get", "grade", "hint", "names", "solution"]

_LEVEL = {1: "easy", 2: "medium", 3: "hard"}
_WEIGHT = {1: "a detail", 2: "useful", 3: "essential"}
_LINES, _COLUMNS = 10, 200
_given: dict[str, int] = {}


def names(chapter: int | None = None) -> list[str]:
    """Ids of the exercises.

    Args:
        chapter: Only those of this chapter.
    """
    return [e.id for e in REGISTRY.values() if chapter in (None, e.chapter)]


def get(id: str) -> Exercise:
    """An exercise by its id.

    Args:
        id: Such as ``"02.patchify"``.

    Raises:
        ValueError: No such exercise; the line names the nearest one.
    """
    return REGISTRY[choose("exercise", id, REGISTRY)]


def grade(id: str, answer: Any) -> Verdict:
    """Compare an answer with what the lesson asks.

    Args:
        id: The exercise.
        answer: The student's function.
    """
    return get(id).grade(answer)


def check(id: str, answer: Any) -> None:
    """Print one line: right, or a hint that names the mistake. Nothing while there is no answer.

    What the answer printed itself on the input in question comes before that line, ten lines at most.

    Args:
        id: The exercise.
        answer: The student's function: torch, NumPy or lists.

    Example:
        >>> check("01.index", lambda row, column, width: row * width + column)
        ✓ 01.index: right on 5 of 5 inputs
        >>> check("01.index", lambda row, column, width: column * width + row)
        ✗ 01.index: row and column are swapped: a row is `width` pixels long, so each row adds `width`
    """
    verdict = grade(id, answer)
    if not verdict.written:
        return
    lines = verdict.printed.splitlines()
    for line in lines[:_LINES]:
        print(f"  | {line[:_COLUMNS]}")
    if len(lines) > _LINES:
        print(f"  | … {len(lines) - _LINES} more lines")
    print(f"{'✓' if verdict.passed else '✗'} {id}: {verdict.message}")


def hint(id: str, n: int | None = None) -> None:
    """Print a hint; each says more than the one before.

    Args:
        id: The exercise.
        n: Which one, from 1; without it the one after the last that was asked for.

    Raises:
        ValueError: There are fewer hints.
    """
    hints = get(id).hints
    wanted = _given.get(id, 0) + 1 if n is None else n
    whole("n", wanted)
    if not 1 <= wanted <= len(hints):
        raise ValueError(f"{id} has {len(hints)} hints: ask for one from 1 to {len(hints)}, or see solution({id!r})")
    _given[id] = wanted
    print(f"Hint {wanted} of {len(hints)}: {hints[wanted - 1]}")


def card(id: str) -> Html:
    """The exercise as a card: title, difficulty, importance, minutes, task, and its hints, each inside the one before.

    Args:
        id: The exercise.
    """
    from mmcourse.show.html import Html, inline

    e = get(id)
    facts = (
        f"Difficulty {_dots(e.difficulty)} {_LEVEL[e.difficulty]}",
        f"Importance {_dots(e.importance)} {_WEIGHT[e.importance]}",
        f"about {e.minutes} minutes",
    )
    spoken = (
        f"difficulty {e.difficulty} of 3, {_LEVEL[e.difficulty]}; importance {e.importance} of 3, "
        f"{_WEIGHT[e.importance]}; about {e.minutes} minutes"
    )
    folded = ""
    for n, words in reversed(list(enumerate(e.hints, start=1))):
        folded = (
            f'<details class="mm-hint"><summary>{"A hint" if n == 1 else "Another hint"}'
            f" ({n} of {len(e.hints)})</summary><p>{inline(words)}</p>{folded}</details>"
        )
    markup = (
        f'<div class="mm-exercise mathjax_process" role="group" aria-label="Exercise {html.escape(e.id)}">'
        f'<p class="mm-title">Exercise {inline(e.id)}: {inline(e.title)}</p>'
        f'<p class="mm-facts" role="img" aria-label="{html.escape(spoken)}">{" · ".join(facts)}</p>'
        f"<p>{inline(e.question)}</p>{folded}</div>"
    )
    return Html(markup, f"Exercise {e.id}: {e.title} ({_LEVEL[e.difficulty]}, about {e.minutes} minutes). {e.question}")


def _dots(n: int) -> str:
    return "●" * n + "○" * (3 - n)


def solution(id: str) -> Html:
    """The reference solution, folded.

    Args:
        id: The exercise.
    """
    from mmcourse.show.html import Html

    e = get(id)
    code = html.escape(source(e.reference))
    markup = (
        f'<details class="mm-solution"><summary>A solution of {html.escape(e.id)}</summary>'
        f'<pre tabindex="0"><code>{code}</code></pre></details>'
    )
    return Html(markup, f"A solution of {e.id}", css=False)


for _module in sorted(m.name for m in pkgutil.iter_modules(__path__) if m.name.startswith("ch")):
    importlib.import_module(f"{__name__}.{_module}")
