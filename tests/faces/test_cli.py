"""``quitt tenant``: a town gets its face, or is told why not."""

from contextlib import nullcontext
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from flask import Flask, current_app
from sqlalchemy import text

from demo.faces import CRESTS
from portal.cli import main
from portal.db import db
from portal.errors import PortalError
from portal.faces.cli import tenant
from tests.builders import TOWN
from tests.faces import saying

pytestmark = pytest.mark.usefixtures("app")


def invoked(*arguments: str) -> Result:
    keyring = current_app.extensions["keyring"]
    db.session.rollback()
    return CliRunner().invoke(tenant, arguments, obj=lambda: nullcontext(keyring))


def said(*arguments: str) -> str:
    result = invoked(*arguments)
    assert result.exception is None, result.exception
    return result.output


def refused(*arguments: str) -> str:
    result = invoked(*arguments)
    assert isinstance(result.exception, PortalError | SystemExit), result.exception
    return f"{result.exception} {result.output}"


def test_what_is_set_is_shown_and_what_is_missing_is_marked() -> None:
    before = said("show", TOWN)
    assert "represented_by\t(to be filled in)" in before
    assert "11 placeholders stand on the pages." in before
    said("set", TOWN, "represented_by", "Bürgermeisterin Erika Mustermann")
    said("set", TOWN, "phone", "09999  1")
    said("set", TOWN, "hours", "Mon 8–12", "--language", "en")
    assert "represented_by\tBürgermeisterin Erika Mustermann\n" in said("show", TOWN)
    assert "phone\t09999 1\n" in said("show", TOWN)
    assert "hours\tMon 8–12\n" in said("show", TOWN, "--language", "en")
    saying.everything(TOWN)
    assert "placeholders" not in said("show", TOWN)


def test_an_empty_text_takes_back_what_was_said() -> None:
    said("set", TOWN, "supervision", "Landratsamt")
    said("set", TOWN, "supervision", "")
    assert "supervision\t\n" in said("show", TOWN)


def test_the_files_of_a_folder_are_read_each_into_its_field(tmp_path: Path) -> None:
    (tmp_path / "imprint_more.txt").write_text("\ufeff# Haftung\n\nKeine.\n", "utf-8")
    (tmp_path / "portal_name.en.txt").write_text("Pay here", "utf-8")
    files = sorted(str(file) for file in tmp_path.iterdir())
    assert said("texts", TOWN, *files) == "2 fields set.\n"
    assert "imprint_more\t# Haftung /  / Keine.\n" in said("show", TOWN)
    assert "portal_name\tPay here\n" in said("show", TOWN, "--language", "en")


@pytest.mark.parametrize(
    ("name", "content", "because"),
    [
        ("mayor.txt", b"x", "There is no field 'mayor'"),
        ("hours.xx.txt", b"x", "'xx' is none of ar, de, de-simple, en"),
        ("contact.txt", "Stadtbücherei".encode("latin-1"), "save it as UTF-8"),
        ("accessibility_state.en.txt", b"full", "the same in every language"),
        ("easy.en.txt", b"x", "leave the language out"),
    ],
)
def test_of_files_with_a_fault_none_is_taken(
    tmp_path: Path, name: str, content: bytes, because: str
) -> None:
    (tmp_path / "contact.de.txt").write_text("Rathaus", "utf-8")
    (tmp_path / name).write_bytes(content)
    assert because in refused("texts", TOWN, str(tmp_path / "contact.de.txt"), str(tmp_path / name))
    assert "Rathaus" not in said("show", TOWN)


@pytest.mark.parametrize(
    ("field", "value", "because"),
    [
        ("iban", "DE02120300000000202052", "typing error"),
        ("bic", "MUST", "typing error"),
        ("email", "kasse(at)stadt.de", "typing error"),
        ("name", " ", "from 1 to 200 signs"),
        ("phone", "1" * 201, "from 1 to 200 signs"),
        ("phone", "1", "There is no tenant 'nowhere'"),
    ],
)
def test_a_line_that_cannot_be_right_is_refused(field: str, value: str, because: str) -> None:
    town = "nowhere" if "tenant" in because else TOWN
    assert because in refused("set", town, field, value)


def test_a_colour_is_taken_with_its_dark_tone_or_refused_with_one_that_passes() -> None:
    assert said("colour", TOWN, "#00607A").startswith("#00607a, and #")
    assert "1.37 : 1" in refused("colour", TOWN, "#ffcc00")
    assert "colour\t#00607a\n" in said("show", TOWN)


def test_a_crest_is_taken_or_refused_and_the_old_one_stays(tmp_path: Path) -> None:
    assert said("crest", TOWN, str(CRESTS / "musterhausen.svg")).startswith("Shown at /town/")
    before = said("show", TOWN)
    (tmp_path / "bad.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>")
    assert "<script>" in refused("crest", TOWN, str(tmp_path / "bad.svg"))
    assert said("show", TOWN) == before
    said("crest", TOWN, str(CRESTS / "beispielstadt.svg"))
    assert said("show", TOWN) != before


def test_leichte_sprache_is_shown_only_after_a_test_and_hidden_when_its_text_changes() -> None:
    by = ("easy", TOWN, "--tested-by", "Prüfgruppe", "--tested-on", "2026-01-15")
    assert "no text" in refused(*by)
    said("set", TOWN, "easy", "Sie können hier bezahlen.")
    assert "--tested-on" in refused("easy", TOWN)
    assert "which organisation" in refused(*by[:3], " ", *by[4:])
    assert "up to today" in refused(*by[:-1], "2999-01-01")
    assert "easy_tested\t\n" in said("show", TOWN)
    said(*by)
    assert "easy_tested\t2026-01-15 Prüfgruppe\n" in said("show", TOWN)
    said("set", TOWN, "easy", "Hier können Sie bezahlen.")
    assert "easy_tested\t\n" in said("show", TOWN)
    said(*by)
    said("easy", TOWN, "--hide")
    assert "easy_tested\t\n" in said("show", TOWN)


def test_each_change_is_noted_without_its_text() -> None:
    said("set", TOWN, "represented_by", "Erika Mustermann")
    said("colour", TOWN, "#00607a")
    db.session.rollback()
    asked = "SELECT actor, act, subject, detail::text FROM audit ORDER BY id"
    rows = db.session.execute(text(asked)).all()
    assert [tuple(row)[:3] for row in rows] == [
        ("operator", "tenant.set", "represented_by"),
        ("operator", "tenant.colour", "#00607a"),
    ]
    assert "Mustermann" not in str(rows)


def test_the_command_is_one_of_quitts(app: Flask) -> None:
    assert "tenant" in main.commands
