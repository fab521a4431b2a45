"""The export for the auditor: a town's entries, items and audit of a year, and what they mean.

Machine-readable data in the sense of the GoBD (BMF, 28 November 2019, no. 126 and 158 to 178):
UTF-8, semicolon, ISO days, decimals with a comma. Everything is read in one snapshot and streamed.
"""

import hashlib
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import text
from sqlalchemy.orm import Session

from portal import clock
from portal.db import db
from portal.errors import Conflict, Invalid
from portal.money import Money
from portal.proof import cells, chain
from portal.proof.exported import TABLES, Table
from portal.proof.reconciling import NoSuchTenant
from portal.tenants import Tenant

AT_ONCE = 5_000  # rows read ahead
DESCRIPTION = "BESCHREIBUNG.txt"
FIRST_YEAR, LAST_YEAR = 2000, 9998


class AlreadyThere(Conflict):
    """Nothing is written over."""

    code = "already_there"


class NoYear(Invalid):
    """A year from 2000 on that has begun."""

    code = "no_year"


@dataclass(frozen=True, slots=True)
class Written:
    """A file that was written: how many lines without the head, and its SHA-256."""

    table: Table
    rows: int
    sha256: str


def export(tenant_id: str, year: int, out: Path) -> Path:
    """Write a town's year into a new folder of ``out``; where it lies.

    Raises ``NoSuchTenant``, ``NoYear``, ``AlreadyThere``. Half a folder is never left behind.
    """
    session = db.session()
    session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
    try:
        town = session.get(Tenant, tenant_id)
        if town is None:
            raise NoSuchTenant("There is no such tenant.")
        if not FIRST_YEAR <= year <= min(clock.today(town.time_zone).year, LAST_YEAR):
            raise NoYear(f"There is no year {year} to export.")
        target = out / f"{re.sub(r'[^A-Za-z0-9_-]', '_', tenant_id)}-{year}"
        if target.exists():
            raise AlreadyThere(f"{target} is there already. Nothing is written over.")
        _write(session, town, year, target)
        return target
    finally:
        session.rollback()


def _write(session: Session, town: Tenant, year: int, target: Path) -> None:
    partial = target.with_name(f".{target.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(mode=0o700, parents=True)
    try:
        written = [_table(session, table, _asked(town, year), partial) for table in TABLES]
        verdict = chain.verify(session, town.id)
        lines = description(town, year, written, verdict)
        with _opened(partial / DESCRIPTION) as file:
            file.write("\r\n".join(lines).encode())
        partial.rename(target)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def _table(session: Session, table: Table, asked: dict[str, object], folder: Path) -> Written:
    digest, rows = hashlib.sha256(), -1  # the head is no row
    names = [name for name, _ in table.columns]
    with _opened(folder / table.file) as file:
        for line in cells.lines(names, _rows(session, table, asked)):
            raw = line.encode()
            file.write(raw)
            digest.update(raw)
            rows += 1
    return Written(table, rows, digest.hexdigest())


def _rows(session: Session, table: Table, asked: dict[str, object]) -> Iterator[list[cells.Cell]]:
    needed = {name: value for name, value in asked.items() if f":{name}" in table.sql}
    found = session.execute(text(table.sql), needed, execution_options={"yield_per": AT_ONCE})
    for row in found.mappings():
        yield [_cell(table, row, name) for name, _ in table.columns]


def _cell(table: Table, row: Any, name: str) -> cells.Cell:
    value: cells.Cell = row[name]
    if name in table.amounts and isinstance(value, int):
        return Money(value, row["waehrung"])
    return value


def _asked(town: Tenant, year: int) -> dict[str, object]:
    zone = ZoneInfo(town.time_zone)
    return {
        "tenant": town.id,
        "zone": town.time_zone,
        "first": date(year, 1, 1),
        "last": date(year, 12, 31),
        "begin": datetime.combine(date(year, 1, 1), time(), zone),
        "end": datetime.combine(date(year + 1, 1, 1), time(), zone),
    }


def _opened(path: Path) -> Any:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")


def description(
    town: Tenant, year: int, written: list[Written], verdict: chain.Verdict
) -> Iterator[str]:
    """What the auditor reads first. Pure."""
    yield f"Prüfungsdaten {year}: {town.name} (Mandant {town.id})"
    yield f"Stand: {clock.now().isoformat(timespec='seconds')}"
    yield ""
    yield "Herkunft: Quitt, das Bezahlportal der Stadt, Vorverfahren des Finanzverfahrens."
    yield "Zeichensatz UTF-8, Trennzeichen Semikolon, Texte mit Trennzeichen in Anführungszeichen,"
    yield "Zeilenende CR LF, erste Zeile Spaltennamen. Tage JJJJ-MM-TT, Zeitpunkte in UTC,"
    yield "Beträge mit Dezimalkomma ohne Tausenderpunkt. Leere Zelle: kein Wert."
    yield "Beginnt ein Text mit = + - @, steht ein Hochkomma davor (Schutz vor Formeln)."
    yield f"Jahr: vom {year}-01-01 bis {year}-12-31 in der Zeitzone {town.time_zone}."
    yield "Die Daten enthalten keine Namen und Anschriften von Schuldnern und Zahlern; wer zahlt,"
    yield "weiß das Finanzverfahren unter der Belegnummer. Personal steht mit seiner Anmeldung da."
    yield ""
    yield "Probe: salden.csv ist Konto für Konto die Summe aus Vortrag und buchungen.csv; je"
    yield "Währung ist die Summe aller Beträge in buchungen.csv null. Der Saldo der Konten"
    yield "suspense:… ist die Summe von offen_am_ende der Schwebeposten, der Saldo der Konten"
    yield "custody:… die der Verwahrung mit umgekehrtem Vorzeichen."
    holds = "ist unversehrt" if not verdict.wrong else f"hat {verdict.wrong} Befunde"
    yield f"Protokollkette: {verdict.links} Glieder, {holds}; Ende {verdict.head}"
    for each in written:
        yield ""
        yield f"{each.table.file}: {each.table.line}"
        yield f"  Zeilen ohne Kopf: {each.rows}"
        yield f"  SHA-256: {each.sha256}"
        for name, meaning in each.table.columns:
            yield f"  {name}: {meaning}"
    yield ""
