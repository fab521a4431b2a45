"""Everything that differs between two installations, read once at start.

Each setting is named here once, with its environment variable, default and purpose; the table in
the README is checked against this file. What a process refuses to start with, though each value
can be read, stands in ``portal.refusals``.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from portal import environment
from portal.errors import Misconfigured

_LOG_LEVELS = {"debug", "info", "warning", "error"}
_SMTP_ENCRYPTIONS = {"starttls", "tls", "none"}
_PORTS = range(1, 65_536)
_NUMBERS = range(1, 1_000_001)
_MOST_PROXIES = 10


def _setting(
    default: Any,
    variable: str,
    purpose: str,
    *,
    secret: bool = False,
    may_be: Callable[[Any], bool] = lambda value: True,
) -> Any:
    about = {"variable": variable, "purpose": purpose, "may_be": may_be, "secret": secret}
    return field(default=default, repr=not secret, metadata=about)


def _is_web_address(text: str) -> bool:
    parts = urlsplit(text)
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and (parts.port or 1) > 0


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of one process. Secrets stay out of its ``repr``."""

    data: Path = _setting(
        Path("var"), "QUITT_DATA", "Folder for the embedded database, sockets and the demo's files."
    )
    port: int = _setting(
        8000,
        "PORT",
        "Port of the portal; the sandbox takes the next, then the office, then the demo's fakes.",
        may_be=_PORTS.__contains__,
    )
    bind: str = _setting("127.0.0.1", "QUITT_BIND", "Address on which the portal listens.")
    base_url: str = _setting(
        "http://localhost:8000",
        "QUITT_BASE_URL",
        "Scheme and port of every public address; each tenant has its own host name.",
        may_be=_is_web_address,
    )
    keys: str = _setting(
        "",
        "QUITT_KEYS",
        "Keys of links, TANs, cookies and sealed credentials, as id:base64; the first is in use;"
        " one that leaked bears :revoked.",
        secret=True,
    )
    database_url: str = _setting(
        "",
        "QUITT_DATABASE_URL",
        "The portal's database, as its application role. Empty: the embedded PostgreSQL.",
        secret=True,
    )
    embedded: bool = _setting(
        False,
        "QUITT_EMBEDDED",
        "Says that real money may be kept in the embedded PostgreSQL; the demo need not say it.",
    )
    backups: Path | None = _setting(
        None, "QUITT_BACKUPS", "Folder of the backups; empty: `backups` in the data folder."
    )
    owner_database_url: str = _setting(
        "",
        "QUITT_OWNER_DATABASE_URL",
        "The same database as the role that owns the tables; needed by `quitt migrate` only.",
        secret=True,
    )
    office_database_url: str = _setting(
        "",
        "QUITT_OFFICE_DATABASE_URL",
        "The office's own database, as its application role. Empty: the embedded PostgreSQL.",
        secret=True,
    )
    office_owner_database_url: str = _setting(
        "",
        "QUITT_OFFICE_OWNER_DATABASE_URL",
        "The office's database as the role that owns its tables; needed by `quitt migrate` only.",
        secret=True,
    )
    proxies: int | None = _setting(
        None,
        "QUITT_PROXIES",
        "How many reverse proxies stand before the portal and set X-Forwarded-For; 0 is said, too.",
        may_be=lambda value: value is None or 0 <= value <= _MOST_PROXIES,
    )
    metrics_token: str = _setting(
        "",
        "QUITT_METRICS_TOKEN",
        "Bearer token that opens `/metrics` from elsewhere; without it only this machine may look.",
        secret=True,
    )
    web_processes: int = _setting(
        1, "QUITT_WEB_PROCESSES", "Web processes of `quitt serve`.", may_be=_NUMBERS.__contains__
    )
    web_threads: int = _setting(
        4, "QUITT_WEB_THREADS", "Threads of each web process.", may_be=_NUMBERS.__contains__
    )
    tls_certificate: str = _setting(
        "", "QUITT_TLS_CERTIFICATE", "PEM file, when the portal itself speaks https."
    )
    tls_key: str = _setting("", "QUITT_TLS_KEY", "PEM file with the key of that certificate.")
    body_limit_kib: int = _setting(
        256,
        "QUITT_BODY_LIMIT_KIB",
        "Largest body of a request, in KiB, but for batches.",
        may_be=_NUMBERS.__contains__,
    )
    batch_limit_mib: int = _setting(
        256,
        "QUITT_BATCH_LIMIT_MIB",
        "Largest batch of payment requests, in MiB.",
        may_be=_NUMBERS.__contains__,
    )
    batch_limit_lines: int = _setting(
        200_000,
        "QUITT_BATCH_LIMIT_LINES",
        "Most lines of a batch of payment requests.",
        may_be=_NUMBERS.__contains__,
    )
    finance_networks: tuple[IPv4Network | IPv6Network, ...] = _setting(
        (),
        "QUITT_FINANCE_NETWORKS",
        "Private networks in which finance systems take events, as 10.20.0.0/16,fd00::/8.",
    )
    smtp_host: str = _setting(
        "", "QUITT_SMTP_HOST", "Mail server for confirmations; empty: none are offered by e-mail."
    )
    smtp_port: int = _setting(
        587, "QUITT_SMTP_PORT", "Port of the mail server.", may_be=_PORTS.__contains__
    )
    smtp_user: str = _setting("", "QUITT_SMTP_USER", "User at the mail server; empty: no login.")
    smtp_password: str = _setting(
        "", "QUITT_SMTP_PASSWORD", "Password at the mail server.", secret=True
    )
    smtp_encryption: str = _setting(
        "starttls",
        "QUITT_SMTP_ENCRYPTION",
        "starttls, tls (from the first byte, mostly port 465), or none (on this machine only).",
        may_be=_SMTP_ENCRYPTIONS.__contains__,
    )
    smtp_sender: str = _setting(
        "", "QUITT_SMTP_SENDER", "Address that mails come from; the name before it is the town's."
    )
    wrong_entries: int = _setting(
        60,
        "QUITT_WRONG_ENTRIES",
        "Wrong links, codes and TANs a minute from one network address; then it must wait.",
        may_be=_NUMBERS.__contains__,
    )
    wrong_tokens: int = _setting(
        60,
        "QUITT_WRONG_TOKENS",
        "Refused API tokens a minute from one network address; then it must wait.",
        may_be=_NUMBERS.__contains__,
    )
    unlimited_networks: tuple[IPv4Network | IPv6Network, ...] = _setting(
        (ip_network("127.0.0.0/8"), ip_network("::1/128")),
        "QUITT_UNLIMITED_NETWORKS",
        "Networks whose wrong entries are not limited, as the town hall's own; by default this"
        " machine.",
    )
    maintenance: Path | None = _setting(
        None,
        "QUITT_MAINTENANCE",
        "File; while it is there, pages and API answer 503. It may hold until when, in ISO 8601.",
    )
    log_level: str = _setting(
        "info",
        "QUITT_LOG_LEVEL",
        "debug, info, warning or error.",
        may_be=lambda value: value.lower() in _LOG_LEVELS,
    )
    demo: bool = _setting(
        False, "QUITT_DEMO", "Practice mode, set by `quitt demo`; never for real money."
    )
    demo_clock: Path | None = _setting(
        None, "QUITT_DEMO_CLOCK", "File that moves time for all processes; practice mode only."
    )
    office_port: int = _setting(
        8002,
        "QUITT_OFFICE_PORT",
        "Port of the office's page, on 127.0.0.1 only.",
        may_be=_PORTS.__contains__,
    )
    office_token: str = _setting(
        "", "QUITT_OFFICE_TOKEN", "One-time token that opens the office's page.", secret=True
    )
    office_portal_url: str = _setting(
        "http://localhost:8000",
        "QUITT_OFFICE_PORTAL_URL",
        "Where the office reaches the portal.",
        may_be=_is_web_address,
    )
    office_client_id: str = _setting(
        "", "QUITT_OFFICE_CLIENT_ID", "The office's client id at the portal."
    )
    office_client_secret: str = _setting(
        "", "QUITT_OFFICE_CLIENT_SECRET", "The office's client secret at the portal.", secret=True
    )
    office_webhook_secret: str = _setting(
        "", "QUITT_OFFICE_WEBHOOK_SECRET", "Signs the events pushed to the office.", secret=True
    )
    office_pseudonym_key: str = _setting(
        "",
        "QUITT_OFFICE_PSEUDONYM_KEY",
        "Key of the debtors' pseudonyms (base64, 32 bytes); the portal never holds it.",
        secret=True,
    )

    def __post_init__(self) -> None:
        if urlsplit(self.base_url).scheme not in {"http", "https"}:
            raise Misconfigured("QUITT_BASE_URL must begin with http:// or https://.")
        if self.demo_clock and not self.demo:
            raise Misconfigured("QUITT_DEMO_CLOCK moves time and is for the demo and tests only.")

    @classmethod
    def from_env(cls, env: Mapping[str, str] = os.environ) -> Self:
        """Read ``QUITT_*`` and ``PORT``; raises ``Misconfigured`` for what is unknown or wrong.

        Every fault is named at once, one a line, each beginning with its setting.
        """
        read, faults = environment.read(fields(cls), env)
        if not environment.is_off(env.get("FLASK_DEBUG", "")):
            faults.append("FLASK_DEBUG shows visitors the inside of the portal: unset it.")
        if read.get("demo_clock") and not read.get("demo"):
            faults.append("QUITT_DEMO_CLOCK moves time and is for the demo and tests only.")
        if faults:
            raise Misconfigured("\n".join(sorted(faults)))
        return cls(**read)

    @property
    def https(self) -> bool:
        return urlsplit(self.base_url).scheme == "https"

    @property
    def https_here(self) -> bool:
        """Whether the portal itself speaks https, not a proxy before it."""
        return bool(self.tls_certificate and self.tls_key)

    @property
    def print_socket(self) -> Path:
        """Where the print process listens."""
        return self.data / "print.sock"

    @property
    def backup_folder(self) -> Path:
        """Where backups are put that nobody gave a place, and looked for."""
        return self.backups or self.data / "backups"

    def public_url(self, host: str) -> str:
        """Scheme, host and port under which a tenant's host is reached, without a slash."""
        parts = urlsplit(self.base_url)
        return f"{parts.scheme}://{host}" + (f":{parts.port}" if parts.port else "")
