"""Files of settlement reports, read by a mapping: strictly, whole, and nothing is guessed."""

from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.money import Money
from portal.settlements import file_mapping, reports, rows
from portal.settlements.cells import BadCell, amount
from portal.settlements.file_mapping import BadMapping, Form, Mapping
from portal.settlements.rows import Reading
from tests.town.files import HEAD

NOW = datetime.fromisoformat("2026-11-20T02:30:00+00:00")
PLAIN = """
title = "Plain"
[form]
decimal = "."
delimiter = ","
date = "%Y-%m-%d"
[columns]
provider_reference = "id"
gross = "gross"
fee = "fee"
[fixed]
kind = "payment"
currency = "EUR"
settlement = "s1"
"""
PLAIN_FILE = "id,gross,fee\nf-1,10.00,0.25\nf-2,20.00,0.25\n"

ROWS = (
    "s1;m-card;20.11.2026;Zahlung;;f-1;;100,00;0,35;99,65;EUR",
    "s1;m-card;20.11.2026;Erstattung;;f-1;r-1;-1.020,00;0,00;-1.020,00;EUR",
    "s1;m-card;20.11.2026;Entgelt;;;monthly;;12,00;-12,00;EUR",
    "s1;m-card;20.11.2026;Einbehalt;;;hold-1;-10,00;0,00;-10,00;EUR",
)
TRAILER = "Summe;;;4;;;;-930,00;12,35;-942,35;"


def generic(*rows: str, trailer: str = TRAILER, head: str = HEAD) -> bytes:
    return "\r\n".join([head, *(rows or ROWS), trailer, ""]).encode()


def read(content: bytes | str, mapping: Mapping | str = PLAIN, **told: Any) -> Reading:
    made = file_mapping.read(mapping) if isinstance(mapping, str) else mapping
    raw = content.encode() if isinstance(content, str) else content
    return rows.read(raw, made, **told)


def shipped() -> Mapping:
    return file_mapping.load("generic")


def faults(content: bytes | str, mapping: Mapping | str = PLAIN) -> list[tuple[int, str]]:
    reading = read(content, mapping)
    return [(fault.line, fault.reason) for fault in reading.faults]


def with_form(**changed: Any) -> Mapping:
    plain = file_mapping.read(PLAIN)
    return plain.model_copy(update={"form": plain.form.model_copy(update=changed)})


def test_a_plain_file_is_read() -> None:
    rows = read(PLAIN_FILE).rows
    assert [(row.number, row.settlement, row.line.gross, row.line.fee) for row in rows] == [
        (2, "s1", Money(1_000), Money(25)), (3, "s1", Money(2_000), Money(25)),
    ]  # fmt: skip


def test_the_shipped_mapping_reads_every_kind_of_line() -> None:
    lines = [row.line for row in read(generic(), shipped()).rows]
    told = [
        (each.kind, each.provider_reference, each.gross.cents, each.fee.cents) for each in lines
    ]
    assert told == [
        ("payment", "f-1", 10_000, 35),
        ("refund", "r-1", -102_000, 0),
        ("fee", "monthly", 0, 1_200),
        ("reserve", "hold-1", -1_000, 0),
    ]


@pytest.mark.parametrize("name", file_mapping.shipped())
def test_every_shipped_mapping_is_a_mapping(name: str) -> None:
    assert file_mapping.load(name).title


def test_a_file_in_cp1252_and_one_with_a_byte_order_mark_are_read() -> None:
    text = generic().decode()
    made = shipped()
    old = made.model_copy(update={"form": made.form.model_copy(update={"encoding": "cp1252"})})
    assert len(read(text.encode("cp1252"), old).rows) == 4
    assert len(read(text.encode("utf-8-sig"), made).rows) == 4
    assert faults(text.encode("cp1252"), made) == [(1, "holds what is not utf-8")]


def test_the_closing_row_must_be_there_for_the_file_may_be_cut() -> None:
    cut = b"\r\n".join(generic().split(b"\r\n")[:-2]) + b"\r\n"
    assert faults(cut, shipped()) == [(0, "has no closing row “Summe”: it is not whole")]


