"""The check code on a confirmation: with it anyone may see whether the paper is still true.

Sixteen characters: seven of the payment's id, by which it is found, eight by HMAC-SHA-256 with a
key of their own, and a check character. To hit any of a million payments by guessing takes 2^55
tries; who knows a payment's id, as its provider does, still lacks 2^40. Nothing is stored: the
code is the same whenever the paper is drawn, and opens nothing but amount, day, the reference's
end and the present state.
"""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import references
from portal.keys import Key, Keyring, mac
from portal.payments import confirmations
from portal.payments.confirmations import Kept
from portal.payments.models import Payment
from portal.payments.states import State
from portal.requests.models import PaymentRequest
from portal.requests.states import State as RequestState

NAME_LENGTH = 7
PROOF_LENGTH = 8
LENGTH = NAME_LENGTH + PROOF_LENGTH + 1
REFERENCE_END = 4  # characters of the reference that are shown

_ID_BITS, _NAME_BITS = 128, 5 * NAME_LENGTH
_NOBODY = "0" * 32


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a right code shows; once the details are deleted, only whether it was settled."""

    payment: Payment
    settled: bool
    kept: Kept | None
    reference_end: str
    paid_on: date | None


def code(key: Key, tenant_id: str, payment_id: str) -> str:
    """The check code of a payment, without blocks."""
    return references.with_check(_name(payment_id) + _proof(key, tenant_id, payment_id))


def find(session: Session, keyring: Keyring, tenant_id: str, typed: str) -> Receipt | None:
    """What a typed code proves, or ``None`` for whatever is none, or none of this town's."""
    folded = references.fold(typed)
    if len(folded) != LENGTH or not references.is_valid(folded):
        return None
    name, told = folded[:NAME_LENGTH], folded[NAME_LENGTH:-1]
    found = _right(keyring, tenant_id, _called(session, tenant_id, name), told)
    return _receipt(session, found) if found else None


def _receipt(session: Session, payment: Payment) -> Receipt | None:
    request = session.get_one(PaymentRequest, (payment.tenant_id, payment.request_id))
    settled = request.state == RequestState.PAID
    if request.purged_at is not None:
        return None
    if request.details_purged_at is not None:
        return Receipt(payment, settled, None, "", None)
    kept = confirmations.kept(session, payment)
    end = request.reference[-REFERENCE_END:]
    return Receipt(payment, settled, kept, end, payment.effective_on)


def _right(
    keyring: Keyring, tenant_id: str, called: Sequence[Payment], told: str
) -> Payment | None:
    """The payment whose proof was told; the same work is done when there is none."""
    found = None
    for key in keyring.keys:
        for payment in called or (None,):
            right = _proof(key, tenant_id, payment.id if payment else _NOBODY)
            if hmac.compare_digest(right.encode(), told.encode()) and payment:
                found = payment
    return found


def _called(session: Session, tenant_id: str, name: str) -> Sequence[Payment]:
    """The confirmed payments whose id begins like this: one, but for chance."""
    number = 0
    for sign in name:
        number = number << 5 | references.ALPHABET.index(sign)
    rest = _ID_BITS - _NAME_BITS
    first, last = number << rest, (number + 1 << rest) - 1
    query = select(Payment).where(
        Payment.tenant_id == tenant_id,
        Payment.id.between(f"{first:032x}", f"{last:032x}"),
        Payment.state == State.SUCCEEDED,
    )
    return session.scalars(query).all()


def _name(payment_id: str) -> str:
    return references.from_bytes(bytes.fromhex(payment_id), NAME_LENGTH)


def _proof(key: Key, tenant_id: str, payment_id: str) -> str:
    raw = mac(key.child("receipt"), tenant_id, payment_id)
    return references.from_bytes(raw, PROOF_LENGTH)
