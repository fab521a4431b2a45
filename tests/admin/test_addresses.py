"""Addresses, languages and deadlines: where citizens pay takes two; nobody is locked out."""

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from portal.db import db, transaction
from portal.faces import addresses
from portal.staff.roles import Role
from portal.tenants import Tenant, TenantHost
from tests import builders
from tests.admin.test_settings import agree, send, town, wrong
from tests.builders import TOWN
from tests.staff.people import colleague, sign_in, waiting

NEW = "pay.town.example"


@pytest.fixture
def admin(app: Flask) -> FlaskClient:
    return sign_in(builders.browser(app), colleague("admin", Role.TENANT_ADMIN))


@pytest.fixture
def approver(app: Flask) -> FlaskClient:
    return sign_in(builders.browser(app), colleague("petersen", Role.APPROVER))


def hosts(current: bool) -> list[str]:
    db.session.rollback()
    query = select(TenantHost.host).where(TenantHost.tenant_id == TOWN)
    return sorted(db.session.scalars(query.where(TenantHost.current.is_(current))))


def asked(who: FlaskClient, address: str, *further: str) -> int:
    told = {"address": address, "further": "\n".join(further)}
    return send(who, "settings/addresses", **told).status_code


def test_an_address_is_added_by_two_and_leads_on(
    app: Flask, admin: FlaskClient, approver: FlaskClient
) -> None:
    assert asked(admin, "localhost", NEW) == 303
    assert hosts(current=False) == []
    assert agree(admin, addresses.ACT, addresses.SUBJECT) == 404
    assert NEW in waiting(approver)
    assert agree(approver, addresses.ACT, addresses.SUBJECT) == 303
    assert (hosts(current=True), hosts(current=False)) == (["localhost"], [NEW])
    led = builders.browser(app, NEW).get("/")
    assert (led.status_code, "//localhost" in led.location) == (308, True)


def test_the_address_in_use_is_one_that_has_led_on_and_the_old_one_stays(
    admin: FlaskClient, approver: FlaskClient
) -> None:
    answer = send(admin, "settings/addresses", address=NEW, further="localhost")
    assert (answer.status_code, wrong(answer)) == (422, {"address"})
    asked(admin, "localhost", NEW)
    agree(approver, addresses.ACT, addresses.SUBJECT)
    answer = send(admin, "settings/addresses", address=NEW, further="")
    assert (answer.status_code, wrong(answer)) == (422, {"further"})
    assert asked(admin, NEW, "localhost") == 303
    assert agree(approver, addresses.ACT, addresses.SUBJECT) == 303
    assert (hosts(current=True), hosts(current=False)) == ([NEW], ["localhost"])


@pytest.mark.parametrize(
    "further",
    ["127.0.0.1", "10.1.2.3", "https://pay.town.example", "town", "a b..example", "x_y.example",
     "pay.town.example.", "\n".join(f"a{n}.example" for n in range(20))],
    ids=["another town's", "a number", "with https", "no dot", "no name", "underscore", "end",
         "many"],
)  # fmt: skip
def test_an_address_that_cannot_be_is_told_beside_its_field(
    admin: FlaskClient, further: str
) -> None:
    answer = send(admin, "settings/addresses", address="localhost", further=further)
    assert (answer.status_code, wrong(answer)) == (422, {"further"})
    assert further.splitlines()[0] in answer.text


def test_an_address_with_an_umlaut_is_kept_as_browsers_ask_for_it(
    admin: FlaskClient, approver: FlaskClient
) -> None:
    assert asked(admin, "localhost", "Zahlen.Köln.example") == 303
    agree(approver, addresses.ACT, addresses.SUBJECT)
    assert hosts(current=False) == ["zahlen.xn--kln-sna.example"]


def test_what_another_town_took_meanwhile_is_refused(
    admin: FlaskClient, approver: FlaskClient
) -> None:
    asked(admin, "localhost", NEW)
    with transaction() as session:
        session.add(TenantHost(host=NEW, tenant_id=builders.OTHER_TOWN, current=False))
    assert agree(approver, addresses.ACT, addresses.SUBJECT) == 409
    assert hosts(current=False) == []


def test_what_changed_since_it_was_asked_for_is_not_overwritten(
    admin: FlaskClient, approver: FlaskClient
) -> None:
    asked(admin, "localhost", NEW)
    with transaction() as session:
        session.add(TenantHost(host="old.example", tenant_id=TOWN, current=False))
    assert agree(approver, addresses.ACT, addresses.SUBJECT) == 409
    assert hosts(current=False) == ["old.example"]


def test_a_town_offers_the_languages_it_chose_and_always_german(
    app: Flask, admin: FlaskClient
) -> None:
    visitor = builders.browser(app)
    assert "lang=uk" in visitor.get("/").text
    assert send(admin, "settings/languages", en="1", pl="1").status_code == 303
    assert town().languages == ["de", "en", "pl"]
    page = builders.browser(app).get("/", headers={"Accept-Language": "uk"}).text
    assert 'lang="de"' in page
    assert "lang=uk" not in page
    assert "lang=en" in page
    assert "lang=pl" in page
    assert '<html lang="de"' in visitor.get("/?lang=uk").text
    assert '<html lang="pl"' in visitor.get("/?lang=pl").text


def test_without_a_choice_german_is_left_and_staff_still_read_english(
    app: Flask, admin: FlaskClient
) -> None:
    send(admin, "settings/languages")
    admin.get("/admin/account")  # reads what was flashed
    assert town().languages == ["de"]
    visitor = builders.browser(app)
    assert '<html lang="de"' in visitor.get("/", headers={"Accept-Language": "en"}).text
    assert '<html lang="en"' in admin.get("/admin/account?lang=en").text


def test_all_languages_are_all_that_will_ever_be(admin: FlaskClient) -> None:
    ticks = dict.fromkeys(("de-simple", "en", "uk", "pl", "tr", "nb", "ar"), "1")
    send(admin, "settings/languages", en="1")
    send(admin, "settings/languages", **ticks)
    assert town().languages == []


def test_when_a_suspense_item_is_overdue_is_set_by_one(admin: FlaskClient) -> None:
    for days in ("", "2", "367", "3661", "ten", "-5"):
        answer = send(admin, "settings/deadlines", suspense_days=days)
        assert (answer.status_code, wrong(answer)) == (422, {"suspense_days"})
    assert send(admin, "settings/deadlines", suspense_days="14").status_code == 303
    assert town().suspense_days == 14
    assert 'value="14"' in admin.get("/admin/settings/deadlines").text


def test_who_only_reads_changes_nothing(app: Flask) -> None:
    who = sign_in(builders.browser(app), colleague("auditor", Role.AUDITOR))
    assert asked(who, "localhost", NEW) == 404
    assert send(who, "settings/languages", en="1").status_code == 404
    assert send(who, "settings/deadlines", suspense_days="14").status_code == 404
    with transaction() as session:
        row = session.get_one(Tenant, TOWN)
        assert (row.languages, row.suspense_days) == ([], 30)
