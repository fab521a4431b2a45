"""The office's tables: made and changed by its owner role, used by its application role."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from flask_babel import gettext as _
from sqlalchemy import Connection, create_engine, make_url, text

from office.db import driver_url
from portal import embedded
from portal.config import Settings
from portal.errors import Misconfigured

MIGRATIONS = Path(__file__).resolve().parent.parent / "migrations" / "office"
DATABASE, OWNER, APP = "quitt_office", "quitt_office_owner", "quitt_office_app"

# What the application may do; a booking is never changed, an event only in what became of it.
# fmt: off
GRANTS = (
    ("SELECT, INSERT, UPDATE", "town, debtors, claims, links, feed, suspense_items, payouts"),
    ("SELECT, INSERT",         "events, bookings, booking_lines, payout_lines, spent_tokens"),
    ("UPDATE (state, taken_at)", "events"),
)
# fmt: on


def migrate(owner_url: str, app_role: str) -> None:
    """Bring the office's database to this version and grant ``app_role`` what it needs.

    As often as you like. ``owner_url`` is a ``postgresql://`` address of the owner role.
    """
    engine = create_engine(driver_url(owner_url))
    try:
        with engine.begin() as connection:
            # Two starts at once: the second waits and finds nothing left to do.
            connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('office/schema'))"))
            command.upgrade(_config(connection), "head")
            _grant(connection, app_role)
    finally:
        engine.dispose()


def ready(settings: Settings) -> str:
    """The address of the office's database, migrated as far as we may.

    Without ``QUITT_OFFICE_DATABASE_URL`` it is the embedded one, made here if need be.
    """
    if settings.office_database_url:
        if settings.office_owner_database_url:
            role = role_of(settings.office_database_url)
            migrate(settings.office_owner_database_url, role)
        return settings.office_database_url
    cluster = embedded.start(settings.data)
    embedded.ensure(cluster, {DATABASE: (OWNER, APP)})
    migrate(embedded.url(cluster, DATABASE, OWNER), APP)
    return embedded.url(cluster, DATABASE, APP)


def role_of(url: str) -> str:
    """The role that an address logs in as; raises Misconfigured when it names none."""
    role = make_url(url).username
    if not role:
        raise Misconfigured(_("QUITT_OFFICE_DATABASE_URL must name the application's role."))
    return role


def _grant(connection: Connection, app_role: str) -> None:
    role = connection.dialect.identifier_preparer.quote_identifier(app_role)
    connection.execute(text(f"GRANT USAGE ON SCHEMA public TO {role}"))
    for rights, tables in GRANTS:
        connection.execute(text(f"GRANT {rights} ON {tables} TO {role}"))
    connection.execute(text(f"GRANT SELECT ON alembic_version TO {role}"))


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config
