"""``quitt doctor``: what is wrong is found, what is right is not complained of."""

import dataclasses
import json
import time as real_time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner
from flask import Flask
from sqlalchemy import text, update

from portal import audit, clock, keys
from portal.cli import main
from portal.config import Settings
from portal.db import db, transaction
from portal.faces import setting
from portal.faces.setting import Said
from portal.finance import acknowledging, delivery, messages, outbox
from portal.finance.models import Delivery
from portal.operating import backup, database, doctor, rounds
from portal.operating.backup import Wing
from portal.operating.findings import Finding, Level, worst
from portal.payments.models import Payment, ProviderAccount, ProviderRule
from portal.proof import chain
from portal.settlements.fetching import SettlementFetch
from portal.settlements.unbooked import UnbookedSettlement
from portal.tenants import Tenant, TenantHost
from tests import builders
from tests.builders import TOWN
from tests.faces import saying
from tests.fakes import FakeProvider
from tests.payments.test_pausing import pause

SAFE = {"fsync": "on", "full_page_writes": "on", "synchronous_commit": "on"}
SECRET = "whsec_" + "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
RUNNING = """
    WITH job AS (INSERT INTO procrastinate_jobs (queue_name, task_name, args, status)
        VALUES ('default', 'proof.link', '{}', 'doing') RETURNING id)
    INSERT INTO procrastinate_events (job_id, type) SELECT id, 'started' FROM job
"""
WORKER = "INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - %s * interval '1 s')"


@pytest.fixture
def look(
    app: Flask, settings: Settings, owner_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., list[Finding]]]:
    """Examine a portal in which everything is right, but for what a test changes."""
    ask = database.ask
    monkeypatch.setattr(database, "ask", lambda url: dataclasses.replace(ask(url), **SAFE))
    with transaction() as session:
        session.execute(update(ProviderAccount).values(live=True))
        session.execute(
            update(Tenant).values(street="Markt 1", postcode_city="12345 M", email="k@m.example")
        )
    for tenant_id in builders.HOSTS:
        saying.everything(tenant_id)
    seen(owner_url, 1)
    backup.make(Wing("portal", "QUITT_DATA", owner_url), tmp_path / "backups")
    right = dataclasses.replace(settings, proxies=1, backups=tmp_path / "backups")

    def examined(**changed: object) -> list[Finding]:
        db.session.rollback()
        chain.extend_all()
        db.session.remove()
        return doctor.examine(dataclasses.replace(right, **changed))  # type: ignore[arg-type]

    yield examined
    with psycopg.connect(owner_url, autocommit=True) as owner:
        owner.execute("DELETE FROM procrastinate_workers")


def seen(owner_url: str, seconds: int) -> None:
    """A worker was seen so many seconds ago."""
    with psycopg.connect(owner_url, autocommit=True) as owner:
        owner.execute("DELETE FROM procrastinate_workers")
        owner.execute(WORKER, [seconds])


def complaints(found: list[Finding]) -> list[str]:
    return [f"{each.level} {each.about}: {each.said}" for each in found if each.level != "ok"]


def test_a_portal_in_order_is_not_complained_of(look: Callable[..., list[Finding]]) -> None:
    builders.letter()
    found = look()
    assert complaints(found) == []
    assert worst(found) is Level.OK
    assert {"settings", "database", "worker", "books", "audit", "keys", "backup", "disk"} <= {
        each.about for each in found
    }


def test_what_keeps_it_from_starting_is_named(look: Callable[..., list[Finding]]) -> None:
    found = complaints(look(proxies=None, base_url="http://zahlen.example"))
    assert [each.split(":")[0] for each in found] == ["fail QUITT_BASE_URL", "fail QUITT_PROXIES"]


def test_a_database_that_does_not_answer_ends_the_round(look: Callable[..., list[Finding]]) -> None:
    found = look(database_url="postgresql://app:8fKq2vLz0Wx@127.0.0.1:9/quitt")
    assert complaints(found)[0].startswith("fail database: QUITT_DATABASE_URL")
    assert len(found) == 2
    assert "8fKq2vLz0Wx" not in str(found)


def test_without_a_database_yet_it_is_told_how_to_make_one(
    look: Callable[..., list[Finding]], tmp_path: Path
) -> None:
    found = look(database_url="", embedded=True, data=tmp_path)
    assert found[-1].said.endswith("./quitt migrate")
    assert not (tmp_path / "postgres").exists()


