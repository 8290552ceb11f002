"""How an entry is tried: generated arguments, sensible ones and those that bug reports are made of, and a judge.

An input may end in a result, or in one line of an allowed kind that this package itself raised. Anything else is a
fault: an error from inside a library, a call that hangs, memory out of proportion.
"""

from __future__ import annotations

import io
import resource
import signal
import threading
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from types import FunctionType
from typing import Any

import numpy as np
import torch
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from torch import Tensor

import mmcourse
import mmcourse.checkpoint

PACKAGE = str(Path(mmcourse.__file__).parent)
ALLOWED = (ValueError, TypeError, IndexError, mmcourse.checkpoint.CheckpointError)
SECONDS, MEGABYTES = 20, 600


class FaultError(AssertionError):
    """An input that ended in something a reader should never see."""


@dataclass(frozen=True)
class Entry:
    """One public function with a strategy for its arguments.

    Attributes:
        name: as a reader would write it.
        call: takes the generated arguments by name.
        arguments: a strategy for each.
        holds: what must be true of a result, given the arguments.
        of: the functions and classes that are tried, where ``call`` itself does not say it.
    """

    name: str
    call: Callable[..., Any]
    arguments: dict[str, st.SearchStrategy[Any]] = field(default_factory=dict)
    holds: Callable[..., bool] = lambda result, **_: True
    of: tuple[Any, ...] = ()

    def tries(self) -> set[str]:
        """Dotted names of what is tried; of a method its class."""
        return {dotted(one) for one in self.of or (self.call,)}


def dotted(one: Any) -> str:
    """Where a function or class is defined; for a method or an instance its class."""
    owner = getattr(one, "__self__", one)
    owner = owner if isinstance(owner, type | FunctionType) else type(owner)
    return f"{owner.__module__}.{owner.__qualname__}"


