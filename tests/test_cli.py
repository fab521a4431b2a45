"""The commands: what cannot be started says why, all at once, and ends with 2."""

import dataclasses
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner, Result
from flask import Flask

from portal import cli, clock, embedded, jobs, keys, schema
from portal.config import Settings
from portal.db import db, transaction
from portal.operating import backup, manifest
from portal.requests import opening, tan
from portal.requests.purged import PurgedReference
from tests import books, builders
from tests.emptying import Ground

HOUSE = Path(__file__).resolve().parent.parent
TOWN_KEYS = keys.new_key("k1")


@pytest.fixture
def told(
    app: Flask, tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """Only these settings are set: a portal on the tests' database, in practice mode."""
    for name in list(os.environ):
        if name.startswith("QUITT_") or name == "PORT":
            monkeypatch.delenv(name)
    monkeypatch.setenv("QUITT_DATA", str(tmp_path))
    monkeypatch.setenv("QUITT_KEYS", settings.keys)
    monkeypatch.setenv("QUITT_DEMO", "1")
    monkeypatch.setenv("QUITT_DATABASE_URL", settings.database_url)
    yield
    jobs.hang(settings.database_url)


@pytest.fixture
def as_owner(told: None, owner_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUITT_OWNER_DATABASE_URL", owner_url)


def run(*words: str, typed: str = "") -> Result:
    return CliRunner().invoke(cli.main, words, input=typed)


@pytest.mark.parametrize("command", ["serve", "worker", "migrate"])
def test_nothing_starts_with_wrong_settings(
    told: None, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.delenv("QUITT_DEMO")
    monkeypatch.setenv("QUITT_KEYS", "changeme")
    refused = run(command)
    assert refused.exit_code == 2
    assert [line.split()[0] for line in refused.stderr.splitlines()] == [
        "QUITT_KEYS", "QUITT_BASE_URL", "QUITT_PROXIES"
    ]  # fmt: skip


@pytest.mark.parametrize("command", ["serve", "worker", "migrate"])
def test_nothing_starts_with_settings_that_cannot_be_read(
    told: None, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setenv("PORT", "none")
    monkeypatch.setenv("QUITT_PROXY", "1")
    refused = run(command)
    assert refused.exit_code == 2
    assert [line.split()[0] for line in refused.stderr.splitlines()] == ["PORT", "QUITT_PROXY"]


@pytest.mark.parametrize("command", ["serve", "worker", "migrate"])
def test_nothing_starts_on_a_database_that_may_lose_payments(
    told: None, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.delenv("QUITT_DEMO")
    monkeypatch.setenv("QUITT_BASE_URL", "https://zahlen.example")
    monkeypatch.setenv("QUITT_PROXIES", "1")
    refused = run(command)
    assert refused.exit_code == 2
    assert [line.split()[0] for line in refused.stderr.splitlines()] == ["QUITT_DATABASE_URL"] * 3
    assert "fsync" in refused.stderr


def test_nothing_starts_on_a_database_that_is_not_migrated(
    told: None, cluster: embedded.Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    embedded.ensure(cluster, {"quitt_none": ("quitt_none_owner", "quitt_none_app")})
    url = embedded.url(cluster, "quitt_none", "quitt_none_app")
    monkeypatch.setenv("QUITT_DATABASE_URL", url)
    refused = run("worker")
    assert refused.exit_code == 2
    assert "./quitt migrate" in refused.stderr


def test_a_database_that_does_not_answer_is_told_in_one_line(
    told: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QUITT_DATABASE_URL", "postgresql://app:8fKq2vLz0Wx@127.0.0.1:9/quitt")
    refused = run("serve")
    assert refused.exit_code == 2
    assert refused.stderr.startswith("QUITT_DATABASE_URL")
    assert "8fKq2vLz0Wx" not in refused.output


def test_a_right_database_is_migrated(as_owner: None) -> None:
    done = run("migrate")
    assert (done.exit_code, done.output) == (0, "The database is at this version.\n")


def test_flask_migrates_own_commands_are_still_there(as_owner: None) -> None:
    """In a process of their own: they end it."""
    shown = subprocess.run(
        [sys.executable, "-m", "portal.cli", "db", "current"],
        cwd=HOUSE, env=dict(os.environ), capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "(head)" in shown.stdout


def test_a_backup_is_made_and_put_back_by_hand(
    app: Flask,
    as_owner: None,
    owner_url: str,
    ground: Ground,
    checker: books.Checker,
    tmp_path: Path,
) -> None:
    builders.letter("K-1")
    made = run("db", "backup", str(tmp_path / "safe"))
    assert made.exit_code == 0, made.output
    file = made.output.splitlines()[0]
    builders.letter("K-2")
    db.session.remove()
    db.engine.dispose()
    jobs.unhang()
    ground.hang_up()
    checker.hang_up()

    refused = run("db", "restore", file)
    assert refused.exit_code == 1
    assert "--replace" in refused.output
    mistyped = run("db", "restore", file, "--replace", typed="another\n")
    assert mistyped.exit_code == 1
    assert "nothing was changed" in mistyped.output
    assert count(owner_url) == 2

    done = run("db", "restore", file, "--replace", typed=f"{schema.DATABASE}\n")
    assert done.exit_code == 0, done.output
    for words in ("Restored.", "What is left to do", "position", "./quitt doctor"):
        assert words in done.output
    assert count(owner_url) == 1
    db.session.remove()


def test_the_offices_database_is_backed_up_apart(
    as_owner: None, cluster: embedded.Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from office import schema as offices

    embedded.ensure(cluster, {offices.DATABASE: (offices.OWNER, offices.APP)})
    owner = embedded.url(cluster, offices.DATABASE, offices.OWNER)
    offices.migrate(owner, offices.APP)
    app_url = embedded.url(cluster, offices.DATABASE, offices.APP)
    monkeypatch.setenv("QUITT_OFFICE_DATABASE_URL", app_url)
    monkeypatch.setenv("QUITT_OFFICE_OWNER_DATABASE_URL", owner)
    made = run("db", "backup", "--office", str(tmp_path / "office.dump"))
    assert made.exit_code == 0, made.output
    assert "names and addresses" in made.output
    assert manifest.read(tmp_path / "office.dump").wing == "office"
    again = run("db", "restore", "--office", "--replace", "--yes", str(tmp_path / "office.dump"))
    assert again.exit_code == 0, again.output
    wrong = run("db", "restore", "--replace", "--yes", str(tmp_path / "office.dump"))
    assert wrong.exit_code == 1


def test_an_upgrade_of_the_embedded_database_begins_with_a_backup(
    told: None, cluster: embedded.Cluster, owner_url: str, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    from portal.operating import cli as commands
    from portal.operating.backup import Wing

    def wing(_settings: Settings, *, office: bool) -> Wing:
        return Wing("portal", "QUITT_DATA", owner_url)

    done: list[str] = []
    monkeypatch.delenv("QUITT_DATABASE_URL")
    monkeypatch.setattr(commands, "_wing", wing)
    monkeypatch.setattr(commands.schema, "ready", lambda _settings: done.append("migrated") or "")
    monkeypatch.setattr(commands, "files", lambda _data: tmp_path)
    (tmp_path / "PG_VERSION").write_text("18")

    assert run("db", "upgrade").exit_code == 0
    assert not (tmp_path / "backups").exists()  # nothing to upgrade, nothing to back up

    monkeypatch.setattr(commands.database, "heads", lambda: frozenset({"9999"}))
    told_so = run("db", "upgrade")
    assert told_so.exit_code == 0, told_so.output
    (made,) = (tmp_path / "backups").glob("*.dump")
    manifest.check(made, manifest.read(made))
    assert done == ["migrated"] * 2

    def full(*_: object) -> Path:
        raise backup.AlreadyThere("there is no room")

    monkeypatch.setattr(commands.backup, "make", full)
    assert run("db", "upgrade").exit_code == 1
    assert done == ["migrated"] * 2  # without a backup nothing is changed


def test_the_launchers_help_names_every_command() -> None:
    told = subprocess.run([HOUSE / "quitt", "--help"], capture_output=True, text=True, check=True)
    named = {line.split()[1] for line in told.stdout.splitlines() if "./quitt " in line}
    assert set(cli.main.commands) - named == set()
    assert "./quitt demo run" in told.stdout


def test_a_letter_that_is_locked_is_unlocked_with_a_reason(
    app: Flask, as_owner: None, settings: Settings
) -> None:
    letter = builders.letter()
    for _ in range(tan.TRIES_IN_HOUR):
        opening.by_tan(app.extensions["keyring"], builders.TOWN, letter.request_id, "0" * 8, "v")
    db.session.remove()
    assert run("request", "unlock", builders.TOWN, letter.reference).exit_code == 2
    done = run("request", "unlock", builders.TOWN, letter.reference, "--reason", "called")
    assert (done.exit_code, done.output) == (0, "K-2026-1 can be tried 5 times.\n")
    nobody = run("request", "unlock", builders.TOWN, "K-9", "--reason", "called")
    assert nobody.exit_code == 1


def test_a_revoked_key_that_knows_deleted_references_is_kept(
    app: Flask, as_owner: None, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    builders.letter()
    with transaction() as session:
        session.add(
            PurgedReference(
                tenant_id=builders.TOWN, key_id="k1", name=bytes(32), link_version=1,
                tan_version=1, purged_at=clock.now(),
            )
        )  # fmt: skip
    db.session.remove()
    monkeypatch.setenv("QUITT_KEYS", f"{keys.new_key('k2')},{settings.keys}")
    done = run("keys", "revoke", "k1")
    assert done.exit_code == 0, done.output
    assert done.stdout == f"{builders.TOWN}\tK-2026-1\n"
    assert "1 references of deleted requests are known by k1" in done.stderr
    assert "as k1:…:revoked" in done.stderr
    monkeypatch.setenv("QUITT_KEYS", f"{keys.new_key('k2')},{settings.keys}:revoked")
    assert "k1\t1\trevoked" in run("keys", "list").stdout


def count(owner_url: str) -> int:
    with psycopg.connect(owner_url) as connection:
        (found,) = connection.execute("SELECT count(*) FROM payment_requests").fetchone() or (-1,)
        return int(found)


def test_the_settings_of_the_demo_are_taken(tmp_path: Path) -> None:
    from portal import refusals

    demo = Settings(data=tmp_path, keys=TOWN_KEYS, demo=True, base_url="http://192.168.0.7:8000")
    assert refusals.of(dataclasses.replace(demo, proxies=None)) == []
