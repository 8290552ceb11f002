"""Mistakes that can be told from two results alone, whatever the exercise: an axis, a factor, an order, an offset."""

from __future__ import annotations

import inspect
import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from mmcourse.exercises.running import Case


@dataclass(frozen=True)
class Pair:
    """The results for one input, as tensors of doubles; numbers have no axis, pairs of numbers have one.

    Args:
        mine: The student's.
        right: The reference's.
        case: The input.
    """

    mine: Tensor
    right: Tensor
    case: Case


@dataclass(frozen=True)
class Finding:
    """What is wrong.

    Args:
        words: In one line.
        named: Whether the words say what was done wrong, and not only where the results differ.
    """

    words: str
    named: bool = True


Detector = Callable[[Sequence[Pair], Callable[..., Any]], Finding | None]


def _close(a: Tensor, b: Tensor, tolerance: float = 1e-4) -> bool:
    return a.shape == b.shape and torch.allclose(a, b, rtol=tolerance, atol=tolerance * _scale(b), equal_nan=True)


def _scale(b: Tensor) -> float:
    finite = b[torch.isfinite(b)]
    return min(1.0, finite.abs().max().item()) if finite.numel() else 1.0


def _every(pairs: Sequence[Pair], change: Callable[[Tensor], Tensor]) -> bool:
    """Whether each of the student's results is a change of the right one, and not equal to it all the time."""
    if not any(pair.right.numel() > 1 or len(pairs) > 2 for pair in pairs):
        return False
    try:
        changed = [change(pair.right) for pair in pairs]
    except (RuntimeError, IndexError):
        return False
    return all(_close(p.mine, c) for p, c in zip(pairs, changed, strict=True)) and not all(
        _close(p.right, c) for p, c in zip(pairs, changed, strict=True)
    )


def _axis(axis: int, ndim: int) -> str:
    if ndim == 1:
        return "the order is"
    return f"axis {axis} is"


def transposed(pairs: Sequence[Pair], reference: Callable[..., Any]) -> Finding | None:
    """Right values whose axes stand in another order."""
    ndims = {p.mine.ndim for p in pairs} | {p.right.ndim for p in pairs}
    if len(ndims) > 1:
        for a, b, which in ((0, 1, "first"), (-1, -2, "last")):
            if min(ndims) > 1 and _every(pairs, lambda right, a=a, b=b: right.transpose(a, b)):  # type: ignore[misc]
                return Finding(f"the values are right but the axes are transposed: the {which} two are exchanged")
        return None
    if not 2 <= (ndim := ndims.pop()) <= 5:
        return None
    for axes in itertools.permutations(range(ndim)):
        if axes != tuple(range(ndim)) and _every(pairs, lambda right, axes=axes: right.permute(axes)):  # type: ignore[misc]
            pair = next(p for p in pairs if not _close(p.mine, p.right))
            sizes = f"expected {tuple(pair.right.shape)}, yours is {tuple(pair.mine.shape)}"
            order = f"yours has them in the order {axes}" if pair.mine.shape == pair.right.shape else sizes
            return Finding(f"the values are right but the axes are transposed: {order}")
    return None


