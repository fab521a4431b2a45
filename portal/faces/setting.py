"""Setting a town's face. Each is a whole act and leaves a note; what the note says is public."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from schwifty import BIC, IBAN
from schwifty.exceptions import SchwiftyException
from sqlalchemy import delete
from sqlalchemy.orm import Session

from portal import audit, clock
from portal.catalogues import DEFAULT, FOLDER
from portal.db import lock, transaction
from portal.errors import Invalid, NotFound
from portal.faces import colours, crests, fields
from portal.faces.models import TenantCrest, TenantText
from portal.tenants import Tenant

# What stands in the town's own row, in its own language.
OF_THE_ROW = ("name", "hours", "phone", "email", "street", "postcode_city", "account_holder",
              "iban", "bic")  # fmt: skip
NEVER_EMPTY = {"name"}
LONGEST_LINE = 200
LANGUAGES = sorted(each.name.replace("_", "-") for each in FOLDER.iterdir() if each.is_dir())


class NoSuchTown(NotFound):
    """No tenant has this id."""

    code = "no_such_tenant"


class NotSet(Invalid):
    """A value that cannot be taken."""

    code = "not_set"


@dataclass(frozen=True, slots=True)
class Said:
    """What a town says in one field; ``language`` only where it is not the town's own."""

    name: str
    text: str
    language: str | None = None


def read(file: Path) -> Said:
    """What a text file says: it is called FIELD.txt or, in another language, FIELD.en.txt.

    Raises ``fields.UnknownField``, and ``NotSet`` for another language or encoding.
    """
    name, _, language = file.name.removesuffix(".txt").partition(".")
    if name not in OF_THE_ROW:
        fields.known(name)
    if language and language not in LANGUAGES:
        raise NotSet(f"{file.name}: {language!r} is none of {', '.join(LANGUAGES)}.")
    try:
        return Said(name, file.read_text("utf-8-sig"), language or None)
    except UnicodeDecodeError:
        raise NotSet(f"{file.name} is not UTF-8: save it as UTF-8.") from None


def put(tenant_id: str, all_said: Iterable[Said], by: str) -> None:
    """Set fields; an empty text takes back what was said. A whole act: all of them or none.

    Raises ``NoSuchTown``, ``fields.UnknownField``, ``fields.NotWritten`` and ``NotSet``.
    """
    with transaction() as session:
        town = _locked(session, tenant_id)
        for said in all_said:
            _put(session, town, said)
            detail = {"language": said.language} if said.language else {}
            audit.note(session, tenant_id, by, "tenant.set", said.name, detail)


def put_crest(tenant_id: str, file: bytes, by: str) -> str:
    """Take a picture as the town's crest; the name under which it is shown. A whole act.

    Raises ``NoSuchTown`` and ``crests.NotACrest``.
    """
    crest = crests.crest(file)
    with transaction() as session:
        town = _locked(session, tenant_id)
        session.merge(
            TenantCrest(tenant_id=tenant_id, file=crest.name, content=crest.content, at=clock.now())
        )
        town.crest = crest.name
        audit.note(session, tenant_id, by, "tenant.crest", crest.name)
    return crest.name


def put_colour(tenant_id: str, colour: str, by: str) -> colours.Pair:
    """Take an action colour that people can read, with its dark tone. A whole act.

    Raises ``NoSuchTown``, ``colours.NotAColour`` and ``colours.TooFaint``.
    """
    pair = colours.pair(colour)
    with transaction() as session:
        _locked(session, tenant_id).colour = pair.light
        audit.note(session, tenant_id, by, "tenant.colour", pair.light)
    return pair


