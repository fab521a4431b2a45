"""Speaking with a town's directory: OpenID Connect Core 1.0 by Authlib's client.

Authorization code with PKCE (S256), state and nonce; the ID token's signature, ``iss``, ``aud``,
``exp`` and ``nonce`` are checked, and of a new proof its ``auth_time``. Everything that goes wrong
on the way is a ``DirectoryFailed``; what the directory wrote about it is never shown.
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit

from authlib.common.errors import AuthlibBaseError
from authlib.integrations.flask_client import FlaskIntegration, FlaskOAuth2App
from authlib.integrations.requests_client import OAuth2Session
from flask import current_app, redirect, url_for
from flask.typing import ResponseReturnValue
from joserfc.errors import JoseError
from requests import RequestException, Response

from portal import clock
from portal.errors import Unavailable
from portal.staff import directory
from portal.staff.directory import Arrival
from portal.staff.models import Directory
from portal.staff.sittings import LONGEST
from portal.web.current import keyring, public_url, settings

SECONDS = (5, 10)  # to connect, and for each answer
KEPT = 600.0  # seconds for which its metadata and keys count
SKEW = 60  # seconds by which its clock may be behind ours
OLDEST_PROOF = LONGEST.total_seconds()
WELL_KNOWN = "/.well-known/openid-configuration"  # OpenID Connect Discovery 1.0, section 4
# RFC 7518 and RFC 8037; none of them takes a secret that somebody else may know, or no key at all.
ALGORITHMS = {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512",
              "EdDSA"}  # fmt: skip
BROKEN = (AuthlibBaseError, JoseError, RequestException, RuntimeError, ValueError, KeyError,
          TypeError)  # fmt: skip
Claims = Mapping[str, Any]


class DirectoryFailed(Unavailable):
    """The directory did not answer, or not as it must; ``why`` is for the log and the notes."""

    code = "directory_failed"

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class Refused(DirectoryFailed):
    """The directory let this person not through, or the person broke it off."""

    code = "directory_refused"


class _Session(OAuth2Session):  # type: ignore[misc]
    """Every call has an end, and goes where it says, over https."""

    def request(self, method: str, url: str, *args: Any, **kwargs: Any) -> Response:
        if not _is_safe(url):
            raise DirectoryFailed("not_https")
        self.trust_env = False
        kwargs.update(allow_redirects=False, timeout=SECONDS)
        answer: Response = super().request(method, url, *args, **kwargs)
        if answer.is_redirect:
            raise DirectoryFailed("redirected")
        return answer


class _App(FlaskOAuth2App):  # type: ignore[misc]
    client_cls = _Session


def begin(row: Directory, *, again: bool = False) -> ResponseReturnValue:
    """The way to the directory's page; ``again``: the person must prove anew to be it.

    Raises ``DirectoryFailed``.
    """
    more = {"prompt": "login", "max_age": 0} if again else {}
    with _reported():
        way = _app(row).create_authorization_url(_callback(), **more)
        if not _is_safe(way["url"]):
            raise DirectoryFailed("not_https")
        _app(row).save_authorize_data(redirect_uri=_callback(), **way)
    return redirect(way["url"], 303)


def arrival(row: Directory) -> tuple[Arrival, Claims]:
    """Who comes back from the directory with this request, and its claims.

    Raises ``Refused`` and ``DirectoryFailed``.
    """
    options = {
        "iss": {"essential": True, "values": [row.issuer]},
        "aud": {"essential": True, "values": [row.client_id]},
    }
    with _reported():
        app = _app(row)
        token = app.authorize_access_token(claims_options=options, leeway=SKEW)
        claims = dict(token.get("userinfo") or {})
        if not claims.get("sub"):
            raise DirectoryFailed("no_id_token")
        if row.groups_claim not in claims and "userinfo_endpoint" in app.load_server_metadata():
            claims |= _more(app, token, str(claims["sub"]))
    return _arrival(row, app, claims), claims


def proved_since(claims: Claims, began: float) -> bool:
    """Whether the person proved to be it after the proof was asked for."""
    told = claims.get("auth_time")
    is_time = isinstance(told, int | float) and not isinstance(told, bool)
    return is_time and float(told or 0) >= began - SKEW


def proved_at(claims: Claims) -> datetime | None:
    """When the person last proved there to be it, if that is said and not older than a sitting."""
    told, now = claims.get("auth_time"), clock.now()
    if not isinstance(told, int | float) or isinstance(told, bool):
        return None
    age = now.timestamp() - told  # seconds
    return now - timedelta(seconds=max(0.0, age)) if -SKEW <= age <= OLDEST_PROOF else None


def leaving(row: Directory, address: str) -> str:
    """Where one signs out at the directory and comes back (RP-Initiated Logout 1.0)."""
    told = {
        "client_id": row.client_id,
        "post_logout_redirect_uri": public_url() + url_for("admin.signed_out"),
    }
    return f"{address}{'&' if '?' in address else '?'}{urlencode(told)}"


def _arrival(row: Directory, app: _App, claims: Claims) -> Arrival:
    told = claims.get(row.groups_claim)
    groups = [told] if isinstance(told, str) else told if isinstance(told, list) else []
    out = str(app.load_server_metadata().get("end_session_endpoint") or "")
    return Arrival(
        issuer=row.issuer,
        subject=str(claims["sub"])[:255],
        login=str(claims.get(row.login_claim) or ""),
        display=str(claims.get("name") or claims.get(row.login_claim) or ""),
        groups=tuple(each for each in groups if isinstance(each, str)),
        leaving=out if _is_safe(out) else "",
        proved_at=proved_at(claims),
    )


def _more(app: _App, token: Any, subject: str) -> dict[str, Any]:
    """What only the userinfo endpoint tells; of the same person, or nothing (Core, 5.3.2)."""
    told = dict(app.userinfo(token=token))
    if told.pop("sub", None) != subject:
        raise DirectoryFailed("userinfo_of_another")
    return {name: told[name] for name in told if name not in {"auth_time", "iss", "aud"}}


def _app(row: Directory) -> _App:
    """Authlib's client of this directory, with metadata that are ten minutes old at most."""
    kept = current_app.extensions.setdefault("directories", {})
    known = (row.issuer, row.client_id, row.scope, row.secret_sealed)
    found, made_at, app = kept.get(row.tenant_id, (None, 0.0, None))
    if found != known or time.monotonic() - made_at > KEPT:
        app = _made(row)
        kept[row.tenant_id] = (known, time.monotonic(), app)
    result: _App = app
    return result


