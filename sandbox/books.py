"""This provider's own books, in one SQLite file: its word against the portal's.

Money is integer cents. ``movements`` is append only: sale +, return - (a refund), return_back +
(it came back), reversal - (a bank took it), reversal_won +, fee -, payout -; what is left of a
merchant's movements is what is not yet paid out.
"""

from pathlib import Path

from sandbox.file import File

_MOVEMENTS = """(
  n INTEGER PRIMARY KEY AUTOINCREMENT, made_at TEXT NOT NULL, merchant TEXT NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN
    ('sale', 'return', 'return_back', 'reversal', 'reversal_won', 'fee', 'payout')),
  payment_id TEXT REFERENCES payments, refund_id TEXT REFERENCES refunds,
  reversal_id TEXT REFERENCES reversals, settlement TEXT REFERENCES settlements,
  amount_cents INTEGER NOT NULL, currency TEXT NOT NULL) STRICT"""
_SCHEMA = """
CREATE TABLE IF NOT EXISTS merchants (
  merchant TEXT PRIMARY KEY, name TEXT NOT NULL, secret_sha256 TEXT NOT NULL UNIQUE,
  webhook_secret TEXT NOT NULL, webhook_url TEXT NOT NULL, live INTEGER NOT NULL,
  currency TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS payments (
  id TEXT PRIMARY KEY, merchant TEXT NOT NULL REFERENCES merchants, payment TEXT NOT NULL,
  fingerprint TEXT NOT NULL, status TEXT NOT NULL, ordered_cents INTEGER NOT NULL,
  ordered_currency TEXT NOT NULL, text TEXT NOT NULL, method TEXT NOT NULL,
  language TEXT NOT NULL, return_url TEXT NOT NULL, amount_cents INTEGER NOT NULL,
  currency TEXT NOT NULL, collected_for TEXT NOT NULL, started_at TEXT NOT NULL,
  changed_at TEXT NOT NULL, UNIQUE (merchant, payment)) STRICT;
CREATE TABLE IF NOT EXISTS refunds (
  id TEXT PRIMARY KEY, payment_id TEXT NOT NULL REFERENCES payments, merchant TEXT NOT NULL,
  refund TEXT NOT NULL, status TEXT NOT NULL, amount_cents INTEGER NOT NULL,
  currency TEXT NOT NULL, made_at TEXT NOT NULL, UNIQUE (merchant, refund)) STRICT;
CREATE TABLE IF NOT EXISTS reversals (
  id TEXT PRIMARY KEY, payment_id TEXT NOT NULL REFERENCES payments, merchant TEXT NOT NULL,
  reason TEXT NOT NULL, status TEXT NOT NULL, amount_cents INTEGER NOT NULL,
  fee_cents INTEGER NOT NULL, currency TEXT NOT NULL, made_at TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS settlements (
  id TEXT PRIMARY KEY, merchant TEXT NOT NULL REFERENCES merchants, gross_cents INTEGER NOT NULL,
  fee_cents INTEGER NOT NULL, net_cents INTEGER NOT NULL, currency TEXT NOT NULL,
  made_at TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS movements {movements};
CREATE UNIQUE INDEX IF NOT EXISTS one_sale ON movements (payment_id) WHERE kind = 'sale';
CREATE UNIQUE INDEX IF NOT EXISTS one_return ON movements (kind, refund_id)
  WHERE refund_id IS NOT NULL;
CREATE UNIQUE INDEX IF NOT EXISTS one_reversal ON movements (kind, reversal_id)
  WHERE reversal_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS movements_of ON movements (merchant, currency);
CREATE TRIGGER IF NOT EXISTS movements_stay BEFORE UPDATE ON movements
  BEGIN SELECT RAISE(ABORT, 'movements are append only'); END;
CREATE TRIGGER IF NOT EXISTS movements_remain BEFORE DELETE ON movements
  BEGIN SELECT RAISE(ABORT, 'movements are append only'); END;
CREATE TABLE IF NOT EXISTS settlement_lines (
  settlement TEXT NOT NULL REFERENCES settlements, movement INTEGER NOT NULL UNIQUE
  REFERENCES movements, fee_cents INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS events (
  n INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, merchant TEXT NOT NULL,
  about TEXT NOT NULL, body TEXT NOT NULL, genuine INTEGER NOT NULL) STRICT;
CREATE INDEX IF NOT EXISTS events_about ON events (about);
CREATE TABLE IF NOT EXISTS deliveries (
  n INTEGER PRIMARY KEY AUTOINCREMENT, event TEXT NOT NULL REFERENCES events (id),
  about TEXT NOT NULL, forged INTEGER NOT NULL, age_seconds INTEGER NOT NULL,
  due_at REAL NOT NULL, tries INTEGER NOT NULL DEFAULT 0,
  state TEXT NOT NULL DEFAULT 'waiting', answer TEXT NOT NULL DEFAULT '') STRICT;
CREATE INDEX IF NOT EXISTS deliveries_due ON deliveries (due_at) WHERE state = 'waiting';
CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
""".replace("{movements}", _MOVEMENTS)

# Books of the first version knew no reversals; SQLite widens a check by a new table only.
_WIDEN = f"""
PRAGMA foreign_keys = OFF;
BEGIN IMMEDIATE;
CREATE TABLE wider {_MOVEMENTS};
INSERT INTO wider (n, made_at, merchant, kind, payment_id, refund_id, settlement, amount_cents,
  currency) SELECT n, made_at, merchant, kind, payment_id, refund_id, settlement, amount_cents,
  currency FROM movements;
DROP TABLE movements;
ALTER TABLE wider RENAME TO movements;
COMMIT;
PRAGMA foreign_keys = ON;
"""  # noqa: S608


class Books(File):
    """The file ``sandbox.sqlite3`` in a folder."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder / "sandbox.sqlite3", _SCHEMA)

    def widen(self) -> None:
        """Give books of the first version their reversals."""
        columns = {row["name"] for row in self.keeper.execute("PRAGMA table_info(movements)")}
        if columns and "reversal_id" not in columns:
            self.keeper.executescript(_WIDEN)
