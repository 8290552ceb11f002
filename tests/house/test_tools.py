"""The tools behind make: what they serve, what they write, and how they end."""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "book" / "tools"))
sys.path.insert(0, str(ROOT / "benchmarks"))

import record  # noqa: E402
from serve import server  # noqa: E402
from vendor import Package  # noqa: E402


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    """A site of two pages, beside a secret, with a link to each."""
    site = tmp_path / "site"
    (site / "inner").mkdir(parents=True)
    (site / "index.html").write_text("front page", encoding="utf-8")
    (site / "inner" / "index.html").write_text("inner page", encoding="utf-8")
    (tmp_path / "secret").write_text("secret", encoding="utf-8")
    (site / "out").symlink_to(tmp_path / "secret")
    (site / "up").symlink_to(tmp_path)
    (site / "same").symlink_to(site / "inner" / "index.html")
    with server(site, 0) as http_server:
        threading.Thread(target=http_server.serve_forever, daemon=True).start()
        yield http_server.server_port
        http_server.shutdown()


@pytest.mark.parametrize(
    ("path", "status", "says"),
    [
        ("/", 200, b"front page"),
        ("/inner/", 200, b"inner page"),
        ("/same", 200, b"inner page"),
        ("/out", 404, b""),
        ("/up/secret", 404, b""),
        ("/up/", 404, b""),
        ("/../secret", 404, b""),
        ("/%2e%2e/secret", 404, b""),
        ("/%00", 400, b""),
        ("/inner/%00.html", 400, b""),
    ],
)
def test_the_site_and_nothing_else_is_served(port: int, path: str, status: int, says: bytes) -> None:
    asked = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    asked.request("GET", path)
    answer = asked.getresponse()
    body = answer.read()
    asked.close()
    assert answer.status == status
    assert says in body
    assert b"secret" not in body


@pytest.mark.parametrize("port", ["70000", "-1"])
def test_a_port_that_does_not_exist_is_one_line(port: str) -> None:
    command = [sys.executable, str(ROOT / "book" / "tools" / "serve.py"), "--port", port]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False, timeout=60)
    assert done.returncode == 1
    assert done.stderr == f"serve: there is no port {port}; give one from 1 to 65535, or 0 for any free one\n"


def test_an_archive_writes_into_its_folder_only() -> None:
    package = Package("name", "1", "hash", "folder", r"package/(?P<path>.*\.js)")
    assert package.destination("package/a/b.js") == "a/b.js"
    assert package.destination("package/../../b.js") is None
    assert package.destination("other/b.js") is None


def test_bench_writes_only_when_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(record, "RESULTS", tmp_path / "benchmarks.json")
    monkeypatch.delenv("RECORD", raising=False)
    rows = [record.row("a thing", 1.0, 4.0, "pytest")]
    record.record("thing", rows)
    said = capsys.readouterr().out
    assert said == f"thing: a thing: ours 1 s, theirs 4 s (pytest {pytest.__version__}), ratio 0.25\n"
    assert not list(tmp_path.iterdir())
    monkeypatch.setenv("RECORD", "1")
    record.record("thing", rows)
    assert '"ratio": 0.25' in (tmp_path / "benchmarks.json").read_text(encoding="utf-8")


def stopped(command: list[str], shown: str, folder: Path) -> tuple[int, str]:
    """Start a command, press Ctrl-C once it has written ``shown``; its status and all that it said."""
    log = folder / "log"
    with open(log, "w", encoding="utf-8") as file:
        running = subprocess.Popen(command, cwd=folder, stdout=file, stderr=file, start_new_session=True)
        limit = time.monotonic() + 60
        while shown not in log.read_text(encoding="utf-8") and running.poll() is None:
            assert time.monotonic() < limit, log.read_text(encoding="utf-8")
            time.sleep(0.1)
        os.killpg(running.pid, signal.SIGINT)
        code = running.wait(60)
    return code, log.read_text(encoding="utf-8")


def test_ctrl_c_leaves_no_traceback_and_no_half_notebook(tmp_path: Path) -> None:
    source = "import pathlib, time\nprint('runs', file=open(pathlib.Path('log'), 'a'))\ntime.sleep(60)"
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)])
    path = tmp_path / "scratch.ipynb"
    nbformat.write(notebook, path)
    before = path.read_bytes()
    tool = str(ROOT / "book" / "tools" / "execute.py")
    code, said = stopped([sys.executable, tool, str(path)], "runs", tmp_path)
    assert code == -signal.SIGINT
    assert "Traceback" not in said
    assert path.read_bytes() == before


def test_ctrl_c_ends_a_benchmark_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "run.py").write_text((ROOT / "benchmarks" / "run.py").read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "bench_slow.py").write_text("print('runs', flush=True)\nimport time\ntime.sleep(60)", encoding="utf-8")
    code, said = stopped([sys.executable, "run.py"], "runs", tmp_path)
    assert code == 1
    assert said.splitlines() == ["== slow", "runs", "bench: stopped"]


def test_ctrl_c_ends_the_server_quietly(tmp_path: Path) -> None:
    code = (
        f"import sys; sys.path.insert(0, {str(ROOT / 'book' / 'tools')!r}); import serve, pathlib;"
        "serve.SITE = pathlib.Path('.'); sys.argv = ['serve', '--port', '0']; serve.main()"
    )
    (tmp_path / "index.html").write_text("a page", encoding="utf-8")
    code_, said = stopped([sys.executable, "-c", code], "The book is at", tmp_path)
    assert code_ == -signal.SIGINT
    assert said.count("\n") == 1
