"""Jobs of the payments room."""

from flask import current_app

from portal import jobs, mail
from portal.payments import (
    announcing,
    closing,
    correcting,
    fetching,
    figures,
    mails,
    probing,
    proposing,
    sending,
    sweep,
)


@jobs.every("* * * * * */30", "payments.sweep")
def ask_providers() -> None:
    """Ask about all payments that are due."""
    sweep.sweep(current_app.extensions["keyring"])


@jobs.every("* * * * * */30", "payments.refunds")
def send_refunds() -> None:
    """Send what was approved, tell again what is not decided, end what nobody approved."""
    sending.go_on(current_app.extensions["keyring"])
    closing.run_out()
    correcting.run_out()


@jobs.every("* * * * * */15", "payments.probes")
def probe_accounts() -> None:
    """Ask for the paused accounts whose turn it is whether they answer again."""
    probing.probe(current_app.extensions["keyring"])


@jobs.every("7 * * * *", "payments.ends")
def announce_ends() -> None:
    """Tell staff of accounts and rules that end soon and that nothing follows."""
    announcing.look_all()


@jobs.every("* * * * *", "payments.proposals")
def propose_refunds() -> None:
    """Propose that surplus goes back, and end what was decided otherwise."""
    proposing.look()


@jobs.every("*/10 * * * *", "payments.figures")
def ask_for_figures() -> None:
    """Ask providers what they took up to the end of the town's yesterday, once a day."""
    figures.ask_due(current_app.extensions["keyring"])


@jobs.every("*/5 * * * *", "payments.settlements")
def fetch_settlements() -> None:
    """Ask providers each night for settlement reports of which no notification came."""
    fetching.fetch_due(current_app.extensions["keyring"])


@jobs.every("* * * * * */10", "payments.mails")
def send_mails() -> None:
    """Send the confirmations that were ordered by e-mail; forget what waits too long."""
    mails.forget()
    if way := mail.post(current_app.extensions["settings"]):
        mails.send_due(current_app.extensions["keyring"], way)
