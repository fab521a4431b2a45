"""The lists, the search and the overview of the admin view over a great many rows.

    python bench/admin.py [--requests 1000000] [--payments 300000] [--keep FOLDER]

Makes requests and payments of three years by SQL, in a folder of its own with an embedded
PostgreSQL with its safety on, and asks for each page as a signed-in clerk does, inside the process
(no socket), five times after one to warm up. Prints the median and the slowest in milliseconds.
Exits 1 when a list or search takes 100 ms or more at the median, or the overview 500 ms.
"""

import argparse
import contextlib
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextvars import Context
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text

from bench.intake import postgres, used
from portal import create_app, embedded, keys, schema
from portal.config import Settings
from portal.db import db, transaction
from portal.staff.roles import Grant, Role
from tests import builders
from tests.builders import TOWN
from tests.staff.people import colleague, sign_in

MOST = {"list": 100.0, "search": 100.0, "overview": 500.0}  # milliseconds
TIMES = 5
SPAN = "interval '3 years'"

REQUESTS = f"""
INSERT INTO payment_requests (tenant_id, reference, version, state, amount_cents, covered_cents,
    closed_cents, currency, kind, purpose, payment_sign, tan_required, content, key_id,
    link_version, tan_version, lookup, money_moved_on, created_at, updated_at)
SELECT '{TOWN}', 'K-' || n, 1,
    CASE WHEN n % 10 < 2 THEN 'paid' WHEN n % 1000 = 5 THEN 'partly_paid'
         WHEN n % 50 = 7 THEN 'withdrawn' WHEN n % 200 = 9 THEN 'expired' ELSE 'open' END,
    1000 + n * 7919 % 90000, CASE WHEN n % 10 < 2 THEN 1000 + n * 7919 % 90000 ELSE 0 END,
    0, 'EUR', CASE WHEN n % 20000 = 3 THEN 'care' WHEN n % 3 = 0 THEN 'fee' ELSE 'tax' END,
    'Grundsteuer B 2026', '5.0101.' || n, true,
    jsonb_build_object('unit', '20.' || n % 9, 'purpose', 'Grundsteuer B 2026'), 'k1', 1, 1,
    sha256(int8send(n)), false, made, made
FROM (SELECT n, now() - {SPAN} + {SPAN} * n / :requests AS made
    FROM generate_series(1::bigint, :requests) AS n) AS numbered
"""
PAYMENTS = f"""
INSERT INTO payments (tenant_id, id, request_id, request_version, unit, kind, account_id, method,
    label, channel, amount_cents, currency, state, current, provider_reference, received_on,
    started_at, confirmed_at, effective_on, refunded_cents, reversed_cents)
SELECT r.tenant_id, md5(r.id || '-' || n), r.id, 1, r.unit, r.kind,
    CASE WHEN n % 3 = 0 THEN 'paypal' ELSE 'card' END, 'card', 'Karte', 'web', r.amount_cents,
    'EUR', ended, ended = 'succeeded' OR n % 20000 = 11, 'pi_' || n,
    (r.created_at AT TIME ZONE 'Europe/Berlin')::date, started,
    CASE WHEN ended = 'succeeded' THEN started END,
    CASE WHEN ended = 'succeeded' THEN started::date END, 0, 0
FROM (SELECT n, CASE WHEN n % 10 < 7 THEN 'succeeded' WHEN n % 20000 = 8 THEN 'unknown'
        WHEN n % 20000 = 19 THEN 'started' WHEN n % 10 = 8 THEN 'failed' ELSE 'cancelled' END
        AS ended FROM generate_series(1::bigint, :payments) AS n) AS numbered
JOIN payment_requests r ON r.tenant_id = '{TOWN}'
    AND r.reference = 'K-' || greatest(1, n * :requests / :payments)
CROSS JOIN LATERAL (SELECT least(now(), r.created_at + interval '4 days') AS started) AS began
"""
ONLINE = """
UPDATE payment_requests SET paid_online = true
WHERE id IN (SELECT request_id FROM payments WHERE state = 'succeeded')
"""
ITEMS = """
INSERT INTO suspense_items (tenant_id, reference, account, amount_cents, open_cents, currency,
    state, opened_at, closed_at)
SELECT tenant_id, 'payment:' || id, account_id, amount_cents,
    CASE WHEN is_open THEN amount_cents ELSE 0 END, 'EUR',
    CASE WHEN is_open THEN 'open' ELSE 'settled' END, started_at,
    CASE WHEN is_open THEN NULL ELSE started_at END
FROM (SELECT *, started_at > now() - interval '14 days' AS is_open FROM payments
    WHERE state = 'succeeded') AS p
"""
CUSTODY = """
INSERT INTO custody_items (tenant_id, reference, cause, account, request_reference, amount_cents,
    open_cents, currency, state, opened_at, closed_at)
SELECT p.tenant_id, 'payment:' || p.id, 'surplus', p.account_id, r.reference, 100,
    CASE WHEN r.id % 800 = 0 THEN 100 ELSE 0 END, 'EUR',
    CASE WHEN r.id % 800 = 0 THEN 'open' ELSE 'returned' END, p.started_at, NULL
FROM payments p JOIN payment_requests r ON (r.tenant_id, r.id) = (p.tenant_id, p.request_id)
WHERE p.state = 'succeeded' AND r.id % 40 = 0
"""
REFUNDS = """
INSERT INTO refunds (tenant_id, id, payment_id, amount_cents, currency, reason, order_number, state,
    asked_by, asked_at, approved_by, approved_at, ended_at, surplus_cents, claim_cents, loss_cents)
SELECT tenant_id, md5('refund' || id), id, 100, 'EUR', 'surplus', 'AO-' || id, 'succeeded',
    'staff:a', started_at, 'staff:b', started_at, started_at, 100, 0, 0
FROM payments WHERE state = 'succeeded' AND left(id, 1) = '0'
"""
EVENTS = """
INSERT INTO events (tenant_id, position, id, type, reference, occurred_at, data)
SELECT p.tenant_id, row_number() OVER (ORDER BY p.started_at, p.id), 'evt_' || p.id,
    'payment.succeeded', r.reference, p.started_at, '{}'
FROM payments p JOIN payment_requests r ON (r.tenant_id, r.id) = (p.tenant_id, p.request_id)
WHERE p.state = 'succeeded'
"""
ENDPOINT = f"""
INSERT INTO endpoints (tenant_id, url, secret_sealed, failures)
VALUES ('{TOWN}', 'https://finance.example/events', '', 0)
"""
DELIVERIES = """
INSERT INTO deliveries (tenant_id, position, state, tries, due_at)
SELECT tenant_id, position, CASE WHEN position % 20000 = 1 THEN 'parked' ELSE 'taken' END, 1,
    occurred_at FROM events
"""
SETTLEMENTS = """
INSERT INTO settlements (tenant_id, account, settlement, version, gross_cents, fee_cents,
    net_cents, currency, booked_at)
SELECT tenant_id, account_id, 'po_' || effective_on, 1, sum(amount_cents), count(*) * 35,
    sum(amount_cents) - count(*) * 35, 'EUR', effective_on + interval '2 days'
FROM payments WHERE state = 'succeeded' GROUP BY tenant_id, account_id, effective_on
"""
STEPS = (
    ENDPOINT, REQUESTS, PAYMENTS, ONLINE, ITEMS, CUSTODY, REFUNDS, EVENTS, DELIVERIES, SETTLEMENTS,
)  # fmt: skip


