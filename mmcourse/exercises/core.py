"""What an exercise is, and the comparison that names a mistake."""

from __future__ import annotations

import dis
import inspect
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor

from mmcourse.exercises import detectors
from mmcourse.exercises.detectors import Finding, Pair
from mmcourse.exercises.running import Case, Function, Outcome, OutOfTimeError, as_numpy, attempt, trusted
from mmcourse.exercises.values import UnlikeError, kind, like, numbers_of, same

SEED = 721


@dataclass(frozen=True)
class Verdict:
    """What a checker found.

    Args:
        passed: Whether the answer is right.
        message: One line: what is right, or a hint in the lesson's terms.
        written: Whether there was an answer at all.
        named: Whether the message says what was done wrong, and not only where results differ.
        printed: What the answer printed on the input that the message is about.
    """

    passed: bool
    message: str
    written: bool = True
    named: bool = False
    printed: str = ""


@dataclass(frozen=True)
class Exercise:
    """One exercise: its card, its reference solution, and the wrong solutions whose mistakes it knows by name.

    A mistake is known in one of two ways: ``wrong`` has a solution that makes it, or ``family`` is the reference with
    a switch for each mistake, so that two of them at a time are known as well.

    Args:
        id: Chapter and name, ``"02.patchify"``.
        title: What is built.
        chapter: Number of the chapter.
        difficulty: 1 (a line) to 3 (needs thought).
        importance: 1 (a detail) to 3 (the chapter stands on it).
        minutes: What it takes.
        question: The task, with the function's arguments and result.
        reference: A right solution in plain Python and PyTorch.
        wrong: From the hint that a mistake must get to a solution that makes it, or to several.
        cases: Gives the inputs that answers are compared on, from a seeded generator.
        family: The reference with keyword switches, each of which makes one mistake.
        switches: From a switch of ``family`` to the hint.
        shape: The result's shape in letters, for messages.
        hints: Nudges, from the weakest to the strongest.
        tolerance: Largest difference of floats, absolute and relative.
        whole: Whether numbers must be ints, because they count or index something.
        also: Looks at an answer whose results are right, and says what is wrong with it all the same.
        error: Looks at the error that an answer rightly raised, and says what is wrong with it.

    Raises:
        ValueError: An id of another chapter, or a rating outside 1 to 3.
    """

    id: str
    title: str
    chapter: int
    difficulty: int
    importance: int
    minutes: int
    question: str
    reference: Function
    wrong: Mapping[str, Function | Sequence[Function]]
    cases: Callable[[torch.Generator], Sequence[Case]]
    family: Function | None = None
    switches: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    shape: str = ""
    hints: Sequence[str] = ()
    tolerance: float = 1e-5
    whole: bool = False
    also: Callable[[Function], str | None] | None = None
    error: Callable[[Exception, Case], str | None] | None = None

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

    def mistakes(self) -> Iterator[tuple[str, Function]]:
        """Every known mistake with its hint: the single ones first, then two switches at a time."""
        for hint, functions in self.wrong.items():
            for function in functions if isinstance(functions, Sequence) else (functions,):
                yield hint, function
        if self.family is not None:
            for switch, hint in self.switches.items():
                yield hint, partial(self.family, **{switch: True})
            for a, b in itertools.combinations(self.switches, 2):
                both = partial(self.family, **{a: True, b: True})
                yield f"two things: {self.switches[a]}; and {self.switches[b]}", both

    def grade(self, answer: Any) -> Verdict:
        """Compare an answer with the reference, and a wrong one with the known mistakes.

        Args:
            answer: The student's function.
        """
        return compare(self, answer)


REGISTRY: dict[str, Exercise] = {}
"""Every exercise by its id, in the order of the chapters.

:meta hide-value:
"""


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


