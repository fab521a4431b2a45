"""Endpoints that are broken in ways that take time: each gives its address."""

import contextlib
import socket
import threading
from collections.abc import Iterator

DRIP = 0.2  # seconds between two bytes


@contextlib.contextmanager
def deaf() -> Iterator[str]:
    """An address at which a connection is tried until it is given up: its queue is full."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener, contextlib.ExitStack() as s:
        address = listener.getsockname()
        for _ in range(4):
            waiting = s.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(address)
        yield f"http://127.0.0.1:{address[1]}/events"


@contextlib.contextmanager
def dripping(begin: bytes = b"HTTP/1.1 200 OK\r\nX-Drip: ") -> Iterator[str]:
    """A server that sends its answer byte by byte and never ends it."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    ending = threading.Event()

    def drip(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            connection.recv(65536)
            connection.sendall(begin)
            while not ending.wait(DRIP):
                connection.sendall(b"x")

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                threading.Thread(target=drip, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/events"
    finally:
        ending.set()
        listener.close()
