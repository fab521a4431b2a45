"""What citizens, their banks and providers do, by chance."""

from dataclasses import replace

from flask import current_app

from portal import clock
from portal.money import Money
from portal.payments.record import record
from portal.payments.refund_states import State as Sent
from portal.payments.returned import Reason
from portal.providers.protocol import Outcome, Report, ReversalReport, SettlementLine
from portal.returns import refunds, reversals, sending
from tests import builders
from tests.fakes import won
from tests.town.desk import ACCOUNTS, Desk
from tests.town.model import Demand, Paid

ANNA, BERT = "staff:anna", "staff:bert"


class Citizens(Desk):
    """Payments and what goes back of them."""

    def pay(self) -> None:
        new = self.chance.random() < 0.5
        name = self.push(new=True) if new else self.some(self.letters)
        account = self.chance.choice(ACCOUNTS)
        started = [builders.begin(self.letters[name], self.id, account)]
        if self.chance.random() < 0.3:  # paid twice
            told = self.provider.say(started[0], Outcome.CANCELLED)
            record(told, self.source(account))
            started.append(builders.begin(self.letters[name], self.id, account))
        if self.chance.random() < 0.4:
            self.chance.choice([self.withdraw, self.push, self.paid_elsewhere])()  # meanwhile
        for payment in started:
            self.paid(payment, self.provider.pay(payment))

    def pay_part(self) -> None:
        """A part: what else was asked when the payment began has been added since."""
        name = self.push(new=True)
        payment = builders.begin(self.letters[name], self.id, "card")
        known = self.model.demands[name]
        body = known.body | {"amount_cents": known.amount + self.chance.randint(1, 3_000)}
        self.letters[name] = builders.letter(name, self.id, **body)
        demand = Demand(name, body["amount_cents"], known.kind, known.until, body=body)
        self.model.push(demand, None, self.today())
        self.paid(payment, self.provider.pay(payment))

    def paid(self, payment: str, told: Report) -> None:
        if self.chance.random() < 0.15:
            self.late.append(told)
            self.model.unheard[self.provider.of[payment][1]] += told.amount.cents
        else:
            self.hear(told)

    def hear_late(self) -> None:
        told = self.late.pop(self.chance.randrange(len(self.late))) if self.late else self.some([])
        self.model.unheard[self.provider.of[told.payment][1]] -= told.amount.cents
        self.hear(told)

    def hear(self, told: Report) -> None:
        account = self.provider.of[told.payment][1]
        record(told, self.source(account))
        asked_on = builders.payment(told.payment, self.id).request_id
        name = next(name for name, of in self.letters.items() if of.request_id == asked_on)
        self.model.success(Paid(told.payment, account, name, told.amount.cents))
        reference = told.provider_reference
        line = SettlementLine("payment", told.payment, reference, told.amount, Money(25))
        self.lines[account].append(line)

    def unclear(self) -> None:
        """Money under a name that is none of ours."""
        account, name = self.chance.choice(ACCOUNTS), f"x{next(self.numbers)}"
        amount = Money(self.chance.randint(100, 5_000))
        told = Report(name, f"f-{name}", f"m-{account}", Outcome.SUCCEEDED, amount, live=False)
        self.provider.took.append((self.id, account, clock.now(), amount.cents))
        record(told, self.source(account))
        self.model.unclear(account, f"f-{name}", amount.cents)
        self.lines[account].append(SettlementLine("payment", name, f"f-{name}", amount, Money(25)))

    def wrong_amount(self) -> None:
        """The provider names another amount; it may put it right later."""
        name = self.push(new=True)
        payment = builders.begin(self.letters[name], self.id, "card")
        right, cents = self.provider.pay(payment), self.chance.randint(1, 400)
        self.provider.took[-1] = (*self.provider.took[-1][:3], cents)
        record(replace(right, amount=Money(cents)), self.source("card"))
        self.model.unclear("card", right.provider_reference, cents)
        self.wrong[payment] = cents

    def put_right(self) -> None:
        payment = self.some(self.wrong)
        told, cents = self.provider.report(payment), self.wrong[payment]
        item = f"unclear:card:{told.provider_reference}"
        if self.model.kept[item] != cents or self.model.owed["card", item] != cents:
            return  # it was given away: that is a matter for people
        del self.wrong[payment]
        self.provider.took.append((self.id, "card", clock.now(), told.amount.cents - cents))
        self.model.cleared_up("card", told.provider_reference)
        self.hear(told)

    def reverse(self) -> None:
        one = self.some(self.model.paid.values())
        cents, fee = self.chance.randint(1, one.amount), self.chance.choice([0, 350])
        name = f"cb-{next(self.numbers)}"
        report = replace(self.provider.reverse(one.name, cents, fee, name))
        self.report(one.account, report)
        parts, counted = self.model.reversal(one, name, cents, fee)
        self.taken[name] = (one, parts, counted, (cents, fee), report)
        amount = Money(-cents)
        self.lines[one.account].append(
            SettlementLine("reversal", one.name, name, amount, Money(fee))
        )

    def win(self) -> None:
        name = self.some(self.taken)
        one, parts, counted, sums, report = self.taken.pop(name)
        back = self.chance.choice([0, sums[1]])  # many keep their fee
        self.report(one.account, won(report, fee_cents=back))
        self.model.won(one, name, parts, counted, (*sums, back))
        self.take_anew(one)
        amount, fee = Money(sums[0]), Money(-back)
        self.lines[one.account].append(SettlementLine("reversal", one.name, name, amount, fee))

    def take_anew(self, one: Paid) -> None:
        """What is there again goes to the reversals that found too little."""
        for name, (whose, parts, counted, sums, report) in list(self.taken.items()):
            more = min(sums[0] - counted, self.model.still(one))
            if whose is one and more > 0:
                further = self.model.take(one, more)
                one.gone += more
                both = tuple(sum(pair) for pair in zip(parts, further, strict=True))
                self.taken[name] = (one, both, counted + more, sums, report)

    def report(self, account: str, told: ReversalReport) -> None:
        reversals.record_reversal(current_app.extensions["keyring"], self.id, account, told)

    def refund(self) -> None:
        one = self.some(self.model.paid.values())
        reason = self.chance.choice(list(Reason))
        cents = Money(self.chance.randint(1, one.amount))
        asked = refunds.Asked(self.id, one.name, cents, reason, self.order(), ANNA)
        name = refunds.ask(asked)
        if self.chance.random() < 0.1:
            refunds.refuse(self.id, name, BERT)
            return
        refunds.approve(self.id, name, BERT)
        ends = [Outcome.SUCCEEDED] * 4 + [Outcome.FAILED]
        self.provider.refunds_end = self.chance.choice(ends)
        state = sending.submit(current_app.extensions["keyring"], self.id, name)
        if state is Sent.SUCCEEDED:
            reopens = reason is not Reason.CLAIM_CANCELLED
            parts = self.model.refund(one, name, cents.cents, reopens=reopens)
            self.sent[name] = (one, parts)
            self.lines[one.account].append(self.provider.refund_line(name))

    def bounce(self) -> None:
        name = self.some(self.sent)
        one, parts = self.sent.pop(name)
        sending.record(self.id, one.account, self.provider.end_refund(name, Outcome.FAILED))
        self.model.refund_failed(one, name, parts)
        self.take_anew(one)
        self.lines[one.account].append(self.provider.refund_line(name, 1))
