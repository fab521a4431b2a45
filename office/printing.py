"""Printing letters: one PDF a letter, and one for the whole run with a list in front.

The files hold names and TANs: only their owner may read them. Each is complete or not there.
"""

import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from flask_babel import gettext as _
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from office import pushing, town, words
from office.db import alone, transaction
from office.letters import AddressTooLong, Entry, address_size, fingerprint, index, letter
from office.models import Claim, ClaimState
from office.town import Facts
from portal import clock, pdf
from portal.errors import Conflict, Misconfigured, NotFound, Unavailable

if TYPE_CHECKING:
    from weasyprint import Document

TEMPLATES = Path(__file__).resolve().parent.parent / "templates" / "letter"
LETTER_CSS = TEMPLATES / "letter.css"
INDEX_CSS = TEMPLATES / "index.css"
ENDED = ("withdrawn", "expired", "replaced")  # in the portal's words: not payable there
PANGO = "libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0"  # as the launcher installs it
VOLUME = 250  # letters in one file of the run; laid out they take 0.6 MB of memory each

Progress = Callable[[int, int], None]


class Left(StrEnum):
    """Why a claim gets no letter though it is open."""

    NOT_PUSHED = "not_pushed"
    CHANGED = "changed"
    REFUSED = "refused"
    PAID = "paid"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    REPLACED = "replaced"
    ADDRESS = "address"


@dataclass(frozen=True, slots=True)
class Printed:
    """What a run wrote, and which open claims it left out."""

    letters: int
    files: list[Path]
    left_out: list[tuple[str, Left]] = field(default_factory=list)


def print_letters(
    out: Path, key: bytes, progress: Progress, *, one: str | None = None, again: bool = False
) -> Printed:
    """Print what is new or has changed since it was printed; with ``again`` every open claim.

    A letter is printed only for a claim that the portal has as it is now and that is open there
    (or that is paid by debit), so that paper and page ask for the same; ``key`` is the one it was
    pushed with. With ``one``, only the letter of this reference, printed before or not, and no run.
    ``progress`` is told how many are written, of how many. What is written is noted file by file
    of the run: broken off, it goes on behind the last one. Raises NotFound or Conflict when ``one``
    cannot be printed, Conflict while another run prints, Unavailable when ``out`` cannot be
    written, Misconfigured when nothing can be drawn here.
    """
    with alone("print") as is_ours:
        if not is_ours:
            raise Conflict(_("Letters are being printed already. Print again when that has ended."))
        return _print(out, key, progress, one=one, again=again)


def _print(out: Path, key: bytes, progress: Progress, *, one: str | None, again: bool) -> Printed:
    with transaction() as session:
        facts = town.get(session)
        wanted = _wanted(session, again=again) if one is None else [_only(session, one)]
        reasons = [_left_out(claim, key) for claim in wanted]
        session.expunge_all()  # drawing takes long and changes nothing: no transaction is held
    left_out = [(c.reference, why) for c, why in zip(wanted, reasons, strict=True) if why]
    claims = [claim for claim, why in zip(wanted, reasons, strict=True) if not why]
    if one and left_out:
        raise Conflict(f"{one}: {words.LEFT_OUT[left_out[0][1]]}")
    if claims:
        _make_ready()
    try:
        files = write_letters(out, claims, facts, progress, bound=one is None, keep=_keep)
    except OSError as error:
        raise Unavailable(
            _("Cannot write to %(folder)s: %(error)s.", folder=out, error=error.strerror)
        ) from error
    return Printed(len(claims), files, left_out)


def _make_ready() -> None:
    """Fetch what draws; raises Misconfigured when the system has no Pango."""
    try:
        pdf.warm_up()
    except OSError as error:
        line = f"sudo apt-get install --no-install-recommends {PANGO}"
        raise Misconfigured(
            _("Pango, which draws the letters, is missing. Type this: %(line)s", line=line)
        ) from error


def volume_name(number: int) -> str:
    """``_run.pdf``, ``_run-2.pdf``, …: no document number begins with a dash below."""
    return "_run.pdf" if number == 1 else f"_run-{number}.pdf"


def _wanted(session: Session, *, again: bool) -> list[Claim]:
    """Open claims in the order of their file, but those that a later letter replaces."""
    still_open = Claim.state != ClaimState.CLEARED
    rows = select(Claim).where(still_open).order_by(Claim.line, Claim.reference)
    replaced = {old for olds in session.scalars(select(Claim.replaces)) for old in olds}
    claims = [claim for claim in session.scalars(rows) if claim.reference not in replaced]
    return [claim for claim in claims if again or claim.printed != fingerprint(claim)]


def _only(session: Session, reference: str) -> Claim:
    claim = session.get(Claim, reference)
    if claim is None:
        raise NotFound(_("There is no claim %(reference)s.", reference=reference))
    return claim


def _left_out(claim: Claim, key: bytes) -> Left | None:
    if not claim.debit and not (claim.link and pushing.is_pushed(claim, key)):
        if claim.refusal:
            return Left.REFUSED
        return Left.CHANGED if claim.link else Left.NOT_PUSHED
    if not claim.debit and claim.link and claim.link.state in ENDED:
        return Left(claim.link.state)
    if not claim.asked.cents:
        return Left.PAID
    try:
        address_size(claim)
    except AddressTooLong:
        return Left.ADDRESS
    return None


def _keep(claims: Sequence[Claim]) -> None:
    """Write down what was printed; what changed meanwhile is printed again."""
    now = clock.now()
    with transaction() as session:
        for claim in claims:
            row = update(Claim).where(Claim.reference == claim.reference)
            session.execute(row.values(printed=fingerprint(claim), printed_at=now))


def write_letters(
    out: Path,
    claims: Sequence[Claim],
    facts: Facts,
    progress: Progress,
    *,
    bound: bool,
    keep: Callable[[Sequence[Claim]], None],
) -> list[Path]:
    """Write one PDF a claim and, if ``bound``, the run with its list in front.

    ``keep`` is told of the claims of each volume as soon as it is written.
    """
    out.mkdir(mode=0o700, parents=True, exist_ok=True)
    files, done = [], count(1)
    for volume in _volumes(claims):
        laid_out = []
        for claim in volume:
            document = _lay_out(claim, facts)
            files.append(_write(out / f"{claim.reference}.pdf", pdf.bind([document])))
            laid_out.append(document)
            progress(next(done), len(claims))
        if bound:
            cover = _cover(volume, laid_out, facts)
            files.append(_write_volume(out, pdf.bind([cover, *laid_out])))
        keep(volume)
    return files


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
    with _written(path.parent, content) as name:
        os.replace(name, path)
    return path


def _write_volume(out: Path, content: bytes) -> Path:
    """Write a run's file under the next free name: one that waits to be posted stays as it is."""
    with _written(out, content) as name:
        path = next(path for n in count(1) if _is_taken(path := out / volume_name(n)))
        os.replace(name, path)
    return path


def _is_taken(path: Path) -> bool:
    """Take a name that nobody has; an office with other books may write into the same folder."""
    try:
        path.touch(0o600, exist_ok=False)
    except FileExistsError:
        return False
    return True


@contextmanager
def _written(folder: Path, content: bytes) -> Iterator[str]:
    """A whole file, readable for its owner only; gone where it is not moved to its place."""
    handle, name = tempfile.mkstemp(dir=folder, prefix=".letters.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        yield name
    except BaseException:
        os.unlink(name)
        raise
