"""Runs the migrations of the office's database on the connection it is handed."""

from alembic import context

from office import models  # noqa: F401 -- fills the metadata
from office.db import OfficeBase

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=OfficeBase.metadata,
    transactional_ddl=True,
)
context.run_migrations()
