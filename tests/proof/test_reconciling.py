"""The daily reconciliation: the cases in which a plain sum would not come out."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, timedelta

import pytest
from click.testing import CliRunner, Result
from flask import Flask, current_app

from portal import clock
from portal.db import db, transaction
from portal.keys import Keyring
from portal.money import Money
from portal.payments import figures
from portal.payments.record import Source, record
from portal.payments.returned import Reason
from portal.proof import reconciling
from portal.proof.cli import reconcile
from portal.proof.equations import Reconciliation
from portal.providers.protocol import Account, Outcome, Report, SettlementLine
from portal.requests import elsewhere, orders
from portal.requests.ordered import Elsewhere, How, Rest, Why
from portal.requests.orders import Subject
from portal.returns import closing, custody, refunds, reversals, sending
from portal.settlements import settle
from tests import builders
from tests.builders import TOWN
from tests.conftest import Time
from tests.fakes import FakeProvider, other_amount, won
from tests.returns import giving
from tests.town.town import arrived

CARD = Source(TOWN, "card", "notification")
ANNA, BERT = "staff:anna", "staff:bert"
SUBJECT = Subject(TOWN, "K-1", "client:finance")


def today() -> date:
    return clock.today("Europe/Berlin")


def at(day: date | None = None) -> Reconciliation:
    db.session.rollback()
    return reconciling.at(TOWN, day or today(), rows=True)


def figures_of(found: Reconciliation) -> dict[str, int]:
    """Every figure that is not nothing, by its name and part."""
    return {
        f"{figure.key} {equation.part}".strip(): figure.money.cents
        for equation in found.equations
        for side in equation.sides
        for figure in side
        if figure.money
    }


def held(*names: str, day: date | None = None) -> tuple[int, ...]:
    """Some figures; all equations hold."""
    found = at(day)
    assert found.holds, found.broken
    return tuple(figures_of(found).get(name, 0) for name in names)


def letter(cents: int = 10_000, name: str = "K-1", **asked: object) -> builders.Letter:
    return builders.letter(name, amount_cents=cents, **asked)


def paid(provider: FakeProvider, of: builders.Letter) -> str:
    payment = builders.begin(of)
    record(provider.pay(payment), CARD)
    return payment


def part_paid(provider: FakeProvider, **asked: object) -> str:
    """10,000 of 15,000 cents."""
    begun = builders.begin(letter(10_000, **asked))
    letter(15_000, **asked)
    record(provider.pay(begun), CARD)
    return begun


def refunded(payment: str, cents: int, reason: Reason) -> str:
    name = refunds.ask(refunds.Asked(TOWN, payment, Money(cents), reason, f"AO-{cents}", ANNA))
    refunds.approve(TOWN, name, BERT)
    sending.submit(current_app.extensions["keyring"], TOWN, name)
    return name


def settled(provider: FakeProvider, name: str, *lines: SettlementLine) -> None:
    provider.settle(name, [], 0, *lines)
    settle.settle(current_app.extensions["keyring"], TOWN, "card", name)


def line(provider: FakeProvider, payment: str, fee: int = 30) -> SettlementLine:
    booked = provider.books[payment]
    return SettlementLine("payment", payment, booked.reference, booked.order.amount, Money(fee))


def test_nothing_is_nothing(app: Flask) -> None:
    assert (at().holds, at().equations) == (True, ())


def test_what_is_part_paid_and_withdrawn_leaves_its_rest(provider: FakeProvider) -> None:
    part_paid(provider)
    assert held("requested", "cleared", "open") == (15_000, 10_000, 5_000)
    with transaction() as session:
        orders.withdraw(session, SUBJECT, Why.DEFERRED)
    assert held("requested", "cleared", "open", "withdrawn") == (15_000, 10_000, 0, 5_000)


def test_what_was_paid_on_a_replaced_letter_counts_for_the_newer_one(
    provider: FakeProvider,
) -> None:
    part_paid(provider)
    letter(18_000, "K-2", replaces=["K-1"], kind="reminder")
    assert held("requested", "cleared", "open", "replaced", "covered_of_kind reminder") == (
        33_000, 10_000, 8_000, 15_000, 10_000,
    )  # fmt: skip


def test_a_version_below_what_was_paid_makes_a_surplus(provider: FakeProvider) -> None:
    paid(provider, letter(10_000))
    letter(4_000)
    names = ("requested", "cleared", "open", "custody surplus", "received card")
    assert held(*names) == (4_000, 4_000, 0, 6_000, 10_000)


def test_a_rest_that_was_waived_is_void_when_more_is_asked(provider: FakeProvider) -> None:
    part_paid(provider)
    with transaction() as session:
        orders.close_rest(session, SUBJECT, Rest(amount_cents=5_000, reason="small", order="A-1"))
    assert held("cleared", "open", "closed") == (10_000, 0, 5_000)
    letter(16_000)
    assert held("requested", "cleared", "open", "closed") == (16_000, 10_000, 6_000, 0)


def test_a_cancelled_claim_is_closed_and_a_wrong_payers_is_open_again(
    provider: FakeProvider,
) -> None:
    payment = paid(provider, letter(10_000))
    refunded(payment, 1_000, Reason.CLAIM_CANCELLED)
    refunded(payment, 2_500, Reason.WRONG_PAYER)
    names = ("cleared", "open", "closed", "refunded card", "suspense card")
    assert held(*names) == (6_500, 2_500, 1_000, 3_500, 6_500)


def test_a_reversal_after_a_refund_loses_no_cent(provider: FakeProvider) -> None:
    payment = paid(provider, letter(10_000))
    refunded(payment, 4_000, Reason.WRONG_PAYER)
    report = provider.reverse(payment, 10_000, 350)
    keyring = current_app.extensions["keyring"]
    reversals.record_reversal(keyring, TOWN, "card", report)
    names = ("open", "taken_out card", "single_fees card", "suspense card")
    assert held(*names) == (10_000, 14_350, 350, -4_350)
    reversals.record_reversal(keyring, TOWN, "card", won(report, 7_000, 50))
    assert held(*names) == (7_000, 7_300, 300, 2_700)
    reversals.record_reversal(keyring, TOWN, "card", won(report))
    assert held(*names) == (4_000, 4_000, 0, 6_000)


def test_a_surplus_that_is_given_away_moves_from_custody_to_a_claim(
    provider: FakeProvider,
) -> None:
    paid(provider, letter(10_000))
    letter(4_000)
    letter(5_000, "K-2")
    item = custody_item()
    giving.assign(TOWN, item, "K-2", Money(2_000), ANNA)
    assert held("cleared", "open", "custody surplus") == (6_000, 3_000, 4_000)
    closing.ask(TOWN, closing.CUSTODY, item, "AO-1", ANNA)
    closing.approve(TOWN, closing.CUSTODY, item, BERT)
    assert held("custody surplus", "kept_by_order") == (0, 4_000)


def custody_item() -> int:
    from portal.ledger.models import CustodyItem

    db.session.rollback()
    return db.session.query(CustodyItem.id).order_by(CustodyItem.id.desc()).limit(1).scalar()


def test_a_negative_pay_out_is_on_its_way_and_arrives(provider: FakeProvider) -> None:
    payment = paid(provider, letter(10_000))
    settled(provider, "s1", line(provider, payment))
    keyring = current_app.extensions["keyring"]
    reversals.record_reversal(keyring, TOWN, "card", provider.reverse(payment, 10_000, 350))
    back = SettlementLine("reversal", payment, "cb-1", Money(-10_000), Money(350))
    settled(provider, "s2", back)
    names = ("transit card", "fees card", "settled_fees card", "suspense card")
    assert held(*names) == (-380, 380, -350, 0)
    arrived(TOWN, "card", "s2", -10_350)
    assert held("transit card", "bank") == (9_970, -10_350)


def test_a_line_of_nothing_of_ours_is_a_difference(provider: FakeProvider) -> None:
    payment = paid(provider, letter(10_000))
    stranger = SettlementLine("correction", "", "c-1", Money(-77), Money(0))
    settled(provider, "s1", line(provider, payment), stranger)
    names = ("paid_out card", "not_settled card", "differences card", "suspense card")
    assert held(*names) == (9_923, 77, 77, 0)


def test_a_past_day_is_told_as_it_was(provider: FakeProvider, time: Time) -> None:
    time.move("-9d")
    first, payment = today(), part_paid(provider)
    time.move("-7d")
    letter(12_000, kind="fee")
    with transaction() as session:
        elsewhere.tell(session, SUBJECT, Elsewhere(
            id="B-1", amount_cents=500, paid_on=first, how=How.CASH))  # fmt: skip
    time.move("-5d")
    refunded(payment, 3_000, Reason.WRONG_PAYER)
    settled(provider, "s1", line(provider, payment))
    with transaction() as session:
        elsewhere.undo(session, SUBJECT, "B-1", custody.is_about_to_go)
        orders.withdraw(session, SUBJECT, Why.OTHER)
    names = ("requested", "open", "withdrawn", "covered_of_kind tax", "covered_of_kind fee",
             "elsewhere_told", "suspense_items card")  # fmt: skip
    assert held(*names, day=first - timedelta(days=1)) == (0, 0, 0, 0, 0, 0, 0)
    assert held(*names, day=first) == (15_000, 5_000, 0, 10_000, 0, 0, 10_000)
    third = first + timedelta(days=3)
    assert held(*names, day=third) == (12_000, 1_500, 0, 0, 10_500, 500, 10_000)
    assert held(*names) == (12_000, 0, 5_000, 0, 7_000, 0, -3_000)


def test_the_rows_of_every_figure_sum_to_it(provider: FakeProvider, time: Time) -> None:
    time.move("-2d")
    payment = part_paid(provider)
    time.move("-1d")
    refunded(payment, 3_000, Reason.WRONG_PAYER)
    settled(provider, "s1", line(provider, payment))
    seen = set()
    for equation in at().equations + at(today() - timedelta(days=1)).equations:
        for figure in (figure for side in equation.sides for figure in side):
            if figure.money is not None:
                cents = sum(row.money.cents for row in figure.rows)
                assert cents == figure.money.cents, figure
                seen |= {row.source for row in figure.rows}
    assert seen >= {"carried", "ledger_postings", "refunds", "settlement_lines", "payments"}


def test_money_in_another_currency_has_equations_of_its_own(provider: FakeProvider) -> None:
    strange = Report(
        "x1", "f-x1", "m-card", Outcome.SUCCEEDED, Money(900, "CHF"), live=False
    )  # fmt: skip
    record(strange, CARD)
    found = {(each.key, each.part, each.currency): each.totals[0] for each in at().equations}
    assert found["2", "card", "CHF"] == Money(900, "CHF")
    assert at().holds


class Telling(FakeProvider):
    """One that says how much it has taken."""

    def taken(self, account: Account, until: object) -> tuple[Money, ...]:
        self._answer()
        return (Money(self.collected() if account.id == "card" else 0),)


@pytest.fixture
def telling(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Telling:
    from portal.providers import registry

    fake = Telling()
    monkeypatch.setattr(registry, "PROVIDERS", {**registry.PROVIDERS, "fake": fake})
    return fake


def test_what_a_provider_cannot_say_is_not_known(provider: FakeProvider) -> None:
    paid(provider, letter())
    assert figures.ask(current_app.extensions["keyring"], TOWN, today()) == 0
    (two,) = [each for each in at().equations if each.key == "2"]
    assert (two.totals[-1], two.known, two.holds) == (None, False, True)


def test_a_provider_that_is_down_says_nothing(telling: Telling) -> None:
    paid(telling, letter())
    telling.down = 9
    assert figures.ask(current_app.extensions["keyring"], TOWN, today()) == 0
    (two,) = [each for each in at().equations if each.key == "2"]
    assert not two.known


def test_money_of_which_we_have_not_heard_is_a_difference_until_we_do(
    telling: Telling, time: Time
) -> None:
    time.move("-3d")
    day, payment = today(), builders.begin(letter())
    report = replace(telling.pay(payment), happened_at=clock.now())
    figures.ask(current_app.extensions["keyring"], TOWN, day)
    (broken,) = at(day).broken
    assert (broken.key, broken.differences) == ("2", (Money(0), Money(10_000)))
    time.move("-1d")
    record(report, CARD)
    assert held("heard_later card", "received card", "provider_says card", day=day) == (
        -10_000, 0, 10_000,
    )  # fmt: skip
    assert held("received card") == (10_000,)


def test_unclear_money_of_which_we_hear_after_midnight_is_no_difference_for_ever(
    telling: Telling, time: Time
) -> None:
    time.move("-3d")
    day = today()
    report = replace(telling.pay(builders.begin(letter())), happened_at=clock.now())
    strange = replace(report, payment="nobody's")
    time.move("-2d")
    record(strange, CARD)
    figures.ask(current_app.extensions["keyring"], TOWN, day)
    names = ("heard_later card", "received card", "provider_says card")
    assert held(*names, day=day) == (-10_000, 0, 10_000)
    time.move("-1d")
    record(report, CARD)  # and now it says whose it is
    assert held(*names, day=day) == (-10_000, 0, 10_000)
    figures.ask(current_app.extensions["keyring"], TOWN, day + timedelta(days=1))
    assert held(*names, day=day + timedelta(days=1)) == (0, 10_000, 10_000)
    assert held("received card") == (10_000,)


def test_unclear_money_that_is_put_right_on_a_later_day_stays_what_it_was_on_its_own(
    provider: FakeProvider, time: Time
) -> None:
    time.move("-3d")
    day = today()
    report = provider.pay(builders.begin(letter()))
    record(other_amount(report, 12), CARD)
    time.move("-1d")
    record(report, CARD)
    assert held("received card", "unclear card", "heard_later card", day=day) == (12, 12, 0)
    assert held("received card") == (10_000,)


def test_what_a_provider_said_before_a_payment_says_nothing_of_it(telling: Telling) -> None:
    ask = current_app.extensions["keyring"], TOWN, today()
    figures.ask(*ask)
    paid(telling, letter())
    assert "provider_says card" not in figures_of(at())
    figures.ask(*ask)
    assert held("provider_says card") == (10_000,)


def run(*arguments: str) -> Result:
    @contextmanager
    def at_work() -> Iterator[Keyring]:
        yield current_app.extensions["keyring"]

    db.session.rollback()
    return CliRunner().invoke(reconcile, ["--tenant", TOWN, *arguments], obj=at_work)


def test_the_command_tells_the_figures_and_that_all_is_well(telling: Telling) -> None:
    paid(telling, letter(123_456))
    told = run("--ask")
    assert told.exit_code == 0, told.output
    assert f"{TOWN}\t{today()}\tall equations hold" in told.output
    assert "requested, in the versions in force                     1,234.56" in told.output
    assert "not known" not in told.output


def test_the_command_ends_with_1_when_an_equation_does_not_hold(telling: Telling) -> None:
    telling.pay(builders.begin(letter()))
    told = run("--ask", "--day", today().isoformat())
    assert told.exit_code == 1
    assert "DOES NOT HOLD, difference 100.00" in told.output


def test_the_command_tells_programs_and_every_row(provider: FakeProvider) -> None:
    payment = paid(provider, letter())
    told = json.loads(run("--json", "--rows").output)
    (two,) = [each for each in told["equations"] if each["key"] == "2"]
    assert (two["holds"], two["known"], two["difference_cents"]) == (True, False, [0, None])
    (succeeded,) = [each for side in two["sides"] for each in side if each["figure"] == "succeeded"]
    assert succeeded["german"] == "Erfolgreiche Zahlungen"
    assert succeeded["rows"] == [{"source": "payments", "name": payment, "cents": 10_000}]


def test_the_command_knows_the_towns(app: Flask) -> None:
    told = run("--tenant", "nirgendwo")
    assert (told.exit_code, "nirgendwo" in told.output) == (2, True)
