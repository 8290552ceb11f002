"""Running a student's function: with a time limit, without its prints, on copies of the inputs."""

from __future__ import annotations

import contextlib
import copy
import ctypes
import io
import random
import sysconfig
import threading
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

Function = Callable[..., Any]
Case = tuple[Any, ...]

SECONDS = 10.0
"""What an answer may take for all inputs together. A right one takes milliseconds."""

_LIBRARIES = tuple({sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")})
_HERE = str(Path(__file__).parent)


class OutOfTimeError(Exception):
    """The answer was still running when its time was over."""


class _Stop(BaseException):
    """Raised inside a student's loop from outside; a BaseException, so that ``except Exception`` lets it through."""


@dataclass(frozen=True)
class Outcome:
    """What a function did with one input.

    Args:
        value: What it returned.
        error: What it raised.
        changed: Whether an input was changed in place.
        printed: What it wrote to the screen.
        line: Where in the student's code an error happened, ``"line 3: x = q @ k"``; empty where that is not known.
    """

    value: Any = None
    error: Exception | None = None
    changed: bool = False
    printed: str = ""
    line: str = ""


def _equal(a: Any, b: Any) -> bool:
    """Whether an input is what it was."""
    if isinstance(a, Tensor):
        return isinstance(b, Tensor) and a.shape == b.shape and a.dtype == b.dtype and bool(((a == b) | (a != a)).all())
    if isinstance(a, np.ndarray):
        return bool(a.shape == b.shape and ((a == b) | (a != a)).all())
    return callable(a) or (type(a) is type(b) and bool(a == b))


def as_numpy(case: Case) -> Case:
    """The same input for an answer that is written in NumPy: arrays for tensors, also in functions among the inputs.

    Args:
        case: Inputs.
    """

    def turned(value: Any) -> Any:
        if isinstance(value, Tensor):
            return value.numpy().copy()
        if callable(value):
            return lambda *given: value(*(torch.as_tensor(g) for g in given)).numpy()
        return value

    return tuple(turned(value) for value in case)


def _line(error: BaseException) -> str:
    """The deepest line of the student's own code on the way to an error."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if not frame.filename.startswith((*_LIBRARIES, _HERE, "<frozen")):
            return f"line {frame.lineno}: {frame.line}" if frame.line else f"line {frame.lineno}"
    return ""


def _once(function: Function, case: Case, screen: io.StringIO) -> Outcome:
    given = copy.deepcopy(case)
    start = screen.tell()
    value, error, line = None, None, ""
    try:
        value = function(*given)
    except _Stop:
        raise
    except Exception as caught:
        error, line = caught, _line(caught)
    except BaseException as caught:  # exit(), quit()
        error = RuntimeError(f"{type(caught).__name__}: the function ended the program instead of returning")
        line = _line(caught)
    screen.seek(start)
    printed = screen.read()
    if isinstance(value, Tensor):
        value = value.detach().clone()
    changed = not all(_equal(a, b) for a, b in zip(given, case, strict=True))
    return Outcome(value, error, changed, printed, line)


@contextlib.contextmanager
def _quiet() -> Iterator[io.StringIO]:
    """Nothing on the screen, and the random numbers afterwards as if nothing had run."""
    screen = io.StringIO()
    states = random.getstate(), np.random.get_state()  # noqa: NPY002  (what a student may use)
    with (
        torch.random.fork_rng(devices=[]),
        contextlib.redirect_stdout(screen),
        contextlib.redirect_stderr(screen),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")
        try:
            yield screen
        finally:
            random.setstate(states[0])
            np.random.set_state(states[1])  # noqa: NPY002


def trusted(function: Function, cases: Sequence[Case]) -> list[Outcome]:
    """Run a function of this package on every input.

    Args:
        function: A reference or a wrong solution.
        cases: Inputs.
    """
    with _quiet() as screen:
        return [_once(function, case, screen) for case in cases]


def attempt(function: Function, cases: Sequence[Case], seed: int = 1, seconds: float | None = None) -> list[Outcome]:
    """Run a student's function on every input, in a thread that is given up when its time is over.

    Args:
        function: The answer.
        cases: Inputs; the function gets copies.
        seed: For random numbers, so that a second run with another one shows whether there are any.
        seconds: The limit for all inputs; default :data:`SECONDS`.

    Returns:
        One outcome an input. Where the time was over, its error and that of all later ones is an
        :class:`OutOfTimeError`.
    """
    limit = SECONDS if seconds is None else seconds
    outcomes: list[Outcome] = []

    def work() -> None:
        torch.manual_seed(seed)
        with contextlib.suppress(_Stop):
            for case in cases:
                outcomes.append(_once(function, case, screen))

    with _quiet() as screen:
        thread = threading.Thread(target=work, daemon=True)
        try:
            thread.start()
        except RuntimeError:  # no threads on this platform: run without a limit
            work()
        else:
            try:
                thread.join(limit)
            finally:
                _end(thread)
    late = Outcome(error=OutOfTimeError(f"still running after {limit:g} s"))
    return [*outcomes, *[late] * (len(cases) - len(outcomes))]


def _end(thread: threading.Thread) -> None:
    """Stop a thread that runs Python code; one that is inside a library stays behind and dies with the program."""
    for _ in range(20):
        if not thread.is_alive() or thread.ident is None:
            return
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident), ctypes.py_object(_Stop))
        thread.join(0.05)
