"""Pushing to the portal: complete, once, and without a person."""

import json

import pytest
from flask import Flask

from demo import sample
from office import pushing, syncing
from office.client import Portal, Refused
from office.db import office_db
from office.importing import import_file
from office.models import Claim, Debtor, Link
from office.pseudonyms import key
from portal.errors import Conflict, Unavailable
from tests.office import fake_portal
from tests.office.conftest import KEY, import_sample
from tests.office.fake_portal import Books


def push(portal: Portal) -> pushing.Report:
    return pushing.push(portal, key(KEY), lambda _done, _all: None)


def test_every_claim_gets_its_own_link_and_tan(office: Flask, portal: Portal, books: Books) -> None:
    import_sample(30)
    assert push(portal).pushed == 30
    for claim in office_db.session.query(Claim):
        assert claim.link is not None
        assert claim.link.qr == fake_portal.link(claim.reference)["qr"]
        assert claim.link.tan == (fake_portal.tan(claim.reference) if claim.wants_tan else None)
        assert books.requests[claim.reference]["amount_cents"] == claim.cents


def test_the_portal_learns_no_name_and_no_address(
    office: Flask, portal: Portal, books: Books
) -> None:
    rows = sample.rows(40)
    rows[7]["Zweck"] = f"Gebühr für {rows[7]['Name']}"
    import_file(sample.as_bytes(rows))
    push(portal)
    told = json.dumps(list(books.requests.values()), ensure_ascii=False)
    for debtor in office_db.session.query(Debtor):
        assert debtor.name not in told
        assert debtor.street not in told
        assert debtor.identity.partition(":")[2] not in told


def test_the_portal_is_told_what_is_due_when_and_what_parts_may_be_paid(
    office: Flask, portal: Portal, books: Books
) -> None:
    import_sample(4)
    push(portal)
    plan = books.requests["K-2026-000003"]["instalments"]
    assert plan[0] == {"due_on": "2026-11-15", "amount_cents": 4_600}
    assert sum(each["amount_cents"] for each in plan) == 18_400
    assert books.requests["K-2026-000004"]["partial"] == {"minimum_cents": 5_000}
    assert "instalments" not in books.requests["K-2026-000001"]


def test_what_is_pushed_is_not_pushed_again(office: Flask, portal: Portal, books: Books) -> None:
    import_sample(10)
    push(portal)
    assert push(portal).pushed == 0
    assert books.lines == 10


def test_a_changed_claim_is_pushed_again_alone(office: Flask, portal: Portal, books: Books) -> None:
    rows = sample.rows(10)
    import_file(sample.as_bytes(rows))
    push(portal)
    rows[4]["Betrag"] = "9,99"
    import_file(sample.as_bytes(rows))
    assert push(portal).pushed == 1
    assert books.requests[rows[4]["Belegnummer"]]["amount_cents"] == 999


def test_a_claim_collected_by_debit_is_not_pushed(
    office: Flask, portal: Portal, books: Books
) -> None:
    text = sample.as_csv(sample.rows(2)).replace(";Sprache\r\n", ";Lastschrift\r\n", 1)
    lines = [line.rpartition(";")[0] for line in text.split("\r\n")[1:3]]
    raw = "\r\n".join([text.split("\r\n")[0], lines[0] + ";ja", lines[1] + ";nein"])
    import_file(raw.encode())
    push(portal)
    assert list(books.requests) == ["K-2026-000002"]


def test_a_lost_answer_is_asked_again(
    office: Flask, portal: Portal, books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pushing, "CHUNK", 8)
    import_sample(20)
    books.break_after = 3
    assert push(portal).pushed == 20
    assert books.lines == 20 + 5  # of the first chunk, five were sent twice
    assert office_db.session.query(Link).count() == 20


def test_a_portal_that_is_gone_is_told_and_nothing_is_lost(office: Flask, portal: Portal) -> None:
    import_sample(3)
    with Portal("http://127.0.0.1:9", "office", "s3cret") as gone, pytest.raises(Unavailable):
        push(gone)
    assert push(portal).pushed == 3


def test_of_two_pushes_at_once_the_second_is_told_to_wait(
    office: Flask, portal: Portal, books: Books
) -> None:
    import_sample(3)

    def meanwhile(_done: int, _all: int) -> None:
        with pytest.raises(Conflict, match="läuft gerade"):
            push(portal)

    assert pushing.push(portal, key(KEY), meanwhile).pushed == 3
    assert books.pushes == 1
    assert push(portal).pushed == 0  # it has let go


def test_a_push_that_broke_off_is_in_nobodys_way(office: Flask, portal: Portal) -> None:
    import_sample(1)

    def broken(_done: int, _all: int) -> None:
        raise KeyError

    with pytest.raises(KeyError):
        pushing.push(portal, key(KEY), broken)
    assert push(portal).pushed == 0


def test_a_refused_line_is_kept_with_its_reason_and_the_others_go_on(
    office: Flask, portal: Portal
) -> None:
    rows = sample.rows(4)
    rows[2]["Zweck"] = "Fragen an a@b.example"
    import_file(sample.as_bytes(rows))
    report = push(portal)
    assert report.pushed == 3
    assert report.refused == [(rows[2]["Belegnummer"], "email /purpose")]
    refused = office_db.session.get_one(Claim, rows[2]["Belegnummer"])
    assert refused.refusal
    assert refused.link is None


def test_a_token_that_the_portal_forgot_is_renewed(
    office: Flask, portal: Portal, books: Books
) -> None:
    import_sample(1)
    push(portal)
    books.tokens.clear()
    syncing.sync(portal, lambda _read: None)
    assert books.tokens_given == 2


def test_a_wrong_client_secret_is_told_without_the_secret(office: Flask, books: Books) -> None:
    import_sample(1)
    with Portal(books.url, "office", "wr0ng") as portal:
        with pytest.raises(Refused, match="invalid_client") as told:
            push(portal)
        assert "wr0ng" not in repr((told.value, portal))


def test_an_answer_for_another_claim_is_never_taken(
    office: Flask, portal: Portal, monkeypatch: pytest.MonkeyPatch
) -> None:
    import_sample(2)
    asked = Portal.push

    def swapped(self: Portal, requests: list[dict[str, str]]) -> list[dict[str, str]]:
        return list(reversed(list(asked(self, requests))))

    monkeypatch.setattr(Portal, "push", swapped)
    with pytest.raises(Refused):
        push(portal)
    assert office_db.session.query(Link).count() == 0


def test_only_a_language_that_was_named_is_pushed(
    office: Flask, portal: Portal, books: Books
) -> None:
    named = ["", "uk", "en"]
    rows = [row | {"Sprache": code} for row, code in zip(sample.rows(3), named, strict=True)]
    import_file(sample.as_bytes(rows))
    push(portal)
    told = [books.requests[row["Belegnummer"]].get("language") for row in rows]
    assert told == [None, "uk", "en"]
    claims = [office_db.session.get_one(Claim, row["Belegnummer"]) for row in rows]
    assert [claim.printed_in for claim in claims] == ["de", "de", "en"]
