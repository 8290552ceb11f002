"""In a real JupyterLab, with a kernel, the same figures move: any value can be asked for, and the page's own answer."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import Browser, Page, expect

SLOW = 180_000
"""Milliseconds that a kernel which imports torch may take on a busy machine."""

EXPLORE = """\
import torch
from mmcourse import show
def shade(k):
    return torch.full((1, 8, 8), k / 16)
show.explore(
    {k: shade(k) for k in (2, 8, 16)}, label="k", start=2, compute=shade, values=range(1, 17),
    alt=lambda k: f"a grey square of {k} sixteenths", question="How grey?", answer="As grey as k says.",
)
"""
LIVE = """\
show.live.by_hand([[1, 0], [0, 2]], [[1, 1], [0, 1]], [[1, 0], [0, 1]], question="What is read?")
"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A JupyterLab of one notebook; its address."""
    folder = tmp_path_factory.mktemp("lab")
    cells = [nbformat.v4.new_code_cell(source) for source in (EXPLORE, LIVE)]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})
    nbformat.write(notebook, folder / "figures.ipynb")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    own = {"JUPYTER_CONFIG_DIR": "config", "JUPYTER_DATA_DIR": "data", "JUPYTER_RUNTIME_DIR": "runtime"}
    environment = {**os.environ, **{name: str(folder / place) for name, place in own.items()}}
    options = ["--no-browser", f"--port={port}", "--ServerApp.ip=127.0.0.1", f"--ServerApp.root_dir={folder}"]
    options += ["--IdentityProvider.token=", "--ServerApp.allow_root=True", "--LabApp.news_url="]
    options += ["--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"]
    with (folder / "server.log").open("w", encoding="utf-8") as log:
        command = [sys.executable, "-m", "jupyterlab", *options]
        server = subprocess.Popen(command, env=environment, cwd=folder, stdout=log, stderr=subprocess.STDOUT)
        try:
            address = f"http://127.0.0.1:{port}"
            wait_for(f"{address}/api/status", server, folder / "server.log")
            yield f"{address}/lab/tree/figures.ipynb"
        finally:
            server.terminate()
            server.wait(timeout=60)


def wait_for(address: str, server: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(SLOW // 500):
        assert server.poll() is None, log.read_text(encoding="utf-8")[-2000:]
        try:
            urllib.request.urlopen(address, timeout=5).close()
            return
        except OSError:
            time.sleep(0.5)
    raise AssertionError(log.read_text(encoding="utf-8")[-2000:])


@pytest.fixture(scope="module")
def page(browser: Browser, lab: str) -> Iterator[Page]:
    """The notebook, run."""
    page = browser.new_page(viewport={"width": 1280, "height": 1400})
    page.goto(lab, wait_until="domcontentloaded")
    page.locator(".jp-Notebook .jp-CodeCell").first.wait_for(timeout=SLOW)
    page.locator(".jp-Notebook .jp-CodeCell .cm-content").first.click()
    page.wait_for_function(
        "() => document.querySelector('.jp-Notebook-ExecutionIndicator')?.dataset.status === 'idle'", timeout=SLOW
    )
    page.keyboard.press("Shift+Enter")
    page.keyboard.press("Shift+Enter")
    yield page
    page.close()


def test_the_kernel_computes_a_value_that_no_frame_holds(page: Page) -> None:
    output = page.locator(".jp-CodeCell").nth(0).locator(".jp-OutputArea-output")
    picture = output.locator("img[alt*='grey square']")
    expect(picture).to_have_attribute("alt", re.compile("of 2 sixteenths"), timeout=SLOW)
    before = picture.get_attribute("src")
    handle = output.locator(".noUi-handle, input[type=range]").first
    handle.focus()
    page.keyboard.press("ArrowRight")
    expect(picture).to_have_attribute("alt", re.compile("of 3 sixteenths"), timeout=SLOW)
    assert picture.get_attribute("src") != before
    expect(output.get_by_text("As grey as k says.")).to_be_visible()


def test_a_figure_of_the_page_computes_there_too(page: Page) -> None:
    figure = page.locator(".jp-CodeCell").nth(1).locator(".mm-live")
    expect(figure).to_have_attribute("data-live", "on", timeout=SLOW)
    number = figure.locator("input[type=number], input:not([type=radio]):not([type=range])").first
    before = figure.locator(".mm-stage").inner_text()
    number.fill("3")
    number.press("Tab")
    page.wait_for_function(
        "([stage, old]) => stage.innerText !== old", arg=[figure.locator(".mm-stage").element_handle(), before]
    )
