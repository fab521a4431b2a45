"""Invoices of Musterhausen, a town of 25,000 that does not exist.

The same seed gives the same file on every machine::

    python -m demo.sample --out invoices.csv

Nobody in it exists. A third of the names and some addresses are foreign, some purposes are as
long as German ones get, amounts go from 4.50 to 12,480.00 EUR.
"""

import argparse
import csv
import io
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

COUNT = 200
SEED = 25_000
DAY = date(2026, 11, 21)
# fmt: off
HEADER = (
    "Belegnummer", "Kassenzeichen", "Art", "Zweck", "Betrag", "Datum", "Faellig", "Zahlbar bis",
    "Raten", "Teilzahlung ab", "Name", "Zusatz", "Strasse", "PLZ", "Ort", "Land", "Personenkonto",
    "Amt", "TAN", "Sprache",
)
# fmt: on

# art, share in %, least and most cents, step in cents, unit, purposes; {…} is filled by _filled
# fmt: off
KINDS: Sequence[tuple[str, int, int, int, int, str, Sequence[str]]] = (
    ("Steuer", 32, 2_850, 1_248_000, 1, "Steueramt", (
        "Grundsteuer B, {quarter}. Quartal {year}, Objekt {plot}",
        "Gewerbesteuer-Vorauszahlung, {quarter}. Quartal {year}",
        "Hundesteuer {year}, ein Hund",
        "Zweitwohnungsteuer {year}, Objekt {plot}",
        "Fremdenverkehrsbeitragsvorauszahlungsforderung {year}",
        "Grundsteuer A {year}, land- und forstwirtschaftliche Flächen, Gemarkung Oberes Moos",
    )),
    ("Gebühr", 28, 1_200, 185_000, 5, "Bauhof und Entwässerung", (
        "Abfallgebühren {year}, Restmüllbehälter 120 Liter, vierzehntägliche Leerung",
        "Straßenreinigungsgebühr {year}, Objekt {plot}",
        "Schmutz- und Niederschlagswassergebühren {year}, Vorauszahlung {quarter}. Quartal",
        "Sondernutzungsgebühr für Tische und Stühle auf dem Gehweg vor dem Gebäude {place}, "
        "1. April bis 31. Oktober",
        "Verwaltungsgebühr für die Baugenehmigung, Errichtung einer Doppelgarage",
        "Friedhofsgebühren, Verlängerung des Nutzungsrechts um zehn Jahre",
    )),
    ("Verwarnung", 12, 1_000, 5_500, 500, "Ordnungsamt", (
        "Verwarnungsgeld, Parken ohne Parkschein, {place}",
        "Verwarnungsgeld, Überschreiten der zulässigen Höchstgeschwindigkeit um 9 km/h",
    )),
    ("Bußgeld", 7, 7_350, 42_850, 50, "Ordnungsamt", (
        "Bußgeld einschließlich Gebühr und Auslagen, Verstoß gegen die Straßenverkehrs-Ordnung",
        "Bußgeld, unerlaubtes Ablagern von Sperrmüll am Waldrand",
    )),
    ("Mahnung", 8, 3_350, 96_000, 1, "Stadtkasse", (
        "Mahnung: Grundsteuer B {year}, {quarter}. Quartal, mit Mahngebühr und Säumniszuschlag",
        "Mahnung: Abfallgebühren {year}, mit Mahngebühr",
    )),
    ("Bescheinigung", 6, 450, 3_900, 50, "Bürgerbüro", (
        "Meldebescheinigung",
        "Beglaubigung von drei Abschriften",
        "Führungszeugnis und Auskunft aus dem Gewerbezentralregister",
    )),
    ("Betreuung", 7, 4_200, 41_300, 100, "Jugend und Soziales", (
        "Kinderbetreuungsgebühr {month} {year}, Kindertagesstätte Am Bach, mit Mittagessen",
        "Elternbeitrag Offene Ganztagsschule, {month} {year}",
    )),
)

