"""Whether what a task is about still stands. Such a task is not ended by hand: it would be hidden.

Of some things nobody but a person can know (a note was answered, a difference is explained): those
are not in the table, and a reason ends them.
"""

from collections.abc import Callable, Mapping

from sqlalchemy.orm import Session

from portal.finance import acknowledging
from portal.finance.models import Acknowledgement, Delivery, Endpoint
from portal.ledger.models import CustodyItem, SuspenseItem
from portal.payments.models import AccountSilence, Payment
from portal.payments.refund_states import UNDECIDED
from portal.payments.returned import Refund
from portal.payments.states import State
from portal.settlements.fetching import SettlementFetch
from portal.worklist.kinds import Kind
from portal.worklist.models import StaffTask

Check = Callable[[Session, StaffTask], bool]


def stands(session: Session, task: StaffTask) -> bool:
    """Whether the cause of an open task still stands, as far as the rows can tell."""
    check = CHECKS.get(Kind(task.kind))
    return check is not None and check(session, task)


def _refused(session: Session, task: StaffTask) -> bool:
    word = session.get(Acknowledgement, (task.tenant_id, task.detail["position"]))
    return word is not None and word.result == "refused"


def _stuck(session: Session, task: StaffTask) -> bool:
    delivery = session.get(Delivery, (task.tenant_id, task.detail["position"]))
    return delivery is not None and delivery.state in {"parked", "waiting"}


def _without_word(session: Session, task: StaffTask) -> bool:
    return bool(acknowledging.overdue(session, task.tenant_id, limit=1))


def _silent(session: Session, task: StaffTask) -> bool:
    endpoint = session.get(Endpoint, task.tenant_id)
    return endpoint is not None and endpoint.silent_since is not None


def _in_custody(session: Session, task: StaffTask) -> bool:
    item = session.get(CustodyItem, (task.tenant_id, task.detail["item"]))
    return item is not None and item.open_cents > 0


def _in_suspense(session: Session, task: StaffTask) -> bool:
    item = session.get(SuspenseItem, (task.tenant_id, task.detail["item"]))
    return item is not None and item.open_cents != 0


def _unknown(session: Session, task: StaffTask) -> bool:
    payment = session.get(Payment, (task.tenant_id, task.subject))
    return payment is not None and payment.state == State.UNKNOWN


def _refund(session: Session, task: StaffTask) -> bool:
    """Money on its way has no end yet; unclear money that did not go back is still here."""
    if "item" in task.detail:
        return _in_custody(session, task)
    refund = session.get(Refund, (task.tenant_id, task.subject))
    return refund is not None and refund.state in UNDECIDED


def _not_listed(session: Session, task: StaffTask) -> bool:
    """A quiet account may be explained; one that cannot be asked may not."""
    fetch = session.get(SettlementFetch, (task.tenant_id, task.subject))
    return fetch is not None and fetch.failing_since is not None


def _paused(session: Session, task: StaffTask) -> bool:
    silence = session.get(AccountSilence, (task.tenant_id, task.subject))
    return silence is not None and silence.paused_at is not None


def _until_it_is_counted(_: Session, task: StaffTask) -> bool:
    """Only the worker knows, who counts: it ends them."""
    return task.ended_at is None


CHECKS: Mapping[Kind, Check] = {
    Kind.EVENT_REFUSED: _refused,
    Kind.EVENT_PARKED: _stuck,
    Kind.EVENT_NOT_ACKNOWLEDGED: _without_word,
    Kind.ENDPOINT_SILENT: _silent,
    Kind.CUSTODY_UNCLEAR: _in_custody,
    Kind.SUSPENSE_OVERDUE: _in_suspense,
    Kind.PAYMENT_UNKNOWN: _unknown,
    Kind.REFUND_FAILED: _refund,
    Kind.REFUND_PROPOSED: _in_custody,
    Kind.SETTLEMENTS_MISSING: _not_listed,
    Kind.ACCOUNT_PAUSED: _paused,
    Kind.TANS_GUESSED: _until_it_is_counted,
    Kind.BOOKS_BROKEN: _until_it_is_counted,
}