@pytest.mark.parametrize(
    ("trailer", "what"),
    [
        ("Summe;;;3;;;;-930,00;12,35;-942,35;", "count: says 3, but the rows make another sum"),
        ("Summe;;;4;;;;-930,01;12,35;-942,35;", "gross: says -930,01, but the rows make another"
                                                " sum"),
        ("Summe;;;4;;;;-930,00;12,36;-942,35;", "fee: says 12,36, but the rows make another sum"),
        ("Summe;;;4;;;;-930,00;12,35;942,35;", "net: says 942,35, but the rows make another sum"),
        ("Summe;;;4;;;;-930,00;12,35", "net: “” is no amount as the mapping writes them"),
    ],
)  # fmt: skip
def test_totals_that_do_not_agree_are_told(trailer: str, what: str) -> None:
    assert faults(generic(trailer=trailer), shipped()) == [(6, what)]


BAD_ROWS = {
    "has 10 fields, not 11": "s1;m-card;20.11.2026;Zahlung;;f-1;;100,00;0,35;99,65",
    "has 12 fields, not 11": "s1;m-card;20.11.2026;Zahlung;;f-1;;100,00;0,35;99,65;EUR;x",
    "kind: “Storno” is no word of the mapping": (
        "s1;m-card;20.11.2026;Storno;;f-1;;100,00;0,35;99,65;EUR"
    ),
    "gross: “100.00” is no amount as the mapping writes them": (
        "s1;m-card;20.11.2026;Zahlung;;f-1;;100.00;0,35;99,65;EUR"
    ),
    "gross: “1.00,00” is no amount as the mapping writes them": (
        "s1;m-card;20.11.2026;Zahlung;;f-1;;1.00,00;0,35;99,65;EUR"
    ),
    "net: is not gross less fee": "s1;m-card;20.11.2026;Zahlung;;f-1;;100,00;0,35;99,66;EUR",
    "gross: a payment is above zero": "s1;m-card;20.11.2026;Zahlung;;f-1;;-1,00;0,00;-1,00;EUR",
    "gross: is nothing": "s1;m-card;20.11.2026;Zahlung;;f-1;;0,00;0,00;0,00;EUR",
    "gross: is missing": "s1;m-card;20.11.2026;Zahlung;;f-1;;;;;EUR",
    "fee: a pay-out has none; it is a row of its own": (
        "s1;m-card;20.11.2026;Auszahlung;;;;-1,00;0,10;-1,10;EUR"
    ),
    "currency: is no code of three letters": (
        "s1;m-card;20.11.2026;Zahlung;;f-1;;100,00;0,35;99,65;€"
    ),
    "made: “2026-11-20” is not written as %d.%m.%Y": (
        "s1;m-card;2026-11-20;Zahlung;;f-1;;100,00;0,35;99,65;EUR"
    ),
    "settlement: is missing, or not 1 to 64 visible signs without a slash": (
        "s/1;m-card;20.11.2026;Zahlung;;f-1;;100,00;0,35;99,65;EUR"
    ),
    "provider_reference: holds an e-mail address": (
        "s1;m-card;20.11.2026;Zahlung;;f-1;anna@example.org;100,00;0,35;99,65;EUR"
    ),
    "provider_reference: is not 1 to 128 visible signs": (
        "s1;m-card;20.11.2026;Zahlung;;f-1;f\t1;100,00;0,35;99,65;EUR"
    ),
}


@pytest.mark.parametrize(("reason", "row"), BAD_ROWS.items(), ids=BAD_ROWS)
def test_a_bad_row_is_told_by_line_and_reason(reason: str, row: str) -> None:
    assert faults(generic(ROWS[1], row, ROWS[2]), shipped()) == [(3, reason)]


def test_all_bad_rows_are_told_and_no_total_before_they_are_mended() -> None:
    found = faults(generic(ROWS[0], ROWS[0].replace("EUR", "e"), "a;b", trailer=TRAILER), shipped())
    assert [line for line, _ in found] == [3, 4]


def test_a_line_that_stands_there_twice_is_told() -> None:
    twice = PLAIN_FILE + "f-1,10.00,0.25\n"
    assert faults(twice) == [(4, "stands there twice")]


