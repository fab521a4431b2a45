"""A leaked key: every link and TAN that hangs on it dies, and new ones take their place.

The finance system fetches the new ones by pushing again or by reading the request; the letters
concerned are named, so that they can be printed anew. What was sealed with the key is sealed anew
with the one in use; credentials that may have leaked with it are to be changed at the provider.
"""

from collections import Counter

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal import audit, clock
from portal.approvals import sealed as sealed_parts
from portal.approvals.models import SealedPart
from portal.db import transaction
from portal.errors import Conflict
from portal.finance import messages, outbox, repeating
from portal.finance.models import Endpoint, KeptAnswer
from portal.keys import Keyring, sealed_with
from portal.payments import mails
from portal.payments.mails import Mail
from portal.payments.models import ProviderAccount
from portal.requests import links, register, tan
from portal.requests.models import PaymentRequest
from portal.requests.purged import PurgedReference
from portal.staff import directory, members
from portal.staff.models import Directory, StaffMember

AT_ONCE = 500


class KeyInUse(Conflict):
    """The key in use cannot be given up: a newer one must stand before it."""

    code = "key_in_use"


def counts(session: Session) -> Counter[str]:
    """How much hangs on each key: requests, what is left of purged references, and sealed rows.

    A key on which nothing hangs may be taken out of the settings.
    """
    found: Counter[str] = Counter()
    for model in (PaymentRequest, PurgedReference):
        with_key = model.key_id != ""  # a request without details has given its key up
        query = select(model.key_id, func.count()).where(with_key).group_by(model.key_id)
        found.update({key_id: int(count) for key_id, count in session.execute(query)})
    sealed = (
        ProviderAccount.credentials_sealed, Endpoint.secret_sealed, KeptAnswer.answer_sealed,
        Mail.sealed, StaffMember.totp_sealed, Directory.secret_sealed, SealedPart.sealed,
    )  # fmt: skip
    for column in sealed:
        found.update(sealed_with(box) for box in session.scalars(select(column)) if box)
    return found


def revoke(keyring: Keyring, key_id: str) -> list[tuple[str, str]]:
    """Give every request of this key a new link and TAN; (tenant, reference) of each.

    A whole act for each request, so it can be broken off and begun again. Raises ``KeyInUse``.
    """
    if key_id == keyring.current.id:
        raise KeyInUse(
            f"{key_id} is the key in use. Put a new one before it in QUITT_KEYS "
            "(./quitt keys new) and keep it until this is done."
        )
    with transaction() as session:
        _seal_anew(session, keyring, key_id)
        _seal_answers_anew(session, keyring, key_id)
        _seal_staff_anew(session, keyring, key_id)
    done: list[tuple[str, str]] = []
    while batch := _hanging_on(key_id):
        for tenant_id, request_id in batch:
            with transaction() as session:
                request = register.locked(session, tenant_id, request_id)
                if request.key_id == key_id:
                    _renew(session, keyring, request)
                    done.append((tenant_id, request.reference))
    return done


def _seal_anew(session: Session, keyring: Keyring, key_id: str) -> None:
    for account in session.scalars(select(ProviderAccount).with_for_update()):
        if sealed_with(account.credentials_sealed) == key_id:
            place = ("account", account.tenant_id, account.id)
            plain = keyring.unseal(account.credentials_sealed, *place)
            account.credentials_sealed = keyring.seal(plain, *place)
    for endpoint in session.scalars(select(Endpoint).with_for_update()):
        if sealed_with(endpoint.secret_sealed) == key_id:
            context = ("endpoint", endpoint.tenant_id)
            plain = keyring.unseal(endpoint.secret_sealed, *context)
            endpoint.secret_sealed = keyring.seal(plain, *context)


def _seal_answers_anew(session: Session, keyring: Keyring, key_id: str) -> None:
    for kept in session.scalars(select(KeptAnswer).with_for_update()):
        if kept.answer_sealed and sealed_with(kept.answer_sealed) == key_id:
            place = repeating.place(kept)
            plain = keyring.unseal(kept.answer_sealed, *place)
            kept.answer_sealed = keyring.seal(plain, *place)
    for mail in session.scalars(select(Mail).where(Mail.sealed.is_not(None)).with_for_update()):
        if mail.sealed and sealed_with(mail.sealed) == key_id:
            mails.sealed_anew(keyring, mail)


def _seal_staff_anew(session: Session, keyring: Keyring, key_id: str) -> None:
    for member in session.scalars(select(StaffMember).with_for_update()):
        if member.totp_sealed and sealed_with(member.totp_sealed) == key_id:
            secret = members.secret_of(keyring, member)
            member.totp_sealed = members.sealed_secret(keyring, member, secret)
    for row in session.scalars(select(Directory).with_for_update()):
        if row.secret_sealed and sealed_with(row.secret_sealed) == key_id:
            secret = directory.secret_of(keyring, row) or ""
            row.secret_sealed = directory.sealed_secret(keyring, row.tenant_id, secret)
    for part in session.scalars(select(SealedPart).with_for_update()):
        if sealed_with(part.sealed) == key_id:
            sealed_parts.seal_anew(keyring, part)


def _hanging_on(key_id: str) -> list[tuple[str, int]]:
    query = (
        select(PaymentRequest.tenant_id, PaymentRequest.id)
        .where(PaymentRequest.key_id == key_id)
        .limit(AT_ONCE)
    )
    with transaction() as session:
        return [(tenant_id, request_id) for tenant_id, request_id in session.execute(query)]


def _renew(session: Session, keyring: Keyring, request: PaymentRequest) -> None:
    """A new link and TAN by the key in use, for a locked request."""
    request.key_id = keyring.current.id
    links.renew(session, keyring.current, request)
    tan.renew(session, request)
    request.updated_at = clock.now()
    audit.note(session, request.tenant_id, "operator", "link.revoked", request.reference)
    message = messages.request_changed(request.reference, request.version, "new_link")
    outbox.put(session, request.tenant_id, message)
