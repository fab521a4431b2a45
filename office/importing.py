"""Taking invoices into the office's books as claims: as often as you like, once each."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ARRAY, String, any_, literal, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from office import town
from office.db import one_after_the_other, transaction
from office.invoices import ADDRESS, Invoice, Refusal, address_of, read
from office.models import Claim, Debtor, cleared_state
from office.taking import try_waiting
from portal import clock

_OF_DEBTOR = {*ADDRESS, "account"}


class Taken(StrEnum):
    """What an invoice did to the claims."""

    NEW = "new"
    CHANGED = "changed"
    SAME = "same"


@dataclass(frozen=True, slots=True)
class Report:
    """What an import did: how many invoices of each, and the lines that were refused."""

    taken: Counter[Taken]
    refused: list[Refusal]


def import_file(raw: bytes) -> Report:
    """Take all invoices of a file; what was taken before changes nothing."""
    with transaction() as session:
        facts = town.find(session)
        reading = read(raw, facts.kinds if facts else {})
        one_after_the_other(session)
        taken = _take_all(session, reading.invoices)
        session.flush()
        try_waiting(session)  # a payment may have come before its claim
    return Report(taken, reading.refused)


def _take_all(session: Session, invoices: Sequence[Invoice]) -> Counter[Taken]:
    now = clock.now()
    named = any_(literal([invoice.reference for invoice in invoices], ARRAY(String)))
    known = session.scalars(select(Claim).where(Claim.reference == named))
    claims = {claim.reference: claim for claim in known}
    return Counter(_take(session, one, claims.get(one.reference), now) for one in invoices)


def _take(session: Session, invoice: Invoice, claim: Claim | None, now: datetime) -> Taken:
    values = claim_of(invoice, _debtor(session, invoice))
    if claim is None:
        session.add(Claim(**values, cleared_cents=0, imported_at=now))
        return Taken.NEW
    line = values.pop("line")  # where it stands in the file is no change of the claim
    changed = {name for name, value in values.items() if getattr(claim, name) != value}
    if not changed:
        return Taken.SAME
    for name in changed:
        setattr(claim, name, values[name])
    claim.line = line
    claim.state = cleared_state(claim.cents, claim.cleared_cents)
    return Taken.CHANGED


def claim_of(invoice: Invoice, debtor_id: int) -> dict[str, Any]:
    """What an invoice says of its claim."""
    values = {name: value for name, value in asdict(invoice).items() if name not in _OF_DEBTOR}
    return {
        **values,
        "replaces": list(invoice.replaces),
        "instalments": [
            {"due_on": on.isoformat(), "amount_cents": cents} for on, cents in invoice.instalments
        ],
        "currency": "EUR",
        "debtor_id": debtor_id,
    }


def _debtor(session: Session, invoice: Invoice) -> int:
    """The debtor's id; with an account of their own, people keep it when they move."""
    values = address_of(invoice)
    statement = (
        insert(Debtor)
        .values(identity=invoice.debtor_identity, **values)
        .on_conflict_do_update(index_elements=["identity"], set_=values)
        .returning(Debtor.id)
    )
    return session.scalars(statement).one()
