"""``quitt settlement``: what a person at the terminal sees and does."""

from contextlib import nullcontext
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from flask import current_app
from sqlalchemy import select

from portal.audit import AuditRow
from portal.db import db
from portal.settlements.cli import settlement
from portal.settlements.files import BadFile, ImportedBefore
from tests.builders import TOWN
from tests.fakes import FakeProvider
from tests.settlements.test_files import reference, row, table
from tests.settlements.test_settle import balance, balances, paid


def run(*words: str) -> Result:
    keyring = current_app.extensions["keyring"]
    db.session.rollback()
    return CliRunner().invoke(settlement, words, obj=lambda: nullcontext(keyring))


@pytest.fixture
def csv(provider: FakeProvider, tmp_path: Path) -> Path:
    """A file over one payment, a fee, a reserve and a stranger."""
    (payment,) = paid(provider, 123_456)
    file = tmp_path / "november.csv"
    file.write_bytes(
        table(
            row("Zahlung", reference(payment), "1234,56", "0,35"),
            row("Entgelt", "monthly", "", "12,00"),
            row("Einbehalt", "hold-1", "-30,00"),
            row("Zahlung", "f-stranger", "7,00"),
        )
    )
    return file


def words(act: str, file: Path, *more: str) -> tuple[str, ...]:
    of = ("--tenant", TOWN, "--account", "card", "--mapping", "generic")
    return (act, str(file), *of, *more)


def test_a_preview_shows_each_line_and_the_sums(csv: Path) -> None:
    told = run(*words("preview", csv))
    assert told.exit_code == 0, told.output
    lines = told.output.splitlines()
    assert lines[1] == "3\tfee\tmonthly\t0.00 EUR\t12.00 EUR\tfee"
    assert lines[3].endswith("\tno open item of ours: a difference")
    assert lines[4] == (
        "s1\tsettled 1,234.56 EUR\tfees 12.35 EUR\theld back 30.00 EUR"
        "\tpay-out 1,199.21 EUR\tdifference -7.00 EUR"
    )
    assert "Nothing was booked." in told.output
    assert balances() == {"suspense": 123_456, "transit": 0, "fees": 0, "differences": 0}


def test_a_file_is_imported_listed_and_undone(csv: Path) -> None:
    assert "Imported as file 1." in run(*words("import", csv, "--by", "anna")).output
    listed = run("list", "--tenant", TOWN).output
    assert "file 1\t1,199.21 EUR\tbooked" in listed
    assert "card\theld in reserve\t30.00 EUR" in listed
    told = run("undo", "--tenant", TOWN, "--file", "1", "--reason", "wrong month", "--by", "anna")
    assert told.output == "File 1 is undone: 1 reports.\n"
    assert "file 1\t1,199.21 EUR\tundone" in run("list", "--tenant", TOWN).output
    assert balance("suspense:card") == 123_456
    acts = AuditRow.act.like("settlement%")
    actors = set(db.session.scalars(select(AuditRow.actor).where(acts)))
    assert actors == {"operator:anna"}, "no colleague: nobody has proved a login"


def test_bad_rows_are_named_and_nothing_is_booked(csv: Path) -> None:
    csv.write_bytes(csv.read_bytes().replace(b"1234,56", b"1234,5", 1))
    for act in (words("preview", csv), words("import", csv, "--by", "anna")):
        told = run(*act)
        assert isinstance(told.exception, BadFile)
        assert "line 2: gross: “1234,5” is no amount as the mapping writes them" in told.output
    assert balance("transit:card") == 0


def test_an_import_again_is_refused(csv: Path) -> None:
    run(*words("import", csv, "--by", "anna"))
    assert isinstance(run(*words("import", csv, "--by", "anna")).exception, ImportedBefore)


def test_what_is_to_be_undone_is_named_in_one_way(csv: Path) -> None:
    for more in (("--file", "1", "--account", "card"), ("--account", "card"), ()):
        told = run("undo", "--tenant", TOWN, "--reason", "r", "--by", "anna", *more)
        assert told.exit_code == 2
        assert "Name either --file, or --account and --settlement." in told.output


def test_a_report_is_fetched_undone_and_fetched_anew(provider: FakeProvider) -> None:
    provider.settle("s1", paid(provider, 10_000))
    of = ("--tenant", TOWN, "--account", "card", "--settlement", "s1")
    assert run("fetch", *of).output == "It is booked.\n"
    assert run("fetch", *of).output == "It was booked before.\n"
    assert run("undo", *of, "--reason", "twice", "--by", "anna").exit_code == 0
    assert balance("suspense:card") == 10_000
    assert run("fetch", *of).output == "It is booked.\n"


def test_the_shipped_mappings_are_named(provider: FakeProvider) -> None:
    assert "generic\tGeneric table" in run("mappings").output


def test_a_town_that_is_not_there_is_said_so(provider: FakeProvider) -> None:
    assert "There is no tenant nowhere." in run("list", "--tenant", "nowhere").output
