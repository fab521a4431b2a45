"""Calling the contract in tests: a client of a town and its token."""

import base64

from flask import Flask

from portal.db import transaction
from portal.finance import clients
from portal.finance.models import Client

ALL = ("requests:write", "requests:read", "events:read", "events:ack")


def client_of(app: Flask, tenant_id: str, *scopes: str) -> tuple[str, str]:
    """A new client: id and secret."""
    with app.app_context(), transaction() as session:
        return clients.create_client(session, tenant_id, scopes or ALL)


def basic(client: tuple[str, str]) -> dict[str, str]:
    """The header by which a client says who it is."""
    told = base64.b64encode(":".join(client).encode()).decode()
    return {"Authorization": f"Basic {told}"}


def token_of(app: Flask, client: tuple[str, str]) -> dict[str, str]:
    """The header with a fresh token."""
    answer = app.test_client().post(
        "/api/v1/oauth/token", data={"grant_type": "client_credentials"}, headers=basic(client)
    )
    return {"Authorization": f"Bearer {answer.json['access_token']}"}


def bearer(app: Flask, tenant_id: str, *scopes: str) -> dict[str, str]:
    """The header of a new client of this town."""
    return token_of(app, client_of(app, tenant_id, *scopes))


def revoke(app: Flask, client_id: str) -> None:
    """The client is known no more."""
    with app.app_context(), transaction() as session:
        clients.revoke(session.get_one(Client, client_id))


def asked(**changed: object) -> dict[str, object]:
    """A body that is taken."""
    body = {"amount_cents": 14850, "currency": "EUR", "kind": "tax", "purpose": "Grundsteuer B"}
    return {**body, **changed}
