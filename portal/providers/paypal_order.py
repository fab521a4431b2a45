"""A PayPal order: what it asks for, and where it sends the citizen
(developer.paypal.com/docs/api/orders/v2).
"""

import re
import unicodedata

from portal.providers.paypal_wire import find, money, part, rows, written
from portal.providers.protocol import Account, Handover, Order
from portal.providers.wire import Told, text

# fmt: off
# The page's language (developer.paypal.com/api/rest/reference/locale-codes); of others, English.
LOCALE = {
    "de": "de-DE", "en": "en-GB", "pl": "pl-PL", "nb": "no-NO", "tr": "tr-TR", "ar": "ar-EG",
}
# fmt: on
GERMAN = {ord("ä"): "ae", ord("ö"): "oe", ord("ü"): "ue", ord("ß"): "ss"}
DESCRIPTION, DESCRIPTOR = 127, 22  # characters that PayPal takes


def order_of(account: Account, reference: str) -> Told | None:
    """The order of PayPal's name; ``None`` when it has none, or no longer."""
    return find(account, f"/v2/checkout/orders/{part(reference)}")


def order_body(order: Order) -> Told:
    """What PayPal gets to know of a payment; raises ``OrderRefused``."""
    return {
        "intent": "CAPTURE",
        "purchase_units": [
            {
                "custom_id": order.payment,
                "invoice_id": order.payment,
                "description": order.text[:DESCRIPTION],
                "soft_descriptor": descriptor(order.text),
                "amount": written(order.amount),
            }
        ],
        "payment_source": {
            "paypal": {
                "experience_context": {
                    "return_url": order.return_url,
                    "cancel_url": order.return_url,
                    "locale": LOCALE.get(order.language[:2], LOCALE["en"]),
                    "user_action": "PAY_NOW",
                    "shipping_preference": "NO_SHIPPING",
                    "payment_method_preference": "IMMEDIATE_PAYMENT_REQUIRED",
                }
            }
        },
    }


def descriptor(neutral: str) -> str:
    """What a card statement shows: at most 22 ASCII characters, with the short code at the end."""
    plain = (
        unicodedata.normalize("NFKD", neutral.translate(GERMAN)).encode("ascii", "ignore").decode()
    )
    words = re.sub(r"[^A-Za-z0-9.*\- ]+", " ", plain).split()
    town, code = " ".join(words[:-1]), "".join(words[-1:])[-DESCRIPTOR:]
    return f"{town[: max(0, DESCRIPTOR - len(code) - 1)].rstrip()} {code}".strip() or "Zahlung"


def handover(told: Told, order: Order) -> Handover:
    """Where to; only for the order that we meant, should the key have been another's."""
    unit = unit_of(told)
    if text(unit, "custom_id") != order.payment or money(unit, "amount") != order.amount:
        raise ValueError("another order")
    links = {row.get("rel"): row.get("href") for row in rows(told, "links")}
    url = {"href": links.get("payer-action") or links.get("approve")}
    return Handover(text(url, "href", 2048), text(told, "id"))


def unit_of(told: Told) -> Told:
    """The one thing that an order of ours is for."""
    (unit,) = rows(told, "purchase_units")
    return unit
