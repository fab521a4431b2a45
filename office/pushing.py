"""Pushing claims to the portal: pseudonymised, in chunks, as often as it takes.

The portal keeps one request a reference, however often it is pushed; so what was not answered is
simply asked again. A claim counts as pushed when its very body was answered, and while no event
has told that the answer is out of date: until then nobody knows what the portal has, and no letter
may be printed.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from office.client import Portal, Refused
from office.db import alone, one_after_the_other, transaction
from office.models import Claim, Link
from office.names import without_names
from office.pseudonyms import pseudonym
from office.reading import still_payable
from portal.errors import Conflict, Unavailable

CHUNK = 500  # lines a call
ATTEMPTS = 3  # per chunk, when the portal breaks off

Json = dict[str, Any]


@dataclass(slots=True)
class Report:
    """What a push did: how many the portal has, and what it refused, by reference (why: codes).

    ``still_payable`` are the claims that a person must withdraw at the portal.
    """

    pushed: int = 0
    refused: list[tuple[str, str]] = field(default_factory=list)
    still_payable: Sequence[str] = ()


def push(portal: Portal, key: bytes, progress: Callable[[int, int], None]) -> Report:
    """Push every claim that the portal does not have as it is now.

    ``progress`` is told how many are answered, of how many. Raises Unavailable when the portal
    broke off three times running; push again then. Raises Conflict while another push is under way:
    the portal keeps what came last, and nobody would know which of two bodies that was.
    """
    with alone("push") as is_ours:
        if not is_ours:
            raise Conflict(_("Another push is under way. Push again when it has ended."))
        return _push(portal, key, progress)


def _push(portal: Portal, key: bytes, progress: Callable[[int, int], None]) -> Report:
    with transaction() as session:
        waiting = _waiting(session, key)
        report, done = Report(still_payable=still_payable(session)), 0
    for chunk in _chunks(waiting):
        _push_chunk(portal, chunk, report)
        done += len(chunk)
        progress(done, len(waiting))
    return report


def body(claim: Claim, key: bytes) -> Json:
    """What the portal is told of a claim: no name, no address."""
    debtor = claim.debtor
    told = {
        "reference": claim.reference,
        "amount_cents": claim.cents,
        "currency": claim.currency,
        "kind": claim.kind,
        "purpose": without_names(claim.purpose, debtor.name, debtor.addition),
        "payment_sign": claim.payment_sign,
        "unit": claim.unit or None,
        "debtor": pseudonym(key, debtor.identity),
        "issued_on": claim.issued_on and claim.issued_on.isoformat(),
        "due_on": claim.due_on and claim.due_on.isoformat(),
        "payable_until": claim.payable_until and claim.payable_until.isoformat(),
        "instalments": claim.instalments or None,
        "partial": claim.parts_from_cents and {"minimum_cents": claim.parts_from_cents},
        "tan": claim.wants_tan,
        "language": claim.language or None,
        "replaces": claim.replaces or None,
    }
    return {name: value for name, value in told.items() if value is not None}


def digest(told: Json) -> str:
    """Tells one body from another."""
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def _waiting(session: Session, key: bytes) -> list[Json]:
    payable = select(Claim).where(~Claim.debit).order_by(Claim.line, Claim.reference)
    told = ((claim, body(claim, key)) for claim in session.scalars(payable))
    return [asked for claim, asked in told if claim.pushed != digest(asked)]


def is_pushed(claim: Claim, key: bytes) -> bool:
    """Whether the portal has this claim as it is now."""
    return claim.pushed == digest(body(claim, key))


def _chunks(waiting: Sequence[Json]) -> Iterator[Sequence[Json]]:
    return (waiting[at : at + CHUNK] for at in range(0, len(waiting), CHUNK))


def _push_chunk(portal: Portal, chunk: Sequence[Json], report: Report) -> None:
    _forget_answers(chunk)
    for attempt in range(1, ATTEMPTS + 1):
        answers, broke_off = _answers(portal, chunk)
        _keep(chunk, answers, report)
        chunk = chunk[len(answers) :]
        if not chunk:
            return
        if attempt == ATTEMPTS:
            raise broke_off or Unavailable(_("The portal left lines unanswered."))


def _forget_answers(chunk: Sequence[Json]) -> None:
    """From now on the portal may have the new body, though its answer be lost."""
    with transaction() as session:
        one_after_the_other(session)
        asked = [told["reference"] for told in chunk]
        session.execute(update(Claim).where(Claim.reference.in_(asked)).values(pushed=None))


def _answers(portal: Portal, chunk: Sequence[Json]) -> tuple[list[Json], Unavailable | None]:
    """The answers that came, and what ended them early."""
    answers: list[Json] = []
    try:
        for answer in portal.push(chunk):
            answers.append(answer)
    except Unavailable as error:
        return answers, error
    return answers, None


def _keep(chunk: Sequence[Json], answers: Sequence[Json], report: Report) -> None:
    """Write down what was answered; the rest is asked again."""
    with transaction() as session:
        one_after_the_other(session)
        for told, answer in zip(chunk, answers, strict=False):
            claim = session.get_one(Claim, told["reference"])
            claim.refusal = _refusal(answer)
            if claim.refusal:
                report.refused.append((claim.reference, claim.refusal))
                continue
            if answer.get("reference") != claim.reference:  # else a link goes to a stranger
                raise Refused(_("The portal's answers do not belong to what was asked."))
            _keep_link(session, answer)
            if claim.pushed is None:  # else an event came meanwhile: the answer may be older
                claim.pushed = digest(told)
            report.pushed += 1


def _keep_link(session: Session, answer: Json) -> None:
    link = answer["link"]
    values = {
        "url": link["url"],
        "qr": link["qr"],
        "short_code": link["short_code"],
        "tan": answer.get("tan"),
        "state": answer["state"],
        "open_cents": answer["open_cents"],
    }
    session.execute(
        insert(Link)
        .values(reference=answer["reference"], **values)
        .on_conflict_do_update(index_elements=["reference"], set_=values)
    )


def _refusal(answer: Json) -> str | None:
    """Why the portal did not take a line, as codes with their places; ``None`` when it did."""
    if answer.get("status") in (200, 201):
        return None
    errors = answer.get("errors") or [answer]
    codes = (f"{e.get('code', '')} {e.get('pointer', '')}".strip() for e in errors)
    return "; ".join(filter(None, codes)) or str(answer.get("status"))
