"""The lists of what is not where it belongs yet: suspense and custody items, and pay-outs."""

from sqlalchemy import ColumnElement, and_, case, cast, func

from portal.admin.lists import filters
from portal.admin.lists.columns import Column, Expression, Field, Filter, Listing, Shape, codes
from portal.admin.words import CAUSE, CUSTODY, PAYOUT, SUSPENSE
from portal.ledger.models import SETTLEMENT, CustodyItem, PayoutArrival, SettlementRow, SuspenseItem
from portal.ledger.settlements import SettlementUndoing
from portal.payments.models import Payment
from portal.payments.returned import Refund, Reversal
from portal.requests.models import PaymentRequest
from portal.words import N_

S, C, V = SuspenseItem, CustodyItem, SettlementRow
P, R, F = Payment, PaymentRequest, Refund
# An item is called by the thing that it is of: payment:ID, refund:ID, reversal:ACCOUNT:NAME.
THING = func.substr(S.reference, func.strpos(S.reference, ":") + 1)
OF_PAYMENT = func.split_part(THING, ":", 1)
OF_REVERSAL = func.substr(THING, func.length(S.account) + 2)


def _exact(cents: Expression) -> Filter:
    """Items below zero are found by their amount, too."""
    return Filter("amount", N_("Amount"), Field.AMOUNT, lambda told: cents.in_([told, -told]))


SUSPENSE_ITEMS = Listing(
    name="suspense",
    path="held",
    title=N_("Suspense items"),
    lead=N_(
        "What a provider has of the town's money until its pay-out. Below zero: what it will hold"
        " back of a pay-out."
    ),
    columns=(
        Column("request", N_("Request"), Shape.TEXT, R.reference),
        Column("state", N_("State"), Shape.STATE, S.state, SUSPENSE),
        Column("account", N_("Provider account"), Shape.TEXT, S.account),
        Column("opened", N_("Since"), Shape.MOMENT, S.opened_at),
        Column("closed", N_("Ended"), Shape.MOMENT, S.closed_at),
        Column("amount", N_("Amount"), Shape.MONEY, S.amount_cents),
        Column("open", N_("Still open"), Shape.MONEY, S.open_cents),
        Column("item", N_("Item"), Shape.TEXT, S.reference),
    ),
    source=S.__table__.outerjoin(
        F.__table__,
        and_(F.tenant_id == S.tenant_id, F.id == OF_PAYMENT, S.reference.like("refund%")),
    )
    .outerjoin(
        Reversal.__table__,
        and_(
            Reversal.tenant_id == S.tenant_id,
            Reversal.account_id == S.account,
            Reversal.provider_reference == OF_REVERSAL,
            S.reference.like("reversal%"),
        ),
    )
    .outerjoin(
        P.__table__,
        and_(
            P.tenant_id == S.tenant_id,
            P.id == func.coalesce(F.payment_id, Reversal.payment_id, OF_PAYMENT),
        ),
    )
    .outerjoin(R.__table__, and_(R.tenant_id == P.tenant_id, R.id == P.request_id)),
    tenant=S.tenant_id,
    currency=S.currency,
    reference=R.reference,
    filters=(
        filters.choice("state", N_("State"), S.state, codes(SUSPENSE)),
        filters.choice("account", N_("Provider account"), S.account, filters.accounts),
        *filters.between(S.opened_at, N_("Since day"), N_("Until day")),
        _exact(S.amount_cents),
    ),
    orders={"newest": (S.opened_at, S.id)},
    whose=P,
)

CUSTODY_ITEMS = Listing(
    name="custody",
    path="held",
    title=N_("Custody items"),
    lead=N_("Money that is here and nobody's yet: surplus, and receipts whose place is unclear."),
    columns=(
        Column("item", N_("Item"), Shape.TEXT, C.reference),
        Column("request", N_("Request"), Shape.TEXT, C.request_reference),
        Column("state", N_("State"), Shape.STATE, C.state, CUSTODY),
        Column("cause", N_("Cause"), Shape.TEXT, C.cause, CAUSE),
        Column("account", N_("Provider account"), Shape.TEXT, C.account),
        Column("opened", N_("Since"), Shape.MOMENT, C.opened_at),
        Column("closed", N_("Ended"), Shape.MOMENT, C.closed_at),
        Column("amount", N_("Amount"), Shape.MONEY, C.amount_cents),
        Column("open", N_("Still open"), Shape.MONEY, C.open_cents),
    ),
    source=C.__table__.outerjoin(
        R.__table__, and_(R.tenant_id == C.tenant_id, R.reference == C.request_reference)
    ),
    tenant=C.tenant_id,
    currency=C.currency,
    reference=R.reference,
    filters=(
        filters.choice("state", N_("State"), C.state, codes(CUSTODY)),
        filters.choice("cause", N_("Cause"), C.cause, codes(CAUSE)),
        filters.choice("account", N_("Provider account"), C.account, filters.accounts),
        *filters.between(C.opened_at, N_("Since day"), N_("Until day")),
        _exact(C.amount_cents),
        filters.text("item", N_("Item"), C.reference),
    ),
    orders={"newest": (C.opened_at, C.id)},
)


def _same(rows: type[SettlementUndoing | PayoutArrival]) -> ColumnElement[bool]:
    return and_(*(getattr(rows, name) == getattr(V, name) for name in SETTLEMENT))


PAYOUT_STATE = case(
    (SettlementUndoing.version.is_not(None), "undone"),
    (PayoutArrival.version.is_not(None), "arrived"),
    else_="announced",
)
PAYOUTS = Listing(
    name="payouts",
    path="payouts",
    title=N_("Pay-outs"),
    lead=N_("Settlement reports of the providers: what they paid out, and what they kept as fees."),
    columns=(
        Column("settlement", N_("Settlement report"), Shape.TEXT, V.settlement),
        Column("version", N_("Version"), Shape.NUMBER, V.version),
        Column("state", N_("State"), Shape.STATE, PAYOUT_STATE, PAYOUT),
        Column("account", N_("Provider account"), Shape.TEXT, V.account),
        Column("made", N_("Made on"), Shape.MOMENT, V.made_at),
        Column("booked", N_("Booked on"), Shape.MOMENT, V.booked_at),
        Column("arrived", N_("On the bank account on"), Shape.DAY, PayoutArrival.booked_on),
        Column("gross", N_("Gross"), Shape.MONEY, V.gross_cents),
        Column("fee", N_("Fees"), Shape.MONEY, V.fee_cents),
        Column("net", N_("Paid out"), Shape.MONEY, V.net_cents),
    ),
    source=V.__table__.outerjoin(SettlementUndoing.__table__, _same(SettlementUndoing)).outerjoin(
        PayoutArrival.__table__, _same(PayoutArrival)
    ),
    tenant=V.tenant_id,
    currency=V.currency,
    reference=cast(None, V.settlement.type),
    filters=(
        filters.grouped(
            "state",
            N_("State"),
            PAYOUT_STATE,
            codes(PAYOUT, ("in_force", N_("in force"))),
            {"in_force": lambda _: SettlementUndoing.version.is_(None)},
        ),
        filters.choice("account", N_("Provider account"), V.account, filters.accounts),
        *filters.between(V.booked_at, N_("Booked from day"), N_("Booked to day")),
        _exact(V.net_cents),
    ),
    orders={"newest": (V.booked_at, V.account, V.settlement, V.version)},
    of_requests=False,
)
