"""Doing what a task asks for: each function calls one core, and says what was done.

They raise what the cores raise, and ``Unfit`` for what was typed.
"""

from collections.abc import Mapping

from portal import audit
from portal.admin import gate
from portal.admin.tasks import causes
from portal.admin.tasks.custody_facts import item_of
from portal.approvals import deciding
from portal.db import db, transaction
from portal.errors import Invalid
from portal.finance import mending
from portal.ledger.models import SettlementRow
from portal.money import Money
from portal.payments import accounts, correcting, probing, sweep
from portal.payments.models import Payment, ProviderAccount
from portal.payments.record import again
from portal.payments.refund_states import Event as RefundEvent
from portal.payments.refund_states import State as RefundState
from portal.payments.returned import Reason, Refund
from portal.payments.states import State as PaymentState
from portal.providers import registry
from portal.providers.capabilities import ListsSettlements
from portal.requests import reasons
from portal.returns import closing, custody_returns, looked_up, proposing, refunds, ways
from portal.settlements import booking, fetching, settle, undoing
from portal.web.current import keyring
from portal.web.language import gettext, ngettext
from portal.worklist import writing
from portal.worklist.kinds import Kind
from portal.worklist.models import StaffTask

LONGEST_REASON = 200
# Why unclear money is here still, and nothing of it may yet arrive.
DID_NOT_GO = frozenset({RefundEvent.FAILED, RefundEvent.NEVER_ARRIVED, RefundEvent.FOUND_NOT_MADE})
Form = Mapping[str, str]


class Unfit(Invalid):
    """What was typed cannot be taken; ``field`` is where."""

    code = "unfit"

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(sentence)
        self.field = field


def end(task: StaffTask, form: Form) -> str:
    reason = reasons.checked(form["reason"], LONGEST_REASON)
    with transaction() as session:
        still = session.get_one(StaffTask, (task.tenant_id, task.number), populate_existing=True)
        if causes.stands(session, still):
            raise Unfit("reason", gettext("Its cause still stands: the task cannot be ended."))
        by = gate.person().actor
        if not writing.end_number(session, task.tenant_id, task.number, by, reason):
            raise Unfit("reason", gettext("The task has ended meanwhile."))
        ended = {"kind": task.kind, "subject": task.subject, "reason": reason}
        audit.note(session, task.tenant_id, by, "task.end", str(task.number), ended)
    return gettext("Task %(number)s is ended.", number=task.number)


def can_end(task: StaffTask) -> bool:
    return not causes.stands(db.session(), task)


def release(task: StaffTask, _: Form) -> str:
    with transaction() as session:
        mending.release(session, task.tenant_id, task.detail["position"], gate.person().actor)
    return gettext("The event is tried once more, now.")


def resend(task: StaffTask, _: Form) -> str:
    with transaction() as session:
        mending.resend(session, task.tenant_id, task.detail["position"], gate.person().actor)
    return gettext("The event is sent again. The task ends when the finance system has booked it.")


def skip(task: StaffTask, form: Form) -> str:
    with transaction() as session:
        order = deciding.checked_order(form["order"])
        place = task.tenant_id, task.detail["position"]
        mending.skip(session, *place, gate.person().actor, order)
    return gettext("The event is not sent any more. Those behind it go on.")


def booked(task: StaffTask, form: Form) -> str:
    with transaction() as session:
        place = task.tenant_id, task.detail["position"]
        mending.booked_by_hand(session, *place, form["document"], gate.person().actor)
    return gettext("It is noted as booked under this document.")


def send_back(task: StaffTask, form: Form) -> str:
    """Unclear money goes back whole; of surplus each payment gets its part."""
    by, order = gate.person().actor, form["order"]
    if "payments" not in task.detail:
        custody_returns.ask(task.tenant_id, task.detail["item"], order, by)
        return asked()
    wanted = [
        refunds.Asked(task.tenant_id, part["payment"], amount, Reason.SURPLUS, order, by)
        for part in task.detail["payments"]
        if (amount := Money(part["amount_cents"], task.detail["currency"]))
    ]
    try:
        new = again(lambda session: [refunds.enter(session, each)[1] for each in wanted])
    except refunds.NotRefundable:
        db.session.rollback()
        proposing.renew(task.tenant_id, task.detail["item"])  # the page shows what is left now
        raise
    if not any(new):
        return gettext("This order stands for a refund already; nothing was asked for anew.")
    return asked()


def anew(task: StaffTask, form: Form) -> str:
    by, order = gate.person().actor, form["order"]
    if "item" in task.detail:
        custody_returns.ask(task.tenant_id, task.detail["item"], order, by)
        return asked()
    failed = db.session().get_one(Refund, (task.tenant_id, task.subject))
    wanted = failed.payment_id, failed.amount, Reason(failed.reason)
    db.session.rollback()
    refunds.ask(refunds.Asked(task.tenant_id, *wanted, order, by))
    return asked()


def made(task: StaffTask, form: Form) -> str:
    return _looked_up(task, looked_up.MADE, form)


def not_made(task: StaffTask, form: Form) -> str:
    return _looked_up(task, looked_up.NOT_MADE, form)


def _looked_up(task: StaffTask, act: str, form: Form) -> str:
    looked_up.ask(task.tenant_id, act, task.detail["refund"], form["order"], gate.person().actor)
    return asked()


