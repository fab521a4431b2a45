"""What a clerk of the town hall would do: read invoices, push them, print letters."""

from datetime import date
from pathlib import Path
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from demo import sample
from office import importing, printing, pseudonyms, pushing, town
from office.client import Portal
from office.db import office_db, transaction
from office.models import Claim, Link
from office.web import create_app
from portal.config import Settings

TOWN = Path(__file__).with_name("musterhausen.toml")


def push_sample(settings: Settings, day: date, letters: Path) -> list[dict[str, Any]]:
    """Read the sample of ``day`` and push it; what the portal answered. Once: then nothing is new.

    Links name the portal's address. When that is another than at the last start, everything is
    pushed again, and letters printed before are out of date.
    """
    office = create_app(settings, settings.office_database_url)
    with office.app_context():
        town.settle_in(town.read(TOWN.read_bytes()))
        importing.import_file(sample.as_bytes(sample.rows(day=day)))
        with transaction() as session:
            moved = _has_moved(session, settings.base_url)
        if moved:
            _forget_run(letters)
        key = pseudonyms.key(settings.office_pseudonym_key)
        with Portal.of(settings) as portal:
            pushing.push(portal, key, lambda _done, _all: None)
        with transaction() as session:
            listed = _links(session)
        office_db.engine.dispose()
    return listed


def has_printed(letters: Path) -> bool:
    """Whether the run was printed to its end: its own file is written last."""
    return (letters / printing.volume_name(1)).exists()


def _has_moved(session: Session, base_url: str) -> bool:
    known = session.scalar(select(Link.url).limit(1))
    if known is None or known.startswith(f"{base_url}/"):
        return False
    session.execute(update(Claim).values(pushed=None))
    return True


def _forget_run(letters: Path) -> None:
    (letters / printing.volume_name(1)).unlink(missing_ok=True)


def _links(session: Session) -> list[dict[str, Any]]:
    query = select(Claim, Link).join(Link, Link.reference == Claim.reference).order_by(Claim.line)
    return [
        {
            "reference": claim.reference,
            "url": link.url,
            "short_code": link.short_code,
            "tan": link.tan,
            "amount_cents": claim.cents,
            "in_instalments": bool(claim.instalments),
        }
        for claim, link in session.execute(query)
    ]
