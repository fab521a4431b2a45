"""After a restore: what happened since the backup is gone here, but not outside.

Providers still know what was paid, and are asked. What was due to be purged is purged again. The
rest only others can tell again; what to say to them is told to whoever restored.
"""

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import delete, select, update

from portal import audit, clock, rekeying
from portal.db import transaction
from portal.keys import Keyring
from portal.operating.manifest import Manifest
from portal.payments.models import Payment
from portal.payments.schedule import LONGEST
from portal.payments.states import State
from portal.requests.models import Grant
from portal.retention import purging
from portal.tenants import Tenant


def follow(keyring: Keyring, told: Manifest, *, purge: bool = True) -> Iterator[str]:
    """Do what must follow a restore; says what was done, then what is left to do.

    Without ``purge`` when holds were noted after the backup: it does not know them.
    """
    visitors, asked = _begin_anew(clock.now(), f"{told.made_at:%Y-%m-%dT%H:%M:%SZ}")
    yield f"{visitors} visitors must give their TAN again."
    yield f"{asked} payments without a success are asked about by the worker, beginning now."
    if purge:
        yield from _purge_again(keyring)
    yield from _lost_keys(keyring)
    yield "What is left to do:"
    if not purge:
        yield "  0. First: ./quitt retention hold … as it was, then ./quitt retention run."
    yield from _left(told)


def _begin_anew(now: datetime, made_at: str) -> tuple[int, int]:
    """Note it; end all visits; have the providers asked about all that they may have been paid."""
    with transaction() as session:
        for tenant_id in session.scalars(select(Tenant.id)).all():
            audit.note(session, tenant_id, "operator", "database.restored", made_at)
        visits = session.scalars(delete(Grant).returning(Grant.request_id)).all()
        may_have_been_paid = (
            (Payment.state != State.SUCCEEDED)
            & (Payment.state != State.CREATED)
            & (Payment.started_at > now - LONGEST)
        )
        asking = update(Payment).where(may_have_been_paid).values(ask_at=now)
        asked = session.scalars(asking.returning(Payment.id)).all()
        return len(visits), len(asked)


def _purge_again(keyring: Keyring) -> Iterator[str]:
    """What was purged after the backup stands in it again: its time was up, so it is up now."""
    for gone in purging.again(keyring):
        told = ", ".join(f"{name}: {count}" for name, count in gone.counts.items() if count)
        yield f"{gone.tenant_id}: purged again, {told or 'nothing was due'}."


def _lost_keys(keyring: Keyring) -> Iterator[str]:
    with transaction() as session:
        hanging = rekeying.counts(session)
    missing = hanging.keys() - {key.id for key in keyring.keys}
    for key_id in sorted(missing):
        yield f"QUITT_KEYS lacks {key_id}, on which {hanging[key_id]} things hang: put it back."


def _left(told: Manifest) -> Iterator[str]:
    since = f"{told.made_at:%Y-%m-%d %H:%M} UTC"
    for tenant_id, position in sorted(told.feeds.items()):
        yield (
            f"  1. {tenant_id}: a finance system that reads the feed goes back to position"
            f" {position} before its next look (the office: ./quitt office sync --again-after"
            f" {position}), and acknowledges again what it has booked since."
        )
    yield "  2. ./quitt doctor, then start `quitt worker` and `quitt serve` again."
    yield (
        f"  3. The finance systems send again what they ordered since {since}: new requests and"
        " versions, withdrawals, payments elsewhere, refunds, new links and TANs, arrivals."
        " Money in custody that was sent back since is unknown here: look at the provider first."
    )
    yield (
        f"  4. Payments that began after {since} are unknown here. Their providers' settlement"
        " reports bring them as unclear money: ./quitt doctor and the worklist show them."
    )
    yield "  5. Annual accounts and holds that were noted since then: ./quitt retention …, again."
    yield "  6. Keys revoked since then: ./quitt keys revoke ID again."
