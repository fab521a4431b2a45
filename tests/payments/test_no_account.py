"""A town that has named no account: no page offers a transfer, and none shows an empty IBAN."""

import pytest
from flask.testing import FlaskClient

from portal.db import transaction
from portal.payments.models import ProviderRule
from portal.tenants import Tenant
from tests import builders
from tests.builders import TOWN, token
from tests.house.test_pages_of_states import told
from tests.house.test_routes import give_tan, open_letter

TRANSFER = ("IBAN", "You can transfer it", "transfer the money", "bank transfer")


@pytest.fixture(autouse=True)
def _no_account(client: FlaskClient) -> None:
    with transaction() as session:
        session.get_one(Tenant, TOWN).iban = ""
    client.get("/impressum?lang=en")


def nothing_offered() -> None:
    with transaction() as session:
        for rule in session.query(ProviderRule).filter_by(tenant_id=TOWN):
            rule.maximum_cents = 100


def test_no_page_behind_the_tan_offers_a_transfer(client: FlaskClient) -> None:
    handle = give_tan(client, builders.letter(partial={"minimum_cents": 1_000}))
    for step in ("payment", "amount", "choice"):
        page = client.get(f"/r/{handle}/{step}")
        assert not any(word in told(page) for word in TRANSFER), step
        assert f"/r/{handle}/transfer" not in page.text, step


def test_who_can_pay_nothing_here_is_asked_to_call(client: FlaskClient) -> None:
    nothing_offered()
    handle = give_tan(client, builders.letter(partial={"minimum_cents": 1_000}))
    for step in ("amount", "choice"):
        page = told(client.get(f"/r/{handle}/{step}"))
        assert "Please call us to ask how you can pay." in page, step
        assert "0123 45678" in page or step == "amount"
        assert not any(word in page for word in TRANSFER), step


@pytest.mark.parametrize("path", ["/", "/is-my-letter-real", "/Z/777", "/datenschutz"])
def test_no_page_before_the_tan_shows_an_empty_account(client: FlaskClient, path: str) -> None:
    page = told(client.get(path))
    assert not any(word in page for word in TRANSFER)
    assert "Our account:" not in page
    assert "call us" in page


def test_nor_does_the_page_of_the_tan_or_of_a_lock(client: FlaskClient) -> None:
    letter = builders.letter()
    handle = open_letter(client, letter)
    page = client.get(f"/r/{handle}/")
    for _ in range(5):
        assert not any(word in told(page) for word in TRANSFER)
        sent = {"csrf_token": token(client.get("/receipt")), "tan": "00000001"}
        page = client.post(f"/r/{handle}/tan", data=sent)
    assert "locked" in told(page)
    assert "Please call us to ask how else you can pay." in told(page)
    assert not any(word in told(page) for word in TRANSFER)
