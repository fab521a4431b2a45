"""The contract for payment requests: one at a time, read back, and in batches."""

import json
import threading

import pytest
from sqlalchemy import func, select

from portal.audit import AuditRow
from portal.db import db
from portal.requests import batch
from portal.requests.models import PaymentRequest
from tests.contract import asked, bearer

REQUESTS = "/api/v1/payment-requests"
NDJSON = {"Content-Type": "application/x-ndjson"}


@pytest.fixture
def token(app):
    return bearer(app, "musterhausen", "requests:write")


@pytest.fixture
def put(app, token):
    def put(reference="K-1", headers=token, **changed):
        return app.test_client().put(
            f"{REQUESTS}/{reference}", json=asked(**changed), headers=headers
        )

    return put


@pytest.fixture
def push(app, token):
    """Send a batch; its answer lines."""

    def push(body, **headers):
        answer = app.test_client().post(REQUESTS, data=body, headers={**token, **NDJSON, **headers})
        assert answer.status_code == 200, answer.text
        return [json.loads(line) for line in answer.data.splitlines()]

    return push


def line(reference, **changed):
    return json.dumps(asked(reference=reference, **changed)).encode()


def count(app, model):
    with app.app_context():
        return db.session.scalar(select(func.count()).select_from(model))


def test_a_new_request_is_answered_with_link_and_tan(put):
    answer = put("K-2026-000123")
    assert answer.status_code == 201
    told = answer.json
    assert told["reference"] == "K-2026-000123"
    assert (told["version"], told["state"]) == (1, "open")
    assert (told["amount_cents"], told["paid_cents"], told["open_cents"]) == (14850, 0, 14850)
    assert told["link"]["url"].startswith("https://localhost/Z/")
    assert told["link"]["qr"] == told["link"]["url"].upper()
    assert (
        told["link"]["url"].split("/Z/")[1].startswith(told["link"]["short_code"].replace("-", ""))
    )
    assert len(told["tan"]) == 8
    assert told["created_at"].endswith("Z")


def test_the_same_push_twice_gives_the_same_link_and_tan(app, put):
    first, second = put(), put()
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json == second.json
    assert count(app, AuditRow) == 1, "what changed nothing is not noted"


def test_a_changed_body_is_version_two_with_the_same_link(put):
    first, second = put().json, put(amount_cents=9900).json
    assert (second["version"], second["amount_cents"]) == (2, 9900)
    assert (second["link"], second["tan"]) == (first["link"], first["tan"])


def test_another_currency_is_a_conflict(put):
    put()
    answer = put(currency="PLN")
    assert (answer.status_code, answer.json["code"]) == (409, "currency_changed")
    assert answer.json["type"] == "/problems/currency_changed"


def test_a_letter_without_a_tan_says_null(put):
    assert put(tan=False).json["tan"] is None


def test_who_only_reads_is_told_neither_link_nor_tan(app, put):
    put()
    reader = bearer(app, "musterhausen", "requests:read")
    told = app.test_client().get(f"{REQUESTS}/K-1", headers=reader)
    assert told.status_code == 200
    assert "link" not in told.json
    assert "tan" not in told.json
    assert "/Z/" not in told.text
    assert put(headers=reader).status_code == 403


def test_who_writes_reads_link_and_tan_again(app, put, token):
    first = put().json
    assert app.test_client().get(f"{REQUESTS}/K-1", headers=token).json == first


def test_a_foreign_towns_reference_is_not_there(app, put):
    put()
    other = bearer(app, "beispielstadt")
    foreign = app.test_client().get(f"{REQUESTS}/K-1", headers=other)
    nowhere = app.test_client().get(f"{REQUESTS}/K-2", headers=other)
    assert (foreign.status_code, nowhere.status_code) == (404, 404)
    assert foreign.data == nowhere.data


def test_the_tenant_is_the_tokens_whatever_host_was_asked(app, put):
    mine = put().json
    other = bearer(app, "beispielstadt")
    theirs = app.test_client().put(
        f"{REQUESTS}/K-1", json=asked(), headers=other, base_url="http://localhost"
    )
    assert theirs.status_code == 201
    assert theirs.json["link"]["url"].startswith("https://127.0.0.1/Z/")
    assert theirs.json["tan"] != mine["tan"]


