"""A demo as a process of its own, for tests that need the whole house."""

import datetime
import ipaddress
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import psycopg
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from office.printing import volume_name
from tests.moving import move

HOUSE = Path(__file__).resolve().parents[1]
LONGEST_START = 120.0  # seconds
LONGEST_END = 10.0  # seconds: the promise of the demo

_numbers = count(1)


@dataclass(slots=True)
class Demo:
    """A demo that runs, seen from outside."""

    data: Path
    port: int
    process: "subprocess.Popen[bytes] | None"  # none when another process started it
    facts: dict[str, Any]
    trusted: ssl.SSLContext
    http: httpx2.Client = field(init=False, repr=False)
    visited: str = ""
    _tokens: dict[str, tuple[str, float]] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        self.http = self.client()

    def client(self) -> httpx2.Client:
        """Someone new who calls: no cookies."""
        return httpx2.Client(verify=self.trusted, trust_env=False, timeout=20)

    @property
    def requests(self) -> list[dict[str, Any]]:
        """The sample's letters."""
        found: list[dict[str, Any]] = self.facts["requests"]
        return found

    def push(self, **asked: Any) -> dict[str, Any]:
        """Push a payment request of a number of its own; the portal's answer.

        ``town="other"``: of the other town.
        """
        reference = asked.pop("reference", None) or f"T-{os.getpid()}-{next(_numbers):04}"
        town = self.facts["other_town"] if asked.pop("town", "") == "other" else self.facts
        body = {
            "amount_cents": 14_850, "currency": "EUR", "kind": "tax", "language": "en",
            "purpose": "Grundsteuer B, 4. Quartal", "payment_sign": "5.0101.000123.4", "tan": True,
        }  # fmt: skip
        answer = self.http.put(
            f"{town['portal']}/api/v1/payment-requests/{reference}",
            json=body | asked,
            headers={"Authorization": f"Bearer {self._bearer(town)}"},
        )
        assert answer.status_code in {200, 201}, answer.text
        told: dict[str, Any] = answer.json()
        return told

    def order(self, reference: str, rule: str, **body: Any) -> Any:
        """Let the finance system order something about a request, or tell of it."""
        answer = self.http.post(
            f"{self.facts['portal']}/api/v1/payment-requests/{reference}/{rule}",
            json=body,
            headers={"Authorization": f"Bearer {self._bearer(self.facts)}"},
        )
        assert answer.status_code in {200, 201}, answer.text
        return answer.json()

    def provider(self, path: str, **said: Any) -> Any:
        """Let something happen at the practice provider."""
        answer = self.http.post(f"{self._sandbox}/test/{path}", json=said)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def books(self) -> Any:
        """The practice provider's own books."""
        return self.http.get(f"{self._sandbox}/books").json()["merchants"]

    def office(self, path: str) -> str:
        """A page of the office, in English; the one-time token is spent by the first."""
        url = f"{self.facts['office']}/?token={self.facts['office_token']}"
        self.http.get(url, follow_redirects=True)
        answer = self.http.get(f"{self.facts['office']}{path}", params={"lang": "en"})
        assert answer.status_code == 200, answer.status_code
        return answer.text

    def sql(self, statement: str, *values: Any) -> list[Any]:
        """Ask the portal's database as its application."""
        with psycopg.connect(self.facts["database_url"], autocommit=True) as connection:
            cursor = connection.execute(statement.encode(), values)
            return cursor.fetchall() if cursor.description else []

    @contextmanager
    def later(self, distance: str) -> Iterator[None]:
        """Let so much time have passed for all processes; afterwards it is now again."""
        clock = self.data / "clock"
        move(clock, distance)
        try:
            yield
        finally:
            clock.unlink()

    def end(self, with_signal: int = signal.SIGTERM) -> float:
        """End it; how many seconds that took."""
        begun = time.monotonic()
        assert self.process, "who started it ends it"
        if self.process.poll() is None:
            self.process.send_signal(with_signal)
        self.process.wait(LONGEST_END + 5)
        self.http.close()
        return time.monotonic() - begun

    @property
    def _sandbox(self) -> str:
        return f"http://127.0.0.1:{self.port + 1}"

    def _bearer(self, town: dict[str, Any]) -> str:
        token, runs_out = self._tokens.get(town["tenant"], ("", 0.0))
        if time.monotonic() > runs_out:
            answer = self.http.post(
                f"{town['portal']}/api/v1/oauth/token",
                data={"grant_type": "client_credentials"},
                auth=(town["client_id"], town["client_secret"]),
            )
            told = answer.json()
            token, runs_out = told["access_token"], time.monotonic() + told["expires_in"] / 2
            self._tokens[town["tenant"]] = token, runs_out
        return token


