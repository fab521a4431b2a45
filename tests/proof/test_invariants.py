"""Every rule can be broken, and then it, and no other, says so."""

from collections.abc import Iterator
from itertools import pairwise

import pytest
from flask import Flask
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.orm import Session

from portal.db import db, transaction
from portal.faces import setting
from portal.proof import invariants
from tests import books, builders
from tests.builders import OTHER_TOWN, TOWN
from tests.fakes import FakeProvider
from tests.proof import small_town


@pytest.fixture
def owner(owner_url: str) -> Iterator[Engine]:
    engine = create_engine(owner_url)
    yield engine
    engine.dispose()


def entry(first: str, second: str = "income:surplus", cents: int = -5) -> str:
    """An entry over 5 cents that no act would post."""
    return f"""WITH e AS (
        INSERT INTO ledger_entries (tenant_id, reference, reason, booked_on, booked_at)
        VALUES ('{TOWN}', 'by hand', 'by hand', now(), now()) RETURNING tenant_id, id)
        INSERT INTO ledger_postings SELECT tenant_id, id, n, account, cents, 'EUR'
        FROM e, (VALUES (1, '{first}', 5), (2, '{second}', {cents})) AS p (n, account, cents)"""


def one(table: str, change: str, which: str = "true") -> str:
    """A change to one row."""
    return f"""UPDATE {table} SET {change} WHERE ctid =
        (SELECT min(ctid) FROM {table} WHERE tenant_id = '{TOWN}' AND {which})"""


def untold(event: str) -> str:
    return one("events", "type = 'by hand'", f"type = '{event}'")


def told(event: str, data: str = "{}", reference: str = "") -> str:
    """An event that nobody had a reason to tell."""
    return f"""INSERT INTO events (tenant_id, position, id, type, reference, occurred_at, data)
            SELECT tenant_id, last + 1, 'by hand', '{event}', nullif('{reference}', ''), now(),
                '{data}' FROM event_feed WHERE tenant_id = '{TOWN}';
        UPDATE event_feed SET last = last + 1 WHERE tenant_id = '{TOWN}'"""


def moved(reference: str, *states: str) -> str:
    """A request that goes from state to state, and stands in the last."""
    steps = ", ".join(
        f"({n}, '{old}', '{new}')"
        for n, (old, new) in enumerate(pairwise(states))
    )  # fmt: skip
    return f"""UPDATE payment_requests SET state = '{states[-1]}' WHERE reference = '{reference}';
        INSERT INTO request_steps (tenant_id, request_id, booked_on, at, version, old_state, state,
            old_kind, kind, amount_cents, covered_cents, closed_cents)
            SELECT tenant_id, id, now(), now(), version, step.old, step.new, kind, kind, 0, 0, 0
            FROM payment_requests CROSS JOIN (VALUES {steps}) AS step (n, old, new)
            WHERE reference = '{reference}' ORDER BY n"""