def compare(exercise: Exercise, answer: Any) -> Verdict:
    """Run an answer on every input and say what is wrong with it, the most telling thing first.

    In order: nothing written, other arguments, no end, input changed in place, another result on a second run, a
    mistake that is known by name, an error, the kind of the result, what :mod:`~mmcourse.exercises.detectors` find,
    and where the first difference is.

    Args:
        exercise: What was asked.
        answer: The student's function.
    """
    if answer is None or answer is Ellipsis or answer is NotImplemented or _is_empty(answer):
        return Verdict(False, "not written yet: put your function in place of the dots", written=False)
    if not callable(answer):
        return Verdict(False, f"this is {kind(answer)}: give the function itself, without calling it", named=True)
    cases = exercise.inputs()
    if words := _arguments(answer, exercise):
        return Verdict(False, words, named=True)
    right = trusted(exercise.reference, cases)
    mine = attempt(answer, cases)
    if _fails_on_tensors(mine, right, cases):
        arrays = attempt(answer, [as_numpy(case) for case in cases])
        if sum(o.error is not None for o in arrays) < sum(o.error is not None for o in mine):
            cases, mine = [as_numpy(case) for case in cases], arrays
    verdict = _judge(exercise, answer, cases, mine, right)
    if verdict.passed or verdict.printed:
        return verdict
    said = [o.printed for o, r in zip(mine, right, strict=True) if o.printed and not _agree(o, r, exercise)]
    return Verdict(verdict.passed, verdict.message, verdict.written, verdict.named, said[0] if said else "")


def _judge(
    exercise: Exercise, answer: Any, cases: Sequence[Case], mine: Sequence[Outcome], right: Sequence[Outcome]
) -> Verdict:
    for outcome, case in zip(mine, cases, strict=True):
        if isinstance(outcome.error, OutOfTimeError):
            where = _describe(case)
            return Verdict(False, f"{outcome.error} on input {where}: is there a loop that never ends?", named=True)
    empty = [o.error is None and (o.value is None or o.value is NotImplemented or o.value is ...) for o in mine]
    if all(isinstance(o.error, NotImplementedError) for o in mine):
        return Verdict(False, "not written yet: the function raises NotImplementedError", written=False)
    if all(o.value is NotImplemented or o.value is ... for o in mine):
        return Verdict(False, "not written yet: the function returns a placeholder", written=False)
    for outcome, case in zip(mine, cases, strict=True):
        if outcome.changed:
            return Verdict(
                False,
                f"your function changed its input {_describe(case)}: work on a copy, "
                "and avoid +=, *=, pop and methods that end in _ on an argument",
                named=True,
            )
    if all(empty):
        return Verdict(False, "the function returns nothing: is a return missing?", named=True)
    again = attempt(answer, cases, seed=2)
    for one, two, case in zip(mine, again, cases, strict=True):
        if not _repeats(one, two):
            return Verdict(
                False,
                f"two runs on the same input {_describe(case)} gave different results: nothing here is random, "
                "and what torch.empty or np.empty gives must be filled",
                named=True,
            )
    agree = [_agree(m, r, exercise) for m, r in zip(mine, right, strict=True)]
    if all(agree):
        return _last_look(exercise, answer, cases, mine, right)
    if hint := _known(exercise, mine, right, agree):
        return Verdict(False, hint, named=True)
    first = agree.index(False)
    where = f"for input {_describe(cases[first])}"
    if empty[first]:
        return Verdict(False, f"returned nothing {where}: is a return missing?", named=True)
    found = _difference(exercise, cases, mine, right, agree)
    return Verdict(False, found.words, named=found.named)


def _last_look(
    exercise: Exercise, answer: Function, cases: Sequence[Case], mine: Sequence[Outcome], right: Sequence[Outcome]
) -> Verdict:
    """What may still be wrong with an answer whose results are right."""
    for outcome, wanted, case in zip(mine, right, cases, strict=True):
        if outcome.error is not None and exercise.error is not None and (words := exercise.error(outcome.error, case)):
            return Verdict(False, words, named=True)
        if exercise.whole and outcome.error is None and not _is_whole(outcome.value, wanted.value):
            return Verdict(
                False,
                "the value is right, but it is a float: what counts or indexes is a whole number, "
                "divide with // and not with /",
                named=True,
            )
    if exercise.also is not None and (words := exercise.also(answer)):
        return Verdict(False, words, named=True)
    return Verdict(True, f"right on {len(cases)} of {len(cases)} inputs")


