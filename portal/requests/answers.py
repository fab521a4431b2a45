"""What the contract answers about a payment request.

Link and TAN are left out for who may not write requests; ``tan`` is null where the letter
carries none.
"""

from collections.abc import Sequence
from datetime import UTC
from typing import Any

from pydantic import AwareDatetime, BaseModel

from portal.keys import Keyring
from portal.requests import links, tan
from portal.requests.asked import Asked, Reference
from portal.requests.models import PaymentRequest
from portal.requests.register import Standing
from portal.requests.states import State


class LinkTold(BaseModel):
    """The personal link, as it is printed and drawn as a QR code."""

    url: str
    qr: str
    short_code: str
    version: int


class RequestTold(BaseModel):
    """A payment request in its version in force."""

    reference: str
    version: int
    state: State
    amount_cents: int
    paid_cents: int
    open_cents: int
    closed_cents: int
    currency: str
    link: LinkTold | None = None
    tan: str | None = None
    warnings: list[str]
    created_at: AwareDatetime
    updated_at: AwareDatetime


class LineAsked(Asked):
    """One line of a batch: a payment request with its reference in it."""

    reference: Reference


def told(request: PaymentRequest | Standing) -> RequestTold:
    """The request for who may read it."""
    return RequestTold(**_plain(request))


def told_with_secrets(
    request: PaymentRequest | Standing, keyring: Keyring, public_url: str
) -> RequestTold:
    """The request for who may write it: with link and TAN. Never log it."""
    return RequestTold(**members(request, keyring, public_url))


def members(
    request: PaymentRequest | Standing,
    keyring: Keyring,
    public_url: str,
    warnings: Sequence[str] = (),
    code: str | None = None,
) -> dict[str, Any]:
    """The members of ``RequestTold`` for who may write the request. Never log them.

    ``warnings`` are a push's own: what in its texts looked doubtful; ``code``: see ``links.link``.
    """
    link = links.link(keyring.get(request.key_id), links.identity(request), public_url, code)
    return {
        **_plain(request),
        "warnings": list(warnings),
        "link": {
            "url": link.url,
            "qr": link.qr,
            "short_code": link.short_code,
            "version": link.version,
        },
        "tan": tan.of_request(keyring, request) if request.tan_required else None,
    }


def _plain(request: PaymentRequest | Standing) -> dict[str, Any]:
    return {
        "reference": request.reference,
        "version": request.version,
        "state": request.state,
        "amount_cents": request.amount_cents,
        "paid_cents": request.covered_cents,
        "open_cents": request.open_cents,
        "closed_cents": request.closed_cents,
        "currency": request.currency,
        "warnings": [],
        "created_at": request.created_at.astimezone(UTC),
        "updated_at": request.updated_at.astimezone(UTC),
    }