def main() -> None:
    """Make the rows, ask for each page, say how long it took."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--requests", type=int, default=1_000_000)
    parser.add_argument("--payments", type=int, default=0, help="else three for ten requests")
    parser.add_argument("--keep", type=Path, help="make the rows in this folder, or use it again")
    told = parser.parse_args()
    payments = told.payments or told.requests * 3 // 10
    with contextlib.ExitStack() as stack:
        name = told.keep or stack.enter_context(tempfile.TemporaryDirectory(prefix="quitt-admin-"))
        app = stack.enter_context(portal(Path(name), told.requests, payments))
        print(f"load of the machine: {os.getloadavg()[0]:.1f}", flush=True)
        slow = [name for name in timed(app, told.requests, Path(name)) if name]
    print("verdict: " + (f"TOO SLOW: {', '.join(slow)}" if slow else "fast enough"))
    sys.exit(bool(slow))


@contextlib.contextmanager
def portal(folder: Path, requests: int, payments: int) -> Iterator[Flask]:
    """The application over the rows; forgotten afterwards."""
    folder.mkdir(parents=True, exist_ok=True)
    cluster = embedded.start(folder)
    try:
        settings = Settings(
            data=folder,
            base_url="https://localhost",
            keys=keys.new_key("k1"),
            database_url=schema.ready(Settings(data=folder)),
            log_level="error",
        )
        owner = embedded.url(cluster, schema.DATABASE, schema.OWNER)
        app = create_app(settings)
        with app.app_context():
            if not db.session.scalar(text("SELECT count(*) FROM tenants")):
                seed(app, owner, requests, payments)
            db.session.remove()
            yield app
            db.session.remove()
            db.engine.dispose()
    finally:
        embedded.stop(cluster)


def seed(app: Flask, owner: str, requests: int, payments: int) -> None:
    """All rows, and what a night's vacuum leaves behind."""
    import psycopg

    began = time.perf_counter()
    with transaction() as session:
        builders.towns(session, app.extensions["keyring"])
    for step in STEPS:
        with transaction() as session:
            numbers = {"requests": requests, "payments": payments}
            wanted = {name: n for name, n in numbers.items() if f":{name}" in step}
            session.execute(text(step), wanted)
        words = step.split()
        print(f"{' '.join(words[:3])}: {time.perf_counter() - began:.0f} s", flush=True)
    with psycopg.connect(owner, autocommit=True) as connection:
        connection.execute("VACUUM (ANALYZE)")
    print(f"{requests:,} requests, {payments:,} payments: {time.perf_counter() - began:.0f} s")


