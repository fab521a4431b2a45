"""panva's oidc-provider, certified by the OpenID Foundation, lets a clerk of the town sign in.

It insists on PKCE, tells groups at its userinfo endpoint only, and asks for the password again when
it is told to.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import urljoin

import httpx2
import pytest
from flask import Flask
from flask.testing import FlaskClient

from portal.db import db, transaction
from portal.staff.models import Directory, DirectoryGroup, Sitting
from tests.admin.directories import use
from tests.builders import TOWN, token
from tests.peers.running import running

BACK = "https://localhost/admin/directory/back"
SERVE = """
import { Provider } from 'oidc-provider';
const port = Number(process.argv[2]);
const people = { jansen: ['quitt-clerks', 'choir'], stranger: ['choir'] };
const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [{
    client_id: 'quitt', client_secret: 'a secret of the town', redirect_uris: ['%(back)s'],
    post_logout_redirect_uris: ['https://localhost/admin/signed-out'],
  }],
  claims: { openid: ['sub'], profile: ['preferred_username', 'name', 'groups'] },
  pkce: { required: () => true },
  findAccount: (ctx, id) => ({
    accountId: id,
    claims: async () => ({
      sub: id, preferred_username: id, name: id, groups: people[id] ?? [],
    }),
  }),
});
provider.listen(port, '127.0.0.1');
"""


@pytest.fixture(scope="module")
def issuer(peers: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    script = peers / "directory.mjs"  # beside node_modules, where Node looks for what it imports
    script.write_text(SERVE % {"back": BACK})
    log = tmp_path_factory.mktemp("oidc-provider") / "log"
    with running(lambda port: ("node", str(script), str(port)), log) as found:
        yield found


@pytest.fixture
def directory(app: Flask, issuer: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[httpx2.Client]:
    """A town that uses it, and the browser's part that stands before its pages."""
    monkeypatch.setitem(app.extensions, "settings", replace(app.extensions["settings"], demo=True))
    monkeypatch.setitem(app.extensions, "directories", {})
    use(issuer, secret="a secret of the town")
    with httpx2.Client(trust_env=False) as browser:
        yield browser


def walk(browser: httpx2.Client, url: str, login: str) -> str:
    """Through its pages of practice, as a person clicks; where it leads back to."""
    answer = browser.get(url)
    for _ in range(12):
        if answer.is_redirect:
            target = urljoin(str(answer.url), answer.headers["Location"])
            if target.startswith(BACK):
                return target.removeprefix("https://localhost")
            answer = browser.get(target)
            continue
        form = re.search(r'<form[^>]*action="([^"]+)"', answer.text)
        prompt = re.search(r'name="prompt" value="(\w+)"', answer.text)
        assert form, answer.text
        assert prompt, answer.text
        told = {"prompt": prompt[1], "login": login, "password": "any"}
        answer = browser.post(urljoin(str(answer.url), form[1]), data=told)
    raise AssertionError("it does not lead back")


def come(client: FlaskClient, browser: httpx2.Client, login: str, way: str = "sign-in") -> str:
    start = client.get(f"/admin/directory/{way}")
    assert start.status_code == 303, start.text
    answer = client.get(walk(browser, str(start.location), login))
    return str(answer.location) if answer.status_code == 303 else answer.text


def test_a_clerk_signs_in_proves_it_again_and_signs_out(
    client: FlaskClient, directory: httpx2.Client
) -> None:
    assert come(client, directory, "jansen") == "/admin/"
    page = client.get("/admin/account")
    assert "Sachbearbeitung" in page.text
    with transaction() as session:
        sitting = session.query(Sitting).one()
        began = sitting.proved_at
    assert come(client, directory, "jansen", "prove") == "/admin/directory/proved"
    db.session.rollback()
    assert db.session.query(Sitting).one().proved_at > began
    csrf = token(client.get("/admin/account"))
    leave = client.post("/admin/sign-out", data={"csrf_token": csrf}).location
    out = re.search(r'href="(http://127[^"]+)"', client.get(leave).text)
    assert out is not None
    assert directory.get(out[1].replace("&amp;", "&")).status_code == 200


def test_who_has_no_group_of_ours_is_not_let_in(
    client: FlaskClient, directory: httpx2.Client
) -> None:
    assert "keine Ihrer Gruppen" in come(client, directory, "stranger")


def test_a_wrong_secret_of_ours_is_a_page(client: FlaskClient, directory: httpx2.Client) -> None:
    with transaction() as session:
        row = session.get_one(Directory, TOWN)
        row.secret_sealed = None
        assert session.query(DirectoryGroup).count() == 3
    assert "nicht richtig geantwortet" in come(client, directory, "jansen")