# rule -> what nobody may do
# fmt: off
MISTAKES: dict[str, list[str]] = {
    "an entry balances, in one currency": [
        entry("fees:card", cents=-4),
        f"""INSERT INTO ledger_entries (tenant_id, reference, reason, booked_on, booked_at)
            VALUES ('{TOWN}', 'by hand', 'by hand', now(), now())""",
    ],
    "a suspense account is the sum of its open items": [
        entry("suspense:card"),
        f"""UPDATE suspense_items SET open_cents = open_cents - 1
                WHERE tenant_id = '{TOWN}' AND open_cents > 1;
            INSERT INTO suspense_moves (tenant_id, item_id, booked_on, at, reason, cents)
                SELECT tenant_id, id, now(), now(), 'by hand', -1 FROM suspense_items
                WHERE tenant_id = '{TOWN}' AND open_cents > 0""",
    ],
    "a suspense item was booked under its own name, on its own account": [
        one("suspense_items", "reference = 'by hand'"),
    ],
    "custody is the sum of its open items": [entry("custody:surplus")],
    "what is open of an item is the sum of its moves": [
        f"DELETE FROM suspense_moves WHERE tenant_id = '{TOWN}' AND reason = 'settled'",
        one("custody_moves", "cents = cents + 1"),
    ],
    "what was cleared of a kind is what its requests have covered": [entry("claims:tax")],
    "what was paid elsewhere is what was told and not undone": [
        entry("elsewhere"),
        one("paid_elsewhere", "undone_at = now()"),
    ],
    "what is in transit was settled and has not arrived": [entry("transit:card")],
    "what is held in reserve is what reports in force held back, less what was let go or closed": [
        entry("reserves:card"),
        one("approvals", "facts = facts || '{\"amount_cents\": 399}'", "act = 'reserve.close'"),
    ],
    "what a line of a settlement report settled is what it took of items, each of its own account":
        [one("settled_items", "cents = cents + 1")],
    "of a settlement report one version at most is in force, and what has arrived was not undone": [
        f"""INSERT INTO settlement_undoings SELECT tenant_id, account, settlement, version, now()
                FROM payout_arrivals WHERE tenant_id = '{TOWN}';
            INSERT INTO events (tenant_id, position, id, type, occurred_at, data)
                SELECT tenant_id, last + 1, 'by hand', 'payout.withdrawn', now(), data
                FROM event_feed JOIN events USING (tenant_id)
                WHERE tenant_id = '{TOWN}' AND type = 'payout.announced'
                    AND data ->> 'payout' = 's1';
            UPDATE event_feed SET last = last + 1 WHERE tenant_id = '{TOWN}'""",
    ],
    "what stands on the bank is what has arrived": [entry("bank")],
    "a success is booked once, to the cent, and nothing is booked for money that never came": [
        one("ledger_entries", "reason = 'by hand'", "reason = 'payment_succeeded'"),
        one("ledger_entries", "reason = 'payment_succeeded'", "reason = 'settlement'"),
    ],
    "a success is allocated to the cent": [one("allocations", "cents = cents + 1")],
    "a payment names unit, kind and day of receipt of its request": [
        one("payments", "unit = '20.9'"),
        one("payments", "kind = 'fee'", "kind <> 'fee'"),
        one("payments", "received_on = received_on - 1"),
        one("payment_requests", "created_at = created_at - interval '1 day'",
            "id IN (SELECT request_id FROM payments)"),
    ],
    "a request was paid online when a payment of it succeeded": [
        one("payment_requests", "paid_online = NOT paid_online"),
    ],
    "a payment moves along the edges of its table": [
        one("payment_steps", "event = 'cancelled'", "new = 'succeeded'"),
    ],
    "a payment's steps follow one another and lead to where it stands": [
        f"DELETE FROM payment_steps WHERE tenant_id = '{TOWN}' AND old = 'created'",
        """INSERT INTO payment_steps (tenant_id, payment_id, at, event, source, old, new)
            SELECT tenant_id, id, now(), 'handed_over', 'by hand', 'created', 'started'
            FROM payments WHERE state = 'succeeded' LIMIT 1""",
    ],
    "no more goes back of a payment than came": [
        one("payments", "refunded_cents = refunded_cents + 1", "refunded_cents > 0"),
        one("payments", "reversed_cents = reversed_cents - 1", "reversed_cents > 0"),
    ],
    "a refund that was sent is in the book, and one that was not is not": [
        one("ledger_entries", "reason = 'by hand'", "reason = 'refund'"),
    ],
    "unclear money that was sent back is in the book, and what was not is not": [
        one("ledger_entries", "reason = 'by hand'", "reason = 'custody_returned'"),
        one("custody_returns", "state = 'failed'"),
    ],
    "a reversal is in the book, and so is each part of it that came back": [
        one("reversals", "fee_back_cents = fee_back_cents + 1"),
        one("reversal_wins", "amount_cents = amount_cents + 1"),
        "DELETE FROM reversal_wins",
    ],
    "a request is paid when it is covered, and only then": [
        moved("K-3", "paid", "open"),
        moved("K-13", "open", "paid"),
    ],
    "a request asks what its newest version asks": [
        one("payment_requests", "version = version + 1"),
    ],
    "a request is what its first version asked, and the sum of its steps": [
        one("request_steps", "covered_cents = 0", "covered_cents <> 0"),
        one("request_steps", "closed_cents = closed_cents + 1"),
        one("request_steps", "amount_cents = amount_cents + 1"),
    ],
    "a replaced request names the newer one and has nothing covered; a withdrawn one says why": [
        one("payment_requests", "withdrawn_reason = NULL", "state = 'withdrawn'"),
        one("payment_requests", "replaced_by = NULL", "state = 'replaced' AND NOT money_moved_on"),
    ],
    "a request moves along the edges of its table": [
        moved("K-3", "paid", "expired", "paid") + "; " + told("request.expired", reference="K-3"),
    ],
    "a request's steps follow one another and lead to where it stands": [
        one("payment_requests", "state = 'partly_paid'", "state = 'open'"),
        "DELETE FROM request_steps WHERE state = 'withdrawn' AND request_id ="
        " (SELECT id FROM payment_requests WHERE reference = 'K-5')",
    ],
    "what was paid on a request counts for it, or for one that stands in its place": [
        one("allocations", "request_id = (SELECT id FROM payment_requests WHERE reference = 'K-4')",
            "request_id = (SELECT id FROM payment_requests WHERE reference = 'K-7')"),
    ],
    "a waived rest was waived by order": [
        "UPDATE closed_rests SET amount_cents = amount_cents - 1 WHERE order_number = 'AO-7'",
    ],
    "what two people must do, two people did; one alone only where the town's rule let him": [
        """ALTER TABLE approvals DROP CONSTRAINT ck_approvals_two_people;
           UPDATE approvals SET second = 'staff:ANNA' WHERE state = 'approved'""",
        one("approvals", "second = 'staff:carl'", "act = 'refund'"),
        one("approvals", "state = 'refused', second = NULL", "act = 'custody.return'"),
    ],
    "positions of the feed have no gap": ["UPDATE event_feed SET last = last + 1"],
    "nobody has read further than the feed goes": [
        f"INSERT INTO read_through VALUES ('{TOWN}', 999, now())",
    ],
    "each success was told once": [
        untold("payment.succeeded"),
        told("payment.succeeded", '{"payment": null}'),
    ],
    "each refund's end was told once": [untold("refund.succeeded")],
    "each reversal, and each that was won, was told once": [untold("payment.reversed")],
    "each item in custody was told once": [untold("custody.opened")],
    "unclear money that went back was told once": [
        one("events", "type = 'by hand'",
            "type = 'custody.returned' AND data ->> 'cause' = 'unclear'"),
    ],
    "a request's new versions, waived rests, last days and replacements were told once": [
        one("events", "type = 'by hand'", "data ->> 'reason' = 'new_version'"),
        untold("request.rest_closed"), untold("request.expired"),
        untold("request.replaced"), told("request.expired", reference="K-8"),
        told("request.replaced", reference="K-3"),
    ],
    "a request's withdrawals and ways back were told": [
        untold("request.withdrawn"), untold("request.restored"),
    ],
    "money under way was told once each time": [
        untold("payment.pending"), told("payment.pending", '{"payment": null}'),
    ],
    "custody that found its request was told once each time": [
        untold("custody.assigned"), told("custody.assigned", '{"item": "999"}'),
    ],
    "each pay-out was announced once, and withdrawn or arrived once": [
        untold("payout.announced"), untold("payout.arrived"),
    ],
    "each reserve that was closed by order was told once": [
        untold("reserve.closed"), told("reserve.closed", '{"closing": "999"}'),
    ],
    "of one request no later event is taken before an earlier one": [
        one("deliveries", "state = 'waiting', taken_at = NULL"),
        one("deliveries", "taken_at = now() + interval '1 day'"),
    ],
    "no row points into another town, or to what is not there": [
        one("payment_requests", "replaced_by = 999", "state = 'replaced' AND NOT money_moved_on"),
        one("custody_items", "account = 'other'"),
        entry("fees:other"),
        one("events", "data = data || '{\"payment\": \"of another town\"}'",
            "type = 'request.withdrawn'"),
        f"""INSERT INTO kept_answers SELECT '{OTHER_TOWN}', id, sha256(''), sha256(''), now()
            FROM clients WHERE tenant_id = '{TOWN}' LIMIT 1""",
    ],
    "the book has no account but the known ones": [entry("pocket")],
    "what is kept as a hash is a whole one": [
        """ALTER TABLE clients DROP CONSTRAINT ck_clients_secret_sha256;
           UPDATE clients SET secret_sha256 = 'short'""",
        """ALTER TABLE grants DROP CONSTRAINT ck_grants_visitor;
           INSERT INTO grants SELECT tenant_id, id, 'short', 1, 1, now(), now()
           FROM payment_requests LIMIT 1""",
    ],
    "the audit chain has no gap and ends at its head": [
        one("audit_heads", "seq = seq - 1"),
        "DELETE FROM audit_chain WHERE seq = 2",
        one("audit_chain", "hash = sha256('')", "seq = (SELECT max(seq) FROM audit_chain)"),
    ],
    "no column could hold a person, but the town's own": [
        "ALTER TABLE payments ADD COLUMN payer_name text",
        "ALTER TABLE audit ADD COLUMN ip inet",
    ],
    invariants.NO_PERSON: [
        one("payment_requests", "purpose = 'an Wilhelmine, wilhelmine@example.org'"),
        one("audit", "detail = '{\"from\": \"DE89 3704 0044 0532 0130 00\"}'"),
        one("audit", "act = 'tenant.bank.refused', detail = '{\"becomes\": {\"iban\":"
            " \"DE75512108001245126199\"}, \"why\": \"DE89 3704 0044 0532 0130 00\"}'"),
        f"""INSERT INTO approvals (tenant_id, act, subject, order_number, facts, first, asked_at,
            expires_at, state) VALUES ('{TOWN}', 'tenant.bank', 'bank', '', '{{"was": {{"iban":
            "DE75512108001245126199", "account_holder": "wilhelmine@example.org"}}}}',
            'staff:anna', now(), now(), 'refused')""",
        one("events", "data = data || '{\"by\": \"de89370400440532013000\"}'"),
        one("request_versions", "content = content || '{\"purpose\": \"Tel. 0171 2345678\"}'"),
        one("request_versions", "content = content || '{\"items\": [{\"text\":"
            " \"Karte 4111 1111 1111 1111\"}]}'"),
    ],
}
# fmt: on


