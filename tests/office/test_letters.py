"""Letters on paper: what must stand in them, where, and that a phone can read them."""

import os
import re
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import pikepdf
import pypdfium2
import pytest
import zxingcpp
from flask import Flask
from pypdfium2 import raw

from demo import sample
from office import letters, pushing, town
from office.client import Portal
from office.db import office_db
from office.importing import import_file
from office.letters import country_line, epc_code
from office.models import Claim
from office.printing import print_letters
from office.pseudonyms import key
from portal.errors import Invalid, Unavailable
from tests.office import fake_portal
from tests.office.conftest import KEY, TOWN, silent

SECRET_KEY = key(KEY)
DPI = 150
MM = 25.4 / 72  # millimetres a point
COUNT = 12
FIRST_FOLD, SECOND_FOLD, END = 105, 210, 297  # mm from the top
APART = 80  # mm between the two codes, at least
FRAME = 60  # mm: what a camera sees of a letter when it is held close


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("letters")


@pytest.fixture
def rows() -> list[dict[str, str]]:
    """Twelve letters, among them a longest purpose, a longest word, English, and no TAN."""
    rows = sample.rows(COUNT)
    long = "Sondernutzungsgebühr, Straßenverkehrsordnungswidrigkeit und mehr "
    rows[3] |= {"Zweck": (long * 3)[:139] + "!", "Sprache": "de", "TAN": "ja"}
    rows[3] |= {"Zahlbar bis": "24.12.2026"}
    rows[2]["Zweck"] = rows[3]["Zweck"]
    rows[4] |= {"Sprache": "en", "TAN": "ja"}
    rows[5] |= {"TAN": "nein", "Sprache": "de"}
    return rows


@pytest.fixture
def printed(office: Flask, portal: Portal, rows: list[dict[str, str]], out: Path) -> Path:
    """The run, drawn by the first test that wants it."""
    import_file(sample.as_bytes(rows))
    pushing.push(portal, SECRET_KEY, silent)
    if not (out / "_run.pdf").exists():
        print_letters(out, SECRET_KEY, silent)
    return out


def text_of(file: Path) -> str:
    with pypdfium2.PdfDocument(file) as pdf:
        return "\n".join(page.get_textpage().get_text_range() for page in pdf)


def codes(page: pypdfium2.PdfPage) -> Sequence[zxingcpp.Barcode]:
    return zxingcpp.read_barcodes(page.render(scale=DPI / 72, grayscale=True).to_pil())


def link_code(page: pypdfium2.PdfPage) -> zxingcpp.Barcode:
    """The code that opens the payment page."""
    (found,) = (code for code in codes(page) if code.text.startswith("HTTPS://"))
    return found


def bank_code(page: pypdfium2.PdfPage) -> zxingcpp.Barcode:
    """The code for banking apps."""
    (found,) = (code for code in codes(page) if code.text.startswith("BCD\n"))
    return found


def extent(code: zxingcpp.Barcode) -> tuple[float, float, float, float]:
    """Left, top, right and bottom edge of a code without its quiet zone, in millimetres."""
    at = code.position
    pixels = at.top_left.x, at.top_left.y, at.bottom_right.x, at.bottom_right.y
    left, top, right, bottom = (pixel / DPI * 25.4 for pixel in pixels)
    return left, top, right, bottom


def found_at(file: Path, words: str) -> tuple[float, float]:
    """Left and top edge of some words, in millimetres."""
    with pypdfium2.PdfDocument(file) as pdf:
        page = pdf[0]
        text = page.get_textpage()
        index = text.search(words).get_next()
        assert index is not None, words
        left, _, _, top = text.get_charbox(index[0])
        return left * MM, (page.get_height() - top) * MM


def test_every_qr_code_holds_its_own_link(printed: Path, rows: list[dict[str, str]]) -> None:
    with pypdfium2.PdfDocument(printed / "_run.pdf") as run:
        read = [link_code(page).text for page in list(run)[1:]]
        assert not codes(run[0])
    assert read == [fake_portal.link(row["Belegnummer"])["qr"] for row in rows]


def test_the_qr_code_is_large_and_always_at_the_same_place(printed: Path) -> None:
    places = set()
    for file in printed.glob("K-*.pdf"):
        with pypdfium2.PdfDocument(file) as pdf:
            left, top, right, bottom = extent(link_code(pdf[0]))
        assert right - left >= 22
        places.add(round(top))
        assert FIRST_FOLD < top < bottom < SECOND_FOLD
    assert len(places) == 1


def test_every_letter_has_a_code_that_fills_in_its_transfer(
    printed: Path, rows: list[dict[str, str]]
) -> None:
    for row in rows:
        with pypdfium2.PdfDocument(printed / f"{row['Belegnummer']}.pdf") as pdf:
            lines = bank_code(pdf[0]).bytes.decode().split("\n")
        euros = row["Betrag"].replace(".", "").replace(",", ".")
        assert lines == ["BCD", "002", "1", "SCT", "MUSTDEXXXXX", "Stadt Musterhausen",
            "DE02120300000000202051", f"EUR{euros}", "", "", row["Kassenzeichen"]]  # fmt: skip


