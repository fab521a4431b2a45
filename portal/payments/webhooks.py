"""Where providers call. A notification is taken only after the commit of what it says."""

import hashlib
import logging

from flask import Blueprint, request
from flask.typing import ResponseReturnValue

from portal import clock
from portal.db import transaction
from portal.payments import accounts, settle
from portal.payments.record import Source, record
from portal.providers import registry
from portal.providers.protocol import (
    BadNotification,
    Notifies,
    Report,
    SettlementReady,
    UnknownWord,
)
from portal.web.current import keyring, tenant_id

bp = Blueprint("webhooks", __name__)
log = logging.getLogger(__name__)


@bp.post("/webhooks/<name:provider>/<name:account_id>")
def notified(provider: str, account_id: str) -> ResponseReturnValue:
    with transaction() as session:
        row = accounts.get(session, tenant_id(), account_id)
        known = row.provider == provider
        account = accounts.unsealed(keyring(), row)
    adapter = registry.get(provider)
    if not known or not isinstance(adapter, Notifies):
        return "", 404
    body = request.get_data(cache=False)
    headers = {name.lower(): value for name, value in request.headers.items()}
    try:
        told = adapter.read_notification(account, headers, body, clock.now())
    except (BadNotification, UnknownWord) as error:
        log.warning(
            "bad_notification", extra={"account": account_id, "error": type(error).__name__}
        )
        return "", 400
    source = Source(account.tenant_id, account.id, "notification", hashlib.sha256(body).digest())
    for word in told:
        _take(word, source)
    return "", 204


def _take(word: Report | SettlementReady, source: Source) -> None:
    if isinstance(word, Report):
        record(word, source)
    else:
        settle.settle(keyring(), source.tenant_id, source.account_id, word.settlement)
