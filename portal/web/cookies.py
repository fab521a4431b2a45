"""The one cookie, and protection against forged forms.

The cookie is signed (itsdangerous, by Flask) with a child of the configured keys. Its name begins
with ``__Host-``; only in practice mode over http it does not, because browsers drop Secure
cookies on an address of the local network, and share cookies among ports.

Pages send no referrer, so Flask-WTF's referrer check is off; the browser's own word on where a
form was sent from (``Sec-Fetch-Site``) is checked instead, beside the token.
"""

from flask import Flask, abort, request
from flask_wtf.csrf import CSRFProtect

from portal.config import Settings
from portal.keys import Keyring

csrf = CSRFProtect()

OWN_SITE = {"same-origin", "none"}
SAFE = {"GET", "HEAD", "OPTIONS"}
MACHINES = ("/api/", "/webhooks/")


def init_app(app: Flask) -> None:
    """Name and sign the cookie, and check every form before any view reads it."""
    settings: Settings = app.extensions["settings"]
    keyring: Keyring = app.extensions["keyring"]
    secrets = [key.child("cookie").hex() for key in keyring.trusted]
    plain = settings.demo and not settings.https
    app.config.update(
        SECRET_KEY=secrets[0],
        SECRET_KEY_FALLBACKS=secrets[1:],
        SESSION_COOKIE_NAME=f"quitt-{settings.port}-visit" if plain else "__Host-quitt",
        SESSION_COOKIE_SECURE=not plain,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_PATH="/",
        WTF_CSRF_SSL_STRICT=False,
        WTF_CSRF_TIME_LIMIT=None,  # as long as the cookie; a slow reader is no forger
        WTF_CSRF_CHECK_DEFAULT=False,
    )
    csrf.init_app(app)
    app.before_request(_check)


def _check() -> None:
    if request.method in SAFE or request.path.startswith(MACHINES):
        return
    if request.headers.get("Sec-Fetch-Site", "none") not in OWN_SITE:
        abort(403)
    if any("\0" in text for texts in request.form.listvalues() for text in texts):
        abort(400)  # nobody types a NUL, and no row of ours holds one
    csrf.protect()
