"""What a provider's bell rings for when it is money that goes back: never money that came.

Some providers tell of a refund as they tell of a payment, in words that do not count.
"""

import logging

from sqlalchemy.orm import Session

from portal.db import transaction
from portal.providers.protocol import Account, Moved
from portal.returns import sending, ways
from portal.returns.refunds import NoSuchRefund

log = logging.getLogger(__name__)


def is_about(account: Account, word: Moved) -> bool:
    """Whether a bell is about money that goes back: by its name, or as the provider says itself."""
    with transaction() as session:
        return word.refund or _account(session, account.tenant_id, word.payment) is not None


def hear(account: Account, word: Moved) -> bool:
    """Ask about the refund or return that a bell names; ``False``: it shall ring again.

    Of what is none of ours, or of another account's, it is acknowledged and stands in the log: what
    went back without us is heard of from the settlement report.
    """
    with transaction() as session:
        ours = _account(session, account.tenant_id, word.payment)
    if ours != account.id or not word.provider_reference:
        log.warning("rang_for_nothing", extra={"account": account.id})
        return True
    return sending.ask(account, word.payment, word.provider_reference)


def _account(session: Session, tenant_id: str, name: str) -> str | None:
    """By which account the money of this name of ours goes back; ``None`` when none does."""
    try:
        _, row = ways.found(session, tenant_id, name)
    except NoSuchRefund:
        return None
    return ways.account_of(session, row)