def _is_whole(value: Any, wanted: Any) -> bool:
    value = like(value, wanted)
    if isinstance(value, tuple):
        return all(isinstance(part, int) for part in value)
    return isinstance(value, int) or not isinstance(wanted, int)


def _is_empty(answer: Any) -> bool:
    """Whether a function has no body but dots, ``pass`` and words."""
    code = getattr(answer, "__code__", None)
    if code is None:
        return False
    quiet = {"RESUME", "NOP", "LOAD_CONST", "RETURN_CONST", "RETURN_VALUE", "POP_TOP", "LOAD_COMMON_CONSTANT"}
    if not all(instruction.opname in quiet for instruction in dis.get_instructions(code)):
        return False
    given = {i.argval for i in dis.get_instructions(code) if i.opname in ("LOAD_CONST", "RETURN_CONST")}
    return given <= {None, ...}


def _arguments(answer: Function, exercise: Exercise) -> str:
    """What is wrong with a function's arguments, if anything."""
    names = list(inspect.signature(exercise.reference).parameters)
    try:
        signature = inspect.signature(answer)
    except (TypeError, ValueError):  # built into Python
        return ""
    try:
        signature.bind(*names)
    except TypeError:
        return f"your function takes {signature}, it is called as ({', '.join(names)})"
    return ""


def _fails_on_tensors(mine: Sequence[Outcome], right: Sequence[Outcome], cases: Sequence[Case]) -> bool:
    """Whether an answer may be written for arrays: it raises where it should not, on inputs with tensors in them."""
    if not any(isinstance(value, Tensor) for case in cases for value in case):
        return False
    return any(
        m.error is not None and not isinstance(m.error, OutOfTimeError | NotImplementedError) and r.error is None
        for m, r in zip(mine, right, strict=True)
    )


def _repeats(one: Outcome, two: Outcome) -> bool:
    if one.error is not None or two.error is not None:
        return type(one.error) is type(two.error)
    a, b = numbers_of(one.value), numbers_of(two.value)
    if a is None or b is None:
        return type(one.value) is type(two.value)
    return a.shape == b.shape and torch.allclose(a, b, rtol=0, atol=0, equal_nan=True)


def _agree(mine: Outcome, right: Outcome, exercise: Exercise) -> bool:
    """Whether a result, or an error, is the one that is wanted."""
    if mine.error is not None or right.error is not None:
        return right.error is not None and isinstance(mine.error, type(right.error))
    return same(mine.value, right.value, exercise.tolerance)


def _made_alike(mine: Outcome, theirs: Outcome, exercise: Exercise) -> bool:
    """Whether an answer did what a wrong solution does."""
    if mine.error is not None or theirs.error is not None:
        return type(mine.error) is type(theirs.error)
    if same(mine.value, theirs.value, exercise.tolerance):
        return True
    a, b = numbers_of(mine.value), numbers_of(theirs.value)
    return a is not None and b is not None and same(a, b, max(exercise.tolerance, 1e-5))


def _known(exercise: Exercise, mine: Sequence[Outcome], right: Sequence[Outcome], agree: Sequence[bool]) -> str | None:
    """The hint of the known mistake that explains every result: first one that does so alone, then one that explains
    all that is wrong while the rest is right."""
    partly: str | None = None
    for hint, theirs in _outcomes(exercise):
        alike = [_made_alike(m, t, exercise) for m, t in zip(mine, theirs, strict=True)]
        # An error alone could be any error, and NaN throughout any NaN: one result must be wrong in the same way.
        telling = [
            good
            and not _agree(t, r, exercise)
            and (m.error is None or r.error is not None)
            and not (hint.startswith("two things") and _is_nan(m.value))
            for good, m, t, r in zip(alike, mine, theirs, right, strict=True)
        ]
        if not any(telling):
            continue
        if all(alike):
            return hint
        weight = sum(_size(m.value) for m, tells in zip(mine, telling, strict=True) if tells)
        if partly is None and weight >= 4 and all(a or good for a, good in zip(alike, agree, strict=True)):
            partly = hint
    return partly


