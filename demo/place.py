"""Where a demo stands: its folder, its ports, the name by which it is reached."""

import fcntl
import shutil
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Self

from demo import secrets_file
from portal import embedded
from portal.errors import Misconfigured

FACTS = "demo.json"
OURS = (
    "postgres", "letters", "logs", "mail", "sandbox", "fakes", secrets_file.FILE, FACTS, "clock",
)  # fmt: skip
PORTS = 3  # portal, practice provider, office
PORTS_WITH_FAKES = 4
NUMBERS = {PORTS: "three", PORTS_WITH_FAKES: "four"}
USUAL_PORT = 8000
HIGHEST_PORT = 65_535
# Processes of a demo that was killed are still ending then.
PATIENCE = 8.0  # seconds


@dataclass(frozen=True, slots=True)
class Place:
    """A demo's place. ``host`` names it to people; ``bind`` is the address it listens on.

    ``pays_at_fakes`` says that the towns' ways to pay are the fakes of real providers.
    """

    data: Path
    port: int
    host: str = "localhost"
    bind: str = "127.0.0.1"
    tls_certificate: str = ""
    tls_key: str = ""
    pays_at_fakes: bool = False

    @classmethod
    def chosen(cls, environment: Mapping[str, str], *, lan: bool, fakes: bool = False) -> Self:
        """As the environment says; raises ``Misconfigured`` for what cannot be."""
        place = cls(
            data=Path(environment.get("QUITT_DATA") or "var").expanduser().absolute(),
            port=_port(
                environment.get("PORT") or str(USUAL_PORT), PORTS_WITH_FAKES if fakes else PORTS
            ),
            tls_certificate=environment.get("QUITT_TLS_CERTIFICATE", ""),
            tls_key=environment.get("QUITT_TLS_KEY", ""),
            pays_at_fakes=fakes,
        )
        if not lan:
            return place
        everywhere = "0.0.0.0"  # noqa: S104 -- asked for by --lan
        return replace(place, host=lan_address(), bind=everywhere)

    @property
    def again(self) -> str:
        """How this demo is called from another terminal."""
        folder = "" if self.data == Path("var").absolute() else f"QUITT_DATA={self.data} "
        port = "" if self.port == USUAL_PORT else f"PORT={self.port} "
        return f"{folder}{port}./quitt demo"

    @property
    def portal(self) -> str:
        """The portal's address for people of the first town."""
        return f"{self._scheme}://{self.host}:{self.port}"

    @property
    def portal_here(self) -> str:
        """The portal's address on this machine."""
        return f"{self._scheme}://127.0.0.1:{self.port}"

    @property
    def sandbox(self) -> str:
        """The practice provider's address for people."""
        return f"http://{self.host}:{self.port + 1}"

    @property
    def sandbox_here(self) -> str:
        """The practice provider's address on this machine."""
        return f"http://127.0.0.1:{self.port + 1}"

    @property
    def office(self) -> str:
        """The office's address, on this machine only."""
        return f"http://127.0.0.1:{self.port + 2}"

    @property
    def has_fakes(self) -> bool:
        """Whether the fakes run: they are wanted, or money of an earlier start lies there."""
        return self.pays_at_fakes or self.fakes_data.exists()

    @property
    def fakes_data(self) -> Path:
        """Where the fakes keep their books."""
        return self.data / "fakes"

    @property
    def fakes(self) -> str:
        """The fakes' address for people."""
        return f"http://{self.host}:{self.port + 3}"

    @property
    def fakes_here(self) -> str:
        """The fakes' address on this machine."""
        return f"http://127.0.0.1:{self.port + 3}"

    @property
    def letters(self) -> Path:
        """Where letters are printed to."""
        return self.data / "letters"

    @property
    def facts(self) -> Path:
        """What tests read. It is there as long as the demo runs."""
        return self.data / FACTS

    @property
    def _scheme(self) -> str:
        return "https" if self.tls_certificate and self.tls_key else "http"

    def take(self) -> IO[str]:
        """Take this place for one demo, as long as the file that is returned stays open.

        Raises ``Misconfigured`` when a demo runs in the folder, or something on the ports.
        """
        self.data.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = (self.data / "demo.lock").open("w")
        try:
            self._lock(lock)
            self._find_ports_free(PATIENCE if self.facts.exists() else 0)
        except BaseException:
            lock.close()
            raise
        self.facts.unlink(missing_ok=True)
        return lock

    def clear(self) -> None:
        """Begin anew: what the demo made goes, anything else in the folder stays."""
        if (self.data / "postgres").exists():
            embedded.stop(embedded.start(self.data))
        for name in OURS:
            path = self.data / name
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)

    def _lock(self, file: IO[str]) -> None:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise Misconfigured(
                f"A demo is running in {self.data}. End it first, or give this one a folder and"
                f" ports of its own: PORT={self._other_port} QUITT_DATA=./var2 ./quitt demo"
            ) from None

    @property
    def _other_port(self) -> int:
        return self.port % 60_000 + 100

    def _find_ports_free(self, patience: float) -> None:
        last = time.monotonic() + patience
        while taken := [port for port in self._ports() if not self._is_free(port)]:
            if time.monotonic() > last:
                raise Misconfigured(
                    f"Port {taken[0]} is in use. Choose {NUMBERS[len(self._ports())]} free ones in"
                    f" a row, for example PORT={self._other_port} ./quitt demo"
                )
            time.sleep(0.1)

    def _ports(self) -> range:
        return range(self.port, self.port + (PORTS_WITH_FAKES if self.has_fakes else PORTS))

    def _is_free(self, port: int) -> bool:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((self.bind, port))
            except (OSError, OverflowError):  # taken, or beyond the highest
                return False
        return True


def lan_address() -> str:
    """This machine's address in the local network; nothing is sent to find it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # RFC 5737: an address for documentation
        except OSError:
            raise Misconfigured("This machine has no address in a local network.") from None
        return str(probe.getsockname()[0])


def _port(text: str, ports: int) -> int:
    highest = HIGHEST_PORT - ports + 1
    if text.isascii() and text.isdigit() and 0 < int(text) <= highest:
        return int(text)
    raise Misconfigured(
        f"PORT must be a number from 1 to {highest}, not {text!r}: the portal takes it, the"
        " practice provider, the office and, where there are any, the fakes those behind it."
    )
