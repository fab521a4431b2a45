"""What a town says of itself on its pages: every field, in one table. Pure.

The pages claim nothing by themselves. A field that is ``needed`` and empty stands on its page as a
visible placeholder, and ``quitt doctor`` names it. Imprint: § 5 DDG. Privacy: Art. 13 and 14 GDPR.
Accessibility: the model of Commission Implementing Decision (EU) 2018/1523.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from itertools import groupby

from portal.errors import Invalid
from portal.words import N_

HEADING = "# "


class Page(StrEnum):
    """Where a field stands."""

    EVERY = "every"
    IMPRINT = "imprint"
    PRIVACY = "privacy"
    ACCESSIBILITY = "accessibility"
    EASY = "easy"
    DEFERRAL = "deferral"


class UnknownField(Invalid):
    """A town can say no such thing."""

    code = "unknown_field"


class NotWritten(Invalid):
    """A text that its field cannot take."""

    code = "not_written"


@dataclass(frozen=True, slots=True)
class Field:
    """One thing that a town can say; ``says`` is its name where it is missing."""

    name: str
    page: Page
    says: str = ""
    needed: bool = False
    most: int = 500  # signs
    of: tuple[str, ...] = ()  # what may be chosen
    is_day: bool = False

    @property
    def is_spoken(self) -> bool:
        """Whether it is written in a language; a day and a choice are not."""
        return not self.of and not self.is_day


STATES: Mapping[str, str] = {
    "full": N_("This portal meets the requirements in full."),
    "partial": N_("This portal meets the requirements in part."),
    "none": N_("This portal does not meet the requirements."),
}
METHODS: Mapping[str, str] = {
    "self": N_("We have assessed this ourselves."),
    "other": N_("An independent body has assessed this."),
}
LONG = 20_000

# fmt: off
FIELDS: Mapping[str, Field] = {field.name: field for field in (
    Field("name",         Page.EVERY, most=80),
    Field("portal_name",  Page.EVERY, most=60),
    Field("hours",        Page.EVERY, most=200),
    Field("contact",      Page.EVERY, most=200),
    Field("legal_form",     Page.IMPRINT, N_("legal form"), needed=True),
    Field("represented_by", Page.IMPRINT, N_("who represents the town"), needed=True),
    Field("supervision",    Page.IMPRINT),
    Field("vat_id",         Page.IMPRINT, most=40),
    Field("imprint_more",   Page.IMPRINT, most=LONG),
    Field("data_protection_officer",   Page.PRIVACY, N_("data protection officer"), needed=True),
    Field("legal_basis",               Page.PRIVACY, N_("legal basis"), needed=True),
    Field("processor",                 Page.PRIVACY, N_("who runs the portal for the town"),
        needed=True),
    Field("data_protection_authority", Page.PRIVACY, N_("data protection authority"), needed=True),
    Field("privacy_more",              Page.PRIVACY, most=LONG),
    Field("accessibility_law",      Page.ACCESSIBILITY, N_("law of the federal state"),
        needed=True),
    Field("accessibility_state",    Page.ACCESSIBILITY, N_("how accessible the portal is"),
        needed=True, of=tuple(STATES)),
    Field("accessibility_barriers", Page.ACCESSIBILITY, N_("what is not accessible, and why"),
        most=LONG),
    Field("accessibility_method",   Page.ACCESSIBILITY, N_("how this was assessed"),
        needed=True, of=tuple(METHODS)),
    Field("accessibility_made_on",  Page.ACCESSIBILITY, N_("day of the statement"),
        needed=True, is_day=True),
    Field("accessibility_checked_on", Page.ACCESSIBILITY, is_day=True),
    Field("accessibility_feedback", Page.ACCESSIBILITY),
    Field("enforcement_body",       Page.ACCESSIBILITY, N_("enforcement body"), needed=True),
    Field("easy",                   Page.EASY, most=LONG),
    Field("deferral",               Page.DEFERRAL, N_("deferral"), most=LONG),
)}
# fmt: on


def known(name: str) -> Field:
    """The field of that name; raises ``UnknownField`` with all names."""
    if name not in FIELDS:
        raise UnknownField(f"There is no field {name!r}. There are: {', '.join(FIELDS)}.")
    return FIELDS[name]


def checked(name: str, text: str) -> str:
    """What a field keeps of a text; raises ``NotWritten``. Empty takes back what was said."""
    field = known(name)
    plain = "\n".join(line.rstrip() for line in text.strip().splitlines())
    if len(plain) > field.most:
        raise NotWritten(f"{name} may have {field.most} signs and has {len(plain)}.")
    if any(ord(sign) < 32 and sign != "\n" for sign in plain):
        raise NotWritten(f"{name} holds signs that nobody can read. Use plain text in UTF-8.")
    if plain and field.of and plain not in field.of:
        raise NotWritten(f"{name} is one of: {', '.join(field.of)}.")
    if plain and field.is_day:
        _day(name, plain)
    return plain


def _day(name: str, text: str) -> None:
    try:
        date.fromisoformat(text)
    except ValueError:
        raise NotWritten(f"{name} is a day, as 2026-11-21.") from None


def missing(said: Collection[str], chosen: Mapping[str, str]) -> list[str]:
    """Names of the placeholders that still stand. ``chosen``: what stands in fields of choice."""
    gaps = [field.name for field in FIELDS.values() if field.needed and field.name not in said]
    if must_name_barriers(chosen) and "accessibility_barriers" not in said:
        gaps.append("accessibility_barriers")
    return gaps


def must_name_barriers(chosen: Mapping[str, str]) -> bool:
    """A statement that says less than "in full" must say what is missing."""
    return chosen.get("accessibility_state", "full") != "full"


@dataclass(frozen=True, slots=True)
class Block:
    """A heading, or a paragraph with its lines."""

    is_heading: bool
    lines: tuple[str, ...]


class Written(str):
    """What a town wrote, with its language as pages name it (BCP 47)."""

    language: str

    def __new__(cls, text: str, language: str) -> "Written":
        made = super().__new__(cls, text)
        made.language = language
        return made

    @property
    def blocks(self) -> list[Block]:
        """Headings are lines that begin with ``# ``; an empty line parts two paragraphs."""
        found = []
        for kind, lines in groupby(self.splitlines(), _kind):
            if kind == "heading":
                found += [Block(True, (line.removeprefix(HEADING).strip(),)) for line in lines]
            elif kind == "paragraph":
                found.append(Block(False, tuple(lines)))
        return found


def _kind(line: str) -> str:
    if line.startswith(HEADING):
        return "heading"
    return "paragraph" if line.strip() else "gap"


def in_language(
    texts: Iterable[tuple[str, str, str]], wanted: str, home: str
) -> dict[str, Written]:
    """Of each field the text in the wanted language, or in the town's own, or none.

    ``texts`` are name, language and text.
    """
    order = (home, wanted.partition("-")[0], wanted)  # the last that is there is taken
    rows = {(name, language): text for name, language, text in texts}
    return {
        name: Written(rows[name, language], language.partition("-")[0])
        for language in order
        for name in FIELDS
        if (name, language) in rows
    }
