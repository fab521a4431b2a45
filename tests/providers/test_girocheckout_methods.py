"""GiroCheckout by each of its methods against the fake; the fake against what is published."""

import csv
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import httpx2
import pytest

from fakes.girocheckout import api, report, signing, tables
from portal import clock
from portal.money import Money
from portal.providers import girocheckout_wire as giro_wire
from portal.providers import wire
from portal.providers.girocheckout import METHODS, Girocheckout
from portal.providers.girocheckout_reading import RESULT
from portal.providers.protocol import (
    BadNotification,
    Order,
    Outcome,
    ProviderDown,
    RefundOrder,
)
from portal.providers.wire import Answer
from tests.providers.girocheckout_samples import CALL_OF, CALLS, fits, names
from tests.providers.harness_girocheckout import GirocheckoutHarness, girocheckout_harness

GIRO = Girocheckout()
SENT_BACK = [method for method in METHODS if METHODS[method].refunds]


@pytest.fixture
def giro(tmp_path: Path) -> Iterator[GirocheckoutHarness]:
    with girocheckout_harness(tmp_path) as harness:
        yield harness


def order(method: str, payment: str = "pay-1", cents: int = 4200) -> Order:
    return Order(
        payment=payment,
        amount=Money(cents),
        text="Stadt Musterhausen 7F3K-9QXM",
        method=method,
        language="en",
        return_url="http://localhost:8000/return/pay-1",
        notify_url="http://127.0.0.1:9/hook",
    )


