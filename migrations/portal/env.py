"""Runs the migrations of the portal's database, as the role that owns it (Flask-Migrate)."""

from alembic import context
from flask import current_app
from sqlalchemy import text

OTHERS = "procrastinate_"  # the job board's own objects, made by a migration of ours
LISTS = "list_"  # indexes for the lists of the admin view: no rule of the rows, made by migrations


def ours(name: str | None, kind: str, _parents: object) -> bool:
    """Whether autogenerate looks at a thing."""
    own = {"table": OTHERS, "index": LISTS}.get(kind)
    return not (own and name and name.startswith(own))


def run() -> None:
    """Upgrade or downgrade; two starts at once wait for each other."""
    db = current_app.extensions["migrate"].db
    with db.engine.connect() as connection:
        connection.execute(text("SELECT pg_advisory_lock(hashtext('portal/schema'))"))
        connection.commit()
        context.configure(
            connection=connection,
            target_metadata=db.metadata,
            include_name=ours,
            transaction_per_migration=True,
        )
        with context.begin_transaction():
            context.run_migrations()
        connection.execute(text("SELECT pg_advisory_unlock(hashtext('portal/schema'))"))
        connection.commit()


run()
