"""The town as its letters name it: read from a TOML file by ``quitt office town FILE``.

The file holds what ``Facts`` lists, and a table ``[kinds]`` that maps the words of the invoice
file's column Art to the portal's kinds. ``demo/musterhausen.toml`` is an example.
"""

import tomllib
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from office.db import transaction
from office.models import Town
from portal.errors import Invalid, Misconfigured


class Facts(BaseModel):
    """What letters say of the town."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)

    name: str = Field(min_length=1, max_length=60)
    office: str = Field(min_length=1, max_length=60)
    street: str = Field(min_length=1, max_length=60)
    postcode: str
    city: str
    phone: str
    hours: str = Field(max_length=120)
    cash_desk_hours: str = Field(default="", max_length=120)
    email: str = ""
    bank: str
    account_holder: str
    iban: str
    bic: str = ""
    time_zone: str = "Europe/Berlin"
    kinds: dict[str, str] = {}

    @field_validator("iban")
    @classmethod
    def _check_digits(cls, text: str) -> str:
        """ISO 13616: moved round and read in base 36, an IBAN leaves 1 divided by 97."""
        iban = text.replace(" ", "").upper()
        if not (iban.isascii() and iban.isalnum() and 15 <= len(iban) <= 34):
            raise ValueError("is not an IBAN")
        if int("".join(str(int(sign, 36)) for sign in iban[4:] + iban[:4])) % 97 != 1:
            raise ValueError("is mistyped: its check digits do not fit")
        return iban


def read(raw: bytes) -> Facts:
    """The town of a TOML file; raises Invalid with what is wrong in it."""
    try:
        return Facts.model_validate(tomllib.loads(raw.decode("utf-8-sig")))
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
        wrong = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in found)
        raise Invalid(f"The town's file: {wrong}") from None
    except ValueError as error:
        raise Invalid(f"The town's file is not TOML in UTF-8: {error}") from None


def settle_in(facts: Facts) -> None:
    """Let letters speak of this town from now on."""
    values: dict[str, Any] = {"id": 1, "data": facts.model_dump()}
    with transaction() as session:
        session.execute(
            insert(Town)
            .values(**values)
            .on_conflict_do_update(index_elements=["id"], set_={"data": values["data"]})
        )


def find(session: Session) -> Facts | None:
    """The town, if there is one yet."""
    row = session.get(Town, 1)
    return Facts.model_validate(row.data) if row else None


def get(session: Session) -> Facts:
    """The town; raises Misconfigured with what to do."""
    facts = find(session)
    if facts is None:
        raise Misconfigured(
            "The town is not known yet. Tell it with: ./quitt office town FILE.toml"
        )
    return facts
