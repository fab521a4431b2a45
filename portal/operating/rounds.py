"""What the tables say: the rounds of ``quitt doctor`` that need a database in order."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal import rekeying
from portal.config import Settings
from portal.faces import town as faces
from portal.keys import Keyring
from portal.operating import figures
from portal.operating.findings import Finding, fail, good, warn
from portal.payments import announcing, ends
from portal.payments.models import AccountSilence, ProviderAccount
from portal.proof import chain, invariants
from portal.retention import due
from portal.settlements import missing
from portal.tenants import Tenant, TenantHost

WORKER_SILENT = 60  # seconds
EVENT_LATE = 15 * 60  # seconds
JOB_LONG = 30 * 60  # seconds; the longest, the nightly look, takes minutes
ENDS_SOON = 30  # days
IMPRINT = ("account_holder", "iban", "street", "postcode_city", "phone", "email")
PRACTICE = "sandbox"
MOST_ROWS = 3
PAUSED_FOR = {  # why, and what to do
    "silent": (
        "it has not answered",
        "It is asked again and taken back by itself. Do its credentials still hold?",
    ),
    "key_refused": (
        "its provider does not take its key",
        "Was it revoked? Set another one: ./quitt provider account put",
    ),
}
KEPT_TODO = "Is the worker at work at night? By hand: ./quitt retention run"


@dataclass(frozen=True, slots=True)
class Round:
    """One look into the tables, which writes nothing."""

    settings: Settings
    session: Session
    now: datetime


def _worker(look: Round) -> Iterator[Finding]:
    told = _told(look)
    seen = told["quitt_worker_seen_seconds"]
    if seen < 0:
        yield warn("worker", "none has been seen", "Start one: ./quitt worker")
    elif seen > WORKER_SILENT:
        yield warn("worker", f"not seen for {seen:.0f} seconds", "Start one: ./quitt worker")
    else:
        yield good("worker", "at work")
    if failed := told['quitt_jobs{state="failed"}']:
        yield warn("jobs", f"{failed:.0f} have failed", "The worker's log of this day says why.")
    if (running := told["quitt_job_running_seconds"]) > JOB_LONG:
        yield warn(
            "jobs",
            f"one has been running for {running / 60:.0f} minutes",
            "Others may wait for it. Start the workers again: what they did not end is put back.",
        )


def _events(look: Round) -> Iterator[Finding]:
    told = _told(look)
    late = told["quitt_event_oldest_seconds"]
    if late > EVENT_LATE:
        yield warn(
            "events",
            f"the oldest has waited for {late / 60:.0f} minutes to be handed over",
            "Does the finance system answer at its address? ./quitt events list TENANT",
        )
    for state, are in (("parked", "are parked"), ("refused", "were refused by finance systems")):
        if many := told[f'quitt_events{{state="{state}"}}']:
            yield warn("events", f"{many:.0f} {are}", "See ./quitt events list TENANT")
    if silent := told["quitt_endpoints_silent"]:
        yield warn("events", f"{silent:.0f} finance systems do not answer", "Ask who runs them.")
    tasks = sum(each for name, each in told.items() if name.startswith("quitt_tasks_open"))
    if tasks:
        yield warn("tasks", f"{tasks:.0f} wait for staff", "They are listed for each town.")
    else:
        yield good("tasks", "none waits for staff")


def _payments(look: Round) -> Iterator[Finding]:
    if long := _told(look)['quitt_payments_undecided{begun="longer"}']:
        yield warn(
            "payments",
            f"{long:.0f} are undecided for more than a day",
            "Their provider does not say how they ended: ask it.",
        )
    else:
        yield good("payments", "none is undecided for more than a day")


def _books(look: Round) -> Iterator[Finding]:
    wrong = invariants.broken(look.session)
    for rule, rows in wrong.items():
        some = "; ".join(str(tuple(row)) for row in rows[:MOST_ROWS])
        yield fail("books", f"not true: {rule} ({some})", "Tell the town's cash office and us.")
    if not wrong:
        yield good("books", "every rule holds")


def _kept(look: Round) -> Iterator[Finding]:
    """The worker lets go each night of what is due; what was not a day later, is kept too long."""
    if past := due.overdue(look.session):
        some = "; ".join(str(row) for row in past[:MOST_ROWS])
        yield fail("retention", f"{len(past)} are kept past their time ({some})", KEPT_TODO)
    else:
        yield good("retention", "nothing is kept past its time")


def _keys(look: Round) -> Iterator[Finding]:
    keyring = Keyring.parse(look.settings.keys)
    hanging = rekeying.counts(look.session)
    for key_id in sorted(hanging.keys() - {key.id for key in keyring.keys}):
        yield fail(
            "keys",
            f"{hanging[key_id]} requests and credentials hang on {key_id}, which is not there",
            "Put it back into QUITT_KEYS, behind the one in use.",
        )
    yield good("keys", f"{len(keyring.keys)} configured, {keyring.current.id} is in use")


def _hosts(look: Round) -> Iterator[Finding]:
    current = func.count().filter(TenantHost.current)
    query = (
        select(Tenant.id, current)
        .outerjoin(TenantHost, TenantHost.tenant_id == Tenant.id)
        .group_by(Tenant.id)
        .order_by(Tenant.id)
    )
    towns = 0
    for tenant_id, many in look.session.execute(query):
        towns += 1
        if many != 1:
            yield fail(
                "hosts", f"{tenant_id} has {many} host names of today", "Each town needs one."
            )
    yield (
        good("hosts", f"{towns} towns")
        if towns
        else warn("hosts", "there is no town yet", "Set up the first one.")
    )


def _imprint(look: Round) -> Iterator[Finding]:
    if look.settings.demo:
        return
    for town in look.session.scalars(select(Tenant).order_by(Tenant.id)):
        if empty := [name for name in IMPRINT if not getattr(town, name)]:
            yield warn(
                "imprint",
                f"{town.id} says nothing of {', '.join(empty)}",
                "Imprint, privacy notice and transfer details are shown without them.",
            )


def _placeholders(look: Round) -> Iterator[Finding]:
    for town in look.session.scalars(select(Tenant).order_by(Tenant.id)):
        if gaps := faces.missing(look.session, town):
            yield warn(
                "placeholders",
                f"{town.id} shows {len(gaps)} on its pages: {', '.join(gaps)}",
                f"Let the town fill them in: ./quitt tenant set {town.id} FIELD TEXT",
            )


def _accounts(look: Round) -> Iterator[Finding]:
    if look.settings.demo:
        return
    open_ones: set[str] = set()
    for account in look.session.scalars(select(ProviderAccount).order_by(ProviderAccount.id)):
        place = f"{account.tenant_id}/{account.id}"
        if account.live and account.provider == PRACTICE:
            yield fail("accounts", f"{place} is practice, but called live", "Use a real provider.")
        elif not account.live:
            yield warn("accounts", f"{place} takes no real money", "Replace it by a live one.")
        else:
            open_ones.add(account.tenant_id)
    for tenant_id in look.session.scalars(select(Tenant.id).order_by(Tenant.id)):
        if tenant_id not in open_ones:
            yield warn("accounts", f"{tenant_id} has no live provider account", "Set one up.")


def _pauses(look: Round) -> Iterator[Finding]:
    silence = AccountSilence
    query = select(silence).where(silence.paused_at.is_not(None)).order_by(silence.since)
    for row in look.session.scalars(query):
        why, todo = PAUSED_FOR[row.cause]
        said = f"{row.tenant_id}/{row.account_id} is paused, {why}"
        yield warn("accounts", f"{said} since {row.since:%Y-%m-%d %H:%M} UTC", todo)


def _settlements(look: Round) -> Iterator[Finding]:
    """Reports that cannot be had, or cannot be booked: a pay-out without one stays on its way."""
    for place, said in missing.sentences(look.session):
        yield warn(
            "settlements",
            f"{place}: {said}",
            "See ./quitt settlement list. May the account's key read pay-outs and reports?",
        )


def _endings(look: Round) -> Iterator[Finding]:
    """What ends and is not followed is told to citizens and to the town before."""
    for tenant_id in look.session.scalars(select(Tenant.id).order_by(Tenant.id)).all():
        for ending, left in announcing.coming(look.session, tenant_id):
            if left < 0:
                continue
            say = fail if ending.gaps else warn
            soon = "Agree now on what follows." if left <= ENDS_SOON else "Agree on what follows."
            said = f"{tenant_id}/{announcing.sentence(ending, left)}"
            yield say("methods", said, f"{soon} Tell the citizens.")
        for rule, ended in announcing.dead(look.session, tenant_id):
            yield fail(
                "methods",
                f"{tenant_id}/{rule.label} offers {rule.method}, which ended on {ended.last_day}",
                f"End it: ./quitt provider rule end {tenant_id} {rule.id} ({ended.source})",
            )
        town, today = announcing.of_town(look.session, tenant_id)
        if kinds := ends.without_any(town, today):
            yield warn(
                "methods",
                f"nothing can be paid online in {tenant_id} for {', '.join(kinds)}",
                f"Set a rule: ./quitt provider rule put {tenant_id} --help",
            )


def _audit(look: Round) -> Iterator[Finding]:
    """The audit is chained by the worker a moment after it is written."""
    links = 0
    for tenant_id in look.session.scalars(select(Tenant.id).order_by(Tenant.id)).all():
        verdict = chain.verify(look.session, tenant_id)
        links += verdict.links
        if verdict.wrong:
            what = verdict.found[0].what
            yield fail(
                "audit", f"of {tenant_id}: {what}", f"See ./quitt audit verify --tenant {tenant_id}"
            )
    yield good("audit", f"{links} notes are chained")


ROUNDS: tuple[Callable[[Round], Iterator[Finding]], ...] = (
    _worker,
    _events,
    _payments,
    _books,
    _audit,
    _kept,
    _keys,
    _hosts,
    _imprint,
    _placeholders,
    _accounts,
    _pauses,
    _settlements,
    _endings,
)


def _told(look: Round) -> dict[str, float]:
    return {
        each.name + (f"{{{each.labels}}}" if each.labels else ""): each.value
        for each in figures.gather(look.session, look.now)
    }
