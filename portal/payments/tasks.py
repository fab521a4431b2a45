"""Jobs of the payments room."""

from flask import current_app

from portal import jobs
from portal.payments import closing, sending, sweep


@jobs.every("* * * * * */30", "payments.sweep")
def ask_providers() -> None:
    """Ask about all payments that are due."""
    sweep.sweep(current_app.extensions["keyring"])


@jobs.every("* * * * * */30", "payments.refunds")
def send_refunds() -> None:
    """Send what was approved, tell again what is not decided, end what nobody approved."""
    sending.go_on(current_app.extensions["keyring"])
    closing.run_out()