_seen: dict[str, tuple[Exercise, list[tuple[str, list[Outcome]]]]] = {}


def _outcomes(exercise: Exercise) -> Iterator[tuple[str, list[Outcome]]]:
    """What each known mistake makes of the inputs; computed once, and only as far as somebody asked."""
    owner, found = _seen.setdefault(exercise.id, (exercise, []))
    if owner is not exercise:
        _seen[exercise.id] = (exercise, found := [])
    yield from list(found)
    cases = exercise.inputs()
    for hint, mistake in itertools.islice(exercise.mistakes(), len(found), None):
        found.append((hint, trusted(mistake, cases)))
        yield found[-1]


def _is_nan(value: Any) -> bool:
    found = numbers_of(value)
    return found is not None and bool(torch.isnan(found).all())


def _size(value: Any) -> int:
    found = numbers_of(value)
    return 0 if found is None else found.numel()


def _difference(
    exercise: Exercise,
    cases: Sequence[Case],
    mine: Sequence[Outcome],
    right: Sequence[Outcome],
    agree: Sequence[bool],
) -> Finding:
    """What results say that are wrong in no way that the exercise knows by name."""
    first = agree.index(False)
    a, b, where = mine[first], right[first], f"for input {_describe(cases[first])}"
    if a.error is not None:
        return _error(a, b, where)
    if b.error is not None:
        if isinstance(a.value, BaseException):
            return Finding(f"the error was returned {where}: `raise` it")
        return Finding(f"returned a result {where}, where it must raise {type(b.error).__name__}")
    if inspect.isgenerator(a.value) or inspect.iscoroutine(a.value):
        return Finding(f"this is {kind(a.value)}: return the values, without yield and without async")
    try:
        like(a.value, b.value)
    except UnlikeError as error:
        return Finding(f"{error} ({where})")
    pairs = []
    for m, r, case in zip(mine, right, exercise.inputs(), strict=True):
        left, wanted = numbers_of(m.value), numbers_of(r.value)
        if m.error is None and r.error is None and left is not None and wanted is not None:
            pairs.append(Pair(left, wanted, case))
    if pairs and (found := _of_kind(pairs, a.value, b.value, exercise)):
        return found
    for detector in detectors.DETECTORS if pairs else ():
        if found := detector(pairs, exercise.reference):
            return Finding(f"{found.words} (input {_describe(cases[first])})", found.named)
    return _plainly(exercise, Pair(numbers_of(a.value), numbers_of(b.value), cases[first]), pairs, where, agree)  # type: ignore[arg-type]


def _of_kind(pairs: Sequence[Pair], mine: Any, right: Any, exercise: Exercise) -> Finding | None:
    """Right values in a dtype that cannot be meant."""
    if not all(p.mine.shape == p.right.shape for p in pairs):
        return None
    values = like(mine, right)
    close = all(torch.allclose(p.mine, p.right, rtol=1e-5, atol=1e-5, equal_nan=True) for p in pairs)
    if isinstance(right, Tensor) and not right.is_floating_point() and close:
        return Finding(
            f"the values are right, but they are {values.dtype}: an index or a code is a whole number, int64"
        )
    if isinstance(values, Tensor) and values.dtype in (torch.float16, torch.bfloat16):
        scale = 2e-3 if values.dtype == torch.float16 else 2e-2
        if all(torch.allclose(p.mine, p.right, rtol=scale, atol=scale) for p in pairs):
            return Finding(f"wrong dtype: {values.dtype} is too coarse, compute in float32")
    return None


