"""Serve the built site on this machine and say where."""

from __future__ import annotations

import argparse
import functools
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from setup import ROOT, plain_words

SITE = ROOT / "_build" / "html"


class Handler(SimpleHTTPRequestHandler):
    """Files as they are on disk now, without a line in the terminal for each, and none from outside the site.

    What ``python -m http.server`` does not do: it follows links out of its folder, and breaks on a null byte.
    """

    def send_head(self):  # type: ignore[no-untyped-def]  # the base class names no type either
        """Answer 400 to what is no path and 404 to what leads out of the site."""
        try:
            inside = Path(self.translate_path(self.path)).resolve().is_relative_to(Path(self.directory).resolve())
        except (ValueError, OSError):
            self.send_error(HTTPStatus.BAD_REQUEST)
            return None
        if not inside:
            self.send_error(HTTPStatus.NOT_FOUND)
            return None
        return super().send_head()

    def end_headers(self) -> None:
        """Ask the browser to look again each time, so that a rebuilt page is seen at once."""
        self.send_header("Cache-Control", "no-cache")
        super().end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


def server(site: Path, port: int) -> ThreadingHTTPServer:
    """A server for this machine alone; the port, or any free one where it is taken or 0."""
    handler = functools.partial(Handler, directory=str(site))
    try:
        return ThreadingHTTPServer(("127.0.0.1", port), handler)
    except OSError:
        return ThreadingHTTPServer(("127.0.0.1", 0), handler)


def main() -> None:
    """Serve until interrupted."""
    plain_words()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=8000)
    port = parser.parse_args().port
    if not 0 <= port < 2**16:
        raise SystemExit(f"serve: there is no port {port}; give one from 1 to 65535, or 0 for any free one")
    if not (SITE / "index.html").exists():
        raise SystemExit("serve: there is no site yet; `make book` builds it")
    with server(SITE, port) as http:
        print(f"The book is at http://127.0.0.1:{http.server_port}/ (Ctrl-C ends it)", flush=True)
        http.serve_forever()


if __name__ == "__main__":
    main()
