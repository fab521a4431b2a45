"""Backup and restore: what comes back is what was there, or nothing happens at all."""

import json
import stat
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from flask import Flask
from sqlalchemy import text

from portal import embedded, jobs, rekeying, schema
from portal.config import Settings
from portal.db import db
from portal.errors import Misconfigured
from portal.finance import feed
from portal.operating import aftercare, backup, manifest, programs, restore
from portal.operating.backup import Wing
from portal.payments import sweep
from portal.payments.record import Source, record
from portal.payments.states import State
from portal.requests import expiry, links, opening, tan
from portal.requests.states import State as RequestState
from portal.retention import purging
from tests import books, builders
from tests.builders import TOWN
from tests.conftest import Time
from tests.emptying import Ground
from tests.fakes import FakeProvider
from tests.house.test_routes import dump


@pytest.fixture
def wing(owner_url: str) -> Wing:
    return Wing("portal", "QUITT_DATA", owner_url)


@pytest.fixture(scope="module")
def spare(cluster: embedded.Cluster) -> Wing:
    """An empty database beside the portal's."""
    embedded.ensure(cluster, {"quitt_spare": ("quitt_spare_owner", "quitt_spare_app")})
    return Wing("portal", "QUITT_DATA", embedded.url(cluster, "quitt_spare", "quitt_spare_owner"))


@pytest.fixture
def nobody_at_work(
    app: Flask, settings: Settings, ground: Ground, checker: books.Checker
) -> Iterator[None]:
    """No connection of ours stays open while the database is replaced."""
    ground.hang_up()
    checker.hang_up()
    yield
    jobs.hang(settings.database_url)


def leave() -> None:
    db.session.remove()
    db.engine.dispose()
    jobs.unhang()


def tables(wing: Wing) -> set[str]:
    with psycopg.connect(wing.owner_url) as connection:
        return {name for (name,) in connection.execute(restore.NAMES).fetchall()}


def paid(reference: str, provider: FakeProvider) -> str:
    payment = builders.begin(builders.letter(reference))
    record(provider.pay(payment), Source(TOWN, "card", "notification"))
    return payment


def test_after_a_restore_the_books_hold_and_the_providers_are_asked(
    app: Flask, provider: FakeProvider, wing: Wing, nobody_at_work: None, tmp_path: Path
) -> None:
    paid("K-1", provider)
    letter = builders.letter("K-2")
    begun_before = builders.begin(letter)
    given_up = builders.begin(builders.letter("K-3"))
    record(provider.say(given_up, provider.books[given_up].outcome), Source(TOWN, "card", "sweep"))
    then = dump()

    made = backup.make(wing, tmp_path)
    record(provider.pay(begun_before), Source(TOWN, "card", "notification"))
    provider.pay(given_up)
    begun_after = paid("K-4", provider)
    assert dump() != then
    leave()

    told = restore.examined(made, wing, schema.MIGRATIONS)
    restore.from_file(wing, made, replace=True)
    schema.migrate(wing.owner_url, schema.APP)

    with app.app_context():
        assert dump() == then
        assert builders.payment(begun_before).state == State.STARTED
        said = list(aftercare.follow(app.extensions["keyring"], told))
        assert any(line.startswith("2 payments without a success") for line in said)
        position = told.feeds[TOWN]
        assert any(f"{TOWN}: " in line and f"back to position {position} " in line for line in said)
        with pytest.raises(feed.BeyondTheFeed):
            feed.page(db.session(), TOWN, position + 1, 10)
        db.session.rollback()
        assert sweep.sweep(app.extensions["keyring"]) == 2
        noted = "SELECT tenant_id FROM audit WHERE act = 'database.restored' ORDER BY tenant_id"
        assert set(db.session.scalars(text(noted))) == set(builders.HOSTS)
        db.session.rollback()
        for payment in (begun_before, given_up):
            assert builders.payment(payment).state == State.SUCCEEDED
        # Begun after the backup: nobody here knows it, and the money is booked as unclear.
        record(provider.report(begun_after), Source(TOWN, "card", "notification"))
        assert builders.request_of(letter).state == RequestState.PAID
        books.check(db.session())
        db.session.remove()


