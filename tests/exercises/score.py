"""How well the checkers judge the answers in ``answers/``: run by ``make exercises``.

``python tests/exercises/score.py`` prints the figures, ``--read`` also every message of the sets that may be looked at
(``--read all`` those of the held-out set too), so that a person can say whether one misleads.
"""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from mmcourse import exercises
from mmcourse.exercises.core import REGISTRY

CHAPTERS = sorted({exercise.chapter for exercise in REGISTRY.values()})
KINDS = ("RIGHT", "WRONG", "HELD_OUT")


@dataclass(frozen=True)
class Judged:
    kind: str
    id: str
    what: str
    verdict: exercises.Verdict


def answers(kind: str) -> Iterator[tuple[str, str, Callable[..., Any]]]:
    """Exercise, description and function of each answer of a kind."""
    for chapter in CHAPTERS:
        for id, found in getattr(importlib.import_module(f"answers.ch{chapter:02d}"), kind).items():
            named = found.items() if isinstance(found, dict) else ((f"right {n}", f) for n, f in enumerate(found, 1))
            for what, function in named:
                yield id, what, function


def judge(kind: str) -> list[Judged]:
    return [Judged(kind, id, what, exercises.grade(id, function)) for id, what, function in answers(kind)]


def figures(kind: str, judged: list[Judged]) -> str:
    """One line: accepted of all, or refused of all and named of those."""
    passed = sum(j.verdict.passed for j in judged)
    if kind == "RIGHT":
        return f"right answers accepted: {passed} of {len(judged)}"
    refused = len(judged) - passed
    named = sum(j.verdict.named and not j.verdict.passed for j in judged)
    which = {"WRONG": "wrong answers", "HELD_OUT": "wrong answers held out"}[kind]
    return f"{which} refused: {refused} of {len(judged)}; mistake named: {named} of {refused} ({named / refused:.0%})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--read", choices=("known", "all"), nargs="?", const="known", help="print the messages")
    read = parser.parse_args().read
    for kind in KINDS:
        judged = judge(kind)
        print(figures(kind, judged))
        for j in judged:
            amiss = j.verdict.passed != (kind == "RIGHT")
            if (amiss or read) and (kind != "HELD_OUT" or read == "all"):
                mark = "!!" if amiss else "ok" if j.verdict.passed else "  " if j.verdict.named else " ?"
                if kind != "RIGHT" or amiss:
                    print(f"{mark} {j.id} | {j.what} | {j.verdict.message}")


if __name__ == "__main__":
    main()
