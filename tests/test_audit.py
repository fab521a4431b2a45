"""Who did what, when, to which thing."""

import pytest
from flask import Flask
from sqlalchemy import delete, select, update
from sqlalchemy.exc import ProgrammingError

from portal import audit
from portal.audit import AuditRow
from portal.db import db, transaction
from tests.builders import TOWN


def rows() -> list[AuditRow]:
    db.session.rollback()
    return list(db.session.scalars(select(AuditRow).order_by(AuditRow.id)))


def test_an_act_is_noted_with_who_and_what(app: Flask) -> None:
    with transaction() as session:
        audit.note(session, TOWN, "client:c_1", "request.put", "K-1", {"stored": "created"})
        audit.note(session, TOWN, "worker", "request.expired", "K-1")
    first, second = rows()
    assert (first.actor, first.act, first.subject) == ("client:c_1", "request.put", "K-1")
    assert (first.detail, second.detail) == ({"stored": "created"}, {})
    assert first.at.tzinfo is not None


def test_what_is_undone_is_not_noted(app: Flask) -> None:
    def undone() -> None:
        with transaction() as session:
            audit.note(session, TOWN, "worker", "act", "thing")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        undone()
    assert rows() == []


@pytest.mark.parametrize("undo", [update(AuditRow).values(actor="nobody"), delete(AuditRow)])
def test_a_note_is_never_changed(app: Flask, undo: object) -> None:
    with transaction() as session:
        audit.note(session, TOWN, "worker", "act", "thing")
    with pytest.raises(ProgrammingError, match="permission denied"), transaction() as session:
        session.execute(undo)  # type: ignore[call-overload]
    assert len(rows()) == 1
