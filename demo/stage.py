"""Setting the stage: database, towns, processes, sample, and ``demo.json`` when all answers."""

import dataclasses
import fcntl
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import httpx2

from demo import sample, secrets_file, towns
from demo.crew import Crew
from office import importing, pseudonyms, pushing, town
from office import schema as office_schema
from office.client import Portal
from office.models import Claim, Link
from office.web import create_app as create_office
from portal import clock, create_app, embedded, jobs, schema
from portal.config import Settings
from portal.db import db, transaction
from portal.errors import Misconfigured, PortalError
from portal.finance import delivery
from portal.finance.clients import Scope, create_client

LONGEST_START = 120.0  # seconds, on a slow machine after its first installation
HERE = Path(__file__).resolve().parent
OURS = ("postgres", "letters", "logs", "sandbox", secrets_file.FILE, "demo.json", "clock")

Say = Callable[[str], None]


class NotReady(PortalError):
    """A process did not come up."""

    code = "not_ready"


@dataclass(frozen=True, slots=True)
class Stage:
    """A demo that runs."""

    settings: Settings
    crew: Crew
    facts: dict[str, Any]
    office_url: str
    letters: Path


def set_up(data: Path, port: int, *, fresh: bool, lan: bool, say: Say) -> Stage:
    """Start everything and push the sample. Raises ``PortalError`` with what to do."""
    data.mkdir(parents=True, exist_ok=True, mode=0o700)
    _only_one(data)
    if fresh:
        _clear(data)
    (data / "demo.json").unlink(missing_ok=True)
    host = _lan_address() if lan else "localhost"
    _ports_free("0.0.0.0" if lan else "127.0.0.1", port)  # noqa: S104 -- asked for by --lan
    settings = _settings(data, port, host, lan=lan)
    clock.move_by(settings.demo_clock)

    say("Database")
    settings = _databases(settings)
    hosts = {towns.FIRST: host, towns.SECOND: "127.0.0.1"}
    settings = _seed(settings, hosts)

    say("Portal, worker, practice provider, office")
    crew = _crew(settings, host, lan=lan)
    try:
        _wait(crew, settings)
        _open_merchants(settings)
        say("200 invoices: read, made pseudonymous, pushed")
        requests = _push_sample(settings)
        letters = data / "letters"
        _print_letters(settings, crew, letters)
    except BaseException:
        crew.end()
        raise
    facts = _facts(settings, host, requests)
    secrets_file.write(data / "demo.json", json.dumps(facts, indent=1))
    office_url = f"{facts['office']}/?token={settings.office_token}"
    return Stage(settings, crew, facts, office_url, letters)


def _settings(data: Path, port: int, host: str, *, lan: bool) -> Settings:
    kept = secrets_file.load(data)
    return Settings(
        data=data,
        port=port,
        bind="0.0.0.0" if lan else "127.0.0.1",  # noqa: S104 -- asked for by --lan
        base_url=f"http://{host}:{port}",
        keys=kept["keys"],
        demo=True,
        demo_clock=data / "clock",
        office_port=port + 2,
        office_token=secrets.token_urlsafe(24),
        office_portal_url=f"http://127.0.0.1:{port}",
        office_client_id=kept.get("client_id", ""),
        office_client_secret=kept.get("client_secret", ""),
        office_webhook_secret=kept["webhook_secret"],
        office_pseudonym_key=kept["pseudonym_key"],
        log_level="warning",
    )


def _databases(settings: Settings) -> Settings:
    embedded.start(settings.data)
    return dataclasses.replace(
        settings,
        database_url=schema.ready(settings),
        office_database_url=office_schema.ready(settings),
    )


