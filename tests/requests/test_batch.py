"""Batches: the way of many means what the way of one means, row by row and answer by answer."""

import io
import json
import logging
import threading
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import psycopg
import pytest
from flask import Flask, current_app
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select, text, update

from portal.audit import AuditRow
from portal.db import db, transaction
from portal.finance.models import EventRow
from portal.keys import mac
from portal.requests import api, batch, intake, links, purged, staging
from portal.requests.asked import Asked
from portal.requests.batch import Wanted
from portal.requests.desk import Desk
from portal.requests.models import PaymentRequest, RequestVersion
from tests.builders import OTHER_TOWN, TOWN
from tests.contract import asked, bearer

REQUESTS = "/api/v1/payment-requests"
NDJSON = {"Content-Type": "application/x-ndjson"}
NAMES = ("A", "B", "C", "D")

Told = list[dict[str, Any]]
Push = Callable[..., Told]


@pytest.fixture
def tokens(app: Flask) -> dict[str, dict[str, str]]:
    return {town: bearer(app, town) for town in (TOWN, OTHER_TOWN)}


@pytest.fixture
def push(app: Flask, tokens: dict[str, dict[str, str]]) -> Push:
    """Send lines as a batch; the answer lines."""

    def push(*lines: dict[str, Any], town: str = TOWN) -> Told:
        body = "\n".join(map(json.dumps, lines))
        headers = {**tokens[town], **NDJSON}
        answer = app.test_client().post(REQUESTS, data=body, headers=headers)
        assert answer.status_code == 200, answer.text
        return [json.loads(line) for line in answer.data.splitlines()]

    return push


@pytest.fixture
def put(app: Flask, tokens: dict[str, dict[str, str]]) -> Push:
    """Send lines one by one; answered as a batch answers them."""

    def put(*lines: dict[str, Any], town: str = TOWN) -> Told:
        told = []
        for number, line in enumerate(lines, start=1):
            rest = {name: value for name, value in line.items() if name != "reference"}
            url = f"{REQUESTS}/{line['reference']}"
            answer = app.test_client().put(url, json=rest, headers=tokens[town])
            told.append({"line": number, "status": answer.status_code, **answer.json})
        return told

    return put


@pytest.fixture
def together(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[set[str]]]:
    """Which references each COPY brought to an end, as a batch asked for it."""
    found: list[set[str]] = []
    real = staging.put

    def put(session: Any, at: Desk, lines: Any) -> Any:
        told = real(session, at, lines)
        found.append({each.reference for each in lines if each.line in told})
        return told

    monkeypatch.setattr(staging, "put", put)
    return found


def line(reference: str, **changed: Any) -> dict[str, Any]:
    return asked(reference=reference, **changed)


def desk(app: Flask) -> Desk:
    return Desk(app.extensions["keyring"], TOWN, "client:test", "https://localhost")


# --- One truth ----------------------------------------------------------------------------------

ITEMS = [{"text": "Restmüll", "amount_cents": 60}, {"text": "Bioabfall", "amount_cents": 40}]
LINES = st.fixed_dictionaries(
    {
        "reference": st.sampled_from(NAMES),
        "amount_cents": st.sampled_from([100, 100, 250]),
        "currency": st.sampled_from(["EUR"] * 5 + ["PLN"]),
        "kind": st.sampled_from(["tax", "tax", "fee", "warning", "nothing"]),
        "purpose": st.sampled_from(["Grundsteuer", "Abfall für Frau Muster", "Hund"]),
    },
    optional={
        "tan": st.booleans(),
        "due_on": st.sampled_from(["2027-01-15", "2027-02-30", None]),
        "payable_until": st.just("2027-06-30"),
        "partial": st.just({"minimum_cents": 50}),
        "items": st.just(ITEMS),
        "replaces": st.lists(st.sampled_from(NAMES), max_size=2),
        "fee": st.just(1),
    },
)
PUSHES = st.lists(st.lists(LINES, min_size=1, max_size=7), min_size=1, max_size=3)
numbers = count()


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(pushes=PUSHES, paid=st.booleans())
def test_a_batch_leaves_the_same_rows_and_answers_as_single_pushes(
    app: Flask, push: Push, put: Push, tokens: Any, pushes: Any, paid: bool
) -> None:
    mark = f"{next(numbers)}."
    for some in pushes:
        lines = [marked(mark, each) for each in some]
        one_by_one, at_once = put(*lines, town=OTHER_TOWN), push(*lines)
        assert [bare(told) for told in at_once] == [bare(told) for told in one_by_one]
        assert rows(TOWN, mark) == rows(OTHER_TOWN, mark)
        newest = {told["reference"]: told for told in at_once if told["status"] < 400}
        for reference, told in newest.items():
            single = read(app, tokens[TOWN], reference)
            assert told["link"] == single["link"]
            assert told["tan"] == single["tan"]
        if paid:
            for town in (TOWN, OTHER_TOWN):
                pay_elsewhere(app, tokens[town], f"{mark}A")


