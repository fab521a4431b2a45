"""A bank transfer as an equal choice: offered when it can help, and it makes no payment."""

import io
import itertools
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
import zxingcpp
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image

from portal import clock
from portal.db import transaction
from portal.finance import messages, outbox
from portal.payments import transfers
from portal.payments.transfers import Hindrance, Situation
from portal.requests import elsewhere, register
from portal.requests.models import PaymentRequest
from portal.requests.ordered import Elsewhere, How
from portal.requests.orders import Subject
from portal.tenants import Tenant
from tests import builders
from tests.builders import TOWN, Letter
from tests.fakes import FakeProvider
from tests.house.test_routes import dump, give_tan, open_letter

DAY = date(2026, 11, 21)
PICTURES = ("transfer.png", "transfer.svg")


def situation(**changes: Any) -> Situation:
    usual = {"has_account": True, "payable": True, "undecided": False, "closes_on": None}
    return Situation(**{**usual, "day": DAY, **changes})


def code(answer_data: bytes) -> list[str]:
    (found,) = zxingcpp.read_barcodes(Image.open(io.BytesIO(answer_data)))
    return found.bytes.decode().split("\n")


# fmt: off
@pytest.mark.parametrize(
    ("changes", "hindrance"),
    [
        ({},                                        None),
        ({"closes_on": date(2026, 11, 22)},         None),
        ({"closes_on": DAY},                        Hindrance.TOO_LATE),
        ({"has_account": False},                    Hindrance.NO_ACCOUNT),
        ({"undecided": True, "has_account": False}, Hindrance.UNDECIDED),
        ({"payable": False, "undecided": True},     Hindrance.NOT_PAYABLE),
    ],
)
def test_why_a_transfer_is_not_offered(
    changes: dict[str, Any], hindrance: Hindrance | None
) -> None:
    assert transfers.judge(situation(**changes)) is hindrance
# fmt: on


def test_every_situation_is_judged_and_only_one_without_any_hindrance_offers() -> None:
    flags = itertools.product((True, False), (True, False), (True, False), (None, DAY))
    for account, payable, undecided, closes in flags:
        now = situation(has_account=account, payable=payable, undecided=undecided, closes_on=closes)
        free = account and payable and not undecided and closes is None
        assert (transfers.judge(now) is None) == free


def test_the_page_says_all_that_a_transfer_needs(app: Flask, client: FlaskClient) -> None:
    handle = give_tan(client, builders.letter())
    text = " ".join(client.get(f"/r/{handle}/transfer?lang=en").text.split())
    for needed in (
        "Stadt Musterhausen", "DE02 1203 0000 0000 2020 51", "€148.50", "5.0101.000123.4",
        'data-copy="DE02120300000000202051"', 'data-copy="148.50"',
        'data-copy="5.0101.000123.4"', "on which the money is credited to our account",
    ):  # fmt: skip
        assert needed in text, needed


def test_the_picture_fills_in_what_the_page_says(app: Flask, client: FlaskClient) -> None:
    handle = give_tan(client, builders.letter())
    answer = client.get(f"/r/{handle}/transfer.png")
    assert answer.mimetype == "image/png"
    assert code(answer.data) == ["BCD", "002", "1", "SCT", "", "Stadt Musterhausen",
        "DE02120300000000202051", "EUR148.50", "", "", "5.0101.000123.4"]  # fmt: skip
    assert client.get(f"/r/{handle}/transfer.svg").mimetype == "image/svg+xml"


def test_the_same_letter_gives_the_same_bytes(app: Flask, client: FlaskClient) -> None:
    handle = give_tan(client, builders.letter())
    for picture in PICTURES:
        first, second = (client.get(f"/r/{handle}/{picture}").data for _ in range(2))
        assert first == second


def test_the_saved_picture_has_a_name_that_says_what_it_is(app: Flask, client: FlaskClient) -> None:
    handle = give_tan(client, builders.letter(payment_sign="ä/../ 5.01 \"'"))
    name = "Ueberweisung-5.01.png"
    page = client.get(f"/r/{handle}/transfer?lang=de").text
    assert f'download="{name}"' in page
    answer = client.get(f"/r/{handle}/transfer.png")
    assert answer.headers["Content-Disposition"] == f'inline; filename="{name}"'


def test_the_code_asks_for_what_is_open_and_no_more(app: Flask, client: FlaskClient) -> None:
    letter = builders.letter()
    told = Elsewhere(id="b-1", amount_cents=4_850, paid_on=DAY, how=How.TRANSFER)
    with transaction() as session:
        elsewhere.tell(session, Subject(TOWN, letter.reference, "client:1"), told)
    handle = give_tan(client, letter)
    assert code(client.get(f"/r/{handle}/transfer.png").data)[7] == "EUR100.00"
    assert "100,00" in client.get(f"/r/{handle}/transfer?lang=de").text


