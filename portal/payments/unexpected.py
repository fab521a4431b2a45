"""Money that a bell rings for and that is no payment of ours: asked for by the provider's own name.

It is the town's all the same, and goes into custody as any other that fits no payment.
"""

import logging

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import clock
from portal.db import transaction
from portal.payments import accounts, calls, names
from portal.payments.models import ProviderReport
from portal.payments.record import Source, record
from portal.payments.schedule import NOT_AGAIN_WITHIN
from portal.providers import registry
from portal.providers.protocol import Account, Moved, Outcome, ProviderDown, UnknownWord

log = logging.getLogger(__name__)


def hear(account: Account, word: Moved) -> bool:
    """Ask about what a bell names and record the answer; ``False``: the bell shall ring again.

    Nothing is collected, whatever somebody agreed to. Without a name of the provider nothing can be
    asked.
    """
    if not word.provider_reference:
        log.warning("rang_for_nothing", extra={"account": account.id})
        return True
    with transaction() as session:
        if has_come(session, account, word):
            return True
        last = _last(session, account, word)
        if last is not None and last.heard_at > clock.now() - NOT_AGAIN_WITHIN:
            return False
        provider = accounts.get(session, account.tenant_id, account.id).provider
    try:
        report = calls.made(registry.get(provider).fetch, account, "", word.provider_reference)
    except (ProviderDown, UnknownWord) as error:
        log.warning("no_answer", extra={"account": account.id, "error": type(error).__name__})
        return False
    if report.outcome is Outcome.NOT_FOUND:
        return False
    record(report, Source(account.tenant_id, account.id, "notification"))
    return True


def has_come(session: Session, account: Account, word: Moved) -> bool:
    """Whether the money that a bell rings for was heard of already: it can be no news."""
    last = _last(session, account, word)
    return last is not None and last.outcome == Outcome.SUCCEEDED


def _last(session: Session, account: Account, word: Moved) -> ProviderReport | None:
    """What was heard last of what the provider names so."""
    query = select(ProviderReport).where(
        ProviderReport.tenant_id == account.tenant_id,
        ProviderReport.account_id == account.id,
        ProviderReport.provider_reference == names.theirs(word.provider_reference),
    )
    return session.scalar(query.order_by(ProviderReport.id.desc()).limit(1))
