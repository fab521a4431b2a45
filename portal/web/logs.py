"""Logging each answer and each fault. A path may hold a code, so the log names the route."""

import logging
import time

from flask import Flask, Response, g, got_request_exception, request

from portal import logs
from portal.config import Settings

log = logging.getLogger("portal.web")


def init_app(app: Flask) -> None:
    """Log each answer with its route, and each fault with its place."""
    settings: Settings = app.extensions["settings"]
    logs.configure(settings.log_level)
    app.before_request(_begin)
    app.after_request(_answered)
    got_request_exception.connect(_failed, app)
    # Flask's own line would name the path, and a path may hold a code.
    app.log_exception = lambda *_: None  # type: ignore[method-assign]


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
