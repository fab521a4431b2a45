"""What the practice provider tells over real HTTP: read, checked, taken once, and no payer kept."""

import base64
import json
import logging
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from flask import Flask, current_app
from sqlalchemy import update
from standardwebhooks import Webhook

from portal import clock, embedded
from portal.db import db, transaction
from portal.ledger import book
from portal.payments import accounts, sweep
from portal.payments.models import ProviderAccount
from portal.payments.refund_states import State
from portal.payments.returned import Refund
from portal.returns import refunds, sending
from portal.worklist import reading
from sandbox.payments import PAYER
from sandbox.serving import running
from tests import builders
from tests.builders import TOWN
from tests.returns.test_refunds import ANNA, BERT, asked, balance, row
from tests.sandbox.conftest import SECRET, Desk
from tests.sandbox.mailbox import Mailbox, open_mailbox

MERCHANT, KEY = "m-card", "key of the card"


@dataclass
class House:
    """The town's account at the practice provider; what it tells waits until it is handed in."""

    app: Flask
    desk: Desk
    mailbox: Mailbox
    seen: int = 0

    def start(self, name: str = "K-1", cents: int = 10_000) -> str:
        return builders.begin(builders.letter(name, amount_cents=cents))

    def test(self, path: str, **options: object) -> dict[str, object]:
        return self.desk.test(path, **options)

    def told(self, count: int) -> list[tuple[dict[str, str], bytes]]:
        """The next letters, when so many have come."""
        self.mailbox.wait_for(self.seen + count)
        found = self.mailbox.letters[self.seen :]
        assert len(found) == count
        self.seen += count
        return found

    def hand_in(self, *letters: tuple[dict[str, str], bytes]) -> list[int]:
        """Hand letters to the portal; how each was answered."""
        client = builders.browser(self.app)
        answers = []
        for headers, body in letters:
            signed = {name: headers[name] for name in headers if name.startswith("webhook-")}
            answer = client.post("/webhooks/sandbox/card", data=body, headers=signed)
            answers.append(answer.status_code)
        return answers

    def paid(self, name: str = "K-1", cents: int = 10_000) -> str:
        payment = self.start(name, cents)
        self.test(f"payments/{payment}/pay")
        assert self.hand_in(*self.told(1)) == [204]
        return payment

    def refunded(self, payment: str, cents: int) -> str:
        """A refund that was ordered at the provider; its letter waits."""
        refund = asked(payment, cents)
        refunds.approve(TOWN, refund, BERT)
        sending.submit(current_app.extensions["keyring"], TOWN, refund)
        return refund

    def totals(self) -> dict[str, int]:
        found: dict[str, int] = self.desk.books(MERCHANT)["totals"]
        return found


@pytest.fixture
def house(app: Flask, tmp_path: Path) -> Iterator[House]:
    with open_mailbox() as mailbox, running(tmp_path) as url:
        desk = Desk(url)
        desk.open_account(mailbox.url, MERCHANT, KEY)
        told = {"base_url": url, "secret": KEY, "webhook_secret": SECRET}
        sealed = accounts.sealed(current_app.extensions["keyring"], TOWN, "card", told)
        with transaction() as session:
            session.execute(
                update(ProviderAccount)
                .where(ProviderAccount.tenant_id == TOWN, ProviderAccount.id == "card")
                .values(provider="sandbox", credentials_sealed=sealed)
            )
        yield House(app, desk, mailbox)
        desk.http.close()


def sums() -> dict[str, int]:
    """What our books say in the provider's terms, but for what it keeps to itself."""
    db.session.rollback()
    session = db.session()
    names = ("suspense", "transit", "fees", "losses", "differences")
    found = {name: book.balance(session, TOWN, f"{name}:card").cents for name in names}
    db.session.rollback()
    return {name: cents for name, cents in found.items() if cents}


def open_tasks() -> list[tuple[str, str]]:
    db.session.rollback()
    return [(str(task.kind), task.subject) for task in reading.open_tasks(db.session(), TOWN)]


