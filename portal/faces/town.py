"""A town as its pages show it: its row, dressed in what it wrote in the reader's language."""

from typing import TYPE_CHECKING, Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.faces import colours, fields
from portal.faces.fields import Page, Written
from portal.faces.models import TenantText
from portal.tenants import Tenant

FOLDER = "/town"
ON_EVERY_PAGE = [field.name for field in fields.FIELDS.values() if field.page is Page.EVERY]


class Face:
    """Everything of the tenant's row, but texts in the reader's language where there are any."""

    def __init__(self, town: Tenant, own: dict[str, Written]) -> None:
        self._town = town
        self.name = str(own.get("name", town.name))
        self.hours = own.get("hours") or Written(town.hours, town.language)
        self.portal_name = own.get("portal_name")
        self.contact = own.get("contact")

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            return getattr(self._town, name)

    @property
    def takes_transfers(self) -> bool:
        """Whether the town has named an account to which money can be transferred."""
        return bool(self._town.iban and self._town.account_holder)

    @property
    def crest_url(self) -> str | None:
        """Where the crest is; it changes with the picture."""
        return f"{FOLDER}/{self._town.crest}" if self._town.crest else None

    @property
    def style_url(self) -> str | None:
        """Where the colour is; it changes with the colour."""
        return f"{FOLDER}/{pair.fingerprint}.css" if (pair := colour(self._town)) else None


def of(session: Session, town: Tenant, language: str) -> Face:
    """The town for a reader of a language (its code)."""
    return Face(town, texts(session, town, language, ON_EVERY_PAGE))


def texts(
    session: Session, town: Tenant, language: str, names: list[str] | None = None
) -> dict[str, Written]:
    """What the town wrote, in this language or else in its own: all of it, or these fields."""
    query = select(TenantText.field, TenantText.language, TenantText.text).where(
        TenantText.tenant_id == town.id
    )
    if names is not None:
        query = query.where(TenantText.field.in_(names))
    rows = [(name, spoken, text) for name, spoken, text in session.execute(query)]
    return fields.in_language(rows, language, town.language)


def colour(town: Tenant) -> colours.Pair | None:
    """The town's colour with its dark tone; ``None`` where KERN's own is good enough."""
    return colours.pair(town.colour) if town.colour else None


def missing(session: Session, town: Tenant) -> list[str]:
    """Names of the placeholders that stand on the town's pages."""
    own = texts(session, town, town.language)
    return fields.missing(own, own)
