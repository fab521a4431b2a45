"""Health: is the process there, and is it ready for work? Says nothing that helps an attacker."""

from functools import lru_cache
from pathlib import Path

from alembic.script import ScriptDirectory
from flask import Blueprint, Response, jsonify
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from portal.db import db

MIGRATIONS = Path(__file__).parents[2] / "migrations" / "portal"
FRESH = 15.0  # seconds since a worker's last heartbeat
NOT_READY = 503

bp = Blueprint("health", __name__)


@bp.get("/healthz")
def healthz() -> Response:
    """The process answers."""
    return _told({"status": "ok"}, 200)


@bp.get("/readyz")
def readyz() -> Response:
    """Database and migrations must be right; the worker is told of, but does not fail this."""
    found = {"database": "unreachable", "migrations": "unknown", "worker": "unknown"}
    try:
        found |= {"migrations": _migrations(), "database": "ok", "worker": _worker()}
    except SQLAlchemyError:
        db.session.rollback()
    ready = found["database"] == "ok" and found["migrations"] == "at head"
    return _told(
        {"status": "ready" if ready else "not ready", **found}, 200 if ready else NOT_READY
    )


def _migrations() -> str:
    known = set(db.session.scalars(text("SELECT version_num FROM alembic_version")))
    return "at head" if known == _heads() else "behind"


@lru_cache(maxsize=1)
def _heads() -> set[str]:
    return set(ScriptDirectory(str(MIGRATIONS)).get_heads())


def _worker() -> str:
    # The board's heartbeats are in the database's time.
    query = text(
        "SELECT extract(epoch FROM now() - max(last_heartbeat)) FROM procrastinate_workers"
    )
    seconds = db.session.scalar(query)
    if seconds is None:
        return "none"
    return "working" if seconds <= FRESH else "silent"


def _told(found: dict[str, str], status: int) -> Response:
    response = jsonify(found)
    response.status_code = status
    response.headers["Cache-Control"] = "no-store"
    return response
