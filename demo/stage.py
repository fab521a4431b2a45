"""Setting the stage: databases, towns, processes, sample, and ``demo.json`` when all answers."""

import dataclasses
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx2
from sqlalchemy.orm import Session

from demo import clerk, faces, far_side, people, secrets_file, towns, ways
from demo import settings as demo_settings
from demo.crew import Crew, NotReady
from demo.place import Place
from office import schema as office_schema
from portal import clock, create_app, jobs, schema
from portal.config import Settings
from portal.db import db, transaction
from portal.finance import delivery
from portal.finance.clients import Scope, create_client
from portal.keys import Keyring

LONGEST_START = 120.0  # seconds, on a slow machine after its first installation
LETTER_BELOW = 80_000  # cents: up to there every provider is offered

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Stage:
    """A demo that runs. ``letter`` is one to try, ``plan`` one to be paid in instalments.

    ``office_door`` works once. ``staff`` are who may sign in to the admin view.
    """

    place: Place
    crew: Crew
    letter: dict[str, Any]
    plan: dict[str, Any]
    office_door: str
    staff: list[dict[str, Any]]

    @property
    def fakes(self) -> dict[str, dict[str, str]]:
        """Where each fake is, if there are any."""
        return _fakes(self.place) if self.place.has_fakes else {}


def set_up(place: Place, say: Say) -> Stage:
    """Start everything and push the sample. Raises ``PortalError`` with what to do."""
    settings = demo_settings.of(place)
    clock.move_by(settings.demo_clock)
    say("Starting the database")
    settings = _seed(place, _databases(settings))
    say("Starting portal, worker, practice provider and office")
    crew = _crew(place, settings)
    try:
        _wait(place, crew)
        _open_merchants(place, settings)
        say("Reading 200 invoices and pushing them to the portal")
        requests = clerk.push_sample(settings, secrets_file.day(place.data), place.letters)
        _print_letters(place, crew, say)
        secrets_file.write(place.facts, json.dumps(_facts(place, settings, requests), indent=1))
    except BaseException:
        crew.end()
        raise
    letter = next(one for one in requests if one["tan"] and one["amount_cents"] < LETTER_BELOW)
    plan = next(one for one in requests if one["in_instalments"])
    door = f"{place.office}/?token={settings.office_token}"
    return Stage(place, crew, letter, plan, door, people.told(secrets_file.load(place.data)))


def _databases(settings: Settings) -> Settings:
    return dataclasses.replace(
        settings,
        database_url=schema.ready(settings),
        office_database_url=office_schema.ready(settings),
    )


def _hosts(place: Place) -> dict[str, str]:
    return {towns.FIRST: place.host, towns.SECOND: "127.0.0.1"}


def _seed(place: Place, settings: Settings) -> Settings:
    """The two towns, their providers, and who may call the API; made once, kept afterwards."""
    kept = secrets_file.load(place.data)
    app = create_app(settings)
    keyring = app.extensions["keyring"]
    with app.app_context():
        with transaction() as session:
            towns.seed(session, _hosts(place))
            _offer(session, place, keyring, kept)
            people.seed(session, keyring, towns.FIRST, kept)
            for name, tenant_id in (("", towns.FIRST), ("other_", towns.SECOND)):
                names = f"{name}client_id", f"{name}client_secret"
                if names[0] not in kept:
                    client = create_client(session, tenant_id, list(Scope))
                    kept |= dict(zip(names, client, strict=True))
            delivery.set_endpoint(
                session,
                keyring,
                towns.FIRST,
                f"{place.office}/events",
                settings.office_webhook_secret,
            )
        faces.dress()
        db.engine.dispose()
    jobs.unhang()
    secrets_file.write(place.data / secrets_file.FILE, json.dumps(kept))
    return dataclasses.replace(
        settings,
        office_client_id=kept["client_id"],
        office_client_secret=kept["client_secret"],
    )


