"""Where the portal's events arrive: signed, and answered with 2xx only when they are committed.

The signature is the Standard Webhooks one (standardwebhooks.com): HMAC-SHA-256 over id, timestamp
and raw body. It is checked against our own clock, which the demo can move.
"""

import binascii
import hmac
from datetime import UTC, datetime

from flask import Blueprint, current_app, request
from flask_babel import gettext as _
from standardwebhooks import Webhook
from werkzeug.datastructures import Headers

from office.facts import read_event
from office.taking import take
from portal import clock
from portal.config import Settings
from portal.errors import Invalid, Misconfigured

TEST = "endpoint.test"
TOLERANCE = 300  # seconds, both ways

hook = Blueprint("webhook", __name__)


@hook.post("/events", endpoint="take")
def take_event() -> tuple[dict[str, str], int]:
    """Take one pushed event."""
    settings: Settings = current_app.config["SETTINGS"]
    raw = request.get_data(cache=False)
    if not is_signed(raw, request.headers, settings.office_webhook_secret, clock.now()):
        return {"code": "signature"}, 401
    try:
        event = read_event(raw)
    except Invalid:
        return {"code": "invalid"}, 422
    if event.type == TEST:  # it tells nothing: the town hall only asks whether we are there
        return {"result": "test"}, 200
    state = take(event)
    return {"result": state or "known"}, 200


def is_signed(raw: bytes, headers: Headers, secret: str, now: datetime) -> bool:
    """Whether the portal has signed these bytes within the last five minutes."""
    if not secret:
        raise Misconfigured(_("QUITT_OFFICE_WEBHOOK_SECRET is empty: no event can be taken."))
    named, stamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not (named and stamp.isascii() and stamp.isdigit() and len(stamp) <= 11):
        return False
    sent = datetime.fromtimestamp(int(stamp), UTC)
    if abs((now - sent).total_seconds()) > TOLERANCE:
        return False
    try:
        right = Webhook(secret).sign(named, sent, raw.decode())
    except (UnicodeDecodeError, binascii.Error):
        return False
    given = headers.get("webhook-signature", "").split()
    return any(hmac.compare_digest(right.encode(), one.encode()) for one in given)