def timed(app: Flask, requests: int, folder: Path) -> Iterator[str]:
    """Each page's median; the names of those that are too slow."""
    suffix = f"{time.time_ns()}"
    clerk = sign_in(builders.browser(app), colleague(f"clerk{suffix}", Role.CLERK))
    part = Grant(Role.CLERK, unit="20.3")
    unit = sign_in(builders.browser(app), colleague(f"unit{suffix}", part))
    seen = f"K-{requests // 2}"
    payment = db.session.scalar(text("SELECT id FROM payments WHERE state = 'failed' LIMIT 1"))
    db.session.rollback()
    for kind, name, path in pages(seen, payment):
        for who, client in (("town", clerk), ("unit", unit)):
            median, slowest, own, base, size = took(client, f"/admin/{path}", folder)
            slow = median >= MOST[kind]
            print(
                f"{kind:8} {who} {name:34} {median:7.1f} ms, slowest {slowest:7.1f} ms, own"
                f" processor {own:5.1f} ms, PostgreSQL's {base:5.1f} ms, {size / 1000:.0f} KB"
                f"{'  TOO SLOW' if slow else ''}",
                flush=True,
            )
            yield f"{name} ({who})" if slow else ""


def pages(reference: str, payment: str) -> Iterator[tuple[str, str, str]]:
    """What is asked for: its kind, its name, its address."""
    lists = (
        "requests", "requests?state=open", "requests?state=partly_paid", "requests?state=payable",
        "requests?kind=care", "requests?unit=20.4", "requests?amount=100,00",
        "requests?online=yes", "requests?from=2025-03-01&to=2025-03-31",
        f"requests?reference={reference}", "requests?kind=care&state=open&unit=20.3",
        "payments", "payments?state=undecided", "payments?state=stuck", "payments?state=failed",
        "payments?state=succeeded", "payments?account=paypal", "payments?kind=care",
        "payments?unit=20.4", "payments?amount=100,00", "payments?from=2025-03-01&to=2025-03-02",
        "payments?state=succeeded&paid_from=2025-03-01&paid_to=2025-03-31",
        "refunds", "refunds?state=succeeded&from=2025-03-01&to=2025-03-31",
        "held?what=suspense", "held?what=suspense&state=open", "held?what=custody",
        "held?what=custody&state=open", "payouts", "payouts?account=card&from=2025-03-01",
        "events", "events?state=undelivered", "events?state=refused", "events?state=taken",
        "events?from=2025-03-01&to=2025-03-31",
    )  # fmt: skip
    yield from (("list", path, path) for path in lists)
    number = reference.removeprefix("K-")
    words = {
        "reference": reference, "payment sign": f"5.0101.{number}", "payment id": payment,
        "provider reference": "pi_77", "nothing": "nothing-of-ours", "code": "7F3K9QXM2B44",
    }  # fmt: skip
    yield from (("search", f"search: {name}", f"search?q={word}") for name, word in words.items())
    yield ("search", "search: amount", "search?amount=100,00")
    yield ("search", "search: what a caller knows",
           "search?amount=100,00&day=2025-03-01&account=card")  # fmt: skip
    for period in ("today", "7", "30", "month", "year"):
        yield ("overview", f"overview: {period}", f"overview?period={period}")


def took(client: FlaskClient, path: str, folder: Path) -> tuple[float, float, float, float, int]:
    """Median and slowest, what of it this process computed, and what PostgreSQL did on average, in
    milliseconds; the page's bytes.

    On a machine with other work the difference is waiting for a turn.
    """
    seconds, own, size, before = [], [], 0, 0.0
    for number in range(TIMES + 1):
        before = before if number > 1 else used(postgres(folder))  # without the first, that warms
        began, computed = time.perf_counter(), time.process_time()
        answer = Context().run(FlaskClient.open, client, path, base_url="https://localhost")
        if number:
            seconds.append(time.perf_counter() - began)
            own.append(time.process_time() - computed)
        if answer.status_code >= 400:
            sys.exit(f"{path}: {answer.status_code}")
        size = len(answer.data)
        db.session.remove()
    base = (used(postgres(folder)) - before) / TIMES
    median, computing = statistics.median(seconds), statistics.median(own)
    return median * 1000, max(seconds) * 1000, computing * 1000, base * 1000, size


if __name__ == "__main__":
    main()
