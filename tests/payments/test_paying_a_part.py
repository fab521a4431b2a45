"""Paying what is due, or a part: chosen on a page of its own, checked when the payment begins."""

import re
from typing import Any

import pytest
from flask import current_app
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from portal.db import transaction
from portal.money import Money
from portal.payments.parts import NotAPart, Which
from portal.payments.record import record
from portal.payments.start import ChangedSince, NotOffered, start
from portal.providers.protocol import Outcome
from tests import builders
from tests.builders import TOWN, Letter
from tests.fakes import FakeProvider
from tests.house.test_routes import give_tan
from tests.payments.test_start import URL, choice
from tests.payments.test_transfers import code
from tests.returns.test_refunds import CARD

PARTS = {"partial": {"minimum_cents": 1_000}}
QUARTERS = {
    "instalments": [
        {"due_on": "2020-02-15", "amount_cents": 30_000},
        {"due_on": "2099-05-15", "amount_cents": 60_000},
    ]
}
LONG = {"language": "en", "amount_cents": 90_000}


def begin(letter: Letter, which: Which, cents: int, account: str = "card", **shown: Any) -> str:
    chosen = choice(letter, account, which=which, part_cents=cents, **shown)
    return start(current_app.extensions["keyring"], chosen, URL)


def choose(client: FlaskClient, handle: str, which: str, amount: str = "") -> TestResponse:
    page = client.get(f"/r/{handle}/amount")
    data = {"csrf_token": builders.token(page), "which": which, "amount": amount}
    return client.post(f"/r/{handle}/amount", data=data)


def fields(page: TestResponse) -> dict[str, str]:
    """What the form of a page sends, but for what is chosen."""
    hidden = r'type="hidden" name="(\w+)" value="([^"]*)"'
    return dict(re.findall(hidden, page.text))


def pay(client: FlaskClient, handle: str, page: TestResponse, label: str = "Card") -> TestResponse:
    rule = re.search(rf'name="offer" value="(\d+)"[^§]*?{label}</', page.text)
    assert rule, "not offered"
    return client.post(f"/r/{handle}/pay", data={**fields(page), "offer": rule[1]})


def test_a_part_is_all_that_the_provider_is_asked_for(provider: FakeProvider) -> None:
    letter = builders.letter(amount_cents=90_000, **PARTS)
    payment = begin(letter, Which.AMOUNT, 20_000)
    assert provider.books[payment].order.amount == Money(20_000)
    record(provider.pay(payment), CARD)
    after = builders.request_of(letter)
    assert (after.state, after.open) == ("partly_paid", Money(70_000))


def test_the_offers_are_those_for_the_part(provider: FakeProvider) -> None:
    letter = builders.letter(amount_cents=90_000, **PARTS)
    with pytest.raises(NotOffered):
        begin(letter, Which.WHOLE, 0, "paypal")
    with pytest.raises(NotOffered):
        begin(letter, Which.AMOUNT, 80_001, "paypal")
    begin(letter, Which.AMOUNT, 80_000, "paypal")


@pytest.mark.parametrize(
    ("which", "cents", "asked"),
    [
        (Which.AMOUNT, 999, PARTS),
        (Which.AMOUNT, 89_500, PARTS),
        (Which.AMOUNT, 90_001, PARTS),
        (Which.AMOUNT, 0, PARTS),
        (Which.AMOUNT, 50_000, {}),
        (Which.AMOUNT, 50_000, QUARTERS),
        (Which.DUE, 60_000, QUARTERS),
        (Which.DUE, 50_000, PARTS),
    ],
)
def test_what_is_no_part_never_leaves_to_a_provider(
    provider: FakeProvider, which: Which, cents: int, asked: dict[str, Any]
) -> None:
    letter = builders.letter(amount_cents=90_000, **asked)
    with pytest.raises(NotAPart):
        begin(letter, which, cents)
    assert provider.books == {}


def test_a_warning_fine_is_never_paid_in_parts(provider: FakeProvider) -> None:
    letter = builders.letter(amount_cents=90_000, kind="warning", **QUARTERS)
    with pytest.raises(NotAPart):
        begin(letter, Which.DUE, 30_000)
    begin(letter, Which.WHOLE, 0)


def test_a_part_of_what_the_page_no_longer_shows_is_not_paid(provider: FakeProvider) -> None:
    letter = builders.letter(amount_cents=90_000, **PARTS)
    with pytest.raises(ChangedSince):
        begin(letter, Which.AMOUNT, 20_000, version=2)
    with pytest.raises(ChangedSince):
        begin(letter, Which.AMOUNT, 20_000, amount_cents=20_000)
    assert provider.books == {}