@contextmanager
def limits() -> Iterator[None]:
    """A clock of the processor, which a busy machine does not hurry, and a memory gauge around one call."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    def late(*_: object) -> None:
        raise FaultError(f"no answer within {SECONDS} s of the processor")

    alarmed = threading.current_thread() is threading.main_thread() and hasattr(signal, "SIGPROF")
    if alarmed:
        old = signal.signal(signal.SIGPROF, late)
        signal.setitimer(signal.ITIMER_PROF, SECONDS, 1)  # again, where a callback swallowed the first
    try:
        yield
    finally:
        if alarmed:
            signal.setitimer(signal.ITIMER_PROF, 0)
            signal.signal(signal.SIGPROF, old)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    if grown > MEGABYTES:
        raise FaultError(f"the call took {grown:.0f} MB")


def attempt(entry: Entry, arguments: dict[str, Any]) -> str:
    """``"result"`` or ``"refused"``; anything else is a :class:`FaultError`."""
    try:
        with limits(), warnings.catch_warnings(), redirect_stdout(io.StringIO()):
            warnings.simplefilter("error")
            result = entry.call(**arguments)
    except FaultError:
        raise
    except ALLOWED as error:
        frames = traceback.extract_tb(error.__traceback__)
        if not frames[-1].filename.startswith(PACKAGE):
            where = next((f for f in reversed(frames) if f.filename.startswith(PACKAGE)), frames[0])
            raise FaultError(f"{type(error).__name__} from outside, below {Path(where.filename).name}:{where.lineno}: "
                        f"{str(error)[:200]}") from error  # fmt: skip
        if not (frames[-1].line or "").startswith("raise"):  # "3" < 1 is no line for a reader, wherever it stands
            raise FaultError(f"{type(error).__name__} that nobody wrote, at {Path(frames[-1].filename).name}:"
                        f"{frames[-1].lineno}: {str(error)[:200]}") from error  # fmt: skip
        if "\n" in str(error).strip():
            raise FaultError(f"more than one line: {error}") from error
        return "refused"
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename.startswith(PACKAGE)]
        where = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
        raise FaultError(f"{type(error).__name__}{where}: {str(error)[:200]}") from error
    if not entry.holds(result, **arguments):
        raise FaultError("the result is not right")
    return "result"


# --- what bug reports are made of ---------------------------------------------------------------------------------

def mostly(right: st.SearchStrategy[Any], wrong: list[Any]) -> st.SearchStrategy[Any]:
    """Nine right values to one wrong one, so that calls with many arguments also come to a result."""
    return st.integers(0, 9).flatmap(lambda i: st.sampled_from(wrong) if i == 7 else right)  # 0 would come too often


NAN = float("nan")
INTEGERS = mostly(
    st.one_of(st.integers(1, 8), st.sampled_from([16, 64])),
    [0, -1, 10**6, 10**12, -(10**9), True, 2.0, 2.5, float("nan"), "3", None, np.int64(4)],
)
SMALL = mostly(st.integers(1, 4), [0, -1, 6, True, 2.5, float("nan"), "3", None])
REALS = mostly(st.floats(0, 1), [-1.0, 1e-40, 1e300, float("nan"), float("inf"), -float("inf"), True, "0.5", None, 2])
DTYPES = st.sampled_from(
    [torch.float32] * 18 + [torch.float64, torch.float16, torch.bfloat16, torch.int64, torch.uint8, torch.bool]
)


@st.composite
def tensors(draw: Any, shapes: st.SearchStrategy[tuple[int, ...]], low: float = 0.0, high: float = 1.0) -> Any:
    """Mostly floats in a range; sometimes another type, a poisoned value, an array or a list."""
    shape = draw(shapes)
    generator = torch.Generator().manual_seed(draw(st.integers(0, 999)))
    values = low + (high - low) * torch.rand(shape, generator=generator)
    value = values.to(draw(DTYPES))
    if value.is_floating_point() and value.numel() and draw(st.integers(0, 9)) == 7:
        value.view(-1)[draw(st.integers(0, value.numel() - 1))] = draw(
            st.sampled_from([float("nan"), float("inf"), -float("inf"), 1e30, -5.0, 255.0])
        )
    kind = draw(st.integers(0, 23))
    if kind == 13 and value.dtype != torch.bfloat16:
        return value.numpy()
    if kind == 17 and value.numel() < 200:
        return value.tolist()
    return value


def shapes(*sides: st.SearchStrategy[int]) -> st.SearchStrategy[tuple[int, ...]]:
    """The right number of dimensions mostly, else another."""
    right, wrong = st.tuples(*sides), st.lists(st.integers(0, 5), max_size=5).map(tuple)
    return st.integers(0, 9).flatmap(lambda i: wrong if i == 7 else right)


def side(*values: int) -> st.SearchStrategy[int]:
    return st.sampled_from(values)


SIDES = side(8, 8, 8, 4, 6, 12, 1)
PICTURES = tensors(shapes(side(1, 2, 3, 0), side(3, 3, 3, 1, 4), SIDES, SIDES))


@st.composite
def codes(draw: Any, count: int, shapes_: st.SearchStrategy[tuple[int, ...]]) -> Any:
    """Numbers of a codebook, sometimes one too many, negative, or of another type."""
    shape = draw(shapes_)
    generator = torch.Generator().manual_seed(draw(st.integers(0, 999)))
    low, high = draw(st.sampled_from([(0, count)] * 9 + [(-1, count), (0, count + 2)]))
    value = torch.randint(low, high, shape, generator=generator)
    kind = draw(st.integers(0, 19))
    if kind == 11:
        return value.to(draw(st.sampled_from([torch.uint8, torch.int32, torch.float32, torch.bool])))
    if kind == 13:
        return value.numpy()
    return value.tolist() if kind == 17 and value.numel() < 200 else value


def as_bytes(value: Any) -> Any:
    """Pixels as picture files hold them, where they can be."""
    usable = isinstance(value, Tensor) and value.is_floating_point() and bool(value.isfinite().all())
    return value.clamp(0, 255).to(torch.uint8).numpy() if usable else value


def as_doubles(value: Any) -> Any:
    return value.double() if isinstance(value, Tensor) and value.dtype == torch.float32 else value


FOREIGN = [None, -1, 0, 10**6, 2**40, True, 2.5, NAN, "x", "", [], [1], [8, 8], {}, {"height": 8}, [[0.5]]]


@st.composite
def meddled(draw: Any, good: dict[str, Any]) -> dict[str, Any]:
    """A configuration from outside: as it should be, or with a field that is missing or holds what it should not."""
    found = dict(good)
    for _ in range(draw(st.sampled_from([0, 0, 1, 1, 2]))):
        name = draw(st.sampled_from(sorted(good)))
        found.pop(name, None)
        if draw(st.booleans()):
            found[name] = draw(st.sampled_from(FOREIGN))
    return found


@st.composite
def damaged(draw: Any, good: dict[str, Tensor]) -> dict[str, Tensor]:
    """Tensors from outside: as they should be, or one missing, left over, of another shape or type."""
    found = dict(good)
    name = draw(st.sampled_from(sorted(good)))
    kind = draw(st.sampled_from(["as it is"] * 6 + ["missing", "left over", "flat", "cut", "half", "whole"]))
    if kind in ("missing", "left over"):
        tensor = found.pop(name)
        if kind == "left over":
            found |= {name: tensor, draw(st.sampled_from(["x", "blocks.99.norm1.weight", f"{name}.bias"])): tensor}
    elif kind != "as it is":
        tensor = found[name]
        short = tensor[:1] if tensor.dim() else tensor[None]
        found[name] = {"flat": tensor.flatten(), "cut": short, "half": tensor.half(), "whole": tensor.int()}[kind]
    return found


def as_ids(value: Any) -> Any:
    return (value.nan_to_num(0, 0, 0).clamp(0, 1) * 7).long() if isinstance(value, Tensor) else value


def trial(entry: Entry, examples: int, first: int = 0) -> tuple[Counter[str], dict[str, dict[str, Any]]]:
    """Try an entry on so many inputs: how they ended, and one input for each kind of fault."""
    ended: Counter[str] = Counter()
    faults: dict[str, dict[str, Any]] = {}

    @seed(first)
    @settings(
        max_examples=examples, deadline=None, database=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(st.fixed_dictionaries(entry.arguments))
    def run(arguments: dict[str, Any]) -> None:
        try:
            ended[attempt(entry, arguments)] += 1
        except FaultError as fault:
            ended["fault"] += 1
            faults.setdefault(str(fault)[:160], arguments)

    run()
    return ended, faults
