"""The books of all fakes, in one SQLite file: their word against the portal's.

Money is integer cents. ``movements`` is append only: sale +, return - (a refund), return_back + (it
failed after all), reversal - (a bank took it), reversal_won +, fee -, reserve (held back -, let go
+), other, payout -, payout_back + (a pay-out failed). ``fee_cents`` is what the provider keeps
of a movement beside its amount. What is left of a merchant's movements is not yet paid out.
"""

import json
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sandbox.file import File

KINDS = (
    "sale", "return", "return_back", "reversal", "reversal_won", "fee", "reserve", "other",
    "payout", "payout_back",
)  # fmt: skip

_SCHEMA = f"""
CREATE TABLE IF NOT EXISTS merchants (
  provider TEXT NOT NULL, merchant TEXT NOT NULL, name TEXT NOT NULL, webhook_url TEXT NOT NULL,
  live INTEGER NOT NULL, currency TEXT NOT NULL, credentials TEXT NOT NULL,
  PRIMARY KEY (provider, merchant)) STRICT;
CREATE TABLE IF NOT EXISTS payments (
  id TEXT PRIMARY KEY, provider TEXT NOT NULL, merchant TEXT NOT NULL, payment TEXT NOT NULL,
  status TEXT NOT NULL, ordered_cents INTEGER NOT NULL, ordered_currency TEXT NOT NULL,
  amount_cents INTEGER NOT NULL, currency TEXT NOT NULL, text TEXT NOT NULL, method TEXT NOT NULL,
  language TEXT NOT NULL, return_url TEXT NOT NULL, cancel_url TEXT NOT NULL,
  told TEXT NOT NULL, started_at TEXT NOT NULL, changed_at TEXT NOT NULL) STRICT;
CREATE INDEX IF NOT EXISTS payments_of ON payments (provider, payment);
CREATE TABLE IF NOT EXISTS refunds (
  id TEXT PRIMARY KEY, provider TEXT NOT NULL, merchant TEXT NOT NULL,
  payment_id TEXT NOT NULL REFERENCES payments, refund TEXT NOT NULL, status TEXT NOT NULL,
  amount_cents INTEGER NOT NULL, currency TEXT NOT NULL, told TEXT NOT NULL,
  started_at TEXT NOT NULL, changed_at TEXT NOT NULL) STRICT;
CREATE INDEX IF NOT EXISTS refunds_of ON refunds (payment_id);
CREATE TABLE IF NOT EXISTS reversals (
  id TEXT PRIMARY KEY, provider TEXT NOT NULL, merchant TEXT NOT NULL,
  payment_id TEXT NOT NULL REFERENCES payments, reason TEXT NOT NULL, status TEXT NOT NULL,
  amount_cents INTEGER NOT NULL, fee_cents INTEGER NOT NULL, currency TEXT NOT NULL,
  told TEXT NOT NULL, started_at TEXT NOT NULL, changed_at TEXT NOT NULL) STRICT;
CREATE INDEX IF NOT EXISTS reversals_of ON reversals (payment_id);
CREATE TABLE IF NOT EXISTS settlements (
  id TEXT PRIMARY KEY, provider TEXT NOT NULL, merchant TEXT NOT NULL, status TEXT NOT NULL,
  gross_cents INTEGER NOT NULL, fee_cents INTEGER NOT NULL, net_cents INTEGER NOT NULL,
  currency TEXT NOT NULL, told TEXT NOT NULL, started_at TEXT NOT NULL,
  changed_at TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS movements (
  n INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, provider TEXT NOT NULL,
  merchant TEXT NOT NULL, kind TEXT NOT NULL CHECK (kind IN {KINDS}),
  payment_id TEXT REFERENCES payments, refund_id TEXT REFERENCES refunds,
  reversal_id TEXT REFERENCES reversals, settlement TEXT REFERENCES settlements,
  amount_cents INTEGER NOT NULL, fee_cents INTEGER NOT NULL, currency TEXT NOT NULL,
  words TEXT NOT NULL, made_at TEXT NOT NULL) STRICT;
CREATE INDEX IF NOT EXISTS movements_of ON movements (provider, merchant, currency);
CREATE UNIQUE INDEX IF NOT EXISTS one_sale ON movements (payment_id) WHERE kind = 'sale';
CREATE UNIQUE INDEX IF NOT EXISTS one_return ON movements (kind, refund_id)
  WHERE refund_id IS NOT NULL;
DROP INDEX IF EXISTS one_reversal;
CREATE INDEX IF NOT EXISTS of_reversal ON movements (reversal_id)
  WHERE reversal_id IS NOT NULL;
CREATE TRIGGER IF NOT EXISTS movements_stay BEFORE UPDATE ON movements
  BEGIN SELECT RAISE(ABORT, 'movements are append only'); END;
CREATE TRIGGER IF NOT EXISTS movements_remain BEFORE DELETE ON movements
  BEGIN SELECT RAISE(ABORT, 'movements are append only'); END;
CREATE TABLE IF NOT EXISTS settlement_lines (
  settlement TEXT NOT NULL REFERENCES settlements,
  movement INTEGER NOT NULL UNIQUE REFERENCES movements) STRICT;
CREATE INDEX IF NOT EXISTS lines_of ON settlement_lines (settlement);
CREATE TABLE IF NOT EXISTS answers (
  provider TEXT NOT NULL, merchant TEXT NOT NULL, key TEXT NOT NULL, fingerprint TEXT NOT NULL,
  status INTEGER NOT NULL, body TEXT NOT NULL, made_at TEXT NOT NULL,
  PRIMARY KEY (provider, merchant, key)) STRICT;
CREATE TABLE IF NOT EXISTS events (
  n INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, provider TEXT NOT NULL,
  merchant TEXT NOT NULL, about TEXT NOT NULL, body TEXT NOT NULL,
  genuine INTEGER NOT NULL, made_at TEXT NOT NULL) STRICT;
CREATE INDEX IF NOT EXISTS events_about ON events (about);
CREATE TABLE IF NOT EXISTS deliveries (
  n INTEGER PRIMARY KEY AUTOINCREMENT, event TEXT NOT NULL REFERENCES events (id),
  about TEXT NOT NULL, forged INTEGER NOT NULL, age_seconds INTEGER NOT NULL,
  due_at REAL NOT NULL, tries INTEGER NOT NULL DEFAULT 0,
  state TEXT NOT NULL DEFAULT 'waiting', answer TEXT NOT NULL DEFAULT '',
  sent TEXT NOT NULL DEFAULT 'null') STRICT;
CREATE INDEX IF NOT EXISTS deliveries_due ON deliveries (due_at) WHERE state = 'waiting';
CREATE TABLE IF NOT EXISTS settings (
  provider TEXT NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL,
  PRIMARY KEY (provider, name)) STRICT;
"""


class Books(File):
    """The file ``fakes.sqlite3`` in a folder."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder / "fakes.sqlite3", _SCHEMA)


def written_json(told: Mapping[str, Any]) -> str:
    """What a provider keeps of its own beside a row."""
    return json.dumps(told, ensure_ascii=False, separators=(",", ":"))


def told(row: sqlite3.Row) -> dict[str, Any]:
    """What ``written_json`` wrote into a row."""
    found: dict[str, Any] = json.loads(row["told"])
    return found
