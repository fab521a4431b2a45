"""E-mail: what a message is like, what is an address, and what a mail server may answer."""

import socket
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP as POLICY
from ipaddress import ip_address
from pathlib import Path
from types import SimpleNamespace

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from portal import mail
from portal.config import Settings
from portal.errors import Unavailable
from portal.mail import MailRefused, NoAddress, Paper, Post, Words

TO = "erika@example.org"
PDF = b"%PDF-1.7\n" + bytes(range(256))
TEXT = "Guten Tag,\n\nBetrag: 148,50 € für die Gemeinde Groß-Ösingen.\n" + "lang " * 60
WORDS = Words("Zahlungsbestätigung 7F3K-9QXM-2B44", TEXT, "de")


def made(**changes: object) -> bytes:
    sender = Address(display_name="Stadt Müsterhausen, Kasse", addr_spec="portal@town.example")
    told = {"sender": sender, "reply_to": "kasse@town.example", "to": TO, "words": WORDS,
            "paper": Paper("Zahlungsbestaetigung-7F3K.pdf", PDF), **changes}  # fmt: skip
    return mail.message(**told)  # type: ignore[arg-type]


def read(raw: bytes) -> EmailMessage:
    found = message_from_bytes(raw, policy=POLICY)
    assert isinstance(found, EmailMessage)
    return found


def test_a_message_says_that_a_machine_wrote_it_and_for_whom() -> None:
    message = read(made())
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["To"].addresses[0].addr_spec == TO
    assert message["From"].addresses[0].display_name == "Stadt Müsterhausen, Kasse"
    assert message["Reply-To"].addresses[0].addr_spec == "kasse@town.example"
    assert message["Subject"] == WORDS.subject
    assert message["Content-Language"] == "de"
    assert message["Message-ID"].endswith("@town.example>"), "it names none of our machines"
    assert message["Date"]
    assert read(made(reply_to=""))["Reply-To"] is None


def test_a_message_is_plain_text_and_the_paper_and_loads_nothing() -> None:
    raw = made()
    message = read(raw)
    text, paper = message.iter_parts()
    assert text.get_content_type() == "text/plain"
    assert text.get_content().replace("\r\n", "\n").rstrip() == TEXT.rstrip()
    assert paper.get_content_type() == "application/pdf"
    assert paper.get_filename() == "Zahlungsbestaetigung-7F3K.pdf"
    assert paper.get_content() == PDF
    assert b"http" not in raw
    raw.decode("ascii")
    assert max(len(line) for line in raw.split(b"\r\n")) <= 998  # RFC 5322, section 2.1.1


# fmt: off
@pytest.mark.parametrize(
    ("typed", "address"),
    [
        ("erika@example.org",             "erika@example.org"),
        (" Erika.M+quitt@Example.ORG ",   "Erika.M+quitt@example.org"),
        ("erika@groß-ösingen.example",    "erika@xn--gro-singen-73a1z.example"),
        ("o'neill@mail.example.org",      "o'neill@mail.example.org"),
        ("a@b.de",                        "a@b.de"),
    ],
)
def test_the_form_of_an_address_is_known(typed: str, address: str) -> None:
    assert mail.address(typed) == address


@pytest.mark.parametrize(
    "typed",
    [
        "", "erika", "@example.org", "erika@", "erika@localhost", "erika@example", "erika@example.",
        "erika@.org", "erika@exa mple.org", "er ika@example.org", "erika@b.org, x@example.org",
        "erika@example.org;x@example.org", "<erika@example.org>", "Erika <erika@example.org>",
        "erika@example.org\nBcc: x@example.org", "erika\r\n@example.org", "erika@[192.0.2.1]",
        "erika@192.0.2.1", "erika..m@example.org", ".erika@example.org", "ärika@example.org",
        "erika@-example.org", "erika@example-.org", "erika\x00@example.org", '"e@x"@example.org',
        "a" * 65 + "@example.org", "erika@" + "a." * 130 + "org", "erika@" + "a" * 64 + ".org",
    ],
)
def test_what_has_not_the_form_of_one_address_is_refused(typed: str) -> None:
    with pytest.raises(NoAddress) as refused:
        mail.address(typed)
    assert not typed.strip() or typed.strip() not in str(refused.value)
# fmt: on


# --- A mail server --------------------------------------------------------------------------------


