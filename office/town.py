"""The town as its letters name it: read from a TOML file by ``quitt office town FILE``.

The file holds what ``Facts`` lists, and a table ``[kinds]`` that maps the words of the invoice
file's column Art to the portal's kinds. ``demo/musterhausen.toml`` is an example.
"""

import tomllib
from collections.abc import Mapping
from typing import Any, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from flask_babel import gettext as _
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from office import fitting
from office.db import transaction
from office.fitting import fit
from office.models import Town
from portal.errors import Invalid, Misconfigured
from portal.words import N_

# fmt: off
AMISS: Mapping[str, str] = {
    "missing":          N_("is missing"),
    "extra_forbidden":  N_("is not known here"),
    "string_too_long":  N_("is too long"),
    "string_too_short": N_("is empty"),
    "characters":       N_("holds characters that cannot be printed"),
    "iban":             N_("is not an IBAN"),
    "check_digits":     N_("is mistyped: its check digits do not fit"),
    "time_zone":        N_("is not a time zone"),
    "return_line":      N_("name, street, postcode and city are too long together"),
}
# fmt: on


def _text(most: int, least: int = 1) -> Any:
    return Field(min_length=least, max_length=most)


class Facts(BaseModel):
    """What letters say of the town. The lengths are what has room in a letter."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)

    name: str = _text(60)
    office: str = _text(50)
    street: str = _text(50)
    postcode: str = _text(10)
    city: str = _text(40)
    phone: str = _text(30)
    hours: str = _text(80)
    cash_desk_hours: str = Field(default="", max_length=80)
    email: str = Field(default="", max_length=60)
    bank: str = _text(50)
    account_holder: str = _text(60)
    iban: str
    bic: str = Field(default="", max_length=11)
    language: Literal["de", "en"] = "de"  # in which the town writes purposes and hours
    time_zone: str = "Europe/Berlin"
    kinds: dict[str, str] = {}

    @property
    def sender(self) -> str:
        """The return line over the address."""
        return f"{self.name}, {self.street}, {self.postcode} {self.city}"

    @property
    def paid_to(self) -> str:
        """Account holder and bank."""
        return f"{self.account_holder}, {self.bank}"

    @property
    def footer(self) -> str:
        """The longest line of a letter; its template adds a word for the phone."""
        place = f"{self.postcode} {self.city}"
        parts = (self.name, self.office, self.street, place, f"Telefon {self.phone}", self.email)
        return " · ".join(filter(None, parts))

    @field_validator("name", "office", "street", "city", "phone", "hours", "cash_desk_hours")
    @classmethod
    def _is_printable(cls, text: str) -> str:
        if not text.isprintable():
            raise PydanticCustomError("characters", "holds characters that cannot be printed")
        return text

    @field_validator("time_zone")
    @classmethod
    def _is_known(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ValueError, OSError, ZoneInfoNotFoundError):
            raise PydanticCustomError("time_zone", "is not a time zone") from None
        return name

    @model_validator(mode="after")
    def _has_room(self) -> Self:
        if fit([self.sender], fitting.SENDER, fitting.SENDER_MM, bold=False) is None:
            raise PydanticCustomError("return_line", "name, street and city are too long together")
        return self

    @field_validator("iban")
    @classmethod
    def _check_digits(cls, text: str) -> str:
        """ISO 13616: moved round and read in base 36, an IBAN leaves 1 divided by 97."""
        iban = text.replace(" ", "").upper()
        if not (iban.isascii() and iban.isalnum() and 15 <= len(iban) <= 34):
            raise PydanticCustomError("iban", "is not an IBAN")
        if int("".join(str(int(sign, 36)) for sign in iban[4:] + iban[:4])) % 97 != 1:
            raise PydanticCustomError("check_digits", "is mistyped: its check digits do not fit")
        return iban


def read(raw: bytes) -> Facts:
    """The town of a TOML file; raises Invalid with what is wrong in it."""
    try:
        return Facts.model_validate(tomllib.loads(raw.decode("utf-8-sig")))
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
        wrong = "; ".join(f"{'.'.join(map(str, e['loc']))}: {_amiss(e)}" for e in found)
        raise Invalid(_("The town's file: %(wrong)s", wrong=wrong)) from None
    except ValueError as error:
        raise Invalid(
            _("The town's file is not TOML in UTF-8: %(error)s", error=str(error))
        ) from None


def settle_in(facts: Facts) -> None:
    """Let letters speak of this town from now on."""
    values: dict[str, Any] = {"id": 1, "data": facts.model_dump()}
    with transaction() as session:
        session.execute(
            insert(Town)
            .values(**values)
            .on_conflict_do_update(index_elements=["id"], set_={"data": values["data"]})
        )


def _amiss(fault: Mapping[str, Any]) -> str:
    said = AMISS.get(fault["type"])
    return _(said) if said else str(fault["msg"])


def find(session: Session) -> Facts | None:
    """The town, if there is one yet."""
    row = session.get(Town, 1)
    return Facts.model_validate(row.data) if row else None


def get(session: Session) -> Facts:
    """The town; raises Misconfigured with what to do."""
    facts = find(session)
    if facts is None:
        raise Misconfigured(
            _("The town is not known yet. Tell it with: ./quitt office town FILE.toml")
        )
    return facts
