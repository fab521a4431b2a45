"""Printing letters: one PDF a letter, and one for the whole run with a list in front.

The files hold names and TANs: only their owner may read them. Each is complete or not there.
"""

import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.orm import Session

from office import town
from office.db import transaction
from office.letters import Entry, index, letter
from office.models import Claim
from office.town import Facts
from portal import clock, pdf
from portal.errors import NotFound, Unavailable

if TYPE_CHECKING:
    from weasyprint import Document

TEMPLATES = Path(__file__).resolve().parent.parent / "templates" / "letter"
LETTER_CSS = TEMPLATES / "letter.css"
INDEX_CSS = TEMPLATES / "index.css"
VOLUME = 250  # letters in one file of the run; laid out they take 0.6 MB of memory each


@dataclass(frozen=True, slots=True)
class Printed:
    """What a run wrote."""

    letters: int
    files: list[Path]


def print_letters(out: Path, one: str | None, progress: Callable[[int, int], None]) -> Printed:
    """Print every letter whose claim is open and known to the portal (or paid by debit).

    With ``one``, only the letter of this reference, whatever its claim's state, and no run.
    ``progress`` is told how many are written, of how many. Raises NotFound when there is
    nothing to print, Unavailable when ``out`` cannot be written.
    """
    with transaction() as session:
        facts = town.get(session)
        claims = _to_print(session, one)
        session.expunge_all()  # drawing takes long and changes nothing: no transaction is held
    if not claims:
        raise NotFound("There is no letter to print. Push first.")
    try:
        return write_letters(out, claims, facts, progress, bound=one is None)
    except OSError as error:
        raise Unavailable(f"Cannot write to {out}: {error.strerror}.") from error


def volume_name(number: int) -> str:
    """``run.pdf``, ``run-2.pdf``, …"""
    return "run.pdf" if number == 1 else f"run-{number}.pdf"


def _to_print(session: Session, one: str | None) -> Sequence[Claim]:
    claims = select(Claim).order_by(Claim.line, Claim.reference)
    wanted = Claim.cleared_cents == 0 if one is None else Claim.reference == one
    found = session.scalars(claims.where(wanted)).all()
    return [claim for claim in found if claim.link or claim.debit]


def write_letters(
    out: Path,
    claims: Sequence[Claim],
    facts: Facts,
    progress: Callable[[int, int], None],
    *,
    bound: bool,
) -> Printed:
    """Write one PDF a claim and, if ``bound``, the run with its list in front."""
    out.mkdir(mode=0o700, parents=True, exist_ok=True)
    files, done = [], count(1)
    for number, volume in enumerate(_volumes(claims), 1):
        laid_out = []
        for claim in volume:
            document = _lay_out(claim, facts)
            files.append(_write(out / f"{claim.reference}.pdf", pdf.bind([document])))
            laid_out.append(document)
            progress(next(done), len(claims))
        if bound:
            cover = _cover(volume, laid_out, facts)
            files.append(_write(out / volume_name(number), pdf.bind([cover, *laid_out])))
    return Printed(len(claims), files)


def _volumes(claims: Sequence[Claim]) -> Iterator[Sequence[Claim]]:
    return (claims[at : at + VOLUME] for at in range(0, len(claims), VOLUME))


def _lay_out(claim: Claim, facts: Facts) -> "Document":
    html = letter(claim, facts, clock.today(facts.time_zone))
    return pdf.lay_out(html, stylesheets=[LETTER_CSS])


def _cover(claims: Sequence[Claim], letters: Sequence["Document"], facts: Facts) -> "Document":
    """The list of a run. It is set twice: page numbers depend on how long the list itself is."""
    today, first_page = clock.today(facts.time_zone), 1
    while True:
        entries, page = [], first_page
        for number, (claim, document) in enumerate(zip(claims, letters, strict=True), 1):
            entries.append(Entry(number, page, claim))
            page += len(document.pages)
        cover = pdf.lay_out(index(entries, facts, today), stylesheets=[INDEX_CSS])
        if first_page == len(cover.pages) + 1:
            return cover
        first_page = len(cover.pages) + 1


def _write(path: Path, content: bytes) -> Path:
    """Write a file whole or not at all, readable for its owner only."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise
    return path