def test_a_restore_ends_all_visits(
    app: Flask, wing: Wing, nobody_at_work: None, tmp_path: Path
) -> None:
    letter = builders.letter()
    keyring = app.extensions["keyring"]
    opened = opening.by_tan(keyring, TOWN, letter.request_id, letter.tan, "visitor")
    assert opened.verdict is tan.Verdict.RIGHT
    db.session.rollback()
    made = backup.make(wing, tmp_path)
    told = manifest.read(made)
    assert told.rows["grants"] == 1
    assert next(aftercare.follow(keyring, told)).startswith("1 visitors")
    assert backup.make(wing, tmp_path / "again").is_file()


@pytest.mark.parametrize("purge", [True, False])
def test_a_letter_whose_time_was_up_stays_dead(
    app: Flask, wing: Wing, nobody_at_work: None, tmp_path: Path, time: Time, purge: bool
) -> None:
    time.move("-400d")
    last_day = builders.today() + timedelta(days=2)
    letter = builders.letter(due_on=f"{last_day}", payable_until=f"{last_day}")
    time.move("-390d")
    expiry.expire_due()
    time.move("0")
    keyring = app.extensions["keyring"]
    code = letter.url.rsplit("/", 1)[1]
    made = backup.make(wing, tmp_path)
    told = manifest.read(made)
    purging.night(keyring)
    assert links.find_by_link(db.session(), keyring, TOWN, code) is None
    leave()

    restore.from_file(wing, made, replace=True)
    schema.migrate(wing.owner_url, schema.APP)
    with app.app_context():
        assert links.find_by_link(db.session(), keyring, TOWN, code) is not None
        db.session.rollback()
        list(aftercare.follow(keyring, told, purge=purge))
        found = links.find_by_link(db.session(), keyring, TOWN, code)
        assert (found is None) == purge
        db.session.remove()


def test_a_letter_opens_after_a_restore_as_before(
    app: Flask, wing: Wing, nobody_at_work: None, tmp_path: Path
) -> None:
    letter = builders.letter()
    made = backup.make(wing, tmp_path)
    leave()
    restore.from_file(wing, made, replace=True)
    schema.migrate(wing.owner_url, schema.APP)
    code = letter.url.rsplit("/", 1)[1]
    with app.app_context():
        keyring = app.extensions["keyring"]
        assert links.find_by_link(db.session(), keyring, TOWN, code) is not None
        assert set(rekeying.counts(db.session())) == {"k1"}
        db.session.remove()


def test_a_backup_is_two_files_for_its_owner_alone(app: Flask, wing: Wing, tmp_path: Path) -> None:
    builders.letter()
    made = backup.make(wing, tmp_path)
    assert [each.name for each in sorted(tmp_path.iterdir())] == [
        made.name, manifest.beside(made).name
    ]  # fmt: skip
    for file in tmp_path.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    told = manifest.read(made)
    assert (told.wing, told.rows["payment_requests"], told.bytes) == (
        "portal", 1, made.stat().st_size
    )  # fmt: skip
    assert set(told.feeds) == set(builders.HOSTS)
    assert manifest.latest(tmp_path) == told.made_at
    manifest.check(made, told)


def test_a_backup_is_never_written_over(app: Flask, wing: Wing, tmp_path: Path) -> None:
    made = backup.make(wing, tmp_path / "one.dump")
    before = made.read_bytes()
    with pytest.raises(backup.AlreadyThere):
        backup.make(wing, made)
    assert made.read_bytes() == before


