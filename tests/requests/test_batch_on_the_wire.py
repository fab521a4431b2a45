"""Batches over a real socket and the production server.

What a test client cannot show: a server whose stream loses lines when it is read by lines, and
one that deadlocks when it answers while the body still arrives.
"""

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx2
import pytest

from portal.requests import batch
from tests.contract import asked, client_of

ROOT = Path(__file__).parents[2]
LINES = 2 * batch.TOGETHER + 500  # three parts, the last of them not full
GRANIAN = (sys.executable, "-m", "granian", "--interface", "wsgi", "app:app", "--host", "127.0.0.1")


@pytest.fixture
def server(app, settings):
    """The portal on granian; its base address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    env = {name: value for name, value in os.environ.items() if not name.startswith("QUITT_")}
    env |= {
        "QUITT_DATABASE_URL": settings.database_url,
        "QUITT_KEYS": settings.keys,
        "QUITT_BASE_URL": settings.base_url,
        "QUITT_DATA": str(settings.data),
        "QUITT_LOG_LEVEL": "error",
    }
    command = (*GRANIAN, "--port", str(port), "--blocking-threads", "4", "--log-level", "error")
    process = subprocess.Popen(command, cwd=ROOT, env=env)
    base = f"http://127.0.0.1:{port}"
    try:
        _wait(base, process)
        yield base
    finally:
        process.terminate()
        process.wait(20)


def _wait(base, process):
    for _ in range(300):
        assert process.poll() is None, "the server ended"
        with contextlib.suppress(httpx2.HTTPError):
            if httpx2.get(f"{base}/healthz", trust_env=False).is_success:
                return
        time.sleep(0.1)
    raise AssertionError("the server did not answer")


def test_as_many_lines_as_were_sent_are_answered_twice_alike(app, server):
    good = [json.dumps(asked(reference=f"K-{n}")).encode() for n in range(LINES)]
    lines = [b"" if n % 100 == 50 else b"\xff{" if n % 100 == 51 else good[n] for n in range(LINES)]

    def slowly():
        body = b"\r\n".join(lines)
        for start in range(0, len(body), 7001):  # breaks lines, and sends no Content-Length
            yield body[start : start + 7001]

    client_id, secret = client_of(app, "musterhausen", "requests:write")
    with httpx2.Client(base_url=server, trust_env=False, timeout=60) as client:
        token = client.post(
            "/api/v1/oauth/token",
            data={"grant_type": "client_credentials"},
            auth=(client_id, secret),
        ).json()["access_token"]
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/x-ndjson"}
        for content in (slowly(), b"\r\n".join(lines)):
            answer = client.post("/api/v1/payment-requests", content=content, headers=headers)
            assert answer.status_code == 200
            told = [json.loads(line) for line in answer.content.splitlines()]
            assert [t["line"] for t in told] == list(range(1, LINES + 1))
            bad = [t["line"] for t in told if t["status"] == 400]
            assert bad == [n + 1 for n in range(LINES) if n % 100 in (50, 51)]
        assert {t["status"] for t in told} == {200, 400}
        single = client.get(f"/api/v1/payment-requests/K-{LINES - 1}", headers=headers).json()
        assert told[-1] == {"line": LINES, "status": 200, **single}
