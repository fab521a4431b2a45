"""The portal of a demo that runs, from inside: its application, and who sits in its admin view."""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from functools import cache
from typing import Any

from flask import Flask
from itsdangerous import URLSafeSerializer

from demo import secrets_file
from portal import clock, create_app
from portal.admin.cookie import PURPOSE
from portal.config import Settings
from portal.db import transaction
from portal.staff import members, sittings
from portal.staff.models import Sitting
from tests.stages import Demo

LONG_SINCE = timedelta(hours=1)  # who proved it then must do so again before money moves


def settings_of(demo: Demo) -> Settings:
    """With which a process of this demo runs."""
    return replace(
        Settings(),
        data=demo.data,
        database_url=demo.facts["database_url"],
        keys=secrets_file.load(demo.data)["keys"],
        demo=True,
        demo_clock=demo.data / "clock",
    )


def application(demo: Demo) -> Flask:
    """The demo's own, made once a process."""
    return _made(settings_of(demo))


def seat(demo: Demo, login: str, *, proved: bool = False) -> Mapping[str, Any]:
    """A cookie with which this person sits in the admin view, as Playwright takes one.

    Without ``proved``, forms that move money ask for a code.
    """
    made = application(demo)
    with made.app_context(), transaction() as session:
        member = members.by_login(session, demo.facts["tenant"], login)
        name = sittings.begin(session, member)
        if not proved:
            session.flush()
            key = demo.facts["tenant"], hashlib.sha256(name.encode()).digest()
            session.get_one(Sitting, key).proved_at = clock.now() - LONG_SINCE
    seal = made.extensions["keyring"].current.child(PURPOSE)
    told = URLSafeSerializer(seal).dumps([name, int(clock.now().timestamp())])
    portal = demo.facts["portal"]
    safe = portal.startswith("https:")
    cookie = "__Host-quitt-staff" if safe else f"quitt-{demo.port}-staff"
    return {"name": cookie, "value": str(told), "url": portal, "secure": safe, "httpOnly": True}


@cache
def _made(settings: Settings) -> Flask:
    return create_app(settings)
