"""When and where a page that waits for a provider's word looks again."""

from flask import request, url_for

from portal.payments.models import Payment
from portal.requests.models import PaymentRequest

# Softly, and not for ever: a page that asks keeps the session open. It ends after 25 minutes.
REFRESH_SECONDS = (3, 3, 3, 5, 5, 10, 10, 20, 20, 20, *(60,) * 24)
LONG_AFTER = 6  # refreshes, about half a minute


def again() -> int:
    """How often the page has looked already."""
    text = request.args.get("again", "0")
    return min(int(text), 99) if text.isascii() and text.isdigit() and len(text) < 3 else 0


def refresh() -> int | None:
    """Seconds until the page looks again by itself; ``None`` when it has looked long enough."""
    return dict(enumerate(REFRESH_SECONDS)).get(again())


def here(handle: str, letter: PaymentRequest, payment: Payment, again: int | None = None) -> str:
    """Where it looks: the payment's own page, which only the letter has for which it was begun."""
    if payment.request_id != letter.id:
        return url_for("payments.status", handle=handle, again=again)
    return url_for("payments.outcome", handle=handle, payment_id=payment.id, again=again)