def start(
    data: Path,
    *more: str,
    port: int = 0,
    certificate: Path | None = None,
    providers: str = "sandbox",
    prints: bool = False,
) -> Demo:
    """Start a demo in ``data``, with ``more`` words, and wait until it is ready to pay.

    Its two hundred letters are drawn meanwhile, for half a minute of a processor, only where it
    ``prints``.
    """
    port = port or free_ports()
    told = {name: value for name, value in os.environ.items() if not name.startswith("QUITT_")}
    told |= {"PORT": str(port), "QUITT_DATA": str(data)}
    if certificate:
        told |= {
            "QUITT_TLS_CERTIFICATE": str(certificate),
            "QUITT_TLS_KEY": str(certificate.with_suffix(".key")),
            "SSL_CERT_FILE": str(certificate),
        }
    data.mkdir(exist_ok=True)
    if not prints:
        (data / "letters").mkdir(exist_ok=True)
        (data / "letters" / volume_name(1)).touch()
    with (data / "terminal.txt").open("wb") as words:
        process = subprocess.Popen(
            (sys.executable, "-m", "demo", "--providers", providers, *more),
            cwd=HOUSE, env=told,
            stdin=subprocess.DEVNULL, stdout=words, stderr=words,
        )  # fmt: skip
    (data / "demo.json").unlink(missing_ok=True)
    try:
        until(lambda: (data / "demo.json").exists() or process.poll() is not None, LONGEST_START)
    except AssertionError:  # left behind, it would slow down all that comes after
        process.terminate()
        process.wait(LONGEST_END + 5)
        raise
    assert process.poll() is None, (data / "terminal.txt").read_text()
    trusted = ssl.create_default_context(cafile=str(certificate) if certificate else None)
    return Demo(data, port, process, json.loads((data / "demo.json").read_text()), trusted)


def join(data: Path, certificate: Path) -> Demo:
    """The demo that another process started in ``data``."""
    facts = json.loads((data / "demo.json").read_text())
    trusted = ssl.create_default_context(cafile=str(certificate))
    port = urlsplit(facts["portal"]).port
    assert port
    return Demo(data, port, None, facts, trusted)


def until(true: Callable[[], object], seconds: float) -> None:
    """Wait until ``true()``; fails when it does not come."""
    last = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < last, f"not within {seconds} s"
        time.sleep(0.1)


def free_ports(many: int = 3) -> int:
    """The first of so many free ports in a row."""
    for port in range(20_000 + os.getpid() % 10_000, 60_000, 3):
        if all(_is_free(port + more) for more in range(many)):
            return port
    raise AssertionError("no free ports")


def make_certificate(folder: Path) -> Path:
    """A certificate for this machine, signed by itself; its key stands beside it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    here = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName(here), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = folder / "certificate.pem"
    pem.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    pem.with_suffix(".key").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return pem


def children(pid: int, *words: str) -> list[int]:
    """The children of a process whose command has these words."""
    mine = [child for child, parent in parents().items() if parent == pid]
    return [one for one in mine if set(words) <= set(command(one))]


def parents() -> dict[int, int]:
    """All processes of this machine, each with the one that it comes from."""
    found = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            words = status.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        found[int(status.parent.name)] = int(words[1])
    return found


def command(pid: int) -> list[str]:
    """The words of a process's command; none when it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().split("\0")
    except OSError:
        return []


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0
