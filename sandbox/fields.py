"""Bodies of requests, read by table: each field once, by its reader; others are refused."""

import json
import re
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import httpx2
from standardwebhooks import Webhook
from standardwebhooks.webhooks import EmptyWebhookSecretError

from sandbox.errors import Refused

Reader = Callable[[Any], Any]

_HOST = re.compile(r"[A-Za-z0-9.\-\[\]:]+")
_HIGHEST_CENTS = 10**12
_LONGEST_URL = 2048


def read_fields(
    raw: bytes, readers: Mapping[str, Reader], optional: Collection[str] = ()
) -> dict[str, Any]:
    """The fields of a JSON object; raises ``Refused`` (422) naming what is wrong."""
    try:
        told = json.loads(raw or b"{}")
    except (ValueError, RecursionError):
        raise Refused(422, "unreadable", "The body is no JSON.") from None
    if not isinstance(told, dict):
        raise Refused(422, "unreadable", "The body is no JSON object.")
    if strangers := sorted(set(told) - set(readers)):
        raise Refused(422, "unknown_field", f"Unknown: {', '.join(strangers)}.")
    if missing := sorted(set(readers) - set(told) - set(optional)):
        raise Refused(422, "missing_field", f"Missing: {', '.join(missing)}.")
    return {name: read(name, readers[name], value) for name, value in told.items()}


def read(name: str, reader: Reader, value: Any) -> Any:
    """One value; raises ``Refused`` (422) saying what it must be."""
    try:
        return reader(value)
    except ValueError as wrong:
        raise Refused(422, "invalid_field", f"{name}: {wrong}.") from None


def text(longest: int, shortest: int = 1) -> Reader:
    """A string of so many characters."""

    def read(value: Any) -> str:
        if not isinstance(value, str) or not shortest <= len(value) <= longest:
            raise ValueError(f"must be a text of {shortest} to {longest} characters")
        return value

    return read


def one_of(*words: Any) -> Reader:
    """One of the words given."""

    def read(value: Any) -> Any:
        if not any(type(value) is type(word) and value == word for word in words):
            raise ValueError(f"must be one of {', '.join(map(str, words))}")
        return value

    return read


def whole(lowest: int, highest: int = _HIGHEST_CENTS) -> Reader:
    """A whole number; true and false are none."""

    def read(value: Any) -> int:
        if type(value) is not int or not lowest <= value <= highest:
            raise ValueError(f"must be a whole number from {lowest} to {highest}")
        return value

    return read


def currency(value: Any) -> str:
    """An ISO 4217 code."""
    if not isinstance(value, str) or not re.fullmatch("[A-Z]{3}", value):
        raise ValueError("must be three capital letters")
    return value


def moment(value: Any) -> datetime:
    """A moment in ISO 8601 with its offset, in UTC."""
    try:
        told = datetime.fromisoformat(value if isinstance(value, str) else "")
        if told.tzinfo is not None:
            return told.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise ValueError("must be a moment with its offset")


def address(value: Any) -> str:
    """An http or https URL whose host can stand in a Content-Security-Policy."""
    if (
        not isinstance(value, str)
        or len(value) > _LONGEST_URL
        or not value.isprintable()
        or " " in value
    ):
        raise ValueError("must be a URL")
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not _HOST.fullmatch(parts.netloc):
        raise ValueError("must be a URL with http or https and a plain host")
    try:
        httpx2.URL(value)  # as whoever calls it will read it
        bad_port = parts.port == 0
    except (ValueError, httpx2.InvalidURL):
        bad_port = True
    if bad_port or not parts.hostname:
        raise ValueError("must be a URL with a host and a port from 1 to 65535")
    return value


def webhook_secret(value: Any) -> str:
    """``whsec_`` and base64 (Standard Webhooks, standardwebhooks.com)."""
    if not isinstance(value, str) or not value.startswith("whsec_"):
        raise ValueError("must begin with whsec_")
    try:
        Webhook(value)
    except (ValueError, EmptyWebhookSecretError):
        raise ValueError("must be whsec_ and base64") from None
    return value
