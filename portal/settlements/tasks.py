"""Jobs of the settlements room."""

from flask import current_app

from portal import jobs
from portal.settlements import fetching, missing, overdue, reserves


@jobs.every("*/5 * * * *", "settlements.fetch")
def fetch_settlements() -> None:
    """Ask providers each night for settlement reports of which no notification came."""
    fetching.fetch_due(current_app.extensions["keyring"])


@jobs.every("17 * * * *", "settlements.reserves")
def end_closings() -> None:
    """End what was asked to be closed and nobody approved."""
    reserves.run_out()


@jobs.every("20 5 * * *", "settlements.missing")
def look_for_missing() -> None:
    """Tell of accounts whose money waits and of which no report comes."""
    missing.look_all()


@jobs.every("8-58/10 * * * *", "settlements.overdue")
def look_for_overdue() -> None:
    """Tell of suspense items that a provider should have paid out by now."""
    overdue.look_all()
