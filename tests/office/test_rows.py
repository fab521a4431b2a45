"""Characters and rows of the town's file: none is guessed, none is lost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from office.invoices import read
from office.rows import rows, text_of
from tests.office.test_invoices import HEADER, file, row

UTF_8_BOM = b"\xef\xbb\xbf"


@pytest.mark.parametrize("bom", [b"", UTF_8_BOM])
def test_one_bad_byte_spoils_its_line_and_no_other(bom: bytes) -> None:
    good, bad = row("K-1", name="Jörg Groß"), row("K-2", name="Jörg X")
    raw = bom + file(good, bad, row("K-3")).replace("Jörg X".encode(), b"J\xf6rg X")
    reading = read(raw, {})
    assert [(r.line, r.reason) for r in reading.refused] == [(3, "characters")]
    assert [invoice.name for invoice in reading.invoices] == ["Jörg Groß", "Jürgen Groß"]


def test_a_bad_byte_in_the_header_refuses_the_file() -> None:
    raw = UTF_8_BOM + file(row("K-1")).replace("Fällig".encode(), b"F\xe4llig")
    assert read(raw, {}).refused[0].reason == "characters"


def test_a_file_in_cp1252_is_still_one() -> None:
    (invoice,) = read(file(row("K-1", name="„Größe“ – 5 €")).decode().encode("cp1252"), {}).invoices
    assert invoice.name == "„Größe“ – 5 €"


@pytest.mark.parametrize(
    "name",
    [
        "Groß\u00a0Meier",
        "„Straß“ Groß",
        "Weiß“",
        "Weiß\u00a0Weiß\u00a0Weiß\u00a0",
        "Bö“\u00a0",
        "Café“\u00a0",
        "Mąka",
        "Đorđe",
        "کریم",
        "陳大文",
        "Οδός",
        "Київ",
    ],
)
def test_no_pair_of_bytes_decides_what_the_file_is(name: str) -> None:
    for encoding in ("utf-8", "cp1252"):
        try:
            raw = name.encode(encoding)
        except UnicodeEncodeError:
            continue
        assert text_of(raw) == name, encoding


WORDS = st.from_regex(r"[A-Za-zÄÖÜäöüß]{0,6}[a-zöüßäÖÜ]", fullmatch=True)
QUOTED = WORDS.map(lambda word: f"„{word}“") | WORDS.map(lambda word: f"»{word}«") | WORDS
BETWEEN = st.sampled_from([" ", "\u00a0", " – ", "… ", " 5\u00a0€ ", ", § 5\u00a0", "’s "])


@given(st.lists(st.tuples(QUOTED, BETWEEN), max_size=12))
def test_german_text_comes_out_as_it_went_in(parts: list[tuple[str, str]]) -> None:
    text = "".join(map("".join, parts))
    assert text_of(text.encode()) == text
    assert text_of(text.encode("cp1252")) == text
    assert text_of(UTF_8_BOM + text.encode()) == text


@pytest.mark.parametrize("again", ["Betrag", "betrag", "Faellig", "BELEGNUMMER"])
def test_a_column_that_stands_twice_refuses_the_file(again: str) -> None:
    lines = file(row("K-1")).decode().split("\r\n")
    raw = f"{lines[0]};{again}\r\n{lines[1]};9,99".encode()
    (refused,) = read(raw, {}).refused
    assert (refused.column.casefold(), refused.reason) == (again.casefold(), "column_twice")


def test_a_stray_quote_swallows_no_row() -> None:
    last = "Ort"
    first, second = row("K-1").removesuffix(last), row("K-2").removesuffix(last)
    raw = file(f'{first}"{last}', f'{second}{last}"', row("K-3"))
    reading = read(raw, {})
    assert [(r.line, r.reason) for r in reading.refused] == [(2, "quotes"), (3, "quotes")] or [
        (r.line, r.reason) for r in reading.refused
    ] == [(2, "quotes")]
    told = {r.line for r in reading.refused} | {i.line for i in reading.invoices}
    assert told == {2, 3, 4}


def test_a_stray_quote_over_three_rows_swallows_none() -> None:
    raw = file(row("K-1", name='"A'), row("K-2"), row("K-3", name='B"'), row("K-4"))
    reading = read(raw, {})
    told = {r.line for r in reading.refused} | {i.line for i in reading.invoices}
    assert told == {2, 3, 4, 5}
    assert {i.reference for i in reading.invoices} >= {"K-2", "K-4"}


@given(st.lists(st.text(alphabet='ab";\n', max_size=12), min_size=1, max_size=8))
def test_every_physical_row_is_accounted_for(lines: list[str]) -> None:
    text = "\n".join([HEADER, *lines])
    physical = text.split("\n")
    found = list(rows(text))
    starts = [found_row.line for found_row in found]
    assert starts == sorted(set(starts))
    for at, line in enumerate(physical, 1):
        if not line.strip('"; ') and at not in starts:
            continue
        inside = [one for one in found if one.line <= at]
        assert inside, line
        # A line that starts no row of its own is a line break inside a field that was read.
        assert at in starts or (inside[-1].reason == "" and at - inside[-1].line < 5)
