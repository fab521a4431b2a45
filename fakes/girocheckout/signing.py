"""GiroCheckout's signatures: HMAC-MD5 over values side by side, keyed with a project's password."""

import hmac
from collections.abc import Iterable, Mapping
from urllib.parse import parse_qsl, urlencode

from fakes.girocheckout import tables


def sign(password: str, values: Iterable[str]) -> str:
    """Over values, in hex."""
    return hmac.digest(password.encode(), "".join(values).encode(), "md5").hex()


def sign_body(password: str, body: bytes) -> str:
    """Over an answer as it goes."""
    return hmac.digest(password.encode(), body, "md5").hex()


def is_signed(password: str, fields: str, form: Mapping[str, str]) -> bool:
    """Whether a request is signed, its values in documented order whatever order it came in."""
    values = [form[name] for name in tables.names(fields) if name in form]
    return hmac.compare_digest(sign(password, values), form.get("hash", ""))


def signed_query(password: str, query: str) -> str:
    """The query of a notification with its signature, by the order in which it stands."""
    told = parse_qsl(query, keep_blank_values=True)
    return urlencode([*told, ("gcHash", sign(password, (value for _, value in told)))])
