"""Jobs of the payments room."""

from flask import current_app

from portal import jobs, mail
from portal.payments import announcing, correcting, figures, mails, probing, sweep


@jobs.every("* * * * * */30", "payments.sweep")
def ask_providers() -> None:
    """Ask about all payments that are due."""
    sweep.sweep(current_app.extensions["keyring"])


@jobs.every("* * * * * */30", "payments.corrections")
def end_corrections() -> None:
    """End what nobody approved in time."""
    correcting.run_out()


@jobs.every("* * * * * */15", "payments.probes")
def probe_accounts() -> None:
    """Ask for the paused accounts whose turn it is whether they answer again."""
    probing.probe(current_app.extensions["keyring"])


@jobs.every("7 * * * *", "payments.ends")
def announce_ends() -> None:
    """Tell staff of accounts and rules that end soon and that nothing follows."""
    announcing.look_all()


@jobs.every("*/10 * * * *", "payments.figures")
def ask_for_figures() -> None:
    """Ask providers what they took up to the end of the town's yesterday, once a day."""
    figures.ask_due(current_app.extensions["keyring"])


@jobs.every("* * * * * */10", "payments.mails")
def send_mails() -> None:
    """Send the confirmations that were ordered by e-mail; forget what waits too long."""
    mails.forget()
    if way := mail.post(current_app.extensions["settings"]):
        mails.send_due(current_app.extensions["keyring"], way)