def test_the_two_codes_stand_on_two_folds_and_far_apart(printed: Path) -> None:
    for file in printed.glob("K-*.pdf"):
        with pypdfium2.PdfDocument(file) as pdf:
            _, _, link_right, link_bottom = extent(link_code(pdf[0]))
            bank_left, bank_top, bank_right, bank_bottom = extent(bank_code(pdf[0]))
        assert link_bottom < SECOND_FOLD < bank_top < bank_bottom < END
        assert bank_left - link_right >= APART
        assert bank_right - bank_left >= 22


def test_a_camera_held_over_one_code_sees_no_other(printed: Path) -> None:
    with pypdfium2.PdfDocument(printed / "K-2026-000004.pdf") as pdf:
        seen = pdf[0].render(scale=DPI / 72, grayscale=True).to_pil()
        both = link_code(pdf[0]), bank_code(pdf[0])
    for code in both:
        left, top, right, bottom = extent(code)
        for corner in (
            ((left + right - FRAME) / 2, (top + bottom - FRAME) / 2),  # held straight over it
            (left - 4, top - 4),
            (right + 4 - FRAME, bottom + 4 - FRAME),
        ):
            x, y = (mm / 25.4 * DPI for mm in corner)
            side = FRAME / 25.4 * DPI
            frame = seen.crop((round(x), round(y), round(x + side), round(y + side)))
            assert [one.text for one in zxingcpp.read_barcodes(frame)] == [code.text]


def test_each_code_says_what_it_is_for(printed: Path) -> None:
    file = printed / "K-2026-000004.pdf"
    _, first = found_at(file, "1 Mit der Kamera: online bezahlen")
    _, second = found_at(file, "2 In der Banking-App: überweisen")
    with pypdfium2.PdfDocument(file) as pdf:
        _, link_top, _, link_bottom = extent(link_code(pdf[0]))
        _, bank_top, _, bank_bottom = extent(bank_code(pdf[0]))
    assert link_top - 5 < first < link_bottom
    assert bank_top - 5 < second < bank_bottom


def test_the_bank_code_is_over_what_is_open_and_in_euro_alone(
    office: Flask, portal: Portal
) -> None:
    import_file(sample.as_bytes(sample.rows(1)))
    facts = town.find(office_db.session)
    claim = office_db.session.get_one(Claim, "K-2026-000001")
    assert facts
    whole = epc_code(claim, facts)
    assert whole
    assert whole == epc_code(claim, facts)
    claim.cleared_cents = 1
    assert epc_code(claim, facts) not in {"", whole}
    claim.cleared_cents = claim.cents
    assert not epc_code(claim, facts)
    claim.cleared_cents, claim.currency = 0, "NOK"
    assert not epc_code(claim, facts)
    office_db.session.rollback()


def test_the_tan_stands_on_another_fold_than_the_qr_code(printed: Path) -> None:
    tan = fake_portal.tan("K-2026-000004")
    _, top = found_at(printed / "K-2026-000004.pdf", f"{tan[:4]} {tan[4:]}")
    assert SECOND_FOLD < top < END


def test_the_address_stands_in_the_window(printed: Path, rows: list[dict[str, str]]) -> None:
    for row in rows:
        left, top = found_at(printed / f"{row['Belegnummer']}.pdf", row["Strasse"][:12])
        assert 20 <= left <= 30
        assert 45 + 17.7 <= top <= 45 + 45


def test_a_letter_says_all_that_a_citizen_needs(printed: Path, rows: list[dict[str, str]]) -> None:
    row = rows[3]
    text = " ".join(text_of(printed / f"{row['Belegnummer']}.pdf").split())
    link = fake_portal.link(row["Belegnummer"])
    for needed in (
        row["Kassenzeichen"], row["Belegnummer"], row["Betrag"], link["short_code"],
        "pay.musterhausen.example", "DE02 1203 0000 0000 2020 51", "09999 100-240",
        "Mit freundlichen Grüßen Stadtkasse", "ist ohne Unterschrift gültig",
        "Online zahlbar bis: 24. Dezember 2026",
    ):  # fmt: skip
        assert needed in text, needed
    assert link["url"].rpartition("/")[2] not in text  # the whole code is in the QR alone


def test_a_letter_is_read_out_in_the_order_in_which_it_is_seen(
    printed: Path, rows: list[dict[str, str]]
) -> None:
    text = text_of(printed / "K-2026-000003.pdf")
    seen = (
        "Stadt Musterhausen", rows[2]["Strasse"], "Belegnummer", "Guten Tag", "Betrag", "Raten",
        "Mit freundlichen", "1 Mit der Kamera", "TAN aus diesem", "2 In der Banking-App", "IBAN",
    )  # fmt: skip
    places = [text.index(words) for words in seen]
    assert places == sorted(places)


def test_each_letter_is_one_page_even_with_the_longest_purpose(printed: Path) -> None:
    for file in printed.glob("K-*.pdf"):
        with pypdfium2.PdfDocument(file) as pdf:
            assert len(pdf) == 1
    _, amount = found_at(printed / "K-2026-000004.pdf", sample.rows(4)[3]["Betrag"])
    assert amount < 150  # above the box with the QR code