@pytest.mark.rows_by_hand
def test_each_mistake_breaks_its_rule_and_no_other(
    app: Flask, provider: FakeProvider, owner: Engine
) -> None:
    small_town.build(app, provider)
    books.check(db.session())
    wrong = {}
    for rule, mistakes in MISTAKES.items():
        for mistake in mistakes:
            found = after(owner, mistake)
            if list(found) != [rule] or not all(found.values()):
                wrong[mistake] = found
    assert not wrong, wrong


def after(owner: Engine, mistake: str) -> dict[str, list[tuple[object, ...]]]:
    """What is broken once somebody who owns the tables has made this mistake; then it is undone."""
    with Session(owner) as session:
        session.execute(text("SET LOCAL quitt.purge = 'on'"))
        for statement in mistake.split(";"):
            session.execute(text(statement.replace(":", r"\:")))
        return invariants.broken(session)


def test_a_town_may_say_how_its_officials_are_reached(app: Flask) -> None:
    officer = "Datenschutz, Rathausplatz 1, datenschutz@musterhausen.example"
    setting.put(TOWN, [setting.Said("data_protection_officer", officer)], "clerk")
    assert invariants.broken(db.session()) == {}


def test_a_demands_own_sign_may_look_like_a_card(app: Flask) -> None:
    builders.letter(payment_sign="4111111111111111", purpose="Zeichen 4111 1111 1111 1111")
    assert invariants.broken(db.session()) == {}


