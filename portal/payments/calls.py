"""The one door through which payments call a provider, and where its silence is counted.

Five calls in a row without an answer pause the account, and so does one key that is not taken: no
new payments are offered on it, all else goes on. Any answer ends the row, and the pause. Counting
is an act of its own beside the money's; when it cannot be done the call's answer still counts.
Reports and sums are asked for beside this door: an account whose reports are out of reach can
still collect.
"""

import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Concatenate, ParamSpec, TypeVar

from sqlalchemy import case, delete, func, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from portal import clock
from portal.db import transaction
from portal.payments import accounts, staff
from portal.payments.models import AccountSilence
from portal.providers import wire
from portal.providers.protocol import (
    Account,
    KeyRefused,
    OrderRefused,
    ProviderDown,
    UnknownWord,
    Unwilling,
)

log = logging.getLogger(__name__)

FAILURES = 5
SILENT, KEY_REFUSED = "silent", "key_refused"
FIRST_PROBE = timedelta(minutes=1)
# Another call's count of the same account takes milliseconds; nobody waits longer for it.
SHORTLY = text("SET LOCAL lock_timeout = '500ms'")

Asked = ParamSpec("Asked")
Answer = TypeVar("Answer")


def made(
    call: Callable[Concatenate[Account, Asked], Answer],
    account: Account,
    /,
    *args: Asked.args,
    **kwargs: Asked.kwargs,
) -> Answer:
    """Call a provider for an account, while no transaction is open, and count whether it answered.

    ``OrderRefused``, ``Unwilling`` and ``UnknownWord`` are answers. Silence is counted only of a
    call that was given its full time. What the call raises goes out; an error of the adapter's own
    is ``ProviderDown``, too: nobody knows then what the provider did, and whoever has just paid
    must not be shown our mistakes.
    """
    try:
        answer = call(account, *args, **kwargs)
    except (OrderRefused, UnknownWord, Unwilling):
        _count(_answered, account)
        raise
    except KeyRefused:
        _count(_shut_out, account)
        raise
    except ProviderDown:
        if not wire.in_haste():
            _count(_failed, account)
        raise
    except Exception as error:
        log.exception("adapter_failed", extra={"account": account.id})
        if not wire.in_haste():  # else one payer's page, asking on and on, would pause it for all
            _count(_failed, account)
        raise ProviderDown(f"The adapter failed: {type(error).__name__}.") from error
    _count(_answered, account)
    return answer


def answers(session: Session, tenant_id: str, account_id: str, why: str) -> bool:
    """Forget an account's silence, and end its pause; ``False`` when it was not silent."""
    mine = (AccountSilence.tenant_id == tenant_id) & (AccountSilence.account_id == account_id)
    ended = session.execute(delete(AccountSilence).where(mine).returning(AccountSilence.paused_at))
    row = ended.one_or_none()
    if row is not None and row.paused_at is not None:
        staff.account_resumed(session, tenant_id, account_id, why)
    return row is not None


def _count(act: Callable[[Session, Account], None], account: Account) -> None:
    try:
        with transaction() as session:
            session.execute(SHORTLY)
            act(session, account)
    except SQLAlchemyError as error:
        log.warning("not_counted", extra={"account": account.id, "error": type(error).__name__})


def _answered(session: Session, account: Account) -> None:
    answers(session, account.tenant_id, account.id, "it answers")


def _failed(session: Session, account: Account) -> None:
    """One more; the fifth pauses. Of an account that is over nothing is offered anyway."""
    if accounts.is_over(session, accounts.get(session, account.tenant_id, account.id)):
        return
    now, silence = clock.now(), AccountSilence
    is_last = silence.failures + 1 == FAILURES
    first = insert(silence).values(
        tenant_id=account.tenant_id, account_id=account.id, failures=1, since=now, probes=0,
        cause=SILENT,
    )  # fmt: skip
    one_more = first.on_conflict_do_update(
        index_elements=[silence.tenant_id, silence.account_id],
        set_={
            "failures": silence.failures + 1,
            "paused_at": case((is_last, now), else_=silence.paused_at),
            "probe_at": case((is_last, now + FIRST_PROBE), else_=silence.probe_at),
        },
    )
    counted = session.execute(one_more.returning(silence.failures, silence.since)).one()
    if counted.failures == FAILURES:
        log.warning("account_paused", extra={"account": account.id})
        place = account.tenant_id, account.id
        staff.account_paused(session, *place, counted.since, SILENT)


def _shut_out(session: Session, account: Account) -> None:
    """The key is not taken: whoever begins here fails. It is paused at once, and told once."""
    if accounts.is_over(session, accounts.get(session, account.tenant_id, account.id)):
        return
    now, silence = clock.now(), AccountSilence
    first = insert(silence).values(
        tenant_id=account.tenant_id, account_id=account.id, failures=FAILURES, since=now, probes=0,
        paused_at=now, probe_at=now + FIRST_PROBE, cause=KEY_REFUSED,
    )  # fmt: skip
    from_now = first.on_conflict_do_update(
        index_elements=[silence.tenant_id, silence.account_id],
        set_={
            "failures": func.greatest(silence.failures + 1, FAILURES),
            "paused_at": func.coalesce(silence.paused_at, now),
            "probe_at": func.coalesce(silence.probe_at, now + FIRST_PROBE),
            "cause": KEY_REFUSED,
        },
        where=silence.cause != KEY_REFUSED,
    )
    if session.execute(from_now.returning(silence.account_id)).one_or_none() is not None:
        log.warning("account_paused", extra={"account": account.id})
        staff.account_paused(session, account.tenant_id, account.id, now, KEY_REFUSED)
