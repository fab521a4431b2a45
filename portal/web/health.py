"""Health: is the process there, is it ready for work, what waits? Nothing to help an attacker."""

import hmac
from functools import lru_cache
from ipaddress import ip_address
from pathlib import Path

from alembic.script import ScriptDirectory
from flask import Blueprint, Response, abort, jsonify, request
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from portal import clock
from portal.db import db
from portal.operating import figures
from portal.web.current import settings

MIGRATIONS = Path(__file__).parents[2] / "migrations" / "portal"
PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"
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


@bp.get("/metrics")
def metrics() -> Response:
    """What waits and for how long; for all but those who may look there is no such page."""
    if not _may_look():
        abort(404)
    written = figures.written(figures.gather(db.session(), clock.now()))
    return Response(written, content_type=PROMETHEUS, headers={"Cache-Control": "no-store"})


def _may_look() -> bool:
    """Who shows ``QUITT_METRICS_TOKEN``; without one, only this machine."""
    token = settings().metrics_token
    if token:
        shown = request.authorization
        told = shown.token if shown and shown.type == "bearer" else None
        return hmac.compare_digest((told or "").encode(), token.encode())
    # Whoever came through a proxy has left his address, however many proxies were counted.
    named = request.headers.get("X-Forwarded-For", "").split(",")
    came_by = [request.remote_addr or "", *(each.strip() for each in named if each.strip())]
    return all(_is_this_machine(address) for address in came_by)


def _is_this_machine(address: str) -> bool:
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False


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
