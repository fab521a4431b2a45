"""Settings: checked on saving, errors beside the field; what moves money or deletes takes two."""

import re

import pytest
from flask import Flask, current_app
from flask.testing import FlaskClient
from sqlalchemy import select, text
from werkzeug.test import TestResponse

from portal.admin.settings import keeping
from portal.approvals.models import Approval, SealedPart
from portal.audit import AuditRow
from portal.db import db, transaction
from portal.faces.models import TenantText
from portal.finance import clients, delivery
from portal.finance.models import Client, Endpoint
from portal.payments import accounts
from portal.payments.models import ProviderAccount
from portal.retention import due
from portal.retention.classes import Name
from portal.staff.models import Directory, DirectoryGroup
from portal.staff.roles import Role
from portal.tenants import Kind, Tenant
from tests import builders
from tests.builders import OTHER_TOWN, TOWN, token
from tests.conftest import Time
from tests.fakes import FakeProvider
from tests.staff.people import colleague, decide, sign_in, waiting

IBAN = "DE75512108001245126199"


@pytest.fixture
def admin(app: Flask) -> FlaskClient:
    return sign_in(builders.browser(app), colleague("admin", Role.TENANT_ADMIN))


@pytest.fixture
def approver(app: Flask) -> FlaskClient:
    return sign_in(builders.browser(app), colleague("petersen", Role.APPROVER))


def send(who: FlaskClient, path: str, **form: str) -> TestResponse:
    csrf = token(who.get("/admin/account"))
    return who.post(f"/admin/{path}", data={**form, "csrf_token": csrf})


def agree(who: FlaskClient, act: str, subject: str) -> int:
    return decide(who, act, subject).status_code


def town() -> Tenant:
    db.session.rollback()
    return db.session.get_one(Tenant, TOWN, populate_existing=True)


def wrong(answer: TestResponse) -> set[str]:
    return set(re.findall(r'id="([\w-]+)-error"', answer.text))


FACE = {"name": "Stadt Musterhausen", "email": "kasse@musterhausen.example", "colour": "#2044aa"}


def test_the_face_is_set_by_one(admin: FlaskClient) -> None:
    assert send(admin, "settings/face", **FACE, phone="0123 999").status_code == 303
    assert (town().phone, town().colour) == ("0123 999", "#2044aa")


def test_nothing_of_a_face_is_set_when_one_thing_is_wrong(admin: FlaskClient) -> None:
    answer = send(admin, "settings/face", name="", email="nobody", colour="#ffff00", phone="9")
    assert (answer.status_code, wrong(answer)) == (422, {"name", "email", "colour"})
    assert 'value="nobody"' in answer.text
    assert town().phone == "0123 45678"


def test_a_text_is_set_in_each_language_and_taken_back(admin: FlaskClient) -> None:
    send(admin, "settings/texts/contact", **{"text-de": "Bitte anrufen", "text-en": "Please call"})
    query = select(TenantText.language, TenantText.text).where(TenantText.field == "contact")
    assert {tuple(row) for row in db.session.execute(query)} == {
        ("de", "Bitte anrufen"), ("en", "Please call"),
    }  # fmt: skip
    db.session.rollback()
    send(admin, "settings/texts/contact", **{"text-de": "", "text-en": ""})
    assert db.session.execute(query).all() == []


def test_the_bank_account_is_another_only_when_two_want_it(
    admin: FlaskClient, approver: FlaskClient
) -> None:
    before = town().iban
    told = {"account_holder": "Stadtkasse", "iban": IBAN}
    assert send(admin, "settings/bank", **told).status_code == 303
    assert town().iban == before
    assert agree(admin, "tenant.bank", "bank") == 404
    seen = waiting(approver)
    assert before in seen
    assert IBAN in seen
    assert agree(approver, "tenant.bank", "bank") == 303
    assert (town().iban, town().account_holder) == (IBAN, "Stadtkasse")


