"""A merchant's webhook address that keeps what it is sent and answers as it is told."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.wrappers import Request, Response


@dataclass
class Mailbox:
    """``letters`` are (headers in lower case, raw body), in order of arrival."""

    url: str = ""
    status: int = 204
    letters: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    gate: threading.Event = field(default_factory=threading.Event)  # closed: no answer yet
    arrived: threading.Condition = field(default_factory=threading.Condition)

    def take(self, request: Request) -> Response:
        with self.arrived:
            headers = {name.lower(): value for name, value in request.headers}
            self.letters.append((headers, request.get_data()))
            self.arrived.notify_all()
        self.gate.wait(5)
        return Response(status=self.status)

    def wait_for(self, count: int, seconds: float = 5) -> None:
        """Until so many letters are there; fails if they do not come."""
        with self.arrived:
            there = self.arrived.wait_for(lambda: len(self.letters) >= count, seconds)
        assert there, f"{len(self.letters)} of {count} letters came"

    def find(self, event: str, seconds: float = 5) -> tuple[dict[str, str], bytes]:
        """The letter about an event; fails if it does not come."""
        with self.arrived:
            assert self.arrived.wait_for(lambda: self._about(event), seconds), event
            return self._about(event)[0]

    def _about(self, event: str) -> list[tuple[dict[str, str], bytes]]:
        return [letter for letter in self.letters if letter[0]["webhook-id"] == event]


class _Quiet(WSGIRequestHandler):
    def log(self, *_: object) -> None:
        pass


@contextmanager
def open_mailbox() -> Iterator[Mailbox]:
    """A mailbox on a free port."""
    mailbox = Mailbox()
    mailbox.gate.set()
    app = Request.application(mailbox.take)
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_Quiet)
    mailbox.url = f"http://127.0.0.1:{server.port}/webhook"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield mailbox
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
