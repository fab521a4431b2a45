"""Rules: the simulation is the citizen's choice, and the preview is what really changes."""

import re
from collections import Counter
from datetime import timedelta
from random import Random

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, update

from portal.audit import AuditRow
from portal.db import db, transaction
from portal.payments import offering
from portal.payments.models import ProviderRule
from portal.payments.offers import Reason
from portal.payments.previewing import Draft, Group, changes, limits, stretch
from portal.payments.start import offers_for
from portal.staff.roles import Role
from tests import builders
from tests.admin.test_tasks import send
from tests.builders import LONG_AGO, TOWN, eur


@pytest.fixture
def admin(client: FlaskClient) -> FlaskClient:
    from tests.staff.people import colleague, sign_in

    sign_in(client, colleague("leitung", Role.TENANT_ADMIN))
    client.get("/admin/account?lang=en")
    return client


def rule_of(account: str) -> ProviderRule:
    db.session.rollback()
    mine = (ProviderRule.tenant_id == TOWN) & (ProviderRule.account_id == account)
    return db.session.scalars(select(ProviderRule).where(mine)).one()


def form(row: ProviderRule, **changed: str) -> dict[str, str]:
    return {
        "label": row.label, "account_id": row.account_id, "method": row.method, "kind": "",
        "channel": "", "minimum": "", "maximum": "", "position": str(row.position),
        "valid_from": row.valid_from.isoformat(), "valid_until": "", **changed,
    }  # fmt: skip


def simulated(browser: FlaskClient, **asked: str) -> dict[str, str]:
    """Each label with yes, or the machine's reason."""
    told = {"kind": "tax", "channel": "web", "day": builders.today().isoformat(), **asked}
    page = browser.get("/admin/rules", query_string=told).text
    rows = page.split("<h3>")[1].split("<h2>")[0].split("<tr>")[2:]
    return {
        re.findall(r'scope="row"[^>]*>([^<]+)<', row)[0]: (
            re.findall(r"<code>([^<]+)</code>", row) or ["yes"]
        )[0]
        for row in rows
    }


def offered(of: builders.Letter) -> dict[str, str]:
    """The same, of the citizen's choice page."""
    db.session.rollback()
    found = offers_for(db.session(), builders.request_of(of), "web")
    yes = {offer.label: "yes" for offer in found.offered}
    return yes | {refusal.label: refusal.reason.value for refusal in found.refused}


@pytest.mark.parametrize("cents", [1, 79_999, 80_000, 80_001, 81_200])
def test_the_simulation_is_what_the_citizen_is_offered(admin: FlaskClient, cents: int) -> None:
    letter = builders.letter(amount_cents=cents)
    amount = f"{cents // 100}.{cents % 100:02d}"
    assert simulated(admin, amount=amount) == offered(letter)
    assert (simulated(admin, amount=amount)["Paypal"] == "yes") == (cents <= 80_000)


@pytest.mark.parametrize("reason", [Reason.OTHER_KIND, Reason.NOT_YET, Reason.NO_LONGER])
def test_each_refusal_says_why(admin: FlaskClient, reason: Reason) -> None:
    today = builders.today()
    changed = {
        Reason.OTHER_KIND: {"kind": "fee"},
        Reason.NOT_YET: {"valid_from": today + timedelta(days=1)},
        Reason.NO_LONGER: {"valid_until": today - timedelta(days=1)},
    }
    with transaction() as session:
        mine = (ProviderRule.tenant_id == TOWN) & (ProviderRule.account_id == "paypal")
        session.execute(update(ProviderRule).where(mine).values(changed[reason]))
    found = simulated(admin, amount="10")
    assert found == offered(builders.letter(amount_cents=1_000))
    assert found["Paypal"] == reason.value


def test_another_day_may_be_asked_about(admin: FlaskClient) -> None:
    day = builders.today() + timedelta(days=3)
    with transaction() as session:
        mine = (ProviderRule.tenant_id == TOWN) & (ProviderRule.account_id == "paypal")
        session.execute(update(ProviderRule).where(mine).values(valid_from=day))
    assert simulated(admin, amount="10")["Paypal"] == "not_yet"
    assert simulated(admin, amount="10", day=day.isoformat())["Paypal"] == "yes"


