"""Who is signed in, and whether the door asked for is open to this person.

What somebody may not see is not there: the same answer as for what never was. Each refusal is
written down. Before anything else the address is looked at, where a town allows only some.
"""

from itertools import chain
from typing import Any, NoReturn

from flask import Response, g, redirect, request, url_for
from flask.typing import ResponseReturnValue

from portal import audit
from portal.admin import cookie, doors
from portal.admin.doors import DOORS, Open
from portal.db import db, transaction
from portal.errors import NotFound
from portal.staff import networks, sittings
from portal.staff.roles import Right
from portal.staff.sittings import Person
from portal.web import language, limits
from portal.web.current import tenant_id

LONGEST_WAY_BACK = 300
MOST = 2**63  # numbers of rows are below


@doors.bp.before_request
def ask() -> ResponseReturnValue | None:
    """Ask at every door."""
    language.only(language.STAFF)
    asks = DOORS.get(request.endpoint or "")
    if asks is None or not _is_sayable():
        raise NotFound
    known = networks.lets_in(networks.of(db.session(), tenant_id()), limits.address())
    g.person = _sitting()
    if not known:
        if g.person is not None:
            refuse("from another network")
        raise NotFound
    if asks is Open.ANYONE:
        return None
    if g.person is None:
        return redirect(url_for("admin.sign_in_page", back=_here()), 303)
    if isinstance(asks, Right) and not g.person.may(asks):
        refuse(f"{request.method} {request.endpoint}")
    return None


@doors.bp.after_request
def renew(answer: Response) -> Response:
    """A used sitting goes on; another one, or none, is told by the view itself."""
    name = g.get("sitting_name")
    if name and g.get("person") and "Set-Cookie" not in answer.headers:
        cookie.write(answer, name)
    return answer


def person() -> Person:
    """Who is signed in."""
    found: Person = g.person
    return found


def signed_in() -> Person | None:
    """Who is signed in, if anybody is."""
    found: Person | None = g.get("person")
    return found


def refuse(what: str, detail: dict[str, Any] | None = None) -> NoReturn:
    """Write down that this person may not do it, and answer as if it were not there."""
    who = person()
    db.session.rollback()
    with transaction() as session:
        audit.note(session, who.tenant_id, who.actor, "staff.refused", what, detail)
    raise NotFound


def way_back(told: str) -> str:
    """Where somebody wanted to go before signing in: a page of ours, or the first one."""
    own = told.startswith(f"{doors.PREFIX}/") and "\\" not in told and "//" not in told
    fits = len(told) <= LONGEST_WAY_BACK and told.isprintable()
    return told if own and fits else url_for("admin.home")


def _is_sayable() -> bool:
    """Whether an address names nothing that no row can hold: it would end as our own fault."""
    named = (request.view_args or {}).values()
    texts = chain(map(str, named), request.args.values())
    numbers = (each for each in named if isinstance(each, int))
    return not any("\0" in each for each in texts) and all(each < MOST for each in numbers)


def _sitting() -> Person | None:
    g.sitting_name = cookie.read()
    return sittings.find(db.session(), tenant_id(), g.sitting_name) if g.sitting_name else None


def _here() -> str | None:
    return request.full_path.removesuffix("?") if request.method == "GET" else None