class Wire:
    """What goes over it: each call with its form, and the answer."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.calls: list[tuple[str, dict[str, str], Answer]] = []
        monkeypatch.setattr(giro_wire, "ask", self._ask)

    def _ask(
        self, method: str, url: str, headers: Mapping[str, str], body: None, form: Mapping[str, str]
    ) -> Answer:
        answer = wire.ask(method, url, headers, body, form)
        self.calls.append((url.partition("/girocheckout/")[2], dict(form), answer))
        return answer


# --- The fake and what is published --------------------------------------------------------------


def test_the_fakes_tables_are_the_published_ones() -> None:
    for method, (start, refund) in CALL_OF.items():
        name = "init" if method == "page" else "start"
        assert tables.PARAMETERS[name, method].split() == CALLS[start]["request"]
        assert tables.NOTIFICATION[method].split() == CALLS[start]["notification"]
        assert (
            tables.PARAMETERS["status", method].split() == CALLS["Tools_GetTransaction"]["request"]
        )
        if refund:
            assert tables.PARAMETERS["refund", method].split() == CALLS[refund]["request"]
            assert tables.REFUND_NOTIFICATION.split() == CALLS[refund]["notification"]
        else:
            assert ("refund", method) not in tables.PARAMETERS


@pytest.mark.parametrize("method", METHODS)
def test_every_request_and_answer_is_as_published(
    giro: GirocheckoutHarness, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    """Names, order and duty: of a start, a question, a notification, a refund, and of refusals."""
    seen = Wire(monkeypatch)
    reference = GIRO.start(giro.account, order(method)).provider_reference
    with pytest.raises(ProviderDown):
        GIRO.start(giro.account, order(method))
    GIRO.fetch(giro.account, "pay-1", reference)
    _, told = giro.let_happen("pay-1", "pay")
    GIRO.fetch(giro.account, "pay-1", reference)
    GIRO.fetch(giro.account, "pay-1", f"{method}/none")
    if METHODS[method].refunds:
        for name, cents in (("ref-1", 200), ("ref-1", 200), ("ref-2", 4200)):
            back = RefundOrder(name, "pay-1", reference, Money(cents))
            GIRO.refund(giro.account, back)
    published = {
        CALLS[name]["call"]: CALLS[name]
        for name in (*CALL_OF[method], "Tools_GetTransaction")
        if name
    }
    assert {call for call, _, _ in seen.calls} == set(published)
    for call, form, answer in seen.calls:
        assert fits(published[call]["request"], [name for name in form if name != "hash"])
        told_back = wire.json_object(answer.body)
        assert set(told_back) <= set(names(published[call]["answer"]))
        assert {"rc", "msg"} <= set(told_back)
        assert answer.headers["hash"]
    notification = [name for name, _ in parse_qsl(told.decode(), keep_blank_values=True)]
    assert fits(CALLS[CALL_OF[method][0]]["notification"], notification)


def test_the_fake_takes_both_kinds_of_form_in_any_order(giro: GirocheckoutHarness) -> None:
    account = giro.account
    values = {
        "merchantId": account.merchant, "projectId": account.credentials["wero_project"],
        "merchantTxId": "pay-1", "amount": "4200", "currency": "EUR", "purpose": "Müllabfuhr",
        "type": "SALE", "urlRedirect": "http://localhost/r", "urlNotify": "http://localhost/n",
    }  # fmt: skip
    form = {**values, "hash": signing.sign(account.credentials["wero_password"], values.values())}
    url = f"{account.credentials['base_url']}/transaction/start"
    with httpx2.Client(trust_env=False, verify=False) as http:
        turned = dict(reversed(form.items()))
        in_parts = {name: (None, value) for name, value in turned.items()}
        first = http.post(url, files=in_parts)
        assert first.request.headers["content-type"].startswith("multipart/form-data")
        assert first.json()["rc"] == 0
        assert http.post(url, data=form | {"sourceId": "shop"}).json()["rc"] == 4503
        assert http.post(url, data=form | {"hash": "0" * 32}).json()["rc"] == 5002
        assert http.post(url, content=b"amount=1&amount=2").json()["rc"] == 5020


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"purpose": "x" * 28}, 5023), ({"purpose": ""}, 5003), ({"amount": "42.00"}, 5030),
        ({"amount": "0"}, 5030), ({"currency": "USD"}, 5033), ({"type": "GIFT"}, 5004),
        ({"urlNotify": "mailto:x"}, 5056), ({"iban": "DE"}, 5004), ({"projectId": "99"}, 5021),
        ({"merchantId": "1"}, 5020), ({"projectId": "15"}, 5004),
    ],
)  # fmt: skip
def test_the_fake_finds_what_is_wrong(
    giro: GirocheckoutHarness, changed: dict[str, str], code: int
) -> None:
    account = giro.account
    values = {
        "merchantId": account.merchant, "projectId": account.credentials["wero_project"],
        "merchantTxId": "pay-1", "amount": "4200", "currency": "EUR", "purpose": "x",
        "type": "SALE", "urlRedirect": "http://localhost/r", "urlNotify": "http://localhost/n",
    } | changed  # fmt: skip
    signed = [value for name, value in values.items() if name != "iban"]
    form = {**values, "hash": signing.sign(account.credentials["wero_password"], signed)}
    url = f"{account.credentials['base_url']}/transaction/start"
    with httpx2.Client(trust_env=False, verify=False) as http:
        answer = http.post(url, data=form)
    assert answer.json()["rc"] == code
    assert ("hash" in answer.headers) is (code not in {5020, 5021})


# --- Each method ---------------------------------------------------------------------------------


@pytest.mark.parametrize("method", METHODS)
def test_each_method_is_started_paid_heard_and_asked_about(
    giro: GirocheckoutHarness, method: str
) -> None:
    handover = GIRO.start(giro.account, order(method))
    assert handover.provider_reference.startswith(f"{method}/")
    assert httpx2.get(handover.redirect_url, trust_env=False).status_code == 200
    _, body = giro.let_happen("pay-1", "pay")
    (bell,) = GIRO.read_notification(giro.account, {}, body, clock.now())
    assert bell.payment == "pay-1"
    assert bell.provider_reference == ("" if method == "page" else handover.provider_reference)
    told = GIRO.fetch(giro.account, "pay-1", handover.provider_reference)
    assert (told.outcome, told.amount) == (Outcome.SUCCEEDED, Money(4200))
    assert told.provider_reference == handover.provider_reference


@pytest.mark.parametrize("method", METHODS)
def test_one_methods_payment_is_not_there_for_another(
    giro: GirocheckoutHarness, method: str
) -> None:
    reference = GIRO.start(giro.account, order(method)).provider_reference.partition("/")[2]
    for other in set(METHODS) - {method}:
        told = GIRO.fetch(giro.account, "pay-1", f"{other}/{reference}")
        assert told.outcome is Outcome.NOT_FOUND


@pytest.mark.parametrize("code", RESULT)
def test_each_published_result_is_told_and_asked(giro: GirocheckoutHarness, code: str) -> None:
    reference = GIRO.start(giro.account, order("wero")).provider_reference
    _, body = giro.let_happen("pay-1", code)
    assert parse_qs(body.decode())["gcResultPayment"] == [code]
    assert GIRO.read_notification(giro.account, {}, body, clock.now())
    assert GIRO.fetch(giro.account, "pay-1", reference).outcome is RESULT[code]


def test_what_is_unknown_there_may_still_be_paid(giro: GirocheckoutHarness) -> None:
    reference = GIRO.start(giro.account, order("transfer")).provider_reference
    giro.let_happen("pay-1", "4500")
    assert GIRO.fetch(giro.account, "pay-1", reference).outcome is Outcome.PENDING
    giro.let_happen("pay-1", "4000")
    assert GIRO.fetch(giro.account, "pay-1", reference).outcome is Outcome.SUCCEEDED


@pytest.mark.parametrize("method", SENT_BACK)
def test_a_refund_is_told_as_published_and_heard_by_its_own_name(
    giro: GirocheckoutHarness, method: str
) -> None:
    reference = GIRO.start(giro.account, order(method)).provider_reference
    giro.let_happen("pay-1", "pay")
    giro.let_refunds_wait()
    made = GIRO.refund(giro.account, RefundOrder("ref-1", "pay-1", reference, Money(4000)))
    _, body = giro.end_refund("ref-1", sent=True)
    told = [name for name, _ in parse_qsl(body.decode(), keep_blank_values=True)]
    assert fits(CALLS[CALL_OF[method][1]]["notification"], told)
    (bell,) = GIRO.read_notification(giro.account, {}, body, clock.now())
    assert bell.payment == "ref-1"
    assert bell.provider_reference == f"{method}/{made.provider_reference}"
    assert bell.refund is (method == "page"), "only the page's differ from those of a payment"


@pytest.mark.parametrize("method", SENT_BACK)
def test_what_is_sent_back_twice_goes_back_once(giro: GirocheckoutHarness, method: str) -> None:
    reference = GIRO.start(giro.account, order(method)).provider_reference
    giro.let_happen("pay-1", "pay")
    back = RefundOrder("ref-1", "pay-1", reference, Money(4000))
    first = GIRO.refund(giro.account, back)
    assert (first.refund, first.outcome, first.amount) == ("ref-1", Outcome.SUCCEEDED, Money(4000))
    assert GIRO.refund(giro.account, back) == first
    assert totals(giro)["refunded_cents"] == 4000


def test_a_duplicate_that_names_no_first_is_not_known(
    giro: GirocheckoutHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api, "REFUNDED_AGAIN_NAMES", "nothing")
    reference = GIRO.start(giro.account, order("wero")).provider_reference
    giro.let_happen("pay-1", "pay")
    back = RefundOrder("ref-1", "pay-1", reference, Money(4000))
    GIRO.refund(giro.account, back)
    with pytest.raises(ProviderDown):
        GIRO.refund(giro.account, back)
    assert totals(giro)["refunded_cents"] == 4000


def test_a_refund_whose_answer_was_lost_is_known_from_the_second(
    giro: GirocheckoutHarness,
) -> None:
    reference = GIRO.start(giro.account, order("card")).provider_reference
    giro.let_happen("pay-1", "pay")
    giro.post("/test/settings", {"down": "after"})
    back = RefundOrder("ref-1", "pay-1", reference, Money(4000))
    with pytest.raises(ProviderDown):
        GIRO.refund(giro.account, back)
    giro.post("/test/settings", {"down": False})
    assert GIRO.refund(giro.account, back).outcome is Outcome.SUCCEEDED
    assert totals(giro)["refunded_cents"] == 4000


def test_a_refund_under_way_is_asked_about_until_it_ends(giro: GirocheckoutHarness) -> None:
    reference = GIRO.start(giro.account, order("wero")).provider_reference
    giro.let_happen("pay-1", "pay")
    giro.post("/test/settings", {"refunds": "under_way"})
    back = RefundOrder("ref-1", "pay-1", reference, Money(4000))
    made = GIRO.refund(giro.account, back)
    assert made.outcome is Outcome.PENDING
    assert GIRO.fetch_refund(giro.account, back, made.provider_reference) == made
    giro.post("/test/refunds/ref-1/bounce", {})
    failed = replace(made, outcome=Outcome.FAILED)
    assert GIRO.fetch_refund(giro.account, back, made.provider_reference) == failed
    assert GIRO.refund(giro.account, back) == failed


def test_a_start_whose_answer_was_lost_is_found_by_its_bell(giro: GirocheckoutHarness) -> None:
    giro.post("/test/settings", {"down": "after"})
    with pytest.raises(ProviderDown):
        GIRO.start(giro.account, order("wero"))
    giro.post("/test/settings", {"down": False})
    with pytest.raises(ProviderDown):  # a duplicate: no second payment
        GIRO.start(giro.account, order("wero"))
    assert GIRO.fetch(giro.account, "pay-1", "").outcome is Outcome.NOT_FOUND
    _, body = giro.let_happen("pay-1", "expire")
    (bell,) = GIRO.read_notification(giro.account, {}, body, clock.now())
    told = GIRO.fetch(giro.account, "pay-1", bell.provider_reference)
    assert (told.payment, told.outcome) == ("pay-1", Outcome.EXPIRED)


def test_other_money_than_ordered_is_told_as_it_came(giro: GirocheckoutHarness) -> None:
    reference = GIRO.start(giro.account, order("wero")).provider_reference
    giro.let_happen("pay-1", "pay", amount_cents=4199, currency="USD")
    assert GIRO.fetch(giro.account, "pay-1", reference).amount == Money(4199, "USD")


# --- The payer, and the books --------------------------------------------------------------------


@pytest.mark.parametrize("method", ["wero", "page"])
@pytest.mark.parametrize(("choice", "result"), [("pay", "4000"), ("cancel", "4502")])
def test_the_payer_comes_back_with_what_the_notification_says(
    giro: GirocheckoutHarness, method: str, choice: str, result: str
) -> None:
    address = GIRO.start(giro.account, order(method)).redirect_url
    with httpx2.Client(trust_env=False, verify=False) as payer:
        answer = payer.post(address, data={"choice": choice})
    back = urlsplit(answer.headers["location"])
    assert answer.status_code == 303
    assert back._replace(query="").geturl() == order(method).return_url
    assert parse_qs(back.query)["gcResultPayment"] == [result]
    assert GIRO.read_notification(giro.account, {}, back.query.encode(), clock.now())


def test_a_notification_is_repeated_until_it_is_taken(giro: GirocheckoutHarness) -> None:
    GIRO.start(giro.account, order("wero"))
    (told,) = giro.post("/test/payments/pay-1/pay", {})["deliveries"]
    assert told["state"] == "waiting"  # nobody listens where the order said
    assert told["tries"] >= 1


def test_a_forged_or_changed_notification_is_refused(giro: GirocheckoutHarness) -> None:
    GIRO.start(giro.account, order("wero"))
    _, forged = giro.let_happen("pay-1", "pay", webhook="forged")
    with pytest.raises(BadNotification):
        GIRO.read_notification(giro.account, {}, forged, clock.now())


def test_a_settlement_report_is_a_file_that_adds_up(giro: GirocheckoutHarness) -> None:
    references = {}
    for name, method, cents in (("pay-1", "wero", 4200), ("pay-2", "card", 1_248_000)):
        references[name] = GIRO.start(giro.account, order(method, name, cents)).provider_reference
        giro.let_happen(name, "pay")
    back = RefundOrder("ref-1", "pay-1", references["pay-1"], Money(200))
    refund = GIRO.refund(giro.account, back)
    made = giro.post(f"/test/merchants/{giro.account.merchant}/settle", {})["settlement"]
    rows = rows_of(giro.get(f"/reports/{made}.csv"))
    told = {(row["Vorgang"], row["Händler-Transaktions-ID"]): row for row in rows[:-1]}
    assert told["Zahlung", "pay-2"]["Betrag"] == "12480,00"
    assert told["Erstattung", "pay-1"]["Betrag"] == "-2,00"
    assert told["Erstattung", "pay-1"]["Erstattungs-ID"] == "ref-1"
    assert told["Erstattung", "pay-1"]["Referenz"] == refund.provider_reference
    assert rows[-1]["Auszahlung"] == report.CLOSING
    assert rows[-1]["Vorgang"] == "3"
    assert cents_of(rows[-1], "Betrag") == 4200 + 1_248_000 - 200
    assert cents_of(rows[-1], "Auszahlungsbetrag") == totals(giro)["settled_cents"]


def rows_of(file: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(file.decode()), delimiter=";"))


def cents_of(row: Mapping[str, str], column: str) -> int:
    return int(row[column].replace(",", ""))


def totals(giro: GirocheckoutHarness) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(giro.get("/books"))["merchants"][giro.account.merchant]
    assert isinstance(found["totals"], dict)
    return found["totals"]


def test_each_account_holds_its_own_projects(giro: GirocheckoutHarness) -> None:
    GIRO.checked(giro.account)
    reference = GIRO.start(giro.account, order("wero")).provider_reference
    without = replace(
        giro.account,
        credentials={k: v for k, v in giro.account.credentials.items() if "wero" not in k},
    )
    with pytest.raises(ProviderDown, match="no such project"):
        GIRO.fetch(without, "pay-1", reference)