def test_a_question_that_cannot_be_meant_is_answered_beside_its_field(admin: FlaskClient) -> None:
    answer = admin.get("/admin/rules?amount=viel&kind=nonsense&day=gestern")
    assert answer.status_code == 422
    for said in ("amount such as", "choose a kind", "a day such as"):
        assert said in answer.text
    assert 'value="viel"' in answer.text


def test_nothing_is_changed_before_the_preview_was_seen(admin: FlaskClient) -> None:
    builders.letter("K-1", amount_cents=50_000)
    builders.letter("K-2", amount_cents=60_001)
    row = rule_of("paypal")
    preview = send(admin, f"/admin/rules/{row.id}", **form(row, maximum="600,00"))
    assert preview.status_code == 200
    assert _rows(preview.text) == {("Paypal", False): (1, "600.01")}
    assert rule_of("paypal").maximum_cents == 80_000
    told = form(row, maximum="600,00")
    back = send(admin, f"/admin/rules/{row.id}", back="1", **told)
    assert 'value="600,00"' in back.text
    done = send(admin, f"/admin/rules/{row.id}", confirmed="1", **told)
    assert (done.status_code, rule_of("paypal").maximum_cents) == (303, 60_000)
    db.session.rollback()
    (note,) = db.session.scalars(select(AuditRow).where(AuditRow.act == "rule.put")).all()
    assert (note.actor, note.detail["maximum_cents"]) == ("staff:leitung", 60_000)


def test_the_preview_is_what_really_changes(admin: FlaskClient) -> None:
    """Amounts at and around every limit, of two kinds; each request is asked before and after."""
    dealt, chance = list[builders.Letter](), Random(6)
    for number in range(24):
        near = chance.choice([1, 19_999, 20_000, 20_001, 60_000, 60_001, 80_000, 80_001])
        kind = chance.choice(["tax", "fee"])
        dealt.append(builders.letter(f"K-{number}", amount_cents=near, kind=kind))
    before = {each.reference: offered(each) for each in dealt}
    row = rule_of("paypal")
    told = form(row, minimum="200", maximum="600", kind="fee")
    preview = _rows(send(admin, f"/admin/rules/{row.id}", **told).text)
    send(admin, f"/admin/rules/{row.id}", confirmed="1", **told)
    real: Counter[tuple[str, bool]] = Counter()
    sums: Counter[tuple[str, bool]] = Counter()
    for each in dealt:
        had = {label for label, word in before[each.reference].items() if word == "yes"}
        has = {label for label, word in offered(each).items() if word == "yes"}
        for label, gains in [*((x, True) for x in has - had), *((x, False) for x in had - has)]:
            real[label, gains] += 1
            sums[label, gains] += each.amount_cents
    assert real, "nothing changed: the test tells nothing"
    assert preview == {key: (real[key], _text(sums[key])) for key in real}


def test_a_rule_that_ends_later_is_previewed_for_the_day_after(admin: FlaskClient) -> None:
    builders.letter("K-1", amount_cents=5_000)
    builders.letter("K-2", amount_cents=6_000, payable_until=builders.today().isoformat())
    last = builders.today() + timedelta(days=5)
    row = rule_of("paypal")
    told = form(row, maximum="800", valid_until=last.isoformat())
    page = send(admin, f"/admin/rules/{row.id}", **told).text
    today, after = page.split("<h2>")[1:]
    assert "No open request gains or loses" in today
    assert _rows(after) == {("Paypal", False): (1, "50.00")}, "what is over by then is not counted"


def test_who_loses_the_last_method_is_told_first(admin: FlaskClient) -> None:
    builders.letter("K-1", amount_cents=90_000)  # by card only
    row = rule_of("card")
    page = send(admin, f"/admin/rules/{row.id}", **form(row, maximum="100")).text
    assert list(_rows(page).items()) == [
        (("Online at all", False), (1, "900.00")), (("Card", False), (1, "900.00")),
    ]  # fmt: skip


