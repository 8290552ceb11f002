"""A fixed budget of generated inputs for every public entry; ``make fuzz`` tries many more of them."""

import pytest
from entries import Entry, entries, trial

ALL = entries()


@pytest.mark.parametrize("entry", ALL, ids=[entry.name for entry in ALL])
def test_an_input_ends_in_a_result_or_in_one_line(entry: Entry) -> None:
    """Both: arguments that are always refused would try nothing but the refusals."""
    ended, faults = trial(entry, 30)
    assert not faults
    assert ended["result"]
