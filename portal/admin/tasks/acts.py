"""What can be done about a task: one table. Each act has a route, a right, a form and a core.

An act that moves money asks for a proof first; what two people must do is asked for here, and the
second one finds it on the page of approvals.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from portal.admin import gate
from portal.admin.tasks import doing
from portal.admin.tasks.doing import Form
from portal.db import db
from portal.requests import register
from portal.staff.roles import Right
from portal.words import N_
from portal.worklist.kinds import Kind
from portal.worklist.models import StaffTask


@dataclass(frozen=True, slots=True)
class Field:
    """A line of an act's form."""

    name: str
    label: str
    hint: str
    area: bool = False


@dataclass(frozen=True, slots=True)
class Act:
    """``offered`` says whether it makes sense now; ``do`` does it and says what was done.

    Without fields it is a button on the task's page, else a page of its own.
    """

    name: str
    right: Right
    kinds: frozenset[Kind]
    button: str
    help: str
    do: Callable[[StaffTask, Form], str]
    fields: tuple[Field, ...] = ()
    money: bool = False
    offered: Callable[[StaffTask], bool] = lambda _: True
    after_end: bool = False  # also when the task has ended: what was undone may be done anew
    not_now: str = N_("This is not to be done any more: please look at the task again.")


def of(task: StaffTask) -> list[Act]:
    """What this person can do about a task now."""
    return [act for act in ACTS if may(act.right, task) and fits(act, task)]


def fits(act: Act, task: StaffTask) -> bool:
    """Whether an act makes sense for a task as it stands now."""
    begun = task.ended_at is None or act.after_end
    return begun and Kind(task.kind) in act.kinds and act.offered(task)


def may(right: Right, task: StaffTask) -> bool:
    """Whether a right of this person goes as far as the task."""
    who = gate.person()
    reach = who.reach(right)
    if reach.whole or task.reference is None:
        return reach.whole and who.may(right)
    found = register.by_reference(db.session(), task.tenant_id, task.reference)
    return who.may(right) and reach.covers(found.unit, found.kind)