def test_all_that_is_told_is_taken_once_however_often_it_comes(house: House) -> None:
    house.test("settings", refunds="under_way")
    payment = house.start()
    house.test(f"payments/{payment}/pend")
    house.test(f"payments/{payment}/pay")
    letters = house.told(2)
    assert house.hand_in(*letters, *letters) == [204] * 4
    refund = house.refunded(payment, 1_000)
    assert row(refund).state == "submitted"
    house.test(f"refunds/{refund}/send")
    letters = house.told(2)
    assert house.hand_in(*letters, *letters) == [204] * 4
    assert (row(refund).state, balance("suspense:card")) == ("succeeded", 9_000)
    reversal = house.test(f"payments/{payment}/reverse", amount_cents=2_000, fee_cents=500)
    letters = house.told(1)
    assert house.hand_in(*letters, *letters) == [204] * 2
    assert sums() == {"suspense": 6_500, "fees": 500}
    house.test("merchants/m-card/settle", fee_bp=100, fee_cents=0)
    letters = house.told(1)
    assert house.hand_in(*letters, *letters) == [204] * 2
    assert sums() == {"transit": 6_400, "fees": 600}
    assert house.totals() == {
        "succeeded_cents": 10_000, "refunded_cents": 1_000, "reversed_cents": 2_000,
        "fees_cents": 600, "settled_cents": 6_400, "unsettled_cents": 0,
    }  # fmt: skip
    house.test(f"refunds/{refund}/bounce")
    house.test(f"reversals/{reversal['reversal']['id']}/win")  # type: ignore[index]
    letters = house.told(2)
    assert house.hand_in(*letters, *letters) == [204] * 4
    assert sums() == {"suspense": 3_500, "transit": 6_400, "fees": 100}
    house.test("merchants/m-card/settle")
    house.hand_in(*house.told(1))
    assert sums() == {"transit": 9_900, "fees": 100}
    assert house.totals()["settled_cents"] == 9_900
    types = [event.type for event in builders.events()]
    assert types == [
        "payment.pending", "payment.succeeded", "refund.succeeded", "payment.reversed",
        "payout.announced", "refund.failed", "payment.reversed", "payout.announced",
    ]  # fmt: skip
    assert [kind for kind, _ in open_tasks()] == ["refund_failed"]


def test_in_the_wrong_order_the_books_are_the_same_in_the_end(house: House) -> None:
    payment = house.start()
    house.test(f"payments/{payment}/pay")
    reversal = house.test(f"payments/{payment}/reverse", fee_cents=500)
    house.test(f"reversals/{reversal['reversal']['id']}/win")  # type: ignore[index]
    house.test("merchants/m-card/settle", fee_bp=0, fee_cents=25)
    letters = house.told(4)
    assert house.hand_in(*reversed(letters)) == [204] * 4
    assert sums() == {"transit": 9_975, "fees": 25}
    assert house.hand_in(*letters) == [204] * 4
    assert sums() == {"transit": 9_975, "fees": 25}
    assert open_tasks() == []


def test_a_settlement_knows_all_that_was_never_told(house: House) -> None:
    house.test("settings", webhooks="lose", refunds="under_way")
    payment, other = house.start("K-1"), house.start("K-2", 5_000)
    for each in (payment, other):
        house.test(f"payments/{each}/pay")
    sweep.ask(current_app.extensions["keyring"], TOWN, payment, "sweep")
    refund = house.refunded(payment, 1_000)
    house.test(f"refunds/{refund}/send")
    house.test(f"payments/{other}/reverse", fee_cents=500)
    house.test("settings", webhooks="send")
    house.test("merchants/m-card/settle", fee_bp=0, fee_cents=0)
    assert house.hand_in(*house.told(1)) == [204]
    assert (row(refund).state, builders.payment(other).reversed_cents) == ("succeeded", 5_000)
    assert sums() == {"transit": 8_500, "fees": 500}
    house.test(f"refunds/{refund}/bounce", webhook="lose")
    house.test("merchants/m-card/settle")
    assert house.hand_in(*house.told(1)) == [204]
    assert row(refund).state == "failed"
    assert sums() == {"transit": 9_500, "fees": 500}


def test_a_payout_below_zero_is_taken(house: House) -> None:
    payment = house.paid()
    house.test("merchants/m-card/settle", fee_bp=0, fee_cents=0)
    house.test(f"payments/{payment}/reverse", fee_cents=1_500)
    house.test("merchants/m-card/settle")
    assert house.hand_in(*house.told(3)) == [204] * 3
    assert builders.events()[-1].data["net_cents"] == -11_500
    assert sums() == {"transit": -1_500, "fees": 1_500}