def test_looking_at_a_transfer_makes_no_payment_and_blocks_none(
    client: FlaskClient, provider: FakeProvider
) -> None:
    letter = builders.letter()
    handle = give_tan(client, letter)
    before = dump()
    for path in ("transfer", *PICTURES):
        assert client.get(f"/r/{handle}/{path}").status_code == 200
    assert dump() == before
    assert builders.begin(letter)


def test_while_a_payment_is_undecided_the_page_says_so_and_shows_no_code(
    client: FlaskClient, provider: FakeProvider
) -> None:
    letter = builders.letter()
    handle = give_tan(client, letter)
    builders.begin(letter)
    page = client.get(f"/r/{handle}/transfer?lang=en")
    assert "Please do not transfer now" in page.text
    assert "DE02" not in page.text
    for picture in PICTURES:
        assert client.get(f"/r/{handle}/{picture}").status_code == 404


def paid(letter: Letter) -> None:
    told = Elsewhere(id="b-1", amount_cents=letter.amount_cents, paid_on=DAY, how=How.TRANSFER)
    with transaction() as session:
        elsewhere.tell(session, Subject(TOWN, letter.reference, "client:1"), told)


def expired(letter: Letter) -> None:
    with transaction() as session:
        register.expire(register.locked(session, TOWN, letter.request_id))
        outbox.put(session, TOWN, messages.request_expired(letter.reference, 1))


def over(letter: Letter) -> None:
    """The last day is past, and nobody has written it down yet."""
    with transaction() as session:
        row = session.get_one(PaymentRequest, (TOWN, letter.request_id))
        row.payable_until = date(2020, 1, 1)


@pytest.mark.parametrize("happens", [paid, expired, over])
def test_what_cannot_be_paid_cannot_be_transferred(
    app: Flask, client: FlaskClient, happens: Callable[[Letter], None]
) -> None:
    letter = builders.letter()
    handle = give_tan(client, letter)
    happens(letter)
    answer = client.get(f"/r/{handle}/transfer")
    assert (answer.status_code, answer.location) == (303, f"/r/{handle}/payment")
    for picture in PICTURES:
        assert client.get(f"/r/{handle}/{picture}").status_code == 404


def test_a_town_without_account_offers_none(app: Flask, client: FlaskClient) -> None:
    handle = give_tan(client, builders.letter())
    with transaction() as session:
        session.get_one(Tenant, TOWN).iban = ""
    assert client.get(f"/r/{handle}/transfer").location == f"/r/{handle}/payment"
    assert client.get(f"/r/{handle}/transfer.png").status_code == 404


def test_in_another_currency_the_account_is_named_and_no_code_drawn(
    app: Flask, client: FlaskClient
) -> None:
    handle = give_tan(client, builders.letter(currency="NOK"))
    page = client.get(f"/r/{handle}/transfer?lang=en")
    assert "DE02 1203" in page.text
    assert "transfer.png" not in page.text
    assert client.get(f"/r/{handle}/transfer.png").status_code == 404


@pytest.mark.parametrize(("days", "offered"), [(0, False), (1, True)])
def test_a_kind_that_closes_is_not_transferred_on_its_last_day(
    app: Flask, client: FlaskClient, days: int, offered: bool
) -> None:
    last = date.fromordinal(clock.today("Europe/Berlin").toordinal() + days)
    letter = builders.letter(kind="warning", amount_cents=1_000, payable_until=str(last))
    handle = give_tan(client, letter)
    page = client.get(f"/r/{handle}/transfer?lang=en").text
    assert ("It is too late for a transfer" in page) != offered
    assert ("the money must have arrived by" in page) == offered
    assert (client.get(f"/r/{handle}/transfer.png").status_code == 200) == offered


def test_before_the_tan_no_picture_tells_of_the_claim(app: Flask, client: FlaskClient) -> None:
    handle = open_letter(client, builders.letter())
    for path in ("transfer", *PICTURES):
        assert client.get(f"/r/{handle}/{path}").location == f"/r/{handle}/"


def test_the_transfer_stands_among_the_ways_to_pay(app: Flask, client: FlaskClient) -> None:
    handle = give_tan(client, builders.letter())
    page = client.get(f"/r/{handle}/choice?lang=de").text
    assert f'href="/r/{handle}/transfer"' in page
    assert "<details" not in page[page.index("<main") : page.index(f"/r/{handle}/transfer")]
