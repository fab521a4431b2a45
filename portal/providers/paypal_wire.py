"""PayPal's wire: its hosts, the token of an account, refusals with their issues, amounts as text.

REST API, developer.paypal.com/api/rest (requests, responses, authentication); machine-readable in
github.com/paypal/paypal-rest-api-specifications. Credentials of an account: ``base_url``,
``client_id``, ``secret``, ``webhook_id``, and ``ca`` (PEM) for a practice PayPal on this machine.
"""

import hashlib
import logging
import re
import time
from base64 import b64encode
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, urlsplit

from portal.money import Money
from portal.providers.protocol import (
    Account,
    KeyRefused,
    OrderRefused,
    ProviderDown,
    Unwilling,
)
from portal.providers.wire import (
    HIGHEST_CENTS,
    Answer,
    Told,
    ask,
    json_object,
    sensibly,
    text,
)

log = logging.getLogger(__name__)

# Which mode a host speaks for. A practice PayPal runs on this machine and nowhere else.
LIVE_AT = {
    "https://api-m.paypal.com": True,
    "https://api-m.sandbox.paypal.com": False,
}
HERE = {"127.0.0.1", "localhost"}

# PayPal takes no decimals in these (developer.paypal.com/api/rest/reference/currency-codes).
WITHOUT_DECIMALS = {"HUF", "JPY", "TWD"}

REPRESENTATION = {"Prefer": "return=representation"}
TOKEN_MARGIN_SECONDS = 60
_AMOUNT = re.compile(r"(-?)([0-9]{1,12})(?:\.([0-9]{1,2}))?")
_WORD = re.compile("[A-Za-z0-9_]{1,100}")
_GOOD = {HTTPStatus.OK, HTTPStatus.CREATED}
_SAID_NO = {
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.NOT_FOUND,
    HTTPStatus.CONFLICT,
    HTTPStatus.UNPROCESSABLE_ENTITY,
}
_tokens: dict[tuple[str, str, bytes], tuple[str, float]] = {}


def base_url(account: Account) -> str:
    """Where the account's PayPal is reached."""
    return account.credentials.get("base_url", "").rstrip("/")


def is_here(account: Account) -> bool:
    """Whether it is a practice PayPal on this machine."""
    return not account.live and urlsplit(base_url(account)).hostname in HERE


def is_live(account: Account) -> bool:
    """Whether what answers there moves real money."""
    return LIVE_AT.get(base_url(account), False)


def call(
    account: Account, method: str, path: str, body: Told | None = None, key: str = ""
) -> dict[str, Any]:
    """PayPal's answer; with a ``key`` told again it does not happen again (for six hours).

    A token that is not taken is fetched anew, once. Raises ``Unwilling``, with the error's first
    issue, if any; ``KeyRefused``, ``ProviderDown``.
    """
    headers = REPRESENTATION | ({"PayPal-Request-Id": key} if key else {})
    for renewed in (False, True):
        bearer = {"Authorization": f"Bearer {token(account, anew=renewed)}"}
        answer = ask(method, base_url(account) + path, headers | bearer, body)
        if answer.status != HTTPStatus.UNAUTHORIZED:
            break
    if answer.status in _GOOD:
        return sensibly(lambda: json_object(answer.body))
    raise _refusal(answer)


def find(account: Account, path: str) -> Told | None:
    """What stands at a path; ``None`` when PayPal says that nothing does. Raises as ``call``."""
    try:
        return call(account, "GET", path)
    except Unwilling as no:
        if no.status != HTTPStatus.NOT_FOUND:
            raise
        return None