@pytest.mark.parametrize(("seconds", "level"), [(5, "ok"), (59, "ok"), (75, "warn")])
def test_a_worker_that_is_gone_is_missed(
    look: Callable[..., list[Finding]], owner_url: str, seconds: int, level: str
) -> None:
    seen(owner_url, seconds)
    assert [each.level for each in look() if each.about == "worker"] == [level]


def test_events_that_do_not_arrive_are_told(app: Flask, look: Callable[..., list[Finding]]) -> None:
    keyring = app.extensions["keyring"]
    with transaction() as session:
        delivery.set_endpoint(session, keyring, TOWN, "https://erp.example/events", SECRET)
        for reference in ("A", "B"):
            outbox.put(session, TOWN, messages.request_changed(reference, 2, "new_version"))
    assert complaints(look()) == []
    with transaction() as session:
        first = session.query(Delivery).order_by(Delivery.position).first()
        assert first is not None
        first.state = "parked"
    assert complaints(look()) == ["warn events: 1 are parked"]


def test_events_that_a_finance_system_refused_are_told(
    app: Flask, look: Callable[..., list[Finding]]
) -> None:
    with transaction() as session:
        outbox.put(session, TOWN, messages.request_changed("A", 2, "new_version"))
    (told,) = builders.events()
    event = told.id
    with transaction() as session:
        refused = acknowledging.Said(acknowledging.Result.REFUSED, None, "no such claim")
        acknowledging.acknowledge(session, TOWN, event, refused)
    assert complaints(look()) == [
        "warn events: 1 were refused by finance systems",
        "warn tasks: 1 wait for staff",
    ]
    with transaction() as session:
        booked = acknowledging.Said(acknowledging.Result.BOOKED, "D-1", None)
        acknowledging.acknowledge(session, TOWN, event, booked)
    assert complaints(look()) == []


def test_a_job_that_does_not_end_is_told(
    look: Callable[..., list[Finding]], owner_url: str
) -> None:
    with psycopg.connect(owner_url, autocommit=True) as owner:
        owner.execute(RUNNING)
        assert complaints(look()) == []
        owner.execute("UPDATE procrastinate_events SET at = at - interval '40 minutes'")
        assert complaints(look()) == ["warn jobs: one has been running for 40 minutes"]


def test_an_event_that_waits_for_long_is_told(
    app: Flask, look: Callable[..., list[Finding]], time: object
) -> None:
    keyring = app.extensions["keyring"]
    with transaction() as session:
        delivery.set_endpoint(session, keyring, TOWN, "https://erp.example/events", SECRET)
        outbox.put(session, TOWN, messages.request_changed("A", 2, "new_version"))
    time.move("+16m")  # type: ignore[attr-defined]
    assert complaints(look()) == [
        "warn events: the oldest has waited for 16 minutes to be handed over"
    ]


def test_payments_that_stay_undecided_are_told(
    look: Callable[..., list[Finding]], provider: FakeProvider
) -> None:
    payment = builders.begin(builders.letter())
    assert complaints(look()) == []
    with transaction() as session:
        begun = clock.now() - timedelta(days=2)
        session.execute(update(Payment).where(Payment.id == payment).values(started_at=begun))
    assert "warn payments: 1 are undecided for more than a day" in complaints(look())


@pytest.mark.rows_by_hand
def test_books_that_do_not_add_up_are_told(look: Callable[..., list[Finding]]) -> None:
    letter = builders.letter()
    with transaction() as session:
        builders.request_of(letter)
        session.execute(text("UPDATE payment_requests SET state = 'paid'"))
    found = [each for each in look() if each.about == "books"]
    assert found
    assert {each.level for each in found} == {Level.FAIL}


@pytest.mark.rows_by_hand
def test_a_changed_audit_is_told(look: Callable[..., list[Finding]], owner_url: str) -> None:
    with transaction() as session:
        audit.note(session, TOWN, "staff:one", "request.withdrawn", "K-2026-1")
    look()
    with psycopg.connect(owner_url, autocommit=True) as owner:
        owner.execute("ALTER TABLE audit DISABLE TRIGGER USER")
        owner.execute("UPDATE audit SET actor = 'staff:somebody'")
        owner.execute("ALTER TABLE audit ENABLE TRIGGER USER")
    found = [str(each) for each in look() if each.about == "audit"]
    assert found[0].startswith(f"[fail] audit: of {TOWN}"), found


