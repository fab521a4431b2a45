"""Writes down how the portal books: ``python docs/booking.py`` writes ``docs/kasse/buchungen.md``.

Every entry on the page is made by the code that makes it for real money. So the page cannot say
anything else than what is booked; ``tests/house/test_docs.py`` holds the two together.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

PAGE = Path(__file__).parent / "kasse" / "buchungen.md"
sys.path.insert(0, str(PAGE.parents[2]))

from portal.ledger import entries  # noqa: E402 -- the path comes first
from portal.ledger.entries import PaidOut, TakenBack  # noqa: E402
from portal.ledger.entry import Entry  # noqa: E402
from portal.money import Money  # noqa: E402

WIDTH = 34  # characters of one T-account
ACCOUNTS = {
    "suspense": "Schwebeposten",
    "claims": "Forderungen",
    "custody:surplus": "Verwahrung Überzahlungen",
    "custody:unclear": "Verwahrung ungeklärt",
    "transit": "Unterwegs zur Bank",
    "fees": "Entgelte",
    "reserves": "Einbehalte",
    "losses": "Ausbuchungen",
    "differences": "Differenzen",
    "bank": "Bank",
    "elsewhere": "Anderweitig bezahlt",
    "income:surplus": "Ertrag aus Verwahrung",
}
NAMES = {"paypal": "PayPal", "tax": "Grundsteuer", "dog_tax": "Hundesteuer"}

HEAD = """# So bucht das Portal
Diese Seite schreibt `python docs/booking.py` aus dem Programm selbst: Jeder Buchungssatz ist mit
demselben Code gebildet, der auch echtes Geld bucht.

Das führende Buch ist Ihr Finanzverfahren. Das Buch des Portals ist sein Vorverfahren: Es beginnt
mit der bestätigten Zahlung und endet mit der Sammelgutschrift auf dem Bankkonto. Die Sollstellung
steht nur im Finanzverfahren; eine Zahlungsaufforderung einzustellen bucht hier deshalb nichts.

Links steht das Soll, rechts das Haben. Jeder Buchungssatz geht auf, hat einen Anlass und eine
eindeutige Belegnummer: Was zweimal gemeldet wird, wird einmal gebucht. Nichts wird geändert oder
gelöscht; eine Berichtigung ist ein neuer Buchungssatz. Gebucht wird auf den Tag, an dem das Portal
davon erfährt; der Tag der Zahlung steht bei der Zahlung.

