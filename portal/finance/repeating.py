"""Repeating (Idempotency-Key): a call that is repeated is answered again and done once.

The key is written first, in the transaction of the act: of two callers with the same key one
waits for the other. What failed was rolled back with its key and is simply tried anew. The answer
may hold a link or a TAN, so it is kept sealed; key and body are kept as SHA-256 only.
"""

import hashlib
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from portal import clock
from portal.db import transaction
from portal.errors import Invalid
from portal.finance.models import KeptAnswer
from portal.keys import Keyring

KEPT_FOR = timedelta(hours=24)


class KeyReused(Invalid):
    """The same key came with another call."""

    code = "idempotency_key_reused"


@dataclass(frozen=True, slots=True)
class Call:
    """One call under a key; ``asked`` is what the same call again has in common with it."""

    tenant_id: str
    client_id: str
    key: str
    asked: bytes


@dataclass(frozen=True, slots=True)
class Answered:
    """The answer that was given: HTTP status and body."""

    status: int
    body: bytes


def begin(session: Session, keyring: Keyring, call: Call) -> Answered | None:
    """The answer given before, or ``None`` when the call is to be done. Raises ``KeyReused``."""
    now = clock.now()
    fresh = {"asked_sha256": _sha256(call.asked), "kept_since": now}
    empty = {"status": None, "answer_sealed": None}
    written = session.scalar(
        insert(KeptAnswer)
        .values(**_key(call), **fresh, **empty)
        .on_conflict_do_update(
            index_elements=["tenant_id", "client_id", "key_sha256"],
            set_={**fresh, **empty},
            where=KeptAnswer.kept_since <= now - KEPT_FOR,
        )
        .returning(KeptAnswer.tenant_id)
    )
    if written is not None:
        return None
    kept = _kept(session, call)
    if kept.asked_sha256 != fresh["asked_sha256"]:
        raise KeyReused("This Idempotency-Key was used for another call.")
    if kept.status is None or kept.answer_sealed is None:
        raise AssertionError("a call was committed without its answer")
    return Answered(kept.status, keyring.unseal(kept.answer_sealed, *place(kept)))


def keep(session: Session, keyring: Keyring, call: Call, answered: Answered) -> None:
    """Keep the answer of a call that was begun in this transaction."""
    kept = _kept(session, call)
    kept.status = answered.status
    kept.answer_sealed = keyring.seal(answered.body, *place(kept))


def place(kept: KeptAnswer) -> tuple[str, ...]:
    """To what a kept answer is bound when it is sealed."""
    return ("kept-answer", kept.tenant_id, kept.client_id, kept.key_sha256.hex())


def delete_old() -> int:
    """Forget answers after a day; how many there were. A whole act."""
    with transaction() as session:
        old = delete(KeptAnswer).where(KeptAnswer.kept_since <= clock.now() - KEPT_FOR)
        return len(session.scalars(old.returning(KeptAnswer.tenant_id)).all())


def _kept(session: Session, call: Call) -> KeptAnswer:
    mine = select(KeptAnswer).filter_by(**_key(call))
    return session.scalars(mine.execution_options(populate_existing=True)).one()


def _key(call: Call) -> dict[str, str | bytes]:
    return {
        "tenant_id": call.tenant_id,
        "client_id": call.client_id,
        "key_sha256": _sha256(call.key.encode()),
    }


def _sha256(what: bytes) -> bytes:
    return hashlib.sha256(what).digest()