def marked(mark: str, told: dict[str, Any]) -> dict[str, Any]:
    """The line with references that only this example has."""
    changed = {"reference": mark + told["reference"]}
    if "replaces" in told:
        changed["replaces"] = [mark + name for name in told["replaces"]]
    return {**told, **changed}


def bare(told: dict[str, Any]) -> dict[str, Any]:
    """An answer without what differs between two towns and two moments, or two media."""
    names = {"link", "tan", "created_at", "updated_at"}
    if told["status"] >= 400:
        names |= {"reference", "type", "title", "detail"}
    if told["status"] not in (200, 201, 422):
        names |= {"errors"}
    kept = {name: value for name, value in told.items() if name not in names}
    if "errors" in kept and any(fault["pointer"] == "" for fault in kept["errors"]):
        kept.pop("errors")  # a problem says it in its detail
    if kept.get("errors") == []:
        kept.pop("errors")
    return kept | {"has_tan": told.get("tan") is not None}


def rows(town: str, mark: str) -> dict[str, Any]:
    """What is stored of the references with this mark, in words that two towns share."""
    db.session.rollback()
    mine = (PaymentRequest.tenant_id == town) & PaymentRequest.reference.startswith(mark)
    requests = db.session.scalars(select(PaymentRequest).where(mine)).all()
    names = {request.id: request.reference for request in requests}
    own = {"tenant_id", "id", "lookup", "created_at", "updated_at", "replaced_by"}
    columns = [each.name for each in PaymentRequest.__table__.columns if each.name not in own]
    keyring_right = all(looked_up(request) for request in requests)
    assert keyring_right, "each row is found by its own short code"
    return {
        "requests": {
            request.reference: [getattr(request, name) for name in columns]
            + [names.get(request.replaced_by or 0), request.updated_at >= request.created_at]
            for request in requests
        },
        "versions": {
            (names[row.request_id], row.version): (row.amount_cents, row.content)
            for row in db.session.scalars(
                select(RequestVersion).where(
                    RequestVersion.tenant_id == town, RequestVersion.request_id.in_(names)
                )
            )
        },
        "audit": noted(town, mark),
        "events": told_to_finance(town, mark),
    }


def looked_up(request: PaymentRequest) -> bool:
    key = current_app.extensions["keyring"].get(request.key_id)
    code = links.short_code(key, links.identity(request))
    return request.lookup == mac(key.child("lookup"), request.tenant_id, code)


def noted(town: str, mark: str) -> list[Any]:
    mine = (AuditRow.tenant_id == town) & AuditRow.subject.startswith(mark)
    found = db.session.scalars(select(AuditRow).where(mine).order_by(AuditRow.subject, AuditRow.id))
    return [(row.subject, row.act, row.detail, row.actor.split(":")[0]) for row in found]


def told_to_finance(town: str, mark: str) -> dict[str, list[Any]]:
    mine = (EventRow.tenant_id == town) & EventRow.reference.startswith(mark)
    found: dict[str, list[Any]] = {}
    for row in db.session.scalars(select(EventRow).where(mine).order_by(EventRow.position)):
        found.setdefault(row.reference, []).append((row.type, row.data))
    return found


def read(app: Flask, token: dict[str, str], reference: str) -> dict[str, Any]:
    answer = app.test_client().get(f"{REQUESTS}/{reference}", headers=token)
    return dict(answer.json)


def pay_elsewhere(app: Flask, token: dict[str, str], reference: str) -> None:
    told = {"id": f"P-{reference}", "amount_cents": 60, "paid_on": "2026-11-20", "how": "transfer"}
    app.test_client().post(f"{REQUESTS}/{reference}/paid-elsewhere", json=told, headers=token)


# --- Which way a line goes ----------------------------------------------------------------------


