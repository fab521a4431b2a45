"""Logs: one JSON object a line, of allow-listed fields. No code, TAN, handle or token ever.

What is not on the list is left out, whoever logs it. Of an exception the log holds its class and
place, not its text: a text may quote what somebody typed, or a row.
"""

import logging
import sys
import traceback
from collections.abc import MutableMapping
from typing import Any

import structlog

# fmt: off
ALLOWED = frozenset({
    "timestamp", "level", "event", "logger", "method", "route", "status", "ms", "tenant",
    "payment", "account", "provider", "error", "places", "reference", "count", "job", "position",
    "tries", "worker", "signal", "port", "rule", "rows", "refund", "issue", "debug_id", "head",
})
# fmt: on
OWN = frozenset(vars(logging.makeLogRecord({})))


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
