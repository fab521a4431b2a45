"""What a merchant asks for, read as PayPal reads it: errors name its issues."""

import json
import re
from typing import Any

from fakes.paypal.errors import No

_AMOUNT = re.compile(r"([0-9]{1,7})\.([0-9]{2})")
_WITHOUT_DECIMALS = {"HUF", "JPY", "TWD"}


def order(raw: bytes) -> dict[str, Any]:
    """An order: ids, amount, text, and where the payer goes back to."""
    told = _object(raw)
    units = told.get("purchase_units")
    if told.get("intent") != "CAPTURE" or not isinstance(units, list) or len(units) != 1:
        raise No(422, "UNSUPPORTED_INTENT")
    unit = units[0]
    context = _under(told, "payment_source", "paypal", "experience_context")
    cents, currency = _amount(unit.get("amount"))
    return {
        "cents": cents,
        "currency": currency,
        "custom_id": _text(unit, "custom_id", 127),
        "invoice_id": _text(unit, "invoice_id", 127),
        "description": _text(unit, "description", 127),
        "soft_descriptor": _text(unit, "soft_descriptor", 22),
        "return_url": _text(context, "return_url", 2048),
        "cancel_url": _text(context, "cancel_url", 2048),
        "locale": _text(context, "locale", 10) or "en-US",
    }


def refund(raw: bytes) -> dict[str, Any]:
    """A refund; without an amount it is all that is left."""
    told = _object(raw) if raw else {}
    cents, currency = _amount(told["amount"]) if "amount" in told else (0, "")
    return {
        "cents": cents,
        "currency": currency,
        "custom_id": _text(told, "custom_id", 127),
        "invoice_id": _text(told, "invoice_id", 127),
    }


def _object(raw: bytes) -> dict[str, Any]:
    try:
        told = json.loads(raw)
    except ValueError:
        raise No(400, "MALFORMED_REQUEST_JSON") from None
    if not isinstance(told, dict):
        raise No(400, "MALFORMED_REQUEST_JSON")
    return told


def _under(told: dict[str, Any], *names: str) -> dict[str, Any]:
    for name in names:
        told = told.get(name, {})
        if not isinstance(told, dict):
            raise No(400, "INVALID_PARAMETER_SYNTAX")
    return told


def _text(told: dict[str, Any], name: str, longest: int) -> str:
    value = told.get(name, "")
    if not isinstance(value, str):
        raise No(400, "INVALID_PARAMETER_SYNTAX")
    if len(value) > longest:
        raise No(400, "INVALID_STRING_LENGTH")
    return value


def _amount(told: Any) -> tuple[int, str]:
    if not isinstance(told, dict) or not {"currency_code", "value"} <= told.keys():
        raise No(400, "MISSING_REQUIRED_PARAMETER")
    currency, digits = told["currency_code"], _AMOUNT.fullmatch(str(told["value"]))
    if not isinstance(currency, str) or not re.fullmatch("[A-Z]{3}", currency):
        raise No(422, "INVALID_CURRENCY_CODE")
    if currency in _WITHOUT_DECIMALS:
        raise No(422, "DECIMALS_NOT_SUPPORTED")
    if digits is None or not isinstance(told["value"], str):
        raise No(422, "DECIMAL_PRECISION")
    cents = int(digits[1]) * 100 + int(digits[2])
    if not cents:
        raise No(422, "CANNOT_BE_ZERO_OR_NEGATIVE")
    return cents, currency
