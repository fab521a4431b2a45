"""Reading the town's file: every form a finance system exports, and every way it goes wrong."""

from datetime import date
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demo import sample
from office.fields import Unreadable, cents, day
from office.invoices import Reading, read
from portal.requests.asked import Asked

HEADER = "Belegnummer;Kassenzeichen;Art;Zweck;Betrag;Fällig;Name;Zusatz;Straße;PLZ;Ort"
ROW = "{n};5.01;tax;Grundsteuer;1.234,56;15.12.2026;Jürgen Groß;;Weg 1;09999;Ort"


def file(*rows: str) -> bytes:
    return "\r\n".join((HEADER, *rows, "")).encode()


def row(number: str, **cells: str) -> str:
    names = ("n", "sign", "kind", "purpose", "amount", "due", "name", "addition", "street", "zip")
    values = dict(zip(names, ROW.format(n=number).split(";"), strict=False)) | cells
    return ";".join([*values.values(), "Ort"])


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
def test_a_file_reads_the_same_in_every_encoding(encoding: str) -> None:
    text = file(row("K-1")).decode()
    (invoice,) = read(text.encode(encoding), {}).invoices
    assert (invoice.name, invoice.cents, invoice.due_on) == (
        "Jürgen Groß",
        123456,
        date(2026, 12, 15),
    )


@pytest.mark.parametrize("ending", ["\r\n", "\n", "\r"])
def test_a_file_reads_the_same_with_every_line_ending(ending: str) -> None:
    text = file(row("K-1"), row("K-2")).decode().replace("\r\n", ending)
    assert [invoice.line for invoice in read(text.encode(), {}).invoices] == [2, 3]


@pytest.mark.parametrize(
    ("text", "amount"),
    [("4,50", 450), ("12.480,00", 1248000), ("1000", 100000), ("7,5", 750), ("1.000 €", 100000)],
)
def test_amounts_are_read_as_germans_write_them(text: str, amount: int) -> None:
    assert cents(text) == amount


@pytest.mark.parametrize(
    "text",
    [
        "148.50",
        "1,234.56",
        "1.23",
        "12,345",
        "1.2345,00",
        "-4,50",
        "0,00",
        "0.000,00",
        "00",
        "0 €",
        "vier",
        "١٢",
    ],
)
def test_an_amount_that_could_mean_something_else_is_refused(text: str) -> None:
    with pytest.raises(Unreadable):
        cents(text)


@given(st.integers(1, 99_999_999_999))
def test_every_amount_survives_being_written_and_read(amount: int) -> None:
    assert cents(sample.german(amount)) == amount


@pytest.mark.parametrize("text", ["31.02.2026", "2026-12-15", "15.12.26", "15/12/2026"])
def test_a_date_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(Unreadable):
        day(text)


PLAN = "15.05.2027 617,28 / 15.02.2027 617,28"


def with_plan(plan: str, least: str = "") -> bytes:
    return file(f"{row('K-1')};{plan};{least}").replace(
        HEADER.encode(), f"{HEADER};Raten;Teilzahlung ab".encode()
    )


def test_instalments_and_parts_are_read_in_the_order_of_their_days() -> None:
    (invoice,) = read(with_plan(PLAN, "25,00"), {}).invoices
    assert invoice.instalments == ((date(2027, 2, 15), 61_728), (date(2027, 5, 15), 61_728))
    assert invoice.parts_from_cents == 2_500


@pytest.mark.parametrize(
    ("plan", "reason"),
    [
        ("15.02.2027 617,28 / 15.05.2027 617,27", "instalments_sum"),
        ("15.02.2027 617,28 / 15.02.2027 617,28", "instalments"),
        ("15.02.2027", "instalments"),
        (f"{PLAN} /", "instalments"),
        ("31.02.2027 1.234,56", "date"),
        ("15.02.2027 1234.56", "amount"),
    ],
)
def test_a_plan_that_cannot_be_is_told(plan: str, reason: str) -> None:
    (refused,) = read(with_plan(plan), {}).refused
    assert (refused.column, refused.reason) == ("Raten", reason)


