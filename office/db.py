"""The office's own database: another one than the portal's, with other roles."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import MetaData, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import make_url
from sqlalchemy.orm import DeclarativeBase, Session, registry

from portal.db import NAMES, TYPES
from portal.db import transaction as transaction_of


class OfficeBase(DeclarativeBase):
    """What every row of the office's database is."""

    registry = registry(
        metadata=MetaData(naming_convention=NAMES),
        type_annotation_map={**TYPES, list[str]: JSONB},
    )


office_db = SQLAlchemy(model_class=OfficeBase)
transaction = partial(transaction_of, office_db)


def one_after_the_other(session: Session) -> None:
    """Hold the office's books for the rest of the transaction.

    Events arrive pushed and read at once; a payment and the pay-out that names it must see each
    other's rows, whichever comes first.
    """
    session.execute(text("SELECT pg_advisory_xact_lock(hashtextextended('office/books', 0))"))


@contextmanager
def alone(act: str) -> Iterator[bool]:
    """Hold ``act`` (push, print) among all processes of this office; false when another has it.

    It holds no transaction, for an act of many, and ends with this process, however that ends.
    """
    engine = office_db.engine.execution_options(isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        name = {"name": f"office/{act}"}
        held = connection.execute(_TRY, name).scalar_one()
        try:
            yield held
        finally:
            if held:
                connection.execute(_LET_GO, name)


_TRY = text("SELECT pg_try_advisory_lock(hashtextextended(:name, 0))")
_LET_GO = text("SELECT pg_advisory_unlock(hashtextextended(:name, 0))")


def driver_url(url: str) -> str:
    """A ``postgresql://`` address as SQLAlchemy wants it for psycopg 3, password included."""
    parts = make_url(url).set(drivername="postgresql+psycopg")
    return parts.render_as_string(hide_password=False)