def test_an_act_is_noted_with_its_client_and_no_secret(app, put):
    told = put().json
    put(purpose="Hundesteuer")
    with app.app_context():
        rows = list(db.session.scalars(select(AuditRow).order_by(AuditRow.id)))
    assert [row.detail for row in rows] == [{"stored": "created"}, {"stored": "changed"}]
    assert all(row.actor.startswith("client:c_") and row.act == "request.put" for row in rows)
    assert told["tan"] not in str([vars(row) for row in rows])


# fmt: off
BAD_BODIES = [
    (b"",                                                        400, "invalid_json"),
    (b"{",                                                       400, "invalid_json"),
    (b'{"amount_cents": NaN}',                                   400, "invalid_json"),
    (b'{"kind": "tax", "kind": "fee"}',                          400, "invalid_json"),
    ('{"purpose": "Stra\u00dfe"}'.encode("latin-1"),             400, "invalid_json"),
    (b"[" * 100_000,                                             400, "invalid_json"),
    (b'{"amount_cents": ' + b"9" * 5000 + b"}",                  400, "invalid_json"),
    (b"[]",                                                      422, "invalid"),
    (b"null",                                                    422, "invalid"),
    (json.dumps(asked(fee_cents=100)).encode(),                  422, "invalid"),
    (json.dumps(asked(amount_cents=0)).encode(),                 422, "invalid"),
    (json.dumps(asked(amount_cents="14850")).encode(),           422, "invalid"),
    (json.dumps(asked(amount_cents=True)).encode(),              422, "invalid"),
    (json.dumps(asked(amount_cents=1.5)).encode(),               422, "invalid"),
    (json.dumps(asked(purpose="a\0b")).encode(),                 422, "invalid"),
    (json.dumps(asked(purpose="\ud800")).encode(),               422, "invalid"),
    (json.dumps(asked(due_on="2026-02-30")).encode(),            422, "invalid"),
    (json.dumps(asked(kind="nothing")).encode(),                 422, "unknown_kind"),
    (b'{"\\ud800": 1}',                                          422, "invalid"),
]
# fmt: on


@pytest.mark.parametrize(("raw", "status", "code"), BAD_BODIES)
def test_a_bad_body_is_told_and_nothing_is_stored(app, token, raw, status, code):
    headers = {**token, "Content-Type": "application/json"}
    answer = app.test_client().put(f"{REQUESTS}/K-1", data=raw, headers=headers)
    assert (answer.status_code, answer.json["code"]) == (status, code)
    assert answer.mimetype == "application/problem+json"
    assert count(app, PaymentRequest) == 0


def test_every_wrong_place_is_named_by_its_pointer(put):
    answer = put(items=[{"text": "x", "amount_cents": 0}], **{"a/b~c": 1})
    assert {e["pointer"] for e in answer.json["errors"]} == {"/items/0/amount_cents", "/a~1b~0c"}


def test_a_wrong_media_type_is_refused(app, token):
    answer = app.test_client().put(f"{REQUESTS}/K-1", data="{}", headers=token)
    assert (answer.status_code, answer.json["code"]) == (415, "unsupported_media_type")
    answer = app.test_client().post(REQUESTS, json={}, headers=token)
    assert answer.status_code == 415


def test_a_body_over_the_limit_is_refused(app, token):
    headers = {**token, "Content-Type": "application/json"}
    limit = app.config["MAX_CONTENT_LENGTH"]
    answer = app.test_client().put(f"{REQUESTS}/K-1", data=b" " * (limit + 1), headers=headers)
    assert (answer.status_code, answer.mimetype) == (413, "application/problem+json")


@pytest.mark.parametrize("reference", ["-K", "K 1", "K\u00e4", "K" * 65, "K\n"])
def test_a_bad_reference_is_refused(app, token, reference):
    from urllib.parse import quote

    answer = app.test_client().put(f"{REQUESTS}/{quote(reference)}", json=asked(), headers=token)
    assert answer.status_code == 422
    assert answer.json["errors"][0]["pointer"] == "/reference"