def test_what_is_new_or_the_same_is_stored_together(push: Push, together: list[set[str]]) -> None:
    lines = [line(f"K-{n}") for n in range(5)]
    assert {told["status"] for told in push(*lines)} == {201}
    assert {told["status"] for told in push(*lines)} == {200}
    assert together == [{f"K-{n}" for n in range(5)}] * 2


def test_what_is_unusual_goes_alone(push: Push, together: list[set[str]]) -> None:
    push(line("OLD"), line("CHANGED"))
    together.clear()
    told = push(
        line("NEW"), line("CHANGED", amount_cents=1), line("TWICE"), line("TWICE", tan=False),
        line("UNKNOWN", kind="nothing"), line("NEWER", replaces=["OLD"]), line("OLD", tan=False),
    )  # fmt: skip
    assert [each["status"] for each in told] == [201, 200, 201, 200, 422, 201, 200]
    assert together == [{"NEW"}]


def test_what_hangs_on_other_lines_keeps_their_order(app: Flask) -> None:
    body = {"B": Asked.model_validate(asked(replaces=["C"])), "": Asked.model_validate(asked())}
    names = ["A", "C", "B", "A", "C", "D"]
    wanted = [
        Wanted(number, name, body.get(name, body[""])) for number, name in enumerate(names, 1)
    ]
    plan = batch.planned(desk(app), wanted)
    assert [each.reference for each in plan.staged] == ["D"]
    assert [each.line for each in plan.twice] == [1, 4]
    assert [each.line for each in plan.replacing] == [2, 3, 5]