def test_what_is_kept_past_its_time_is_told(
    look: Callable[..., list[Finding]], owner_url: str
) -> None:
    builders.letter()
    with psycopg.connect(owner_url, autocommit=True) as owner:
        owner.execute(
            "INSERT INTO grants (tenant_id, request_id, visitor, link_version, tan_version,"
            " given_at, ends_at) SELECT tenant_id, id, sha256('v'), 1, 1,"
            " now() - interval '9 days', now() - interval '8 days' FROM payment_requests"
        )
    (told,) = complaints(look())
    assert told.startswith("fail retention: 1 are kept past their time"), told


def test_a_key_that_is_missed_is_named(look: Callable[..., list[Finding]]) -> None:
    builders.letter()
    found = complaints(look(keys=keys.new_key("k9")))
    assert len(found) == 1
    assert found[0].startswith("fail keys: ")
    assert "hang on k1" in found[0]


def test_a_town_without_a_host_of_today_is_told(look: Callable[..., list[Finding]]) -> None:
    with transaction() as session:
        session.execute(
            update(TenantHost).where(TenantHost.tenant_id == TOWN).values(current=False)
        )
    assert complaints(look()) == [f"fail hosts: {TOWN} has 0 host names of today"]


def test_placeholders_that_stand_on_a_towns_pages_are_told(
    look: Callable[..., list[Finding]],
) -> None:
    gone = [Said("processor", ""), Said("accessibility_state", "none")]
    setting.put(TOWN, gone, "test")
    assert complaints(look()) == [
        f"warn placeholders: {TOWN} shows 2 on its pages: processor, accessibility_barriers"
    ]


def test_an_imprint_with_gaps_is_told(look: Callable[..., list[Finding]]) -> None:
    with transaction() as session:
        session.execute(update(Tenant).where(Tenant.id == TOWN).values(street="", email=""))
    assert complaints(look()) == [f"warn imprint: {TOWN} says nothing of street, email"]


def test_accounts_that_take_no_real_money_are_told(look: Callable[..., list[Finding]]) -> None:
    with transaction() as session:
        town = ProviderAccount.tenant_id == TOWN
        session.execute(update(ProviderAccount).where(town).values(live=False))
    assert complaints(look()) == [
        f"warn accounts: {TOWN}/card takes no real money",
        f"warn accounts: {TOWN}/paypal takes no real money",
        f"warn accounts: {TOWN} has no live provider account",
    ]


def test_practice_that_calls_itself_live_is_refused(look: Callable[..., list[Finding]]) -> None:
    with transaction() as session:
        one = (ProviderAccount.tenant_id == TOWN) & (ProviderAccount.id == "card")
        session.execute(update(ProviderAccount).where(one).values(provider="sandbox"))
    assert complaints(look()) == [f"fail accounts: {TOWN}/card is practice, but called live"]


@pytest.mark.parametrize(("days", "told"), [(-1, 0), (0, 1), (30, 1), (60, 1), (61, 0)])
def test_a_method_that_ends_is_announced(
    look: Callable[..., list[Finding]], days: int, told: int
) -> None:
    ends = clock.today("Europe/Berlin") + timedelta(days=days)
    with transaction() as session:
        one = (ProviderRule.tenant_id == TOWN) & (ProviderRule.account_id == "paypal")
        session.execute(update(ProviderRule).where(one).values(valid_until=ends))
    assert complaints(look()) == [f"warn methods: {TOWN}/Paypal ends in {days} days"] * told


def end_of(label: str, days: int) -> None:
    ends = clock.today("Europe/Berlin") + timedelta(days=days)
    with transaction() as session:
        one = (ProviderRule.tenant_id == TOWN) & (ProviderRule.label == label)
        session.execute(update(ProviderRule).where(one).values(valid_until=ends))


def test_a_method_that_something_follows_is_not_announced(
    look: Callable[..., list[Finding]],
) -> None:
    end_of("Paypal", 30)
    with transaction() as session:
        session.add(builders.rule(TOWN, "card", label="Paypal", position=200))
    assert complaints(look()) == []


def test_an_end_that_leaves_amounts_without_a_provider_is_told_louder(
    look: Callable[..., list[Finding]],
) -> None:
    end_of("Card", 30)
    (told,) = complaints(look())
    assert told.startswith(
        f"fail methods: {TOWN}/Card ends in 30 days, and then NOTHING can be paid"
    )
    assert told.endswith("care, certificate, fee, fine, reminder, tax, warning from 800.01 EUR")