def shape(pairs: Sequence[Pair], reference: Callable[..., Any]) -> Finding | None:
    """Right values in another shape, or right values some of which are missing, averaged or summed."""
    if all(p.mine.shape == p.right.shape for p in pairs):
        return None
    pair = next(p for p in pairs if p.mine.shape != p.right.shape)
    sizes = f"expected shape {tuple(pair.right.shape)}, yours is {tuple(pair.mine.shape)}"
    if all(p.mine.numel() == p.right.numel() and _close(p.mine.flatten(), p.right.flatten()) for p in pairs):
        if all(p.mine.squeeze().shape == p.right.squeeze().shape for p in pairs):
            word = "is missing" if pair.mine.ndim < pair.right.ndim else "too many"
            return Finding(f"the values are right but an axis of size 1 {word}: {sizes}")
        if all(p.mine.ndim == p.right.ndim for p in pairs):
            return Finding(
                f"the right numbers in the right order, but sizes are exchanged in the last reshape: {sizes}"
            )
        word = "merged that must stay apart" if pair.mine.ndim < pair.right.ndim else "left apart that must be merged"
        return Finding(f"the values are right but axes were {word}: {sizes}")
    ndim = pair.right.ndim
    for axis in range(ndim):
        which = "over the batch" if axis == 0 and ndim > 1 else f"over axis {axis}"
        for keep in (False, True):
            if _every(pairs, lambda r, a=axis, k=keep: r.mean(a, k)):  # type: ignore[misc]
                return Finding(f"the right values were averaged {which}, which stays: {sizes}")
            if _every(pairs, lambda r, a=axis, k=keep: r.sum(a, k)):  # type: ignore[misc]
                return Finding(f"the right values were summed {which}, which stays: {sizes}")
            if _every(pairs, lambda r, a=axis, k=keep: r.argmax(a, k).double()):  # type: ignore[misc]
                return Finding(f"this is the index of the largest value, the values themselves are asked for: {sizes}")
        for first, place in ((0, "first"), (-1, "last")):
            part = "picture or sequence of the batch" if axis == 0 else f"place along axis {axis}"
            for change in (
                lambda r, a=axis, f=first: r.select(a, f),
                lambda r, a=axis, f=first: r.select(a, f).unsqueeze(a),
            ):
                if _every(pairs, change):
                    return Finding(f"this is right for the {place} {part} alone, all of them are asked for: {sizes}")
        if _every(pairs, lambda r, a=axis: r.narrow(a, 0, r.shape[a] - 1)):  # type: ignore[misc]
            return Finding(f"the last place along axis {axis} is missing: {sizes}")
        if _every(pairs, lambda r, a=axis: r.narrow(a, 1, r.shape[a] - 1)):  # type: ignore[misc]
            return Finding(f"the first place along axis {axis} is missing: {sizes}")
    if _every(pairs, lambda r: r.mean()):
        return Finding(f"everything was averaged into one number: {sizes}")
    if _every(pairs, lambda r: r.sum()):
        return Finding(f"everything was summed into one number: {sizes}")
    return None


def not_finite(pairs: Sequence[Pair], reference: Callable[..., Any]) -> Finding | None:
    """NaN or infinite values where the right ones are finite."""
    for pair in pairs:
        bad = ~torch.isfinite(pair.mine)
        if not bad.any() or not torch.isfinite(pair.right).all():
            continue
        if pair.mine.shape == pair.right.shape and pair.right.ndim >= 2 and _rows(pair.right, -1):
            rows = torch.isnan(pair.mine).all(-1)
            if torch.equal(rows, bad.any(-1)):
                where = tuple(rows.nonzero()[0].tolist())
                return Finding(
                    f"row {where} is NaN from end to end: its softmax saw nothing but minus infinity. "
                    "A row must keep at least one place"
                )
        place = bad.nonzero()[0].tolist()
        at = f", first at {place}" if place else ""
        if torch.isnan(pair.mine).any():
            words = f"NaN in your result{at}: look for 0/0, 0 times log 0, or infinity minus infinity"
        else:
            words = f"infinite values in your result{at}: look for the logarithm of 0, or a softmax that has to follow"
        return Finding(words, named=False)
    return None


