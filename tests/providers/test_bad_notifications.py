"""Bad notifications of all adapters through the real route: all refused, nothing changed. Genuine
ones that do not fit: never cleared, and kept in custody to the cent.

The suite draws a few; ``./quitt test tests/providers/test_bad_notifications.py --cases 10000`` is
the full size (and a tenth of it genuine ones).
"""

import json
import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from flask import Flask, current_app
from flask.testing import FlaskClient
from sqlalchemy import text, update

from portal import clock
from portal.db import Base, db, transaction
from portal.ledger import book
from portal.payments import accounts
from portal.payments.models import ProviderAccount
from portal.providers.capabilities import Provider, Settles
from portal.providers.protocol import Account
from portal.requests.states import State
from tests import builders, trials
from tests.builders import OTHER_TOWN, TOWN
from tests.conftest import Time
from tests.providers.harnesses import Harness, Letter
from tests.providers.peers import PEERS

CENTS = 4200
MOST_AT_ONCE = 100
REFUSED = {400, 413}
FOREIGN = (
    {"webhook-id": "ev_1", "webhook-timestamp": "1", "webhook-signature": "v1,AAAA"},
    {"stripe-signature": "t=1,v1=00"},
    {"paypal-transmission-sig": "AAAA", "paypal-auth-algo": "SHA256withRSA"},
)


@dataclass(frozen=True, slots=True)
class Bad:
    """A notification that must be refused: why, on which town's host, for which of its accounts."""

    why: str
    letter: Letter
    tenant_id: str = TOWN
    account_id: str = "card"


Spoil = Callable[[random.Random, Harness, dict[str, Letter]], Bad]


@dataclass
class House:
    """A town whose account is at a peer; its other account and another town are merchants, too."""

    app: Flask
    provider: Provider
    far: Harness
    browsers: dict[str, FlaskClient]

    def post(self, letter: Letter, tenant_id: str = TOWN, account_id: str = "card") -> int:
        headers, body = letter
        path = f"/webhooks/{self.provider.name}/{account_id}"
        browser = self.browsers[tenant_id]
        if self.far.signature_headers:
            return browser.post(path, data=body, headers=_own(headers)).status_code
        return browser.get(path, query_string=body.decode("latin-1")).status_code


@pytest.fixture(params=PEERS, ids=lambda peer: peer[0].name)
def house(request: pytest.FixtureRequest, app: Flask, tmp_path: Path) -> Iterator[House]:
    provider, open_harness = request.param
    with open_harness(tmp_path) as far:
        _at(provider.name, TOWN, "card", far.account)
        _at(provider.name, TOWN, "paypal", far.other_account)
        _at(provider.name, OTHER_TOWN, "card", far.other_account)
        towns = (TOWN, OTHER_TOWN)
        browsers = {town: builders.browser(app, builders.HOSTS[town]) for town in towns}
        yield House(app, provider, far, browsers)


@pytest.fixture
def cases(pytestconfig: pytest.Config) -> int:
    """How many bad ones for each adapter."""
    return trials.size(pytestconfig, "notifications") // len(PEERS)


