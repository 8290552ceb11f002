"""What every benchmark shares: two things timed in turns in one run, and one file that keeps all results."""

from __future__ import annotations

import importlib.metadata
import json
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from mmcourse import machine
from mmcourse.files import write_text

RESULTS = Path(__file__).resolve().parents[1] / "book" / "_generated" / "benchmarks.json"


REST = 0.25
"""Seconds between two calls. One library's threads spin for a while, waiting for more work, and would take a core from
the other's next call."""


def side_by_side(*calls: Callable[[], Any], repeats: int = 5) -> tuple[float, ...]:
    """Seconds of one call of each: the median of some, run in turns after one call that does not count."""
    seconds: list[list[float]] = [[] for _ in calls]
    for turn in range(repeats + 1):
        for call, taken in zip(calls, seconds, strict=True):
            time.sleep(REST)
            start = time.perf_counter()
            call()
            if torch.cuda.is_available():
                torch.cuda.synchronize()
            if turn:
                taken.append(time.perf_counter() - start)
    return tuple(statistics.median(taken) for taken in seconds)


def row(what: str, ours: float, theirs: float, library: str, unit: str = "s") -> dict[str, Any]:
    """One line of the page; ratio is ours / theirs, so that below 1 is faster (or smaller).

    The threads that torch uses now stand in it.

    Args:
        what: was measured.
        ours, theirs: one number each.
        library: the distribution that theirs comes from; its version is looked up.
        unit: of both numbers.
    """
    version = importlib.metadata.version(library)
    ratio = float(f"{ours / theirs:.3g}")
    return {
        "what": what,
        "threads": torch.get_num_threads(),
        "unit": unit,
        "ours": float(f"{ours:.3g}"),
        "theirs": float(f"{theirs:.3g}"),
        "ratio": ratio,
        "library": f"{library} {version}",
    }


def record(name: str, rows: list[dict[str, Any]]) -> None:
    """Print the rows; with RECORD=1 also keep them for the page, with the machine they were measured on.

    Without it no file is touched, so that trying a benchmark leaves the repository as it was.
    """
    for r in rows:
        both = f"ours {r['ours']:g} {r['unit']}, theirs {r['theirs']:g} {r['unit']} ({r['library']})"
        print(f"{name}: {r['what']}: {both}, ratio {r['ratio']:g}", flush=True)
    if os.environ.get("RECORD") not in ("1", "yes", "true"):
        return
    results = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    results[name] = {"machine": machine.describe(), "rows": rows}
    write_text(RESULTS, json.dumps(dict(sorted(results.items())), indent=1) + "\n")
