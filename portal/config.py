"""Everything that differs between two installations, read once at start.

Each setting is named here once, with its environment variable, default and purpose; the table in
the README is checked against this file.
"""

import os
from collections.abc import Mapping
from dataclasses import Field, dataclass, field, fields
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from portal.errors import Misconfigured

_TRUE = {"1", "yes", "true", "on"}
_FALSE = {"", "0", "no", "false", "off"}


def _setting(default: Any, variable: str, purpose: str, *, secret: bool = False) -> Any:
    about = {"variable": variable, "purpose": purpose}
    return field(default=default, repr=not secret, metadata=about)


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of one process. Secrets stay out of its ``repr``."""

    data: Path = _setting(
        Path("var"), "QUITT_DATA", "Folder for the embedded database, sockets and the demo's files."
    )
    port: int = _setting(
        8000, "PORT", "Port of the portal; the sandbox takes the next, the office the one after."
    )
    bind: str = _setting("127.0.0.1", "QUITT_BIND", "Address on which the portal listens.")
    base_url: str = _setting(
        "http://localhost:8000",
        "QUITT_BASE_URL",
        "Scheme and port of every public address; each tenant has its own host name.",
    )
    keys: str = _setting(
        "",
        "QUITT_KEYS",
        "Keys of links, TANs, cookies and sealed credentials, as id:base64; the first is in use.",
        secret=True,
    )
    database_url: str = _setting(
        "",
        "QUITT_DATABASE_URL",
        "The portal's database, as its application role. Empty: the embedded PostgreSQL.",
        secret=True,
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
    proxies: int = _setting(
        0,
        "QUITT_PROXIES",
        "How many reverse proxies stand before the portal and set X-Forwarded-For.",
    )
    web_processes: int = _setting(1, "QUITT_WEB_PROCESSES", "Web processes of `quitt serve`.")
    web_threads: int = _setting(4, "QUITT_WEB_THREADS", "Threads of each web process.")
    tls_certificate: str = _setting(
        "", "QUITT_TLS_CERTIFICATE", "PEM file, when the portal itself speaks https."
    )
    tls_key: str = _setting("", "QUITT_TLS_KEY", "PEM file with the key of that certificate.")
    body_limit_kib: int = _setting(
        256, "QUITT_BODY_LIMIT_KIB", "Largest body of a request, in KiB, but for batches."
    )
    batch_limit_mib: int = _setting(
        256, "QUITT_BATCH_LIMIT_MIB", "Largest batch of payment requests, in MiB."
    )
    batch_limit_lines: int = _setting(
        200_000, "QUITT_BATCH_LIMIT_LINES", "Most lines of a batch of payment requests."
    )
    log_level: str = _setting("info", "QUITT_LOG_LEVEL", "debug, info, warning or error.")
    demo: bool = _setting(
        False, "QUITT_DEMO", "Practice mode, set by `quitt demo`; never for real money."
    )
    demo_clock: Path | None = _setting(
        None, "QUITT_DEMO_CLOCK", "File that moves time for all processes; practice mode only."
    )
    office_port: int = _setting(
        8002, "QUITT_OFFICE_PORT", "Port of the office's page, on 127.0.0.1 only."
    )
    office_token: str = _setting(
        "", "QUITT_OFFICE_TOKEN", "One-time token that opens the office's page.", secret=True
    )
    office_portal_url: str = _setting(
        "http://localhost:8000", "QUITT_OFFICE_PORTAL_URL", "Where the office reaches the portal."
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
        """Read ``QUITT_*`` and ``PORT``; raises ``Misconfigured`` for what is unknown or wrong."""
        known = {f.metadata["variable"]: f for f in fields(cls)}
        if strangers := sorted(v for v in env if v.startswith("QUITT_") and v not in known):
            raise Misconfigured(f"Unknown setting {', '.join(strangers)}: see the table in README.")
        return cls(**{f.name: _read(f, env[v]) for v, f in known.items() if v in env})

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

    def public_url(self, host: str) -> str:
        """Scheme, host and port under which a tenant's host is reached, without a slash."""
        parts = urlsplit(self.base_url)
        return f"{parts.scheme}://{host}" + (f":{parts.port}" if parts.port else "")


def _read(setting: Field[Any], text: str) -> Any:
    variable, text = setting.metadata["variable"], text.strip()
    try:
        return _READERS[setting.type](text)
    except ValueError:
        raise Misconfigured(f"{variable} cannot be {text!r}.") from None


def _yes_or_no(text: str) -> bool:
    if text.lower() not in _TRUE | _FALSE:
        raise ValueError(text)
    return text.lower() in _TRUE


def _folder(text: str) -> Path:
    return Path(text).expanduser().absolute()


_READERS: Mapping[Any, Any] = {
    str: str,
    int: int,
    bool: _yes_or_no,
    Path: _folder,
    Path | None: lambda text: _folder(text) if text else None,
}
