"""What a thief of the portal's database learns: amounts, purposes and pseudonyms. Nothing more."""

import base64
import hashlib
import hmac
import json
import random
import re
import secrets
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
from flask import Flask, current_app
from flask.testing import FlaskClient

from demo import sample
from office import invoices, pushing, town
from office.importing import claim_of
from office.models import Claim, Debtor
from portal import embedded, references
from portal.db import db, transaction
from portal.finance.clients import Scope, create_client
from portal.keys import Key, Keyring, prefixed
from portal.payments.models import Payment
from portal.requests import links
from tests import builders
from tests.builders import TOWN, token
from tests.fakes import FakeProvider

ROOT = Path(__file__).resolve().parent.parent
INVOICES = 60
CANDIDATES = 10_000
PAYER = {
    "payer_name": "Wilhelmine Testperson",
    "payer_email": "wilhelmine@example.org",
    "payer_iban": "DE89370400440532013000",
}
SECRET = "a-credential-of-the-town"


@dataclass(frozen=True)
class Printed:
    """What stands on the letters, and who gets them."""

    letters: list[dict[str, str | None]]
    people: set[str]
    visits: list[str]  # handles and visitors of open letters

    @property
    def codes(self) -> list[str]:
        return [str(letter["url"]).rsplit("/", 1)[1] for letter in self.letters]


def file() -> list[dict[str, str]]:
    """The sample; in every fifth purpose stands the debtor's name."""
    rows = sample.rows(INVOICES)
    for row in rows[::5]:
        row["Zweck"] = f"{row['Zweck'][:60]}, {row['Name']}"
    return rows


def people(rows: list[dict[str, str]]) -> set[str]:
    """Names, streets and accounts of the sample, but for what a purpose itself is about."""
    purposes = " ".join(row["Zweck"] for row in sample.rows(INVOICES))
    named = {row[column] for row in rows for column in ("Name", "Strasse", "Personenkonto")}
    return {each for each in named if each not in purposes}


def as_office_pushes(rows: list[dict[str, str]]) -> list[dict[str, object]]:
    facts = town.read((ROOT / "demo" / "musterhausen.toml").read_bytes())
    reading = invoices.read(sample.as_bytes(rows), facts.kinds)
    assert not reading.refused
    told = []
    for invoice in reading.invoices:
        claim = Claim(**claim_of(invoice, 0), cleared_cents=0)
        claim.debtor = Debtor(identity=invoice.debtor_identity, **invoices.address_of(invoice))
        told.append(dict(pushing.body(claim, secrets.token_bytes(32))))
    return told


def push(client: FlaskClient, told: list[dict[str, object]]) -> list[dict[str, object]]:
    with transaction() as session:
        client_id, secret = create_client(session, TOWN, list(Scope))
    form = {"grant_type": "client_credentials"}
    got = client.post("/api/v1/oauth/token", data=form, auth=(client_id, secret))
    answer = client.post(
        "/api/v1/payment-requests",
        data="".join(json.dumps(each) + "\n" for each in told),
        content_type="application/x-ndjson",
        headers={"Authorization": f"Bearer {got.get_json()['access_token']}"},
    )
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert {line["status"] for line in lines} == {201}, lines
    return lines


def pay(client: FlaskClient, provider: FakeProvider, letter: dict[str, str | None]) -> str:
    """Open a letter, mistype its TAN once, give it, pay, and have the provider say so; handle."""
    url = str(letter["url"])
    handle = str(client.get(url[url.index("/Z/") :]).location).strip("/").rsplit("/", 1)[1]
    csrf = token(client.get(f"/r/{handle}/"))
    for tan in ("00000000", letter["tan"]):
        client.post(f"/r/{handle}/tan", data={"tan": tan, "csrf_token": csrf})
    page = client.get(f"/r/{handle}/choice")
    fields = dict(re.findall(r'name="(offer|version|amount_cents)"[^>]*?value="(\d+)"', page.text))
    answer = client.post(f"/r/{handle}/pay", data={**fields, "csrf_token": token(page)})
    assert "/leaving/" in str(answer.location), answer.text
    notify(client, provider, str(answer.location).rsplit("/", 1)[1])
    return handle


def notify(client: FlaskClient, provider: FakeProvider, payment: str) -> None:
    """A notification that carries the payer, as real ones do."""
    account = db.session.get_one(Payment, (TOWN, payment)).account_id
    db.session.rollback()
    provider.pay(payment)
    body = json.dumps({"payment": payment, "outcome": "succeeded", **PAYER}).encode()
    answer = client.post(
        f"/webhooks/fake/{account}",
        data=body,
        headers={"X-Signature": provider.signature(SECRET, body)},
    )
    assert answer.status_code == 204


