"""Confirmations by e-mail: ordered once they are written, sent by the worker, then forgotten.

The whole message, with the address in it, lies sealed in its row until the mail server has taken
it, for less than a day at most. What stays is that there was one: a payment has three at most.
"""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, delete, exists, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from portal import clock
from portal.db import Base, lock, transaction
from portal.errors import Conflict, Misconfigured, PortalError, Unavailable
from portal.keys import CannotUnseal, Keyring
from portal.mail import Post, send
from portal.payments.models import Payment
from portal.payments.start import NoSuchPayment
from portal.payments.states import State as PaymentState
from portal.requests import register
from portal.requests.models import PaymentRequest

MOST = 3  # mails of one payment, whatever became of them
KEPT = timedelta(hours=23)  # the round that forgets may be late: 24 hours are never reached
AT_ONCE = 50  # mails of one round
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=30), timedelta(hours=1)

log = logging.getLogger(__name__)


class State(StrEnum):
    """What became of a mail."""

    WAITING = "waiting"
    TAKEN = "taken"  # by the mail server
    GIVEN_UP = "given_up"


STATES = ", ".join(f"'{state}'" for state in State)


class TooMany(Conflict):
    """Three mails of this payment were ordered."""

    code = "too_many_mails"


class Mail(Base):
    """A mail that was ordered; ``sealed`` is all of it, and gone when it no longer waits."""

    __tablename__ = "mails"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "payment_id"], ["payments.tenant_id", "payments.id"]),
        CheckConstraint(f"number BETWEEN 1 AND {MOST}", name="number"),
        CheckConstraint(f"state IN ({STATES})", name="state"),
        CheckConstraint("(state = 'waiting') = (sealed IS NOT NULL)", name="sealed"),
        CheckConstraint("(state = 'waiting') = (ended_at IS NULL)", name="ended"),
        Index("ix_mails_due_at", "due_at", postgresql_where="state = 'waiting'"),
    )

    tenant_id: Mapped[str] = mapped_column(primary_key=True)
    payment_id: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    state: Mapped[str] = mapped_column(default=State.WAITING)
    sealed: Mapped[bytes | None]
    ordered_at: Mapped[datetime]
    due_at: Mapped[datetime]
    tries: Mapped[int] = mapped_column(default=0)
    ended_at: Mapped[datetime | None]


Key = tuple[str, str, int]


def ordered(session: Session, tenant_id: str, payment_id: str) -> int:
    """How many mails of a payment were ordered."""
    mine = (Mail.tenant_id == tenant_id) & (Mail.payment_id == payment_id)
    return int(session.scalar(select(func.count()).select_from(Mail).where(mine)) or 0)


def order(keyring: Keyring, payment: tuple[str, str], raw: bytes) -> int:
    """Have a message about a confirmed payment (tenant, id) sent; its number. A whole act.

    Raises ``TooMany``, ``NoSuchPayment``.
    """
    with transaction() as session:
        row = session.get(Payment, payment)
        if row is None or row.state != PaymentState.SUCCEEDED:
            raise NoSuchPayment("There is no such confirmed payment.")
        register.locked(session, row.tenant_id, row.request_id)  # counting waits for counting
        number = ordered(session, *payment) + 1
        if number > MOST:
            raise TooMany(f"{MOST} mails of this payment were ordered.")
        now = clock.now()
        sealed = keyring.seal(raw, *_place((*payment, number)))
        session.add(
            Mail(
                tenant_id=row.tenant_id,
                payment_id=row.id,
                number=number,
                sealed=sealed,
                ordered_at=now,
                due_at=now,
            )
        )
        return number


def send_due(keyring: Keyring, way: Post) -> int:
    """Send what is due; how many the mail server took. Two acts a mail, none open meanwhile."""
    taken = 0
    for key in _due():
        raw = _begun(keyring, key)
        if raw is None:
            continue
        try:
            send(way, raw)
        except Unavailable as error:
            _told("mail_waits", key, error)
        except PortalError as error:
            _told("mail_refused", key, error)
            _end(key, State.GIVEN_UP)
        else:
            _end(key, State.TAKEN)
            taken += 1
    return taken


def forget() -> int:
    """Give up what waits too long, and forget the mails of what is deleted. A whole act.

    How many addresses went.
    """
    with transaction() as session:
        old = select(Mail.tenant_id, Mail.payment_id, Mail.number).where(
            Mail.state == State.WAITING, Mail.ordered_at <= clock.now() - KEPT
        )
        gone = [_close(session, tuple(key), State.GIVEN_UP) for key in session.execute(old).all()]
        deleted = exists().where(
            Payment.tenant_id == Mail.tenant_id,
            Payment.id == Mail.payment_id,
            PaymentRequest.tenant_id == Payment.tenant_id,
            PaymentRequest.id == Payment.request_id,
            PaymentRequest.details_purged_at.is_not(None),
        )
        session.execute(delete(Mail).where(deleted))
        return sum(gone)


def sealed_anew(keyring: Keyring, mail: Mail) -> None:
    """Seal what a locked mail holds with the key in use."""
    if mail.sealed is not None:
        place = _place((mail.tenant_id, mail.payment_id, mail.number))
        mail.sealed = keyring.seal(keyring.unseal(mail.sealed, *place), *place)


def _due() -> Sequence[Key]:
    query = (
        select(Mail.tenant_id, Mail.payment_id, Mail.number)
        .where(Mail.state == State.WAITING, Mail.due_at <= clock.now())
        .order_by(Mail.due_at)
        .limit(AT_ONCE)
    )
    with transaction() as session:
        return [(tenant, payment, number) for tenant, payment, number in session.execute(query)]


def _begun(keyring: Keyring, key: Key) -> bytes | None:
    """What is to be sent now; nobody else tries it before its pause is over."""
    with transaction() as session:
        mail = lock(session, Mail, *key)
        if mail is None or mail.sealed is None or mail.due_at > clock.now():
            return None
        mail.tries += 1
        mail.due_at = clock.now() + min(FIRST_PAUSE * (1 << min(mail.tries, 10)), LONGEST_PAUSE)
        try:
            return keyring.unseal(mail.sealed, *_place(key))
        except (CannotUnseal, Misconfigured) as error:
            _told("mail_sealed_for_good", key, error)
            _close(session, key, State.GIVEN_UP)
            return None


def _end(key: Key, state: State) -> None:
    with transaction() as session:
        _close(session, key, state)


def _close(session: Session, key: tuple[object, ...], state: State) -> bool:
    """The address goes; whether it was still there."""
    mail = lock(session, Mail, *key)
    if mail is None or mail.state != State.WAITING:
        return False
    mail.state, mail.sealed, mail.ended_at = state, None, clock.now()
    return True


def _told(event: str, key: Key, error: Exception) -> None:
    tenant_id, payment_id, _ = key
    what = str(error) if isinstance(error, PortalError) else type(error).__name__
    log.warning(event, extra={"tenant": tenant_id, "payment": payment_id, "error": what})


def _place(key: Key) -> tuple[str, ...]:
    return ("mail", *(str(part) for part in key))
