"""Jobs of the approvals room."""

from portal import jobs
from portal.approvals import rules


@jobs.every("41 * * * *", "approvals.tidy")
def tidy() -> None:
    """End rules that nobody approved within seven days."""
    rules.run_out()
