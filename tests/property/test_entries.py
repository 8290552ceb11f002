"""A fixed budget of generated inputs for every public entry; ``make fuzz`` tries many more of them."""

import pytest
from entries import Entry, entries, trial

ALL = entries()


@pytest.mark.parametrize("entry", ALL, ids=[entry.name for entry in ALL])
def test_an_input_ends_in_a_result_or_in_one_line(entry: Entry) -> None:
    ended, faults = trial(entry, 40)
    assert not faults
    assert ended["result"] or ended["refused"]


def test_most_entries_come_to_results_too() -> None:
    """Arguments that are always refused would try nothing but the refusals."""
    results = [entry.name for entry in ALL if trial(entry, 40)[0]["result"]]
    assert len(results) >= 0.9 * len(ALL), sorted({entry.name for entry in ALL} - set(results))