GERMAN = (
    "Jürgen Großmann", "Änne Weiß", "Käthe Müller-Lüdenscheidt", "Hans-Joachim Öztürk-Schäfer",
    "Sigrid von der Heyden-Brückner", "Uwe Küßner", "Björn Schröder", "Heike Günther",
    "Lieselotte Knäpper", "Rüdiger Fußenegger", "Friedhelm Ößwein", "Dr. Ulrike Bär",
    "Ottokar Zwölfer", "Gisela Mühlbauer", "Karl-Heinz Straußberger",
)
FOREIGN = (
    "Wojciech Żółkiewski", "Małgorzata Święcicka", "Zbigniew Dąbrówka-Łęcki",
    "Ayşe Yıldırım", "İbrahim Çağlayan", "Gülşen Şimşekoğlu",
    "Олена Їжакевич", "Сергій Ґалаґан", "Anastasiia Shevchuk-Kovalenko",
    "Øyvind Bjørnstad", "Åse Kjærgård", "Sigbjørn Hårfagre Næss",
    "Abd ar-Rahman al-Hasani", "ʿAlī ibn Yūsuf aš-Šarqāwī", "Fatima az-Zahra Bennani",
    "François Lefèvre-Dœuff", "Maëlle d’Aubigné", "Hélène Çoïdart",
)
COMPANIES = (
    ("Bäckerei Krümel & Söhne OHG", "z. Hd. der Buchhaltung"),
    ("Zum Güldenen Löwen Gastronomie GmbH", ""),
    ("Müßig Gebäudereinigung UG (haftungsbeschränkt)", ""), ("Obsthof am Überlauf GbR", ""),
    ("Wohnungsgenossenschaft Nördliche Aue eG", "Abteilung Betriebskosten"),
    ("Café Crème & Torte e. K.", ""), ("Żabka Import-Export sp. z o.o.", "Dział księgowości"),
)
STREETS = (
    "Hauptstraße", "Am Mühlbach", "Lindenallee", "Straße der Einheit", "Große Bäckergasse",
    "An der Überfuhr", "Bürgermeister-Löffelholz-Straße", "Zwölf-Apostel-Platz", "Öhringer Weg",
    "Fährsteg", "Kleine Wiese",
)
# Nobody lives there.
PLACES = ("Marktplatz", "Bahnhofsvorplatz", "Uferpromenade am Stadthafen", "Rosengarten")
VILLAGES = (
    ("09999", "Musterhausen"), ("09999", "Musterhausen"),
    ("09998", "Musterhausen-Überaue"), ("09997", "Bad Muster an der Ähre"),
)
ABROAD = (
    ("Getreidegasse 112a", "5020", "Salzburg", "AT"),
    ("Höhenweg 4/2/17", "6900", "Bregenz", "Österreich"),
    ("Zürichbergstrasse 201", "8044", "Zürich", "CH"),
    ("Rue de l’Hôpital 9", "1204", "Genève", "Schweiz"),
    ("ul. Święty Marcin 80/82 m. 5", "61-809", "Poznań", "PL"),
    ("İstiklal Caddesi No: 45 D: 6", "34430", "Beyoğlu/İstanbul", "TR"),
    ("вул. Шевченка, 12, кв. 7", "79005", "Львів", "UA"),
    ("Åsgårdstrands gate 3B", "3179", "Åsgårdstrand", "NO"),
    ("12 bis, rue des Sœurs-Blanches", "67000", "Strasbourg", "FR"),
)
MONTHS = ("September", "Oktober", "November", "Dezember")
# fmt: on

SHARE_FOREIGN, SHARE_COMPANY, SHARE_ABROAD = 0.30, 0.12, 0.10
SHARE_NO_TAN, SHARE_ENGLISH, SHARE_NO_UNIT = 0.12, 0.10, 0.15
LONGEST_PURPOSE = 140
EVERY = 20  # of so many invoices one is due in instalments, and one may be paid in parts
QUARTERS = 4
LEAST, MOST = 450, 1_248_000  # cents; both occur


@dataclass(frozen=True, slots=True)
class Debtor:
    """Someone who does not exist."""

    account: str
    name: str
    addition: str
    street: str
    postcode: str
    city: str
    country: str


def rows(count: int = COUNT, seed: int = SEED, day: date = DAY) -> list[dict[str, str]]:
    """``count`` invoices as the finance system would export them on ``day``."""
    chance = random.Random(seed)
    made = [_row(chance, number, day) for number in range(1, count + 1)]
    made[0] |= _extreme("Bescheinigung", "Meldebescheinigung", LEAST)
    if count > 1:
        made[1] |= _extreme("Steuer", f"Gewerbesteuer {day.year - 1}, Abschlusszahlung", MOST)
    for number in range(2, count, EVERY):
        made[number] |= _in_instalments(number, day)
    for number in range(3, count, EVERY):
        made[number] |= _in_parts(number, day)
    return made


def as_csv(invoices: Sequence[dict[str, str]]) -> str:
    """The file's text: semicolons, quoted where needed, lines ended by CR LF."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, HEADER, delimiter=";", lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(invoices)
    return text.getvalue()


def as_bytes(invoices: Sequence[dict[str, str]], encoding: str = "utf-8-sig") -> bytes:
    """The file; what cp1252 cannot hold is written without its marks, or as a question mark."""
    return as_csv(invoices).encode(encoding, "replace")


def _extreme(art: str, purpose: str, cents: int) -> dict[str, str]:
    return {"Art": art, "Zweck": purpose, "Betrag": german(cents), "Zahlbar bis": ""}


def _in_instalments(number: int, day: date) -> dict[str, str]:
    """A year's tax by quarters: one was due, three are to come."""
    quarter = 4_350 + 125 * number
    days = [day + timedelta(days=91 * turn - 6) for turn in range(QUARTERS)]
    plan = " / ".join(f"{german_day(on)} {german(quarter)}" for on in days)
    purpose = f"Grundsteuer B {day.year + 1}, Jahresbetrag, Objekt {100 + number}-11"
    changes = _extreme("Steuer", purpose, QUARTERS * quarter) | {"Faellig": "", "Raten": plan}
    return changes | {"Datum": german_day(day - timedelta(days=20)), "TAN": "ja", "Sprache": "de"}


