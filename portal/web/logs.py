"""Logs: one JSON object a line, of allow-listed fields. No code, TAN, handle or token ever.

A path may hold a code, so the log names the route, not the path. Of an exception the log holds
its class and place, not its text.
"""

import logging
import sys
import time
import traceback
from collections.abc import MutableMapping
from typing import Any

import structlog
from flask import Flask, Response, g, got_request_exception, request

from portal.config import Settings

# fmt: off
ALLOWED = frozenset({
    "timestamp", "level", "event", "logger", "method", "route", "status", "ms", "tenant",
    "payment", "account", "provider", "error", "places", "reference", "count", "job", "position",
    "tries", "worker", "signal", "port",
})
# fmt: on
OWN = frozenset(vars(logging.makeLogRecord({})))

log = logging.getLogger("portal.web")


def init_app(app: Flask) -> None:
    """Log each answer with its route, and each fault with its place."""
    settings: Settings = app.extensions["settings"]
    configure(settings.log_level)
    app.before_request(_begin)
    app.after_request(_answered)
    got_request_exception.connect(_failed, app)
    # Flask's own line would name the path, and a path may hold a code.
    app.log_exception = lambda *_: None  # type: ignore[method-assign]


def configure(level: str) -> None:
    """Send every logger of this process through the allow-list to standard error."""
    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _extras,
        _places,
        _allow,
    ]
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    for loud in ("procrastinate", "httpx2", "httpcore", "weasyprint", "fontTools", "alembic"):
        logging.getLogger(loud).setLevel(logging.WARNING)


Event = MutableMapping[str, Any]


def _extras(_: object, __: str, event: Event) -> Event:
    record = event["_record"]
    event.update({name: value for name, value in vars(record).items() if name not in OWN})
    if record.name.split(".")[0] not in {"portal", "office"}:
        event["event"] = record.msg if isinstance(record.msg, str) else type(record.msg).__name__
    return event


def _places(_: object, __: str, event: Event) -> Event:
    fault = event["_record"].exc_info
    if fault and fault[1] is not None:
        event["error"] = fault[0].__name__
        frames = traceback.extract_tb(fault[2])[-6:]
        event["places"] = [
            f"{frame.filename.rsplit('/', 2)[-1]}:{frame.lineno}" for frame in frames
        ]
        event["_record"].exc_info = event["_record"].exc_text = None
    return event


def _allow(_: object, __: str, event: Event) -> Event:
    kept = {name: value for name, value in event.items() if name in ALLOWED}
    return {**kept, "_record": event["_record"], "_from_structlog": event["_from_structlog"]}


def _begin() -> None:
    g.began = time.perf_counter()


def _answered(answer: Response) -> Response:
    fields = {
        "method": request.method,
        "route": request.url_rule.rule if request.url_rule else "(none)",
        "status": answer.status_code,
        "ms": round((time.perf_counter() - g.get("began", time.perf_counter())) * 1000, 1),
    }
    if found := g.get("found_tenant"):
        fields["tenant"] = found.tenant_id
    log.info("answered", extra=fields)
    return answer


def _failed(_: Flask, exception: Exception) -> None:
    log.error("fault", exc_info=exception)
