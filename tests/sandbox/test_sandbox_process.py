"""The practice provider as a process of its own."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from tests.sandbox.conftest import Desk
from tests.sandbox.mailbox import Mailbox

ROOT = Path(__file__).parents[2]


@contextmanager
def process(folder: Path) -> Iterator[tuple[subprocess.Popen[bytes], Desk]]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    env = {name: value for name, value in os.environ.items() if not name.startswith("QUITT_")}
    command = [sys.executable, "-m", "sandbox", "--port", str(port), "--data", str(folder)]
    with subprocess.Popen(command, cwd=ROOT, env=env) as started:
        desk = Desk(f"http://127.0.0.1:{port}")
        try:
            _wait_until_it_answers(desk, started)
            yield started, desk
        finally:
            desk.http.close()
            started.kill()


def _wait_until_it_answers(desk: Desk, started: subprocess.Popen[bytes]) -> None:
    for _ in range(600):
        assert started.poll() is None, "it ended by itself"
        try:
            desk.http.get("/books").raise_for_status()
        except httpx2.ConnectError:
            time.sleep(0.05)
        else:
            return
    pytest.fail("it does not answer")


def test_killed_it_loses_nothing_and_asked_to_stop_it_stops(
    tmp_path: Path, mailbox: Mailbox
) -> None:
    with process(tmp_path) as (first, desk):
        desk.open_account(mailbox.url)
        desk.order()
        mailbox.status = 500
        desk.test("payments/pay-1/pay")
        told = len(mailbox.letters)
        first.send_signal(signal.SIGKILL)
        first.wait(10)
    mailbox.status = 204
    with process(tmp_path) as (second, desk):
        assert desk.books()["totals"]["succeeded_cents"] == 4200
        mailbox.wait_for(told + 1)
        second.send_signal(signal.SIGTERM)
        assert second.wait(10) == 0
