"""The three fakes, as payers, banks and time use them; and what their own books say."""

import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from demo.far_side import Merchant
from fakes import settlements
from fakes.books import Books
from portal import clock

PATIENCE = 60.0  # seconds that a notification may take on a busy machine
# A delivery that is refused comes again: it is on its way as long as its time has come.
_ON_THE_WAY = "SELECT count(*) FROM deliveries WHERE state = 'waiting' AND (due_at <= ? OR tries)"
_GIVEN_UP = "SELECT count(*) FROM deliveries WHERE state = 'given_up' AND NOT forged"


@dataclass(frozen=True, slots=True)
class Line:
    """A movement that a settlement settles: what of, by our name or theirs, with its fee."""

    kind: str
    name: str
    cents: int
    fee: int


class FarSide:
    """All fakes of one town. ``name`` is an adapter's."""

    def __init__(self, merchants: list[Merchant], folder: Path) -> None:
        self.merchants = {merchant.adapter: merchant for merchant in merchants}
        self.books = Books(folder)
        self.http = httpx2.Client(trust_env=False, timeout=PATIENCE)

    def close(self) -> None:
        self.http.close()
        self.books.close()

    def door(self, name: str, path: str, **told: Any) -> dict[str, Any]:
        """Let something happen there; what the door answers."""
        answer = self.http.post(f"{self.merchants[name].at}/test/{path}", json=told)
        assert answer.is_success, (path, answer.text)
        found: dict[str, Any] = answer.json()
        return found

    def quiet(self) -> None:
        """Wait until everything that is due was told and taken."""
        last = time.monotonic() + PATIENCE
        while self._count(_ON_THE_WAY, clock.now().timestamp()):
            assert time.monotonic() < last, ("notifications are not taken", self._told("waiting"))
            time.sleep(0.02)
        assert not self._count(_GIVEN_UP), ("notifications were given up", self._told("given_up"))

    def totals(self, name: str) -> dict[str, int]:
        """What the merchant's books come to, in cents."""
        merchant = self.merchants[name]
        told = self.http.get(f"{merchant.at}/books").raise_for_status().json()
        found: dict[str, int] = told["merchants"][merchant.name]["totals"]
        return found

    def settle(self, name: str, how: str) -> str | None:
        """Pay out what is unsettled; the settlement's name there, none if there is nothing."""
        merchant = self.merchants[name]
        path = f"{merchant.at}/test/merchants/{merchant.name}/settle"
        answer = self.http.post(path, json={"webhook": how})
        if answer.status_code == 409:
            return None
        return str(answer.raise_for_status().json()["settlement"])

    def lines(self, settlement: str) -> list[Line]:
        """What a settlement settles, in order."""
        with self.books.reading() as db:
            return [self._line(db, row) for row in settlements.lines(db, settlement)]

    def unsettled(self, name: str) -> list[Line]:
        """What is not paid out yet, in order."""
        query = (
            "SELECT m.* FROM movements m LEFT JOIN settlement_lines l ON l.movement = m.n"
            " WHERE m.provider = ? AND m.merchant = ? AND l.movement IS NULL"
            " AND m.kind <> 'payout' ORDER BY m.n"
        )
        with self.books.reading() as db:
            rows = db.execute(query, (name, self.merchants[name].name)).fetchall()
            return [self._line(db, row) for row in rows]

    def report(self, settlement: str) -> bytes:
        """GiroCheckout's report as a file."""
        at = self.merchants["girocheckout"].at
        return self.http.get(f"{at}/reports/{settlement}.csv").raise_for_status().content

    def _line(self, db: Any, row: Any) -> Line:
        name = row["reversal_id"] or ""
        if row["refund_id"]:
            query = "SELECT refund, id FROM refunds WHERE id = ?"
            found = db.execute(query, (row["refund_id"],)).fetchone()
            name = found["refund"] or found["id"]
        elif row["payment_id"] and not name:
            query = "SELECT payment FROM payments WHERE id = ?"
            name = db.execute(query, (row["payment_id"],)).fetchone()["payment"]
        return Line(row["kind"], name, row["amount_cents"], row["fee_cents"])

    def _told(self, state: str) -> list[dict[str, Any]]:
        """The deliveries in a state, as the courier wrote them down."""
        query = "SELECT about, tries, answer, due_at, forged FROM deliveries WHERE state = ?"
        with self.books.reading() as db:
            return [dict(row) for row in db.execute(query, (state,))]

    def _count(self, query: str, *values: Any) -> int:
        with self.books.reading() as db, closing(db.execute(query, values)) as found:
            return int(found.fetchone()[0])
