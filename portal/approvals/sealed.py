"""What an approval needs and nobody may read: kept sealed beside it, and not for long.

The facts of an approval are shown and noted; credentials and new keys are neither.
"""

import json
from collections.abc import Mapping
from typing import TypeVar

from sqlalchemy import Select, delete, or_, select
from sqlalchemy.orm import Session

from portal import clock
from portal.approvals.deciding import RUNS_OUT_AFTER
from portal.approvals.models import Approval, SealedPart
from portal.approvals.states import State
from portal.keys import Keyring

Rows = TypeVar("Rows", Select[SealedPart], Select[str, str])


def put(
    session: Session, keyring: Keyring, approval: Approval, part: str, told: Mapping[str, str],
    for_whom: str = "",
) -> None:  # fmt: skip
    """Keep a secret beside an approval; ``for_whom`` may be shown it."""
    plain = json.dumps(dict(told)).encode()
    row = SealedPart(
        tenant_id=approval.tenant_id,
        approval_id=approval.id,
        part=part,
        for_whom=for_whom,
        sealed=keyring.seal(plain, *_place(approval.tenant_id, approval.id, part)),
        kept_until=clock.now() + RUNS_OUT_AFTER,
    )
    session.add(row)
    session.flush()


def take(session: Session, keyring: Keyring, approval: Approval, part: str) -> dict[str, str]:
    """The secret, which is gone with that; empty where there is none."""
    row = session.get(SealedPart, (approval.tenant_id, approval.id, part))
    return _opened(session, keyring, row) if row else {}


def waiting_for(session: Session, tenant_id: str, act: str, who: str) -> list[tuple[str, str]]:
    """(subject, part) of what this person may be shown, once."""
    query = _of(select(Approval.subject, SealedPart.part), tenant_id, act, who)
    return [(subject, part) for subject, part in session.execute(query.order_by(Approval.id))]


def show(
    session: Session, keyring: Keyring, tenant_id: str, act: str, subject: str, who: str
) -> tuple[str, dict[str, str]] | None:  # fmt: skip
    """(part, secret) that waits for this person, which is gone with that; ``None``: nothing."""
    query = _of(select(SealedPart), tenant_id, act, who).where(Approval.subject == subject)
    row = session.scalar(query.order_by(Approval.id.desc()).limit(1).with_for_update(of=SealedPart))
    return (row.part, _opened(session, keyring, row)) if row else None


def seal_anew(keyring: Keyring, row: SealedPart) -> None:
    """Seal with the key in use what an older key sealed."""
    place = _place(row.tenant_id, row.approval_id, row.part)
    row.sealed = keyring.seal(keyring.unseal(row.sealed, *place), *place)


def forget(session: Session) -> None:
    """Delete what is past its time, or belongs to what will not be done."""
    dead = select(Approval.id).where(
        Approval.tenant_id == SealedPart.tenant_id,
        Approval.id == SealedPart.approval_id,
        Approval.state.in_((State.REFUSED, State.EXPIRED)),
    )
    over = or_(SealedPart.kept_until <= clock.now(), dead.exists())
    session.execute(delete(SealedPart).where(over))


def _of(query: Rows, tenant_id: str, act: str, who: str) -> Rows:
    asked = (Approval.tenant_id == SealedPart.tenant_id) & (Approval.id == SealedPart.approval_id)
    return (
        query.select_from(SealedPart)
        .join(Approval, asked)
        .where(
            SealedPart.tenant_id == tenant_id,
            SealedPart.for_whom == who,
            SealedPart.kept_until > clock.now(),
            Approval.act == act,
        )
    )


def _opened(session: Session, keyring: Keyring, row: SealedPart) -> dict[str, str]:
    plain = keyring.unseal(row.sealed, *_place(row.tenant_id, row.approval_id, row.part))
    session.delete(row)
    session.flush()
    return dict(json.loads(plain))


def _place(tenant_id: str, approval_id: int, part: str) -> tuple[str, str, str, str]:
    return ("approval", tenant_id, str(approval_id), part)
