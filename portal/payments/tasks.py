"""Jobs of the payments room."""

from flask import current_app

from portal import jobs
from portal.payments import sweep


@jobs.every("* * * * * */30", "payments.sweep")
def ask_providers() -> None:
    """Ask about all payments that are due."""
    sweep.sweep(current_app.extensions["keyring"])
