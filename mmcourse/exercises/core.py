"""What an exercise is, and the comparison that names a mistake."""

from __future__ import annotations

import copy
import inspect
import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

Function = Callable[..., Any]
Case = tuple[Any, ...]
SEED = 721


@dataclass(frozen=True)
class Verdict:
    """What a checker found.

    Args:
        passed: Whether the answer is right.
        message: One line: what is right, or a hint in the lesson's terms.
        written: Whether there was an answer at all.
    """

    passed: bool
    message: str
    written: bool = True


@dataclass(frozen=True)
class Exercise:
    """One exercise: its card, its reference solution, and the wrong solutions whose mistakes it knows by name.

    Args:
        id: Chapter and name, ``"02.patchify"``.
        title: What is built.
        chapter: Number of the chapter.
        difficulty: 1 (a line) to 3 (needs thought).
        importance: 1 (a detail) to 3 (the chapter stands on it).
        minutes: What it takes.
        question: The task, with the function's arguments and result.
        reference: A right solution in plain Python and PyTorch.
        wrong: From the hint that a mistake must get to a solution that makes it.
        cases: Gives the inputs that answers are compared on, from a seeded generator.
        shape: The result's shape in letters, for messages.
        hints: Nudges, from the weakest to the strongest.
        tolerance: Largest difference of floats, absolute and relative.
        grader: Compares an answer with the exercise; the default is :func:`compare`.

    Raises:
        ValueError: An id of another chapter, a rating outside 1 to 3, or no case.
    """

    id: str
    title: str
    chapter: int
    difficulty: int
    importance: int
    minutes: int
    question: str
    reference: Function
    wrong: Mapping[str, Function]
    cases: Callable[[torch.Generator], Sequence[Case]]
    shape: str = ""
    hints: Sequence[str] = ()
    tolerance: float = 1e-5
    grader: Callable[[Exercise, Any], Verdict] | None = None

    def __post_init__(self) -> None:
        if not self.id.startswith(f"{self.chapter:02d}."):
            raise ValueError(
                f"exercise {self.id!r} is in chapter {self.chapter}: its id must start with {self.chapter:02d}."
            )
        if not (1 <= self.difficulty <= 3 and 1 <= self.importance <= 3):
            raise ValueError(f"exercise {self.id!r}: difficulty and importance go from 1 to 3")

    def inputs(self) -> list[Case]:
        """The inputs, the same on every call."""
        return list(self.cases(torch.Generator().manual_seed(SEED)))

    def grade(self, answer: Any) -> Verdict:
        """Compare an answer with the reference, and a wrong one with the known mistakes.

        Args:
            answer: The student's function.
        """
        return (self.grader or compare)(self, answer)


REGISTRY: dict[str, Exercise] = {}
"""Every exercise by its id, in the order of the chapters."""


def register(*exercises: Exercise) -> None:
    """Make exercises known to ``check``, ``card`` and the tests.

    Args:
        exercises: New ones.

    Raises:
        ValueError: The id is taken.
    """
    for exercise in exercises:
        if exercise.id in REGISTRY:
            raise ValueError(f"exercise {exercise.id!r} is registered twice: give one of them another id")
        REGISTRY[exercise.id] = exercise


@dataclass(frozen=True)
class _Outcome:
    """What a function did with one input: its value, or the error it raised; and whether its input was changed."""

    value: Any = None
    error: Exception | None = None
    changed: bool = False


def _run(function: Function, case: Case, seed: int) -> _Outcome:
    given = copy.deepcopy(case)
    torch.manual_seed(seed)
    try:
        value = function(*given)
    except Exception as error:
        return _Outcome(error=error)
    if isinstance(value, Tensor):
        value = value.detach().clone()
    return _Outcome(value=value, changed=not all(same(a, b, 0.0) for a, b in zip(given, case, strict=True)))


def same(a: Any, b: Any, tolerance: float) -> bool:
    """Whether two results agree: kind, shape, dtype, values.

    Args:
        a: One.
        b: The other.
        tolerance: Absolute and relative, for floats.
    """
    if isinstance(a, Tensor) or isinstance(b, Tensor):
        if not (isinstance(a, Tensor) and isinstance(b, Tensor)) or a.shape != b.shape or a.dtype != b.dtype:
            return False
        if a.is_floating_point():
            return torch.allclose(a, b, rtol=tolerance, atol=tolerance, equal_nan=True)
        return torch.equal(a, b)
    if isinstance(a, tuple | list) and isinstance(b, tuple | list):
        return type(a) is type(b) and len(a) == len(b) and all(same(x, y, tolerance) for x, y in zip(a, b, strict=True))
    if isinstance(a, float) and isinstance(b, float):
        return a == b or (a != a and b != b) or abs(a - b) <= tolerance * max(1.0, abs(a), abs(b))  # NaN is NaN
    if callable(a) and callable(b):
        return True  # functions among the inputs are handed through
    return type(a) is type(b) and bool(a == b)


def _agree(a: _Outcome, b: _Outcome, tolerance: float) -> bool:
    if a.error is not None or b.error is not None:
        return type(a.error) is type(b.error)
    return same(a.value, b.value, tolerance)


