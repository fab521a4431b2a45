"""Jobs of the staff room: sittings that are over, and roles that nobody agreed to in time."""

from portal import jobs
from portal.approvals import ending
from portal.staff import directory_setting, granting, new_keys, sittings

# Of rooms without a worker of it.
OF_SETTINGS = {
    "tenant.bank", "tenant.addresses", "tenant.retention", "account.put",
    "client.add", "client.add_key", "endpoint.put",
}  # fmt: skip
ACTS = frozenset({granting.ACT, directory_setting.ACT, new_keys.ACT, *OF_SETTINGS})


@jobs.every("23 * * * *", "staff.tidy")
def tidy() -> None:
    """Forget sittings a day after their end; end what waited seven days for a second person."""
    sittings.forget()
    ending.run_out(ACTS)