def test_the_end_of_a_refund_overtakes_the_answer_to_its_order(house: House) -> None:
    payment = house.paid()
    house.test("settings", down="after")
    refund = house.refunded(payment, 1_000)
    assert row(refund).state == "submitted"
    assert row(refund).provider_reference is None
    house.test("settings", down=False)
    assert house.hand_in(*house.told(1)) == [204]
    assert row(refund).state == "succeeded"
    keyring = current_app.extensions["keyring"]
    assert sending.submit(keyring, TOWN, refund) is State.SUCCEEDED
    assert house.totals()["refunded_cents"] == 1_000
    assert balance("suspense:card") == 9_000


def test_a_reversal_is_not_taken_before_the_provider_says_what_became_of_its_payment(
    house: House,
) -> None:
    payment = house.start()
    house.test(f"payments/{payment}/pay", webhook="lose")
    house.test(f"payments/{payment}/reverse", fee_cents=0)
    letters = house.told(1)
    house.test("settings", down=True)
    assert house.hand_in(*letters) == [503]
    assert sums() == {}
    house.test("settings", down=False)
    assert house.hand_in(*letters) == [204]
    assert builders.payment(payment).reversed_cents == 10_000
    assert sums() == {}


@pytest.mark.parametrize("lie", [{"merchant": "nobody"}, {"live": True}])
@pytest.mark.parametrize("about", ["refund", "reversal"])
def test_what_is_another_merchants_or_another_modes_is_not_taken(
    house: House, about: str, lie: dict[str, object]
) -> None:
    path = told_of(house, about)
    before = sums()
    house.test(f"{path}/notify", **lie)
    answer = 400 if "live" in lie else 503
    assert house.hand_in(*house.told(1)) == [answer]
    assert (sums(), open_tasks()) == (before, [])


@pytest.mark.parametrize("lie", [{"amount_cents": 999}, {"currency": "PLN"}, {"refund": "0" * 32}])
def test_a_refund_that_does_not_fit_is_a_task_and_changes_nothing(
    house: House, lie: dict[str, object]
) -> None:
    house.test("settings", refunds="under_way")
    path = told_of(house, "refund")
    house.test(f"{path}/notify", status="sent", **lie)
    assert house.hand_in(*house.told(1)) == [204]
    assert sums() == {"suspense": 10_000}
    (task,) = open_tasks()
    assert task[0] == "settlement_difference"
    assert task[1].startswith("refund:card:sr_")


@pytest.mark.parametrize(
    "lie", [{"payment": "0" * 32}, {"currency": "PLN"}, {"payment_id": "sp_another"}]
)
def test_a_reversal_that_fits_no_payment_is_booked_as_a_loss_and_a_task(
    house: House, lie: dict[str, object]
) -> None:
    payment = house.paid()
    taken = house.test(f"payments/{payment}/reverse", webhook="lose", fee_cents=0)
    house.test(f"reversals/{taken['reversal']['id']}/notify", **lie)  # type: ignore[index]
    assert house.hand_in(*house.told(1)) == [204]
    currency = str(lie.get("currency", "EUR"))
    db.session.rollback()
    assert book.balance(db.session(), TOWN, "losses:card", currency).cents == 10_000
    assert builders.payment(payment).reversed_cents == 0
    assert [kind for kind, _ in open_tasks()] == ["settlement_difference"]


@pytest.mark.parametrize("about", ["refund", "reversal"])
@pytest.mark.parametrize("how", [{"webhook": "forged"}, {"age_seconds": 301}])
def test_what_is_forged_or_old_changes_nothing(
    house: House, about: str, how: dict[str, object]
) -> None:
    path = told_of(house, about)
    before = sums()
    house.test(f"{path}/notify", **how)
    assert house.hand_in(*house.told(1)) == [400]
    assert sums() == before


