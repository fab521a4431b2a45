"""The portal's tables: made and changed by the role that owns them, used by the application's.

The application's role owns no table. It may not change or delete what was booked or noted.
"""

from pathlib import Path

import flask_migrate
from flask import Flask
from sqlalchemy import make_url, text

from portal import embedded, models
from portal.config import Settings
from portal.db import db
from portal.errors import Misconfigured

MIGRATIONS = Path(__file__).resolve().parent.parent / "migrations" / "portal"
DATABASE, OWNER, APP = "quitt_portal", "quitt_portal_owner", "quitt_portal_app"

# What is written once and never changed: events only get deliveries, entries only counter-entries.
# No right to change them is given, and a trigger refuses it to every role: only the owner purges,
# in a transaction that has set quitt.purge to "on".
APPEND_ONLY = (
    "audit",
    "audit_chain",
    "ledger_entries",
    "ledger_postings",
    "events",
    "request_versions",
    "payment_steps",
    "allocations",
    "settlements",
    "provider_reports",
    "closed_rests",
    "payout_arrivals",
    "annual_accounts",
    "purged_references",
    "purged_years",
    "request_steps",
    "suspense_moves",
    "custody_moves",
    "settlement_lines",
    "settled_items",
    "settlement_files",
    "settlement_undoings",
    "provider_figures",
    "approval_rules",
    "day_closings",
    "day_explanations",
    "reversal_wins",
)
NEVER_DELETED = (
    *APPEND_ONLY,
    "audit_heads",
    "payments",
    "suspense_items",
    "custody_items",
    "refunds",
    "custody_returns",
    "reversals",
    "approvals",
    "paid_elsewhere",
    "acknowledgements",
    "retention_holds",
    "staff_members",
    "staff_roles",
)

VIEWS = "SELECT quote_ident(viewname) FROM pg_views WHERE schemaname = 'public'"


def app(owner_url: str) -> Flask:
    """A bare application for Flask-Migrate, connected as the owner."""
    bare = Flask(__name__)
    bare.config["SQLALCHEMY_DATABASE_URI"] = owner_url
    db.init_app(bare)
    flask_migrate.Migrate(bare, db, directory=str(MIGRATIONS))
    return bare


def migrate(owner_url: str, app_role: str) -> None:
    """Bring the database to this version, guard it, and grant the application what it needs."""
    bare = app(owner_url)
    with bare.app_context():
        flask_migrate.upgrade()
        _guard()
        _grant(app_role)
        db.engine.dispose()


def ready(settings: Settings) -> str:
    """The address of the portal's database as the application's role, migrated as far as we may.

    Without ``QUITT_DATABASE_URL`` it is the embedded one, made here if need be.
    """
    if settings.database_url:
        if settings.owner_database_url:
            migrate(settings.owner_database_url, _role(settings.database_url))
        return settings.database_url
    cluster = _embedded(settings)
    migrate(embedded.url(cluster, DATABASE, OWNER), APP)
    return embedded.url(cluster, DATABASE, APP)


def owner_url(settings: Settings) -> str:
    """The address of the portal's database as the role that owns the tables."""
    if not settings.database_url:
        return embedded.url(_embedded(settings), DATABASE, OWNER)
    if not settings.owner_database_url:
        raise Misconfigured("Set QUITT_OWNER_DATABASE_URL: only the owner changes tables.")
    return settings.owner_database_url


def _embedded(settings: Settings) -> embedded.Cluster:
    cluster = embedded.start(settings.data)
    embedded.ensure(cluster, {DATABASE: (OWNER, APP)})
    return cluster


def _role(url: str) -> str:
    role = make_url(url).username
    if not role:
        raise Misconfigured("QUITT_DATABASE_URL must name the application's role.")
    return role


def _guard() -> None:
    """Set the triggers that refuse to change what is append only; the function is migration 5's."""
    statements = [
        f"CREATE OR REPLACE TRIGGER {name} BEFORE {acts} ON {table}"
        f" FOR EACH {each} EXECUTE FUNCTION refuse_change()"
        for table in APPEND_ONLY
        for name, acts, each in (
            ("append_only", "UPDATE OR DELETE", "ROW"),
            ("append_only_whole", "TRUNCATE", "STATEMENT"),
        )
    ]
    with db.engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))


def _grant(app_role: str) -> None:
    """All rights on rows, less those that would undo a booking or a note."""
    assert models  # noqa: S101 -- imported to fill the metadata
    quote = db.engine.dialect.identifier_preparer.quote_identifier
    role = quote(app_role)
    forbidden = ", ".join(APPEND_ONLY)
    kept = ", ".join(NEVER_DELETED)
    statements = (
        f"GRANT USAGE ON SCHEMA public TO {role}",
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}",
        f"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {role}",
        f"GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO {role}",
        f"REVOKE UPDATE ON {forbidden} FROM {role}",
        f"REVOKE DELETE, TRUNCATE ON {kept} FROM {role}",
        f"REVOKE INSERT, UPDATE, DELETE ON alembic_version FROM {role}",
    )
    with db.engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))
        for view in connection.scalars(text(VIEWS)).all():  # who writes to one is its owner
            connection.execute(text(f"REVOKE INSERT, UPDATE, DELETE ON {view} FROM {role}"))
