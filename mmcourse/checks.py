"""Checks that many rooms share: a word that must be known, a number that must make sense; one line says what not."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

MANY = 40  # names that one line may list


def choose(what: str, given: object, known: Iterable[str]) -> str:
    """The given word if it is known.

    Raises:
        ValueError: one line with what was given, the closest match and all that can be given.
    """
    choices = list(known)
    if isinstance(given, str) and given in choices:
        return given
    word = str(given).lower()
    begun = [name for name in choices if len(word) > 1 and (name.startswith(word) or word.startswith(name))]
    close = begun or difflib.get_close_matches(word, choices, n=1, cutoff=0.5)
    hint = f"; did you mean {close[0]!r}?" if close else ";"
    listed = ", ".join(choices[:MANY]) or "none"
    more = f" and {len(choices) - MANY} more" if len(choices) > MANY else ""
    raise ValueError(f"unknown {what} {given!r}{hint} choose one of: {listed}{more}")


def whole(name: str, value: Any, least: int = 1) -> None:
    """Refuse what is no whole number of at least ``least``; True is no number.

    Raises:
        ValueError: one line with the name and what was given.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ValueError(f"{name} is {value!r}; it must be a whole number of at least {least}.")


def real(name: str, value: Any, least: float = 0.0, below: float = math.inf, *, above: bool = False) -> None:
    """Refuse what is no number with least <= value < below (or least < value with ``above``); nor are NaN and True.

    Raises:
        ValueError: one line with the name and what was given.
    """
    number = isinstance(value, (int, float)) and not isinstance(value, bool)  # torch 2.8's compiler knows no unions
    if not number or not (least < value if above else least <= value) or not value < below:
        limits = f" {'above' if above else 'at least'} {least:g}" if least > -math.inf else ""
        limits += f" {'and ' if limits else ''}below {below:g}" if below < math.inf else ""
        kind = "number" if limits else "finite number"
        raise ValueError(f"{name} is {value!r}; it must be a {kind}{limits}.")


def sides(name: str, value: Any) -> tuple[int, int]:
    """Two whole numbers of at least 1: height and width, or rows and columns.

    Raises:
        ValueError: anything else.
    """
    if not isinstance(value, (list, tuple)) or len(value) != 2:
        raise ValueError(f"{name} is {value!r}; give two whole numbers, (height, width) or (rows, columns).")
    for side in value:
        whole(name, side)
    return value[0], value[1]


def tensor(name: str, value: Any, dims: int | None = None, *, floating: bool = False) -> None:
    """Refuse what is no tensor, or has another number of dimensions or type; looks at no value, so that it traces.

    Args:
        name: what the reader calls it.
        value: the candidate.
        dims: how many dimensions it needs; None for any.
        floating: whether whole numbers are refused too.

    Raises:
        TypeError: no tensor, or whole numbers where fractions are needed.
        ValueError: another number of dimensions.
    """
    if not isinstance(value, Tensor):
        raise TypeError(f"{name} must be a tensor, not {type(value).__name__}; torch.as_tensor makes one.")
    if dims is not None and value.dim() != dims:
        raise ValueError(f"{name} has shape {tuple(value.shape)}; it needs {dims} dimensions.")
    if floating and not value.is_floating_point():
        raise TypeError(f"{name} is {value.dtype}; give floats, for example {name}.float().")


def numbers(name: str, value: Any) -> Tensor:
    """Whatever holds numbers (tensor, array, nested lists) as a tensor on the CPU, outside of any graph.

    Raises:
        TypeError: words, nothing, or lists of different lengths.
    """
    try:
        return torch.as_tensor(value).detach().cpu()
    except (TypeError, ValueError, RuntimeError) as error:
        raise TypeError(f"{name} must be numbers: a tensor, an array or lists of equal lengths.") from error


def picture_size(name: str, value: Any) -> int | tuple[int, int]:
    """A side, or height and width, as a configuration keeps it: an int for squares, else a pair.

    Raises:
        ValueError: anything but one or two whole numbers of at least 1.
    """
    pair = tuple(value) if isinstance(value, list | tuple) else (value, value)
    if len(pair) != 2:
        raise ValueError(f"{name} is {value!r}; give one side, or (height, width).")
    for side in pair:
        whole(name, side)
    return pair[0] if pair[0] == pair[1] else pair
