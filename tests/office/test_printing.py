"""Which letters a run prints: what is new or changed, and only what the page will ask for, too."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from demo import sample
from office import printing, pushing
from office.client import Portal
from office.db import office_db
from office.importing import import_file
from office.models import Claim
from office.printing import Left, Printed, print_letters
from office.pseudonyms import key
from portal.errors import Conflict, Misconfigured, NotFound, Unavailable
from tests.office.conftest import KEY, silent
from tests.office.fake_portal import Books

SECRET_KEY = key(KEY)
FIRST, SECOND, THIRD = (f"K-2026-{number:06d}" for number in (1, 2, 3))

Rows = list[dict[str, str]]


@pytest.fixture
def rows() -> Rows:
    return [row | {"Sprache": "de"} for row in sample.rows(3)]


@pytest.fixture
def take_in(office: Flask, portal: Portal) -> Callable[[Rows], None]:
    """Import and push, as every morning."""

    def act(rows: Rows) -> None:
        import_file(as_file(rows))
        pushing.push(portal, SECRET_KEY, silent)
        office_db.session.expire_all()

    return act


def as_file(rows: Rows) -> bytes:
    """The sample's file with two columns more."""
    plain = [{name: row[name] for name in sample.HEADER} for row in rows]
    lines = sample.as_csv(plain).split("\r\n")
    more = [f";{row.get('Lastschrift', '')};{row.get('Ersetzt', '')}" for row in rows]
    return "\r\n".join(map("".join, zip(lines, [";Lastschrift;Ersetzt", *more]))).encode()  # noqa: B905


def names(printed: Printed) -> list[str]:
    return [file.name for file in printed.files]


def test_a_run_prints_a_letter_once(
    take_in: Callable[[Rows], None], rows: Rows, tmp_path: Path
) -> None:
    take_in(rows[:2])
    assert print_letters(tmp_path, SECRET_KEY, silent).letters == 2
    take_in(rows)
    assert names(print_letters(tmp_path, SECRET_KEY, silent)) == [f"{THIRD}.pdf", "_run-2.pdf"]
    assert print_letters(tmp_path, SECRET_KEY, silent) == Printed(0, [], [])
    assert print_letters(tmp_path, SECRET_KEY, silent, again=True).letters == 3


# fmt: off
@pytest.mark.parametrize(
    ("column", "value"),
    [("Betrag", "9,99"), ("Zweck", "Anderes"), ("Strasse", "Neuer Weg 5"), ("Name", "Änne Weiß"),
     ("Faellig", "24.12.2026"), ("Sprache", "en")],
)
def test_what_a_letter_says_otherwise_now_is_printed_again(
    take_in: Callable[[Rows], None], rows: Rows, tmp_path: Path, column: str, value: str
) -> None:
    take_in(rows)
    print_letters(tmp_path, SECRET_KEY, silent)
    rows[1] |= {column: value}
    take_in(rows)
    assert names(print_letters(tmp_path, SECRET_KEY, silent))[0] == f"{SECOND}.pdf"
# fmt: on


def test_no_letter_asks_for_another_amount_than_its_page(
    take_in: Callable[[Rows], None], rows: Rows, tmp_path: Path
) -> None:
    take_in(rows)
    rows[1]["Betrag"] = "9,99"
    import_file(as_file(rows))
    printed = print_letters(tmp_path, SECRET_KEY, silent)
    assert f"{SECOND}.pdf" not in names(printed)
    assert printed.left_out == [(SECOND, Left.CHANGED)]
    with pytest.raises(Conflict, match=SECOND):
        print_letters(tmp_path, SECRET_KEY, silent, one=SECOND)


def test_no_letter_is_printed_for_a_change_that_the_portal_refused(
    take_in: Callable[[Rows], None], rows: Rows, tmp_path: Path
) -> None:
    take_in(rows)
    rows[1]["Zweck"] = "Fragen an a@b.example"
    take_in(rows)
    assert print_letters(tmp_path, SECRET_KEY, silent).left_out == [(SECOND, Left.REFUSED)]