def test_a_backup_that_breaks_off_leaves_nothing(
    app: Flask, wing: Wing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise programs.ProgramFailed("pg_dump: no space left")

    monkeypatch.setattr(backup, "_check", broken)
    with pytest.raises(programs.ProgramFailed):
        backup.make(wing, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_password_is_on_no_command_line(wing: Wing, owner_url: str) -> None:
    tools = programs.of(wing.owner_url, 180_000)
    password = tools.environment["PGPASSWORD"]
    assert password in owner_url
    assert password not in " ".join(tools.command("psql", tools.reach))
    assert password not in repr(tools)
    assert password not in repr(wing)


def test_into_an_empty_database_it_goes_without_a_question(
    app: Flask, wing: Wing, spare: Wing, tmp_path: Path
) -> None:
    builders.letter()
    made = backup.make(wing, tmp_path)
    restore.from_file(spare, made, replace=False)
    assert tables(spare) == tables(wing)
    with psycopg.connect(spare.owner_url) as connection:
        assert connection.execute("SELECT count(*) FROM payment_requests").fetchone() == (1,)
    with pytest.raises(restore.NotEmpty, match="--replace"):
        restore.from_file(spare, made, replace=False)


def test_all_of_a_backup_comes_back_or_nothing(
    app: Flask, wing: Wing, spare: Wing, tmp_path: Path
) -> None:
    builders.letter("K-1")
    first = backup.make(wing, tmp_path / "first.dump")
    restore.from_file(spare, first, replace=True)
    for n in range(200):
        builders.letter(f"M-{n}")
    whole = backup.make(wing, tmp_path / "whole.dump").read_bytes()
    for length in (len(whole) // 3, len(whole) - len(whole) // 10, len(whole) - 1):
        cut = tmp_path / f"{length}.dump"
        cut.write_bytes(whole[:length])
        with pytest.raises(programs.ProgramFailed, match="as it was"):
            restore.from_file(spare, cut, replace=True)
        with psycopg.connect(spare.owner_url) as connection:
            assert connection.execute("SELECT count(*) FROM payment_requests").fetchone() == (1,)


def test_what_a_newer_version_added_is_gone_after_a_restore(
    app: Flask, wing: Wing, spare: Wing, tmp_path: Path
) -> None:
    made = backup.make(wing, tmp_path)
    restore.from_file(spare, made, replace=True)
    with psycopg.connect(spare.owner_url, autocommit=True) as owner:
        owner.execute("CREATE TYPE mood AS ENUM ('good')")
        owner.execute(
            "CREATE TABLE newer (tenant_id text REFERENCES tenants, how mood, n bigserial)"
        )
        owner.execute("CREATE FUNCTION newer() RETURNS int LANGUAGE sql AS 'SELECT 1'")
    restore.from_file(spare, made, replace=True)
    assert tables(spare) == tables(wing)
    with psycopg.connect(spare.owner_url) as owner:
        left = "SELECT to_regtype('mood'), to_regproc('newer')"
        assert owner.execute(left).fetchone() == (None, None)


@pytest.mark.parametrize("role", ["quitt_spare_owner", "quitt_spare_app"])
def test_nothing_is_replaced_while_somebody_works_on_it(
    app: Flask, cluster: embedded.Cluster, wing: Wing, spare: Wing, tmp_path: Path, role: str
) -> None:
    made = backup.make(wing, tmp_path)
    with (
        psycopg.connect(embedded.url(cluster, "quitt_spare", role)),
        pytest.raises(restore.InUse, match="quitt serve"),
    ):
        restore.from_file(spare, made, replace=True)


def test_only_a_backup_as_it_was_made_is_restored(app: Flask, wing: Wing, tmp_path: Path) -> None:
    made = backup.make(wing, tmp_path)
    note = manifest.beside(made)
    told = json.loads(note.read_text())

    def refused(words: str, wing: Wing = wing, **changed: object) -> None:
        note.write_text(json.dumps({**told, **changed}))
        with pytest.raises(manifest.NotABackup, match=words):
            restore.examined(made, wing, schema.MIGRATIONS)

    refused("changed after", sha256="0" * 64)
    refused("cut off", bytes=told["bytes"] + 1)
    refused("newer Quitt", alembic="9999")
    refused("newer Quitt", version=2)
    refused("of the portal, not the office", replace(wing, name="office"))
    refused("cannot be read", made_at="yesterday")
    note.unlink()
    with pytest.raises(manifest.NotABackup, match="two files"):
        restore.examined(made, wing, schema.MIGRATIONS)


def test_programs_of_another_version_are_not_used(
    wing: Wing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(programs, "DEBIAN", "/nowhere/{major}")
    with pytest.raises(Misconfigured, match="postgresql-client-9"):
        programs.of(wing.owner_url, 90_600).run("pg_dump", "--version")