def token(account: Account, *, anew: bool = False) -> str:
    """The account's access token, kept in memory until it ends; raises ``ProviderDown``."""
    secret = account.credentials.get("secret", "")
    client = account.credentials.get("client_id", "")
    place = (base_url(account), client, hashlib.sha256(secret.encode()).digest())
    known, ends = _tokens.get(place, ("", 0.0))
    if known and time.monotonic() < ends and not anew:
        return known
    basic = b64encode(f"{client}:{secret}".encode()).decode()
    answer = ask(
        "POST",
        base_url(account) + "/v1/oauth2/token",
        {"Authorization": f"Basic {basic}"},
        form={"grant_type": "client_credentials"},
    )
    if answer.status == HTTPStatus.UNAUTHORIZED:
        raise KeyRefused("it gives no token for this secret")
    if answer.status not in _GOOD:
        raise ProviderDown(f"it gives no token, {answer.status}")
    found, seconds = sensibly(lambda: _token(answer))
    _tokens[place] = found, time.monotonic() + seconds - TOKEN_MARGIN_SECONDS
    return found


def part(name: str) -> str:
    """A name as one step of a path."""
    return quote(name, safe="")


def written(amount: Money) -> dict[str, str]:
    """An amount as PayPal writes it; raises ``OrderRefused`` for a currency without decimals."""
    if amount.currency in WITHOUT_DECIMALS:
        raise OrderRefused(f"PayPal takes no cents in {amount.currency}")
    whole, cents = divmod(amount.cents, 100)
    return {"currency_code": amount.currency, "value": f"{whole}.{cents:02}"}


def money(told: Told, name: str, lowest: int = 0) -> Money:
    """An amount ``{"currency_code", "value": "42.50"}`` under ``name``, read without a float."""
    value = told[name]
    if not isinstance(value, dict):
        raise ValueError(name)
    currency = text(value, "currency_code", 3)
    digits = _AMOUNT.fullmatch(text(value, "value", 32))
    if digits is None or not re.fullmatch("[A-Z]{3}", currency):
        raise ValueError(name)
    sign, whole, cents = digits.groups(default="")
    found = int(whole) * 100 + int(cents.ljust(2, "0"))
    found = -found if sign else found
    if not lowest <= found <= HIGHEST_CENTS:
        raise ValueError(name)
    return Money(found, currency)


def child(told: Told, *names: str) -> dict[str, Any]:
    """What stands under these names, one in the other; empty where nothing does."""
    found: object = told
    for name in names:
        found = found.get(name, {}) if isinstance(found, dict) else None
    if not isinstance(found, dict):
        raise ValueError(names[-1])
    return found


def maybe(told: Told, name: str) -> str:
    """A text under ``name``; empty where nothing stands."""
    return text(told, name) if name in told else ""


def rows(told: Told, name: str) -> list[dict[str, Any]]:
    """A list of objects under ``name``; empty where nothing stands."""
    found = told.get(name, [])
    if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
        raise ValueError(name)
    return found


def _token(answer: Answer) -> tuple[str, int]:
    told = json_object(answer.body)
    seconds = told["expires_in"]
    if type(seconds) is not int:
        raise ValueError("expires_in")
    return text(told, "access_token", 4096), seconds


def _plain(word: object) -> str:
    """A word for the log; nothing of a text, which may quote what somebody typed."""
    return word if isinstance(word, str) and _WORD.fullmatch(word) else ""


def _refusal(answer: Answer) -> ProviderDown:
    """What it says no with. The debug id is what PayPal's support asks for."""
    if answer.status == HTTPStatus.UNAUTHORIZED:
        return KeyRefused("it does not take the token, not even a new one")
    if answer.status not in _SAID_NO:
        return ProviderDown(f"it answered {answer.status}")
    try:
        told = json_object(answer.body)
        details = rows(told, "details")
        name, issue = text(told, "name", 100), maybe(details[0], "issue") if details else ""
        debug_id = told.get("debug_id", "")
    except (ValueError, KeyError):
        return ProviderDown(f"it answered {answer.status}")
    words = {"issue": _plain(issue or name), "debug_id": _plain(debug_id)}
    extra = {"status": answer.status, **words}
    log.warning("paypal_refused", extra=extra)
    message = f"it answered {answer.status}, {issue or name}"
    return Unwilling(message, answer.status, name, issue)
