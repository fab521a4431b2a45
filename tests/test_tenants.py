"""What is done for every town: one that is broken keeps it from no other."""

import logging
from collections.abc import Callable

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from portal import tenants
from portal.db import db, transaction
from portal.payments import announcing
from portal.proof import chain
from portal.proof import tasks as nightly
from portal.requests import guesses
from portal.retention import purging
from portal.settlements import missing, overdue
from portal.tenants import NotEverywhere
from tests.builders import OTHER_TOWN, TOWN

pytestmark = pytest.mark.usefixtures("app")
FIRST, SECOND = sorted((TOWN, OTHER_TOWN))


def test_what_fails_in_one_town_is_done_in_the_others_and_said_in_the_end(
    caplog: pytest.LogCaptureFixture,
) -> None:
    done = []

    def act(tenant_id: str) -> None:
        with transaction() as session:
            if tenant_id == FIRST:
                session.execute(text("SELECT 1 / 0"))
        done.append(tenant_id)

    with caplog.at_level(logging.ERROR), pytest.raises(NotEverywhere, match=f"^{FIRST}$"):
        tenants.each(act)
    assert done == [SECOND]
    assert [(one.message, vars(one)["tenant"]) for one in caplog.records] == [
        ("town_failed", FIRST)
    ]


def test_without_a_database_no_other_town_is_tried() -> None:
    tried = []

    def act(tenant_id: str) -> None:
        tried.append(tenant_id)
        raise OperationalError("SELECT 1", {}, Exception("gone"), connection_invalidated=True)

    with pytest.raises(OperationalError):
        tenants.each(act)
    assert tried == [FIRST]


ROUNDS: dict[str, tuple[Callable[[], object], object, str]] = {
    "ends": (announcing.look_all, announcing, "look"),
    "overdue": (overdue.look_all, overdue, "look"),
    "guesses": (guesses.look, guesses, "_look"),
    "missing reports": (missing.look_all, missing.staff, "reports_stay_away"),
    "chain": (chain.extend_all, chain, "extend"),
    "night": (lambda: nightly.look(timestamp=0), nightly, "_look"),
    "purge": (lambda: purging.night(None), purging, "_purge"),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("name", ROUNDS)
def test_no_round_ends_at_the_first_town_that_is_broken(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    go, room, step = ROUNDS[name]
    seen: list[str] = []

    def broken(*told: object, **_: object) -> None:
        seen.extend(one for one in told if one in {FIRST, SECOND})  # type: ignore[misc]
        raise RuntimeError

    monkeypatch.setattr(room, step, broken)
    with pytest.raises(NotEverywhere):
        go()
    assert seen == [FIRST, SECOND]
    db.session.rollback()