def test_instalments_are_printed_with_their_days_above_the_box(printed: Path) -> None:
    file = printed / "K-2026-000003.pdf"
    text = " ".join(text_of(file).split())
    assert "46,00 € bis 15. November 2026, 46,00 € bis 14. Februar 2027" in text
    assert "auf einmal oder in Raten" in text
    assert "für eine Rate den Betrag dort ändern" in text
    _, last = found_at(file, "15. August 2027")
    assert last < 149
    assert "In Teilen jeweils ab 50,00 €" in " ".join(
        text_of(printed / "K-2026-000004.pdf").split()
    )


def test_of_many_instalments_the_first_are_printed(office: Flask, portal: Portal) -> None:
    rows = sample.rows(1)
    days = [f"{day}.12.2026" for day in range(10, 16)]
    rows[0] |= {"Betrag": "6,00", "Raten": " / ".join(f"{day} 1,00" for day in days)}
    import_file(sample.as_bytes(rows))
    pushing.push(portal, SECRET_KEY, silent)
    facts, claim = town.find(office_db.session), office_db.session.get_one(Claim, "K-2026-000001")
    assert facts
    html = letters.letter(claim, facts, claim.issued_on or date(2026, 11, 21))
    assert "13. Dezember 2026" in html
    assert "14. Dezember 2026" not in html
    assert "Ihre Seite zeigt 2 weitere" in html


def test_a_letter_speaks_the_language_of_its_invoice(printed: Path) -> None:
    assert "Amount" in text_of(printed / "K-2026-000005.pdf")
    assert "Betrag" in text_of(printed / "K-2026-000004.pdf")


def test_a_letter_without_tan_shows_none(printed: Path) -> None:
    text = text_of(printed / "K-2026-000006.pdf")
    tan = fake_portal.tan("K-2026-000006")
    assert f"{tan[:4]} {tan[4:]}" not in text


def test_every_pdf_is_tagged_for_screen_readers(printed: Path, rows: list[dict[str, str]]) -> None:
    spoken = {row["Belegnummer"]: row["Sprache"] for row in rows}
    for file in printed.glob("*.pdf"):
        with pypdfium2.PdfDocument(file) as pdf:
            assert raw.FPDFCatalog_IsTagged(pdf.raw)
            assert pdf.get_metadata_dict()["Title"]
        with pikepdf.open(file) as pdf:
            assert str(pdf.Root.Lang) == spoken.get(file.stem, "de")


def test_the_run_begins_with_a_list_that_names_the_right_pages(
    printed: Path, rows: list[dict[str, str]]
) -> None:
    with pypdfium2.PdfDocument(printed / "_run.pdf") as run:
        first = " ".join(run[0].get_textpage().get_text_range().split())
        assert len(run) == 1 + len(rows)
        for number, row in enumerate(rows, 2):
            assert re.search(rf"{row['Belegnummer']} [^€]*€ {number}\b", first), first
            assert row["Belegnummer"] in run[number - 1].get_textpage().get_text_range()


def test_letters_are_readable_for_their_owner_only(printed: Path) -> None:
    assert {file.stat().st_mode & 0o777 for file in printed.iterdir()} == {0o600}


def test_a_letter_for_a_direct_debit_offers_no_other_way(office: Flask, tmp_path: Path) -> None:
    import_file(sample.as_bytes(sample.rows(1)))
    claim = office_db.session.get_one(Claim, "K-2026-000001")
    claim.debit = True
    office_db.session.commit()
    print_letters(tmp_path, SECRET_KEY, silent)
    text = text_of(tmp_path / "K-2026-000001.pdf")
    assert "DE02 1203" not in text
    assert "Hat sich Ihr Konto geändert?" in text
    with pypdfium2.PdfDocument(tmp_path / "K-2026-000001.pdf") as letter:
        assert not codes(letter[0])


def test_a_folder_that_cannot_be_written_is_told_and_leaves_no_half_file(
    office: Flask, portal: Portal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import_file(sample.as_bytes(sample.rows(1)))
    pushing.push(portal, SECRET_KEY, silent)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(Unavailable, match="No space left"):
        print_letters(tmp_path, SECRET_KEY, silent)
    assert not list(tmp_path.iterdir())


def test_a_wrong_iban_of_the_town_is_refused() -> None:
    told = TOWN.read_bytes()
    with pytest.raises(Invalid, match="check digits"):
        town.read(told.replace(b"DE02 1203", b"DE02 1204"))


# fmt: off
@pytest.mark.parametrize(
    ("country", "line"),
    [("DE", ""), ("Deutschland", ""), ("", ""), ("PL", "POLEN"), ("Österreich", "ÖSTERREICH"),
     ("ch", "SCHWEIZ"), ("Ruritanien", "RURITANIEN")],
)
def test_the_country_stands_in_capitals_and_only_abroad(country: str, line: str) -> None:
    assert country_line(country) == line
# fmt: on
