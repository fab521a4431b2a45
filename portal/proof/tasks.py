"""Jobs of the proof room: linking the audit chain, and the nightly look at everything."""

import logging
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from flask import current_app, g, render_template
from sqlalchemy import select

from portal import jobs, mail, tenants
from portal.db import db, transaction
from portal.finance import messages, outbox
from portal.mail import Words
from portal.proof import chain, closing, daily, invariants
from portal.retention import due
from portal.tenants import Tenant
from portal.web import language
from portal.worklist import reading, writing
from portal.worklist.kinds import Kind

EVERY_MINUTE = "* * * * *"
HOURLY = "37 * * * *"
NIGHTLY = "23 3 * * *"
CHAIN = "the audit chain is whole"
KEPT = "nothing is kept past its time"

log = logging.getLogger(__name__)


@jobs.every(EVERY_MINUTE, "proof.link")
def link() -> None:
    """Give the notes of the last minute their places in the audit chain."""
    chain.extend_all()


@jobs.every(HOURLY, "proof.anchor")
def anchor() -> None:
    """Write each chain's head into the log: kept elsewhere, it tells of a tail that was cut."""
    with transaction() as session:
        for tenant_id in session.scalars(select(Tenant.id).order_by(Tenant.id)).all():
            head = str(chain.head_of(session, tenant_id))
            log.info("audit_head", extra={"tenant": tenant_id, "head": head})


@jobs.every("41 * * * *", "proof.tidy")
def tidy() -> None:
    """End what waited seven days for a second person."""
    closing.run_out()


@jobs.every("*/10 * * * *", "proof.daily_mail")
def send_daily_mail() -> None:
    """Tell the towns' mailboxes what is open, once a day from their hour on."""
    if way := mail.post(current_app.extensions["settings"]):
        daily.send_due(way, _words)


def _words(tenant_id: str, numbers: daily.Numbers) -> Words:
    """The daily mail in the town's language; the template's first line is the subject."""
    with transaction() as session:
        host = tenants.host_of(session, tenant_id)
        spoken = session.get_one(Tenant, tenant_id).language
    url = current_app.extensions["settings"].public_url(host)
    with current_app.test_request_context(base_url=url):  # sentences are said to somebody
        g.language = spoken if spoken in language.STAFF else language.STAFF[0]
        text = render_template("admin/daily_mail.txt", told=numbers, url=f"{url}/admin/")
        subject, _, body = text.strip().partition("\n")
        return Words(subject, body.strip() + "\n", language.spoken().tag)


@jobs.every(NIGHTLY, "proof.look")
def look() -> None:
    """Run all rules and check all chains; what is broken is logged and is a task of its town."""
    broken: dict[str, dict[str, int]] = defaultdict(dict)
    full = set()
    for rule, rows in _found().items():
        _log(rule, len(rows), rows)
        if len(rows) >= invariants.MOST_ROWS:
            full.add(rule)
        for tenant_id in {row[0] for row in rows} - {None}:
            broken[tenant_id][rule] = sum(row[0] == tenant_id for row in rows)
    tenants.each(lambda tenant_id: _look(tenant_id, broken[tenant_id], full))


def _look(tenant_id: str, broken: dict[str, int], full: set[str]) -> None:
    """Check a town's chain, with all its notes in it, and tell what is broken there."""
    chain.extend(tenant_id, everything=True)
    with transaction() as session:
        written_down = closing.last_head(session, tenant_id)
    verdict = chain.verify(db.session(), tenant_id, written_down)
    db.session.rollback()
    if verdict.wrong:
        broken[CHAIN] = verdict.wrong
        _log(CHAIN, verdict.wrong, [(tenant_id, *found) for found in verdict.found])
    _tell(tenant_id, broken, full)
    if not verdict.wrong:
        _tell_head(tenant_id, verdict.head)


def _found() -> dict[str, list[tuple[Any, ...]]]:
    """Every broken rule with its rows, tenant first; so is what should be deleted by now."""
    found: dict[str, list[tuple[Any, ...]]] = dict(invariants.broken(db.session()))
    with transaction() as session:
        if kept := due.overdue(session):
            found[KEPT] = kept[: invariants.MOST_ROWS]
    return found


def _tell_head(tenant_id: str, head: chain.Head) -> None:
    """Tell the finance system where a chain that holds ends: there nobody of ours can change it."""
    if head.seq:
        with transaction() as session:
            outbox.put(session, tenant_id, messages.audit_anchored(head.seq, head.hash, None))


def _log(rule: str, count: int, rows: Iterable[tuple[object, ...]]) -> None:
    named = [" ".join(map(str, row)) for row in rows]
    log.error("books_broken", extra={"rule": rule, "count": count, "rows": named})


def _tell(tenant_id: str, broken: dict[str, int], full: set[str]) -> None:
    """A task for each broken rule; one whose rule holds again is over.

    A rule broken by more rows than were read may be broken here too: its task stays.
    """
    with transaction() as session:
        for rule, count in broken.items():
            writing.put(session, tenant_id, Kind.BOOKS_BROKEN, rule, detail={"rows": count})
        for task in reading.open_tasks(session, tenant_id, kinds=[Kind.BOOKS_BROKEN]):
            if task.subject not in broken and task.subject not in full:
                writing.end(session, tenant_id, Kind.BOOKS_BROKEN, task.subject, "worker")
