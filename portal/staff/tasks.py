"""Jobs of the staff room: sittings that are over, and roles that nobody agreed to in time."""

from portal import jobs
from portal.staff import granting, sittings


@jobs.every("23 * * * *", "staff.tidy")
def tidy() -> None:
    """Forget sittings a day after their end; end what waited seven days for a second person."""
    sittings.forget()
    granting.run_out()
