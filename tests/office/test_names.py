"""Purposes without the debtor's name."""

import pytest

from demo import sample
from office.names import without_names


# fmt: off
@pytest.mark.parametrize(
    ("purpose", "name", "told"),
    [
        ("Hort für Lena Müller",       "Jörg Müller",            "Hort für Lena …"),
        ("Grab MÜLLER-Lüdenscheidt",   "K. Müller-Lüdenscheidt", "Grab …"),
        ("Grab Lüdenscheidt",          "K. Müller-Lüdenscheidt", "Grab …"),
        ("Grab Mueller",               "Jörg Müller",            "Grab …"),
        ("Grab Müller",                "Joerg Mueller",          "Grab …"),
        ("Grab Mu\u0308ller",           "Jörg Müller",            "Grab …"),
        ("Grab Müller",                "Jo\u0308rg Mu\u0308ller",  "Grab …"),
        ("Fussenegger, FUSSENEGGER",   "Rüdiger Fußenegger",     "…, …"),
        ("Müllers Garage",             "Jörg Müller",            "… Garage"),
        ("Hans' Garage, Karl's Hof",   "Hans Karl",              "… Garage, … Hof"),
        ("Grab O'Neill, ONeill",       "Sean O’Neill",           "Grab …, …"),
        ("Grab O’Neills",              "Sean O'Neill",           "Grab …"),
        ("Hort für d'Aubigné",         "Maëlle d’Aubigne",       "Hort für …"),
        ("Schulgeld Ali Sarqawi",      "ʿAlī ibn Yūsuf aš-Šarqāwī", "Schulgeld … …"),
        ("Kind: Zolkiewski",           "Wojciech Żółkiewski",    "Kind: …"),
        ("Hort für Li, li",            "Wei Li",                 "Hort für …, li"),
        ("Збір, Їжакевич",             "Олена Їжакевич",         "Збір, …"),
        ("Miete Zimmer",               "Jo Zimmer",              "Miete …"),
        ("Müllabfuhr 2026",            "Jörg Müller",            "Müllabfuhr 2026"),
        ("Liter, Linie, Lied",         "Wei Li",                 "Liter, Linie, Lied"),
        ("Haus am Bach, Reise, Graben", "Jo Bache, Rei Grab",    "Haus am Bach, Reise, Graben"),
        ("Gebühr der Stadt und mehr",  "Stadt und Land GmbH",    "Gebühr der Stadt und mehr"),
    ],
)
def test_a_purpose_is_told_without_the_debtors_name(purpose: str, name: str, told: str) -> None:
    assert without_names(purpose, name) == told
# fmt: on


def test_the_second_name_line_names_people_and_spares_places() -> None:
    told = without_names("Betriebskosten, 3. Stock links, Grün", "Jo Weiß", "c/o Familie Grün")
    assert told == "Betriebskosten, 3. Stock links, …"
    told = without_names("Betriebskosten, 3. Stock links", "Jo Weiß", "Hinterhaus, 3. Stock links")
    assert told == "Betriebskosten, 3. Stock links"


def test_no_purpose_of_the_sample_loses_an_ordinary_word() -> None:
    rows = sample.rows()
    lines = {(row["Name"], row["Zusatz"]) for row in rows}
    for purpose in {row["Zweck"] for row in rows}:
        for name, addition in lines:
            assert without_names(purpose, name, addition) == purpose