def compare(exercise: Exercise, answer: Any) -> Verdict:
    """Run an answer on every input and say what is wrong with it, the most telling thing first.

    In order: nothing written, input changed in place, another result on a second run, a mistake that is known by
    name, an error, then kind, shape, order of axes, dtype and values.

    Args:
        exercise: What was asked.
        answer: The student's function.
    """
    if answer is None or answer is Ellipsis or answer is NotImplemented:
        return Verdict(False, "not written yet: put your function in place of the dots", written=False)
    if not callable(answer):
        return Verdict(False, f"this is {_kind(answer)}: give the function itself, without calling it")
    cases = exercise.inputs()
    with torch.random.fork_rng(devices=[]):
        mine = [_run(answer, case, seed=1) for case in cases]
        empty = [o.error is None and (o.value is None or o.value is NotImplemented or o.value is ...) for o in mine]
        if all(e or isinstance(o.error, NotImplementedError) for e, o in zip(empty, mine, strict=True)):
            return Verdict(False, "not written yet: the function returns nothing", written=False)
        for outcome, case in zip(mine, cases, strict=True):
            if outcome.changed:
                return Verdict(
                    False,
                    f"your function changed its input {_describe(case)}: work on a copy, "
                    "and avoid +=, *= and methods that end in _ on an argument",
                )
        again = [_run(answer, case, seed=2) for case in cases]
        for one, two, case in zip(mine, again, cases, strict=True):
            if not _agree(one, two, 0.0):
                return Verdict(
                    False,
                    f"two runs on the same input {_describe(case)} gave different results: nothing here is random",
                )
        right = [_run(exercise.reference, case, seed=1) for case in cases]
        agree = [_agree(m, r, exercise.tolerance) for m, r in zip(mine, right, strict=True)]
        if all(agree):
            return Verdict(True, f"right on {len(cases)} of {len(cases)} inputs")
        for hint, mistake in exercise.wrong.items():
            theirs = [_run(mistake, case, seed=1) for case in cases]
            if all(_agree(m, t, exercise.tolerance) for m, t in zip(mine, theirs, strict=True)):
                return Verdict(False, hint)
    first = agree.index(False)
    where = f"for input {_describe(cases[first])}"
    if empty[first]:
        return Verdict(False, f"returned nothing {where}: is a return missing?")
    return Verdict(False, _difference(mine[first], right[first], exercise, where, sum(agree), len(agree)))


def _difference(mine: _Outcome, right: _Outcome, exercise: Exercise, where: str, good: int, count: int) -> str:
    """The first difference of two outcomes that disagree, in one line."""
    if mine.error is not None:
        words = " ".join(str(mine.error).split())[:160]
        wanted = f"; a {type(right.error).__name__} is asked for" if right.error is not None else ""
        return f"raised {type(mine.error).__name__} {where}: {words}{wanted}"
    if right.error is not None:
        return f"returned a result {where}, where it must raise {type(right.error).__name__}"
    a, b = mine.value, right.value
    if isinstance(a, Tensor) and isinstance(b, Tensor):
        letters = f"{exercise.shape} = " if exercise.shape else ""
        sizes = f"expected shape {letters}{tuple(b.shape)} {where}, yours is {tuple(a.shape)}"
        for axes in itertools.permutations(range(a.ndim)) if 2 <= a.ndim <= 5 else ():
            turned = a.permute(axes)
            if (
                axes != tuple(range(a.ndim))
                and turned.shape == b.shape
                and same(turned.to(b.dtype), b, exercise.tolerance)
            ):
                return f"the values are right but the axes are transposed: {sizes}"
        if a.shape != b.shape:
            return f"wrong shape: {sizes}"
        if a.dtype != b.dtype:
            return f"wrong dtype: expected {b.dtype} {where}, yours is {a.dtype}"
        if a.numel() and same(a.flatten().sort().values, b.flatten().sort().values, exercise.tolerance):
            return f"the right numbers in the wrong order {where}: check which axis is moved before the reshape"
        if a.is_floating_point() and not torch.isfinite(a).all() and torch.isfinite(b).all():
            return f"NaN or infinite values {where}: is something divided by zero?"
        far = (a.double() - b.double()).abs().max().item()
        return (
            f"shape and dtype are right, values are not {where}: "
            f"largest difference {far:.1g} ({good} of {count} inputs right)"
        )
    if type(a) is not type(b):
        return f"expected {_kind(b)} {where}, yours is {_kind(a)}"
    if isinstance(b, tuple | list) and len(a) != len(b):
        return f"expected {len(b)} values {where}, yours are {len(a)}"
    shown = f", yours is {a!r}" if isinstance(b, int | float | str | tuple | list) and len(repr(a)) < 60 else ""
    return f"the result {where} is not right{shown} ({good} of {count} inputs right)"


def _kind(value: Any) -> str:
    if isinstance(value, Tensor):
        return f"a tensor of shape {tuple(value.shape)}"
    return {int: "an int", float: "a float", bool: "a bool", tuple: "a tuple", list: "a list", str: "a string"}.get(
        type(value), f"a {type(value).__name__}"
    )


def _describe(case: Case) -> str:
    words = []
    for value in case:
        if isinstance(value, Tensor):
            words.append(f"{'×'.join(map(str, value.shape)) or 'scalar'} tensor")
        elif callable(value):
            words.append("function")
        else:
            words.append(repr(value))
    return f"({', '.join(words)})"


def source(function: Function) -> str:
    """Code of a reference solution, without its docstring's indentation.

    Args:
        function: A function defined in a file.
    """
    return inspect.cleandoc("\n" + inspect.getsource(function)).strip()