def test_what_is_due_is_paid_and_the_confirmation_says_what_stays_open(
    client: FlaskClient, provider: FakeProvider
) -> None:
    letter = builders.letter(**LONG, **QUARTERS)
    handle = give_tan(client, letter)
    assert f"/r/{handle}/amount" in client.get(f"/r/{handle}/payment").text
    page = client.get(f"/r/{handle}/amount")
    assert "What is due now: €300.00" in page.text
    assert 'Possible with: <span lang="de">Card, Paypal</span>' in page.text
    chosen = choose(client, handle, "due")
    assert chosen.status_code == 303
    page = client.get(str(chosen.location))
    assert "€600.00 stays open" in page.text
    assert "Pay €300.00" in page.text
    left = pay(client, handle, page, "Paypal")
    payment = str(left.location).rsplit("/", 1)[1]
    assert provider.books[payment].order.amount == Money(30_000)
    provider.pay(payment)
    page = client.get(f"/r/{handle}/payment/{payment}", follow_redirects=True)
    assert "€600.00" in page.text
    page = client.get(f"/r/{handle}/amount")
    assert "The next instalment" not in page.text  # the last one is all that is open
    assert page.location == f"/r/{handle}/payment"


def test_what_was_chosen_is_what_is_transferred(client: FlaskClient) -> None:
    handle = give_tan(client, builders.letter(**LONG, **QUARTERS))
    page = client.get(str(choose(client, handle, "due").location))
    transfer = f"/r/{handle}/transfer?part=due&amp;cents=30000"
    assert f'href="{transfer}"' in page.text
    page = client.get(transfer.replace("&amp;", "&"))
    for said in ("<strong class=\"nowrap\">€300.00</strong>", "€600.00 stays open",
                 'data-copy="300.00"', f"/r/{handle}/choice?part=due&amp;cents=30000",
                 f"/r/{handle}/transfer?part=due&amp;cents=30000&amp;lang=uk"):  # fmt: skip
        assert said in page.text, said
    picture = client.get(f"/r/{handle}/transfer.png?part=due&cents=30000")
    assert code(picture.data)[7] == "EUR300.00"
    whole = client.get(f"/r/{handle}/transfer.png")
    assert code(whole.data)[7] == "EUR900.00"


@pytest.mark.parametrize("query", ["part=due&cents=30001", "part=amount&cents=500", "part=due"])
def test_what_is_no_part_is_not_transferred_either(client: FlaskClient, query: str) -> None:
    handle = give_tan(client, builders.letter(**LONG, **QUARTERS))
    answer = client.get(f"/r/{handle}/transfer?{query}")
    assert (answer.status_code, answer.location) == (303, f"/r/{handle}/amount")
    assert client.get(f"/r/{handle}/transfer.png?{query}").status_code == 404


def test_what_is_not_due_yet_is_offered_as_the_next_instalment(client: FlaskClient) -> None:
    later = {"instalments": [{"due_on": f"2099-{month}-15", "amount_cents": 45_000}
                             for month in ("02", "05")]}  # fmt: skip
    handle = give_tan(client, builders.letter(**LONG, **later))
    page = client.get(f"/r/{handle}/amount")
    assert "The next instalment: €450.00" in page.text
    assert "Due on 15 February 2099." in page.text


def test_who_types_an_amount_need_not_choose_it_as_well(client: FlaskClient) -> None:
    handle = give_tan(client, builders.letter(**LONG, **PARTS))
    answer = choose(client, handle, "", "200,00")
    assert answer.location == f"/r/{handle}/choice?part=amount&cents=20000"
    assert "The smallest amount is" in choose(client, handle, "", "0,50").text


def test_what_a_town_has_no_more_stands_on_no_page(
    client: FlaskClient, provider: FakeProvider
) -> None:
    with transaction() as session:
        session.add(builders.rule(TOWN, "card", label="Giropay", valid_until=builders.LONG_AGO))
    handle = give_tan(client, builders.letter(**LONG, **PARTS))
    page = client.get(f"/r/{handle}/choice").text
    assert "Only up to €800.00." in page
    assert "Giropay" not in page


def test_an_amount_of_ones_own_brings_a_provider_back(
    client: FlaskClient, provider: FakeProvider
) -> None:
    handle = give_tan(client, builders.letter(**LONG, **PARTS))
    whole = client.get(f"/r/{handle}/choice")
    assert "Only up to €800.00." in whole.text
    assert "If you pay only a part now, more payment methods are possible." in whole.text
    page = client.get(str(choose(client, handle, "amount", "800,00").location))
    assert "Only up to" not in page.text
    assert "€100.00 stays open" in page.text
    left = pay(client, handle, page, "Paypal")
    payment = str(left.location).rsplit("/", 1)[1]
    assert builders.payment(payment).amount == Money(80_000)