def _seed(settings: Settings, hosts: dict[str, str]) -> Settings:
    """The two towns, their providers, and the office's access; made once, kept afterwards."""
    kept = secrets_file.load(settings.data)
    app = create_app(settings)
    keyring = app.extensions["keyring"]
    sandbox = f"http://127.0.0.1:{settings.port + 1}"
    with app.app_context():
        with transaction() as session:
            towns.seed(session, keyring, hosts, sandbox)
            for name, tenant_id in (("", towns.FIRST), ("other_", towns.SECOND)):
                if f"{name}client_id" not in kept:
                    client = create_client(session, tenant_id, list(Scope))
                    kept |= dict(zip((f"{name}client_id", f"{name}client_secret"), client, strict=True))
            endpoint = f"http://127.0.0.1:{settings.office_port}/events"
            secret = settings.office_webhook_secret
            delivery.set_endpoint(session, keyring, towns.FIRST, endpoint, secret)
        db.engine.dispose()
    jobs.unhang()
    secrets_file.write(settings.data / secrets_file.FILE, json.dumps(kept))
    return dataclasses.replace(
        settings,
        office_client_id=kept["client_id"],
        office_client_secret=kept["client_secret"],
    )


def environment(settings: Settings) -> dict[str, str]:
    """The settings as the processes read them; everything else as it was."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("QUITT_")}
    default = Settings()
    for setting in dataclasses.fields(Settings):
        value = getattr(settings, setting.name)
        if value != getattr(default, setting.name) and value is not None:
            text = str(int(value)) if isinstance(value, bool) else str(value)
            plain[setting.metadata["variable"]] = text
    return plain


def _crew(settings: Settings, host: str, *, lan: bool) -> Crew:
    logs = settings.data / "logs"
    logs.mkdir(exist_ok=True, mode=0o700)
    crew = Crew(environment(settings), logs)
    sandbox_port = str(settings.port + 1)
    crew.start("portal", "-m", "portal.cli", "serve")
    crew.start("worker", "-m", "portal.cli", "worker")
    crew.start(
        "sandbox", "-m", "sandbox", "--port", sandbox_port,
        "--data", str(settings.data / "sandbox"), "--bind", settings.bind,
        "--base-url", f"http://{host}:{sandbox_port}",
    )  # fmt: skip
    crew.start("office", "-m", "office", "serve")
    del lan
    return crew


def _wait(crew: Crew, settings: Settings) -> None:
    """Until portal, sandbox and office answer; a dead process ends the waiting."""
    port = settings.port
    asked = {
        "portal": f"http://127.0.0.1:{port}/readyz",
        "sandbox": f"http://127.0.0.1:{port + 1}/books",
        "office": f"http://127.0.0.1:{port + 2}/",
    }
    last = time.monotonic() + LONGEST_START
    while asked:
        for name, url in list(asked.items()):
            if _answers(url):
                del asked[name]
        for member in crew.members.values():
            if member.process and member.process.poll() is not None:
                raise NotReady(f"{member.name} ended at once. Its last words: {member.log}")
        if time.monotonic() > last:
            raise NotReady(f"{', '.join(asked)} did not answer. See {crew.logs}.")
        time.sleep(0.1)


def _answers(url: str) -> bool:
    try:
        return httpx2.get(url, timeout=2.0).status_code < 500
    except httpx2.HTTPError:
        return False


def _open_merchants(settings: Settings) -> None:
    """The towns' accounts at the practice provider."""
    app_keys = towns.Keyring.parse(settings.keys)
    hosts = {towns.FIRST: _host(settings), towns.SECOND: "127.0.0.1"}
    for tenant_id, host in hosts.items():
        for account_id, label, *_ in towns.PROVIDERS:
            body = {
                "secret": towns.secret(app_keys, tenant_id, account_id, "api"),
                "webhook_secret": towns.secret(app_keys, tenant_id, account_id, "webhook"),
                "webhook_url": f"{settings.public_url(host)}/webhooks/sandbox/{account_id}",
                "name": f"{towns.TOWNS[tenant_id]['name']} ({label})",
                "live": False,
            }
            name = towns.merchant(tenant_id, account_id)
            url = f"http://127.0.0.1:{settings.port + 1}/merchants/{name}"
            httpx2.put(url, json=body, timeout=10.0).raise_for_status()


