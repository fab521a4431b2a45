"""A hundred thousand payment requests in one push, over a socket to the server of production.

    python bench/intake.py [--lines 100000]

Starts ``quitt serve`` with one web process and an embedded PostgreSQL with its safety on, in a
folder of its own, pushes made-up requests and pushes them again. Prints lines a second by the
clock, the processor seconds of each side, and by how much the web process grew. Exits 1 when an
answer line is missing or wrong, when the second push changes a row, a link or a TAN, or when the
web process grew by 50 MB or more; whether 10,000 lines a second were reached is told in words, for
that hangs on the machine and its neighbours.
"""

import argparse
import contextlib
import hashlib
import http.client
import json
import os
import random
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from sqlalchemy import text

from portal import create_app, embedded, keys, schema
from portal.config import Settings
from portal.db import db, transaction
from tests import builders
from tests.contract import client_of, token_of

ROOT = Path(__file__).resolve().parent.parent
SEED = 2611
MOST_GROWTH = 50_000_000  # bytes
WANTED = 10_000  # lines a second, without neighbours
TICKS = os.sysconf("SC_CLK_TCK")
REQUESTS = "/api/v1/payment-requests"
TABLES = ("payment_requests", "request_versions", "audit", "events")
PURPOSES = (
    "Grundsteuer B 2026, 4. Quartal, Objekt {0}/{1}",
    "Abfallgebühren 2026, Restmüllbehälter 120 Liter, vierzehntägliche Leerung",
    "Straßenreinigungsgebühr 2026, Objekt {0}/{1}",
    "Schmutz- und Niederschlagswassergebühren 2026, Vorauszahlung 4. Quartal, Objekt {0}/{1}",
    "Hundesteuer 2026, ein Hund",
)
ITEMS = ("Restmüll 120 Liter", "Bioabfall 80 Liter", "Grundgebühr", "Papier 240 Liter")


@dataclass(frozen=True, slots=True)
class Push:
    """What came of a push: answers, seconds by the clock, and the fingerprint of the letters."""

    lines: int
    wrong: int
    statuses: Counter[int]
    letters: str
    seconds: float


def main() -> None:
    """Push twice, say what came of it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lines", type=int, default=100_000)
    count = parser.parse_args().lines
    with tempfile.TemporaryDirectory(prefix="quitt-intake-") as name:
        folder = Path(name)
        body = folder / "push.ndjson"
        body.write_text("".join(asked(count)), encoding="utf-8")
        size = body.stat().st_size / 1e6
        print(f"{count} lines, {size:.1f} MB; load of the machine before: {os.getloadavg()[0]:.1f}")
        with portal(folder) as (settings, token), served(settings) as (port, server):
            said = [pushed(folder, port, token, server, what) for what in ("new", "again")]
    statuses = [{201: count}, {200: count}]
    right = [push.statuses == wanted for (push, *_), wanted in zip(said, statuses, strict=True)]
    right += [push.lines == count and not push.wrong for push, *_ in said]
    right += [grown < MOST_GROWTH for _, grown, _ in said]
    same = said[0][0].letters == said[1][0].letters and said[0][2] == said[1][2]
    print("pushed again: " + ("same links and TANs, no row changed" if same else "CHANGED"))
    speeds = [push.lines / push.seconds for push, *_ in said]
    told = "reached" if min(speeds) >= WANTED else "NOT reached (no fault: it hangs on the machine)"
    print(f"{WANTED:,} lines/s: {told}; new {speeds[0]:,.0f}, again {speeds[1]:,.0f}")
    print("verdict: " + ("right" if all(right) and same else "WRONG"))
    sys.exit(not (all(right) and same))


def pushed(folder: Path, port: int, token: str, server: int, what: str) -> tuple[Push, int, str]:
    """Push the file; the answers, by how many bytes the web process grew, and all rows' print."""
    web = web_process(server)
    before, web_before, base_before = resident(web), used([web]), used(postgres(folder))
    Path(f"/proc/{web}/clear_refs").write_text("5")  # the peak counts from here
    push = push_file(folder, port, token)
    grown = resident(web, "VmHWM") - before
    web_took = used([web]) - web_before
    base_took = used(postgres(folder)) - base_before
    print(
        f"{what}: {push.lines / push.seconds:,.0f} lines/s ({push.seconds:.1f} s; processor: web"
        f" {web_took:.1f} s, PostgreSQL {base_took:.1f} s), {push.lines} answers"
        f" {dict(push.statuses)}, {push.wrong} wrong, web process {before / 1e6:.0f} MB"
        f" and {grown / 1e6:.1f} MB more",
        flush=True,
    )
    return push, grown, rows()


def push_file(folder: Path, port: int, token: str) -> Push:
    """Send all, then read the answer as fast as it comes; look at it afterwards."""
    headers = {"Authorization": token, "Content-Type": "application/x-ndjson", "Host": "localhost"}
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=600)
    answer_file = folder / "answer.ndjson"
    began = time.perf_counter()
    with (folder / "push.ndjson").open("rb") as body, answer_file.open("wb") as kept:
        headers["Content-Length"] = str(os.fstat(body.fileno()).st_size)
        connection.request("POST", REQUESTS, body, headers)
        answer = connection.getresponse()
        while chunk := answer.read1(1 << 18):
            kept.write(chunk)
    took = time.perf_counter() - began
    connection.close()
    lines, wrong, statuses, letters = 0, 0, Counter[int](), hashlib.sha256()
    with answer_file.open("rb") as kept:
        for lines, line in enumerate(kept, start=1):
            told = json.loads(line)
            wrong += (told["line"], told.get("reference")) != (lines, reference(lines))
            statuses[told["status"]] += 1
            letters.update(json.dumps([told.get("link"), told.get("tan")]).encode())
    return Push(lines, wrong, statuses, letters.hexdigest(), took)


