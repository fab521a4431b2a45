"""A town's directory in the tests: a real OpenID provider on this machine, in a thread."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx2
import oidc_provider_mock
from flask import current_app
from flask.testing import FlaskClient
from oidc_provider_mock import User
from werkzeug.test import TestResponse

from portal import clock
from portal.db import transaction
from portal.staff import directory
from portal.staff.models import Directory, DirectoryGroup
from tests.builders import TOWN

GROUPS = (("quitt-clerks", "clerk"), ("quitt-approvers", "approver"), ("quitt-cash", "cashier"))


def person(sub: str, *groups: str, **claims: Any) -> User:
    """Somebody of the directory."""
    told = {"preferred_username": sub, "name": sub.title(), "groups": list(groups), **claims}
    return User(sub=sub, claims=told)


@contextmanager
def provider(*people: User) -> Iterator[str]:
    """Its issuer; one provider a test, since what people claim differs."""
    with oidc_provider_mock.run_server_in_thread(user_claims=people) as server:
        yield f"http://localhost:{server.server_port}"


def use(issuer: str, tenant_id: str = TOWN, client_id: str = "quitt", secret: str = "s3") -> None:
    """Have the town use this directory."""
    keyring = current_app.extensions["keyring"]
    with transaction() as session:
        session.add(
            Directory(
                tenant_id=tenant_id,
                issuer=issuer,
                client_id=client_id,
                secret_sealed=directory.sealed_secret(keyring, tenant_id, secret),
                scope="openid profile",
                login_claim="preferred_username",
                groups_claim="groups",
                set_at=clock.now(),
            )
        )
        for name, role in GROUPS:
            session.add(DirectoryGroup(tenant_id=tenant_id, in_group=name, role=role))


def at_the_directory(url: str, sub: str | None) -> str:
    """What a person does there: choose who it is, or break it off. Where it leads back to."""
    data = {"sub": sub} if sub else {"action": "deny"}
    answer = httpx2.post(url, data=data, trust_env=False, follow_redirects=False)
    assert answer.status_code in {302, 303}, answer.text
    return re.sub(r"^https://localhost", "", str(answer.headers["Location"]))


def come(
    client: FlaskClient, sub: str | None, start: str = "/admin/directory/sign-in"
) -> TestResponse:
    """Go to the directory and come back."""
    answer = client.get(start)
    assert answer.status_code == 303, answer.text
    return client.get(at_the_directory(str(answer.location), sub))