def _push_sample(settings: Settings) -> list[dict[str, Any]]:
    """Import and push as an office clerk would; the second time nothing is new."""
    office = create_office(settings, settings.office_database_url)
    with office.app_context():
        town.settle_in(town.read((HERE / "musterhausen.toml").read_bytes()))
        importing.import_file(sample.as_bytes(sample.rows()))
        key = pseudonyms.key(settings.office_pseudonym_key)
        pushing.push(Portal.of(settings), key, lambda _done, _all: None)
        return _links()


def _links() -> list[dict[str, Any]]:
    from office.db import office_db

    session = office_db.session()
    found = (
        session.query(Claim, Link)
        .join(Link, Link.reference == Claim.reference)
        .order_by(Claim.line)
        .all()
    )
    listed = [
        {
            "reference": claim.reference,
            "url": link.url,
            "short_code": link.short_code,
            "tan": link.tan,
            "amount_cents": claim.cents,
        }
        for claim, link in found
    ]
    session.remove() if hasattr(session, "remove") else session.close()
    office_db.engine.dispose()
    return listed


def _print_letters(settings: Settings, crew: Crew, letters: Path) -> None:
    """In the background, once; it takes half a minute and nobody has to wait for it."""
    if (letters / "run.pdf").exists() or any(letters.glob("run*.pdf")):
        return
    with (crew.logs / "letters.log").open("ab") as log:
        process = subprocess.Popen(  # noqa: S603 -- our own module
            (sys.executable, "-m", "office", "print", "--out", str(letters)),
            env={**crew.environment},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            preexec_fn=lambda: os.nice(10),
        )
    crew.helpers.append(process)


def _facts(settings: Settings, host: str, requests: list[dict[str, Any]]) -> dict[str, Any]:
    kept = secrets_file.load(settings.data)
    return {
        "portal": settings.base_url,
        "sandbox": f"http://{host}:{settings.port + 1}",
        "office": f"http://127.0.0.1:{settings.office_port}",
        "office_token": settings.office_token,
        "database_url": settings.database_url,
        "client_id": settings.office_client_id,
        "client_secret": settings.office_client_secret,
        "tenant": towns.FIRST,
        "requests": requests,
        "other_town": {
            "tenant": towns.SECOND,
            "portal": settings.public_url("127.0.0.1"),
            "client_id": kept["other_client_id"],
            "client_secret": kept["other_client_secret"],
        },
    }


def _host(settings: Settings) -> str:
    return settings.base_url.split("//")[1].rsplit(":", 1)[0]


_locks: list[IO[str]] = []


def _only_one(data: Path) -> None:
    lock = (data / "demo.lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise Misconfigured(
            f"A demo runs in {data} already. End it first, or give this one a folder and port of "
            "its own: PORT=8100 QUITT_DATA=./var2 ./quitt demo"
        ) from None
    _locks.append(lock)  # held as long as this process lives


def _clear(data: Path) -> None:
    """Begin anew: what the demo made goes, anything else in the folder stays."""
    embedded.stop(embedded.start(data)) if (data / "postgres").exists() else None
    for name in OURS:
        path = data / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def _ports_free(address: str, port: int) -> None:
    for taken in range(port, port + 3):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((address, taken))
            except OSError:
                raise Misconfigured(
                    f"Port {taken} is taken. Choose three free ones in a row: "
                    f"PORT={port + 100} ./quitt demo"
                ) from None


def _lan_address() -> str:
    """This machine's address in the local network; nothing is sent to find it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # RFC 5737: an address for documentation
        except OSError:
            raise Misconfigured("This machine has no address in a local network.") from None
        return str(probe.getsockname()[0])