def test_without_a_token_nothing_is_read(app):
    answer = app.test_client().put(f"{REQUESTS}/K-1", data=b"{", headers={})
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_each_line_of_a_batch_has_its_own_outcome(app, push):
    body = b"\n".join([
        line("A"), b"", line("B", kind="nothing"), b"not json", line("A", amount_cents=1),
        json.dumps(asked()).encode(), b"[]", b'{"a": 1, "a": 2}', b"\xff", b"   ",
        line("C", fee=1), line("D", tan=False), line("A", currency="PLN"),
    ])  # fmt: skip
    told = push(body)
    assert [t["line"] for t in told] == list(range(1, 14))
    assert [t["status"] for t in told] == [
        201, 400, 422, 400, 200, 422, 422, 400, 400, 400, 422, 201, 409
    ]  # fmt: skip
    assert [t.get("reference") for t in told[:3]] == ["A", None, "B"]
    assert (told[0]["version"], told[4]["version"]) == (1, 2)
    assert told[11]["tan"] is None
    assert told[5]["errors"][0]["pointer"] == "/reference"
    assert all(t["errors"] for t in told if t["status"] >= 400)
    assert count(app, PaymentRequest) == 2


def test_a_line_is_answered_as_a_single_request_is(app, push, put, token):
    (told,) = push(line("K-1"))
    single = app.test_client().get(f"{REQUESTS}/K-1", headers=token).json
    assert told == {"line": 1, "status": 201, **single}
    assert put().status_code == 200, "and a later single push of it changes nothing"


# fmt: off
ENDINGS = [
    (b"",                                            []),
    (line("A"),                                      [201]),
    (line("A") + b"\n",                              [201]),
    (line("A") + b"\r\n" + line("B") + b"\r\n",      [201, 201]),
    (line("A") + b"\n\n",                            [201, 400]),
    (b"\n\n\n",                                      [400, 400, 400]),
    (line("A") + b"\n" + line("B"),                  [201, 201]),
    (b"\r\n" + line("A"),                            [400, 201]),
    (line("A") + b"\n\xc3",                          [201, 400]),
]
# fmt: on


@pytest.mark.parametrize(("body", "statuses"), ENDINGS)
def test_as_many_answer_lines_as_lines_sent(push, body, statuses):
    assert [told["status"] for told in push(body)] == statuses


def test_a_line_that_is_too_long_is_skipped_and_the_next_is_taken(app, push):
    limit = app.extensions["settings"].body_limit_kib * 1024
    told = push(line("A") + b"\n" + b"x" * (3 * limit + 7) + b"\n" + line("B"))
    assert [(t["line"], t["status"]) for t in told] == [(1, 201), (2, 413), (3, 201)]


def test_a_batch_may_be_larger_than_a_single_body(app, push):
    limit = app.config["MAX_CONTENT_LENGTH"]
    told = push(b"\n".join([b" " * 1000] * (limit // 500)))
    assert len(told) == limit // 500


def test_a_batch_with_too_many_lines_is_refused_as_a_whole(app, token, monkeypatch):
    import dataclasses

    few = dataclasses.replace(app.extensions["settings"], batch_limit_lines=3)
    monkeypatch.setitem(app.extensions, "settings", few)
    body = b"\n".join(line(f"K-{n}") for n in range(5))
    answer = app.test_client().post(REQUESTS, data=body, headers={**token, **NDJSON})
    assert (answer.status_code, answer.json["code"]) == (413, "too_large")
    assert count(app, PaymentRequest) == 0


def test_pushing_a_file_again_goes_on_where_it_broke_off(app, push):
    body = [line(f"K-{n}") for n in range(450)]
    push(b"\n".join(body[:230]))
    told = push(b"\n".join(body))
    assert [t["status"] for t in told] == [200] * 230 + [201] * 220
    assert count(app, PaymentRequest) == 450


def test_one_bad_line_does_not_undo_the_others_of_its_transaction(app, push):
    body = [line(f"K-{n}") for n in range(batch.TOGETHER)]
    body[17] = line("K-17", kind="nothing")
    told = push(b"\n".join(body))
    assert [t["line"] for t in told if t["status"] != 201] == [18]
    assert count(app, PaymentRequest) == batch.TOGETHER - 1


def test_two_batches_with_the_same_references_do_not_block_each_other(app, token):
    numbers = list(range(300))
    outcomes = {}

    def send(name, order):
        body = b"\n".join(line(f"K-{n}", purpose=name) for n in order)
        answer = app.test_client().post(REQUESTS, data=body, headers={**token, **NDJSON})
        outcomes[name] = [json.loads(told)["status"] for told in answer.data.splitlines()]

    threads = [
        threading.Thread(target=send, args=("up", numbers)),
        threading.Thread(target=send, args=("down", numbers[::-1])),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes["up"] + outcomes["down"]) == [200] * 300 + [201] * 300
    assert count(app, PaymentRequest) == 300
