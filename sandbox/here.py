"""Doors that only this machine may use."""

from ipaddress import ip_address
from urllib.parse import urlsplit

from flask import current_app, request

from sandbox.errors import Refused

_OWN_NAMES = {"127.0.0.1", "localhost", "::1"}
_FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Real-Ip")


def from_here_only() -> None:
    """Raise ``Refused`` (403) for whoever does not call from this machine.

    A proxy on this machine would make everyone local, so what it passes on is refused too.

    So would a foreign page whose name suddenly means this machine: it comes under its own name.
    """
    local = (request.remote_addr or "").startswith("127.") or request.remote_addr == "::1"
    local = local and _is_ours(request.host)
    passed_on = any(name in request.headers for name in _FORWARDED)
    foreign_page = request.headers.get("Sec-Fetch-Site") in {"cross-site", "same-site"}
    if not local or passed_on or (foreign_page and request.method not in {"GET", "HEAD"}):
        raise Refused(403, "not_from_here", "Only from the machine itself.")


def _is_ours(host: str) -> bool:
    """Whether a Host names this machine: by its own names, or by its address in the local net."""
    name = urlsplit(f"//{host}").hostname or ""
    return name in _OWN_NAMES or (name == _base_name() and _is_local_address(name))


def _base_name() -> str | None:
    base_url: str = current_app.config["BASE_URL"]
    return urlsplit(base_url).hostname


def _is_local_address(name: str) -> bool:
    try:
        return ip_address(name).is_private
    except ValueError:
        return False
