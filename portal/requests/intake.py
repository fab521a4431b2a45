"""Intake: a payment request is stored once per tenant and reference, however often it is pushed.

The same body again changes nothing and gives the same link. A changed body is always a new
version; only another currency is refused.
"""

from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from portal import clock
from portal.db import Json
from portal.errors import Conflict, Invalid
from portal.finance import messages, outbox
from portal.keys import Key, Keyring
from portal.ledger import book, entries, items
from portal.ledger.items import Place
from portal.money import Money
from portal.requests import links, purged, register, replacing
from portal.requests.asked import Asked
from portal.requests.models import PaymentRequest, RequestVersion
from portal.requests.purged import ReferenceUsed
from portal.requests.states import PAYABLE, Event, State, coverage, step
from portal.tenants import Kind, Tenant

MOST_COLLISIONS = 8


class UnknownKind(Invalid):
    """The tenant has no such kind of request."""

    code = "unknown_kind"


class PartsNotAllowed(Invalid):
    """The kind's law wants the whole amount at once."""

    code = "parts_not_allowed"


class CurrencyChanged(Conflict):
    """A request keeps its currency."""

    code = "currency_changed"


class Stored(StrEnum):
    """What became of a push."""

    CREATED = "created"
    CHANGED = "changed"
    SAME = "same"


@dataclass(frozen=True, slots=True)
class Taken:
    """A stored request, what the push did to it, and what in it may tell of a person."""

    request: PaymentRequest
    stored: Stored
    warnings: tuple[str, ...]


def put(session: Session, keyring: Keyring, tenant_id: str, reference: str, asked: Asked) -> Taken:
    """Store what is asked.

    Raises ``UnknownKind``, ``PartsNotAllowed``, ``CurrencyChanged`` and ``ReferenceUsed``.
    """
    check_kind(session.get(Kind, (tenant_id, asked.kind)), asked)
    warnings = asked.warnings()
    content = asked.model_dump(mode="json", exclude_defaults=True)
    created = _insert(session, keyring, (tenant_id, reference), asked, content)
    if created is not None:
        if purged.gone(session, keyring, tenant_id, [reference]):
            raise ReferenceUsed
        _write_version(session, created)
        _settle_in(session, created, asked)
        return Taken(created, Stored.CREATED, warnings + _passed_over(session, created, asked))
    known = register.by_reference(session, tenant_id, reference)
    if known.content == content and not _late(session, known, asked):
        return Taken(known, Stored.SAME, warnings + _passed_over(session, known, asked))
    request = _locked(session, known, asked)
    purged.refuse(request)
    if request.content == content:
        _catch_up(session, request, asked)
        return Taken(request, Stored.SAME, warnings + _passed_over(session, request, asked))
    _change(session, request, asked, content)
    return Taken(request, Stored.CHANGED, warnings + _passed_over(session, request, asked))


def _locked(session: Session, known: PaymentRequest, asked: Asked) -> PaymentRequest:
    """The request, locked with those that it replaces and the one in its own place: by id."""
    locked: list[int] = []
    while (together := _together(session, known, asked)) != locked:
        for request_id in together:
            register.locked(session, known.tenant_id, request_id)
        locked = together  # unless it was replaced while we waited
    return known


def _together(session: Session, known: PaymentRequest, asked: Asked) -> list[int]:
    older = select(PaymentRequest.id).where(
        PaymentRequest.tenant_id == known.tenant_id, PaymentRequest.reference.in_(asked.replaces)
    )
    line = register.line(session, known) if asked.replaces else [known]
    return sorted({request.id for request in line} | set(session.scalars(older)))


def check_kind(kind: Kind | None, asked: Asked) -> None:
    """Raise ``UnknownKind`` or ``PartsNotAllowed`` unless the tenant's kind takes what is asked."""
    if kind is None:
        raise UnknownKind(f"The tenant has no kind {asked.kind!r}.")
    if asked.partial and not kind.parts_allowed:
        raise PartsNotAllowed(f"Requests of kind {asked.kind!r} are paid as a whole.")


def row(key: Key, of: links.Identity, code: str, asked: Asked) -> Json:
    """The columns of a new request but for its content; the others begin with their defaults."""
    return {
        "tenant_id": of.tenant_id,
        "reference": of.reference,
        "key_id": key.id,
        "link_version": of.version,
        "lookup": links.lookup(key, of.tenant_id, code),
        **_columns(asked),
    }


def _insert(
    session: Session, keyring: Keyring, key: tuple[str, str], asked: Asked, content: Json
) -> PaymentRequest | None:
    """A new row, or ``None`` when the reference is there already.

    On the rare collision of two short codes the link version is raised (11 characters are 55
    bits: with a million requests of a tenant one push in 3 * 10^10 meets it).
    """
    for link_version in range(1, MOST_COLLISIONS + 1):
        of = links.Identity(*key, link_version)
        new = row(keyring.current, of, links.short_code(keyring.current, of), asked)
        statement = insert(PaymentRequest).values(**new, content=content).on_conflict_do_nothing()
        created = session.scalar(statement.returning(PaymentRequest))
        if created is not None or _is_known(session, *key):
            return created
    raise AssertionError("eight short codes collided: the key derivation is broken")