def test_the_lines_of_a_transaction_go_by_reference_and_then_in_order(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = Asked.model_validate(asked())
    seen = []
    real = Desk.put

    def put(self: Desk, session: Any, reference: str, asked: Asked) -> Any:
        seen.append(reference)
        return real(self, session, reference, asked)

    monkeypatch.setattr(Desk, "put", put)
    wanted = [Wanted(number, name, body) for number, name in enumerate("BCABCA", start=1)]
    found = batch.put_all(desk(app), batch.planned(desk(app), wanted))
    assert seen == ["A", "A", "B", "B", "C", "C"]
    assert {number: found[number].stored for number in found} == {
        1: "created", 2: "created", 3: "created", 4: "same", 5: "same", 6: "same"
    }  # fmt: skip


# --- What the database refuses ------------------------------------------------------------------


def test_a_short_code_that_is_taken_raises_the_version_of_the_link(
    push: Push, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = links.short_code

    def colliding(key: Any, of: links.Identity) -> str:
        return real(key, links.Identity(of.tenant_id, "X", 1) if of.version == 1 else of)

    monkeypatch.setattr(links, "short_code", colliding)
    told = push(line("A"), line("B"), line("C"))
    assert [each["status"] for each in told] == [201, 201, 201]
    assert sorted(each["link"]["version"] for each in told) == [1, 2, 2]
    assert len({each["link"]["url"] for each in told}) == 3
    assert [each["link"] for each in push(line("A"), line("B"), line("C"))] == [
        each["link"] for each in told
    ]


def test_when_the_lines_cannot_be_stored_together_each_is_tried_alone(
    push: Push, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: Any) -> None:
        raise psycopg.errors.DataException("secret value")

    monkeypatch.setattr(staging, "_copy", broken)
    with caplog.at_level(logging.WARNING):
        assert [told["status"] for told in push(line("A"), line("B"))] == [201, 201]
    assert "lines_not_stored_together" in caplog.text
    assert "secret value" not in caplog.text


def test_a_reference_that_was_purged_is_refused_both_ways(
    push: Push, put: Push, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(_session: Any, _keyring: Any, _tenant_id: str, references: Any) -> set[str]:
        return {"GONE"} & set(references)

    monkeypatch.setattr(purged, "gone", gone)
    told = push(line("A"), line("GONE"), line("B"))
    assert [each["status"] for each in told] == [201, 409, 201]
    assert told[1]["code"] == put(line("GONE"))[0]["code"] == "reference_used"
    assert db.session.scalar(select(func.count()).select_from(PaymentRequest)) == 2


# --- Answering while the next part is stored ----------------------------------------------------


def test_a_line_whose_key_is_not_there_any_more_is_answered_and_so_are_the_others(
    push: Push,
) -> None:
    push(line("A"))
    with transaction() as session:
        session.execute(update(PaymentRequest).values(key_id="k0"))
    told = push(line("A"), line("B"))
    assert [each["status"] for each in told] == [500, 201]
    assert (told[0]["reference"], told[0]["code"]) == ("A", "misconfigured")
    assert "k0" not in str(told[0])


def test_the_contract_says_what_an_answer_line_looks_like(app: Flask, push: Push) -> None:
    shapes = app.test_client().get("/api/v1/openapi.json").json["components"]["schemas"]
    good, bad = (shapes[ref["$ref"].rsplit("/", 1)[1]] for ref in shapes["LineTold"]["anyOf"])
    assert {"line", "status", "reference", "state", "warnings"} <= {*good["required"]}
    assert {"link", "tan"} <= set(good["properties"])
    assert {"line", "status", "code", "errors"} == {*bad["required"]}
    taken, refused = push(line("A"), line("B", amount_cents=0))
    assert isinstance(api.LineTold.model_validate(taken).root, api.LineTaken)
    assert set(taken) == set(good["properties"])
    assert isinstance(api.LineTold.model_validate(refused).root, api.LineRefused)
    assert set(refused) == set(bad["properties"])


def test_a_slow_reader_holds_no_transaction(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch.together, "__defaults__", (2,))
    body = "\n".join(json.dumps(line(f"K-{n}")) for n in range(7)).encode()
    answer = api._answered(app, desk(app), io.BytesIO(body), 10_000)
    told = [next(answer)]
    db.session.rollback()
    for _ in range(100):  # the next part is stored in the meantime
        if not others_at_work():
            break
        threading.Event().wait(0.02)
    assert others_at_work() == 0
    told += list(answer)
    assert b"".join(told).count(b'"status":201') == 7


def others_at_work() -> int:
    """Connections but ours that are in a transaction."""
    db.session.rollback()
    query = text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        " AND pid <> pg_backend_pid() AND backend_type = 'client backend' AND state <> 'idle'"
    )
    found: int = db.session.scalar(query)
    return found


def test_a_reader_who_goes_leaves_whole_parts_and_the_next_push_goes_on(
    app: Flask, push: Push, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch.together, "__defaults__", (2,))
    lines = [line(f"K-{n}") for n in range(9)]
    answer = api._answered(
        app, desk(app), io.BytesIO("\n".join(map(json.dumps, lines)).encode()), 10_000
    )
    next(answer)
    answer.close()
    stored = db.session.scalar(select(func.count()).select_from(PaymentRequest))
    db.session.rollback()
    assert stored in (2, 4)
    assert [told["status"] for told in push(*lines)] == [200] * stored + [201] * (9 - stored)


def test_a_new_request_is_stored_as_intake_stores_it(app: Flask) -> None:
    """Column by column, also the ones that no line fills."""
    body = Asked.model_validate(asked(items=[{"text": "Hund", "amount_cents": 14850}]))
    with transaction() as session:
        staging.put(session, desk(app), [staging.staged(desk(app), 1, "MANY", body)])
        intake.put(session, desk(app).keyring, TOWN, "ONE", body)
    many, one = db.session.scalars(select(PaymentRequest).order_by(PaymentRequest.reference))
    differ = {"id", "reference", "lookup", "created_at", "updated_at"}
    for column in set(PaymentRequest.__table__.columns.keys()) - differ:
        assert getattr(many, column) == getattr(one, column), column


def test_what_is_known_is_asked_of_an_index_however_many_there_are(
    app: Flask, owner_url: str
) -> None:
    """Read whole, the requests of a large town would cost more than all the rest."""
    body = Asked.model_validate(asked())
    lines = [staging.staged(desk(app), n, f"K-{n}", body) for n in range(1000)]
    with transaction() as session:
        staging.put(session, desk(app), lines)
    # What the server believes of a table that was emptied many times is no town's.
    with psycopg.connect(owner_url) as owner:
        owner.execute("ANALYZE payment_requests")
    with transaction() as session:
        names = tuple(lines[0].row)
        staging._copy(session, names, lines[:1])
        query = staging._known(names).compile(db.engine, compile_kwargs={"literal_binds": True})
        plan = "\n".join(session.scalars(text(f"EXPLAIN {query}")))
    assert "uq_payment_requests_tenant_id_reference" in plan
    assert "Seq Scan on payment_requests" not in plan