def reference(number: int) -> str:
    """Not in order, as a finance system's are not."""
    return f"K-2026-{number * 7919 % 1_000_003:06d}"


def asked(count: int) -> Iterator[str]:
    """Made-up requests of a yearly run, one a line: with items, days, with and without a TAN."""
    chance = random.Random(SEED)
    for number in range(1, count + 1):
        cents = chance.randrange(1_200, 185_000)
        line = {
            "reference": reference(number),
            "amount_cents": cents,
            "currency": "EUR",
            "kind": chance.choice(("tax", "fee")),
            "purpose": chance.choice(PURPOSES).format(number, chance.randrange(1, 40)),
            "payment_sign": f"5.0123.{number:06d}.{number % 10}",
            "unit": f"20.{chance.randrange(1, 9)}",
            "debtor": f"p_{chance.getrandbits(128):032x}",
            "issued_on": "2026-11-15",
            "due_on": f"2026-12-{chance.randrange(1, 29):02d}",
            "tan": number % 3 > 0,
        }
        if number % 2:
            parts = (cents // 3, cents - cents // 3)
            line["items"] = [
                {"text": text, "amount_cents": part, "claim": f"F{number}-{rank}", "rank": rank}
                for rank, (text, part) in enumerate(zip(chance.sample(ITEMS, 2), parts), start=1)  # noqa: B905
            ]
        if number % 5 == 0:
            line["partial"] = {"minimum_cents": 500}
        yield json.dumps(line, ensure_ascii=False) + "\n"


@contextlib.contextmanager
def portal(folder: Path) -> Iterator[tuple[Settings, str]]:
    """Two towns in a database of their own, and a client's token; forgotten afterwards."""
    cluster = embedded.start(folder)
    try:
        settings = Settings(
            data=folder,
            base_url="https://localhost",
            keys=keys.new_key("k1"),
            database_url=schema.ready(Settings(data=folder)),
            log_level="error",
        )
        app = create_app(settings)
        with app.app_context():
            with transaction() as session:
                builders.towns(session, app.extensions["keyring"])
            client = client_of(app, builders.TOWN, "requests:write")
            yield settings, token_of(app, client)["Authorization"]
            db.session.remove()
            db.engine.dispose()
    finally:
        embedded.stop(cluster)


@contextlib.contextmanager
def served(settings: Settings) -> Iterator[tuple[int, int]]:
    """``quitt serve``: its port and its process id; ended afterwards."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    env = {name: value for name, value in os.environ.items() if not name.startswith("QUITT_")}
    env |= {
        "PORT": str(port),
        "PYTHONPATH": str(ROOT),
        "QUITT_BASE_URL": settings.base_url,
        "QUITT_DATA": str(settings.data),
        "QUITT_DATABASE_URL": settings.database_url,
        "QUITT_KEYS": settings.keys,
        "QUITT_LOG_LEVEL": "warning",
        "QUITT_PROXIES": "1",
    }
    process = subprocess.Popen([sys.executable, "-m", "portal.cli", "serve"], cwd=ROOT, env=env)
    try:
        wait(port, process)
        yield port, process.pid
    finally:
        process.terminate()
        process.wait(20)


def wait(port: int, process: "subprocess.Popen[bytes]") -> None:
    for _ in range(600):
        if process.poll() is not None:
            sys.exit("the server ended")
        with contextlib.suppress(OSError):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", "/healthz")
            if connection.getresponse().status == 200:
                return
        time.sleep(0.1)
    sys.exit("the server did not answer")


def rows() -> str:
    """One fingerprint over every row that a push could touch."""
    prints = [
        db.session.execute(
            text(f"SELECT count(*), sum(hashtextextended(t::text, 0)::numeric) FROM {name} t")
        ).one()
        for name in TABLES
    ]
    db.session.rollback()
    return repr(prints)


def web_process(server: int) -> int:
    """The one child of ``quitt serve`` that answers requests."""
    found = [pid for pid in children(server) if b"portal.printing" not in command(pid)]
    serving = [pid for pid in found if b"resource_tracker" not in command(pid)]
    if len(serving) != 1:
        sys.exit(f"{len(serving)} web processes instead of one")
    return serving[0]


def postgres(folder: Path) -> list[int]:
    """The processes of the database in this folder."""
    (file,) = folder.rglob("postmaster.pid")
    postmaster = int(file.read_text().split()[0])
    return [postmaster, *children(postmaster)]


def children(parent: int) -> list[int]:
    pids = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]
    return [pid for pid in pids if stat(pid)[1:2] == [str(parent)]]


def command(pid: int) -> bytes:
    return Path(f"/proc/{pid}/cmdline").read_bytes()


def stat(pid: int) -> list[str]:
    """What stands behind the name in ``/proc/<pid>/stat``; nothing once it has ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1].split()
    except OSError:
        return []


def used(pids: list[int]) -> float:
    """Processor seconds of these processes, and of those of their children that have ended."""
    return sum(int(ticks) for pid in pids for ticks in stat(pid)[11:15]) / TICKS


def resident(pid: int, what: str = "VmRSS") -> int:
    """Bytes in memory: now, or at most so far (``VmHWM``)."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{what}:"):
            return int(line.split()[1]) * 1024
    sys.exit(f"no {what} of process {pid}")


if __name__ == "__main__":
    main()
