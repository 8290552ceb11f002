"""Exercises that check themselves: an answer is compared with what the lesson asks, and a mistake gets its name.

``card(id)`` shows the task, ``check(id, answer)`` says in one line what is right or wrong, ``hint(id, n)`` nudges,
``solution(id)`` unfolds the reference.
"""

from __future__ import annotations

import difflib
import html
import importlib
import pkgutil
from typing import TYPE_CHECKING, Any

from mmcourse.exercises.core import REGISTRY, Exercise, Verdict, source

if TYPE_CHECKING:
    from mmcourse.show import Html

__all__ = ["Exercise", "Verdict", "card", "check", "get", "grade", "hint", "names", "solution"]

_LEVEL = {1: "easy", 2: "medium", 3: "hard"}
_WEIGHT = {1: "a detail", 2: "useful", 3: "essential"}


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
        ValueError: No such exercise; the message names the nearest ones.
    """
    if id not in REGISTRY:
        near = difflib.get_close_matches(str(id), REGISTRY, n=3, cutoff=0.4) or list(REGISTRY)[:3]
        raise ValueError(f"no exercise {id!r}: did you mean {', '.join(near)}? names() lists all")
    return REGISTRY[id]


def grade(id: str, answer: Any) -> Verdict:
    """Compare an answer with what the lesson asks.

    Args:
        id: The exercise.
        answer: The student's function.
    """
    return get(id).grade(answer)


def check(id: str, answer: Any) -> None:
    """Print one line: right, or a hint that names the mistake.

    Args:
        id: The exercise.
        answer: The student's function.

    Example:
        >>> check("01.index", lambda row, column, width: row * width + column)
        ✓ 01.index: right on 5 of 5 inputs
        >>> check("01.index", lambda row, column, width: column * width + row)
        ✗ 01.index: row and column are swapped: a row is `width` pixels long, so each row adds `width`
    """
    verdict = grade(id, answer)
    mark = "✓" if verdict.passed else ("✗" if verdict.written else "·")
    print(f"{mark} {id}: {verdict.message}")


def hint(id: str, n: int = 1) -> None:
    """Print the n-th hint; each says more than the one before.

    Args:
        id: The exercise.
        n: From 1.

    Raises:
        ValueError: There are fewer hints.
    """
    hints = get(id).hints
    if not 1 <= n <= len(hints):
        raise ValueError(f"{id} has {len(hints)} hints: ask for one from 1 to {len(hints)}, or see solution({id!r})")
    print(f"Hint {n} of {len(hints)}: {hints[n - 1]}")


def card(id: str) -> Html:
    """The exercise as a card: title, difficulty, importance, minutes, task.

    Args:
        id: The exercise.
    """
    from mmcourse.show.html import Html, inline

    e = get(id)
    facts = (
        f"{_LEVEL[e.difficulty]} ({'●' * e.difficulty}{'○' * (3 - e.difficulty)}) · {_WEIGHT[e.importance]} "
        f"({'●' * e.importance}{'○' * (3 - e.importance)}) · about {e.minutes} minutes"
    )
    spoken = (
        f"difficulty {e.difficulty} of 3, {_LEVEL[e.difficulty]}; importance {e.importance} of 3, "
        f"{_WEIGHT[e.importance]}; about {e.minutes} minutes"
    )
    markup = (
        f'<div class="mm-exercise mathjax_process" role="group" aria-label="Exercise {html.escape(e.id)}">'
        f'<p class="mm-title">Exercise {inline(e.id)}: {inline(e.title)}</p>'
        f'<p class="mm-facts" role="img" aria-label="{html.escape(spoken)}">{facts}</p>'
        f"<p>{inline(e.question)}</p></div>"
    )
    return Html(markup, f"Exercise {e.id}: {e.title} ({_LEVEL[e.difficulty]}, about {e.minutes} minutes). {e.question}")


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
