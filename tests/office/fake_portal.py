"""A portal made for tests: the contract's calls that the office makes, over real HTTP.

It keeps its own books, so that a test can compare both sides. It can stumble on purpose.
"""

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from portal import references

HOST = "pay.musterhausen.example"


@dataclass
class Books:
    """What the fake portal was told, and how it should stumble."""

    requests: dict[str, dict[str, Any]] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)
    otherwise: dict[str, dict[str, Any]] = field(default_factory=dict)  # answered, by reference
    pushes: int = 0
    lines: int = 0
    tokens: set[str] = field(default_factory=set)
    tokens_given: int = 0
    break_after: int | None = None  # lines of an answer, once
    url: str = ""

    def tell(self, kind: str, reference: str | None, **data: Any) -> dict[str, Any]:
        """Put an event into the feed."""
        position = len(self.events) + 1
        event = {
            "id": f"evt_{position}",
            "position": position,
            "type": kind,
            "occurred_at": "2026-11-21T19:14:00+00:00",
            "reference": reference,
            "data": data,
        }
        self.events.append(event)
        return event


def link(reference: str) -> dict[str, Any]:
    """A link as the portal would answer it: right in form, another for each reference."""
    raw = hashlib.sha512(reference.encode()).digest()
    short = references.with_check(references.from_bytes(raw, 11))
    code = short + references.from_bytes(raw[16:], 15)
    return {
        "url": f"https://{HOST}/Z/{code}",
        "qr": f"HTTPS://{HOST.upper()}/Z/{code}",
        "short_code": references.in_blocks(short),
        "version": 1,
    }


def tan(reference: str) -> str:
    """Eight digits, others for each reference."""
    return f"{int.from_bytes(hashlib.sha256(reference.encode()).digest()) % 10**8:08d}"


class _Portal(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    books: Books

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        path = urlsplit(self.path).path
        if path == "/api/v1/oauth/token":
            return self._token()
        if not self._knows_me():
            return self._json(401, {"code": "token"})
        if path == "/api/v1/payment-requests":
            return self._batch(body)
        return self._json(404, {"code": "not_found"})

    def do_GET(self) -> None:
        if not self._knows_me():
            return self._json(401, {"code": "token"})
        query = parse_qs(urlsplit(self.path).query)
        after, limit = int(query["after"][0]), int(query["limit"][0])
        if after > len(self.books.events):
            return self._json(422, {"code": "beyond_the_feed"})
        page = self.books.events[after : after + limit]
        return self._json(200, {"events": page, "next": after + len(page)})

    def _token(self) -> None:
        if self.headers["Authorization"] != "Basic b2ZmaWNlOnMzY3JldA==":  # office:s3cret
            return self._json(401, {"error": "invalid_client"})
        self.books.tokens_given += 1
        token = f"token-{self.books.tokens_given}"
        self.books.tokens.add(token)
        return self._json(200, {"access_token": token, "expires_in": 600, "token_type": "Bearer"})

    def _knows_me(self) -> bool:
        return self.headers.get("Authorization", "").removeprefix("Bearer ") in self.books.tokens

    def _batch(self, body: bytes) -> None:
        self.books.pushes += 1
        answers = [
            self._take(number, json.loads(line))
            for number, line in enumerate(body.decode().splitlines(), 1)
        ]
        lines = [json.dumps(answer).encode() + b"\n" for answer in answers]
        self.books.lines += len(lines)
        self.send_response(200)
        self.send_header("Content-Type", "application/x-ndjson")
        self.send_header("Content-Length", str(sum(map(len, lines))))
        self.end_headers()
        cut, self.books.break_after = self.books.break_after, None
        self.wfile.write(b"".join(lines[:cut]))
        if cut is not None:
            self.close_connection = True

    def _take(self, number: int, asked: dict[str, Any]) -> dict[str, Any]:
        if "@" in asked["purpose"]:
            error = {"pointer": "/purpose", "code": "email", "message": "holds an e-mail address"}
            return {"line": number, "status": 422, "errors": [error]}
        reference = asked["reference"]
        status = 200 if reference in self.books.requests else 201
        self.books.requests[reference] = asked
        said = {"state": "open", "open_cents": asked["amount_cents"], "link": link(reference)}
        said["tan"] = tan(reference) if asked["tan"] else None
        said |= self.books.otherwise.get(reference, {})
        return {"line": number, "status": status, "reference": reference, **said}

    def _json(self, status: int, body: dict[str, Any]) -> None:
        raw = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def running() -> Iterator[Books]:
    """A fake portal on a free port, for as long as the block lasts."""
    books = Books()
    handler = type("Handler", (_Portal,), {"books": books})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        books.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield books
        finally:
            server.shutdown()
            thread.join()
