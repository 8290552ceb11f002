"""Run benchmarks one after the other: every one, or those named, as in ``make bench ONLY="palette vit"``."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
#: Ctrl-C ends a benchmark without a traceback, also while it imports: there is nothing to tidy up.
START = (
    "import runpy, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL);"
    "[stream.reconfigure(errors='replace') for stream in (sys.stdout, sys.stderr)];"
    "sys.path[0] = sys.argv.pop(1); runpy.run_path(sys.argv[0], run_name='__main__')"
)


def main() -> None:
    """Each in a process of its own, so that none changes another's threads."""
    there = {path.stem.removeprefix("bench_"): path for path in sorted(HERE.glob("bench_*.py"))}
    for name in sys.argv[1:] or there:
        if name not in there:
            raise SystemExit(f"bench: there is no {name!r}; choose from {', '.join(there)}")
        print(f"== {name}", flush=True)
        script = str(there[name])
        try:
            done = subprocess.run(
                [sys.executable, "-c", START.replace("sys.argv[0]", repr(script)), str(HERE)], check=False
            )
        except KeyboardInterrupt:
            raise SystemExit("bench: stopped") from None
        if done.returncode == -signal.SIGINT:  # it was told first
            raise SystemExit("bench: stopped")
        if done.returncode:
            raise SystemExit(f"bench: {name} did not end well; its message stands above")


if __name__ == "__main__":
    main()
