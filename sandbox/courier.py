"""The courier: carries deliveries to the merchants, again and again until they are taken.

What is due stands in the books, so a killed process goes on where it was. Deliveries about one
payment go one after the other; different payments do not wait for each other.
"""

import json
import logging
import sqlite3
import ssl
import threading
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache

import httpx2

from portal import clock
from sandbox.file import File

PAUSES_SECONDS = (1, 5, 30, 120, 900, 3600, 3 * 3600, 6 * 3600, 12 * 3600)
TIMEOUT_SECONDS = 5.0
LOOK_EVERY_SECONDS = 0.5
_CARRIERS = 8

log = logging.getLogger(__name__)

_NEXT = """
SELECT d.*, e.body, e.merchant FROM deliveries AS d JOIN events AS e ON e.id = d.event
WHERE d.n IN (SELECT min(n) FROM deliveries WHERE state = 'waiting' AND due_at <= ? GROUP BY about)
ORDER BY d.n LIMIT 200
"""


@dataclass(frozen=True, slots=True)
class Parcel:
    """A signed notification as it goes to the merchant."""

    url: str
    headers: Mapping[str, str]
    content: bytes = b""
    method: str = "POST"


Wrap = Callable[[sqlite3.Row], Parcel]  # a row of deliveries with its event's body and merchant


@dataclass(frozen=True, slots=True)
class _Answer:
    taken: bool
    words: str


@cache
def _trust() -> ssl.SSLContext:
    # One for the process: building one reads all certificates of the system.
    return ssl.create_default_context()


class Courier:
    """A thread that looks for what is due, and a few that carry it.

    ``wrap`` makes a parcel of a delivery at the moment when it is carried.
    """

    def __init__(self, books: File, wrap: Wrap) -> None:
        self._books = books
        self._wrap = wrap
        self._bell = threading.Event()
        self._tried = threading.Condition()
        self._on_the_way: set[str] = set()
        self._stopping = False
        self._client = httpx2.Client(
            timeout=TIMEOUT_SECONDS,
            trust_env=False,  # no proxy of the machine; its certificates (SSL_CERT_FILE) all right
            verify=_trust(),
            follow_redirects=False,
        )
        self._pool = ThreadPoolExecutor(_CARRIERS, thread_name_prefix="carrier")
        self._thread = threading.Thread(target=self._run, name="courier", daemon=True)

    def start(self) -> None:
        """Begin to carry."""
        self._thread.start()

    def stop(self) -> None:
        """Finish what is on the way and carry no more."""
        self._stopping = True
        self._bell.set()
        self._thread.join()
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._client.close()

    def ring(self) -> None:
        """Something new is due."""
        self._bell.set()

    def wait(self, deliveries: Collection[int], seconds: float) -> None:
        """Ring, and wait until each of them that is due was tried, at most so long."""
        self.ring()
        with self._tried:
            self._tried.wait_for(lambda: not self._untried(deliveries), seconds)

    def _untried(self, deliveries: Collection[int]) -> bool:
        with self._books.reading() as db:
            found = db.execute(
                "SELECT 1 FROM deliveries WHERE tries = 0 AND due_at <= ?"
                " AND n IN (SELECT value FROM json_each(?)) LIMIT 1",
                (clock.now().timestamp(), json.dumps(list(deliveries))),
            ).fetchone()
        return found is not None

    def _run(self) -> None:
        while not self._stopping:
            self._bell.clear()
            try:
                self._send_out()
            except Exception as error:
                log.warning("deliveries wait: %s", type(error).__name__)
            self._bell.wait(LOOK_EVERY_SECONDS)

    def _send_out(self) -> None:
        for delivery in self._due():
            self._on_the_way.add(delivery["about"])
            self._pool.submit(self._carry, delivery)

    def _due(self) -> list[sqlite3.Row]:
        # Taken before the look into the books: what is done in between waits for the next look,
        # or it would be carried twice.
        busy = set(self._on_the_way)
        with self._books.reading() as db:
            rows = db.execute(_NEXT, (clock.now().timestamp(),)).fetchall()
        return [row for row in rows if row["about"] not in busy]

    def _carry(self, delivery: sqlite3.Row) -> None:
        try:
            self._record(delivery, self._hand_over(delivery))
        except Exception as error:
            log.warning("delivery %s is not recorded: %s", delivery["n"], type(error).__name__)
        else:
            self._bell.set()  # what goes after it may be due; else only the next look tells
        finally:
            self._on_the_way.discard(delivery["about"])
            with self._tried:
                self._tried.notify_all()

    def _hand_over(self, delivery: sqlite3.Row) -> _Answer:
        try:
            parcel = self._wrap(delivery)
            answer = self._client.request(
                parcel.method, parcel.url, content=parcel.content, headers=dict(parcel.headers)
            )
        except Exception as error:
            return _Answer(taken=False, words=type(error).__name__)
        return _Answer(taken=answer.is_success, words=str(answer.status_code))

    def _record(self, delivery: sqlite3.Row, answer: _Answer) -> None:
        tries = delivery["tries"] + 1
        spoilt = delivery["forged"] or delivery["age_seconds"]
        state, pause = "waiting", 0
        if answer.taken:
            state = "taken"
        elif spoilt or tries > len(PAUSES_SECONDS):
            state = "given_up"
        else:
            pause = PAUSES_SECONDS[tries - 1]
        with self._books.transaction() as db:
            db.execute(
                "UPDATE deliveries SET tries = ?, state = ?, answer = ?, due_at = ? WHERE n = ?",
                (tries, state, answer.words, clock.now().timestamp() + pause, delivery["n"]),
            )