def test_a_new_rule_is_set_after_its_preview(admin: FlaskClient) -> None:
    builders.letter("K-1", amount_cents=90_000)
    today = builders.today().isoformat()
    told = form(rule_of("card"), label="Wero", method="wero", valid_from=today)
    page = send(admin, "/admin/rules/new", **told).text
    assert _rows(page) == {("Wero", True): (1, "900.00")}
    assert send(admin, "/admin/rules/new", confirmed="1", **told).status_code == 303
    db.session.rollback()
    labels = select(ProviderRule.label).where(ProviderRule.tenant_id == TOWN)
    assert "Wero" in db.session.scalars(labels).all()


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"label": ""}, "what the citizen reads"),
        ({"label": "x" * 41}, "at most 40 characters"),
        ({"hint_de": "x" * 201}, "at most 200 characters"),
        ({"account_id": "nobody"}, "choose an account"),
        ({"kind": "nothing"}, "choose a kind"),
        ({"minimum": "viel"}, "such as 800"),
        ({"minimum": "9", "maximum": "8"}, "below the lowest"),
        ({"position": "-1"}, "from 0 to 10000"),
        ({"valid_from": "2026-13-01"}, "a day such as"),
        ({"valid_until": "2019-01-01"}, "comes before the first"),
        ({"valid_until": "2021-01-01"}, "yesterday at the earliest"),
        ({"hint_de": "Besser auf DE75512108001245126199"}, "names a bank account"),
    ],
)
def test_what_cannot_be_meant_is_said_beside_its_field(
    admin: FlaskClient, changed: dict[str, str], said: str
) -> None:
    row = rule_of("card")
    answer = send(admin, f"/admin/rules/{row.id}", confirmed="1", **form(row, **changed))
    assert (answer.status_code, said in answer.text) == (422, True), answer.text
    assert rule_of("card").maximum_cents is None


def test_who_only_sees_settings_changes_nothing(client: FlaskClient) -> None:
    from tests.staff.people import colleague, sign_in

    sign_in(client, colleague("revision", Role.AUDITOR))
    row = rule_of("card")
    assert f"/admin/rules/{row.id}" not in client.get("/admin/rules").text
    assert client.get(f"/admin/rules/{row.id}").status_code == 404
    told = form(row, maximum="1")
    assert send(client, f"/admin/rules/{row.id}", confirmed="1", **told).status_code == 404
    assert rule_of("card").maximum_cents is None


def test_another_towns_rule_is_not_there(admin: FlaskClient) -> None:
    other = select(ProviderRule.id).where(ProviderRule.tenant_id == builders.OTHER_TOWN).limit(1)
    number = db.session.scalar(other)
    assert admin.get(f"/admin/rules/{number}").status_code == 404


def test_limits_and_stretches_fit_together() -> None:
    rules = [_draft(1, maximum_cents=80_000), _draft(2, minimum_cents=500)]
    found = limits(rules)
    assert found == [1, 500, 80_001]
    assert [stretch(found, cents) for cents in (1, 499, 500, 80_000, 80_001)] == [1, 1, 2, 2, 3]


def test_a_group_is_judged_by_any_amount_of_its_stretch() -> None:
    before, after = [_draft(1)], [_draft(1, maximum_cents=499)]
    now = offering.Situation(eur("0"), "", "web", LONG_AGO, frozenset({"card"}))
    groups = [Group("tax", "EUR", 1, 3, 900), Group("tax", "EUR", 2, 2, 1_500)]
    found = changes(before, after, groups, now)
    assert [(row.label, row.gains, row.many, row.amount) for row in found] == [
        (None, False, 2, eur("15")), ("Card", False, 2, eur("15")),
    ]  # fmt: skip


def _draft(number: int, **changed: int) -> Draft:
    told = {"minimum_cents": None, "maximum_cents": None, **changed}
    return Draft(
        number, "card", "Card", None, None, told["minimum_cents"], told["maximum_cents"],
        "EUR", 100, LONG_AGO, None,
    )  # fmt: skip


def _rows(page: str) -> dict[tuple[str, bool], tuple[int, str]]:
    """Label and whether it is gained, with how many requests and their sum."""
    found = {}
    for row in page.rsplit("<main", maxsplit=1)[-1].split("<tr>"):
        label = re.search(r'scope="row"[^>]*>([^<]+)<', row)
        if label:
            many, amount = re.findall(r'class="figure"[^>]*>([^<]+)<', row)
            key = (label[1], "newly" in row)
            found[key] = (int(many), amount.replace("€", "").replace(",", ""))
    return found


def _text(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02d}"
