"""Run notebooks and store what they print, draw and move.

Each notebook runs in a fresh kernel in its own folder. Stored with it: every output. Left out: whatever changes
from run to run without meaning (times, random ids), and the kernel's widgets: what moves in the page is in the
outputs themselves. JupyterLab is told to fold what the page folds.

Run time and peak memory go to book/_generated/run_times.json.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import hashlib
import json
import re
import signal
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from setup import ROOT, plain_words

from mmcourse import machine
from mmcourse.files import replacing, write_text

TIMES = ROOT / "book" / "_generated" / "run_times.json"
LIMIT = 900  # seconds for one cell, after which the kernel is taken to hang
QUIET = ["--IPKernelApp.log_level=40"]  # of errors it tells; that it speaks TCP to its own machine is none
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}
LANGUAGE = {"name": "python", "file_extension": ".py", "mimetype": "text/x-python", "pygments_lexer": "ipython3"}


class Client(NotebookClient):
    """Asks the kernel for its peak memory just before it ends."""

    peak_bytes = 0

    async def async_start_new_kernel_client(self) -> Any:
        """Undo nbclient's handling of Ctrl-C, which lets the cell run on: end at once, and the kernel with it."""
        with contextlib.suppress(NotImplementedError):  # Windows knows no such handlers
            asyncio.get_running_loop().remove_signal_handler(signal.SIGINT)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        return await super().async_start_new_kernel_client()

    async def _async_cleanup_kernel(self) -> None:
        self.peak_bytes = await self._ask_peak()
        await super()._async_cleanup_kernel()

    async def _ask_peak(self) -> int:
        """Bytes of memory the kernel's process held at most; 0 where the system does not tell."""
        if self.kc is None or sys.platform == "win32":
            return 0
        expression = "__import__('resource').getrusage(__import__('resource').RUSAGE_SELF).ru_maxrss"
        reply = await self.kc.execute_interactive(
            "", silent=True, store_history=False, user_expressions={"peak": expression}, timeout=30
        )
        answer = reply["content"].get("user_expressions", {}).get("peak", {})
        if answer.get("status") != "ok":
            return 0
        return int(answer["data"]["text/plain"]) * (1 if sys.platform == "darwin" else 1024)


def cell_ids(notebook: Any) -> None:
    """Give each cell an id made of its own text, so that a new cell changes no other's."""
    seen: Counter[str] = Counter()
    for cell in notebook.cells:
        mark = hashlib.sha256(cell.source.encode()).hexdigest()[:10]
        seen[mark] += 1
        cell["id"] = mark if seen[mark] == 1 else f"{mark}-{seen[mark]}"


#: Cells with these tags show no source in JupyterLab either; a click opens it.
FOLDED = re.compile(r"fold-\w+|hide-input|hide-cell|remove-input|remove-cell")


def normalise(notebook: Any) -> Any:
    """Keep of a freshly run notebook what means something."""
    notebook.metadata = nbformat.from_dict({"kernelspec": KERNEL, "language_info": LANGUAGE})
    for cell in notebook.cells:
        for key in ("execution", "collapsed", "jupyter", "ExecuteTime"):
            cell.metadata.pop(key, None)
        if cell.cell_type == "code" and any(map(FOLDED.fullmatch, cell.metadata.get("tags", []))):
            cell.metadata["jupyter"] = {"source_hidden": True}
        for output in cell.get("outputs", []):
            output.get("data", {}).pop("application/vnd.jupyter.widget-view+json", None)
    cell_ids(notebook)
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    return notebook


def execute(path: Path) -> dict[str, float]:
    """Run one notebook, put the result in its place in one step, and tell seconds and peak megabytes."""
    notebook = nbformat.read(path, as_version=4)
    here = {"metadata": {"path": str(path.parent)}}
    client = Client(
        notebook,
        timeout=LIMIT,
        kernel_name="python3",
        record_timing=False,
        store_widget_state=False,
        resources=here,
        extra_arguments=QUIET,
    )
    start = time.perf_counter()
    try:
        client.execute()
    except CellExecutionError as error:
        print(error)
        message = f"notebooks: {path.name} stopped at the error above; the stored notebook is as it was"
        raise SystemExit(message) from None
    seconds = time.perf_counter() - start
    with replacing(path) as fresh:
        nbformat.write(normalise(notebook), fresh)
    return {"seconds": round(seconds, 1), "peak_mb": round(client.peak_bytes / 2**20)}


def main() -> None:
    """Run the notebooks named on the command line."""
    plain_words()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("notebooks", nargs="*", type=Path)
    for path in (path.resolve() for path in parser.parse_args().notebooks):
        if not path.exists():
            raise SystemExit(f"notebooks: there is no {path}; name a file such as notebooks/05_vit.ipynb")
        measured = execute(path)
        times = json.loads(TIMES.read_text(encoding="utf-8")) if TIMES.exists() else {}
        times[path.stem] = {**measured, "cores": machine.cores(), "processor": machine.processor()}
        write_text(TIMES, json.dumps(dict(sorted(times.items())), indent=1) + "\n")
        print(f"{path.name}: {measured['seconds']} s, peak {measured['peak_mb']} MB", flush=True)


if __name__ == "__main__":
    main()