@pytest.mark.parametrize(
    ("path", "field", "form"),
    [("face", "hours", FACE), ("texts/contact", "text-de", {}), ("texts/deferral", "text-uk", {}),
     ("new-kind", "sentence_de", {"code": "x", "name": "X", "law": "public"})],
)  # fmt: skip
def test_no_text_of_one_persons_names_another_bank_account(
    admin: FlaskClient, path: str, field: str, form: dict[str, str]
) -> None:
    """Citizens read it beside the amount: that would be the town's account, given by one."""
    for iban in (IBAN, "DE75 5121 0800 1245 1261 99", f"an {IBAN.lower()}, danke"):
        answer = send(admin, f"settings/{path}", **form, **{field: f"Bitte auf {iban}"})
        assert (answer.status_code, wrong(answer)) == (422, {field})
    answer = send(admin, f"settings/{path}", **form, **{field: f"Bitte auf {town().iban}"})
    assert answer.status_code == 303


def test_a_bank_account_with_a_typing_error_is_told_beside_its_field(admin: FlaskClient) -> None:
    answer = send(admin, "settings/bank", account_holder="Stadtkasse", iban=f"{IBAN}1")
    assert (answer.status_code, wrong(answer)) == (422, {"iban"})
    assert wrong(send(admin, "settings/bank", account_holder="", iban=IBAN)) == {"account_holder"}


def test_what_changed_meanwhile_is_not_overwritten(
    admin: FlaskClient, approver: FlaskClient
) -> None:
    send(admin, "settings/bank", account_holder="Stadtkasse", iban=IBAN)
    with transaction() as session:
        session.get_one(Tenant, TOWN).account_holder = "Somebody"
    assert agree(approver, "tenant.bank", "bank") == 409
    assert town().account_holder == "Somebody"


