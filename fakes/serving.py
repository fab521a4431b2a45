"""Serving the fakes in a thread of this process, for tests."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fakes.app import create_app
from sandbox import serving


@contextmanager
def running(folder: Path, port: int = 0) -> Iterator[str]:
    """The fakes with their books in ``folder``; their address, without a provider's name."""
    with serving.running(folder, port, create_app) as url:
        yield url
