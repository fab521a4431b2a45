"""Serving a practice provider: one process, a thread per connection."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from flask import Flask
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from sandbox.app import create_app, stop

Build = Callable[[Path, str], Flask]  # of the folder of its books and the address for payers

_IDLE_SECONDS = 75


class _Quiet(WSGIRequestHandler):
    """Writes no log: a payment's page is known to its payer only."""

    timeout = _IDLE_SECONDS
    server_version = "sandbox"
    sys_version = ""

    def log(self, *_: object) -> None:
        """Nothing is said."""


def open_server(
    folder: Path,
    port: int,
    bind: str = "127.0.0.1",
    base_url: str = "",
    build: Build = create_app,
) -> BaseWSGIServer:
    """A bound server (port 0: any free one; see its ``port``); call ``serve_forever``.

    ``base_url`` is where payers reach it; empty: ``http://localhost:<port>``. Raises ``OSError``
    when the port is taken. ``close_server`` ends it.
    """
    server = make_server(
        bind, port, Flask("sandbox.waiting"), threaded=True, request_handler=_Quiet
    )
    server.app = build(folder, base_url or f"http://localhost:{server.port}")
    return server


def close_server(server: BaseWSGIServer) -> None:
    """Close the door, then let the courier finish and close the books."""
    server.server_close()
    if isinstance(server.app, Flask):
        stop(server.app)


@contextmanager
def running(folder: Path, port: int = 0, build: Build = create_app) -> Iterator[str]:
    """The provider in a thread of this process; its address. For tests."""
    server = open_server(folder, port, build=build)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        server.shutdown()
        thread.join()
        close_server(server)