_ERRORS = {
    "same dtype": "integers and floats do not multiply: turn one into the other's dtype first, `.to(other.dtype)`",
    "expected scalar type": "integers and floats do not multiply: turn one into the other's dtype first, "
    "`.to(other.dtype)`",
    "expected m1 and m2": "integers and floats do not multiply: turn one into the other's dtype first, "
    "`.to(other.dtype)`",
    "shapes cannot be multiplied": "the inner sizes of a product must be equal: is a transpose missing?",
    "expected size for first two dimensions": "the inner sizes of a product must be equal: is a transpose missing?",
    "mismatch in its core dimension": "the inner sizes of a product must be equal: is a transpose missing?",
    "must match the size of tensor": "these shapes do not fit together: is keepdim=True missing, or a transpose?",
    "could not be broadcast": "these shapes do not fit together: is keepdims=True missing, or a transpose?",
    "is invalid for input of size": "a reshape keeps the number of elements: multiply the sizes out",
    "cannot reshape array": "a reshape keeps the number of elements: multiply the sizes out",
    "view size is not compatible": "after a transpose memory has another order: use reshape in place of view",
    "truth value of an array": "an `if` needs one True or False: use .any() or .all(), or choose with where",
    "boolean value of tensor": "an `if` needs one True or False: use .any() or .all(), or choose with where",
    "allocate memory": "this asks for more memory than the machine has: is a size squared once too often?",
    "unable to allocate": "this asks for more memory than the machine has: is a size squared once too often?",
}


def _error(mine: Outcome, right: Outcome, where: str) -> Finding:
    """An error in a student's code, with the line where it happened."""
    error = mine.error
    if isinstance(error, RecursionError):
        return Finding(f"the function calls itself without end {where}: it needs a case that returns at once")
    words = " ".join(str(error).split())
    short = words[:160] + "…" * (len(words) > 160)
    line = f" in {mine.line}" if mine.line else ""
    wanted = ""
    if right.error is not None:
        wanted = f"; a {type(right.error).__name__} is asked for"
    elif isinstance(error, MemoryError):
        wanted = f": {_ERRORS['allocate memory']}"
    explained = next((text for key, text in _ERRORS.items() if key in words.lower()), "")
    if explained and not wanted:
        wanted = f". {explained[0].upper()}{explained[1:]}"
    return Finding(f"raised {type(error).__name__} {where}{line}: {short}{wanted}", named=bool(wanted))


def _plainly(exercise: Exercise, bad: Pair, pairs: Sequence[Pair], where: str, agree: Sequence[bool]) -> Finding:
    """Where the first difference is."""
    tally = f"{sum(agree)} of {len(agree)} inputs right"
    if bad.mine.shape != bad.right.shape:
        letters = f"{exercise.shape} = " if exercise.shape.startswith("(") else ""
        sizes = f"expected shape {letters}{tuple(bad.right.shape)} {where}, yours is {tuple(bad.mine.shape)}"
        return Finding(f"wrong shape: {sizes}", named=False)
    only = detectors.condition(pairs, exercise.reference)
    hint = f", {only.words}" if only else ""
    differs = ~torch.isclose(bad.mine, bad.right, rtol=exercise.tolerance, atol=exercise.tolerance, equal_nan=True)
    if not bad.right.ndim:
        return Finding(f"the result {where} is not right, yours is {bad.mine.item():.6g} ({tally}{hint})", named=False)
    place = differs.nonzero()[0].tolist() if differs.any() else [0] * bad.right.ndim
    yours, wanted = bad.mine[tuple(place)].item(), bad.right[tuple(place)].item()
    share = f"{int(differs.sum())} of {differs.numel()} numbers differ, the first at {place}"
    return Finding(
        f"shape and type are right, values are not {where}: {share}, yours is {yours:.4g} and should be {wanted:.4g} "
        f"({tally}{hint})",
        named=False,
    )


def _describe(case: Case) -> str:
    words = []
    for value in case:
        if hasattr(value, "shape"):
            what = "tensor" if isinstance(value, Tensor) else "array"
            words.append(f"{'×'.join(map(str, value.shape)) or 'scalar'} {what}")
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
