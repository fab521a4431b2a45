"""Reconciling (Tagesabstimmung): the equations of a town, at any moment and for any day.

All figures are read in one snapshot, so that payments that are booked meanwhile make no difference.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from portal.db import transaction
from portal.errors import NotFound
from portal.money import Money
from portal.proof.equations import EQUATIONS, Equation, Figure, Reconciliation, Row, Wanted
from portal.proof.figures import FIGURES, Query
from portal.tenants import Tenant

SUMS = """SELECT currency, part, sum(cents)::bigint FROM ({rows}) f
WHERE day IS NULL OR day <= :day GROUP BY currency, part"""
CARRIED = """SELECT currency, part, sum(cents)::bigint FROM ({rows}) f
WHERE day < :day GROUP BY currency, part HAVING sum(cents) <> 0"""
ROWS = """SELECT currency, part, source, name, cents::bigint FROM ({rows}) f
WHERE cents <> 0 AND (day IS NULL OR day = :day) ORDER BY source, name"""

Place = tuple[str, str]  # currency and part


class NoSuchTenant(NotFound):
    """There is no such town."""

    code = "unknown_tenant"


@dataclass(frozen=True, slots=True)
class _Sums:
    money: Mapping[Place, int]
    rows: Mapping[Place, tuple[Row, ...]]


def at(tenant_id: str, day: date, *, rows: bool = False) -> Reconciliation:
    """Reconcile a town in a snapshot of its own. Raises ``NoSuchTenant``."""
    with transaction() as session:
        session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
        return reconcile(session, tenant_id, day, rows=rows)


def reconcile(session: Session, tenant_id: str, day: date, *, rows: bool = False) -> Reconciliation:
    """Reconcile a town; with ``rows`` each figure has those that it consists of.

    A figure of what moved carries all before the day in one row. Raises ``NoSuchTenant``.
    """
    tenant = session.get(Tenant, tenant_id)
    if tenant is None:
        raise NoSuchTenant("There is no such tenant.")
    asked = {"tenant": tenant_id, "day": day, "zone": tenant.time_zone}
    sums = {key: _read(session, query, asked, rows) for key, query in FIGURES.items()}
    equations = tuple(
        _fill(wanted, place, sums) for wanted in EQUATIONS for place in _places(wanted, sums)
    )
    return Reconciliation(tenant_id, day, equations)


def _read(session: Session, query: Query, asked: Mapping[str, object], rows: bool) -> _Sums:
    def told(statement: str) -> Sequence[Any]:
        return session.execute(text(statement.format(rows=query.sql)), asked).all()

    money = {(currency, part): cents for currency, part, cents in told(SUMS)}
    found: defaultdict[Place, list[Row]] = defaultdict(list)
    if rows:
        for currency, part, cents in told(CARRIED):
            found[currency, part].append(Row("carried", "", Money(cents, currency)))
        for currency, part, source, name, cents in told(ROWS):
            found[currency, part].append(Row(source, name, Money(cents, currency)))
    return _Sums(money, {place: tuple(each) for place, each in found.items()})


def _places(wanted: Wanted, sums: Mapping[str, _Sums]) -> Iterable[Place]:
    """Currencies and parts of which any figure of the equation tells."""
    return sorted({place for side in wanted.sides for key in side for place in sums[key].money})


def _fill(wanted: Wanted, place: Place, sums: Mapping[str, _Sums]) -> Equation:
    currency, part = place
    sides = tuple(tuple(_figure(key, place, sums[key]) for key in side) for side in wanted.sides)
    return Equation(wanted.key, wanted.label, wanted.german, part, currency, sides)


def _figure(key: str, place: Place, sums: _Sums) -> Figure:
    query, (currency, _) = FIGURES[key], place
    known = place in sums.money or not query.may_be_unknown
    money = Money(sums.money.get(place, 0), currency) if known else None
    return Figure(key, query.label, query.german, money, sums.rows.get(place, ()))