def _is_known(session: Session, tenant_id: str, reference: str) -> bool:
    query = select(PaymentRequest.id).where(
        PaymentRequest.tenant_id == tenant_id, PaymentRequest.reference == reference
    )
    return session.scalar(query) is not None


def _change(session: Session, request: PaymentRequest, asked: Asked, content: Json) -> None:
    if asked.currency != request.currency:
        raise CurrencyChanged(f"The request is in {request.currency}; a currency never changes.")
    old_kind = request.kind
    if asked.amount_cents != request.amount_cents:
        request.closed_cents = 0  # a new amount says anew what is asked
    for name, value in _columns(asked).items():
        setattr(request, name, value)
    request.content = content
    request.version += 1
    request.updated_at = clock.now()
    _write_version(session, request)
    _move_kind(session, request, old_kind)
    _reopen(session, request)
    _settle_in(session, request, asked)
    changed = messages.request_changed(request.reference, request.version, "new_version")
    outbox.put(session, request.tenant_id, changed)


def _settle_in(session: Session, request: PaymentRequest, asked: Asked) -> None:
    """What a new version means for older letters and for what was paid already."""
    if asked.replaces:
        in_force = replacing.replace(session, request, asked.replaces)
        if in_force is not request:  # it was replaced itself: what came counts for that one
            _settle(session, in_force, request)
    _settle(session, request, request)


def _late(session: Session, request: PaymentRequest, asked: Asked) -> list[str]:
    """What this version replaces and came after it, so that nothing has replaced it yet."""
    if not asked.replaces or State(request.state) not in PAYABLE:
        return []
    return replacing.never_replaced(session, request.tenant_id, asked.replaces)


def _catch_up(session: Session, request: PaymentRequest, asked: Asked) -> None:
    """The same again replaces what came late, and changes nothing else."""
    if late := _late(session, request, asked):
        in_force = replacing.replace(session, request, late)
        _settle(session, in_force, request)


def _passed_over(session: Session, request: PaymentRequest, asked: Asked) -> tuple[str, ...]:
    """What was to be replaced and could not be: the finance system should know."""
    if not asked.replaces:
        return ()
    return replacing.passed_over(session, request, asked.replaces)


def _settle(session: Session, request: PaymentRequest, by: PaymentRequest) -> None:
    """Weigh what is covered against what is asked; ``by`` is whose new version changed it."""
    if request.covered_cents == 0 and request.state == State.OPEN:
        return
    _keep_surplus(session, request, by)
    # What was covered since a rest was waived makes that much of the waiver void.
    rest = request.amount_cents - request.covered_cents
    request.closed_cents = min(request.closed_cents, rest)
    covered = coverage(request.due_cents, request.covered_cents)
    request.state = step(State(request.state), covered)


def _keep_surplus(session: Session, request: PaymentRequest, by: PaymentRequest) -> None:
    """More was paid than is asked now: the rest is nobody's until it is sent back."""
    surplus = Money(request.covered_cents - request.amount_cents, request.currency)
    if surplus.cents <= 0:
        return
    tenant_id, name = request.tenant_id, f"{by.reference}:{by.version}"
    entry = entries.lowered(by.reference, by.version, request.kind, surplus)
    book.post(session, tenant_id, entry)
    request.covered_cents = request.amount_cents
    place = Place(tenant_id, None, f"lowered:{name}")
    item = items.open_custody(session, place, "surplus", surplus, request.reference)
    if item is not None:
        kept = messages.Kept(item, surplus, "surplus", None)
        outbox.put(session, tenant_id, messages.custody_opened(request.reference, kept))


def _move_kind(session: Session, request: PaymentRequest, old_kind: str) -> None:
    if old_kind != request.kind and request.covered_cents:
        paid = Money(request.covered_cents, request.currency)
        entry = entries.kind_changed(
            request.reference, request.version, old_kind, request.kind, paid
        )
        book.post(session, request.tenant_id, entry)


def _reopen(session: Session, request: PaymentRequest) -> None:
    """A new version with a later last day, or none, can be paid online again."""
    today = clock.today(session.get_one(Tenant, request.tenant_id).time_zone)
    if request.state == State.EXPIRED and not request.is_over(today):
        request.state = step(State.EXPIRED, Event.RESTORED)


def _columns(asked: Asked) -> Json:
    return {
        "amount_cents": asked.amount_cents,
        "currency": asked.currency,
        "kind": asked.kind,
        "purpose": asked.purpose,
        "payment_sign": asked.payment_sign,
        "due_on": asked.due_on,
        "payable_until": asked.payable_until,
        "tan_required": asked.tan,
        "language": asked.language,
    }


def _write_version(session: Session, request: PaymentRequest) -> None:
    session.add(
        RequestVersion(
            tenant_id=request.tenant_id,
            request_id=request.id,
            version=request.version,
            amount_cents=request.amount_cents,
            content=request.content,
        )
    )