def test_a_payment_may_have_two_refunds_in_one_report() -> None:
    mapping = PLAIN.replace('provider_reference = "id"', 'payment = "id"\nrefund = "re"')
    mapping = mapping.replace('kind = "payment"', 'kind = "refund"')
    rows = "id,re,gross,fee\nf-1,re-1,-10.00,0.00\nf-1,re-2,-10.00,0.00\n"
    assert len(read(rows, mapping).rows) == 2
    assert faults(rows + "f-1,re-2,-10.00,0.00\n", mapping) == [(4, "stands there twice")]


def test_a_reversal_and_its_win_may_stand_in_one_report() -> None:
    mapping = PLAIN.replace('kind = "payment"', 'kind = "reversal"')
    assert len(read("id,gross,fee\ncb-1,-10.00,15.00\ncb-1,10.00,0.00\n", mapping).rows) == 2


def test_two_currencies_in_one_report_are_told() -> None:
    mapping = PLAIN.replace('fee = "fee"', 'currency = "fee"')
    found = faults("id,gross,fee\nf-1,10.00,EUR\nf-2,10.00,PLN\n", mapping)
    assert found == [(3, "is of another currency than its report")]


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ("", (0, "has no rows")),
        ("id,gross,fee\n", (0, "has no rows")),
        ("id,gross\nf-1,1.00\n", (1, "has no column “fee”")),
        ("id,gross,fee,fee\nf-1,1.00,0.00,0.00\n", (1, "has twice the column “fee”")),
        ('id,gross,fee\n"f-1,1.00,0.00\n', (2, "cannot be read: unexpected end of data")),
        ("id,gross,fee\nf-1,1.00,\0\n", (2, "holds a NUL")),
    ],
)
def test_a_file_that_is_none_is_told(content: str, fault: tuple[int, str]) -> None:
    assert fault in faults(content)


def test_a_file_that_is_too_large_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "MOST_BYTES", 10)
    assert faults(PLAIN_FILE) == [(0, "has more than 0 MiB")]


def test_amounts_without_a_sign_get_it_from_their_word() -> None:
    mapping = PLAIN.replace('kind = "payment"', "").replace('fee = "fee"', 'kind = "fee"') + (
        '[signs]\ngross = "unsigned"\n[kinds]\nS = "payment"\nR = "refund"\nRB = "refund_back"\n'
        'H = "reserve"\nHR = "reserve_released"\nF = "fee"\nFB = "fee_back"\n'
    )
    words = ("S", "R", "RB", "H", "HR", "F", "FB")
    file = "id,gross,fee\n" + "".join(f"x-{word},1.00,{word}\n" for word in words)
    told = [(row.line.gross.cents, row.line.fee.cents) for row in read(file, mapping).rows]
    assert told == [(100, 0), (-100, 0), (100, 0), (-100, 0), (100, 0), (0, 100), (0, -100)]
    assert faults("id,gross,fee\nf-1,-1.00,S\n", mapping) == [
        (2, "gross: is below zero, but amounts bear no sign")
    ]


def test_a_fee_below_zero_may_be_what_is_charged() -> None:
    mapping = PLAIN + '[signs]\nfee = "negative"\n'
    assert read("id,gross,fee\nf-1,10.00,-0.25\n", mapping).rows[0].line.fee == Money(25)


def test_net_alone_and_a_fee_are_enough() -> None:
    mapping = PLAIN.replace('gross = "gross"', 'net = "gross"')
    line = read("id,gross,fee\nf-1,9.75,0.25\n", mapping).rows[0].line
    assert (line.gross, line.fee) == (Money(1_000), Money(25))


def test_gross_and_net_are_enough() -> None:
    mapping = PLAIN.replace('fee = "fee"', 'net = "fee"')
    line = read("id,gross,fee\nf-1,10.00,9.75\n", mapping).rows[0].line
    assert (line.gross, line.fee) == (Money(1_000), Money(25))


