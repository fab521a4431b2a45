"""Jobs of the retention room."""

from flask import current_app

from portal import jobs
from portal.retention import purging


@jobs.every("41 2 * * *", "retention.purge")
def purge() -> None:
    """Let go of what is due, each night."""
    purging.night(current_app.extensions["keyring"])