# fmt: off
@pytest.mark.parametrize(
    ("bad", "column", "reason"),
    [
        (row("K-2", amount="12.5"),      "Betrag",        "amount"),
        (row("K-2", amount="-3,00"),     "Betrag",        "amount_positive"),
        (row("K-2", due="31.11.2026"),   "Faellig",       "date"),
        (row("K-2", name=""),            "Name",          "missing"),
        (row("../K", amount="1,00"),     "Belegnummer",   "reference"),
        (row("K-1"),                     "Belegnummer",   "twice"),
        (row("K-2", kind="wish"),        "Art",           "kind"),
        (row("K-2", purpose="x" * 141),  "Zweck",         "too_long"),
        (row("K-2", purpose="a\x07b"),   "Zweck",         "characters"),
        (row("K-2") + ";one more",       "",              "cells"),
        (row("K-2", name='"open'),       "",              "quotes"),
        (row("K-2", name='"a"b'),        "",              "quotes"),
    ],
)
def test_a_bad_line_is_told_and_the_others_go_on(bad: str, column: str, reason: str) -> None:
    reading = read(file(row("K-1"), bad, row("K-9")), {"tax": "tax"})
    (refused,) = reading.refused
    assert (refused.line, refused.column, refused.reason) == (3, column, reason)
    assert [invoice.reference for invoice in reading.invoices] == ["K-1", "K-9"]
# fmt: on


def test_a_quoted_field_may_hold_semicolons_quotes_and_line_breaks() -> None:
    name = '"Firma ""Blitz""; Söhne\r\nGmbH"'
    reading = read(file(row("K-1", name=name), row("K-2", amount="1")), {})
    assert reading.invoices[0].name == 'Firma "Blitz"; Söhne GmbH'
    assert reading.invoices[1].line == 4  # a line of the file, as an editor counts


def test_a_missing_column_is_told_by_name_and_nothing_is_read() -> None:
    raw = file(row("K-1")).replace("Straße".encode(), b"Gasse")
    (refused,) = read(raw, {}).refused
    assert (refused.column, refused.reason) == ("Strasse", "column_missing")


def test_an_empty_file_is_told() -> None:
    assert read(b"", {}).refused[0].reason == "empty_file"


def test_words_of_the_town_become_kinds_of_the_portal() -> None:
    (invoice,) = read(file(row("K-1", kind="Gebühr")), {"Gebühr": "fee"}).invoices
    assert invoice.kind == "fee"


def test_the_sample_is_the_same_each_time_and_reads_without_a_refusal() -> None:
    invoices = sample.rows()
    assert invoices == sample.rows()
    reading = read(sample.as_bytes(invoices), {})
    amounts = [invoice.cents for invoice in reading.invoices]
    assert (len(amounts), min(amounts), max(amounts)) == (200, 450, 1_248_000)
    assert not reading.refused
    words = {word for invoice in reading.invoices for word in invoice.purpose.split()}
    assert max(map(len, words)) == 46


def in_language(word: str) -> Reading:
    header, *rows = file(row("K-1")).decode().split("\r\n")
    return read(f"{header};Sprache\r\n{rows[0]};{word}\r\n".encode(), {})


def test_the_debtors_language_is_one_of_the_portals_by_code_or_name() -> None:
    told = get_args(get_args(Asked.model_fields["language"].annotation)[0])
    assert {in_language(code).invoices[0].language for code in told} == set(told)
    for name, code in (("Deutsch", "de"), ("Ukrainisch", "uk"), ("Türkisch", "tr")):
        assert in_language(name).invoices[0].language == code
    assert in_language("tlh").refused[0].column == "Sprache"


def test_a_language_that_nobody_named_stays_unknown() -> None:
    assert in_language("").invoices[0].language == ""
    assert read(file(row("K-1")), {}).invoices[0].language == ""
