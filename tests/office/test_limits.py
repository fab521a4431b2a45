"""Letters at every limit that the town and its file may reach: nothing is cut, nothing overlaps."""

import itertools
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask

from demo import sample
from office import invoices, town
from office.fitting import ADDRESS
from office.importing import claim_of
from office.letters import AddressTooLong, address_size, letter
from office.models import Claim, Debtor, Link
from office.printing import LETTER_CSS
from portal import clock, pdf
from portal.errors import Invalid
from tests.office import fake_portal
from tests.office.conftest import TOWN

ONLINE_ENDS = 164.5 + 43 - 1  # mm: the frame around the QR code and its text
WAYS_END = 238 + 38.5 - 0.3  # mm: the frame around account and EPC code
EPC_BEGINS = 153  # mm from the left: the quiet zone of the EPC code
PX = 96 / 25.4  # CSS pixels a millimetre
APART = (
    ("head", "sender"), ("head", "info"), ("info", "main"), ("sender", "to"), ("window", "main"),
    ("main", "closing"), ("closing", "online"), ("online", "secret"), ("tan", "ways"),
    ("secret", "ways"), ("ways", "footer"),
)  # fmt: skip
# Words as wide as they get, as Germans write them, and a text without any blank.
FILLINGS = ("Wohnungsmangelverwaltung ", "MÜNCHNER WEG ", "Straße am Mühlbach, ", "W", "1", "W-")


def filled(most: int, filling: str) -> str:
    text = (filling * most)[:most]
    return text[:-1] + "x" if text.endswith(" ") else text


def boxes(html: str) -> dict[str, tuple[float, float, float, float]]:
    """Where each named box of a one-page letter stands: left, top, right, bottom in mm."""
    document = pdf.lay_out(html, stylesheets=[LETTER_CSS])
    (page,) = document.pages
    return dict(_boxes(page._page_box))


def _boxes(box: Any) -> Iterator[tuple[str, tuple[float, float, float, float]]]:
    element = getattr(box, "element", None)
    if element is not None and box.element_tag in {element.tag}:
        plain = element.tag in {"main", "footer"}
        name = element.tag if plain else (element.get("class") or element.tag).split()[0]
        yield name, _extent(box)
    for child in getattr(box, "all_children", lambda: ())():
        yield from _boxes(child)


def _extent(box: Any) -> tuple[float, float, float, float]:
    """The box with all that is in it: what overflows counts."""
    around = [
        (one.position_x, one.position_y, one.position_x + one.width, one.position_y + one.height)
        for one in _with_content(box)
        if isinstance(one.width, int | float) and isinstance(one.height, int | float)
    ]
    left, top, right, bottom = zip(*around, strict=True)
    return min(left) / PX, min(top) / PX, max(right) / PX, max(bottom) / PX


def _with_content(box: Any) -> Iterator[Any]:
    if hasattr(box, "width"):
        yield box
    for child in getattr(box, "all_children", lambda: ())():
        yield from _with_content(child)


def a_claim(**cells: str) -> Claim:
    days = {"Zahlbar bis": "30.09.2026", "Faellig": "30.09.2026"}
    whole = {"Raten": "", "Teilzahlung ab": ""}
    row = {**sample.rows(3)[2], **days, **whole, **cells}
    (invoice,) = invoices.read(sample.as_bytes([row]), {}).invoices
    claim = Claim(**claim_of(invoice, 0), cleared_cents=0)
    claim.debtor = Debtor(identity="x", **invoices.address_of(invoice))
    told = fake_portal.link(invoice.reference)
    tan = fake_portal.tan(invoice.reference) if invoice.wants_tan else None
    claim.link = Link(
        url=told["url"], qr=told["qr"], short_code=told["short_code"], tan=tan,
        state="open", open_cents=claim.cents,
    )  # fmt: skip
    return claim


def a_town(filling: str) -> town.Facts:
    """A town whose every fact is as long as it may be, but for the return line."""
    told = town.read(TOWN.read_bytes()).model_dump()
    # The return line takes the name, the street and the city: these share its room.
    most = {"office": 50, "phone": 30, "hours": 80, "cash_desk_hours": 80, "email": 60, "bank": 50,
            "account_holder": 60, "name": 60, "bic": 11}  # fmt: skip
    for field, length in most.items():
        told[field] = filled(length, filling)
    while True:
        try:
            return town.Facts.model_validate(told)
        except ValueError:
            told["name"] = told["name"][:-2].rstrip()


def longest(filling: str, language: str, tan: str) -> Claim:
    """An invoice whose every text is as long as it may be."""
    return a_claim(
        Belegnummer="W" * 64, Kassenzeichen=filled(35, filling), Amt=filled(40, filling),
        Zweck=filled(140, filling), Betrag="999.999.999,99", Sprache=language, TAN=tan,
    )  # fmt: skip