def _made(row: Directory) -> _App:
    secret = directory.secret_of(keyring(), row)
    app = _App(
        FlaskIntegration("directory"),
        name="directory",
        client_id=row.client_id,
        client_secret=secret,
        server_metadata_url=row.issuer.rstrip("/") + WELL_KNOWN,
        client_kwargs={"scope": row.scope, "code_challenge_method": "S256"}
        | ({} if secret else {"token_endpoint_auth_method": "none"}),
    )
    with _reported():
        told = app.load_server_metadata()
    if told.get("issuer") != row.issuer:  # Discovery 1.0, section 4.3
        raise DirectoryFailed("another_issuer")
    name = "id_token_signing_alg_values_supported"
    told[name] = sorted(ALGORITHMS & set(told.get(name) or ())) or ["RS256"]
    return app


def _callback() -> str:
    return public_url() + url_for("admin.directory_back")


def _is_safe(url: str) -> bool:
    """Whether an address of the directory may be gone to: over http in practice mode only."""
    return urlsplit(url).scheme == "https" or (settings().demo and bool(url))


@contextmanager
def _reported() -> Iterator[None]:
    """Whatever goes wrong here is the directory's failure, told by a word of ours."""
    try:
        yield
    except DirectoryFailed:
        raise
    except BROKEN as error:
        denied = isinstance(error, AuthlibBaseError) and error.error == "access_denied"
        raise (Refused if denied else DirectoryFailed)(type(error).__name__) from error
