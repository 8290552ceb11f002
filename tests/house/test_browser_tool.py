"""A browser is found, brought or asked for in one line: tried with a PATH that holds nothing but stand-ins.

The tool runs from a copy of its files, so that ``.venv`` and ``.bootstrap`` are missing as on a bare machine.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "book" / "tools"))

from serve import server  # noqa: E402

RUNS = "#!/bin/sh\nexit 0\n"
FAILS = "#!/bin/sh\nexit 1\n"
#: A package manager that reaches its server and installs a browser, one that waits for ever, one without a server.
APT = """#!/bin/sh
echo "$@" >> "{log}"
case "$1" in
  update) echo "Hit:1 a mirror" ;;
  install) {install} ;;
esac
"""
WAITS = "#!/bin/sh\nexec /bin/sleep 60\n"
#: uv that runs Playwright: it prints an address, and puts a browser where it is told to.
UV = """#!/bin/sh
case "$*" in
  *--version* | *compile*) echo 1 ;;
  *--dry-run*) echo "  Download url: {address}" ;;
  *install*) /bin/mkdir -p "$PLAYWRIGHT_BROWSERS_PATH/shell" &&
    /bin/cp {browser} "$PLAYWRIGHT_BROWSERS_PATH/shell/chrome-headless-shell" ;;
  *) exit 1 ;;
esac
"""


class Machine:
    """A bare machine: a checkout without .venv, and a PATH with the programs that a test puts there."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.programs, self.log = folder, folder / "programs", folder / "log"
        tools = folder / "checkout" / "book" / "tools"
        tools.mkdir(parents=True)
        self.programs.mkdir()
        for name in ("browser.py", "setup.py"):
            shutil.copy(ROOT / "book" / "tools" / name, tools)
        shutil.copy(ROOT / "requirements.lock", folder / "checkout")
        self.tool = tools / "browser.py"

    def has(self, name: str, script: str) -> str:
        """Put a program on the PATH."""
        path = self.programs / name
        path.write_text(script, encoding="utf-8")
        path.chmod(0o755)
        return str(path)

    def bring(self, **env: str) -> tuple[subprocess.CompletedProcess[str], float]:
        """Run the tool; what it said, and the seconds it took."""
        start = time.monotonic()
        done = subprocess.run(
            [sys.executable, str(self.tool)],
            env={"PATH": str(self.programs), "LC_ALL": "C", **env},
            capture_output=True,
            encoding="utf-8",
            timeout=60,
            check=False,
        )
        return done, time.monotonic() - start


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_what_is_there_is_taken(machine: Machine) -> None:
    machine.has("apt-get", f'#!/bin/sh\necho "$@" >> "{machine.log}"\n')
    edge = machine.has("microsoft-edge", RUNS)
    assert machine.bring()[0].stdout.strip() == edge
    chrome = machine.has("google-chrome", RUNS)
    assert machine.bring()[0].stdout.strip() == chrome
    machine.has("chromium", FAILS)  # Ubuntu's stub without snap
    assert machine.bring()[0].stdout.strip() == chrome
    own = machine.has("mine", RUNS)
    assert machine.bring(CHROMIUM=own)[0].stdout.strip() == own
    assert not machine.log.exists(), "nothing was to be installed"


def test_a_wrong_name_is_not_passed_over(machine: Machine) -> None:
    machine.has("chromium", RUNS)
    done, _ = machine.bring(CHROMIUM="/no/such/browser")
    assert done.returncode == 1
    assert done.stderr.startswith("browser: CHROMIUM=/no/such/browser is no browser that starts")
    assert done.stderr.count("\n") == 1


def sudo(machine: Machine, answer: str = 'shift; exec "$@"') -> None:
    """As root apt-get is called itself; anybody else has a sudo that asks for no password."""
    machine.has("sudo", f"#!/bin/sh\n{answer}\n")


def test_the_package_is_installed(machine: Machine) -> None:
    place = machine.programs / "chromium"
    install = f'printf "#!/bin/sh\\nexit 0\\n" > "{place}"; /bin/chmod 755 "{place}"'
    machine.has("apt-get", APT.format(log=machine.log, install=install))
    machine.has("true", RUNS)
    sudo(machine)
    done, _ = machine.bring()
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == str(place)
    assert "install -y -qq --no-install-recommends chromium" in machine.log.read_text(encoding="utf-8")


def test_playwright_fetches_where_no_package_starts(machine: Machine) -> None:
    """Also where the package is a stub, as Ubuntu's is without snap."""
    stub = machine.programs / "chromium-browser"
    install = f'printf "#!/bin/sh\\nexit 1\\n" > "{stub}"; /bin/chmod 755 "{stub}"'
    machine.has("apt-get", APT.format(log=machine.log, install=install))
    machine.has("true", RUNS)
    sudo(machine)
    browser = machine.has("anything", RUNS)
    with server(machine.folder, 0) as http:
        threading.Thread(target=http.serve_forever, daemon=True).start()
        machine.has("uv", UV.format(address=f"http://127.0.0.1:{http.server_port}/away.zip", browser=browser))
        done, _ = machine.bring(no_proxy="*")
        http.shutdown()
    assert done.returncode == 0, done.stderr
    fetched = machine.folder / "checkout" / ".bootstrap" / "browser" / "shell" / "chrome-headless-shell"
    assert done.stdout.splitlines()[-1] == str(fetched)
    machine.has("apt-get", WAITS)
    machine.has("uv", FAILS)
    assert machine.bring()[0].stdout.strip() == str(fetched), "once fetched, it is found"


@pytest.mark.parametrize("apt", [None, FAILS, WAITS])
@pytest.mark.parametrize("uv", [FAILS, WAITS, UV.format(address="http://127.0.0.1:9/", browser="none")])
def test_with_every_way_closed_one_line_says_so_in_time(machine: Machine, apt: str | None, uv: str) -> None:
    if apt:
        machine.has("apt-get", apt)
        sudo(machine)
        machine.has("true", RUNS)
    machine.has("uv", uv)
    done, seconds = machine.bring(no_proxy="*")
    assert done.returncode == 1
    assert not done.stdout
    assert done.stderr.startswith("browser: no Chrome, Chromium or Edge on this machine")
    assert done.stderr.count("\n") == 1
    assert "make test CHROMIUM=/path" in done.stderr
    assert seconds < 10, "the promise is ten seconds"


def test_make_test_asks_for_the_browser_before_anything_else(machine: Machine) -> None:
    shutil.copy(ROOT / "Makefile", machine.folder / "checkout")
    machine.has("uv", FAILS)
    done = subprocess.run(
        [str(shutil.which("make")), "test", f"PYTHON={sys.executable}"],
        cwd=machine.folder / "checkout",
        env={"PATH": str(machine.programs), "SHELL": "/bin/sh"},
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    said = [line for line in done.stderr.splitlines() if not line.startswith("make")]
    assert len(said) == 1
    assert said[0].startswith("browser: no Chrome")
    assert not (machine.folder / "checkout" / ".venv").exists()


def test_doctor_and_tests_look_in_one_place(machine: Machine) -> None:
    own = machine.has("mine", RUNS)
    doctor = subprocess.run(
        [sys.executable, "-m", "mmcourse", "doctor"],
        env={**os.environ, "CHROMIUM": own},
        cwd=ROOT,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert f"browser: {own}" in doctor.stdout.splitlines()