@pytest.mark.parametrize("filling", FILLINGS)
@pytest.mark.parametrize("part_is_paid", [False, True])
@pytest.mark.parametrize(("language", "tan"), [("de", "ja"), ("en", "ja"), ("de", "nein")])
def test_at_every_limit_nothing_overlaps_and_nothing_leaves_the_page(
    office: Flask, filling: str, language: str, tan: str, part_is_paid: bool
) -> None:
    claim = longest(filling, language, tan)
    if part_is_paid and claim.link:
        claim.link.open_cents -= 1
    html = letter(claim, a_town(filling), clock.today("Europe/Berlin"))
    found = boxes(html)
    for upper, lower in APART:
        if upper == "tan" and tan == "nein":
            continue
        assert found[upper][3] <= found[lower][1] + 0.3, (upper, lower, found)
    assert found["footer"][3] <= 294
    assert found["to"][3] <= 90.2
    assert found["until"][3] <= ONLINE_ENDS
    assert found["table"][3] <= WAYS_END
    assert found["table"][2] <= EPC_BEGINS
    for name in ("head", "info", "main", "online", "ways", "secret", "closing", "footer"):
        assert found[name][2] <= 200.3, name


@pytest.mark.parametrize(
    "host", ["p.de", "bezahlen.verwaltungsgemeinschaft-musterhausen.example:8443"]
)
def test_a_long_host_stays_in_its_frame(office: Flask, host: str) -> None:
    claim, facts = a_claim(), town.read(TOWN.read_bytes())
    claim.link.url = claim.link.url.replace(fake_portal.HOST, host)
    found = boxes(letter(claim, facts, clock.today("Europe/Berlin")))
    assert found["until"][3] <= ONLINE_ENDS


# fmt: off
@pytest.mark.parametrize(
    ("cells", "points"),
    [
        ({},                                                                       10.5),
        ({"Name": "Wohnungsgenossenschaft Nördliche Aue und Östliches Ufer eG",
          "Zusatz": "Abteilung Betriebskosten und Instandhaltung der Gebäude",
          "Strasse": "Bürgermeister-Löffelholz-Straße 148b, Hinterhaus, 3. Stock",
          "Ort": "Musterhausen-Überaue", "Land": ""},                                   9),
        ({"Name": "Wohnungsgenossenschaft Nördliche Aue und Östliches Ufer eG",
          "Zusatz": "Abteilung Betriebskosten und Instandhaltung der Gebäude",
          "Strasse": "Bürgermeister-Löffelholz-Straße 148b, Hinterhaus, 3. Stock",
          "Ort": "Bad Muster an der Ähre und am Oberen Moos, OT Aue",
          "Land": "Vereinigtes Königreich Großbritannien, NI"},                           8),
    ],
)
def test_a_long_address_is_set_smaller_and_never_cut(
    office: Flask, cells: dict[str, str], points: float
) -> None:
    claim = a_claim(**{"Land": "", **{k: v[:60] for k, v in cells.items()} | (
        {"Ort": cells["Ort"][:45], "Land": cells["Land"][:40]} if cells else {})})
    assert address_size(claim).points == points
    found = boxes(letter(claim, town.read(TOWN.read_bytes()), clock.today("Europe/Berlin")))
    assert found["to"][1] >= 62
    assert found["to"][3] <= 90.2
# fmt: on


def test_every_address_fits_as_it_was_measured_or_is_refused(office: Flask) -> None:
    facts, today = town.read(TOWN.read_bytes()), clock.today("Europe/Berlin")
    sizes = set()
    for filling, parts in itertools.product(FILLINGS, (20, 35, 45, 60)):
        cells = {name: filled(parts, filling) for name in ("Name", "Zusatz", "Strasse")}
        cells |= {"Ort": filled(min(parts, 45), filling), "Land": filled(min(parts, 40), filling)}
        claim = a_claim(**cells)
        try:
            sizes.add(address_size(claim).points)
        except AddressTooLong:
            sizes.add(0)
            continue
        found = boxes(letter(claim, facts, today))
        assert found["to"][3] <= 90.2, cells
        assert found["to"][2] <= 105.2, cells
    assert sizes == {0, *(size.points for size in ADDRESS)}


# fmt: off
@pytest.mark.parametrize(
    ("field", "value"),
    [("name", "W" * 61), ("phone", "1" * 31), ("hours", "x" * 81), ("bank", "x" * 51),
     ("city", "W" * 41), ("postcode", ""), ("time_zone", "Europe/Atlantis"), ("office", "a\\u0007"),
     ("language", "xx"), ("email", "x" * 61)],
)
def test_a_town_whose_facts_have_no_room_is_refused(field: str, value: str) -> None:
    told = TOWN.read_text("utf-8").splitlines()
    kept = [line for line in told if not line.startswith(f"{field} =")]
    with pytest.raises(Invalid, match=field):
        town.read("\n".join([f'{field} = "{value}"', *kept]).encode())
# fmt: on


def test_a_return_line_that_does_not_fit_is_refused() -> None:
    told = TOWN.read_text("utf-8").replace("Rathausplatz 1", "W" * 50)
    with pytest.raises(Invalid):
        town.read(told.replace('"Stadt Musterhausen"', f'"{"W" * 60}"', 1).encode())


def test_what_the_town_wrote_is_marked_in_a_letter_of_another_language(office: Flask) -> None:
    facts, today = town.read(TOWN.read_bytes()), clock.today("Europe/Berlin")
    english, german = (letter(a_claim(Sprache=code), facts, today) for code in ("en", "de"))
    purpose = sample.rows(3)[2]["Zweck"]
    assert f'<span lang="de">{purpose}</span>' in english
    assert f'<span lang="de">{facts.hours}</span>' in english
    assert 'lang="de">' not in german.replace('<html lang="de">', "")
