"""A fixed budget of generated inputs for every public entry; ``make fuzz`` tries many more of them."""

import importlib
import inspect
import pkgutil

import pytest
from entries import NOT_TRIED, entries
from inputs import Entry, trial

import mmcourse.tokens

ALL = entries()
#: Packages that say what they offer, and modules that offer everything they define.
OFFER = ["data", "exercises", "generation", "models", "pretrained", "recipes", "show", "training"]
WHOLE = ["cache", "checkpoint", "data.augment", "show.live", "transformer"]


def offered() -> set[str]:
    """Every public function and class, by the dotted name of its definition."""
    found = [vars(module)[name] for module in map(_module, OFFER) for name in module.__all__]
    tokens = [f"tokens.{one.name}" for one in pkgutil.iter_modules(mmcourse.tokens.__path__)]
    for module in map(_module, [*WHOLE, *tokens]):
        found += [one for name, one in vars(module).items()
                  if not name.startswith("_") and getattr(one, "__module__", None) == module.__name__]  # fmt: skip
    return {f"{one.__module__}.{one.__qualname__}" for one in found if inspect.isfunction(one) or inspect.isclass(one)}


def _module(name: str):
    return importlib.import_module(f"mmcourse.{name}")


def test_every_public_entry_is_tried_or_says_why_not() -> None:
    tried = set().union(*(entry.tries() for entry in ALL))
    excused = {f"mmcourse.{name}" for name in NOT_TRIED}
    assert offered() - tried == excused & offered(), "tests/property/entries.py: add an entry, or a reason to NOT_TRIED"
    assert not excused & tried, "tried by now: take it out of NOT_TRIED"
    assert all(_exists(name) for name in excused)


def _exists(name: str) -> bool:
    module, _, last = name.rpartition(".")
    return hasattr(importlib.import_module(module), last)


@pytest.mark.parametrize("entry", ALL, ids=[entry.name for entry in ALL])
def test_an_input_ends_in_a_result_or_in_one_line(entry: Entry) -> None:
    """Both: arguments that are always refused would try nothing but the refusals."""
    ended, faults = trial(entry, 30)
    assert not faults
    assert ended["result"]
