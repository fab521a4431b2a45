"""Jobs of the requests room."""

from portal import jobs
from portal.requests import expiry, grants, guesses


@jobs.every("*/5 * * * *", "requests.expire")
def expire_requests() -> None:
    """End the requests whose last day is over."""
    expiry.expire_due()


@jobs.every("17 * * * *", "requests.tidy")
def forget_grants() -> None:
    """Delete the grants that have ended."""
    grants.delete_ended()


@jobs.every("*/10 * * * *", "requests.guesses")
def look_for_guesses() -> None:
    """See in which towns many wrong TANs are typed."""
    guesses.look()
