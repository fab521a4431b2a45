"""Forms of settings as tables: each box with its name, words and sort; one template draws all."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from flask import request
from flask.typing import ResponseReturnValue

from portal.admin.approvals import waiting
from portal.admin.frame import page
from portal.db import db

LONGEST = 20_000


@dataclass(frozen=True, slots=True)
class Box:
    """One field; ``sort`` is text, area, password, date, number, tick, choose or file."""

    name: str
    label: str
    hint: str = ""
    sort: str = "text"
    options: Sequence[tuple[str, str]] = ()
    required: bool = False


@dataclass(frozen=True, slots=True)
class Form:
    """A page with one form. ``acts`` wait for a second person and are shown above it.

    ``proves``: whoever sends it proves again to be it (``admin.proof``).
    """

    title: str
    intro: str
    action: str
    send: str
    boxes: Sequence[Box]
    acts: frozenset[str] = frozenset()
    may_send: bool = True
    back: str = ""  # the section's address, where this is a page below it
    proves: bool = False


def told(boxes: Iterable[Box]) -> dict[str, str]:
    """What was sent for these boxes; a tick is ``1`` or nothing."""
    return {box.name: request.form.get(box.name, "")[:LONGEST] for box in boxes}


def shown(
    form: Form,
    values: Mapping[str, str],
    errors: Mapping[str, str] | None = None,
    status: int = 200,
) -> ResponseReturnValue:
    """The page of a form."""
    titles = waiting.titles(db.session(), form.acts) if form.acts else []
    return page(
        "admin/settings_form.html", status, form=form, values=values, errors=errors or {},
        waiting=titles,
    )  # fmt: skip
