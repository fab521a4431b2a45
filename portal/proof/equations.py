"""The equations of the daily reconciliation (Tagesabstimmung), and what comes out of them. Pure.

Three equations are asked for: (1) what was requested, (2) what the providers took, (3) what left
suspense and what is still in it. Each stands here with those beside it that say the same of a part,
so that a difference shows where it is.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from portal.money import Money


@dataclass(frozen=True, slots=True)
class Wanted:
    """An equation: its sides, each the sum of the figures that it names, are equal."""

    key: str
    label: str
    german: str
    sides: tuple[tuple[str, ...], ...]


# fmt: off
EQUATIONS: tuple[Wanted, ...] = (
    Wanted("1", "Requested = cleared + open + ended + waived",
           "Angefordert = ausgeglichen + offen + beendet + Kleinbeträge",
           (("requested",), ("cleared", "open", "withdrawn", "expired", "replaced", "closed"))),
    Wanted("1.kind", "Cleared = covered, of a kind", "Ausgeglichen = gedeckt, je Forderungsart",
           (("cleared_of_kind",), ("covered_of_kind",))),
    Wanted("1.elsewhere", "Paid elsewhere", "Anderweitig bezahlt",
           (("elsewhere_booked",), ("elsewhere_told",))),
    Wanted("2", "Taken by the provider = succeeded + unclear = the provider's word",
           "Vereinnahmt = erfolgreich + ungeklärt = Angabe des Anbieters",
           (("received",), ("succeeded", "unclear"), ("provider_says", "heard_later"))),
    Wanted("2.claims", "Allocated to claims", "Auf Forderungen verteilt",
           (("allocated_booked",), ("allocated",))),
    Wanted("2.surplus", "Surplus of payments", "Überzahlungen",
           (("surplus_booked",), ("surplus",))),
    Wanted("3",
           "Taken out of suspense = settled + held back + refunded + reversed + closed"
           " + differences",
           "Abgänge = abgerechnet + einbehalten + erstattet + rückbelastet + ausgebucht"
           " + Differenzen",
           (("taken_out",),
            ("paid_out", "held_back", "single_fees", "settled_fees", "refunded", "reversed",
             "written_off", "not_settled"))),
    Wanted("3.suspense", "Suspense = its open items", "Schwebekonto = offene Schwebeposten",
           (("suspense",), ("suspense_items",))),
    Wanted("3.custody", "Custody = its open items", "Verwahrung = offene Verwahrposten",
           (("custody",), ("custody_items",))),
    Wanted("3.differences", "Differences of settlement reports", "Differenzen der Abrechnungen",
           (("differences",), ("not_settled", "report_faults"))),
    Wanted("3.fees", "Fees", "Gebühren", (("fees",), ("line_fees", "single_fees"))),
    Wanted("3.reserves", "Held back in reserve", "Einbehalte",
           (("reserves",), ("held_back", "reserves_closed"))),
    Wanted("3.transit", "On its way to the bank", "Unterwegs zur Bank",
           (("transit",), ("settled_net", "arrived"))),
    Wanted("3.bank", "Pay-outs on the bank", "Sammelgutschriften", (("bank",), ("arrivals",))),
    Wanted("3.kept", "Kept by order", "Auf Anordnung vereinnahmt",
           (("kept",), ("kept_by_order",))),
)
# fmt: on


@dataclass(frozen=True, slots=True)
class Row:
    """One row behind a figure: its table and its name there; ``carried`` is all before the day."""

    source: str
    name: str
    money: Money


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure; ``money`` is the sum of its rows to the cent, or none where it is not known."""

    key: str
    label: str
    german: str
    money: Money | None
    rows: tuple[Row, ...] = ()


@dataclass(frozen=True, slots=True)
class Equation:
    """An equation of one currency and one part: a provider account, kind or cause, or nothing."""

    key: str
    label: str
    german: str
    part: str
    currency: str
    sides: tuple[tuple[Figure, ...], ...]

    @property
    def totals(self) -> tuple[Money | None, ...]:
        """The sum of each side; none where one of its figures is not known."""
        return tuple(_sum(side, self.currency) for side in self.sides)

    @property
    def differences(self) -> tuple[Money | None, ...]:
        """By how much each side is more than the first."""
        first, *others = self.totals
        assert first is not None  # noqa: S101 -- the book always knows
        return tuple(None if other is None else other - first for other in others)

    @property
    def holds(self) -> bool:
        """Whether all known sides are equal."""
        return not any(self.differences)

    @property
    def known(self) -> bool:
        """Whether every side is known."""
        return None not in self.totals


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """What a town's books say at the end of a business day, as far as they are written now."""

    tenant_id: str
    day: date
    equations: tuple[Equation, ...]

    @property
    def holds(self) -> bool:
        """Whether every equation holds."""
        return all(equation.holds for equation in self.equations)

    @property
    def broken(self) -> tuple[Equation, ...]:
        """Those that do not hold."""
        return tuple(equation for equation in self.equations if not equation.holds)


def _sum(side: Sequence[Figure], currency: str) -> Money | None:
    known = [figure.money for figure in side if figure.money is not None]
    if len(known) < len(side):
        return None
    return sum(known, Money(0, currency))
