"""What a letter may ask for is what the portal says is open, by the link and TAN of today."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from demo import sample
from office import pushing
from office.client import Portal
from office.db import office_db
from office.facts import read_event
from office.importing import import_file
from office.letters import epc_code, letter
from office.models import Claim, EventState
from office.printing import Left, print_letters
from office.pseudonyms import key
from office.taking import take
from office.town import Facts, get
from portal import clock
from portal.errors import Conflict
from tests.office.conftest import KEY, import_sample, silent
from tests.office.fake_portal import Books

SECRET_KEY = key(KEY)
FIRST, SECOND = "K-2026-000001", "K-2026-000002"  # the first asks 4.50 EUR

Push = Callable[[], int]


@pytest.fixture
def push(office: Flask, portal: Portal) -> Push:
    """Two claims at the portal; pushes again, and says how many were asked for."""

    def act() -> int:
        pushed = pushing.push(portal, SECRET_KEY, silent).pushed
        office_db.session.expire_all()
        return pushed

    import_sample(2)
    act()
    return act


def told(books: Books, kind: str, **data: Any) -> EventState | None:
    state = take(read_event(books.tell(kind, FIRST, **data)))
    office_db.session.rollback()
    return state


def paid(books: Books, cents: int, payment: str = "pay-1") -> None:
    told(books, "payment.succeeded", payment=payment, amount_cents=cents, claim_cents=cents,
         surplus_cents=0, suspense_account="suspense:sandbox")  # fmt: skip


def drawn(reference: str) -> tuple[str, Facts]:
    claim, facts = office_db.session.get_one(Claim, reference), get(office_db.session())
    return letter(claim, facts, clock.today(facts.time_zone)), facts


@pytest.mark.parametrize("reason", ["new_link", "new_tan"])
def test_after_a_new_tan_or_link_no_old_letter_is_printed_and_the_new_one_once(
    push: Push, books: Books, tmp_path: Path, reason: str
) -> None:
    print_letters(tmp_path, SECRET_KEY, silent)
    books.otherwise[FIRST] = {"tan": "87654321"}
    assert told(books, "request.changed", version=1, reason=reason) == EventState.NOTED
    with pytest.raises(Conflict, match="zuerst"):
        print_letters(tmp_path, SECRET_KEY, silent, one=FIRST)
    assert push() == 1
    assert office_db.session.get_one(Claim, FIRST).link.tan == "87654321"
    printed = print_letters(tmp_path, SECRET_KEY, silent)
    assert [file.name for file in printed.files] == [f"{FIRST}.pdf", "_run-2.pdf"]


def test_what_our_own_push_has_changed_is_not_asked_again(push: Push, books: Books) -> None:
    told(books, "request.changed", version=2, reason="new_version")
    assert push() == 0


def test_a_new_tan_while_its_push_is_under_way_is_asked_for_again(
    push: Push, books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    told(books, "request.changed", version=1, reason="new_tan")
    asked = Portal.push

    def overtaken(self: Portal, requests: list[dict[str, Any]]) -> list[dict[str, Any]]:
        answers = list(asked(self, requests))
        told(books, "request.changed", version=1, reason="new_tan")
        return answers

    with monkeypatch.context() as patched:
        patched.setattr(Portal, "push", overtaken)
        assert push() == 1
    assert push() == 1
    assert push() == 0


# fmt: off
@pytest.mark.parametrize(
    ("kind", "state", "why"),
    [
        ("request.withdrawn",   "withdrawn", Left.WITHDRAWN),
        ("request.expired",     "expired",   Left.EXPIRED),
        ("request.replaced",    "replaced",  Left.REPLACED),
        ("request.rest_closed", "paid",      Left.PAID),
    ],
)
def test_what_is_not_open_at_the_portal_gets_no_letter(
    push: Push, books: Books, tmp_path: Path, kind: str, state: str, why: Left
) -> None:
    books.otherwise[FIRST] = {"state": state, "open_cents": 0 if state == "paid" else 450}
    told(books, kind, version=1, reason="other")
    push()
    printed = print_letters(tmp_path, SECRET_KEY, silent)
    assert (printed.letters, printed.left_out) == (1, [(FIRST, why)])
    with pytest.raises(Conflict, match=FIRST):
        print_letters(tmp_path, SECRET_KEY, silent, one=FIRST)
# fmt: on


def test_what_can_be_paid_again_gets_its_letter(push: Push, books: Books, tmp_path: Path) -> None:
    books.otherwise[FIRST] = {"state": "withdrawn"}
    told(books, "request.withdrawn", version=1, reason="other")
    push()
    del books.otherwise[FIRST]
    told(books, "request.restored", version=1, reason="withdrawn")
    push()
    assert print_letters(tmp_path, SECRET_KEY, silent).letters == 2


def test_a_letter_asks_for_what_is_open_after_an_older_one_was_paid(
    push: Push, books: Books, tmp_path: Path
) -> None:
    """Paid 100, then a reminder over 105: the portal has moved the 100 and asks for 5."""
    paid(books, 450)
    row = sample.rows(1)[0] | {"Belegnummer": "M-1", "Betrag": "9,50", "Zweck": "Mahnung"}
    plain = sample.as_bytes([row | {"Sprache": "de"}]).decode().split("\r\n")
    import_file(f"{plain[0]};Ersetzt\r\n{plain[1]};{FIRST}\r\n".encode())
    books.otherwise["M-1"] = {"state": "partly_paid", "open_cents": 500}
    push()
    assert told(books, "request.replaced", version=1, reason="M-1") == EventState.BY_HAND
    with pytest.raises(Conflict):  # it may have been answered before the money was moved
        print_letters(tmp_path, SECRET_KEY, silent, one="M-1")
    push()
    html, facts = drawn("M-1")
    assert "5,00\xa0€" in html
    assert "9,50\xa0€" in html
    claim = office_db.session.get_one(Claim, "M-1")
    open_now, claim.link.open_cents = epc_code(claim, facts), 450
    assert open_now != epc_code(claim, facts)
    office_db.session.rollback()
    files = {file.name for file in print_letters(tmp_path, SECRET_KEY, silent).files}
    assert files == {f"{SECOND}.pdf", "M-1.pdf", "_run.pdf"}


def test_a_letter_that_nobody_had_paid_is_replaced_without_a_task(push: Push, books: Books) -> None:
    assert told(books, "request.replaced", version=1, reason="M-1") == EventState.NOTED


def test_who_pays_a_part_gets_no_new_letter_but_a_changed_one_is_printed(
    push: Push, books: Books, tmp_path: Path
) -> None:
    print_letters(tmp_path, SECRET_KEY, silent)
    books.otherwise[FIRST] = {"state": "partly_paid", "open_cents": 350}
    paid(books, 100)
    push()
    assert print_letters(tmp_path, SECRET_KEY, silent).letters == 0
    books.otherwise[FIRST]["tan"] = "87654321"
    told(books, "request.changed", version=1, reason="new_tan")
    assert print_letters(tmp_path, SECRET_KEY, silent).letters == 0
    push()
    assert print_letters(tmp_path, SECRET_KEY, silent).letters == 1
    html, _ = drawn(FIRST)
    assert "3,50\xa0€" in html


def test_who_types_the_code_of_a_rest_enters_the_whole_amount(push: Push, books: Books) -> None:
    office_db.session.get_one(Claim, FIRST).wants_tan = False
    office_db.session.commit()
    books.otherwise[FIRST] = {"open_cents": 350, "tan": None}
    push()
    html, _ = drawn(FIRST)
    assert "den ganzen Betrag ein: 4,50\xa0€" in html
