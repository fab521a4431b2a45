"""One search box: by whatever stands on the paper, or what a caller knows."""

import pytest
from flask import Flask
from flask.testing import FlaskClient

from portal.admin.lists import finding
from portal.payments.record import record
from portal.staff.roles import Grant, Role
from tests import builders
from tests.admin.browsing import first_column
from tests.builders import Letter, token
from tests.fakes import FakeProvider
from tests.returns.test_custody_returns import unclear
from tests.returns.test_refunds import CARD
from tests.staff.people import colleague, sign_in


@pytest.fixture
def clerk(app: Flask) -> FlaskClient:
    """A browser in which a clerk of the town is signed in."""
    return sign_in(builders.browser(app), colleague("jansen", Role.CLERK))


@pytest.fixture
def paid(provider: FakeProvider) -> tuple[Letter, str]:
    """A paid letter, and its payment; beside it another one."""
    builders.letter("K-2", payment_sign="other", amount_cents=700)
    letter = builders.letter("K-1", unit="20.1", payment_sign="5.0101", amount_cents=81_200)
    payment = builders.begin(letter)
    record(provider.pay(payment), CARD)
    return letter, payment


def sought(client: FlaskClient, **typed: str) -> str | None:
    """Where the search leads at once; ``None`` when it does not."""
    told = {"csrf_token": token(client.get("/admin/search")), **typed}
    answer = client.post("/admin/search", data=told)
    return answer.location


def asks(letter: Letter, payment: str) -> dict[str, dict[str, str]]:
    """All that may be known of a paid letter."""
    provider_reference = builders.payment(payment).provider_reference or ""
    day = builders.payment(payment).effective_on
    assert day
    return {
        "reference": {"q": " K-1 "},
        "sign": {"q": "5.0101"},
        "code": {"q": letter.short_code.lower()},
        "link": {"q": letter.url},
        "payment": {"q": payment.upper()},
        "provider": {"q": provider_reference},
        "amount": {"amount": "812,00"},
        "caller": {"amount": "812", "day": day.isoformat(), "account": "card"},
        "typed day": {"amount": "812", "day": f"{day:%d.%m.%Y}"},
    }


KEYS = ("reference", "sign", "code", "link", "payment", "provider", "amount", "caller", "typed day")


def test_every_key_leads_straight_to_its_request(
    clerk: FlaskClient, paid: tuple[Letter, str]
) -> None:
    known = asks(*paid)
    assert tuple(known) == KEYS
    for name, typed in known.items():
        found = sought(clerk, **typed)
        assert found, name
        assert "K-1" in found, name


def test_what_is_out_of_reach_is_not_found_by_any_key(
    app: Flask, paid: tuple[Letter, str], provider: FakeProvider
) -> None:
    other = sign_in(builders.browser(app), colleague("klein", Grant(Role.CLERK, unit="20.2")))
    unclear(provider, 700)
    nothing = sought_text(other, q="no such thing")
    for name, typed in asks(*paid).items():
        assert sought(other, **typed) is None, name
        assert "Es wurde nichts gefunden" in sought_text(other, **typed), name
    assert "Es wurde nichts gefunden" in nothing
    own = sign_in(builders.browser(app), colleague("weber", Grant(Role.CLERK, unit="20.1")))
    assert "K-1" in (sought(own, q="K-1") or "")


def sought_text(client: FlaskClient, **typed: str) -> str:
    told = {"csrf_token": token(client.get("/admin/search")), **typed}
    return client.post("/admin/search", data=told).text


def test_several_hits_are_shown_the_newest_first(clerk: FlaskClient) -> None:
    for reference in ("K-1", "K-2"):
        builders.letter(reference, payment_sign="5.7")
    assert first_column(sought_text(clerk, q="5.7")) == ["K-2", "K-1"]


def test_a_code_that_finds_nothing_is_not_shown_again(
    clerk: FlaskClient, paid: tuple[Letter, str]
) -> None:
    other = builders.letter("T-1", tenant_id=builders.OTHER_TOWN)
    page = sought_text(clerk, q=other.short_code)
    assert "Es wurde nichts gefunden" in page
    assert other.short_code not in page
    assert finding.is_secret(other.url)
    assert not finding.is_secret("K-2026-1")


def test_unclear_money_is_found_by_its_provider_s_name(
    clerk: FlaskClient, provider: FakeProvider
) -> None:
    unclear(provider, 700, "x-9")
    found = sought(clerk, q="x-9")
    assert found
    assert "what=custody" in found
    assert len(first_column(clerk.get(found).text)) == 1


@pytest.mark.parametrize(
    "typed", [{"day": "2026-11-15"}, {"amount": "x"}, {"amount": "5", "day": "2026-13-01"}]
)
def test_what_cannot_be_read_is_told_beside_its_field(
    clerk: FlaskClient, typed: dict[str, str]
) -> None:
    told = {"csrf_token": token(clerk.get("/admin/search")), **typed}
    answer = clerk.post("/admin/search", data=told)
    assert answer.status_code == 422
    assert 'aria-invalid="true"' in answer.text


@pytest.mark.parametrize("typed", ["%", "'; --", "x" * 5000, "=1", "*"])
def test_odd_signs_find_nothing_and_break_nothing(
    clerk: FlaskClient, paid: tuple[Letter, str], typed: str
) -> None:
    assert "Es wurde nichts gefunden" in sought_text(clerk, q=typed)