_WORDS = {
    -1.0: "the sign is wrong: every number is minus what is asked for",
    math.log(2): "ln 2: a natural logarithm stands where one to base 2 is meant, or the other way round",
    1 / math.log(2): "1/ln 2: a logarithm to base 2 stands where a natural one is meant, or the other way round",
    math.log10(2): "log10 2: a logarithm to base 10 stands where one to base 2 is meant",
    math.log2(10): "log2 10: a logarithm to base 2 stands where one to base 10 is meant",
    math.log(10): "ln 10: a natural logarithm stands where one to base 10 is meant",
    1 / math.log(10): "1/ln 10: a logarithm to base 10 stands where a natural one is meant",
    8.0: "8: these are bits where bytes are meant",
    1 / 8: "1/8: these are bytes where bits are meant",
    1024.0: "1024: another unit is meant",
    1 / 1024: "1/1024: another unit is meant",
    100.0: "100: these are per cent, the plain number is asked for",
    255.0: "255: bytes go from 0 to 255, shares from 0 to 1",
    1 / 255: "1/255: bytes go from 0 to 255, shares from 0 to 1",
}


def quantities(case: Case, reference: Callable[..., Any]) -> dict[str, float]:
    """Numbers that stand in an input, by what they are: the student may have multiplied or added one of them.

    Args:
        case: The input.
        reference: The reference solution, for the names of its arguments.
    """
    found: dict[str, float] = {}
    for name, value in zip(inspect.signature(reference).parameters, case, strict=False):
        if isinstance(value, int | float) and not isinstance(value, bool):
            found[f"`{name}`"] = float(value)
        elif isinstance(value, Tensor):
            found.update({f"the size of axis {i} of `{name}`": float(n) for i, n in enumerate(value.shape)})
            found[f"the number of elements of `{name}`"] = float(value.numel())
        elif isinstance(value, list | tuple):
            found[f"the length of `{name}`"] = float(len(value))
    return found


def _quantity(values: Sequence[float], pairs: Sequence[Pair], reference: Callable[..., Any]) -> str | None:
    """The name of the quantity that has these values, input for input; it must vary, or it could be anything."""
    if len({round(v, 9) for v in values}) < 2:
        return None
    every = [quantities(p.case, reference) for p in pairs]
    for name in every[0]:
        if all(name in q and math.isclose(q[name], v, rel_tol=1e-4) for q, v in zip(every, values, strict=True)):
            return name
    return None


def factor(pairs: Sequence[Pair], reference: Callable[..., Any]) -> Finding | None:
    """Every number the same number of times too large, or as many times as an argument says."""
    ratios, used = [], []
    for pair in pairs:
        if pair.mine.shape != pair.right.shape or not (pair.right.isfinite().all() and pair.mine.isfinite().all()):
            return None
        square = (pair.right * pair.right).sum()
        if square == 0:
            if pair.mine.any():
                return None
            continue
        c = ((pair.mine * pair.right).sum() / square).item()
        if not _close(pair.mine, c * pair.right) or abs(c) < 1e-6:
            return None
        ratios.append(c)
        used.append(pair)
    single = all(p.right.numel() == 1 for p in used)
    if len(ratios) < (3 if single else 1) or (single and len({p.right.item() for p in used}) < 2):
        return None
    if all(math.isclose(c, ratios[0], rel_tol=1e-3) for c in ratios):
        c = sum(ratios) / len(ratios)
        if math.isclose(c, 1.0, rel_tol=1e-3):
            return None
        for value, words in _WORDS.items():
            if math.isclose(c, value, rel_tol=1e-3):
                return Finding(words if value == -1 else f"every number is multiplied by {words}")
        return Finding(f"every number is {c:.4g} times what is asked for")
    for power, words in ((1, "{}"), (2, "the square of {}"), (0.5, "the root of {}")):
        if all(c > 0 for c in ratios):
            if name := _quantity([c ** (1 / power) for c in ratios], used, reference):
                return Finding(f"every number is too large by the factor {words.format(name)}: divide by it")
            if name := _quantity([c ** (-1 / power) for c in ratios], used, reference):
                return Finding(f"every number is too small by the factor {words.format(name)}: multiply by it")
    return None


