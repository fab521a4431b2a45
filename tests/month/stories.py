"""What becomes of payments: each story is told in steps, and says how long until the next.

A step yields (days, part of the day). Weights are shares of all payments; the first is by far the
most frequent. Whatever a story does not end is told to ``town.leaves``.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from random import Random

from portal.payments.returned import Reason
from tests.month.town import ACCOUNTS, Town
from tests.town.model import Paid

MORNING, AFTERNOON = 0, 1
Steps = Iterator[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Case:
    """One citizen's case: by which provider, for how much; what chance deals in it."""

    town: Town
    provider: str
    cents: int
    chance: Random

    def begins(self) -> tuple[str, str]:
        """A letter, and a payment of it that was begun; the names of both."""
        name = self.town.letter(self.cents)
        rule = 0
        if self.provider == "girocheckout":  # the second rule's money cannot be sent back
            rule = self.chance.choice([0, 0, 2, 3])
        return name, self.town.begins(name, self.provider, rule)

    def pays(self) -> Paid:
        return self.town.pays(*self.begins())


def paid(case: Case) -> Steps:
    case.pays()
    yield from ()


def paid_by_direct_transfer(case: Case) -> Steps:
    name = case.town.letter(case.cents)
    case.town.pays(name, case.town.begins(name, "girocheckout", 1))
    yield from ()


def told_twice(case: Case) -> Steps:
    name, payment = case.begins()
    case.town.happens(payment, "pay", "double")
    case.town.success(name, payment)
    yield from ()


def told_late(case: Case) -> Steps:
    """The notification comes after hours; at PayPal the money, too, for we must capture it."""
    name, payment = case.begins()
    case.town.happens(payment, "pay", "late:14400")
    if case.provider == "paypal":
        case.town.unheard["payment", payment] = lambda: _succeeds(case.town, name, payment)
    else:
        case.town.not_heard(name, payment)
    yield 0, AFTERNOON
    case.town.hears("payment", payment)


def lost(case: Case) -> Steps:
    """Nobody tells the portal: the report of the evening's pay-out does, or else the sweep."""
    case.town.pays_unheard(*case.begins())
    yield from ()


def agreed_and_lost(case: Case) -> Steps:
    """At PayPal the payer has agreed and nobody heard it: the sweep captures."""
    name, payment = case.begins()
    case.town.happens(payment, "pay", "lose")
    town = case.town
    if case.provider == "paypal":
        town.unheard["payment", payment] = lambda: _succeeds(town, name, payment)
    else:
        town.not_heard(name, payment)
    yield from ()


def _succeeds(town: Town, name: str, payment: str) -> None:
    town.success(name, payment)


def declined_then_paid(case: Case) -> Steps:
    name, payment = case.begins()
    case.town.happens(payment, "decline")
    yield 0, AFTERNOON
    case.town.starts_again(payment)
    other = case.town.begins(name, case.chance.choice(list(ACCOUNTS)))
    case.town.pays(name, other)


def money_comes_later(case: Case) -> Steps:
    """The method takes its time (``pend``), and the money comes after days."""
    name, payment = case.begins()
    case.town.happens(payment, "pend")
    yield case.chance.randint(1, 3), MORNING
    case.town.pays(name, payment)


def money_does_not_come(case: Case) -> Steps:
    name, payment = case.begins()
    case.town.happens(payment, "pend")
    yield 2, AFTERNOON
    case.town.happens(payment, "decline")
    case.town.leaves("request", name)


def left_alone(case: Case) -> Steps:
    """The citizen goes away: it runs out, and the letter stays unpaid."""
    name, _ = case.begins()
    case.town.leaves("request", name)
    yield from ()


def late_success(case: Case) -> Steps:
    """It ran out, was paid in another way, and then the first money comes after all."""
    name = case.town.letter(case.cents)
    payment = case.town.begins(name, "girocheckout")
    case.town.happens(payment, "expire")
    yield 0, AFTERNOON
    case.town.pays(name, case.town.begins(name, "stripe"))
    yield 1, MORNING
    how = case.chance.choice(["send", "lose"])
    if how == "lose":
        case.town.pays_unheard(name, payment)
        yield 2, AFTERNOON  # asked daily, the provider says so
    else:
        case.town.pays(name, payment)
        yield 1, AFTERNOON
    one = case.town.model.paid[payment]
    surplus = case.town.model.kept[f"payment:{payment}"]
    if case.chance.random() < 0.6:
        case.town.refunds(one, surplus, Reason.SURPLUS)
    else:
        case.town.leaves("custody", f"payment:{payment}")


def refunded(case: Case) -> Steps:
    one = case.pays()
    yield case.chance.randint(0, 4), AFTERNOON
    reason = case.chance.choice([Reason.CLAIM_CANCELLED, Reason.WRONG_PAYER])
    cents = case.chance.choice([one.amount, case.chance.randint(1, one.amount)])
    case.town.refunds(one, cents, reason)
    if reason is Reason.WRONG_PAYER:
        case.town.leaves("request", one.demand)