def keep(task: StaffTask, form: Form) -> str:
    act = closing.SUSPENSE if task.kind == Kind.SUSPENSE_OVERDUE else closing.CUSTODY
    by = gate.person().actor
    closing.ask(task.tenant_id, act, task.detail["item"], form["order"], by)
    return asked()


def correct(task: StaffTask, form: Form) -> str:
    correcting.ask(task.tenant_id, task.subject, form["order"], gate.person().actor)
    return asked()


def ask_provider(task: StaffTask, _: Form) -> str:
    key = (task.tenant_id, task.subject)
    if sweep.asked_lately(db.session().get_one(Payment, key, populate_existing=True)):
        return gettext("The provider was asked a moment ago. Please wait ten seconds.")
    db.session.rollback()
    _note(task, "payment.asked", task.subject)
    verdict = sweep.ask(keyring(), *key, "staff")
    payment = db.session().get_one(Payment, key, populate_existing=True)
    if verdict is None:
        return gettext("The provider does not answer. It is asked again by itself.")
    if payment.state == PaymentState.UNKNOWN:
        return gettext("The provider answered, and does not know how it ended either.")
    return gettext("The provider answered: the payment is decided now.")


def probe(task: StaffTask, _: Form) -> str:
    account, by = task.detail["account"], gate.person().actor
    with transaction() as session:
        probing.soon(session, accounts.get(session, task.tenant_id, account))
        audit.note(session, task.tenant_id, by, "account.asked", account)
    return gettext("The provider is asked within half a minute.")


def fetch(task: StaffTask, _: Form) -> str:
    account = task.detail["account"]
    _note(task, "settlement.asked", account)
    found = fetching.fetch(keyring(), task.tenant_id, account)
    return ngettext(
        "%(num)s new settlement report was booked.",
        "%(num)s new settlement reports were booked.",
        found.booked,
    )


def undo(task: StaffTask, form: Form) -> str:
    """Undo the report of the task; what came with a file goes with all of it."""
    by, reason = gate.person().actor, " ".join(form["reason"].split())
    row = _booked(task)
    if row is None:
        raise Unfit("reason", gettext("This settlement report is not in the books any more."))
    place, file_id = (row.account, row.settlement), row.file_id
    db.session.rollback()
    if file_id is None:
        undoing.undo_report(task.tenant_id, *place, reason, by)
        return gettext("The settlement report is undone; its items are open again.")
    return ngettext(
        "The file with %(num)s settlement report is undone; its items are open again.",
        "The file with %(num)s settlement reports is undone; their items are open again.",
        undoing.undo_file(task.tenant_id, file_id, reason, by),
    )


def refetch(task: StaffTask, _: Form) -> str:
    """Ask the provider for the report of the task, and book it as its next version."""
    account, settlement = task.detail["account"], task.detail["settlement"]
    _note(task, "settlement.asked", account)
    if settle.settle(keyring(), task.tenant_id, account, settlement, anew=True):
        return gettext("The settlement report is booked anew.")
    return gettext("The settlement report is in the books already.")


def is_undone(task: StaffTask) -> bool:
    """Whether the report that a task is about was undone, and the provider can be asked for it."""
    session, told = db.session(), task.detail
    if "settlement" not in told:
        return False
    row = booking.last(session, task.tenant_id, told["account"], told["settlement"])
    return row is not None and row.file_id is None and booking.is_undone(session, row)


def is_booked(task: StaffTask) -> bool:
    """Whether the report that a task is about is in the books."""
    return _booked(task) is not None


def _booked(task: StaffTask) -> SettlementRow | None:
    session, told = db.session(), task.detail
    if "settlement" not in told:
        return None
    row = booking.last(session, task.tenant_id, told["account"], told["settlement"])
    return None if row is None or booking.is_undone(session, row) else row


def lists_reports(task: StaffTask) -> bool:
    """Whether the account's provider can be asked for its reports."""
    key = (task.tenant_id, task.detail.get("account", ""))
    account = db.session().get(ProviderAccount, key)
    return account is not None and isinstance(
        registry.PROVIDERS.get(account.provider), ListsSettlements
    )


def goes_back(task: StaffTask) -> bool:
    item = item_of(db.session(), task)
    return item is not None and item.open_cents > 0


def has_failed(task: StaffTask) -> bool:
    """Asking anew while the first may still arrive would send it twice."""
    if "item" in task.detail:
        return task.detail.get("cause") in DID_NOT_GO and goes_back(task)
    refund = db.session().get(Refund, (task.tenant_id, task.subject))
    return refund is not None and refund.state == RefundState.FAILED


def is_in_doubt(task: StaffTask) -> bool:
    """Whether nobody has said yet what became of the refund or return of a task."""
    try:
        _, row = ways.found(db.session(), task.tenant_id, task.detail.get("refund", ""))
    except refunds.NoSuchRefund:
        return False
    return looked_up.is_in_doubt(row)


def _note(task: StaffTask, act: str, subject: str) -> None:
    """Who asks a provider is noted before it is asked."""
    with transaction() as session:
        audit.note(session, task.tenant_id, gate.person().actor, act, subject)


def asked() -> str:
    """What a person reads who has asked for what takes two."""
    return gettext("It is asked for. Another person finds it under Approvals.")
