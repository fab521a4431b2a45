"""One real PostgreSQL for the whole run, one clean database for each test."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import settings as cases

from portal import clock, create_app, embedded, jobs, keys, schema
from portal.config import Settings
from portal.db import Base, db, transaction
from portal.staff import passwords
from tests import books, builders, trials
from tests.emptying import SERVER, Ground
from tests.fakes import FakeProvider

HOST = "https://localhost"

cases.register_profile("quitt", deadline=None)  # speed belongs in benchmarks
cases.load_profile("quitt")


def pytest_addoption(parser: pytest.Parser) -> None:
    """How large the trials are; and what chance deals can be dealt again."""
    trials.add_options(parser)
    parser.addoption("--seed", type=int, help="of the crash trial and the month: the same again")
    parser.addoption(
        "--peers", action="store_true", help="also other people's servers, tests/peers"
    )


# Rooms whose tests start the whole house, or wait for a browser.
ALONE = {"browser", "crash", "demo", "peers"}
# Rooms of few and long tests: begun last, they would leave the other processors idle.
LONG = {"fuzz", "month", "town"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what must not run beside others, and begin with the longest."""
    for item in items:
        if _room(item) in ALONE:
            item.add_marker("alone")
    items.sort(key=lambda item: _room(item) not in LONG)


def _room(item: pytest.Item) -> str:
    return item.path.relative_to(Path(__file__).parent).parts[0]


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder of this run."""
    return tmp_path_factory.mktemp("quitt")


@pytest.fixture(scope="session")
def cluster(run_folder: Path) -> Iterator[embedded.Cluster]:
    """A PostgreSQL server of our own, stopped at the end."""
    found = embedded.start(run_folder, SERVER)
    yield found
    embedded.stop(found)


@pytest.fixture(scope="session")
def owner_url(cluster: embedded.Cluster) -> str:
    """The portal's database, migrated, as the role that owns it."""
    embedded.ensure(cluster, {schema.DATABASE: (schema.OWNER, schema.APP)})
    url = embedded.url(cluster, schema.DATABASE, schema.OWNER)
    schema.migrate(url, schema.APP)
    return url


@pytest.fixture(scope="session")
def settings(cluster: embedded.Cluster, owner_url: str, run_folder: Path) -> Settings:
    """Settings as in production: https, the application's role."""
    return Settings(
        data=run_folder,
        base_url=HOST,
        keys=keys.new_key("k1"),
        database_url=embedded.url(cluster, schema.DATABASE, schema.APP),
        log_level="error",
    )


@pytest.fixture(scope="session", autouse=True)
def _quick_passwords() -> None:
    """Speed only: who signs in a thousand times need not wait as long as who guesses."""
    passwords._hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@pytest.fixture(scope="session")
def _app(settings: Settings) -> Iterator[Flask]:
    made = create_app(settings)
    made.config["TESTING"] = True
    yield made
    jobs.unhang()
    with made.app_context():
        db.engine.dispose()


@pytest.fixture(scope="session")
def ground(cluster: embedded.Cluster, _app: Flask) -> Iterator[Ground]:
    """What each test begins with: a database with two towns and nothing else."""
    tables = [table.name for table in Base.metadata.sorted_tables]
    found = Ground(
        cluster, schema.DATABASE, [*tables, "procrastinate_jobs", "procrastinate_events"]
    )
    found.lay()
    with _app.app_context():
        with transaction() as session:
            builders.towns(session, _app.extensions["keyring"])
        db.session.remove()
    found.keep()
    yield found
    found.hang_up()


@pytest.fixture(scope="session")
def checker(settings: Settings) -> Iterator[books.Checker]:
    """Who checks the books after each test."""
    found = books.Checker(settings.database_url)
    yield found
    found.hang_up()


@pytest.fixture
def app(
    request: pytest.FixtureRequest, _app: Flask, ground: Ground, checker: books.Checker
) -> Iterator[Flask]:
    """The application on a database with two towns, and their books checked afterwards."""
    ground.lay()
    with _app.app_context():
        yield _app
        db.session.rollback()
        if not request.node.get_closest_marker("rows_by_hand"):
            checker.check()
        db.session.remove()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A browser of the town on localhost, over https."""
    return builders.browser(app)


@pytest.fixture
def provider(app: Flask, monkeypatch: pytest.MonkeyPatch) -> FakeProvider:
    """A provider that keeps its own books and says what a test tells it to."""
    from portal.providers import registry

    fake = FakeProvider()
    monkeypatch.setattr(registry, "PROVIDERS", {**registry.PROVIDERS, "fake": fake})
    return fake


class Time:
    """Time that a test moves."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def move(self, distance: str) -> None:
        """To so far from real time: ``+2h``, ``+3d``."""
        self._file.write_text(distance)

    @property
    def now(self) -> datetime:
        return clock.now().astimezone(UTC)


@pytest.fixture
def time(tmp_path: Path) -> Iterator[Time]:
    """Time that a test moves; real again afterwards."""
    file = tmp_path / "clock"
    clock.move_by(file)
    yield Time(file)
    clock.move_by(None)