def test_a_rule_of_a_method_that_is_dead_and_kinds_that_nobody_can_pay_are_named(
    look: Callable[..., list[Finding]],
) -> None:
    with transaction() as session:
        of_town = ProviderRule.tenant_id == TOWN
        session.execute(update(ProviderRule).where(of_town).values(kind="fine"))
        card = of_town & (ProviderRule.account_id == "card")
        session.execute(update(ProviderRule).where(card).values(method="giropay"))
    assert complaints(look()) == [
        f"fail methods: {TOWN}/Card offers giropay, which ended on 2024-12-31",
        f"warn methods: nothing can be paid online in {TOWN} for care, certificate, fee, reminder,"
        " tax, warning",
    ]


def test_an_account_that_is_paused_is_told(
    look: Callable[..., list[Finding]], provider: FakeProvider
) -> None:
    pause(provider)
    found = complaints(look())
    assert found[0] == "warn tasks: 1 wait for staff"
    assert found[1].startswith(
        f"warn accounts: {TOWN}/card is paused, it has not answered since 20"
    )
    assert len(found) == 2


def test_reports_that_cannot_be_had_or_booked_are_told(
    look: Callable[..., list[Finding]],
) -> None:
    long_ago = clock.now() - timedelta(days=2)
    times = dict.fromkeys(("began_at", "tried_at", "failing_since", "told_at"), long_ago)
    with transaction() as session:
        session.add(SettlementFetch(tenant_id=TOWN, account_id="card", **times))
        report = {"settlement": "s1", "cause": "unknown_word", "since": long_ago}
        session.add(
            UnbookedSettlement(tenant_id=TOWN, account_id="card", told_at=long_ago, **report)
        )
    first, second = complaints(look())
    assert first.startswith(f"warn settlements: {TOWN}/card: its reports cannot be listed since 20")
    assert second == (
        f"warn settlements: {TOWN}/card: the report s1 cannot be booked (unknown_word)"
    )


def test_a_full_disk_and_a_wrong_clock_are_told(
    look: Callable[..., list[Finding]], monkeypatch: pytest.MonkeyPatch
) -> None:
    free = type("Usage", (), {"free": 50 * 1024**2})
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda _folder: free)
    late = real_time.time() - 42
    monkeypatch.setattr(doctor.time, "time", lambda: late)
    found = {each.split(":")[0] for each in complaints(look())}
    assert found == {"fail disk", "warn clock"}


def test_a_backup_that_is_old_or_missing_is_told(
    look: Callable[..., list[Finding]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert complaints(look(backups=tmp_path / "none"))[0].startswith("warn backup: none is known")
    (note,) = (tmp_path / "backups").glob("*.json")
    old = datetime.now(UTC) - timedelta(hours=30)
    note.write_text(json.dumps({**json.loads(note.read_text()), "made_at": old.isoformat()}))
    assert complaints(look()) == ["warn backup: the last one is 30 hours old"]


def test_a_check_that_breaks_stops_no_other(
    look: Callable[..., list[Finding]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_round: object) -> Iterator[Finding]:
        raise RuntimeError("hush")

    monkeypatch.setattr(doctor, "ROUNDS", (broken, *rounds.ROUNDS))
    found = look()
    assert complaints(found) == ["fail broken: could not be looked at (RuntimeError)"]
    assert "hush" not in str(found)


def test_looking_changes_nothing(look: Callable[..., list[Finding]]) -> None:
    from tests.house.test_routes import dump

    builders.letter()
    look()
    before = dump()
    look()
    assert dump() == before


def test_the_command_speaks_to_people_and_to_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [
        Finding(Level.OK, "disk", "9 GiB are free"),
        Finding(Level.WARN, "worker", "none has been seen", "Start one: ./quitt worker"),
    ]
    monkeypatch.setattr(doctor, "examine", lambda _settings: found)
    told = CliRunner().invoke(main, ["doctor"])
    assert told.exit_code == 0
    assert told.output.splitlines() == [
        "[ok]   disk: 9 GiB are free",
        "[warn] worker: none has been seen",
        "        Start one: ./quitt worker",
        "0 to mend, 1 to look at, 1 in order.",
    ]
    found.append(Finding(Level.FAIL, "books", "not true: all balances"))
    told = CliRunner().invoke(main, ["doctor", "--json"])
    assert told.exit_code == 1
    assert [each["level"] for each in json.loads(told.output)] == ["ok", "warn", "fail"]
