"""Jobs of the settlements room."""

from flask import current_app

from portal import jobs
from portal.settlements import fetching


@jobs.every("*/5 * * * *", "settlements.fetch")
def fetch_settlements() -> None:
    """Ask providers each night for settlement reports of which no notification came."""
    fetching.fetch_due(current_app.extensions["keyring"])