def test_every_rule_has_its_mistake() -> None:
    assert set(MISTAKES) == {*invariants.rules(), invariants.NO_PERSON}


def test_no_statement_of_the_file_is_passed_over() -> None:
    script = invariants.FILE.read_text()
    assert len(invariants.rules()) == script.count(";\n")
    assert all(rule == rule.strip() and "\n" not in rule for rule in invariants.rules())


@pytest.mark.rows_by_hand
def test_of_a_rule_twenty_rows_are_told(app: Flask, owner: Engine) -> None:
    many = f"""INSERT INTO ledger_entries (tenant_id, reference, reason, booked_on, booked_at)
        SELECT '{TOWN}', n, 'by hand', now(), now() FROM generate_series(1, 50) AS n"""
    found = after(owner, many)
    assert {rule: len(rows) for rule, rows in found.items()} == {
        "an entry balances, in one currency": invariants.MOST_ROWS
    }


def test_what_happens_meanwhile_is_no_false_alarm(
    app: Flask, owner: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each rule is read while somebody books beside it: all see the moment of the first one."""
    moments = ["SELECT txid_current_if_assigned(), last, pg_current_snapshot() FROM event_feed"] * 2

    class Beside(dict[str, str]):
        def items(self) -> Iterator[tuple[str, str]]:  # type: ignore[override]
            for number, query in enumerate(moments):
                yield str(number), query
                with Session(owner) as beside:
                    beside.execute(text("UPDATE event_feed SET last = last + 1"))
                    beside.commit()

    db.session.rollback()
    with monkeypatch.context() as patched:
        patched.setattr(invariants, "rules", Beside)
        seen = invariants.broken(db.session())
    assert seen["0"] == seen["1"]
    with Session(owner) as beside:
        assert set(beside.scalars(text("SELECT last FROM event_feed"))) == {len(moments)}
        beside.execute(text("UPDATE event_feed SET last = 0"))
        beside.commit()


def test_a_check_of_its_own_ends_what_it_began(app: Flask) -> None:
    session = db.session()
    session.rollback()
    assert invariants.broken(session) == {}
    assert not session.in_transaction()
    builders.letter()


def test_a_check_inside_an_act_leaves_the_act_as_it_is(app: Flask) -> None:
    with transaction() as session:
        session.execute(text("UPDATE tenants SET hours = 'always'"))
        assert invariants.broken(session) == {}
    db.session.rollback()
    assert set(db.session.execute(text("SELECT hours FROM tenants")).scalars()) == {"always"}
