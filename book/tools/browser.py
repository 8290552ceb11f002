"""The one place that knows where the browser is: for the tests, the doctor and whatever else opens a page.

``python book/tools/browser.py`` prints its path and brings one where there is none: the machine's own Chrome, Chromium
or Edge (``CHROMIUM=/path`` first), else Debian's or Ubuntu's package, else the one that Playwright fetches into
``.bootstrap/browser``. Where every way is closed it says so in one line, within ten seconds. Needs nothing but Python.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from setup import LOCK, PYTHON, ROOT, check_python, entries, find_uv, plain_words

#: Where Playwright puts what it fetches: in this checkout, and only a browser for it.
FETCHED = ROOT / ".bootstrap" / "browser"
NAMES = [
    *("chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "chrome"),
    *("microsoft-edge-stable", "microsoft-edge", "msedge"),
]
APPLICATIONS = ["Chromium", "Google Chrome", "Microsoft Edge"]
PROGRAM_FILES = ["Google/Chrome/Application/chrome.exe", "Microsoft/Edge/Application/msedge.exe"]
PACKAGES = ["chromium", "chromium-browser"]  # Debian's name, and that of older Ubuntus
PATIENCE = 2.5  # seconds without a sign of life after which a server counts as closed


class ClosedError(Exception):
    """A way to a browser that does not lead to one; the message says why in a few words."""


def starts(path: str) -> bool:
    """Whether a browser is more than a file: Ubuntu's stub without snap and one without its libraries are not."""
    if sys.platform == "win32":  # there --version opens a window
        return True
    try:
        asked = subprocess.run([path, "--version"], capture_output=True, check=False, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return asked.returncode == 0


def places() -> list[str]:
    """Everywhere that a browser may be, the best first."""
    found = [path for name in NAMES if (path := shutil.which(name))]
    if sys.platform == "darwin":
        found += [f"/Applications/{name}.app/Contents/MacOS/{name}" for name in APPLICATIONS]
    if sys.platform == "win32":
        roots = [os.environ.get(name) for name in ("PROGRAMFILES", "PROGRAMFILES(X86)", "LOCALAPPDATA")]
        found += [str(Path(root) / program) for program in PROGRAM_FILES for root in roots if root]
    programs = ("chrome-headless-shell", "chrome-headless-shell.exe", "headless_shell", "headless_shell.exe")
    return found + [str(path) for name in programs for path in sorted(FETCHED.rglob(name), reverse=True)]


def find() -> str | None:
    """The browser: what CHROMIUM names, else the machine's own, else the fetched one; None where there is none.

    Raises:
        ValueError: CHROMIUM names something that is not there or does not start.
    """
    named = os.environ.get("CHROMIUM")
    if named:
        path = shutil.which(named)
        if path is None or not starts(path):
            raise ValueError(f"CHROMIUM={named} is no browser that starts; give its path, or leave CHROMIUM unset")
        return path
    return next((path for path in places() if Path(path).is_file() and starts(path)), None)


def quiet(*command: str | Path, env: Mapping[str, str] | None = None, alive: str = "", timeout: float = 900) -> str:
    """Run a command without a line of its own and return what it said.

    Args:
        alive: A pattern; without a line that holds it after ``PATIENCE`` seconds the command is ended.
        timeout: Seconds after which it is ended in any case.

    Raises:
        ClosedError: It could not start, failed, or showed no sign of life.
    """
    words = [str(part) for part in command]
    try:
        running = subprocess.Popen(
            words,
            env={**os.environ, **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
        )
    except OSError as error:
        raise ClosedError(f"{words[0]} does not start") from error
    said: list[str] = []
    living = threading.Event()

    def listen() -> None:
        assert running.stdout is not None
        for line in running.stdout:
            said.append(line)
            if alive and re.search(alive, line):
                living.set()
        living.set()

    listener = threading.Thread(target=listen, daemon=True)
    listener.start()
    try:
        if alive and not living.wait(PATIENCE):
            raise ClosedError("no answer")
        code = running.wait(timeout)
    except subprocess.TimeoutExpired:
        raise ClosedError("no answer in time") from None
    finally:
        if running.poll() is None:
            running.kill()
    listener.join(PATIENCE)
    if code:
        raise ClosedError(f"it ended with {code}")
    return "".join(said)


def from_packages() -> str:
    """Install Debian's or Ubuntu's package, where this user may.

    Raises:
        ClosedError: There is no apt-get, no right to use it, no network, or no such package that starts.
    """
    apt = shutil.which("apt-get")
    if apt is None:
        raise ClosedError("no apt-get")
    as_root: Sequence[str] = ()
    if os.geteuid() != 0:
        try:
            quiet("sudo", "-n", "true", timeout=PATIENCE)
        except ClosedError:
            raise ClosedError("apt-get needs root or sudo without a password") from None
        as_root = ("sudo", "-n")
    limits = ["-o", f"Acquire::http::Timeout={PATIENCE:.0f}", "-o", "Acquire::Retries=0"]
    env = {"DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"}
    try:
        quiet(*as_root, apt, "update", *limits, env=env, alive=r"^(Get|Hit):")
    except ClosedError:
        raise ClosedError("apt-get reaches no server") from None
    for package in PACKAGES:
        print(f"browser: installing the package {package} with apt-get", flush=True)
        try:
            quiet(*as_root, apt, "install", "-y", "-qq", "--no-install-recommends", package, env=env)
        except ClosedError:
            continue
        found = find()
        if found:
            return found
    raise ClosedError("apt-get has no Chromium that starts here")


def answers(address: str) -> bool:
    """Whether a server says anything at all, be it no."""
    import urllib.error
    import urllib.request

    try:
        urllib.request.urlopen(urllib.request.Request(address, method="HEAD"), timeout=PATIENCE).close()
    except urllib.error.HTTPError:
        return True
    except (OSError, ValueError):
        return False
    return True


def playwright_of_uv(env: Mapping[str, str]) -> list[str | Path]:
    """The command that starts the locked Playwright without .venv: uv fetches it into its own cache.

    Raises:
        ClosedError: There is no uv and none can be had, or PyPI does not answer.
    """
    try:
        uv = find_uv(quiet)
        with tempfile.TemporaryDirectory() as folder:
            wanted = Path(folder) / "playwright.txt"
            wanted.write_text(entries(LOCK.read_text(encoding="utf-8"))["playwright"], encoding="utf-8")
            quiet(uv, "pip", "compile", "--no-deps", "--universal", wanted, timeout=PATIENCE)  # is PyPI there?
        command = [uv, "tool", "run", "--quiet", "--constraints", LOCK, "--from", "playwright", "playwright"]
        quiet(*command, "--version", env=env)
        return command
    except ClosedError:
        raise ClosedError("PyPI, where Playwright comes from, does not answer") from None


def from_playwright() -> str:
    """Let Playwright fetch its own browser into ``FETCHED``; Playwright itself need not be installed yet.

    Raises:
        ClosedError: Neither Playwright nor its browser can be had, or the browser lacks libraries of the system.
    """
    env = {"PLAYWRIGHT_BROWSERS_PATH": str(FETCHED)}
    playwright: list[str | Path] = [PYTHON, "-m", "playwright"]
    try:
        quiet(*playwright, "--version")
    except ClosedError:
        playwright = playwright_of_uv(env)
    wanted = ("install", "--only-shell", "chromium")
    addresses = re.findall(r"https?://\S+", quiet(*playwright, *wanted, "--dry-run", env=env))
    alive: list[bool] = []
    # A name server that says nothing is not bound by urlopen's limit, so the question gets a thread of its own.
    asking = threading.Thread(target=lambda: alive.append(any(map(answers, addresses[:1]))), daemon=True)
    asking.start()
    asking.join(PATIENCE)
    if not any(alive):
        raise ClosedError("Playwright's server does not answer")
    print("browser: Playwright fetches one into .bootstrap/browser", flush=True)
    quiet(*playwright, *wanted, env=env)
    found = find()
    if found is None:
        raise ClosedError("Playwright's browser lacks libraries here, which `playwright install-deps` names")
    return found


def bring() -> str:
    """The browser's path, after whatever brings one.

    Raises:
        SystemExit: Every way is closed: one line.
    """
    try:
        found = find()
    except ValueError as error:
        raise SystemExit(f"browser: {error}") from None
    if found:
        return found
    reasons = []
    for way in (from_packages, from_playwright):
        try:
            return way()
        except ClosedError as reason:
            reasons.append(str(reason))
    raise SystemExit(
        f"browser: no Chrome, Chromium or Edge on this machine, and none can be brought ({'; '.join(reasons)}): "
        "install one, or name it: make test CHROMIUM=/path"
    )


if __name__ == "__main__":
    plain_words()
    check_python()
    path = bring()
    if "--quiet" not in sys.argv:
        print(path)
