"""Serve the built site on this machine and say where."""

from __future__ import annotations

import argparse
import functools
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

SITE = Path(__file__).resolve().parents[2] / "_build" / "html"


class Handler(SimpleHTTPRequestHandler):
    """Files as they are on disk now, without a line in the terminal for each."""

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
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=8000)
    port = parser.parse_args().port
    if not (SITE / "index.html").exists():
        raise SystemExit("serve: there is no site yet; `make book` builds it")
    with server(SITE, port) as http:
        print(f"The book is at http://127.0.0.1:{http.server_port}/ (Ctrl-C ends it)", flush=True)
        try:
            http.serve_forever()
        except KeyboardInterrupt:
            print()


if __name__ == "__main__":
    main()
