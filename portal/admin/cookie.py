"""The cookie of a sitting: its name and when it was used last, signed.

Looking at a page writes nothing into the database, so that it is the cookie that knows how long
nobody has done anything: after a quarter of an hour it counts no more. A copy of it that was taken
earlier counts no longer than that, and ends with the sitting.
"""

from flask import Response, current_app, request
from itsdangerous import BadSignature, URLSafeSerializer

from portal import clock
from portal.keys import Keyring
from portal.staff.sittings import IDLE
from portal.web.current import keyring, settings

PURPOSE = "staff-cookie"


def read() -> str | None:
    """The name of the sitting that the browser told, unless it was idle for too long."""
    told = request.cookies.get(_name(), "")
    for serializer in _serializers(keyring()):
        try:
            name, used = serializer.loads(told)
        except (BadSignature, ValueError, TypeError):
            continue
        return str(name) if clock.now().timestamp() - float(used) <= IDLE.total_seconds() else None
    return None


def write(answer: Response, name: str) -> None:
    """Tell the browser the sitting, used just now."""
    used = int(clock.now().timestamp())
    told = _serializers(keyring())[0].dumps([name, used])
    answer.set_cookie(_name(), str(told), path="/", secure=_secure(), httponly=True, samesite="Lax")


def forget(answer: Response) -> None:
    """Have the browser forget it."""
    answer.delete_cookie(_name(), path="/", secure=_secure(), httponly=True, samesite="Lax")


def _serializers(keys: Keyring) -> list[URLSafeSerializer]:
    return [URLSafeSerializer(key.child(PURPOSE)) for key in keys.trusted]


def _secure() -> bool:
    return bool(current_app.config["SESSION_COOKIE_SECURE"])


def _name() -> str:
    """As that of visits: without ``__Host-`` in practice mode over http only."""
    return "__Host-quitt-staff" if _secure() else f"quitt-{settings().port}-staff"
