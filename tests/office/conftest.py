"""The office on a real PostgreSQL, beside a fake portal over real HTTP."""

import contextvars
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from demo import sample
from office import importing, schema, town
from office.client import Portal
from office.db import OfficeBase, office_db
from office.web import create_app
from portal import embedded
from portal.config import Settings
from tests.emptying import SERVER, Ground
from tests.office import fake_portal
from tests.office.fake_portal import Books

TOWN = Path(__file__).resolve().parents[2] / "demo" / "musterhausen.toml"
KEY = "Y2hlY2tlZCBieSB0ZXN0cyBvbmx5LCAzMiBieXRlcyE="
SECRET = "whsec_dGVzdHMgb25seSwgbmV2ZXIgZm9yIHJlYWwgbW9uZXk="


@pytest.fixture(scope="session")
def office_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[embedded.Cluster]:
    """A server of its own: an office that is restored wants to be alone with its database."""
    found = embedded.start(tmp_path_factory.mktemp("office"), SERVER)
    yield found
    embedded.stop(found)


@pytest.fixture(scope="session")
def office_urls(office_cluster: embedded.Cluster) -> tuple[str, str]:
    """The owner's and the application's address of a migrated database."""
    embedded.ensure(office_cluster, {schema.DATABASE: (schema.OWNER, schema.APP)})
    owner = embedded.url(office_cluster, schema.DATABASE, schema.OWNER)
    schema.migrate(owner, schema.APP)
    return owner, embedded.url(office_cluster, schema.DATABASE, schema.APP)


HERE = "http://127.0.0.1:8002"


def silent(_done: int, _all: int) -> None:
    """A progress that nobody watches."""


class Visitor(FlaskClient):
    """A browser: what it asks is answered outside the application context of the test."""

    def open(self, *args: Any, **options: Any) -> Any:
        return contextvars.Context().run(super().open, *args, **options)


@pytest.fixture(scope="session")
def office_app(office_urls: tuple[str, str]) -> Iterator[Flask]:
    settings = Settings(
        office_port=8002,
        office_token="a-token-for-tests",
        office_pseudonym_key=KEY,
        office_webhook_secret=SECRET,
    )
    app = create_app(settings, office_urls[1])
    app.test_client_class = Visitor
    yield app
    with app.app_context():
        office_db.engine.dispose()


@pytest.fixture(scope="session")
def office_ground(office_cluster: embedded.Cluster, office_app: Flask) -> Iterator[Ground]:
    """What each test begins with: an office that knows its town."""
    found = Ground(office_cluster, schema.DATABASE, OfficeBase.metadata.tables)
    found.lay()
    with office_app.app_context():
        town.settle_in(town.read(TOWN.read_bytes()))
        office_db.session.remove()
    found.keep()
    yield found
    found.hang_up()


@pytest.fixture
def office(office_app: Flask, office_ground: Ground) -> Iterator[Flask]:
    """An empty office that knows its town."""
    office_ground.lay()
    with office_app.app_context():
        yield office_app
        office_db.session.remove()


@pytest.fixture
def visitor(office: Flask) -> FlaskClient:
    """A browser that has opened the office with its token."""
    client = office.test_client()
    client.get("/?token=a-token-for-tests", base_url=HERE)
    return client


@pytest.fixture
def books() -> Iterator[Books]:
    """The fake portal's books."""
    with fake_portal.running() as found:
        yield found


@pytest.fixture
def portal(books: Books) -> Iterator[Portal]:
    with Portal(books.url, "office", "s3cret") as found:
        yield found


def import_sample(count: int) -> None:
    """The first invoices of the sample, as the office would import them."""
    importing.import_file(sample.as_bytes(sample.rows(count)))