def told_of(house: House, about: str) -> str:
    """A refund or reversal that was told and taken; where the trainer has it."""
    payment = house.paid()
    if about == "refund":
        refund = house.refunded(payment, 1_000)
        assert house.hand_in(*house.told(1)) == [204]
        return f"refunds/{refund}"
    taken = house.test(f"payments/{payment}/reverse")
    assert house.hand_in(*house.told(1)) == [204]
    return f"reversals/{taken['reversal']['id']}"  # type: ignore[index]


def signed(told: dict[str, object]) -> tuple[dict[str, str], bytes]:
    """A letter of our own making, rightly signed."""
    body, now = json.dumps(told), datetime.fromtimestamp(int(clock.now().timestamp()), UTC)
    return {
        "webhook-id": "ev_own",
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(SECRET).sign("ev_own", now, body),
    }, body.encode()


def misplaced() -> list[tuple[dict[str, str], bytes]]:
    """Letters with the payer's name where a word of the provider should stand."""
    payment = {
        "type": "payment.updated", "id": "sp_1", "payment": "0" * 32, "merchant": MERCHANT,
        "live": False, "status": "paid", "amount_cents": 1, "currency": "EUR",
        "changed_at": clock.now().isoformat(), "payer": PAYER,
    }  # fmt: skip
    reversal = payment | {
        "type": "reversal.updated", "reason": "other", "status": "taken", "fee_cents": 0,
        "payment_id": "sp_1",
    }  # fmt: skip
    wrong = [payment | {name: PAYER["name"]} for name in ("type", "status", "currency", "live")]
    wrong += [reversal | {name: PAYER["iban"]} for name in ("reason", "status", "fee_cents")]
    return [signed(told) for told in wrong]


def test_nothing_of_the_payer_is_left_in_the_database_or_a_log(
    house: House,
    owner_url: str,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    house.test("settings", refunds="under_way")
    payment = house.start()
    for verb in ("pend", "pay"):
        house.test(f"payments/{payment}/{verb}")
    answers = house.hand_in(*house.told(2))
    refund = house.refunded(payment, 1_000)
    for verb in ("send", "bounce"):
        house.test(f"refunds/{refund}/{verb}")
    reversal = house.test(f"payments/{payment}/reverse")["reversal"]["id"]  # type: ignore[index]
    house.test(f"reversals/{reversal}/win")
    house.test("merchants/m-card/settle")
    answers += house.hand_in(*house.told(6))
    assert set(answers) == {204}

    house.test(f"payments/{payment}/notify", payment="0" * 32, amount_cents=5)  # unclear money
    house.test(f"payments/{payment}/notify", status="on_the_moon")
    house.test(f"payments/{payment}/notify", webhook="forged")
    house.test(f"refunds/{refund}/notify", status="sent", amount_cents=7)
    house.test(f"reversals/{reversal}/notify", merchant="nobody")
    house.test(f"reversals/{reversal}/notify", reason="on_the_moon")
    letters = house.told(6)
    for _, body in [*house.mailbox.letters, *misplaced()]:
        assert any(word.encode() in body for word in PAYER.values())
    assert sorted(house.hand_in(*letters)) == [204, 204, 400, 400, 400, 503]
    assert set(house.hand_in(*misplaced())) == {400}

    command = [str(embedded.binary("pg_dump")), owner_url]
    dump = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    for table in ("provider_reports", "refunds", "reversals", "settlements", "staff_tasks"):
        rows = dump.partition(f"COPY public.{table} ")[2].partition("\\.\n")[0]
        assert rows.count("\n") > 1, f"{table} is empty: this proves nothing"
    logged = "\n".join(str(vars(record)) + record.getMessage() for record in caplog.records)
    assert "bad_notification" in logged
    written = "".join(capfd.readouterr())
    for place in (dump, logged, written):
        assert [form for form in forms() if form.lower() in place.lower()] == []
    with transaction() as session:
        assert session.get_one(Refund, (TOWN, refund)).asked_by == ANNA


def forms() -> list[str]:
    """The payer's words in clear and as a column of bytes or a sealed text might hold them."""
    found = []
    for word in (*PAYER.values(), *PAYER["name"].split()[1:], PAYER["email"].partition("@")[0]):
        plain = word.encode()
        found += [word, json.dumps(word)[1:-1], plain.hex()]
        found.append(base64.b64encode(plain).decode().rstrip("=")[:-1])
    return found