def refund_bounces(case: Case) -> Steps:
    """Sent, and it comes back; of GiroCheckout only the settlement tells it."""
    one = case.pays()
    yield 1, AFTERNOON
    refund = case.town.refunds(one, case.chance.randint(1, one.amount), Reason.WRONG_PAYER)
    yield case.chance.randint(0, 2), AFTERNOON
    how = "send" if case.chance.random() < 0.6 else "lose"
    case.town.far.door(case.provider, f"refunds/{refund}/bounce", webhook=how)
    if how == "send" and case.provider != "girocheckout":
        case.town.refund_fails(refund)
    else:
        case.town.unheard["refund", refund] = lambda: case.town.refund_fails(refund)
    case.town.leaves("task", f"refund_failed:{refund}")


def refunded_over_there(case: Case) -> Steps:
    """Somebody sends money back on the provider's own pages: no order stands for it."""
    one = case.pays()
    yield 1, AFTERNOON
    path = f"payments/{one.name}/refund"
    made = case.town.far.door(case.provider, path, amount_cents=max(1, one.amount // 3))
    case.town.leaves("over_there", str(made["refund"]))


def charged_back(case: Case) -> Steps:
    """A bank takes money, in part or all of it; the dispute is won, lost, or goes on."""
    one = case.pays()
    yield case.chance.randint(1, 5), AFTERNOON
    cents = case.chance.choice([one.amount, case.chance.randint(1, one.amount)])
    name = case.town.takes(one, cents, 1_500, case.chance.choice(["send", "send", "lose"]))
    yield case.chance.randint(0, 6), AFTERNOON
    yield from _ends(case, name)


def _ends(case: Case, name: str) -> Steps:
    end = case.chance.choice(["won", "lost", "open"])
    demand = case.town.taken[name].one.demand
    if end == "won":
        case.town.wins(name, case.chance.choice(["send", "lose"]))
    else:
        case.town.leaves("request", demand)
        case.town.leaves("dispute", name)
    if end == "lost" and case.provider != "girocheckout":
        case.town.loses(name)
    yield from ()


def debit_returned(case: Case) -> Steps:
    """A direct debit comes back unpaid; the fee is small."""
    one = case.pays()
    yield case.chance.randint(1, 4), AFTERNOON
    name = case.town.takes(one, one.amount, 350, reason="returned_debit")
    case.town.leaves("request", one.demand)
    case.town.leaves("dispute", name)


def taken_before_heard(case: Case) -> Steps:
    """The portal hears of the chargeback before it has heard of the payment."""
    one = case.town.pays_unheard(*case.begins())
    name = case.town.takes(one, one.amount, 1_500)
    case.town.leaves("request", one.demand)
    case.town.leaves("dispute", name)
    yield from ()


def lowered(case: Case) -> Steps:
    """Less is asked for than was paid: the surplus goes back, or waits for a decision."""
    one = case.pays()
    yield 1, MORNING
    less = one.amount // 2
    item = case.town.lowers(one.demand, less)
    yield case.chance.randint(0, 2), AFTERNOON
    if case.chance.random() < 0.5:
        case.town.refunds(one, one.amount - less, Reason.SURPLUS)
    else:
        case.town.leaves("custody", item)


def replaced(case: Case) -> Steps:
    """Another letter stands in its place and asks for more; what was paid counts for it."""
    one = case.pays()
    yield 1, MORNING
    case.town.leaves("request", case.town.replaces(one.demand, one.amount + 500))
    yield case.chance.randint(0, 2), AFTERNOON
    if case.chance.random() < 0.5:
        case.town.refunds(one, one.amount // 2, Reason.CLAIM_CANCELLED)


def other_amount(case: Case) -> Steps:
    """Less came than was ordered: it is nobody's until a person has looked."""
    name, payment = case.begins()
    cents = max(1, case.cents - case.chance.randint(1, 90))
    case.town.happens(payment, "pay", amount_cents=cents)
    item = case.town.unclear(payment, cents)
    case.town.leaves("request", name)
    case.town.leaves("unknown", payment)
    case.town.leaves("custody", item)
    yield 2, AFTERNOON
    if case.chance.random() < 0.5:
        case.town.sends_back(item)
        case.town.closes("custody", item)


# fmt: off
STORIES: Mapping[str, tuple[tuple[Callable[[Case], Steps], int], ...]] = {
    "stripe": (
        (paid, 800), (told_twice, 30), (told_late, 25), (lost, 25), (declined_then_paid, 15),
        (money_comes_later, 20), (money_does_not_come, 5), (left_alone, 10), (late_success, 8),
        (refunded, 25), (refund_bounces, 8), (refunded_over_there, 2), (charged_back, 14),
        (debit_returned, 5), (taken_before_heard, 3), (other_amount, 4),
        (lowered, 6), (replaced, 6),
    ),
    "paypal": (
        (paid, 800), (told_twice, 30), (told_late, 25), (lost, 25), (agreed_and_lost, 15),
        (money_comes_later, 20), (money_does_not_come, 5), (left_alone, 10), (refunded, 25),
        (refund_bounces, 8), (refunded_over_there, 2), (charged_back, 14), (taken_before_heard, 3),
        (other_amount, 4), (lowered, 6), (replaced, 6),
    ),
    "girocheckout": (
        (paid, 600), (paid_by_direct_transfer, 200), (told_twice, 30), (told_late, 25), (lost, 25),
        (declined_then_paid, 15), (money_comes_later, 20), (money_does_not_come, 5),
        (left_alone, 10), (refunded, 25), (refund_bounces, 8), (charged_back, 10),
        (other_amount, 4), (lowered, 6), (replaced, 6),
    ),
}
# fmt: on