ORDER = Field(
    "order",
    N_("Number of the order"),
    N_("The order (Anordnung) on which it rests: letters, digits, blanks and . / _ - only."),
)
DOCUMENT = Field(
    "document",
    N_("Document in the finance system"),
    N_("The number under which it was booked there."),
)
REASON = Field(
    "reason",
    N_("Reason"),
    N_("What came of it, for who reads it in a year. No names and no account numbers."),
    area=True,
)
WHY = Field(
    "reason",
    N_("Reason"),
    N_("For who reads it in a year: at most 200 characters, no names and no account numbers."),
    area=True,
)
K, R, does = Kind, Right, doing
ACTS: tuple[Act, ...] = (
    Act(
        "release", R.SEND_AGAIN, frozenset({K.EVENT_PARKED}), N_("Try once more"),
        N_("It is sent at once. If it is refused again, it is stuck again."), does.release,
    ),
    Act(
        "resend", R.SEND_AGAIN, frozenset({K.EVENT_REFUSED}), N_("Send again"),
        N_("It keeps its number, so that it cannot be booked twice."), does.resend,
    ),
    Act(
        "booked", R.SEND_AGAIN, frozenset({K.EVENT_REFUSED}), N_("It was booked by hand"),
        N_("The finance system has it, under a document that you name."), does.booked, (DOCUMENT,),
    ),
    Act(
        "skip", R.SEND_AGAIN, frozenset({K.EVENT_PARKED}), N_("Skip by order"),
        N_("It is never handed over. It stays in the list of events."), does.skip, (ORDER,),
    ),
    Act(
        "return", R.MOVE_MONEY, frozenset({K.CUSTODY_UNCLEAR, K.REFUND_PROPOSED}),
        N_("Send it back"), N_("To the means by which it came, on an order, by two people."),
        does.send_back, (ORDER,), True, does.goes_back,
    ),
    Act(
        "anew", R.MOVE_MONEY, frozenset({K.REFUND_FAILED}), N_("Ask for it anew"),
        N_("The same amount for the same reason, on a new order, by two people."),
        does.anew, (ORDER,), True, does.has_failed,
    ),
    Act(
        "made", R.MOVE_MONEY, frozenset({K.REFUND_FAILED}), N_("It was made"),
        N_("You have found it on the provider's own pages: it is booked as sent, by two people."),
        does.made, (ORDER,), True, does.is_in_doubt,
    ),
    Act(
        "not_made", R.MOVE_MONEY, frozenset({K.REFUND_FAILED}), N_("It was not made"),
        N_("It is not on the provider's own pages: by two people, then it can be asked for anew."),
        does.not_made, (ORDER,), True, does.is_in_doubt,
    ),
    Act(
        "keep", R.MOVE_MONEY, frozenset({K.CUSTODY_UNCLEAR, K.REFUND_PROPOSED}),
        N_("Keep it by order"), N_("The town keeps what nobody claims, by two people."),
        does.keep, (ORDER,), True, does.goes_back,
    ),
    Act(
        "close", R.MOVE_MONEY, frozenset({K.SUSPENSE_OVERDUE}), N_("Close it by order"),
        N_("The money will not come: the item ends as a loss, by two people."),
        does.keep, (ORDER,), True,
    ),
    Act(
        "ask", R.CHANGE_REQUEST, frozenset({K.PAYMENT_UNKNOWN}), N_("Ask the provider now"),
        N_("If it knows the end by now, the payment is decided and the task ends."),
        does.ask_provider,
    ),
    Act(
        "correct", R.MOVE_MONEY, frozenset({K.PAYMENT_UNKNOWN}), N_("Have it corrected"),
        N_("Two people call it failed. What comes later all the same is booked as ever."),
        does.correct, (ORDER,), True,
    ),
    Act(
        "probe", R.WORK_TASKS, frozenset({K.ACCOUNT_PAUSED}), N_("Ask at once"),
        N_("Any answer ends the pause."), does.probe,
    ),
    Act(
        "fetch", R.WORK_TASKS,
        frozenset({K.SETTLEMENTS_MISSING, K.SETTLEMENT_DIFFERENCE, K.SUSPENSE_OVERDUE}),
        N_("Fetch settlement reports"),
        N_("Asks the provider for all it has; nothing is booked twice."),
        does.fetch, offered=does.lists_reports,
    ),
    Act(
        "undo", R.MOVE_MONEY, frozenset({K.SETTLEMENT_DIFFERENCE}),
        N_("Undo the settlement report"),
        N_("Its entries are reversed and its items are open again, so that it can be booked anew."
           " What came with a file is undone with the whole file. Not when the pay-out is on the"
           " bank account."),
        does.undo, (WHY,), True, does.is_booked,
    ),
    Act(
        "refetch", R.WORK_TASKS, frozenset({K.SETTLEMENT_DIFFERENCE}),
        N_("Fetch this settlement report again"),
        N_("It was undone and is not fetched by itself. What the provider says of it now is booked"
           " as its next version."),
        does.refetch, offered=does.is_undone, after_end=True,
    ),
    Act(
        "end", R.WORK_TASKS, frozenset(K), N_("End the task"),
        N_("Only with a reason, and only when its cause is gone or explained."),
        does.end, (REASON,), offered=does.can_end,
        not_now=N_("Its cause still stands: the task cannot be ended by hand."),
    ),
)  # fmt: skip
BY_NAME: Mapping[str, Act] = {act.name: act for act in ACTS}


@dataclass(frozen=True, slots=True)
class Lead:
    """Another page where a task is mended, for who has the right to it."""

    endpoint: str
    right: Right
    button: str


LEADS: Mapping[Kind, Lead] = {
    K.ENDPOINT_SILENT: Lead("admin.endpoint", R.SEND_AGAIN, N_("Test the connection")),
    K.EVENT_NOT_ACKNOWLEDGED: Lead("admin.deliveries", R.SEE, N_("Look at the deliveries")),
    K.METHOD_ENDS: Lead("admin.rules", R.SEE_SETTINGS, N_("Look at the rules")),
    K.LAST_METHOD_ENDS: Lead("admin.rules", R.SEE_SETTINGS, N_("Look at the rules")),
}


def lead(task: StaffTask) -> Lead | None:
    """Where this person can go to mend a task."""
    found = LEADS.get(Kind(task.kind))
    return found if found and gate.person().may(found.right) else None