def test_no_letter_is_printed_while_nobody_knows_what_the_portal_has(
    take_in: Callable[[Rows], None], rows: Rows, portal: Portal, books: Books, tmp_path: Path
) -> None:
    take_in(rows)
    before, rows[0]["Betrag"] = rows[0]["Betrag"], "9,99"
    import_file(as_file(rows))
    asked = portal.push

    def lost(requests: list[dict[str, object]]) -> None:
        list(asked(requests))
        raise InterruptedError

    portal_push, Portal.push = Portal.push, lambda _self, requests: lost(requests)  # type: ignore
    try:
        with pytest.raises(InterruptedError):
            pushing.push(portal, SECRET_KEY, silent)
    finally:
        Portal.push = portal_push  # type: ignore[method-assign]
    office_db.session.rollback()
    rows[0]["Betrag"] = before
    import_file(as_file(rows))
    assert (FIRST, Left.CHANGED) in print_letters(tmp_path, SECRET_KEY, silent).left_out
    take_in(rows)
    assert books.requests[FIRST]["amount_cents"] == 450
    assert names(print_letters(tmp_path, SECRET_KEY, silent))[0] == f"{FIRST}.pdf"


def test_what_is_not_pushed_is_named_and_not_printed(
    office: Flask, rows: Rows, tmp_path: Path
) -> None:
    import_file(as_file(rows[:1]))
    printed = print_letters(tmp_path, SECRET_KEY, silent)
    assert (printed.letters, printed.left_out) == (0, [(FIRST, Left.NOT_PUSHED)])
    with pytest.raises(NotFound):
        print_letters(tmp_path, SECRET_KEY, silent, one="K-0")


def test_a_cleared_claim_gets_no_letter_in_a_run(
    take_in: Callable[[Rows], None], rows: Rows, tmp_path: Path
) -> None:
    take_in(rows)
    claim = office_db.session.get_one(Claim, FIRST)
    claim.clear(claim.cents)
    office_db.session.commit()
    assert print_letters(tmp_path, SECRET_KEY, silent).letters == 2


def test_a_claim_that_a_later_one_replaces_gets_no_letter(
    take_in: Callable[[Rows], None], rows: Rows, tmp_path: Path
) -> None:
    rows[2]["Ersetzt"] = f"{FIRST} K-2025-000009"
    take_in(rows)
    printed = print_letters(tmp_path, SECRET_KEY, silent, again=True)
    assert names(printed)[:2] == [f"{SECOND}.pdf", f"{THIRD}.pdf"]


def test_a_letter_for_a_direct_debit_is_printed_once(
    office: Flask, rows: Rows, tmp_path: Path
) -> None:
    rows[0]["Lastschrift"] = "ja"
    import_file(as_file(rows[:1]))
    assert print_letters(tmp_path, SECRET_KEY, silent).letters == 1
    assert print_letters(tmp_path, SECRET_KEY, silent).letters == 0


def test_one_letter_alone_is_printed_without_a_run(
    take_in: Callable[[Rows], None], rows: Rows, tmp_path: Path
) -> None:
    take_in(rows)
    for _ in range(2):
        print_letters(tmp_path / "new", SECRET_KEY, silent, one=SECOND)
    assert [file.name for file in (tmp_path / "new").iterdir()] == [f"{SECOND}.pdf"]


