"""Proving again to be it, in the form that moves money: a code unless one was given a moment ago.

The form shows the field by the macro ``proof`` and sends all of itself; nothing typed is lost. Who
came from the directory proves it there, in another tab, and then sends the form.
"""

from flask import request

from portal.admin import gate
from portal.staff import signing_in
from portal.web.current import keyring
from portal.web.language import gettext


def faults() -> dict[str, str]:
    """What is wrong with the proof in this form; nothing when it counts. A whole act."""
    who = gate.person()
    if who.proved or (who.local and signing_in.prove(keyring(), who, request.form.get("code", ""))):
        return {}
    if not who.local:
        wrong = gettext("Please prove at the directory that it is you, then send this once more.")
        return {"code": wrong}
    return {"code": gettext("This code is not right, or it was used already.")}
