"""The export for the auditor: complete, adding up, described, and of one town only."""

import csv
import hashlib
import re
import stat
from contextlib import nullcontext
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from click.testing import CliRunner
from flask import Flask
from sqlalchemy import func, select

from portal import audit, clock
from portal.audit import AuditRow
from portal.db import db, transaction
from portal.ledger.models import PostingRow
from portal.money import Money
from portal.proof import cells, chain, closing, exporting
from portal.proof.cli import export
from portal.proof.exported import TABLES
from tests import builders
from tests.builders import OTHER_TOWN, TOWN
from tests.conftest import Time
from tests.fakes import FakeProvider
from tests.proof import small_town

Rows = list[dict[str, str]]


def year() -> int:
    return clock.today("Europe/Berlin").year


def read(folder: Path, name: str) -> Rows:
    with (folder / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter=";"))


def decimal(written: str) -> Decimal:
    assert re.fullmatch(r"-?\d+,\d\d", written), written
    return Decimal(written.replace(",", "."))


@pytest.fixture
def folder(app: Flask, provider: FakeProvider, time: Time, tmp_path: Path) -> Path:
    """The year of a small town in which everything has happened once, with a day closed."""
    small_town.build(app, provider)
    day = clock.today("Europe/Berlin")
    time.move("+25h")
    closing.close(TOWN, day, "staff:anna")
    chain.extend_all()
    with transaction() as session:
        audit.note(session, OTHER_TOWN, "staff:x", "staff.added", "of-another-town")
    return exporting.export(TOWN, day.year, tmp_path)


def test_all_of_it_is_there_and_adds_up(folder: Path) -> None:
    entries, balances, items = (read(folder, name) for name in ("buchungen", "salden", "posten"))
    counted = db.session.scalar(
        select(func.count()).select_from(PostingRow).where(PostingRow.tenant_id == TOWN)
    )
    assert len(entries) == counted
    for currency in {row["waehrung"] for row in entries}:
        assert sum(decimal(r["betrag"]) for r in entries if r["waehrung"] == currency) == 0
    for row in balances:
        lines = [
            decimal(r["betrag"])
            for r in entries
            if (r["konto"], r["waehrung"]) == (row["konto"], row["waehrung"])
        ]
        assert decimal(row["vortrag"]) + sum(lines) == decimal(row["saldo"]), row
        assert decimal(row["soll"]) + decimal(row["haben"]) == sum(lines), row
    for sort, accounts, sign in (("Schwebeposten", "suspense:", 1), ("Verwahrung", "custody:", -1)):
        held = sum(decimal(r["saldo"]) for r in balances if r["konto"].startswith(accounts))
        still = sum(decimal(r["offen_am_ende"]) for r in items if r["art"] == sort)
        assert held == sign * still != 0, sort
    moves = read(folder, "postenbewegungen")
    for row in items:
        own = [m for m in moves if (m["art"], m["nummer"]) == (row["art"], row["nummer"])]
        moved = sum(decimal(m["betrag"]) for m in own)
        assert decimal(row["offen_zu_beginn"]) + moved == decimal(row["offen_am_ende"]), row


def test_the_audit_is_whole_and_can_be_computed_anew_from_the_file(folder: Path) -> None:
    notes = read(folder, "protokoll")
    count = db.session.scalar(
        select(func.count()).select_from(AuditRow).where(AuditRow.tenant_id == TOWN)
    )
    assert len(notes) == count
    assert not any("another" in row["gegenstand"] for row in notes)
    previous = bytes(32).hex()
    for row in sorted(notes, key=lambda row: int(row["glied"])):
        assert row["vorige_pruefsumme"] == previous
        previous = row["pruefsumme"]
    text = (folder / exporting.DESCRIPTION).read_text("utf-8")
    assert previous in text
    assert "ist unversehrt" in text


def test_a_closed_day_is_there_with_its_figures(folder: Path) -> None:
    (day,) = read(folder, "tagesabstimmungen")
    assert (day["durch"], day["geht_auf"], day["zweite_person"]) == ("staff:anna", "ja", "")
    figures = read(folder, "tagesabstimmung_zahlen")
    assert {row["tag"] for row in figures} == {day["tag"]}
    sides: dict[tuple[str, ...], Decimal] = {}
    for row in figures:
        if row["gleichung"] == "1":
            key = (row["waehrung"], row["seite"])
            sides[key] = sides.get(key, Decimal(0)) + decimal(row["betrag"])
    assert len(sides) == 2
    assert len(set(sides.values())) == 1


def test_the_description_names_every_file_column_count_and_hash(folder: Path) -> None:
    text = (folder / exporting.DESCRIPTION).read_text("utf-8")
    assert {path.name for path in folder.iterdir()} == {
        exporting.DESCRIPTION, *(table.file for table in TABLES)
    }  # fmt: skip
    for table in TABLES:
        raw = (folder / table.file).read_bytes()
        assert hashlib.sha256(raw).hexdigest() in text
        assert f"Zeilen ohne Kopf: {len(read(folder, table.name))}" in text
        for name, _ in table.columns:
            assert f"  {name}: " in text
    for path in (folder, *folder.iterdir()):
        assert not stat.S_IMODE(path.stat().st_mode) & 0o077, path


def test_nothing_is_written_over_and_no_half_folder_is_left(
    app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    exporting.export(TOWN, year(), tmp_path)
    with pytest.raises(exporting.AlreadyThere):
        exporting.export(TOWN, year(), tmp_path)

    def broken(*_: object) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr(chain, "verify", broken)
    with pytest.raises(OSError, match="full"):
        exporting.export(OTHER_TOWN, year(), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [f"{TOWN}-{year()}"]


@pytest.mark.parametrize("asked", [1999, 9999])
def test_a_year_that_has_not_begun_is_none(app: Flask, tmp_path: Path, asked: int) -> None:
    with pytest.raises(exporting.NoYear):
        exporting.export(TOWN, asked, tmp_path)


def test_the_next_year_carries_the_balances_forward(
    provider: FakeProvider, time: Time, tmp_path: Path
) -> None:
    payment = builders.begin(builders.letter("K-1", amount_cents=1_234))
    from tests.proof.test_closing import CARD, record

    record(provider.pay(payment), CARD)
    first = year()
    time.move("+400d")
    folder = exporting.export(TOWN, first + 1, tmp_path)
    assert read(folder, "buchungen") == []
    carried = {row["konto"]: decimal(row["vortrag"]) for row in read(folder, "salden")}
    assert carried == {"suspense:card": Decimal("12.34"), "claims:tax": Decimal("-12.34")}
    (item,) = read(folder, "posten")
    assert (item["offen_zu_beginn"], item["offen_am_ende"]) == ("12,34", "12,34")


def test_the_command_writes_a_folder_for_each_town(app: Flask, tmp_path: Path) -> None:
    words = ["--audit", str(year()), "--out", str(tmp_path / "new")]
    done = CliRunner().invoke(export, words, obj=nullcontext)
    assert done.exit_code == 0, done.output
    folders = sorted(path.name for path in (tmp_path / "new").iterdir())
    assert folders == sorted(f"{town}-{year()}" for town in (TOWN, OTHER_TOWN))


def test_cells_are_as_a_german_spreadsheet_reads_them() -> None:
    told = ["=1+1", "-x", Money(-123_405), Money(7), date(2026, 12, 31), None, True, 'a;"b']
    assert cells.line(told) == '\'=1+1;\'-x;-1234,05;0,07;2026-12-31;;ja;"a;""b"\r\n'