def test_what_is_due_and_what_holds_it_is_said_in_words(
    admin: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = db.session.scalar(text("SELECT prosrc FROM pg_proc WHERE proname = 'retention_hold'"))
    assert set(re.findall(r"THEN '(\w+)'", str(source))) == set(keeping.HELD)
    held = [due.Forecast(Name(name), "custody_open", None, 2, 0) for name in keeping.DUE]
    monkeypatch.setattr(due, "forecast", lambda *_: held)
    page = admin.get("/admin/settings/retention").text
    assert page.count("offener Verwahrposten") == len(held)
    assert "custody_open" not in page


def test_retention_takes_two_and_keeps_to_the_law(
    admin: FlaskClient, approver: FlaskClient
) -> None:
    told = {"retention_days": "90", "books_years": "12", "voucher_years": "8"}
    answer = send(admin, "settings/retention/times", **{**told, "books_years": "9"})
    assert (answer.status_code, wrong(answer)) == (422, {"books_years"})
    assert wrong(send(admin, "settings/retention/times", **{**told, "voucher_years": "13"})) == {
        "voucher_years"
    }  # fmt: skip
    assert wrong(send(admin, "settings/retention/times", retention_days="ten")) >= {"books_years"}
    assert send(admin, "settings/retention/times", **told).status_code == 303
    assert town().retention_days == 180
    assert agree(approver, "tenant.retention", "retention") == 303
    assert (town().retention_days, town().books_years, town().voucher_years) == (90, 12, 8)


def test_a_year_is_noted_by_one(admin: FlaskClient) -> None:
    good = {"year": "2024", "adopted_on": "2025-10-01"}
    assert send(admin, "settings/retention/year", **good).status_code == 303
    assert "2024" in admin.get("/admin/settings/retention").text
    bad = {"year": "2025", "adopted_on": "2025-10-01"}
    assert send(admin, "settings/retention/year", **bad).status_code == 422


def test_who_notes_a_year_has_proved_to_be_it_a_moment_ago(admin: FlaskClient, time: Time) -> None:
    time.move("+6m")
    told = {"year": "2024", "adopted_on": "2025-10-01"}
    answer = send(admin, "settings/retention/year", **told)
    assert (answer.status_code, wrong(answer)) == (422, {"code"})
    assert "2024" not in admin.get("/admin/settings/retention").text


ACCOUNT = {"account": "new", "adapter": "fake", "merchant": "m-9", "live": "1",
           "credentials": 'secret = "very-secret-7"'}  # fmt: skip


def account_of(account_id: str = "new") -> ProviderAccount | None:
    db.session.rollback()
    return db.session.get(ProviderAccount, (TOWN, account_id), populate_existing=True)


def test_a_providers_account_takes_two_and_shows_no_credential(
    admin: FlaskClient, approver: FlaskClient, provider: FakeProvider
) -> None:
    assert send(admin, "settings/new-account", **ACCOUNT).status_code == 303
    assert account_of() is None
    seen = waiting(approver)
    assert "m-9" in seen
    assert agree(admin, "account.put", "new") == 404
    assert agree(approver, "account.put", "new") == 303
    row = account_of()
    assert row is not None
    found = accounts.unsealed(current_app.extensions["keyring"], row)
    assert (found.merchant, found.live, found.credentials["secret"]) == (
        "m-9", True, "very-secret-7",
    )  # fmt: skip
    db.session.rollback()
    told = str([(each.facts, each.subject) for each in db.session.scalars(select(Approval))])
    noted = str([each.detail for each in db.session.scalars(select(AuditRow))])
    assert "very-secret-7" not in seen + told + noted
    assert db.session.scalars(select(SealedPart)).all() == []


def test_credentials_that_nobody_agreed_to_are_forgotten(
    admin: FlaskClient, approver: FlaskClient, provider: FakeProvider
) -> None:
    send(admin, "settings/new-account", **ACCOUNT)
    assert decide(approver, "account.put", "new", "refuse").status_code == 303
    assert db.session.scalars(select(SealedPart)).all() == []
    assert account_of() is None


def test_bad_credentials_are_told_and_never_quoted(
    admin: FlaskClient, provider: FakeProvider
) -> None:
    answer = send(admin, "settings/new-account", **{**ACCOUNT, "credentials": "very-secret-7 ="})
    assert (answer.status_code, wrong(answer)) == (422, {"credentials"})
    assert db.session.scalars(select(Approval)).all() == []


def test_an_account_is_ended_by_one(admin: FlaskClient, provider: FakeProvider) -> None:
    send(admin, "settings/accounts/card/end")
    row = account_of("card")
    assert row is not None
    assert row.valid_until is not None


def client_of() -> Client:
    db.session.rollback()
    query = select(Client).where(Client.tenant_id == TOWN).order_by(Client.created_at.desc())
    found = db.session.scalars(query.execution_options(populate_existing=True)).first()
    assert found is not None
    return found


def shown(answer: TestResponse) -> str:
    found = re.search(r"\b[\w-]{43}(?![\w-])", answer.text)
    assert found is not None, answer.text
    return found[0]


ACCESS = {"called": "ERP", "events:read": "1", "requests:write": "1"}
EVENTS = "https://erp.musterhausen.example/events"


def asked_for(act: str) -> str:
    """The subject of what waits."""
    db.session.rollback()
    query = select(Approval.subject).where(Approval.act == act, Approval.state == "asked")
    return db.session.scalars(query).one()


def nowhere_in_clear(secret: str) -> bool:
    db.session.rollback()
    told = [(each.facts, each.subject) for each in db.session.scalars(select(Approval))]
    noted = [each.detail for each in db.session.scalars(select(AuditRow))]
    return secret not in str(told + noted)


def opens(client_id: str, secret: str) -> bool:
    with transaction() as session:
        return clients.authenticate(session, client_id, secret) is not None


def test_no_access_of_a_finance_system_is_made_by_one(
    admin: FlaskClient, approver: FlaskClient
) -> None:
    secret = shown(send(admin, "settings/clients", **ACCESS))
    client_id = asked_for("client.add")
    assert not opens(client_id, secret)
    assert db.session.scalars(select(Client)).all() == []
    assert agree(admin, "client.add", client_id) == 404
    seen = waiting(approver)
    assert "ERP" in seen
    assert "Zahlungsaufforderungen übermitteln und ihre Links erhalten" in seen
    assert agree(approver, "client.add", client_id) == 303
    assert opens(client_id, secret)
    assert set(client_of().scopes) == {"events:read", "requests:write"}
    assert nowhere_in_clear(secret)
    assert secret not in seen + admin.get("/admin/settings/clients").text
    assert db.session.scalars(select(SealedPart)).all() == []


def test_a_secret_that_nobody_agreed_to_is_forgotten(
    admin: FlaskClient, approver: FlaskClient
) -> None:
    secret = shown(send(admin, "settings/clients", **ACCESS))
    client_id = asked_for("client.add")
    assert decide(approver, "client.add", client_id, "refuse").status_code == 303
    assert db.session.scalars(select(SealedPart)).all() == []
    assert not opens(client_id, secret)


@pytest.mark.parametrize(
    ("path", "form"), [("settings/clients", ACCESS), ("settings/endpoint", {"url": EVENTS})]
)
def test_who_asks_for_an_access_has_proved_to_be_it_a_moment_ago(
    admin: FlaskClient, time: Time, path: str, form: dict[str, str]
) -> None:
    time.move("+6m")
    assert 'name="code"' in admin.get(f"/admin/{path}").text
    answer = send(admin, path, **form, code="000000")
    assert (answer.status_code, wrong(answer)) == (422, {"code"})
    assert db.session.scalars(select(Approval)).all() == []


def test_a_key_is_changed_while_the_finance_system_goes_on(
    admin: FlaskClient, approver: FlaskClient
) -> None:
    first = shown(send(admin, "settings/clients", **ACCESS))
    client_id = asked_for("client.add")
    agree(approver, "client.add", client_id)

    def good(secret: str) -> bool:
        return opens(client_id, secret)

    assert admin.get(f"/admin/settings/clients/{client_id}/key").status_code == 200
    second = shown(send(admin, f"settings/clients/{client_id}/key"))
    assert (good(first), good(second)) == (True, False)
    assert agree(admin, "client.add_key", client_id) == 404
    assert agree(approver, "client.add_key", client_id) == 303
    assert (good(first), good(second), good("x")) == (True, True, False)
    assert client_of().used_at is not None
    assert client_of().second_used_at is not None
    assert send(admin, f"settings/clients/{client_id}/key").status_code == 409
    assert send(admin, f"settings/clients/{client_id}/end-key").status_code == 303
    assert (good(first), good(second)) == (False, True)
    assert send(admin, f"settings/clients/{client_id}/end-key").status_code == 409
    send(admin, f"settings/clients/{client_id}/revoke")
    assert not good(second)
    page = admin.get("/admin/settings/clients").text
    assert first not in page + second
    assert second not in page


def test_an_access_without_a_name_or_a_scope_is_none(admin: FlaskClient) -> None:
    assert send(admin, "settings/clients", **{"events:read": "1"}).status_code == 422
    assert send(admin, "settings/clients", called="ERP").status_code == 422


def endpoint() -> Endpoint | None:
    db.session.rollback()
    return db.session.get(Endpoint, TOWN, populate_existing=True)


def test_events_go_elsewhere_only_when_two_want_it(
    admin: FlaskClient, approver: FlaskClient
) -> None:
    answer = send(admin, "settings/endpoint", url=EVENTS)
    found = re.search(r"whsec_[\w+/=]{44}", answer.text)
    assert found
    assert not re.search(r"whsec_[\w+/]{9}", admin.get("/admin/settings/endpoint").text)
    assert endpoint() is None
    assert agree(admin, "endpoint.put", "endpoint") == 404
    assert EVENTS in waiting(approver)
    assert agree(approver, "endpoint.put", "endpoint") == 303
    row = endpoint()
    assert row is not None
    told = current_app.extensions["keyring"].unseal(row.secret_sealed, "endpoint", TOWN)
    assert (row.url, told.decode()) == (EVENTS, found[0])
    assert nowhere_in_clear(found[0])
    notes = db.session.scalars(select(AuditRow.detail).where(AuditRow.act == "endpoint.set"))
    assert [note["url"] for note in notes] == [EVENTS]


def test_an_endpoint_that_was_changed_meanwhile_is_asked_for_anew(
    admin: FlaskClient, approver: FlaskClient
) -> None:
    secret = "whsec_c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0"
    assert send(admin, "settings/endpoint", url=EVENTS, secret=secret).status_code == 303
    keyring = current_app.extensions["keyring"]
    with transaction() as session:
        delivery.set_endpoint(session, keyring, TOWN, "https://other.example/", secret)
    assert agree(approver, "endpoint.put", "endpoint") == 409
    row = endpoint()
    assert row is not None
    assert row.url == "https://other.example/"


def test_an_endpoint_that_cannot_be_one_is_told_beside_its_field(admin: FlaskClient) -> None:
    assert wrong(send(admin, "settings/endpoint", url="ftp://x")) == {"url"}


KIND = {"code": "dogs", "name": "Hundesteuer", "law": "public", "parts_allowed": "1"}


def test_a_kind_is_made_and_changed_and_keeps_its_code(admin: FlaskClient) -> None:
    assert send(admin, "settings/new-kind", **KIND).status_code == 303
    assert send(admin, "settings/new-kind", **KIND).status_code == 409
    send(admin, "settings/kinds/dogs", **{**KIND, "name": "Dogs", "code": "cats"})
    row = db.session.get_one(Kind, (TOWN, "dogs"))
    assert (row.name, row.parts_allowed) == ("Dogs", True)
    assert db.session.get(Kind, (TOWN, "cats")) is None
    assert db.session.get(Kind, (OTHER_TOWN, "dogs")) is None


@pytest.mark.parametrize(
    ("change", "field"),
    [({"code": "A B"}, "code"), ({"name": ""}, "name"), ({"law": "none"}, "law"),
     ({"sentence_de": "x" * 501}, "sentence_de")],
)  # fmt: skip
def test_a_kind_that_is_wrong_is_told_beside_its_field(
    admin: FlaskClient, change: dict[str, str], field: str
) -> None:
    answer = send(admin, "settings/new-kind", **{**KIND, **change})
    assert (answer.status_code, wrong(answer)) == (422, {field})


DIRECTORY = {
    "issuer": "https://login.musterhausen.example/realms/town", "client_id": "quitt",
    "secret": "very-secret-7", "scope": "openid profile", "login_claim": "preferred_username",
    "groups_claim": "groups", "groups": "clerks = clerk\nparking = clerk, 20.1, fee",
}  # fmt: skip


def directory() -> Directory | None:
    db.session.rollback()
    return db.session.get(Directory, TOWN, populate_existing=True)


def test_a_directory_gives_roles_and_so_takes_two(
    admin: FlaskClient, approver: FlaskClient
) -> None:
    assert send(admin, "settings/directory", **DIRECTORY).status_code == 303
    assert directory() is None
    assert agree(admin, "staff.directory", "directory") == 404
    seen = waiting(approver)
    assert "parking" in seen
    assert "very-secret-7" not in seen
    assert agree(approver, "staff.directory", "directory") == 303
    assert directory() is not None
    rows = db.session.scalars(select(DirectoryGroup).order_by(DirectoryGroup.id)).all()
    assert [(r.in_group, r.role, r.unit, r.kind) for r in rows] == [
        ("clerks", "clerk", "", ""), ("parking", "clerk", "20.1", "fee"),
    ]  # fmt: skip
    page = admin.get("/admin/settings/directory").text
    assert "parking = clerk, 20.1, fee" in page
    assert "very-secret-7" not in page
    send(admin, "settings/directory/off")
    assert directory() is None


def test_another_issuer_never_gets_the_secret_of_the_one_before(
    admin: FlaskClient, approver: FlaskClient
) -> None:
    for changes in ({}, {"issuer": "https://elsewhere.example", "secret": ""}):
        send(admin, "settings/directory", **{**DIRECTORY, **changes})
        assert agree(approver, "staff.directory", "directory") == 303
    row = directory()
    assert row is not None
    assert row.secret_sealed is None


@pytest.mark.parametrize(
    ("change", "field"),
    [({"issuer": "http://login.example"}, "issuer"), ({"groups": "x = mayor"}, "groups"),
     ({"groups": ""}, "groups"), ({"scope": "profile"}, "scope"), ({"client_id": ""}, "client_id")],
)  # fmt: skip
def test_a_directory_that_is_wrong_is_told_beside_its_field(
    admin: FlaskClient, change: dict[str, str], field: str
) -> None:
    answer = send(admin, "settings/directory", **{**DIRECTORY, **change})
    assert (answer.status_code, wrong(answer)) == (422, {field})


READ_ONLY = (
    "", "/face", "/texts", "/texts/contact", "/bank", "/kinds", "/accounts", "/clients",
    "/endpoint", "/retention", "/retention/times", "/directory", "/networks",
    "/addresses", "/languages", "/deadlines",
)  # fmt: skip


def test_an_auditor_reads_every_page_of_settings_and_changes_none(app: Flask) -> None:
    who = sign_in(builders.browser(app), colleague("auditor", Role.AUDITOR))
    answers = {page: who.get(f"/admin/settings{page}").status_code for page in READ_ONLY}
    assert answers == dict.fromkeys(READ_ONLY, 200)
    assert send(who, "settings/face", **FACE).status_code == 404
