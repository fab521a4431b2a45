"""``quitt sandbox``: the practice provider as a process.

SIGTERM and Ctrl-C end it; what is not yet told is told after the next start.
"""

import argparse
import os
import signal
import sys
import threading
from pathlib import Path

from portal import clock
from sandbox.app import create_app
from sandbox.serving import Build, close_server, open_server


def main(
    arguments: list[str] | None = None,
    name: str = "sandbox",
    what: str = "Practice payment provider.",
    port: int = 8001,
    build: Build = create_app,
) -> int:
    """Serve until told to stop."""
    asked = _parser(name, what, port).parse_args(arguments)
    if moved_by := os.environ.get("QUITT_DEMO_CLOCK"):
        clock.move_by(Path(moved_by).expanduser().absolute())
    try:
        server = open_server(asked.data, asked.port, asked.bind, asked.base_url, build)
    except OSError as error:
        print(f"{name}: {error}", file=sys.stderr)  # noqa: T201 -- the person at the terminal
        return 1

    def end(*_: object) -> None:
        # shutdown() waits for serve_forever, which this handler has interrupted.
        threading.Thread(target=server.shutdown, daemon=True).start()

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    server.serve_forever(poll_interval=0.2)
    close_server(server)
    return 0


def _parser(name: str, what: str, port: int) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=f"quitt {name}", description=what)
    parser.add_argument("--port", type=int, default=port)
    parser.add_argument("--data", type=Path, default=_folder(name), help="folder of its books")
    parser.add_argument("--bind", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--base-url", default="", help="where payers reach it")
    return parser


def _folder(name: str) -> Path:
    return Path(os.environ.get("QUITT_DATA", "var")).expanduser().absolute() / name


if __name__ == "__main__":
    sys.exit(main())
