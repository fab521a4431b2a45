"""E-mail: making one message and handing it to the mail server, or to a folder in practice mode.

What a mail server answers may hold the address, so its words go nowhere: only codes are told.
"""

import contextlib
import os
import re
import secrets
import smtplib
import ssl
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import message_from_bytes
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from pathlib import Path

import idna

from portal import clock
from portal.config import Settings
from portal.errors import Invalid, PortalError, Unavailable

TIME_LIMIT = 20  # seconds, for each answer of the mail server
LONGEST_ADDRESS = 254  # RFC 5321, section 4.5.3.1.3, less the angle brackets
LONGEST_LOCAL = 64  # RFC 5321, section 4.5.3.1.1

_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"  # RFC 5322, section 3.2.3
_LOCAL = re.compile(rf"{_ATOM}(\.{_ATOM})*")
_LABEL = r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_DOMAIN = re.compile(rf"({_LABEL}\.)+(?=[A-Za-z]){_LABEL}(?<=..)")


class NoAddress(Invalid):
    """What was typed has not the form of an e-mail address."""

    code = "no_address"


class MailRefused(PortalError):
    """The mail server will never take this message; ``str`` is its code, or our word."""

    code = "mail_refused"


@dataclass(frozen=True, slots=True)
class Post:
    """How mail leaves: by a mail server, or, with ``folder``, into files that look like it."""

    sender: str
    host: str = ""
    port: int = 587
    user: str = ""
    password: str = field(default="", repr=False)
    encryption: str = "starttls"
    folder: Path | None = None


@dataclass(frozen=True, slots=True)
class Paper:
    """A PDF that is attached."""

    name: str
    pdf: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Words:
    """What a message says; ``language`` is its tag (BCP 47)."""

    subject: str
    text: str
    language: str


def post(settings: Settings) -> Post | None:
    """How mail leaves here; ``None`` when it does not: then none is offered."""
    if settings.smtp_host:
        return Post(
            settings.smtp_sender,
            settings.smtp_host,
            settings.smtp_port,
            settings.smtp_user,
            settings.smtp_password,
            settings.smtp_encryption,
        )
    if settings.demo:
        return Post("demo@localhost.example", folder=settings.data / "mail")
    return None


def address(typed: str) -> str:
    """An e-mail address, its domain in ASCII; raises ``NoAddress``. Only the form is checked."""
    local, at, domain = typed.strip().rpartition("@")
    try:
        # UTS 46 without transition: the standard library's codec would turn groß into gross.
        domain = idna.encode(domain, uts46=True, transitional=False).decode("ascii")
    except idna.IDNAError:
        raise NoAddress("This is no e-mail address.") from None
    good = at and _LOCAL.fullmatch(local) and _DOMAIN.fullmatch(domain)
    if not good or len(local) > LONGEST_LOCAL or len(local) + len(domain) >= LONGEST_ADDRESS:
        raise NoAddress("This is no e-mail address.")
    return f"{local}@{domain}"


def message(
    sender: Address, reply_to: str, to: str, words: Words, paper: Paper | None = None
) -> bytes:
    """A whole message (RFC 5322). It says that a machine wrote it (RFC 3834) and tracks nothing."""
    made = EmailMessage(policy=SMTP)
    made["From"] = sender
    made["To"] = Address(addr_spec=to)
    if reply_to:
        made["Reply-To"] = Address(addr_spec=reply_to)
    made["Subject"] = words.subject
    made["Date"] = format_datetime(clock.now())
    made["Message-ID"] = f"<{secrets.token_hex(16)}@{sender.domain}>"
    made["Auto-Submitted"] = "auto-generated"
    made["X-Auto-Response-Suppress"] = "All"  # Microsoft's word for the same
    made.set_content(words.text, cte="quoted-printable")
    if paper:
        made.add_attachment(paper.pdf, maintype="application", subtype="pdf", filename=paper.name)
    made["Content-Language"] = words.language
    return made.as_bytes()


def send(way: Post, raw: bytes) -> None:
    """Hand a message over. Raises ``Unavailable`` (try again) or ``MailRefused`` (never again)."""
    if way.folder:
        _put_away(way.folder, raw)
        return
    to = _recipient(raw)
    try:
        with _server(way) as server:
            server.sendmail(way.sender, [to], raw)
    except smtplib.SMTPRecipientsRefused as error:
        code = next(iter(error.recipients.values()))[0]
        raise _refusal(code) from None
    except smtplib.SMTPSenderRefused as error:  # our own address: a person can mend that
        raise Unavailable(str(error.smtp_code)) from None
    except smtplib.SMTPResponseException as error:
        raise _refusal(error.smtp_code) from None
    except (OSError, smtplib.SMTPException) as error:  # also without an answer
        raise Unavailable(type(error).__name__) from None


@contextlib.contextmanager
def _server(way: Post) -> Iterator[smtplib.SMTP]:
    trust = ssl.create_default_context()
    name = way.sender.rpartition("@")[2]  # else it looks up, and tells, what this machine is called
    if way.encryption == "tls":
        found: smtplib.SMTP = smtplib.SMTP_SSL(
            way.host, way.port, name, timeout=TIME_LIMIT, context=trust
        )
    else:
        found = smtplib.SMTP(way.host, way.port, name, TIME_LIMIT)
    with found as server:
        if way.encryption == "starttls":
            server.starttls(context=trust)
        if way.user:
            server.login(way.user, way.password)
        yield server


def _refusal(code: int) -> PortalError:
    """5yz is final, 4yz is not (RFC 5321, section 4.2.1); a refused login (535) can be mended."""
    final = 500 <= code < 600 and code not in {530, 534, 535, 538}
    return MailRefused(str(code)) if final else Unavailable(str(code))


def _recipient(raw: bytes) -> str:
    try:
        (to,) = message_from_bytes(raw, policy=SMTP)["To"].addresses
    except (MessageError, AttributeError, ValueError):
        raise MailRefused("unreadable") from None
    return str(to.addr_spec)


def _put_away(folder: Path, raw: bytes) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    name = f"{clock.now():%Y%m%dT%H%M%S}-{secrets.token_hex(4)}"
    being_written = folder / f".{name}"
    opened = os.open(being_written, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(opened, "wb") as file:
        file.write(raw)
    being_written.rename(folder / f"{name}.eml")
