"""GiroCheckout's adapter against what is published: signatures, order, codes; and without a far
side what it sends, what it refuses to hear, and what it finds wrong in an account.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import pytest

from portal import clock
from portal.money import Money
from portal.providers import girocheckout_wire as giro_wire
from portal.providers.capabilities import Notifies, RefundsSome
from portal.providers.girocheckout import METHODS, Girocheckout
from portal.providers.girocheckout_reading import (
    DUPLICATE,
    FINE,
    NOT_THERE,
    REFUSED,
    RESULT,
    SILENT,
)
from portal.providers.girocheckout_wire import NOTIFICATION, PAGE_NOTIFICATION, purpose, signature
from portal.providers.protocol import (
    Account,
    AccountUnfit,
    BadNotification,
    Moved,
    Order,
    OrderRefused,
    Outcome,
    ProviderDown,
    RefundOrder,
    UnknownWord,
)
from portal.providers.wire import Answer
from tests.providers.girocheckout_samples import CALL_OF, CALLS, CODES, VECTORS, fits, names

GIRO = Girocheckout()
NOT_OURS = {"4020", "4021", "4022", "7000", "7001"}  # of age checks and risk checks
ACCOUNT = Account(
    "town", "giro", "1234567", False,
    {"base_url": "http://127.0.0.1:1"}
    | {f"{method}_project": str(1234 + n) for n, method in enumerate(METHODS)}
    | {f"{method}_password": f"secure-{method}" for method in METHODS},
)  # fmt: skip
ORDER = Order(
    payment="0123456789abcdef0123456789abcdef",
    amount=Money(4250),
    text="Stadt Musterhausen 7F3K-9QXM",
    method="wero",
    language="de",
    return_url="https://town.example/return/1",
    notify_url="https://town.example/webhooks/girocheckout/giro",
)
TOLD = {
    "gcReference": "e3c2ab1e-4f2b-4f5a-9a3e-2f7a2a1d0001",
    "gcMerchantTxId": ORDER.payment,
    "gcBackendTxId": "b-1",
    "gcAmount": "4250",
    "gcCurrency": "EUR",
    "gcResultPayment": "4000",
}
OF_PAGE = {"gcPaymethod": "1", "gcType": "SALE", "gcProjectId": "1238"} | TOLD
PAYER = {
    "gcPkn": "pkn",
    "gcCardnumber": "411111******1111",
    "gcCardExpDate": "12/2029",
    "gcAccountHolder": "Erika Mustermann",
    "gcIban": "DE89370400440532013000",
}


def with_one(method: str, **changed: str) -> Account:
    """An account with one project only."""
    mine = {name: value for name, value in ACCOUNT.credentials.items() if method in name}
    return replace(ACCOUNT, credentials=mine | {"base_url": "http://127.0.0.1:1"} | changed)


def query(told: Mapping[str, str], password: str = "secure-wero") -> bytes:
    return urlencode({**told, "gcHash": signature(password, told.values())}).encode()


def heard(body: bytes, account: Account = ACCOUNT) -> Moved:
    (word,) = GIRO.read_notification(account, {}, body, clock.now())
    return word


class FarSide:
    """Answers what it is told to, and keeps the forms that came."""

    def __init__(self, *answers: dict[str, Any]) -> None:
        self.answers = list(answers)
        self.forms: list[tuple[str, dict[str, str]]] = []

    def ask(
        self, method: str, url: str, headers: Mapping[str, str], body: None, form: Mapping[str, str]
    ) -> Answer:
        self.forms.append((url.removeprefix("http://127.0.0.1:1/"), dict(form)))
        told = json.dumps(self.answers.pop(0)).encode()
        project = form["projectId"]
        method = next(m for m in METHODS if ACCOUNT.credentials[f"{m}_project"] == project)
        password = ACCOUNT.credentials[f"{method}_password"]
        return Answer(200, told, {"hash": signature(password, [told.decode()])})


def playing(monkeypatch: pytest.MonkeyPatch, *answers: dict[str, Any]) -> FarSide:
    far_side = FarSide(*answers)
    monkeypatch.setattr(giro_wire, "ask", far_side.ask)
    return far_side


# --- What is published ---------------------------------------------------------------------------


def test_the_published_signatures_are_ours() -> None:
    doc, start = VECTORS["doc"], VECTORS["wero_start"]
    assert signature(doc["password"], [doc["string"]]) == doc["hash"]
    assert signature(start["password"], start["params_in_order"].values()) == start["hash"]


@pytest.mark.parametrize("vector", VECTORS["notifications"])
def test_recorded_notifications_are_heard(vector: dict[str, Any]) -> None:
    told = vector["parameters"]
    account = with_one("card", card_project="1", card_password=vector["password"])
    word = heard(urlencode(told).encode(), account) if "/" not in told["gcMerchantTxId"] else None
    if word is None:  # the sample's id is none of ours
        with pytest.raises(BadNotification, match="not readable"):
            heard(urlencode(told).encode(), account)
        return
    assert word.payment == told["gcMerchantTxId"]
    assert word.provider_reference == f"card/{told['gcReference']}"
    with pytest.raises(BadNotification, match="signature"):
        heard(urlencode(told | {"gcAmount": "124"}).encode(), account)


@pytest.mark.parametrize("code", CODES)
def test_every_published_code_is_in_a_table_or_none_of_our_calls(code: str) -> None:
    known = {*RESULT, *REFUSED, *SILENT, FINE, DUPLICATE, NOT_THERE}
    assert (code in known) is (code not in NOT_OURS)


def test_no_code_of_ours_is_unpublished_and_none_means_two_things() -> None:
    assert set(RESULT) | SILENT <= set(CODES)
    assert not REFUSED & SILENT
    assert [code for code, outcome in RESULT.items() if outcome is Outcome.SUCCEEDED] == ["4000"]


def test_our_notifications_have_the_published_parameters_in_their_order() -> None:
    assert list(NOTIFICATION) == names(CALLS["DirektubwTransaction"]["notification"])
    assert list(PAGE_NOTIFICATION) == names(CALLS["PaypageTransaction"]["notification"])
    for start, _ in CALL_OF.values():
        longest = PAGE_NOTIFICATION if "Paypage" in start else NOTIFICATION
        told = names(CALLS[start]["notification"])
        assert told == [name for name in longest if name in told]


@pytest.mark.parametrize("method", METHODS)
def test_a_start_has_the_published_parameters_in_their_order(
    monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    published = CALLS[CALL_OF[method][0]]
    far_side = playing(
        monkeypatch,
        {"rc": 0, "msg": "", "reference": "r-1", METHODS[method].address: "https://pay.example/1"},
    )
    handover = GIRO.start(ACCOUNT, replace(ORDER, method=method))
    ((call, form),) = far_side.forms
    assert call == published["call"]
    assert list(form)[-1] == "hash"
    said = {name: value for name, value in form.items() if name != "hash"}
    assert fits(published["request"], list(said))
    assert form["hash"] == signature(f"secure-{method}", said.values())
    assert METHODS[method].address in names(published["answer"])
    assert (handover.redirect_url, handover.provider_reference) == (
        "https://pay.example/1",
        f"{method}/r-1",
    )


def test_nothing_but_the_neutral_text_tells_what_is_paid(monkeypatch: pytest.MonkeyPatch) -> None:
    for method in METHODS:
        far_side = playing(monkeypatch, {"rc": 5030, "msg": ""})
        with pytest.raises(OrderRefused):
            GIRO.start(ACCOUNT, replace(ORDER, method=method))
        ((_, form),) = far_side.forms
        assert "kassenzeichen" not in form
        assert "description" not in form
        assert form["purpose"] == "Stadt Musterhause 7F3K-9QXM"


@pytest.mark.parametrize("method", [name for name in METHODS if METHODS[name].refunds])
def test_a_refund_has_the_published_parameters_in_their_order(
    monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    published = CALLS[CALL_OF[method][1]]
    far_side = playing(monkeypatch, VECTORS["answers"]["fine"])
    back = RefundOrder("ref-1", ORDER.payment, f"{method}/r-1", Money(123))
    report = GIRO.refund(ACCOUNT, back)
    ((call, form),) = far_side.forms
    assert call == published["call"]
    assert fits(published["request"], [name for name in form if name != "hash"])
    assert (form["merchantTxId"], form["reference"]) == ("ref-1", "r-1")
    fine = VECTORS["answers"]["fine"]
    assert (report.refund, report.provider_reference) == (fine["merchantTxId"], fine["reference"])
    assert (report.outcome, report.amount) == (Outcome.SUCCEEDED, Money(123))


def test_a_refund_that_is_not_accepted_has_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    playing(monkeypatch, VECTORS["answers"]["refused"])
    back = RefundOrder("ref-1", ORDER.payment, "card/r-1", Money(123))
    assert GIRO.refund(ACCOUNT, back).outcome is Outcome.FAILED


# --- What it is asked and what it answers --------------------------------------------------------


def status(**changed: Any) -> dict[str, Any]:
    return {
        "rc": 0, "msg": "", "reference": "r-1", "merchantTxId": ORDER.payment,
        "backendTxId": "b-1", "amount": "4250", "currency": "EUR", "resultPayment": "4000",
    } | changed  # fmt: skip


@pytest.mark.parametrize("code", RESULT)
def test_each_result_is_its_outcome(monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    for told in (code, int(code)):
        playing(monkeypatch, status(resultPayment=told))
        assert GIRO.fetch(ACCOUNT, ORDER.payment, "wero/r-1").outcome is RESULT[code]


def test_what_has_no_result_yet_is_open(monkeypatch: pytest.MonkeyPatch) -> None:
    for told in ({"resultPayment": None}, {"resultPayment": ""}):
        playing(monkeypatch, status(**told))
        assert GIRO.fetch(ACCOUNT, ORDER.payment, "wero/r-1").outcome is Outcome.STARTED


@pytest.mark.parametrize("told", [{"resultPayment": "4242"}, {"rc": 4242}, {"rc": 5062}])
def test_an_unknown_code_is_a_loud_error(
    monkeypatch: pytest.MonkeyPatch, told: dict[str, Any]
) -> None:
    playing(monkeypatch, status(**told))
    with pytest.raises(UnknownWord):
        GIRO.fetch(ACCOUNT, ORDER.payment, "wero/r-1")


@pytest.mark.parametrize("code", sorted(SILENT))
def test_a_word_about_who_asks_is_none_about_a_payment(
    monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    playing(monkeypatch, *[{"rc": int(code), "msg": ""}] * 2)
    with pytest.raises(ProviderDown):
        GIRO.fetch(ACCOUNT, ORDER.payment, "wero/r-1")
    with pytest.raises(ProviderDown):
        GIRO.start(ACCOUNT, ORDER)


@pytest.mark.parametrize("spoilt", [
    {"amount": "42.50"}, {"amount": -1}, {"amount": True}, {"amount": None}, {"amount": "4" * 14},
    {"currency": None}, {"currency": "eur"}, {"merchantTxId": None}, {"merchantTxId": ["x"]},
    {"reference": None}, {"resultPayment": 4000.0}, {"resultPayment": True}, {"rc": [0]},
    {"resultPayment": "4000\n"}, {"resultPayment": "4" * 201},
])  # fmt: skip
def test_an_answer_that_makes_no_sense_is_none(
    monkeypatch: pytest.MonkeyPatch, spoilt: dict[str, Any]
) -> None:
    playing(monkeypatch, status(**spoilt))
    with pytest.raises(ProviderDown):
        GIRO.fetch(ACCOUNT, ORDER.payment, "wero/r-1")


def test_amount_currency_payment_and_reference_are_handed_on_as_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    playing(monkeypatch, status(amount=1, currency="USD", merchantTxId="other", reference="r-2"))
    report = GIRO.fetch(ACCOUNT, ORDER.payment, "wero/r-1")
    assert (report.amount, report.payment) == (Money(1, "USD"), "other")
    assert report.provider_reference == "wero/r-2"


def test_a_try_on_the_pay_page_is_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    playing(monkeypatch, status(reference="r-of-the-try"))
    assert GIRO.fetch(ACCOUNT, ORDER.payment, "page/r-1").provider_reference == "page/r-1"


@pytest.mark.parametrize("signed", [{}, {"hash": ""}, {"hash": "0" * 32}, {"hash": "\u00e4"}])
def test_an_answer_that_is_not_signed_is_not_believed(
    monkeypatch: pytest.MonkeyPatch, signed: dict[str, str]
) -> None:
    monkeypatch.setattr(giro_wire, "ask", lambda *_: Answer(200, b'{"rc": 5030}', signed))
    with pytest.raises(ProviderDown, match="not signed"):
        GIRO.start(ACCOUNT, ORDER)


def test_a_start_that_it_had_before_is_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    playing(monkeypatch, {"rc": int(DUPLICATE), "msg": ""})
    with pytest.raises(ProviderDown):
        GIRO.start(ACCOUNT, ORDER)


@pytest.mark.parametrize("code", ["5003", "5023", "5030", "5508", "4900", "4051"])
def test_an_order_that_is_refused_was_never_begun(
    monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    playing(monkeypatch, {"rc": int(code), "msg": ""})
    with pytest.raises(OrderRefused):
        GIRO.start(ACCOUNT, ORDER)


def test_a_method_without_a_project_takes_no_order() -> None:
    for method in ("card", "giropay", ""):
        with pytest.raises(OrderRefused, match=method or "page"):
            GIRO.start(with_one("wero"), replace(ORDER, method=method))


def test_a_refund_that_it_had_before_is_asked_about(monkeypatch: pytest.MonkeyPatch) -> None:
    back = RefundOrder("ref-1", ORDER.payment, "card/r-1", Money(4250))
    first = status(reference="r-2", merchantTxId="ref-1")
    for again in ({"rc": 4503, "reference": "r-2"}, {"rc": 0, "resultPayment": "4503",
                                                     "reference": "r-2"}):  # fmt: skip
        far_side = playing(monkeypatch, again, first)
        report = GIRO.refund(ACCOUNT, back)
        assert (report.refund, report.outcome) == ("ref-1", Outcome.SUCCEEDED)
        assert [call for call, _ in far_side.forms] == ["transaction/refund", "transaction/status"]
    playing(monkeypatch, {"rc": 4503, "msg": ""})
    with pytest.raises(ProviderDown):
        GIRO.refund(ACCOUNT, back)


def test_a_refused_second_try_of_a_refund_is_no_word_about_the_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    back = RefundOrder("ref-1", ORDER.payment, "card/r-1", Money(4250))
    second = status(reference="r-3", merchantTxId="ref-1", resultPayment="4503")
    for again in ({"rc": 4503, "reference": "r-3"}, second):
        playing(monkeypatch, again, second)
        with pytest.raises(ProviderDown, match="does not say"):
            GIRO.refund(ACCOUNT, back)


def test_a_direct_transfer_is_not_sent_back() -> None:
    assert isinstance(GIRO, RefundsSome)
    assert isinstance(GIRO, Notifies)
    assert {method: GIRO.can_refund(method) for method in (*METHODS, "", "giropay")} == {
        "wero": True, "paypal": True, "card": True, "transfer": False, "page": True, "": True,
        "giropay": False,
    }  # fmt: skip
    with pytest.raises(OrderRefused, match="direct transfer"):
        GIRO.refund(ACCOUNT, RefundOrder("ref-1", "pay-1", "transfer/r-1", Money(1)))


# --- The purpose ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("neutral", "said"),
    [
        ("Stadt Musterhausen 7F3K-9QXM", "Stadt Musterhause 7F3K-9QXM"),
        ("Köln 7F3K-9QXM", "Koeln 7F3K-9QXM"),
        ("Straße & Söhne\n7F3K-9QXM", "Strasse Soehne 7F3K-9QXM"),
        ("Łódź \u0430\u0431\u0432 7F3K-9QXM", "odz 7F3K-9QXM"),
        ("Stadt Neu Muster Hausen 7F3K-9QXM", "Stadt Neu Muster 7F3K-9QXM"),
        ("7F3K-9QXM", "7F3K-9QXM"),
    ],
)
def test_the_purpose_is_short_and_keeps_the_code(neutral: str, said: str) -> None:
    assert purpose(neutral) == said
    assert len(said) <= 27


# --- What is not heard ---------------------------------------------------------------------------


def test_a_genuine_notification_rings_a_bell() -> None:
    assert heard(query(TOLD)) == Moved(
        payment=ORDER.payment,
        provider_reference=f"wero/{TOLD['gcReference']}",
        merchant="1234567",
        live=False,
        event_id=f"{TOLD['gcReference']}:4000",
    )


def test_the_pay_pages_notification_is_heard_and_its_payer_is_not() -> None:
    word = heard(query(OF_PAGE | PAYER, "secure-page"))
    assert (word.payment, word.provider_reference) == (ORDER.payment, "")
    for value in PAYER.values():
        assert value not in repr(word)


def test_heard_again_it_is_the_same_bell() -> None:
    assert heard(query(TOLD)) == heard(query(TOLD))


@pytest.mark.parametrize("password", ["secure", "", "secure-wero "])
def test_another_projects_or_no_password_signs_nothing(password: str) -> None:
    with pytest.raises(BadNotification):
        heard(query(TOLD, password))
    with pytest.raises(BadNotification):
        heard(query(TOLD, ""), with_one("wero", wero_password=""))


def test_a_project_signs_no_notification_of_the_pay_page() -> None:
    with pytest.raises(BadNotification):
        heard(query(OF_PAGE, "secure-wero"))


def test_what_the_pay_pages_project_signs_as_no_payment_on_it_is_about_a_refund() -> None:
    """A payer can cut the values of his own way back so; then it is about no money that came."""
    word = heard(query(TOLD, "secure-page"))
    assert (word.refund, word.provider_reference) == (True, f"page/{TOLD['gcReference']}")
    assert not heard(query(OF_PAGE, "secure-page")).refund
    assert not heard(query(TOLD)).refund, "by other methods nothing tells the two apart"


@pytest.mark.parametrize("name", TOLD)
def test_each_parameter_must_be_there(name: str) -> None:
    told = {key: value for key, value in TOLD.items() if key != name}
    with pytest.raises(BadNotification):
        heard(query(told))


def test_parameters_in_another_order_or_twice_are_refused() -> None:
    signed = {**TOLD, "gcHash": signature("secure-wero", TOLD.values())}
    turned = dict(reversed(signed.items()))
    for body in (
        urlencode(turned),
        urlencode(signed) + "&gcAmount=1",
        urlencode(signed) + f"&gcHash={signed['gcHash']}",
        urlencode({**signed, "extra": "1"}),
        urlencode({"gcpay": "1", **signed}),
    ):
        with pytest.raises(BadNotification):
            heard(body.encode())


def test_values_cut_in_another_way_change_nothing_that_counts() -> None:
    """The signature knows no borders between values: what it says of money is never believed."""
    cut = TOLD | {"gcBackendTxId": "b-", "gcAmount": "14250"}
    assert heard(query(cut)) == heard(query(TOLD))
    other = TOLD | {"gcReference": TOLD["gcReference"] + "0", "gcMerchantTxId": ORDER.payment[1:]}
    assert heard(query(other)).payment != ORDER.payment


@pytest.mark.parametrize("changed", [
    {"gcReference": ""}, {"gcReference": "a/b"}, {"gcReference": "r" * 65},
    {"gcMerchantTxId": ""}, {"gcMerchantTxId": "pay 1"}, {"gcMerchantTxId": "pay-1\x00"},
    {"gcAmount": ""}, {"gcAmount": "-1"}, {"gcAmount": "1" * 14}, {"gcAmount": "42.50"},
    {"gcCurrency": "eur"}, {"gcResultPayment": ""}, {"gcResultPayment": "paid"},
])  # fmt: skip
def test_a_signed_notification_that_makes_no_sense_is_refused(changed: dict[str, str]) -> None:
    with pytest.raises(BadNotification, match="not readable"):
        heard(query(TOLD | changed))


@pytest.mark.parametrize("body", [
    b"", b"&", b"gcReference", b"\xff", "gcReference=\u00e4".encode(), b"gcReference=%ff",
    b'{"gcReference": 1}', b"gcReference=" + b"x" * 8192,
])  # fmt: skip
def test_what_is_no_query_is_refused(body: bytes) -> None:
    with pytest.raises(BadNotification):
        heard(body)


def test_an_unknown_result_is_a_loud_error() -> None:
    with pytest.raises(UnknownWord):
        heard(query(TOLD | {"gcResultPayment": "4242"}))


@pytest.mark.parametrize(
    ("base_url", "says", "live"),
    [
        ("http://127.0.0.1:8003/girocheckout", True, False),
        ("https://dev.girosolution.de/girocheckout/api/v2", True, False),
        ("https://payment.girocheckout.de/girocheckout/v2", False, True),
        ("https://gateway.example/girocheckout", True, False),
        ("https://gateway.example/girocheckout", False, False),
    ],
)
def test_what_comes_from_a_test_system_is_no_real_money(
    monkeypatch: pytest.MonkeyPatch, base_url: str, says: bool, live: bool
) -> None:
    credentials = {**ACCOUNT.credentials, "base_url": base_url}
    account = replace(ACCOUNT, live=says, credentials=credentials)
    assert heard(query(TOLD), account).live is live
    playing(monkeypatch, status(), {"rc": 5034}, VECTORS["answers"]["fine"])
    assert GIRO.fetch(account, ORDER.payment, "wero/r-1").live is live
    assert GIRO.fetch(account, ORDER.payment, "wero/r-2").live is live
    back = RefundOrder("ref-1", ORDER.payment, "wero/r-1", Money(123))
    assert GIRO.refund(account, back).live is live


# --- What is wrong in an account -----------------------------------------------------------------


def test_a_good_account_is_found_good() -> None:
    GIRO.checked(ACCOUNT)
    live = {"base_url": "https://payment.girocheckout.de/girocheckout/v2"}
    GIRO.checked(replace(ACCOUNT, live=True, credentials={**ACCOUNT.credentials, **live}))


@pytest.mark.parametrize(
    ("live", "changed", "words"),
    [
        (False, {"base_url": ""}, "base_url is missing"),
        (False, {"base_url": "payment.girosolution.de"}, "no address"),
        (True, {"base_url": "https://dev.girosolution.de/girocheckout/api/v2"}, "must lead to"),
        (True, {"base_url": "https://preprod-payment.girocheckout.de/girocheckout/v2"},
         "must lead to"),
        (True, {"base_url": "http://payment.girosolution.de/girocheckout/api/v2"}, "must lead to"),
        (True, {"base_url": "https://payment.girosolution.de.evil.example/"}, "must lead to"),
        (False, {"base_url": "https://payment.girosolution.de/girocheckout/api/v2"},
         "live system"),
        (False, {"base_url": "https://PAYMENT.girocheckout.de/girocheckout/v2"}, "live system"),
        (False, {"wero_password": ""}, "wero_password is missing"),
        (False, {"page_project": ""}, "page_project is missing"),
        (False, {"card_project": "abc"}, "card_project must be"),
    ],
)  # fmt: skip
def test_an_account_that_cannot_work_says_why(
    live: bool, changed: dict[str, str], words: str
) -> None:
    wrong = replace(ACCOUNT, live=live, credentials={**ACCOUNT.credentials, **changed})
    with pytest.raises(AccountUnfit, match=words) as error:
        GIRO.checked(wrong)
    assert "secure-" not in str(error.value)


def test_an_account_without_projects_or_a_merchants_number_says_so() -> None:
    with pytest.raises(AccountUnfit, match="No project is set"):
        GIRO.checked(replace(ACCOUNT, credentials={"base_url": "http://localhost"}))
    with pytest.raises(AccountUnfit, match="Verkäufer-ID"):
        GIRO.checked(replace(ACCOUNT, merchant="town"))