def put_languages(tenant_id: str, codes: Iterable[str], by: str) -> None:
    """Offer citizens these languages; the town's own, and German, are always among them. All that
    there are: later ones, too. A whole act. Raises ``NoSuchTown``, and ``NotSet`` for another.
    """
    chosen = set(codes)
    if strange := chosen - set(LANGUAGES):
        raise NotSet(f"{min(strange)!r} is none of {', '.join(LANGUAGES)}.")
    with transaction() as session:
        town = _locked(session, tenant_id)
        chosen |= {DEFAULT, town.language}
        town.languages = [] if chosen == set(LANGUAGES) else sorted(chosen)
        audit.note(session, tenant_id, by, "tenant.languages", " ".join(sorted(chosen)))


def tested(tenant_id: str, by_whom: str, on: date, by: str) -> None:
    """Show the page in Leichte Sprache: its readers tested it. A whole act.

    DIN SPEC 33429 counts a text as Leichte Sprache only when people who need it have tested it.
    Raises ``NoSuchTown``, and ``NotSet`` where there is no text or no organisation.
    """
    with transaction() as session:
        town = _locked(session, tenant_id)
        if session.get(TenantText, (tenant_id, "easy", town.language)) is None:
            raise NotSet("There is no text in Leichte Sprache yet: set the field easy first.")
        if not by_whom.strip() or on > clock.today(town.time_zone):
            raise NotSet("Say which organisation tested it, and on which day up to today.")
        town.easy_tested_by, town.easy_tested_on = by_whom.strip(), on
        audit.note(session, tenant_id, by, "tenant.easy", "shown", {"on": on.isoformat()})


def hide(tenant_id: str, by: str) -> None:
    """Hide the page in Leichte Sprache. A whole act. Raises ``NoSuchTown``."""
    with transaction() as session:
        _untested(_locked(session, tenant_id))
        audit.note(session, tenant_id, by, "tenant.easy", "hidden")


def _put(session: Session, town: Tenant, said: Said) -> None:
    language = said.language or town.language
    if said.name in OF_THE_ROW and language == town.language:
        setattr(town, said.name, line(said.name, said.text))
        return
    field, text = fields.known(said.name), fields.checked(said.name, said.text)
    if not field.is_spoken and language != town.language:
        raise NotSet(f"{field.name} is the same in every language: leave the language out.")
    if field.name == "easy":
        if language != town.language:
            raise NotSet("Leichte Sprache is the town's own language: leave the language out.")
        _untested(town)  # what was tested is not this text
    if text:
        row = TenantText(tenant_id=town.id, field=field.name, language=language, text=text)
        row.at = clock.now()
        session.merge(row)
        return
    mine = (TenantText.field == field.name) & (TenantText.language == language)
    session.execute(delete(TenantText).where(TenantText.tenant_id == town.id, mine))


def line(name: str, text: str) -> str:
    """What the town's row keeps of a line; raises ``NotSet``."""
    plain = " ".join(text.split())
    if len(plain) > LONGEST_LINE or (name in NEVER_EMPTY and not plain):
        raise NotSet(f"{name} has from 1 to {LONGEST_LINE} signs.")
    return CHECKS[name](plain) if plain and name in CHECKS else plain


def _iban(text: str) -> str:
    try:
        return IBAN(text).compact
    except SchwiftyException:
        raise NotSet("This IBAN has a typing error.") from None


def _bic(text: str) -> str:
    try:
        return BIC(text).compact
    except SchwiftyException:
        raise NotSet("This BIC has a typing error.") from None


def _email(text: str) -> str:
    name, at, host = text.partition("@")
    if not (name and at and "." in host) or " " in text:
        raise NotSet("This e-mail address has a typing error.")
    return text


CHECKS: Mapping[str, Callable[[str], str]] = {"iban": _iban, "bic": _bic, "email": _email}


def _untested(town: Tenant) -> None:
    town.easy_tested_by, town.easy_tested_on = "", None


def _locked(session: Session, tenant_id: str) -> Tenant:
    town = lock(session, Tenant, tenant_id)
    if town is None:
        raise NoSuchTown(f"There is no tenant {tenant_id!r}.")
    return town
