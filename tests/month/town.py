"""A town for a month: citizens, staff, banks and providers, each act told to a plain model, too.

Acts go over the real way: the provider is called and calls back over HTTP, and what it says is
heard by the portal alone. The model is ``tests.town.model``; what it calls ``unheard`` is money
that only the provider knows of yet.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from flask import current_app
from sqlalchemy import select

from portal.db import db
from portal.ledger.models import CustodyItem, SuspenseItem
from portal.money import Money
from portal.payments import sweep
from portal.payments.models import ProviderRule
from portal.payments.refund_states import State as Sent
from portal.payments.returned import Reason
from portal.payments.start import Choice, start
from portal.requests.models import PaymentRequest
from portal.returns import custody_returns, refunds, sending
from tests import builders
from tests.builders import TOWN
from tests.month.far_side import FarSide
from tests.town.model import Demand, Model, Paid

ANNA, BERT = "staff:anna", "staff:bert"
ACCOUNTS = {name: f"{name}-test" for name in ("stripe", "paypal", "girocheckout")}


@dataclass
class Reversed:
    """Money that a bank took: by which name there, how much, and what the portal made of it."""

    one: Paid
    cents: int
    fee: int
    booked_fee: int = 0
    parts: tuple[int, int, int] = (0, 0, 0)
    counted: int = 0
    back: int = 0


@dataclass
class Town:
    """The town's memory. ``open`` is what the script leaves open on purpose, by kind and name."""

    far: FarSide
    portal: str
    model: Model = field(default_factory=Model)
    letters: dict[str, builders.Letter] = field(default_factory=dict)
    provider: dict[str, str] = field(default_factory=dict)  # of a payment, the fake's name
    unheard: dict[tuple[str, str], Callable[[], None]] = field(default_factory=dict)
    taken: dict[str, Reversed] = field(default_factory=dict)  # by its name there
    sent: dict[str, tuple[Paid, tuple[int, int, int]]] = field(default_factory=dict)
    returned: dict[str, str] = field(default_factory=dict)  # sent back unclear money -> account
    left: dict[str, set[str]] = field(default_factory=dict)
    unclear_items: dict[str, str] = field(default_factory=dict)  # of payments, our names of items
    explained: Counter[str] = field(default_factory=Counter)  # differences that have a reason
    numbers: int = 0

    def leaves(self, what: str, name: str) -> None:
        """The script leaves something open on purpose."""
        self.left.setdefault(what, set()).add(name)

    def closes(self, what: str, name: str) -> None:
        self.left[what].discard(name)

    # citizens

    def letter(self, cents: int) -> str:
        """A new letter; its reference."""
        self.numbers += 1
        return self._push(f"M-{self.numbers}", cents, ("tax", "fee")[self.numbers % 2], None)

    def lowers(self, name: str, cents: int) -> str:
        """The town asks for less than was paid; the name of the item of what is too much."""
        self._push(name, cents, self.model.demands[name].kind, None)
        return f"lowered:{name}:{self.model.demands[name].version}"

    def replaces(self, older: str, cents: int) -> str:
        """A letter in place of an older one, whose money counts for it; its reference."""
        self.numbers += 1
        return self._push(f"M-{self.numbers}", cents, self.model.demands[older].kind, older)

    def _push(self, name: str, cents: int, kind: str, older: str | None) -> str:
        body = {"amount_cents": cents, "kind": kind, "replaces": [older] if older else []}
        self.letters[name] = builders.letter(name, TOWN, **body)  # type: ignore[arg-type]
        demand = Demand(name, cents, kind, None, body=body)
        self.model.push(demand, older, builders.today())
        return name

    def begins(self, name: str, provider: str, rule: int = 0) -> str:
        """A citizen chooses a way to pay and is led there; our id of the payment."""
        session = db.session()
        session.rollback()
        request = session.get_one(PaymentRequest, (TOWN, self.letters[name].request_id))
        query = select(ProviderRule.id).where(
            ProviderRule.tenant_id == TOWN, ProviderRule.account_id == ACCOUNTS[provider]
        )
        rules = session.scalars(query.order_by(ProviderRule.position)).all()
        choice = Choice(
            TOWN, request.id, rules[rule % len(rules)], request.version, request.open.cents,
            "web", "de",
        )  # fmt: skip
        session.rollback()
        payment = start(current_app.extensions["keyring"], choice, self.portal)
        self.provider[payment] = provider
        return payment

    def starts_again(self, payment: str) -> None:
        """The citizen lets go of a payment, to begin another one."""
        sweep.give_up(current_app.extensions["keyring"], TOWN, payment)

    def happens(self, payment: str, verb: str, how: str = "send", **told: Any) -> dict[str, Any]:
        """Something happens to a payment at its provider."""
        provider = self.provider[payment]
        return self.far.door(provider, f"payments/{payment}/{verb}", webhook=how, **told)

    def pays(self, name: str, payment: str) -> Paid:
        """The citizen pays, and the portal hears of it at once."""
        self.happens(payment, "pay")
        return self.success(name, payment)

    def pays_unheard(self, name: str, payment: str, how: str = "lose") -> Paid:
        """The citizen pays, and the portal does not hear of it now."""
        self.happens(payment, "pay", how)
        if self.provider[payment] == "paypal":  # somebody else's program captures it
            self.happens(payment, "capture", how)
        return self.not_heard(name, payment)

    def success(self, name: str, payment: str) -> Paid:
        one = self.paid(name, payment)
        self.model.success(one)
        return one

    def paid(self, name: str, payment: str) -> Paid:
        amount = builders.payment(payment).amount_cents
        return Paid(payment, ACCOUNTS[self.provider[payment]], name, amount)

    def not_heard(self, name: str, payment: str) -> Paid:
        one = self.paid(name, payment)
        self.model.unheard[one.account] += one.amount

        def heard() -> None:
            self.model.unheard[one.account] -= one.amount
            self.model.success(one)

        self.unheard["payment", payment] = heard
        return one

    def hears(self, what: str, name: str) -> None:
        """The portal has heard it now, by whatever way, if it had not yet."""
        self.unheard.pop((what, name), lambda: None)()

    def unclear(self, payment: str, cents: int) -> str:
        """Other money came than was ordered; the name of the item in which it is kept."""
        account = ACCOUNTS[self.provider[payment]]
        reference = builders.payment(payment).provider_reference or ""
        self.model.unclear(account, reference, cents)
        self.unclear_items[payment] = f"unclear:{account}:{reference}"
        return self.unclear_items[payment]

    # refunds

    def refunds(self, one: Paid, cents: int, reason: Reason) -> str:
        """Two people let money go back; what the provider answers is booked. Our id of it."""
        self.numbers += 1
        asked = refunds.Asked(TOWN, one.name, Money(cents), reason, f"AO-{self.numbers}", ANNA)
        name = refunds.ask(asked)
        refunds.approve(TOWN, name, BERT)
        if sending.submit(current_app.extensions["keyring"], TOWN, name) is Sent.SUCCEEDED:
            self.refunded(one, name, cents, reason)
        return name

    def refunded(self, one: Paid, name: str, cents: int, reason: Reason) -> None:
        parts = self.model.refund(one, name, cents, reopens=reason is not Reason.CLAIM_CANCELLED)
        self.sent[name] = (one, parts)

    def refund_fails(self, name: str) -> None:
        """The portal hears that a refund did not arrive after all."""
        one, parts = self.sent.pop(name)
        self.model.refund_failed(one, name, parts)

    def sends_back(self, item: str) -> None:
        """Unclear money goes back to where it came from, by two people."""
        self.numbers += 1
        row = self.item(CustodyItem, item)
        cents, account = row.open_cents, str(row.account)
        name = custody_returns.ask(TOWN, row.id, f"AO-{self.numbers}", ANNA)
        custody_returns.approve(TOWN, name, BERT)
        state = sending.submit(current_app.extensions["keyring"], TOWN, name)
        assert state is Sent.SUCCEEDED
        self.model.kept[item] = 0
        self.model.owed[account, f"returned:{name}"] = -cents
        self.returned[name] = account

    def item(self, model: Any, reference: str) -> Any:
        db.session.rollback()
        of = (model.tenant_id == TOWN) & (model.reference == reference)
        return db.session.scalars(select(model).where(of)).one()

    # banks

    def takes(self, one: Paid, cents: int, fee: int, how: str = "send", reason: str = "") -> str:
        """A bank takes money back; the provider's name of it."""
        provider = self.provider[one.name]
        told = {"amount_cents": cents, "fee_cents": fee, "reason": reason or "chargeback"}
        path = f"payments/{one.name}/reverse"
        name = str(self.far.door(provider, path, webhook=how, **told)["reversal"])
        self.taken[name] = Reversed(one, cents, fee)

        def heard(fee: int = 0) -> None:
            found = self.taken[name]
            self.hears("payment", one.name)
            found.booked_fee = fee
            found.parts, found.counted = self.model.reversal(one, name, cents, fee)  # type: ignore[assignment]

        if how == "send" and provider != "girocheckout":  # which tells nobody of it
            heard(fee)
        else:
            self.unheard["reversal", name] = heard
        return name

    def wins(self, name: str, how: str = "send") -> None:
        """The dispute is won: amount and fee come back."""
        found = self.taken[name]
        provider = self.provider[found.one.name]
        self.far.door(provider, f"reversals/{name}/win", webhook=how)

        def heard() -> None:
            self.hears("reversal", name)
            found.back = found.booked_fee
            sums = (found.cents, found.booked_fee, found.back)
            self.model.won(found.one, name, found.parts, found.counted, sums)

        if how == "send" and provider != "girocheckout":
            heard()
        else:
            self.unheard["won", name] = heard

    def loses(self, name: str) -> None:
        """The dispute is lost: nothing more moves."""
        provider = self.provider[self.taken[name].one.name]
        self.far.door(provider, f"reversals/{name}/lose")

    def suspense(self) -> dict[tuple[str, str], int]:
        """The portal's open suspense items, by account and name."""
        db.session.rollback()
        query = select(SuspenseItem).where(
            SuspenseItem.tenant_id == TOWN, SuspenseItem.open_cents != 0
        )
        return {(row.account, row.reference): row.open_cents for row in db.session.scalars(query)}

    def custody(self) -> dict[str, int]:
        """The portal's open custody items, by name."""
        db.session.rollback()
        query = select(CustodyItem).where(
            CustodyItem.tenant_id == TOWN, CustodyItem.open_cents != 0
        )
        return {row.reference: row.open_cents for row in db.session.scalars(query)}
