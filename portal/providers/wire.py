"""What adapters share of the wire: asking within limits, and reading what was said strictly.

The readers raise ``ValueError`` or ``KeyError`` for what is not there or is something else, so
that each adapter says in one place what an unreadable answer means.
"""

import base64
import hmac
import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from http import HTTPStatus
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any, TypeVar

import httpx2
from standardwebhooks import Webhook
from standardwebhooks.webhooks import EmptyWebhookSecretError

from portal.money import Money
from portal.providers.protocol import BadNotification, ProviderDown, UnknownWord

CONNECT_SECONDS = 5.0
TOTAL_SECONDS = 15.0
ANSWER_BYTES = 16 * 1024 * 1024
HIGHEST_CENTS = 10**12
LONGEST_TEXT = 200
CLOCK_SKEW = timedelta(seconds=300)

Told = Mapping[str, Any]
_patience: ContextVar[float] = ContextVar("patience", default=TOTAL_SECONDS)
_Word = TypeVar("_Word")
_Read = TypeVar("_Read")


@dataclass(frozen=True, slots=True)
class Answer:
    """HTTP status, body, and headers by their names in lower case."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


def ask(
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: Told | None = None,
    form: Mapping[str, str] | bytes | None = None,
    longest: int = 0,
) -> Answer:
    """One HTTP call without redirects; ``body`` goes as JSON, ``form`` as a form, in its order, or
    as it is when it is encoded already. ``longest`` is the most bytes of an answer (0: as many as
    a settlement report may have).

    Raises ``ProviderDown`` when nothing sensible came in time, and for 429 and 5xx; its message
    names neither address nor headers.
    """
    seconds = _patience.get()
    deadline = time.monotonic() + seconds
    limits = httpx2.Timeout(seconds, connect=min(seconds, CONNECT_SECONDS))
    try:
        with _client().stream(
            method, url, headers=dict(headers), timeout=limits, **_sent(body, form)
        ) as answer:
            answer_body = _read_until(deadline, answer, longest or ANSWER_BYTES)
    except (httpx2.HTTPError, httpx2.InvalidURL, ValueError) as error:
        raise ProviderDown(type(error).__name__) from None
    if answer.is_server_error or answer.status_code == HTTPStatus.TOO_MANY_REQUESTS:
        raise ProviderDown(f"it answered {answer.status_code}")
    told = {name.lower(): value for name, value in answer.headers.items()}
    return Answer(answer.status_code, answer_body, told)


@contextmanager
def patience(seconds: float) -> Iterator[None]:
    """Wait no longer than this for an answer: somebody is looking at a page that does not come."""
    before = _patience.set(seconds)
    try:
        yield
    finally:
        _patience.reset(before)


def in_haste() -> bool:
    """Whether we wait for less than an answer may take: no answer says little then."""
    return _patience.get() < TOTAL_SECONDS


def sensibly(read: Callable[[], _Read]) -> _Read:
    """What ``read`` reads of an answer; raises ``ProviderDown`` if it cannot be read."""
    try:
        return read()
    except (ValueError, KeyError, TypeError):
        raise ProviderDown("its answer is not readable") from None


def json_object(body: bytes) -> dict[str, Any]:
    """A JSON object in UTF-8, each key once, no NaN."""
    try:
        told = json.loads(body.decode(), object_pairs_hook=_each_once, parse_constant=_no_number)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not isinstance(told, dict):
        raise ValueError("no JSON object")
    return told


def text(told: Told, name: str, longest: int = LONGEST_TEXT) -> str:
    """A printable text of 1 to ``longest`` characters."""
    value = told[name]
    if not isinstance(value, str) or not 0 < len(value) <= longest or not value.isprintable():
        raise ValueError(name)
    return value


def flag(told: Told, name: str) -> bool:
    """True or false; nothing that only looks like it."""
    value = told[name]
    if not isinstance(value, bool):
        raise ValueError(name)
    return value


def money(told: Told, name: str, lowest: int = 0) -> Money:
    """Integer cents under ``name`` with ``currency`` beside them; true and false are no cents."""
    cents, currency = told[name], told["currency"]
    if type(cents) is not int or not lowest <= cents <= HIGHEST_CENTS:
        raise ValueError(name)
    if not isinstance(currency, str) or not re.fullmatch("[A-Z]{3}", currency):
        raise ValueError("currency")
    return Money(cents, currency)


def moment(told: Told, name: str) -> datetime:
    """A moment in ISO 8601 with its offset, in UTC."""
    value = datetime.fromisoformat(text(told, name))
    if value.tzinfo is None:
        raise ValueError(name)
    return value.astimezone(UTC)


def mapped(table: Mapping[str, _Word], word: str) -> _Word:
    """Our word for a provider's; raises ``UnknownWord``."""
    if word not in table:
        raise UnknownWord(f"{word!r} is in no table")
    return table[word]


def is_webhook_secret(secret: str) -> bool:
    """Whether a text is a secret of Standard Webhooks: ``whsec_`` and base64."""
    prefix, _, rest = secret.partition("_")
    try:
        return prefix == "whsec" and len(base64.b64decode(rest, validate=True)) > 0
    except ValueError:
        return False


def signed(secret: str, headers: Mapping[str, str], body: bytes, now: datetime) -> str:
    """The id of a Standard Webhook that was signed with ``secret`` just now; header names are lower
    case. Raises ``BadNotification``.

    The library's own check looks at the machine's clock, so its signature is compared here.
    """
    event_id, stamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not re.fullmatch("[!-~]{1,200}", event_id) or not re.fullmatch("[0-9]{1,11}", stamp):
        raise BadNotification("its headers are not readable")
    try:
        at = datetime.fromtimestamp(int(stamp), UTC)
        signer = Webhook(secret)
        right = signer.sign(event_id, at, body.decode()).encode()
        offered = headers.get("webhook-signature", "").encode().split(b" ")
    except (ValueError, OverflowError, OSError, EmptyWebhookSecretError):
        raise BadNotification("its signature cannot be checked") from None
    if not any(hmac.compare_digest(right, one) for one in offered):
        raise BadNotification("its signature is wrong")
    if abs(now - at) > CLOCK_SKEW:
        raise BadNotification("it is too old, or from the future")
    return event_id


def _sent(body: Told | None, form: Mapping[str, str] | bytes | None) -> dict[str, Any]:
    return {"content": form} if isinstance(form, bytes) else {"json": body, "data": form}


@cache
def _client() -> httpx2.Client:
    # One for the process: building one reads all certificates. No proxy, no netrc of the machine.
    # It is every town's, so it keeps no cookies.
    none = CookieJar(DefaultCookiePolicy(allowed_domains=()))
    return httpx2.Client(trust_env=False, follow_redirects=False, cookies=none)


def _read_until(deadline: float, answer: httpx2.Response, longest: int) -> bytes:
    body = bytearray()
    for piece in answer.iter_bytes():
        body += piece
        if len(body) > longest:
            raise ValueError("too long")
        if time.monotonic() > deadline:
            raise httpx2.ReadTimeout("too slow")
    return bytes(body)


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    told = dict(pairs)
    if len(told) != len(pairs):
        raise ValueError("a key stands twice")
    return told


def _no_number(word: str) -> None:
    raise ValueError(f"{word} is no number")