| Konto | im Programm | was darauf steht |
|---|---|---|
| Schwebeposten *Anbieter* | `suspense:…` | Geld, das der Zahlungsanbieter für uns hat |
| Forderungen *Art* | `claims:…` | was ausgeglichen ist, je Forderungsart |
| Verwahrung Überzahlungen | `custody:surplus` | Geld, das zu viel gezahlt wurde |
| Verwahrung ungeklärt | `custody:unclear` | Geld, das zu keiner Zahlung passt |
| Unterwegs zur Bank *Anbieter* | `transit:…` | abgerechnet, noch nicht gutgeschrieben |
| Entgelte *Anbieter* | `fees:…` | was der Anbieter für seine Leistung nimmt |
| Einbehalte *Anbieter* | `reserves:…` | was der Anbieter zur Sicherheit zurückhält |
| Ausbuchungen *Anbieter* | `losses:…` | auf Anordnung ausgebucht oder verloren |
| Differenzen *Anbieter* | `differences:…` | was in einer Abrechnung nicht aufgeht |
| Bank | `bank` | Sammelgutschriften auf Ihrem Konto |
| Anderweitig bezahlt | `elsewhere` | was Ihr Finanzverfahren selbst eingenommen hat |
| Ertrag aus Verwahrung | `income:surplus` | was auf Anordnung vereinnahmt wurde |
"""

TAIL = """## Was nichts bucht
Einstellen einer Zahlungsaufforderung, neue Fassung mit höherem Betrag, online nicht mehr zahlbar,
wieder zahlbar, Ablauf der Frist und der Verzicht auf einen Kleinbetrag: Sie ändern, was noch offen
ist, aber kein Geld bewegt sich.
"""


@dataclass(frozen=True, slots=True)
class Example:
    """One event, as the cash office would tell it, with its entry."""

    title: str
    story: str
    entry: Entry


def euro(text: str) -> Money:
    """An amount as one writes it here: ``148,50``."""
    return Money(int(text.replace(".", "").replace(",", "")), "EUR")


NOTHING = euro("0,00")

EXAMPLES = (
    Example(
        "Zahlung bestätigt",
        "Jemand zahlt 148,50 € Grundsteuer mit PayPal. Die Forderung ist ausgeglichen; der"
        " Anbieter schuldet uns das Geld.",
        entries.payment_succeeded("Z1", "paypal", "tax", euro("148,50"), NOTHING),
    ),
    Example(
        "Zahlung bestätigt, mehr als offen war",
        "Während der Zahlung wurde die Forderung auf 100,00 € herabgesetzt. Der Rest ist"
        " Überzahlung. War gar nichts mehr offen, ist alles Überzahlung.",
        entries.payment_succeeded("Z2", "paypal", "tax", euro("148,50"), euro("48,50")),
    ),
    Example(
        "Meldung, die zu keiner Zahlung passt",
        "Der Anbieter meldet 20,00 € unter einer Nummer, die wir nicht kennen, oder mit anderem"
        " Betrag. Das Geld ist da, sein Platz noch nicht.",
        entries.unclear_report("R1", "paypal", euro("20,00")),
    ),
    Example(
        "Der Platz des ungeklärten Geldes ist gefunden",
        "Der Anbieter berichtigt seine Meldung. Der Satz wird umgekehrt; die Zahlung wird in"
        " derselben Sekunde richtig gebucht.",
        entries.unclear_taken_back("R1", "paypal", euro("20,00")),
    ),
    Example(
        "Verwahrtes Geld einer Forderung zugeordnet",
        "Die Überzahlung von 48,50 € wird durch zwei Personen auf die Hundesteuer angerechnet.",
        entries.custody_assigned("V1", "surplus", "dog_tax", euro("48,50")),
    ),
    Example(
        "Ungeklärtes Geld geht zurück",
        "Für die 20,00 € findet sich kein Platz. Auf Anordnung und durch zwei Personen gehen sie"
        " dorthin zurück, woher sie kamen. Gebucht wird, wenn der Anbieter bestätigt, dass er"
        " gesendet hat. Hat sich der Platz bis dahin doch gefunden, ist es eine Ausbuchung.",
        entries.custody_returned("RZ1", "paypal", euro("20,00"), NOTHING),
    ),
    Example(
        "Ungeklärtes Geld kommt wieder",
        "Das Konto, von dem es kam, gibt es nicht mehr. Der Satz wird umgekehrt; das Geld ist"
        " wieder in Verwahrung.",
        entries.custody_return_failed("RZ1", "paypal", euro("20,00"), NOTHING),
    ),
    Example(
        "Erstattung",
        "148,50 € gehen zurück: zuerst die Überzahlung von 48,50 €, dann 100,00 € der Forderung."
        " Gebucht wird, wenn der Anbieter bestätigt, dass er gesendet hat. Was von der"
        " Forderung zurückgeht, ist wieder offen, außer wenn die Forderung weggefallen ist. Was"
        " einer anderen Erstattung als Überzahlung zugesagt ist, bleibt ihr.",
        entries.refund(
            "E1",
            "paypal",
            "tax",
            TakenBack(euro("48,50"), euro("100,00"), NOTHING, NOTHING),
        ),
    ),
    Example(
        "Erstattung kommt zurück",
        "Das Konto des Empfängers gibt es nicht mehr. Der Satz wird umgekehrt.",
        entries.refund_failed(
            "E1",
            "paypal",
            "tax",
            TakenBack(euro("48,50"), euro("100,00"), NOTHING, NOTHING),
        ),
    ),
    Example(
        "Rückbelastung oder Rücklastschrift",
        "Die Bank des Zahlers holt 148,50 € zurück und der Anbieter nimmt 15,00 € dafür. Die"
        " Forderung ist wieder offen. Ausgebucht wird nur, was weder als Überzahlung noch auf der"
        " Forderung liegt.",
        entries.reversal(
            "B1",
            "paypal",
            "tax",
            TakenBack(NOTHING, euro("148,50"), NOTHING, euro("15,00")),
        ),
    ),
    Example(
        "Streit um eine Rückbelastung gewonnen",
        "Der Anbieter gibt Betrag und Entgelt zurück. Der Satz wird umgekehrt. Kommt nur ein Teil"
        " zurück, wird nur dieser Teil gebucht: zuerst gegen den Verlust, dann auf die Forderung,"
        " zuletzt als Überzahlung. Der Rest bleibt zurückbelastet, bis auch er kommt.",
        entries.reversal_won(
            "B1",
            "paypal",
            "tax",
            TakenBack(NOTHING, euro("148,50"), NOTHING, euro("15,00")),
        ),
    ),
    Example(
        "Rückbelastung berichtigt",
        "Als die Bank 148,50 € zurückholte, war dasselbe Geld gerade als Erstattung unterwegs; die"
        " Rückbelastung wurde deshalb ausgebucht. Nun scheitert die Erstattung: Die Rückbelastung"
        " trifft doch die Zahlung, und die Forderung ist wieder offen.",
        entries.reversal_corrected(
            "14850:B1",
            "paypal",
            "tax",
            TakenBack(NOTHING, euro("148,50"), euro("-148,50"), NOTHING),
        ),
    ),
    Example(
        "Abrechnung des Anbieters",
        "Er rechnet 1.000,00 € ab, behält 12,30 € Entgelt und überweist 987,70 €. Die"
        " Schwebeposten sind beglichen; das Geld ist unterwegs. Ist die Summe durch Erstattungen"
        " kleiner als null, stehen die Beträge auf der anderen Seite.",
        entries.settlement(
            "A-1",
            "paypal",
            PaidOut(euro("1000,00"), euro("12,30"), NOTHING, euro("987,70")),
        ),
    ),
    Example(
        "Abrechnung, die nicht aufgeht",
        "Der Anbieter überweist 5,00 € weniger, als seine Zeilen ergeben. Die Differenz bleibt"
        " sichtbar, bis sie geklärt ist.",
        entries.settlement(
            "A-2",
            "paypal",
            PaidOut(euro("1000,00"), euro("12,30"), NOTHING, euro("982,70")),
        ),
    ),
    Example(
        "Abrechnung mit Einbehalt",
        "Von 1.000,00 € hält der Anbieter 100,00 € zur Sicherheit zurück. Das ist keine Differenz:"
        " Das Geld gehört weiter der Stadt. Gibt er es in einer späteren Abrechnung frei, steht es"
        " auf der anderen Seite.",
        entries.settlement(
            "A-3",
            "paypal",
            PaidOut(euro("1000,00"), euro("12,30"), euro("100,00"), euro("887,70")),
        ),
    ),
    Example(
        "Abrechnung zurückgenommen",
        "Die Datei der Abrechnung war falsch gelesen. Der Satz wird umgekehrt; die Schwebeposten"
        " sind wieder offen. Das geht, solange die Sammelgutschrift nicht auf der Bank ist.",
        entries.settlement_undone(
            "A-1",
            "paypal",
            PaidOut(euro("1000,00"), euro("12,30"), NOTHING, euro("987,70")),
        ),
    ),
    Example(
        "Sammelgutschrift auf dem Bankkonto",
        "Ihr Finanzverfahren meldet den Eingang der 987,70 €.",
        entries.payout_arrived("A-1", "paypal", euro("987,70")),
    ),
    Example(
        "Anderweitig bezahlt",
        "Das Finanzverfahren meldet: 60,00 € sind bar oder per Überweisung gekommen. Online ist nur"
        " noch der Rest zahlbar.",
        entries.paid_elsewhere("K-1:1", "tax", euro("60,00")),
    ),
    Example(
        "Anderweitig bezahlt, zurückgenommen",
        "Es war ein Irrtum oder die Überweisung kam zurück.",
        entries.paid_elsewhere_undone("K-1:1", "tax", euro("60,00")),
    ),
    Example(
        "Schwebeposten auf Anordnung ausgebucht",
        "Der Anbieter wird 3,10 € nicht mehr zahlen. Eine Anordnung und zwei Personen.",
        entries.suspense_closed("AO-7", "paypal", euro("3,10")),
    ),
    Example(
        "Einbehalt auf Anordnung ausgebucht",
        "Der Anbieter hält 100,00 € zur Sicherheit zurück und gibt 40,00 € davon nie mehr frei."
        " Eine Anordnung nennt den Betrag; zwei Personen. Gibt er später doch etwas frei, was nach"
        " unseren Büchern nicht mehr einbehalten ist, steht es auf „Differenzen“.",
        entries.reserve_closed("7", "paypal", euro("40,00")),
    ),
    Example(
        "Verwahrung auf Anordnung vereinnahmt",
        "Ein Kleinbetrag von 0,80 € wird nach Anordnung nicht erstattet.",
        entries.custody_kept("AO-8", "surplus", euro("0,80")),
    ),
    Example(
        "Neue Fassung unter dem Gezahlten",
        "Nach der Zahlung von 148,50 € wird der Bescheid auf 120,00 € geändert.",
        entries.lowered("K-1", 2, "tax", euro("28,50")),
    ),
    Example(
        "Durch ein neueres Schreiben ersetzt",
        "Auf die Rechnung waren 50,00 € gezahlt; die Mahnung ersetzt sie. Das Gezahlte geht mit.",
        entries.replaced("K-1", "K-2", "tax", "dog_tax", 1, euro("50,00")),
    ),
    Example(
        "Neue Fassung mit anderer Forderungsart",
        "Gezahlte 50,00 € gehen zur neuen Art.",
        entries.kind_changed("K-1", 2, "tax", "dog_tax", euro("50,00")),
    ),
)


def account(name: str) -> str:
    """The German name of an account."""
    if name in ACCOUNTS:
        return ACCOUNTS[name]
    sort, _, which = name.partition(":")
    return f"{ACCOUNTS[sort]} {NAMES[which]}"


def shown(cents: int) -> str:
    """Cents as the cash office writes them: ``1.000,00``."""
    whole, part = divmod(cents, 100)
    return f"{whole:,}".replace(",", ".") + f",{part:02}"


def t_account(name: str, cents: int) -> list[str]:
    """One T-account with one posting: debit on the left, credit on the right."""
    half = (WIDTH - 3) // 2
    debit, credit = (shown(cents), "") if cents > 0 else ("", shown(-cents))
    return [
        account(name).center(WIDTH),
        "─" * half + "─┬─" + "─" * half,
        debit.rjust(half) + " │ " + credit.rjust(half),
    ]


def t_accounts(entry: Entry) -> str:
    """The entry's T-accounts, two side by side."""
    drawn = [t_account(posting.account, posting.amount.cents) for posting in entry.postings]
    rows = []
    for first in range(0, len(drawn), 2):
        rows += [
            "    ".join(parts).rstrip() for parts in zip(*drawn[first : first + 2], strict=True)
        ]
        rows.append("")
    return "\n".join(rows[:-1])


def page() -> str:
    """The whole page."""
    parts = [HEAD]
    for number, example in enumerate(EXAMPLES, start=1):
        parts.append(f"## {number}. {example.title}\n{example.story}\n")
        parts.append(f"```\n{t_accounts(example.entry)}\n```\n")
    return "\n".join([*parts, TAIL])


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
