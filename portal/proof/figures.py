"""The figures of the daily reconciliation (Tagesabstimmung): each is one query over rows.

A figure of what moved is the sum up to a day. The sides of an equation come from different tables.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from portal.proof import queries


@dataclass(frozen=True, slots=True)
class Query:
    """A figure: what it is called, in English and in the town hall's German, and its rows.

    One that ``may_be_unknown`` is not known where it has no row; others are nothing there.
    """

    label: str
    german: str
    sql: str
    may_be_unknown: bool = False


RECEIVED = f"e.reason IN {queries.RECEIVED}"
TAKEN_OUT = f"e.reason NOT IN {queries.RECEIVED}"

# fmt: off
FIGURES: Mapping[str, Query] = {
    "requested": Query("requested, in the versions in force",
                       "Angefordert, in der geltenden Fassung", queries.REQUESTED),
    "cleared": Query("cleared, by the book", "Ausgeglichen, laut Buch",
                     queries.postings("claims:%", sign="-")),
    "open": Query("still open", "Noch offen",
                  queries.requests(queries.REST, "'open', 'partly_paid', 'paid'")),
    "withdrawn": Query("rest of withdrawn requests", "Rest, online nicht mehr zahlbar",
                       queries.requests(queries.REST, "'withdrawn'")),
    "expired": Query("rest of expired requests", "Rest, Frist abgelaufen",
                     queries.requests(queries.REST, "'expired'")),
    "replaced": Query("rest of replaced requests", "Rest, durch neueres Schreiben ersetzt",
                      queries.requests(queries.REST, "'replaced'")),
    "closed": Query("waived rests", "Geschlossene Kleinbeträge",
                    queries.requests("closed_cents", "state")),
    "cleared_of_kind": Query("cleared, by the book", "Ausgeglichen, laut Buch",
                             queries.postings("claims:%", queries.ACCOUNT, "-")),
    "covered_of_kind": Query("covered of its requests", "Gedeckt, laut Zahlungsaufforderungen",
                             queries.requests("covered_cents", "state", "kind")),
    "elsewhere_booked": Query("paid elsewhere, by the book", "Anderweitig bezahlt, laut Buch",
                              queries.postings("elsewhere")),
    "elsewhere_told": Query("paid elsewhere, as it was told", "Anderweitig bezahlt, laut Meldung",
                            queries.ELSEWHERE),
    "received": Query("taken by the provider, by the book", "Vereinnahmt, laut Buch",
                      queries.postings("suspense:%", queries.ACCOUNT, more=f"AND {RECEIVED}")),
    "succeeded": Query("payments that succeeded", "Erfolgreiche Zahlungen", queries.SUCCEEDED),
    "unclear": Query("reports that fit no payment", "Ungeklärte Meldungen", queries.UNCLEAR),
    "provider_says": Query("taken, by the provider's own word", "Vereinnahmt, laut Anbieter",
                           queries.PROVIDER_SAYS, may_be_unknown=True),
    "heard_later": Query("of which heard after the day", "Davon erst später gemeldet",
                         queries.HEARD_LATER),
    "allocated": Query("allocated to claims", "Auf Forderungen verteilt",
                       queries.allocated("false")),
    "allocated_booked": Query("cleared by payments, by the book",
                              "Durch Zahlungen ausgeglichen, laut Buch",
                              queries.paid_by("claims:%")),
    "surplus": Query("surplus of payments", "Überzahlungen", queries.allocated("true")),
    "surplus_booked": Query("surplus of payments, by the book", "Überzahlungen, laut Buch",
                            queries.paid_by("custody:%")),
    "taken_out": Query("taken out of suspense, by the book", "Abgänge Schwebeposten, laut Buch",
                       queries.postings("suspense:%", queries.ACCOUNT, "-", f"AND {TAKEN_OUT}")),
    "paid_out": Query("settled gross", "Abgerechnet, brutto", queries.lines("l.gross_cents")),
    "single_fees": Query("fees of reversals", "Gebühren der Rückbelastungen",
                         queries.reversals("v.fee_cents", "w.fee_cents")),
    "settled_fees": Query("of which settled since", "Davon seither abgerechnet",
                          queries.lines("-l.booked_fee_cents")),
    "refunded": Query("refunds, and unclear money sent back",
                      "Erstattungen und zurückgesandtes Ungeklärtes", queries.REFUNDED),
    "reversed": Query("reversals", "Rückbelastungen",
                      queries.reversals("v.amount_cents", "w.amount_cents")),
    "written_off": Query("closed by order", "Auf Anordnung ausgebucht",
                         queries.by_order("suspense.close", "suspense", "i.account", "closed")),
    "not_settled": Query("settled, but no item of ours", "Abgerechnet ohne Schwebeposten",
                         queries.lines("l.settled_cents - l.gross_cents + l.booked_fee_cents")),
    "held_back": Query("held back in reserve, less what was let go", "Einbehalte laut Abrechnungen",
                       queries.lines("-l.settled_cents", "l.kind = 'reserve'")),
    "reserves_closed": Query("of which closed by order", "Davon auf Anordnung ausgebucht",
                             queries.RESERVES_CLOSED),
    "reserves": Query("reserves, by the book", "Einbehalte, laut Buch",
                      queries.postings("reserves:%", queries.ACCOUNT)),
    "suspense": Query("suspense, by the book", "Schwebekonto, laut Buch",
                      queries.postings("suspense:%", queries.ACCOUNT)),
    "suspense_items": Query("open suspense items", "Offene Schwebeposten",
                            queries.items("suspense", "account")),
    "custody": Query("custody, by the book", "Verwahrung, laut Buch",
                     queries.postings("custody:%", queries.ACCOUNT, "-")),
    "custody_items": Query("open custody items", "Offene Verwahrposten",
                           queries.items("custody", "cause")),
    "differences": Query("differences, by the book", "Differenzen, laut Buch",
                         queries.postings("differences:%", queries.ACCOUNT)),
    "report_faults": Query("reports that do not add up", "Abrechnungen mit Rechenfehler",
                           queries.settlements("s.gross_cents - s.fee_cents - s.net_cents")),
    "fees": Query("fees, by the book", "Gebühren, laut Buch",
                  queries.postings("fees:%", queries.ACCOUNT)),
    "line_fees": Query("fees of settlement reports", "Gebühren laut Abrechnungen",
                       queries.lines("l.fee_cents - l.booked_fee_cents")),
    "transit": Query("on its way to the bank, by the book", "Unterwegs zur Bank, laut Buch",
                     queries.postings("transit:%", queries.ACCOUNT)),
    "settled_net": Query("settled net", "Abgerechnet, netto", queries.settlements("s.net_cents")),
    "arrived": Query("of which has arrived", "Davon eingegangen",
                     queries.arrivals("a.account", "-")),
    "bank": Query("pay-outs on the bank, by the book", "Sammelgutschriften, laut Buch",
                  queries.postings("bank")),
    "arrivals": Query("pay-outs that have arrived", "Sammelgutschriften, laut Meldung",
                      queries.arrivals("''")),
    "kept": Query("kept surplus, by the book", "Vereinnahmte Verwahrung, laut Buch",
                  queries.postings("income:surplus", sign="-")),
    "kept_by_order": Query("kept by order", "Auf Anordnung vereinnahmt",
                           queries.by_order("custody.keep", "custody", "''", "kept")),
}
# fmt: on
