"""What the portal refuses to start with, as far as its settings say so. Pure, but for files.

Each check is a function of the settings that says what is wrong with one of them and what to do,
or nothing. What the database says is checked in ``portal.operating.database``.
"""

import base64
import binascii
import os
import re
import ssl
import stat
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from ipaddress import ip_address
from itertools import pairwise
from pathlib import Path
from urllib.parse import SplitResult, parse_qs, urlsplit

from portal.config import Settings
from portal.errors import Misconfigured
from portal.keys import Keyring

SHORTEST_SECRET = 16  # characters
ADDRESS = re.compile(r"[!-?A-~]+@[A-Za-z0-9.-]+")
PLACEHOLDERS = (
    "changeme", "change-me", "change_me", "example", "geheim", "insert", "passwor",
    "placeholder", "secret",
)  # fmt: skip
NOT_A_PASSWORD = {"postgres", "quitt", "admin", "test", "1234", "12345678"}


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with one setting, and what to do."""

    setting: str
    what: str

    def __str__(self) -> str:
        return f"{self.setting} {self.what}"


def of(settings: Settings) -> list[Fault]:
    """Everything that is wrong with these settings, in the order of the table."""
    return [fault for check in CHECKS for fault in check(settings)]


def refuse(faults: list[Fault]) -> None:
    """Raise ``Misconfigured`` with one line for each fault, if there are any."""
    if faults:
        raise Misconfigured("\n".join(str(fault) for fault in faults))


def is_guessable(secret: bytes) -> bool:
    """Whether bytes are a text, a pattern or a repetition rather than random ones."""
    steps = {(later - earlier) % 256 for earlier, later in pairwise(secret)}
    text = all(32 <= sign < 127 for sign in secret)
    return text or len(steps) < 8 or len(zlib.compress(secret)) < len(secret)


def _keys(settings: Settings) -> Iterator[Fault]:
    try:
        keyring = Keyring.parse(settings.keys)
    except Misconfigured as error:
        yield Fault("QUITT_KEYS", str(error).removeprefix("QUITT_KEYS").lstrip(": "))
        return
    for key in keyring.keys:
        if is_guessable(key.secret):
            yield Fault(
                "QUITT_KEYS",
                f"has a placeholder as its key {key.id!r}. Make a real one: ./quitt keys new",
            )


def _base_url(settings: Settings) -> Iterator[Fault]:
    parts = urlsplit(settings.base_url)
    if not (settings.demo or settings.https):
        yield Fault("QUITT_BASE_URL", "must begin with https:// when real money is paid.")
    if parts.path.strip("/") or parts.query or parts.fragment or parts.username:
        yield Fault("QUITT_BASE_URL", "is scheme, host and port only, without a path or a user.")
    if settings.demo and not _is_local(parts):
        yield Fault(
            "QUITT_DEMO", "is practice on a public address. Unset it, or make QUITT_BASE_URL local."
        )


def _proxies(settings: Settings) -> Iterator[Fault]:
    if settings.proxies is None and not settings.demo:
        yield Fault(
            "QUITT_PROXIES",
            "is not set. Say how many reverse proxies stand before the portal; 0 if there is none.",
        )


def _embedded(settings: Settings) -> Iterator[Fault]:
    given = bool(settings.database_url)
    if not (given or settings.demo or settings.embedded):
        yield Fault(
            "QUITT_EMBEDDED",
            "is not set: give a database by QUITT_DATABASE_URL, or say QUITT_EMBEDDED=1 to keep"
            " real money in the embedded one.",
        )
    if given and settings.embedded:
        yield Fault(
            "QUITT_EMBEDDED", "asks for another database than QUITT_DATABASE_URL: unset one."
        )


def _databases(settings: Settings) -> Iterator[Fault]:
    for name, app, owner in (
        ("", settings.database_url, settings.owner_database_url),
        ("OFFICE_", settings.office_database_url, settings.office_owner_database_url),
    ):
        yield from _address(f"QUITT_{name}DATABASE_URL", app)
        yield from _address(f"QUITT_{name}OWNER_DATABASE_URL", owner)
        if owner and not app:
            yield Fault(f"QUITT_{name}OWNER_DATABASE_URL", f"needs QUITT_{name}DATABASE_URL, too.")
        if app and owner and _split(app).username == _split(owner).username:
            yield Fault(
                f"QUITT_{name}DATABASE_URL",
                "logs in as the role that owns the tables: the application needs its own role.",
            )
    here, office = _split(settings.database_url), _split(settings.office_database_url)
    if settings.database_url and _place(here) == _place(office):
        yield Fault(
            "QUITT_OFFICE_DATABASE_URL",
            "is the portal's database. The office knows people and needs its own.",
        )


def _address(variable: str, url: str) -> Iterator[Fault]:
    parts = _split(url)
    if not url:
        return
    if parts.scheme not in {"postgresql", "postgres"} or not parts.path.strip("/"):
        yield Fault(variable, "must read postgresql://role:password@host:port/database.")
    elif not parts.username:
        yield Fault(variable, "must name the role that logs in.")
    elif parts.password and (_is_placeholder(parts.password) or parts.password in NOT_A_PASSWORD):
        yield Fault(variable, "has a placeholder as its password. Give the role a real one.")


def _tls(settings: Settings) -> Iterator[Fault]:
    certificate, key = settings.tls_certificate, settings.tls_key
    if certificate and not key:
        yield Fault("QUITT_TLS_KEY", "is not set, but QUITT_TLS_CERTIFICATE is: give both.")
    if key and not certificate:
        yield Fault("QUITT_TLS_CERTIFICATE", "is not set, but QUITT_TLS_KEY is: give both.")
    if not (certificate and key):
        return
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError):
        yield Fault("QUITT_TLS_CERTIFICATE", "and QUITT_TLS_KEY are no PEM files that fit.")
    else:
        if not settings.demo and Path(key).stat().st_mode & stat.S_IROTH:
            yield Fault("QUITT_TLS_KEY", "may be read by everyone: chmod o-rwx the file.")


def _data(settings: Settings) -> Iterator[Fault]:
    folder = settings.data
    standing = next(each for each in (folder, *folder.absolute().parents) if each.exists())
    if not standing.is_dir() or not os.access(standing, os.W_OK | os.X_OK):
        yield Fault("QUITT_DATA", "names a folder that this user may not write to.")
    elif standing == folder and not settings.demo and stat.S_IMODE(folder.stat().st_mode) & 0o007:
        yield Fault("QUITT_DATA", f"may be entered by everyone: chmod o-rwx {folder}")


def _ports(settings: Settings) -> Iterator[Fault]:
    if settings.port == settings.office_port:
        yield Fault("QUITT_OFFICE_PORT", "is the portal's PORT: choose another.")


def _office(settings: Settings) -> Iterator[Fault]:
    portal = urlsplit(settings.office_portal_url)
    if portal.scheme == "http" and not (settings.demo or _is_local(portal)):
        yield Fault("QUITT_OFFICE_PORTAL_URL", "must begin with https://: a secret is sent there.")


def _secrets(settings: Settings) -> Iterator[Fault]:
    for variable, secret in (
        ("QUITT_METRICS_TOKEN", settings.metrics_token),
        ("QUITT_OFFICE_TOKEN", settings.office_token),
        ("QUITT_OFFICE_CLIENT_SECRET", settings.office_client_secret),
        ("QUITT_OFFICE_WEBHOOK_SECRET", settings.office_webhook_secret),
    ):
        if secret and (len(secret) < SHORTEST_SECRET or _is_placeholder(secret)):
            yield Fault(
                variable,
                f"is a placeholder or shorter than {SHORTEST_SECRET} characters. Make a real one:"
                " openssl rand -base64 32",
            )


def _pseudonym_key(settings: Settings) -> Iterator[Fault]:
    if not settings.office_pseudonym_key:
        return
    try:
        key = base64.b64decode(settings.office_pseudonym_key, validate=True)
    except binascii.Error:
        key = b""
    if len(key) < 32 or is_guessable(key):
        yield Fault(
            "QUITT_OFFICE_PSEUDONYM_KEY",
            "must be 32 random bytes as base64. Make one: openssl rand -base64 32",
        )


def _mail(settings: Settings) -> Iterator[Fault]:
    host, sender = settings.smtp_host, settings.smtp_sender
    if sender and not host:
        yield Fault("QUITT_SMTP_HOST", "is not set, but QUITT_SMTP_SENDER is: give both.")
    if not host:
        return
    if not ADDRESS.fullmatch(sender):
        yield Fault("QUITT_SMTP_SENDER", "must be the address that mails come from.")
    if bool(settings.smtp_user) != bool(settings.smtp_password):
        yield Fault("QUITT_SMTP_PASSWORD", "and QUITT_SMTP_USER belong together: give both.")
    if settings.smtp_encryption == "none" and not _is_local(urlsplit(f"//{host}")):
        yield Fault("QUITT_SMTP_ENCRYPTION", "is none: addresses would travel in clear.")


CHECKS: tuple[Callable[[Settings], Iterator[Fault]], ...] = (
    _keys,
    _base_url,
    _proxies,
    _embedded,
    _databases,
    _tls,
    _data,
    _ports,
    _secrets,
    _pseudonym_key,
    _office,
    _mail,
)


def _is_placeholder(text: str) -> bool:
    low = text.lower()
    return len(set(text)) < 6 or any(word in low for word in PLACEHOLDERS)


def _is_local(parts: SplitResult) -> bool:
    """This machine, or an address that the internet does not lead to."""
    host = parts.hostname or ""
    if host == "localhost" or host.endswith((".localhost", ".local", ".test")):
        return True
    try:
        return not ip_address(host).is_global
    except ValueError:
        return False


def _split(url: str) -> SplitResult:
    try:
        return urlsplit(url)
    except ValueError:
        return urlsplit("")


def _place(parts: SplitResult) -> tuple[object, ...]:
    asked = parse_qs(parts.query)
    return (parts.netloc.rpartition("@")[2] or str(asked.get("host")), parts.path)