def test_bad_notifications_are_all_refused_and_change_nothing(
    house: House, cases: int, time: Time
) -> None:
    dice = random.Random(11)
    payment = builders.begin(builders.letter(amount_cents=CENTS))
    letters = genuine(house, payment)
    before = everything()
    many = cases * 4 // 5 if house.far.dated else cases
    for done in range(0, many, MOST_AT_ONCE):
        young(house, time, letters)
        refuse(house, dice, letters, spoilt, count=min(MOST_AT_ONCE, many - done))
    for distance in ("+302s", "-900s") if house.far.dated else ():  # too late, and much too early
        time.move(distance)
        refuse(house, dice, letters, untouched, count=cases // 20)
        refuse(house, dice, letters, dated_anew, count=cases // 20)
    assert everything() == before
    young(house, time, letters)
    assert house.post(letters["payment"]) == 204, "else all this would prove nothing"
    assert builders.payment(payment).state == "succeeded"


def genuine(house: House, payment: str) -> dict[str, Letter]:
    """A genuine letter of each kind about a payment that the portal waits for."""
    letters = {"payment": house.far.pay(payment)}
    if house.far.reverses:
        letters["reversal"] = house.far.reverse(payment, 1000, 500)
    if isinstance(house.provider, Settles) and (letter := house.far.settle()):
        letters["settlement"] = letter
    return letters


def young(house: House, time: Time, letters: dict[str, Letter]) -> None:
    """Now is when the letters were signed, or they would be refused for their age alone."""
    if house.far.dated:
        time.move(house.far.signed_at(letters["payment"][0]).isoformat())


def refuse(
    house: House, dice: random.Random, letters: dict[str, Letter], spoil: Spoil, *, count: int
) -> None:
    """Post so many bad ones; each must be refused."""
    for number in range(count):
        bad = spoil(dice, house.far, letters)
        answer = house.post(bad.letter, bad.tenant_id, bad.account_id)
        assert answer in REFUSED, (number, bad)


def test_a_genuine_practice_notification_is_refused_on_a_live_account(house: House) -> None:
    letters = genuine(house, builders.begin(builders.letter(amount_cents=CENTS)))
    with transaction() as session:
        session.execute(update(ProviderAccount).values(live=True))
    before = everything()
    assert {about: house.post(letter) for about, letter in letters.items()} == dict.fromkeys(
        letters, 400
    )
    assert everything() == before


def test_genuine_notifications_that_do_not_fit_are_never_cleared_and_all_in_custody(
    house: House, cases: int
) -> None:
    if not house.far.differing:
        pytest.skip("nothing that this provider tells can differ")
    kept: dict[str, int] = {}
    letters = []
    for number in range(max(cases // 10, 2 * len(house.far.differing))):
        what = list(house.far.differing)[number % len(house.far.differing)]
        letters.append(builders.letter(f"K-{number}", amount_cents=CENTS))
        payment = builders.begin(letters[-1])
        told = house.far.otherwise(payment, what, CENTS + 1 + number)
        assert house.post(told) == 204
        currency = "CHF" if what == "currency" else "EUR"
        amount = CENTS + 1 + number if what == "amount" else CENTS
        kept[currency] = kept.get(currency, 0) + amount
        assert house.post(told) == 204, "and again, which keeps nothing twice"
    for letter in letters:
        assert builders.request_of(letter).state == State.OPEN
    db.session.rollback()
    for currency, cents in kept.items():
        for account in ("custody:unclear", "suspense:card"):
            found = book.balance(db.session(), TOWN, account, currency).cents
            assert abs(found) == cents, (account, currency)
    assert book.balance(db.session(), TOWN, "claims:tax").cents == 0


def untouched(dice: random.Random, far: Harness, letters: dict[str, Letter]) -> Bad:
    """A genuine letter that comes too late, or too early."""
    return Bad("when it comes", dice.choice(list(letters.values())))


def dated_anew(dice: random.Random, far: Harness, letters: dict[str, Letter]) -> Bad:
    """An old letter that claims to be of now."""
    return Bad("dated anew", far.dated_anew(dice.choice(list(letters.values())), clock.now()))


def spoilt(dice: random.Random, far: Harness, letters: dict[str, Letter]) -> Bad:
    """A letter that is bad in one of all ways."""
    about = dice.choice(sorted(letters))
    headers, body = letters[about]
    ways = [_flipped, _flipped, _cut, _longer, _elsewhere, _senseless]
    if far.mode:
        ways += [_of_the_other_mode]
    if far.signature_headers:
        ways += [_unsigned, _foreign, _serialised]
    return dice.choice(ways)(dice, far, about, (headers, body))


def _flipped(dice: random.Random, _: Harness, about: str, letter: Letter) -> Bad:
    headers, body = letter
    place, bit = dice.randrange(len(body)), 1 << dice.randrange(8)
    if not headers or b"&" in body[:200]:
        bit = 1  # of a query: a letter's case in an escape, or a plus for a blank, is the same text
    return Bad("bit", (headers, body[:place] + bytes([body[place] ^ bit]) + body[place + 1 :]))


def _cut(dice: random.Random, _: Harness, about: str, letter: Letter) -> Bad:
    headers, body = letter
    return Bad("cut", (headers, body[: dice.randrange(len(body))]))


def _longer(dice: random.Random, _: Harness, about: str, letter: Letter) -> Bad:
    headers, body = letter
    return Bad("longer", (headers, body + dice.choice([b" ", b"\n", b"&gcAmount=1", b"{}"])))


def _elsewhere(dice: random.Random, _: Harness, about: str, letter: Letter) -> Bad:
    if dice.random() < 0.5:
        return Bad("another town's", letter, OTHER_TOWN)
    return Bad("another account's", letter, TOWN, "paypal")


def _senseless(dice: random.Random, far: Harness, about: str, letter: Letter) -> Bad:
    """Rightly signed: a key twice, a number that is none, and whatever else makes no sense."""
    headers, body = letter
    fitting = [(old, new) for old, new in far.spoilt[about] if old in body and len(new) < 1000] or [
        (b"", b"")
    ]
    old, new = dice.choice(fitting)
    if old == new:
        return _cut(dice, far, about, letter)
    return Bad("senseless", far.sign((headers, body.replace(old, new, 1))))


def _of_the_other_mode(dice: random.Random, far: Harness, about: str, letter: Letter) -> Bad:
    """Rightly signed; our accounts here are for practice."""
    headers, body = letter
    live, count = re.subn(far.mode, lambda found: found[0].replace(b"false", b"true"), body)
    assert count
    return Bad("for real money", far.sign((headers, live)))


def _unsigned(dice: random.Random, far: Harness, about: str, letter: Letter) -> Bad:
    headers, body = letter
    name = dice.choice(far.signature_headers)
    without = {key: value for key, value in headers.items() if key != name}
    empty = dice.choice([{}, {name: ""}, {name: "v1,AAAA"}, {name: "t=1,v1=00"}])
    return Bad("unsigned", (without | empty, body))


def _foreign(dice: random.Random, far: Harness, about: str, letter: Letter) -> Bad:
    headers, body = letter
    own = {name: value for name, value in headers.items() if name not in far.signature_headers}
    return Bad("another provider's", (own | dice.choice(FOREIGN), body))


def _serialised(dice: random.Random, _: Harness, about: str, letter: Letter) -> Bad:
    headers, body = letter
    told = json.loads(body)
    if dice.random() < 0.5:
        told = dict(reversed(told.items()))
    again = json.dumps(told, indent=dice.choice([None, 1, 2]), separators=(", ", ": ")).encode()
    assert again != body
    return Bad("serialised again", (headers, again))


def everything() -> set[object]:
    """What stands in the database: of each table its name, and a sum over all its rows."""
    db.session.rollback()
    found: set[object] = set()
    for table in sorted(table.name for table in Base.metadata.tables.values()):
        row = db.session.execute(
            text(
                "SELECT count(*), md5(coalesce(string_agg(t::text, '|' ORDER BY t::text), ''))"
                f" FROM {table} AS t"
            )
        ).one()
        found.add((table, *row))
    db.session.rollback()
    return found


def _at(provider: str, tenant_id: str, account_id: str, far: Account) -> None:
    sealed = accounts.sealed(
        current_app.extensions["keyring"], tenant_id, account_id, dict(far.credentials)
    )
    with transaction() as session:
        session.execute(
            update(ProviderAccount)
            .where(ProviderAccount.tenant_id == tenant_id, ProviderAccount.id == account_id)
            .values(provider=provider, merchant=far.merchant, credentials_sealed=sealed)
        )


def _own(headers: dict[str, str]) -> dict[str, str]:
    """Headers that are the notification's, without those of its carrier."""
    carrier = {"host", "content-length", "connection", "accept", "accept-encoding", "user-agent"}
    return {name: value for name, value in headers.items() if name not in carrier}
