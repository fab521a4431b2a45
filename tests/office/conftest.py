"""The office on a real PostgreSQL, beside a fake portal over real HTTP."""

import contextvars
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import create_engine, text

from demo import sample
from office import importing, schema, town
from office.client import Portal
from office.db import OfficeBase, driver_url, office_db
from office.web import create_app
from portal import embedded
from portal.config import Settings
from tests.office import fake_portal
from tests.office.fake_portal import Books

TOWN = Path(__file__).resolve().parents[2] / "demo" / "musterhausen.toml"
KEY = "Y2hlY2tlZCBieSB0ZXN0cyBvbmx5LCAzMiBieXRlcyE="
SECRET = "whsec_dGVzdHMgb25seSwgbmV2ZXIgZm9yIHJlYWwgbW9uZXk="
FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


@pytest.fixture(scope="session")
def office_urls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """The owner's and the application's address of a migrated database."""
    cluster = embedded.start(tmp_path_factory.mktemp("office"), FAST)
    embedded.ensure(cluster, {schema.DATABASE: (schema.OWNER, schema.APP)})
    owner = embedded.url(cluster, schema.DATABASE, schema.OWNER)
    schema.migrate(owner, schema.APP)
    yield owner, embedded.url(cluster, schema.DATABASE, schema.APP)
    embedded.stop(cluster)


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


@pytest.fixture
def office(office_app: Flask, office_urls: tuple[str, str]) -> Iterator[Flask]:
    """An empty office that knows its town."""
    tables = ", ".join(OfficeBase.metadata.tables)
    engine = create_engine(driver_url(office_urls[0]))
    with engine.begin() as connection:
        connection.execute(text(f"TRUNCATE {tables}"))
    engine.dispose()
    with office_app.app_context():
        town.settle_in(town.read(TOWN.read_bytes()))
        yield office_app


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