@pytest.mark.parametrize(
    ("which", "amount", "sentence"),
    [
        ("", "", "Please choose how much you want to pay now."),
        ("everything", "", "Please choose how much you want to pay now."),
        ("due", "", "Please choose how much you want to pay now."),
        ("amount", "", "Please enter the amount that you want to pay now."),
        ("amount", "a lot", "Please enter the amount like this: 148.50"),
        ("amount", "1" * 70, "Please enter the amount like this: 148.50"),
        ("amount", "9,99", "The smallest amount is €10.00."),
        ("amount", "-20", "Please enter the amount like this: 148.50"),
        ("amount", "1.000", "This is more than is open: €900.00."),
        ("amount", "895", "Then less than €10.00 would stay open."),
    ],
)
def test_what_cannot_be_paid_is_said_at_the_field_and_kept(
    client: FlaskClient, which: str, amount: str, sentence: str
) -> None:
    handle = give_tan(client, builders.letter(**LONG, **PARTS))
    answer = choose(client, handle, which, amount)
    assert answer.status_code == 422
    assert answer.text.count(sentence) >= 2  # on top, and at the field; its hint may say it, too
    assert f'value="{amount[:25]}"' in answer.text


def test_the_language_is_switched_with_what_was_typed(client: FlaskClient) -> None:
    handle = give_tan(client, builders.letter(**LONG, **PARTS))
    csrf = builders.token(client.get(f"/r/{handle}/amount"))
    data = {"csrf_token": csrf, "which": "amount", "amount": "12,3"}
    answer = client.post(f"/r/{handle}/amount?lang=de", data=data)
    assert answer.status_code == 200
    assert "Wie viel möchten Sie jetzt zahlen?" in answer.text
    assert 'value="12,3"' in answer.text
    page = client.get(str(choose(client, handle, "amount", "20").location))
    answer = client.post(f"/r/{handle}/pay?lang=en", data=fields(page))
    assert "€880.00 stays open" in answer.text


@pytest.mark.parametrize(
    "asked", ["part=amount&cents=999", "part=amount&cents=x", "part=due&cents=100", "part=amount"]
)
def test_an_address_that_names_no_part_leads_back_to_the_amount(
    client: FlaskClient, asked: str
) -> None:
    handle = give_tan(client, builders.letter(**LONG, **PARTS))
    assert client.get(f"/r/{handle}/choice?{asked}").location == f"/r/{handle}/amount"


def test_a_forged_part_is_refused_with_the_amounts_that_can_be_paid(
    client: FlaskClient, provider: FakeProvider
) -> None:
    handle = give_tan(client, builders.letter(**LONG, **PARTS))
    page = client.get(f"/r/{handle}/choice")
    data = {**fields(page), "offer": "1", "part": "amount", "part_cents": "1"}
    answer = client.post(f"/r/{handle}/pay", data=data)
    assert answer.status_code == 409
    assert "This amount cannot be paid any more. Nothing was paid just now." in answer.text
    assert provider.books == {}


def test_a_letter_without_parts_is_not_asked_for_an_amount(client: FlaskClient) -> None:
    handle = give_tan(client, builders.letter(**LONG))
    assert client.get(f"/r/{handle}/amount").location == f"/r/{handle}/payment"
    assert f"/r/{handle}/amount" not in client.get(f"/r/{handle}/choice").text


def test_after_a_failure_the_same_part_is_chosen_again(
    client: FlaskClient, provider: FakeProvider
) -> None:
    letter = builders.letter(**LONG, **PARTS)
    handle = give_tan(client, letter)
    payment = begin(letter, Which.AMOUNT, 20_000)
    record(provider.say(payment, Outcome.FAILED), CARD)
    page = client.get(f"/r/{handle}/payment/{payment}")
    assert f"/r/{handle}/choice?part=amount&amp;cents=20000" in page.text


@pytest.mark.parametrize(("currency", "name"), [("EUR", "euros"), ("NOK", "Norwegian kroner")])
def test_an_amount_of_ones_own_is_asked_for_in_the_letters_currency(
    client: FlaskClient, currency: str, name: str
) -> None:
    letter = builders.letter(**LONG, **PARTS, currency=currency)
    page = client.get(f"/r/{give_tan(client, letter)}/amount")
    assert f"Another amount ({name})" in page.text