def test_columns_may_be_numbers_and_lines_before_are_left_out() -> None:
    mapping = """
        title = "Numbers"
        form = {decimal = "", delimiter = "|", names = false, lines_before = 1}
        columns = {provider_reference = 2, gross = 3}
        fixed = {kind = "payment", currency = "EUR"}
        [[control]]
        place = "first"
        word = "H"
        merchant = 2
        settlement = 3
        made = 4
        [[control]]
        place = "last"
        word = "T"
        count = 2
        gross = 3
    """
    reading = read("H|m-card|s9|20.11.2026\nD|f-1|1000\nD|f-2|2050\nT|2|3050\n", mapping)
    assert reading.faults == []
    (told,) = reports.of(reading, NOW)
    assert (told.report.settlement, told.report.merchant) == ("s9", "m-card")
    assert (told.report.made_at.isoformat()[:10], told.report.net) == ("2026-11-20", Money(3_050))
    assert told.numbers == (2, 3)


def test_the_pay_outs_own_row_says_the_net() -> None:
    rows = (ROWS[0], "s1;m-card;20.11.2026;Auszahlung;;;;-99,60;;;EUR")
    trailer = "Summe;;;2;;;;100,00;0,35;99,65;"
    (told,) = reports.of(read(generic(*rows, trailer=trailer), shipped()), NOW)
    assert (told.report.net, len(told.report.lines)) == (Money(9_960), 1)


def test_a_file_may_hold_several_reports_and_names_one_if_it_names_none() -> None:
    rows = (ROWS[0], ROWS[0].replace("s1;", "s2;"))
    trailer = "Summe;;;2;;;;200,00;0,70;199,30;"
    told = reports.of(read(generic(*rows, trailer=trailer), shipped()), NOW)
    assert [each.report.settlement for each in told] == ["s1", "s2"]
    nameless = PLAIN.replace('settlement = "s1"', "")
    assert faults(PLAIN_FILE, nameless)[0][1].startswith("settlement: is missing")
    assert read(PLAIN_FILE, nameless, settlement="s7").rows[0].settlement == "s7"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("title", "titel"), "title: Field required."),
        (('decimal = "."', 'decimal = "."\nthousands = "."'), "the thousands sign are the same"),
        (('kind = "payment"', ""), "kind is needed"),
        (('currency = "EUR"', ""), "currency is needed"),
        (('gross = "gross"', ""), "gross or net is needed"),
        (('delimiter = ","', 'names = false'), "numbers are needed"),
        (('date = "%Y-%m-%d"', 'date = "%Q"'), "date is no form of a date"),
        (("[form]", "[form"), "The mapping is no TOML"),
    ],
)  # fmt: skip
def test_a_bad_mapping_is_told_by_its_setting(change: tuple[str, str], message: str) -> None:
    with pytest.raises(BadMapping, match=message):
        file_mapping.read(PLAIN.replace(*change, 1))


def test_a_mapping_that_is_not_there_names_those_that_are() -> None:
    with pytest.raises(BadMapping, match="generic"):
        file_mapping.load("nowhere")


@given(
    st.integers(-(10**11), 10**11),
    st.sampled_from([(",", "."), (",", ""), (".", ","), (".", "'"), (",", " ")]),
    st.booleans(),
)
def test_an_amount_is_read_as_it_was_written(
    cents: int, signs: tuple[str, str], behind: bool
) -> None:
    decimal, thousands = signs
    whole, rest = divmod(abs(cents), 100)
    text = f"{whole:,}".replace(",", thousands) + decimal + f"{rest:02}"
    minus = "-" if cents < 0 else ""
    written = text + minus if behind else minus + text
    assert amount("x", written, Form(decimal=decimal, thousands=thousands)) == cents


@given(st.text(max_size=20))
def test_no_text_is_guessed_to_be_an_amount(text: str) -> None:
    try:
        cents = amount("x", text, Form())
    except BadCell:
        return
    assert any(sign.isdigit() for sign in text)
    assert f"{abs(cents) % 100:02}" in text.replace("+", "")


@given(st.binary(max_size=300))
def test_whatever_bytes_come_nothing_breaks(content: bytes) -> None:
    for mapping in (shipped(), with_form(encoding="cp1252")):
        reading = rows.read(content, mapping)
        assert reading.faults or reading.rows
