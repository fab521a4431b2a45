"""Jobs of the requests room."""

from portal import jobs
from portal.requests import expiry


@jobs.every("*/5 * * * *", "requests.expire")
def expire_requests() -> None:
    """End the requests whose last day is over."""
    expiry.expire_due()