def _offer(session: Session, place: Place, keyring: Keyring, kept: dict[str, str]) -> None:
    """The towns' ways to pay: at the practice provider, or at the fakes if these are chosen."""
    for tenant_id in towns.TOWNS:
        for merchant in far_side.merchants(place, keyring, tenant_id):
            ways.offer(session, keyring, tenant_id, merchant)
    chosen = "fakes" if place.pays_at_fakes else "sandbox"
    if chosen != kept.get("providers", "sandbox"):
        for tenant_id in towns.TOWNS:
            ways.switch(session, tenant_id, chosen)
    kept["providers"] = chosen


def _crew(place: Place, settings: Settings) -> Crew:
    logs = place.data / "logs"
    logs.mkdir(exist_ok=True, mode=0o700)
    crew = Crew(demo_settings.environment(settings), logs)
    crew.start("portal", "-m", "portal.cli", "serve")
    crew.start("worker", "-m", "portal.cli", "worker")
    crew.start("office", "-m", "office", "serve")
    crew.start(
        "sandbox", "-m", "sandbox", "--port", str(place.port + 1), "--bind", place.bind,
        "--data", str(place.data / "sandbox"), "--base-url", place.sandbox,
    )  # fmt: skip
    if place.has_fakes:
        crew.start(
            "fakes", "-m", "fakes", "--port", str(place.port + 3), "--bind", place.bind,
            "--data", str(place.fakes_data), "--base-url", place.fakes,
        )  # fmt: skip
    return crew


def _wait(place: Place, crew: Crew) -> None:
    """Until all answer; one that ends instead ends the waiting."""
    asked = {
        "portal": f"{place.portal_here}/readyz",
        "practice provider": f"{place.sandbox_here}/books",
        "office": f"{place.office}/",
    }
    if place.has_fakes:
        asked["fakes"] = f"{place.fakes_here}/"
    last = time.monotonic() + LONGEST_START
    with httpx2.Client(timeout=2.0) as client:
        while asked := {name: url for name, url in asked.items() if not _answers(client, url)}:
            crew.look()
            if time.monotonic() > last:
                raise NotReady(f"No answer from {', '.join(asked)}; {crew.logs} may say why.")
            time.sleep(0.1)


def _answers(client: httpx2.Client, url: str) -> bool:
    try:
        return client.get(url).status_code < 500
    except httpx2.HTTPError:
        return False


def _open_merchants(place: Place, settings: Settings) -> None:
    """The towns' accounts at the practice provider, and at the fakes where there are any."""
    keyring = Keyring.parse(settings.keys)
    for tenant_id, host in _hosts(place).items():
        for merchant in far_side.merchants(place, keyring, tenant_id):
            merchant.open(settings.public_url(host))


def _print_letters(place: Place, crew: Crew, say: Say) -> None:
    """In the background, once: it takes half a minute and nobody has to wait for it."""
    if clerk.has_printed(place.letters):
        return
    log = crew.logs / "letters.log"

    def tell(code: int) -> None:
        done = f"The letters are printed: {place.letters}/"
        say(done if code == 0 else f"The letters could not be printed; {log} says why.")

    crew.send("letters", tell, "-m", "office", "print", "--again", "--out", str(place.letters))


def _facts(place: Place, settings: Settings, requests: list[dict[str, Any]]) -> dict[str, Any]:
    kept = secrets_file.load(place.data)
    return {
        "portal": place.portal,
        "sandbox": place.sandbox,
        "fakes": _fakes(place) if place.has_fakes else {},
        "office": place.office,
        "office_token": settings.office_token,
        "database_url": settings.database_url,
        "client_id": kept["client_id"],
        "client_secret": kept["client_secret"],
        "tenant": towns.FIRST,
        "staff": people.told(kept),
        "requests": requests,
        "other_town": {
            "tenant": towns.SECOND,
            "portal": settings.public_url("127.0.0.1"),
            "client_id": kept["other_client_id"],
            "client_secret": kept["other_client_secret"],
        },
    }


def _fakes(place: Place) -> dict[str, dict[str, str]]:
    """Of each fake: where its payment pages begin, the page for exercises, its books."""
    return {
        name: {
            "pages": f"{place.fakes}/{name}/pay/",
            "exercises": f"{place.fakes_here}/{name}/",
            "books": f"{place.fakes_here}/{name}/books",
        }
        for name in far_side.MERCHANTS
    }