def test_a_run_that_is_killed_goes_on_behind_its_last_file(
    take_in: Callable[[Rows], None],
    rows: Rows,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(printing, "VOLUME", 1)
    take_in(rows)

    def killed(done: int, _all: int) -> None:
        if done == 3:
            raise InterruptedError

    with pytest.raises(Unavailable):  # InterruptedError is an OSError
        print_letters(tmp_path, SECRET_KEY, killed)
    office_db.session.expire_all()
    assert names(print_letters(tmp_path, SECRET_KEY, silent)) == [f"{THIRD}.pdf", "_run-3.pdf"]


def test_two_runs_at_once_print_no_letter_twice(
    take_in: Callable[[Rows], None], rows: Rows, tmp_path: Path
) -> None:
    take_in(rows)
    refused: list[str] = []

    def meanwhile(_done: int, _all: int) -> None:
        with pytest.raises(Conflict) as told:
            print_letters(tmp_path, SECRET_KEY, silent)
        refused.append(str(told.value))

    assert print_letters(tmp_path, SECRET_KEY, meanwhile).letters == 3
    assert len(refused) == 3
    assert "gerade schon" in refused[0]
    assert print_letters(tmp_path, SECRET_KEY, silent, one=FIRST).letters == 1  # it has let go


def test_a_run_of_another_office_in_the_same_folder_is_not_written_over(
    take_in: Callable[[Rows], None], rows: Rows, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    take_in(rows)
    bind = printing.pdf.bind

    def bound(documents: list[Any]) -> bytes:
        if len(documents) > 1:  # the very moment before the run is written
            (tmp_path / "_run.pdf").write_bytes(b"another's")
        return bind(documents)

    monkeypatch.setattr(printing.pdf, "bind", bound)
    assert "_run-2.pdf" in names(print_letters(tmp_path, SECRET_KEY, silent))
    assert (tmp_path / "_run.pdf").read_bytes() == b"another's"


def test_without_pango_the_line_to_type_is_said(
    take_in: Callable[[Rows], None], rows: Rows, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing() -> None:
        raise OSError("cannot load library 'libpango-1.0-0'")

    monkeypatch.setattr(printing.pdf, "warm_up", missing)
    assert print_letters(tmp_path, SECRET_KEY, silent).letters == 0  # none to draw
    take_in(rows)
    with pytest.raises(Misconfigured, match=r"Pango.*fehlt.*apt-get install .*libpango-1.0-0"):
        print_letters(tmp_path, SECRET_KEY, silent)


def test_the_launcher_names_the_same_packages() -> None:
    launcher = (Path(printing.__file__).parents[1] / "quitt").read_text("utf-8")
    assert f"PANGO_PACKAGES='{printing.PANGO}'\n" in launcher


def test_a_letter_named_run_keeps_its_own_file(
    take_in: Callable[[Rows], None], rows: Rows, tmp_path: Path
) -> None:
    rows[0]["Belegnummer"], rows[1]["Belegnummer"] = "run", "run-2"
    take_in(rows[:2])
    assert names(print_letters(tmp_path, SECRET_KEY, silent)) == [
        "run.pdf", "run-2.pdf", "_run.pdf",
    ]  # fmt: skip


def test_an_address_that_does_not_fit_is_named_and_the_others_are_printed(
    take_in: Callable[[Rows], None], rows: Rows, tmp_path: Path
) -> None:
    wide = {"Name": 60, "Zusatz": 60, "Strasse": 60, "Ort": 45, "Land": 40}
    rows[1] |= {column: "W" * most for column, most in wide.items()}
    take_in(rows)
    printed = print_letters(tmp_path, SECRET_KEY, silent)
    assert (printed.letters, printed.left_out) == (2, [(SECOND, Left.ADDRESS)])


def test_a_claim_that_turns_to_direct_debit_is_told_until_it_is_withdrawn(
    take_in: Callable[[Rows], None], rows: Rows, portal: Portal, books: Books
) -> None:
    from office.facts import read_event
    from office.taking import take

    take_in(rows)
    rows[1]["Lastschrift"] = "ja"
    import_file(as_file(rows))
    assert pushing.push(portal, SECRET_KEY, silent).still_payable == [SECOND]
    take(read_event(books.tell("request.withdrawn", SECOND, version=1, reason="debit")))
    assert pushing.push(portal, SECRET_KEY, silent).still_payable == []
