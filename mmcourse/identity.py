"""What makes a thing what it is, as plain values: so that two runs can be told apart and a difference be named."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import types
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn


def describe(thing: Any) -> Any:
    """Anything as values that JSON can hold: equal for equal things, in every process.

    Dataclasses are their class and fields, functions their name, code, defaults and what they close over, tensors and
    arrays their bytes' SHA-256, modules their class, configuration, text and shapes (not their weights).
    """
    if thing is None or isinstance(thing, bool | int | float | str):
        return thing
    if isinstance(thing, type):
        return f"{thing.__module__}.{thing.__qualname__}"
    if isinstance(thing, nn.Module):
        return _module(thing)
    if dataclasses.is_dataclass(thing):
        fields = {f.name: describe(getattr(thing, f.name)) for f in dataclasses.fields(thing)}
        return {"class": type(thing).__qualname__, **fields}
    if isinstance(thing, Tensor | np.ndarray | np.generic):
        array = torch.as_tensor(thing).detach().cpu().contiguous()
        digest = hashlib.sha256(array.reshape(-1).view(torch.uint8).numpy().tobytes()).hexdigest()
        return f"{array.dtype} {tuple(array.shape)} {digest}"
    if isinstance(thing, Mapping):
        return {str(key): describe(value) for key, value in thing.items()}
    if isinstance(thing, set | frozenset):
        return sorted(str(describe(value)) for value in thing)
    if isinstance(thing, list | tuple):
        return [describe(value) for value in thing]
    if isinstance(thing, functools.partial):
        return {"partial": describe(thing.func), "args": describe(thing.args), "keywords": describe(thing.keywords)}
    if isinstance(thing, types.MethodType):
        return {"method": thing.__func__.__qualname__, "of": describe(thing.__self__)}
    if isinstance(thing, types.FunctionType):
        return _function(thing)
    if hasattr(thing, "__dict__") and vars(thing):
        return {"class": type(thing).__qualname__, **describe(vars(thing))}
    return type(thing).__qualname__ if "object at 0x" in repr(thing) else repr(thing)


def differences(old: Any, new: Any, where: str = "") -> list[str]:
    """What differs between two descriptions, each as ``name (old there, new here)``."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        found = []
        for key in [*old, *(key for key in new if key not in old)]:
            found += differences(old.get(key), new.get(key), f"{where}.{key}" if where else str(key))
        return found
    return [] if old == new else [f"{where} ({_short(old)} there, {_short(new)} here)"]


def _short(value: Any) -> str:
    text = " ".join(str(value).split())
    return text if len(text) <= 40 else f"{text[:37]}..."


def _module(module: nn.Module) -> dict[str, Any]:
    shapes = {name: list(tensor.shape) for name, tensor in module.state_dict().items()}
    text = hashlib.sha256(f"{module!r} {shapes}".encode()).hexdigest()
    found: dict[str, Any] = {"class": type(module).__qualname__, "structure": text}
    config = getattr(module, "config", None)
    return found if config is None else {**found, "config": describe(config)}


def _function(function: types.FunctionType) -> dict[str, Any]:
    cells = {}
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        if cell.cell_contents is not function:
            cells[name] = describe(cell.cell_contents)
    return {
        "function": f"{function.__module__}.{function.__qualname__}",
        "code": hashlib.sha256(_code(function.__code__).encode()).hexdigest(),
        "defaults": describe([function.__defaults__, function.__kwdefaults__]),
        "closure": cells,
    }


def _code(code: types.CodeType) -> str:
    constants = [_code(c) if isinstance(c, types.CodeType) else repr(c) for c in code.co_consts]
    return f"{code.co_code.hex()} {code.co_names} {constants}"