@pytest.fixture
def printed(app: Flask, provider: FakeProvider) -> Printed:
    """A town's letters were pushed, and some opened and paid."""
    from portal.payments import accounts
    from portal.payments.models import ProviderAccount

    keyring = current_app.extensions["keyring"]
    with transaction() as session:
        for account in session.query(ProviderAccount).filter_by(tenant_id=TOWN):
            account.credentials_sealed = accounts.sealed(
                keyring, TOWN, account.id, {"secret": SECRET}
            )
    rows = file()
    answers = push(builders.browser(app), as_office_pushes(rows))
    letters: list[dict[str, str | None]] = [
        {"url": line["link"]["url"], "tan": line.get("tan")}  # type: ignore[index,dict-item]
        for line in answers
    ]
    visits = []
    with_tan = [letter for letter in letters if letter["tan"]]
    for letter in with_tan[:6]:
        client = builders.browser(app)
        visits.append(pay(client, provider, letter))
        with client.session_transaction(base_url="https://localhost") as cookie:
            visits.append(cookie["visitor"])
    return Printed(letters, people(rows), visits)


@pytest.fixture
def dump(printed: Printed, owner_url: str) -> str:
    """The whole database, as a thief would copy it."""
    command = [str(embedded.binary("pg_dump")), owner_url]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    for row in ("COPY public.payment_requests", "COPY public.provider_reports", "succeeded"):
        assert row in done.stdout
    return done.stdout


def forms(word: str) -> set[str]:
    """A word in clear, and as any plain hash that a database might hold."""
    found = {word, word.lower()}
    for name in ("md5", "sha1", "sha256", "sha512", "blake2b"):
        digest = hashlib.new(name, word.encode()).digest()
        found |= {digest.hex(), base64.b64encode(digest).decode().rstrip("=")}
    return found


def test_a_dump_names_no_person(printed: Printed, dump: str) -> None:
    assert len(printed.people) > 80
    found = {each for each in printed.people if each.casefold() in dump.casefold()}
    assert found == set()
    for private in PAYER.values():
        assert private not in dump


def test_a_dump_holds_no_link_no_tan_and_no_handle(printed: Printed, dump: str) -> None:
    lower = dump.lower()
    for code in printed.codes:
        short = code[:12]
        for word in (code, short, code[12:], references.in_blocks(short)):
            assert not [each for each in forms(word) if each.lower() in lower]
    for word in printed.visits:
        assert not [each for each in (word, word.encode().hex()) if each in dump]
    tans = {letter["tan"] for letter in printed.letters} - {None}
    assert len(tans) > 30
    numbers = set(re.findall(r"(?<![0-9a-f.])\d{8}(?![0-9a-f])", dump))
    assert not tans & numbers
    for tan in tans:
        assert not [each for each in forms(str(tan)) if len(each) > 8 and each.lower() in lower]


def test_a_dump_holds_no_credential(printed: Printed, dump: str) -> None:
    for each in forms(SECRET) | {SECRET.encode().hex()}:
        assert each not in dump


def test_with_the_dump_and_without_the_keys_no_code_is_recognised(
    printed: Printed, dump: str
) -> None:
    chance = random.Random(1)
    right = {code[:12] for code in printed.codes}
    others = {
        references.with_check("".join(chance.choices(references.ALPHABET, k=11)))
        for _ in range(CANDIDATES)
    }
    listed = sorted(right | set(list(others - right)[: CANDIDATES - len(right)]))
    assert len(listed) == CANDIDATES
    hidden = {bytes.fromhex(found) for found in re.findall(r"\\\\x([0-9a-f]{64})\b", dump)}
    assert len(hidden) >= INVOICES
    guessed = guesses(hidden)
    assert {code for code in listed if any(guess(code) in hidden for guess in guessed)} == set()

    keyring: Keyring = current_app.extensions["keyring"]
    with_key = {c for c in listed if links.lookup(keyring.current, TOWN, c) in hidden}
    assert with_key == right, "with the key, and only with it, the right ones are known"


def guesses(hidden: set[bytes]) -> list["Guess"]:
    """What one who reads the source, but has no key, could try."""
    found = [Guess(None, context) for context in (False, True)]
    some = [b"", b"quitt", b"lookup", b"k1", TOWN.encode(), bytes(32), *sorted(hidden)[:3]]
    for key in some:
        found += [Guess(key, context) for context in (False, True)]
        found.append(Guess(Key("k1", key).child("lookup"), True))
    return found


@dataclass(frozen=True)
class Guess:
    """One way to hash a code: plain or with a key, alone or with its town as the source has it."""

    key: bytes | None
    context: bool

    def __call__(self, code: str) -> bytes:
        told = prefixed(TOWN, code) if self.context else code.encode()
        if self.key is None:
            return hashlib.sha256(told).digest()
        return hmac.digest(self.key, told, "sha256")