@dataclass
class Box:
    """A mail server's own books, and what it answers."""

    taken: list[tuple[str, list[str], bytes]] = field(default_factory=list)
    recipient: str = "250 ok"
    data: str = "250 ok"
    secured: list[bool] = field(default_factory=list)

    async def handle_RCPT(  # noqa: N802 -- aiosmtpd's names
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.recipient.startswith("2"):
            envelope.rcpt_tos.append(address)
        return self.recipient.format(address)

    async def handle_DATA(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        self.secured.append(session.ssl is not None)
        if self.data.startswith("2"):
            content = envelope.content
            assert isinstance(content, bytes)
            self.taken.append((str(envelope.mail_from), list(envelope.rcpt_tos), content))
        return self.data


Served = tuple[Box, Post]


@pytest.fixture
def serve() -> Iterator[Callable[..., Served]]:
    """Starts mail servers; they end with the test."""
    running: list[Controller] = []

    def start(**options: object) -> Served:
        box = Box()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        controller = Controller(
            box, hostname="127.0.0.1", port=port, server_hostname="localhost", **options
        )
        controller.start()
        running.append(controller)
        return box, Post("portal@town.example", "127.0.0.1", port, encryption="none")

    yield start
    for each in running:
        each.stop()


def test_a_mail_server_takes_a_message(serve: Callable[..., Served]) -> None:
    box, way = serve()
    raw = made()
    mail.send(way, raw)
    ((sender, recipients, content),) = box.taken
    assert (sender, recipients) == ("portal@town.example", [TO])
    assert content.rstrip() == raw.rstrip()


@pytest.mark.parametrize("where", ["recipient", "data"])
@pytest.mark.parametrize(("code", "error"), [(550, MailRefused), (451, Unavailable)])
def test_what_a_mail_server_refuses_is_told_by_its_code_alone(
    serve: Callable[..., Served], where: str, code: int, error: type[Exception]
) -> None:
    box, way = serve()
    setattr(box, where, f"{code} {TO} is not known here")
    with pytest.raises(error) as refused:
        mail.send(way, made())
    assert str(refused.value) == str(code)
    assert refused.value.__cause__ is None
    assert box.taken == []


def test_a_mail_server_that_is_not_there_may_come_back(serve: Callable[..., Served]) -> None:
    with pytest.raises(Unavailable):
        mail.send(Post("portal@town.example", "127.0.0.1", 1, encryption="none"), made())


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, Path]:
    """A server's context, and the file of who vouches for it: itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    today = datetime.now(UTC)
    vouched = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(today - timedelta(days=1))
        .not_valid_after(today + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .sign(key, SHA256())
    )
    folder = tmp_path_factory.mktemp("tls")
    file, key_file = folder / "certificate.pem", folder / "key.pem"
    file.write_bytes(vouched.public_bytes(Encoding.PEM))
    key_file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file, key_file)
    return context, file


@pytest.mark.parametrize("trusted", [True, False])
def test_a_mail_server_must_prove_who_it_is_before_it_hears_anything(
    serve: Callable[..., Served],
    certificate: tuple[ssl.SSLContext, Path],
    monkeypatch: pytest.MonkeyPatch,
    trusted: bool,
) -> None:
    context, file = certificate
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(file))
    box, way = serve(tls_context=context)
    secured = replace(way, encryption="starttls")
    if trusted:
        mail.send(secured, made())
        assert box.secured == [True]
    else:
        with pytest.raises(Unavailable):
            mail.send(secured, made())
        assert box.taken == []


def test_a_mail_server_that_cannot_encrypt_gets_nothing(serve: Callable[..., Served]) -> None:
    box, way = serve()
    with pytest.raises(Unavailable):
        mail.send(replace(way, encryption="starttls"), made())
    assert box.taken == []


@pytest.mark.parametrize(("password", "taken"), [("right", 1), ("wrong", 0)])
def test_a_wrong_password_can_be_mended(
    serve: Callable[..., Served], password: str, taken: int
) -> None:
    def knows(server: object, session: object, envelope: object, how: str, given: object) -> object:
        said = getattr(given, "password", b"")
        return AuthResult(success=said == b"right", handled=False)

    box, way = serve(authenticator=knows, auth_require_tls=False)
    way = replace(way, user="portal", password=password)
    if taken:
        mail.send(way, made())
    else:
        with pytest.raises(Unavailable, match="535"):
            mail.send(way, made())
    assert len(box.taken) == taken


# --- How mail leaves ------------------------------------------------------------------------------


def test_without_a_mail_server_none_leaves_but_in_practice_mode(tmp_path: Path) -> None:
    assert mail.post(Settings(data=tmp_path)) is None
    way = mail.post(Settings(data=tmp_path, demo=True))
    assert way is not None
    assert way.folder == tmp_path / "mail"
    given = mail.post(Settings(data=tmp_path, demo=True, smtp_host="mail.example"))
    assert given is not None
    assert given.folder is None


def test_in_practice_mode_a_message_is_put_into_a_folder(tmp_path: Path) -> None:
    folder = tmp_path / "mail"
    for _ in range(2):
        mail.send(Post("a@b.example", folder=folder), made())
    files = sorted(folder.iterdir())
    assert [file.suffix for file in files] == [".eml"] * 2
    assert read(files[0].read_bytes())["To"].addresses[0].addr_spec == TO
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}
    assert not any("erika" in file.name for file in files)


def test_a_password_is_not_shown() -> None:
    shown = repr(Post("a@b.example", "mail.example", password="hidden-word"))
    assert "hidden-word" not in shown
    assert "hidden" not in repr(SimpleNamespace(post=Post("a@b.example", password="hidden")))