def _in_parts(number: int, day: date) -> dict[str, str]:
    """A large fee of which the town also takes parts."""
    purpose = "Abwasserbeitrag, Anschluss des Grundstücks an den Kanal"
    changes = _extreme("Gebühr", purpose, 96_000 + 500 * number) | {"Teilzahlung ab": german(5_000)}
    due = german_day(day + timedelta(days=30))
    return changes | {"Faellig": due, "TAN": "ja", "Sprache": "de"}


def _row(chance: random.Random, number: int, day: date) -> dict[str, str]:
    kind = chance.choices(KINDS, [kind[1] for kind in KINDS])[0]
    art, _, least, most, step, unit, purposes = kind
    debtor = _debtor(chance)
    issued = day - timedelta(days=chance.randint(0, 20))
    due = issued + timedelta(days=chance.choice((7, 14, 30)))
    if art == "Verwarnung":
        due = issued + timedelta(days=7)
    return {
        "Belegnummer": f"K-{day.year}-{number:06d}",
        "Kassenzeichen": f"5.{chance.randint(100, 999):04d}.{number:06d}.{number % 10}",
        "Art": art,
        "Zweck": _filled(chance, chance.choice(purposes), day),
        "Betrag": german(_cents(chance, least, most, step)),
        "Datum": german_day(issued),
        "Faellig": german_day(due),
        "Zahlbar bis": german_day(day + timedelta(days=30)) if art == "Verwarnung" else "",
        "Raten": "",
        "Teilzahlung ab": "",
        "Name": debtor.name,
        "Zusatz": debtor.addition,
        "Strasse": debtor.street,
        "PLZ": debtor.postcode,
        "Ort": debtor.city,
        "Land": debtor.country,
        "Personenkonto": debtor.account,
        "Amt": "" if chance.random() < SHARE_NO_UNIT else unit,
        "TAN": "nein" if chance.random() < SHARE_NO_TAN else "ja",
        "Sprache": "en" if chance.random() < SHARE_ENGLISH else "de",
    }


def _cents(chance: random.Random, least: int, most: int, step: int) -> int:
    """Small amounts are frequent, large ones rare."""
    drawn = least + int((most - least) * chance.random() ** 4)
    return max(least, drawn // step * step)


def _filled(chance: random.Random, purpose: str, day: date) -> str:
    filled = purpose.format(
        quarter=(day.month - 1) // 3 + 1,
        year=day.year,
        month=chance.choice(MONTHS),
        place=f"{chance.choice(PLACES)} {chance.randint(1, 9)}",
        plot=f"{chance.randint(100, 999)}-{chance.randint(10, 99)}",
    )
    assert len(filled) <= LONGEST_PURPOSE, filled  # noqa: S101 -- the contract's limit
    return filled


def _debtor(chance: random.Random) -> Debtor:
    street = (
        f"{chance.choice(STREETS)} {chance.randint(1, 148)}{chance.choice(('', '', '', 'a', 'b'))}"
    )
    postcode, city = chance.choice(VILLAGES)
    country = "DE" if chance.random() < 0.5 else ""
    if chance.random() < SHARE_ABROAD:
        street, postcode, city, country = chance.choice(ABROAD)
    account = f"PK{chance.randint(100_000, 999_999)}"
    if chance.random() < SHARE_COMPANY:
        name, addition = chance.choice(COMPANIES)
        return Debtor(account, name, addition, street, postcode, city, country)
    name = chance.choice(FOREIGN if chance.random() < SHARE_FOREIGN else GERMAN)
    addition = chance.choice(("", "", "", "", "c/o Familie Grün", "Hinterhaus, 3. Stock links"))
    return Debtor(account, name, addition, street, postcode, city, country)


def german(cents: int) -> str:
    """``1.234,56``"""
    return f"{cents // 100:,}".replace(",", ".") + f",{cents % 100:02d}"


def german_day(day: date) -> str:
    """``31.12.2026``"""
    return f"{day:%d.%m.%Y}"


def main() -> None:
    """Write the file."""
    parser = argparse.ArgumentParser(prog="python -m demo.sample", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="file to write")
    parser.add_argument("--count", type=int, default=COUNT, help="how many invoices")
    parser.add_argument("--seed", type=int, default=SEED, help="another seed, another town")
    parser.add_argument("--day", type=date.fromisoformat, default=DAY, help="day of the export")
    parser.add_argument("--encoding", choices=("utf-8-sig", "utf-8", "cp1252"), default="utf-8-sig")
    given = parser.parse_args()
    given.out.write_bytes(as_bytes(rows(given.count, given.seed, given.day), given.encoding))


if __name__ == "__main__":
    main()
