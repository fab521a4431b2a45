"""Runs only when it is asked for; installs what it needs."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from portal.providers import wire
from tests.peers import installing


def pytest_ignore_collect(config: pytest.Config) -> bool | None:
    """Nothing here without ``--peers``."""
    return None if config.getoption("--peers") else True


@pytest.fixture(scope="session")
def peers() -> Path:
    """The folder that the peers are in."""
    return installing.folder()


@pytest.fixture(scope="session", autouse=True)
def hang_up() -> Iterator[None]:
    """Peers go before the wire does: nothing of it is left open."""
    yield
    wire._client().close()
    wire._client.cache_clear()
