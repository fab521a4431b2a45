"""The office's tables and rights."""

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, text
from sqlalchemy.exc import ProgrammingError

from office import schema
from office.db import OfficeBase, driver_url


def test_the_migrations_make_exactly_the_models(office_urls: tuple[str, str]) -> None:
    engine = create_engine(driver_url(office_urls[0]))
    with engine.connect() as connection:
        context = MigrationContext.configure(connection)
        assert compare_metadata(context, OfficeBase.metadata) == []
    engine.dispose()


def test_migrating_again_changes_nothing(office_urls: tuple[str, str]) -> None:
    schema.migrate(office_urls[0], schema.APP)


def test_the_application_owns_nothing(office_urls: tuple[str, str]) -> None:
    engine = create_engine(driver_url(office_urls[1]))
    with engine.connect() as connection, pytest.raises(ProgrammingError):
        connection.execute(text("CREATE TABLE mine (id int)"))
    engine.dispose()
