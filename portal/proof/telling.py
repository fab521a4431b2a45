"""A reconciliation told: as lines for a terminal, and as JSON. Pure."""

from collections.abc import Iterator

from portal.db import Json
from portal.money import Money
from portal.proof.equations import Equation, Figure, Reconciliation

WIDE = 46  # characters of a figure's name


def lines(found: Reconciliation) -> Iterator[str]:
    """What is printed: every equation with its figures, and the rows that were asked for."""
    verdict = "all equations hold" if found.holds else f"{len(found.broken)} equations do not hold"
    yield f"{found.tenant_id}\t{found.day}\t{verdict}"
    for equation in found.equations:
        of = " ".join(filter(None, (equation.part, equation.currency)))
        yield ""
        yield f"({equation.key}) {equation.label} [{of}]: {_verdict(equation)}"
        for number, side in enumerate(equation.sides):
            yield from (["  ="] if number else [])
            for figure in side:
                yield from _figure(figure)


def as_json(found: Reconciliation) -> Json:
    """The same for programs; amounts are cents, none where a figure is not known."""
    return {
        "tenant": found.tenant_id,
        "day": found.day.isoformat(),
        "holds": found.holds,
        "equations": [_equation(equation) for equation in found.equations],
    }


def _verdict(equation: Equation) -> str:
    if not equation.holds:
        told = ", ".join(_amount(by) for by in equation.differences if by)
        return f"DOES NOT HOLD, difference {told}"
    return "holds" if equation.known else "holds as far as it is known"


def _figure(figure: Figure) -> Iterator[str]:
    told = "not known" if figure.money is None else _amount(figure.money)
    yield f"    {figure.label:<{WIDE}}{told:>18}"
    for row in figure.rows:
        name = f"{row.source} {row.name}".strip()
        yield f"      {name:<{WIDE - 2}}{_amount(row.money):>18}"


def _amount(money: Money) -> str:
    whole, cents = divmod(abs(money.cents), 100)
    return f"{'-' if money.cents < 0 else ''}{whole:,}.{cents:02}"


def _equation(equation: Equation) -> Json:
    return {
        "key": equation.key,
        "label": equation.label,
        "german": equation.german,
        "part": equation.part,
        "currency": equation.currency,
        "holds": equation.holds,
        "known": equation.known,
        "difference_cents": [None if by is None else by.cents for by in equation.differences],
        "sides": [[_told(figure) for figure in side] for side in equation.sides],
    }


def _told(figure: Figure) -> Json:
    rows = [
        {"source": row.source, "name": row.name, "cents": row.money.cents} for row in figure.rows
    ]
    return {
        "figure": figure.key,
        "label": figure.label,
        "german": figure.german,
        "cents": None if figure.money is None else figure.money.cents,
        "rows": rows,
    }
