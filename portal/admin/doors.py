"""Doors: no page of the admin view without the right that it asks for.

    @door.get("/requests", Right.SEE)
    def requests() -> ResponseReturnValue: ...

The route and its right are said in one place, and ``gate`` asks before anything else is done. The
blueprint must be used in no other way; a test keeps that every route has its door.
"""

from collections.abc import Callable
from enum import Enum
from typing import TypeVar

from flask import Blueprint
from flask.typing import ResponseReturnValue

from portal.staff.roles import Right

PREFIX = "/admin"
View = TypeVar("View", bound=Callable[..., ResponseReturnValue])


class Open(Enum):
    """Doors that ask for no right."""

    ANYONE = "anyone"
    SIGNED_IN = "signed in"


Asks = Right | Open
DOORS: dict[str, Asks] = {}  # the route's endpoint, and what it asks for

bp = Blueprint("admin", __name__, url_prefix=PREFIX)


def get(rule: str, asks: Asks) -> Callable[[View], View]:
    """A page to look at: it changes nothing."""
    return _door("GET", rule, asks)


def post(rule: str, asks: Asks) -> Callable[[View], View]:
    """A form that is sent."""
    return _door("POST", rule, asks)


def _door(method: str, rule: str, asks: Asks) -> Callable[[View], View]:
    def hang(view: View) -> View:
        DOORS[f"{bp.name}.{view.__name__}"] = asks
        bp.add_url_rule(rule, view_func=view, methods=[method])
        return view

    return hang
