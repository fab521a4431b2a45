"""Where providers call. A notification is taken only after the commit of what it says.

Some providers notify by GET: what counts is the signature over what they send, not the method.
"""

import hashlib
import logging
from collections.abc import Callable, Mapping
from typing import Any

from flask import Blueprint, request
from flask.typing import ResponseReturnValue

from portal import clock
from portal.db import transaction
from portal.payments import accounts, sweep
from portal.payments.record import Source, record
from portal.payments.sweep import ProviderSilent
from portal.providers import registry
from portal.providers.capabilities import Notifies
from portal.providers.protocol import (
    Account,
    BadNotification,
    Heard,
    Moved,
    ProviderDown,
    RefundReport,
    Report,
    ReversalReport,
    SettlementReady,
    UnknownWord,
)
from portal.returns import hearing, reversals, sending
from portal.settlements import settle
from portal.web.current import keyring, tenant_id

bp = Blueprint("webhooks", __name__)
log = logging.getLogger(__name__)


@bp.route("/webhooks/<name:provider>/<name:account_id>", methods=("GET", "POST"))
def notified(provider: str, account_id: str) -> ResponseReturnValue:
    with transaction() as session:
        row = accounts.get(session, tenant_id(), account_id)
        known = row.provider == provider
        account = accounts.unsealed(keyring(), row)
    adapter = registry.get(provider)
    if not known or not isinstance(adapter, Notifies):
        return "", 404
    if request.method == "HEAD":
        return "", 405
    body = request.query_string if request.method == "GET" else request.get_data(cache=False)
    headers = {name.lower(): value for name, value in request.headers.items()}
    try:
        told = _read(adapter, account, headers, body)
    except (BadNotification, UnknownWord) as error:
        log.warning(
            "bad_notification", extra={"account": account_id, "error": type(error).__name__}
        )
        return "", 400
    except ProviderDown:
        raise ProviderSilent("What proves the notification cannot be had now.") from None
    for word in told:
        TAKEN[type(word)](account, word, hashlib.sha256(body).digest())
    return "", 204


def _read(
    adapter: Notifies, account: Account, headers: Mapping[str, str], body: bytes
) -> tuple[Heard, ...]:
    """What a notification says; one of the other mode is bad, as ``read_notification`` raises."""
    told = adapter.read_notification(account, headers, body, clock.now())
    if any(word.live is not account.live for word in told):
        raise BadNotification("it is of the other mode")
    return told


def _payment(account: Account, word: Report, body_sha256: bytes) -> None:
    record(word, Source(account.tenant_id, account.id, "notification", body_sha256))


def _moved(account: Account, word: Moved, _: bytes) -> None:
    accounts.check(account, word.merchant, word.live)
    back = hearing.is_about(account, word)
    known = hearing.hear(account, word) if back else sweep.hear(keyring(), account, word)
    if not known:
        raise ProviderSilent("The provider does not say what became of it.")


def _refund(account: Account, word: RefundReport, _: bytes) -> None:
    sending.record(account.tenant_id, account.id, word)


def _reversal(account: Account, word: ReversalReport, _: bytes) -> None:
    reversals.record_reversal(keyring(), account.tenant_id, account.id, word)


def _settlement(account: Account, word: SettlementReady, _: bytes) -> None:
    accounts.check(account, word.merchant, word.live)
    settle.settle(keyring(), account.tenant_id, account.id, word.settlement)


TAKEN: Mapping[type, Callable[[Account, Any, bytes], None]] = {
    Report: _payment,
    Moved: _moved,
    RefundReport: _refund,
    ReversalReport: _reversal,
    SettlementReady: _settlement,
}
