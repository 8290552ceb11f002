"""Results of any sensible kind, compared: torch, NumPy, lists, numbers."""

from __future__ import annotations

import numbers
from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from torch import Tensor


class UnlikeError(Exception):
    """A result is of a kind that cannot be meant; the message says what it is and what is needed."""


def kind(value: Any) -> str:
    """What a value is, in words.

    Args:
        value: Anything.
    """
    if isinstance(value, Tensor):
        return f"a tensor of shape {tuple(value.shape)}"
    if isinstance(value, np.ndarray):
        return f"an array of shape {value.shape}"
    if isinstance(value, np.generic):
        value = value.item()
    names: dict[type, str] = {int: "an int", float: "a float", bool: "a bool", str: "a string", type(None): "None"}
    if type(value) in names:
        return names[type(value)]
    if isinstance(value, tuple | list):
        return f"a {'tuple' if isinstance(value, tuple) else 'list'} of {len(value)}"
    name = type(value).__name__
    return f"{'an' if name[:1].lower() in 'aeio' else 'a'} {name}"


def number(value: Any) -> int | float:
    """A number out of an int, float, fraction, NumPy scalar, 0-d array or 0-d tensor.

    Args:
        value: What may be one.

    Raises:
        UnlikeError: It is none.
    """
    if isinstance(value, Tensor | np.ndarray | np.generic):
        if value.ndim:
            raise UnlikeError(f"a single number is asked for, yours is {kind(value)}")
        value = value.item()
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise UnlikeError(f"a number is asked for, yours is {kind(value)}")
    if isinstance(value, numbers.Integral):
        return int(value)
    return float(value)


def tensor(value: Any) -> Tensor:
    """A tensor out of a tensor, an array, or nested lists and tuples of numbers, tensors and arrays.

    Args:
        value: What may be one.

    Raises:
        UnlikeError: It is none: rows of several lengths, words, nothing.
    """
    if isinstance(value, Tensor):
        value = value.detach().cpu()
        return value.to_dense() if value.layout != torch.strided else value
    if isinstance(value, np.ndarray) and value.dtype != object:
        if value.dtype.kind not in "biuf":
            raise UnlikeError(f"numbers are asked for, yours is an array of {value.dtype}")
        if value.dtype.kind == "u" and value.dtype.itemsize > 1:
            value = value.astype(np.int64)
        if value.dtype == np.longdouble:
            value = value.astype(np.float64)
        return torch.from_numpy(np.ascontiguousarray(value).copy().reshape(value.shape))
    if isinstance(value, tuple | list | range | np.ndarray):
        parts = [tensor(part) for part in value]
        shapes = {tuple(part.shape) for part in parts}
        if len(shapes) > 1:
            first, second = sorted(shapes)[:2]
            raise UnlikeError(f"the parts of your list have different shapes, {first} and {second}")
        if not parts:
            return torch.zeros(0)
        common = parts[0].dtype
        for part in parts[1:]:
            common = torch.promote_types(common, part.dtype)
        return torch.stack([part.to(common) for part in parts])
    if isinstance(value, bool | np.bool_):
        return torch.tensor(bool(value))
    try:
        found = number(value)
    except UnlikeError:
        raise UnlikeError(f"a tensor, an array or a list is asked for, yours is {kind(value)}") from None
    return torch.tensor(found, dtype=torch.float64 if isinstance(found, float) else torch.int64)


def sequence(value: Any, length: int) -> tuple[Any, ...]:
    """A tuple out of a tuple, list, ``torch.Size``, array or tensor of a length.

    Args:
        value: What may be one.
        length: How many values are asked for.

    Raises:
        UnlikeError: It is no sequence, or not of that length.
    """
    wanted = {2: "a pair", 3: "three values"}.get(length, f"{length} values")
    if isinstance(value, str | bytes | dict | set) or not isinstance(value, Iterable) or getattr(value, "ndim", 1) != 1:
        raise UnlikeError(f"{wanted} is asked for, yours is {kind(value)}")
    parts = tuple(value)
    if len(parts) != length:
        raise UnlikeError(f"{wanted} is asked for, yours has {len(parts)} value{'s' * (len(parts) != 1)}")
    return parts


def like(value: Any, wanted: Any) -> Any:
    """A student's result as the kind of the reference's, whatever library it comes from.

    Args:
        value: The result.
        wanted: The reference's: a tensor, a number, a tuple of such, or anything else, which is left alone.

    Raises:
        UnlikeError: It cannot be that kind.
    """
    if isinstance(wanted, Tensor):
        found = tensor(value)
        if found.is_complex():
            raise UnlikeError("real numbers are asked for, yours are complex")
        return found
    if isinstance(wanted, bool):
        return bool(value) if isinstance(value, bool | np.bool_) else value
    if isinstance(wanted, int | float):
        return number(value)
    if isinstance(wanted, tuple):
        return tuple(like(v, w) for v, w in zip(sequence(value, len(wanted)), wanted, strict=True))
    return value


def same(a: Any, b: Any, tolerance: float) -> bool:
    """Whether two results agree, after both have become one kind. Precision does not matter, whole numbers do.

    Args:
        a: One.
        b: The other, whose kind counts.
        tolerance: Absolute and relative, for floats.
    """
    try:
        a = like(a, b)
    except UnlikeError:
        return False
    if isinstance(b, Tensor):
        if a.shape != b.shape:
            return False
        if not b.is_floating_point():
            return (
                not a.is_floating_point()
                and (a.dtype == torch.bool) == (b.dtype == torch.bool)
                and torch.equal(a.long(), b.long())
            )
        return torch.allclose(a.double(), b.double(), rtol=tolerance, atol=tolerance, equal_nan=True)
    if isinstance(b, tuple):
        return all(same(x, y, tolerance) for x, y in zip(a, b, strict=True))
    if isinstance(b, int | float) and not isinstance(b, bool):
        return a == b or (a != a and b != b) or abs(a - b) <= tolerance * max(1.0, abs(a), abs(b))  # NaN is NaN
    return type(a) is type(b) and bool(a == b)


def numbers_of(value: Any) -> Tensor | None:
    """A result as one tensor of doubles, for finding out how two of them differ; ``None`` where it is no such thing.

    Args:
        value: A tensor, number, or tuple of numbers.
    """
    try:
        found = tensor(value)
    except UnlikeError:
        return None
    return None if found.is_complex() else found.double()
