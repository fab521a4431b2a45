"""A peer as a process of its own on this machine."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

SECONDS_TO_START = 120.0
SECONDS_TO_END = 10.0


@contextmanager
def running(words: Callable[[int], Sequence[str]], log: Path) -> Iterator[str]:
    """The peer's address on a free port, once it answers; ``words`` is its command for a port."""
    port = _free_port()
    with log.open("wb") as out:
        process = subprocess.Popen(
            words(port), stdout=out, stderr=out, cwd=log.parent, start_new_session=True,
            env={**os.environ, "TMPDIR": str(log.parent)},
        )  # fmt: skip
    try:
        _wait(process, port, log)
        yield f"http://127.0.0.1:{port}"
    finally:
        _end(process)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
    return port


def _wait(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    ends = time.monotonic() + SECONDS_TO_START
    while time.monotonic() < ends:
        assert process.poll() is None, log.read_text(errors="replace")[-2000:]
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError(f"it does not answer: {log.read_text(errors='replace')[-2000:]}")


def _end(process: subprocess.Popen[bytes]) -> None:
    """Its own process group, and nobody else's."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(SECONDS_TO_END)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
