"""Settlement reports as a table, as a provider without an interface sends them."""

from portal.providers.protocol import Settlement, SettlementLine

HEAD = (
    "Abrechnung;Händler;Datum;Art;Zahlung;Zahlung beim Anbieter;Vorgang beim Anbieter;Brutto;"
    "Entgelt;Netto;Währung"
)
BACK = {"refund": "Erstattung zurück", "reversal": "Rückbelastung gewonnen",
        "reserve": "Einbehalt freigegeben", "fee": "Entgelt zurück"}  # fmt: skip
WORDS = {"payment": "Zahlung", "refund": "Erstattung", "reversal": "Rückbelastung",
         "fee": "Entgelt", "reserve": "Einbehalt"}  # fmt: skip


def table(report: Settlement, *, named: bool) -> bytes:
    """A report by the mapping ``generic``; ``named`` says whether our names stand in it.

    The pay-out's own row says the net, so that a report may be wrong in itself.
    """
    rows = [_row(report, line, named=named) for line in report.lines]
    rows.append(_cells(report, "Auszahlung", ("", "", ""), (-report.net.cents, 0)))
    gross = sum(line.gross.cents for line in report.lines)
    fee = sum(line.fee.cents for line in report.lines)
    sums = ";".join(euro(cents) for cents in (gross, fee, gross - fee))
    return "\n".join([HEAD, *rows, f"Summe;;;{len(rows)};;;;{sums};", ""]).encode()


def euro(cents: int) -> str:
    """Cents as a table writes them: ``-1234,50``."""
    whole, rest = divmod(abs(cents), 100)
    return f"{'-' if cents < 0 else ''}{whole},{rest:02}"


def _row(report: Settlement, line: SettlementLine, *, named: bool) -> str:
    above = line.gross.cents > 0 or (line.kind == "fee" and line.fee.cents < 0)
    word = BACK.get(line.kind) if above else None
    names = (line.payment if named else "", "", line.provider_reference)
    word = word or WORDS.get(line.kind, "Sonstiges")
    return _cells(report, word, names, (line.gross.cents, line.fee.cents))


def _cells(
    report: Settlement, word: str, names: tuple[str, str, str], cents: tuple[int, int]
) -> str:
    gross, fee = cents
    told = (report.settlement, report.merchant, report.made_at.strftime("%d.%m.%Y"), word, *names)
    return ";".join([*told, euro(gross), euro(fee), "", report.net.currency])
