"""The server of production: what its processes owe each other."""

import contextlib
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx2
from flask import Flask

from portal.config import Settings

ROOT = Path(__file__).parents[2]
GRANIAN = (sys.executable, "-m", "granian", "--interface", "wsgi", "app:app", "--host", "127.0.0.1")
LONGEST = 120  # seconds


def test_when_the_server_is_killed_its_web_process_ends(app: Flask, settings: Settings) -> None:
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
    command = (*GRANIAN, "--port", str(port), "--log-level", "error")
    process = subprocess.Popen(command, cwd=ROOT, env=env)
    try:
        wait_until(port, answers=True)
    finally:
        process.kill()
        process.wait(20)
    wait_until(port, answers=False)


def wait_until(port: int, *, answers: bool) -> None:
    deadline = time.monotonic() + LONGEST
    while is_answered(port) != answers:
        assert time.monotonic() < deadline, f"{'no' if answers else 'still an'} answer"
        time.sleep(0.1)


def is_answered(port: int) -> bool:
    with contextlib.suppress(httpx2.TransportError):
        return httpx2.get(f"http://127.0.0.1:{port}/healthz", trust_env=False).is_success
    return False