def offset(pairs: Sequence[Pair], reference: Callable[..., Any]) -> Finding | None:
    """Every number too large or too small by the same amount, or by an argument."""
    steps = []
    for pair in pairs:
        if pair.mine.shape != pair.right.shape or not pair.right.numel():
            return None
        d = pair.mine - pair.right
        if not d.isfinite().all() or not torch.allclose(d, d.flatten()[0].expand_as(d), rtol=1e-4, atol=1e-4):
            return None
        steps.append(d.flatten()[0].item())
    if len(steps) < (3 if all(p.right.numel() == 1 for p in pairs) else 1):
        return None
    words = "every number is" if any(p.right.numel() > 1 for p in pairs) else "the result is always"
    if all(abs(s - steps[0]) < 1e-4 for s in steps) and abs(steps[0]) > 1e-3:
        size = "too large" if steps[0] > 0 else "too small"
        return Finding(f"{words} {abs(steps[0]):.4g} {size}")
    for sign, size in ((1, "too large"), (-1, "too small")):
        if name := _quantity([sign * s for s in steps], pairs, reference):
            return Finding(f"{words} {size} by {name}")
    return None


def _in_rows(change: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """The change where a row has several numbers: of one number a softmax is 1, whatever it was."""
    return lambda r: change(r) if r.ndim and r.shape[-1] > 1 else r


_FUNCTIONS: list[tuple[str, Callable[[Tensor], Tensor]]] = [
    ("exp of what is asked for: is an exp too many, or a logarithm missing?", torch.exp),
    ("2 to the power of what is asked for", torch.exp2),
    ("the natural logarithm of what is asked for: is exp missing, or a logarithm too many?", torch.log),
    ("the logarithm to base 2 of what is asked for", torch.log2),
    ("the square root of what is asked for", torch.sqrt),
    ("the square of what is asked for: is a root missing, or a square too many?", torch.square),
    ("1 divided by what is asked for", torch.reciprocal),
    ("1 minus what is asked for", lambda r: 1 - r),
    ("the absolute value of what is asked for", torch.abs),
    ("what is asked for, rounded to whole numbers", torch.round),
    ("what is asked for, rounded down", torch.floor),
    ("what is asked for, rounded up", torch.ceil),
    ("the softmax of what is asked for: logits and scores are not normalised", _in_rows(lambda r: r.softmax(-1))),
    ("one for the largest and zero for all others", _in_rows(lambda r: torch.eye(r.shape[-1]).double()[r.argmax(-1)])),
]


def function(pairs: Sequence[Pair], reference: Callable[..., Any]) -> Finding | None:
    """A known function of the right result."""
    for words, change in _FUNCTIONS:
        if _every(pairs, change):
            return Finding(f"this is {words}")
    return None


def moved(pairs: Sequence[Pair], reference: Callable[..., Any]) -> Finding | None:
    """Right values read backwards, or one place on, along an axis."""
    ndim = pairs[0].right.ndim
    for axis in range(ndim):
        along = f"along axis {axis}" if ndim > 1 else "in the list"
        if _every(pairs, lambda r, a=axis: r.flip(a)):  # type: ignore[misc]
            if ndim == 1 and all(p.right.numel() == 2 for p in pairs):
                return Finding("the two values are swapped")
            return Finding(f"the values are right but stand in reverse {along}")
        for step in (1, -1):
            if _every(pairs, lambda r, a=axis, s=step: r.roll(s, a)):  # type: ignore[misc]
                way = "too far" if step == 1 else "too early"
                return Finding(f"the values are right but stand one place {way} {along}, the last one came round")
    return None


def _rows(values: Tensor, axis: int | tuple[int, ...]) -> bool:
    sums = values.sum(axis)
    return bool(torch.allclose(sums, torch.ones_like(sums), atol=1e-4) and (values >= -1e-6).all())


def distribution(pairs: Sequence[Pair], reference: Callable[..., Any]) -> Finding | None:
    """Rows that must be distributions and are none."""
    if not all(p.right.ndim >= 2 and p.mine.shape == p.right.shape and _rows(p.right, -1) for p in pairs):
        return None
    if all(_rows(p.mine, -1) for p in pairs):
        return None
    if all(_rows(p.mine, -2) for p in pairs):
        return Finding("the columns sum to 1, not the rows: normalise over the last axis")
    if all(_rows(p.mine, (-1, -2)) for p in pairs):
        return Finding("the whole table sums to 1: each row must, divide it by its own sum")
    if all(_rows(p.mine, 0) for p in pairs):
        return Finding("the numbers sum to 1 over the batch, not over the last axis")
    bad = next(p for p in pairs if not _rows(p.mine, -1))
    if (bad.mine < -1e-6).any():
        return Finding("there are negative numbers: each row must be shares of 1")
    sums = bad.mine.sum(-1).flatten()
    far = sums[(sums - 1).abs().argmax()].item()
    scaled = [p.mine / p.mine.sum(-1, keepdim=True) for p in pairs]
    if all(_close(s, p.right) for s, p in zip(scaled, pairs, strict=True)):
        return Finding(f"the table is not normalised: divide each row by its sum (yours sum to as much as {far:.3g})")
    return Finding(f"the rows do not sum to 1 as they must, one of yours sums to {far:.3g}")


def order(pairs: Sequence[Pair], reference: Callable[..., Any]) -> Finding | None:
    """The right numbers in another order."""
    if all(
        p.mine.shape == p.right.shape
        and p.mine.numel() > 1
        and _close(p.mine.flatten().sort().values, p.right.flatten().sort().values)
        for p in pairs
    ):
        pair = next(p for p in pairs if not _close(p.mine, p.right))
        return Finding(
            f"the right numbers in the wrong order (shape {tuple(pair.mine.shape)} is right): "
            "check which axis is moved before the reshape"
        )
    return None


def _properties(pair: Pair, reference: Callable[..., Any]) -> Iterator[tuple[str, bool]]:
    """What an input is like: equal sizes, a batch of one, a zero."""
    names = list(inspect.signature(reference).parameters)
    for name, value in zip(names, pair.case, strict=False):
        if isinstance(value, Tensor):
            if value.ndim > 1:
                yield f"where `{name}` has a batch of one", value.shape[0] == 1
            for a, b in itertools.combinations(range(value.ndim), 2):
                yield f"where axes {a} and {b} of `{name}` are equally long", value.shape[a] == value.shape[b]
            for a in range(1, value.ndim):
                yield f"where axis {a} of `{name}` has size 1", value.shape[a] == 1
        elif isinstance(value, int) and not isinstance(value, bool):
            yield f"where `{name}` is 0", value == 0
            yield f"where `{name}` is 1", value == 1
    plain = [(n, v) for n, v in zip(names, pair.case, strict=False) if isinstance(v, int) and not isinstance(v, bool)]
    for (n, v), (m, w) in itertools.combinations(plain, 2):
        yield f"where `{n}` and `{m}` are equal", v == w
        if w > 0:
            yield f"where `{m}` divides `{n}`", v % w == 0


def condition(pairs: Sequence[Pair], reference: Callable[..., Any]) -> Finding | None:
    """What sets the inputs with a right result apart from the others."""
    good = [_close(p.mine, p.right) for p in pairs]
    if all(good) or not any(good):
        return None
    properties = [list(_properties(p, reference)) for p in pairs]
    for items in zip(*properties, strict=False):
        if len({words for words, _ in items}) == 1 and [holds for _, holds in items] == good:
            return Finding(f"right only {items[0][0]}", named=False)
    return None


DETECTORS: tuple[Detector, ...] = (
    shape,
    transposed,
    not_finite,
    moved,
    factor,
    offset,
    function,
    distribution,
    order,
)
"""In this order; the first one that finds something speaks.

:meta hide-value:
"""
