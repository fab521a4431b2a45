"""How long a town keeps what: by two people, since what is deleted does not come back."""

from portal.approvals import changing, deciding
from portal.approvals.deciding import Wanted
from portal.db import lock, transaction
from portal.errors import Invalid
from portal.retention.noting import NoSuchTenant
from portal.tenants import Tenant

ACT = "tenant.retention"
SUBJECT = "retention"
# As the constraints of the row say; books § 59 GemHVO and its like: ten years at least.
RANGES = {"retention_days": (14, 1826), "books_years": (10, 30), "voucher_years": (6, 30)}


class OutOfRange(Invalid):
    """Too short or too long; ``field`` is which, ``least`` and ``most`` what it may be."""

    code = "out_of_range"

    def __init__(self, field: str, least: int, most: int) -> None:
        super().__init__(f"{field} is from {least} to {most}.")
        self.field, self.least, self.most = field, least, most


def ask(tenant_id: str, said: dict[str, int], discharge_counts: bool, by: str) -> None:
    """Ask for other times. A whole act. Raises ``OutOfRange`` and what ``changing.ask`` does."""
    for name, (least, most) in RANGES.items():
        longest = min(most, said["books_years"]) if name == "voucher_years" else most
        if not least <= said[name] <= longest:
            raise OutOfRange(name, least, longest)
    becomes = {**{name: said[name] for name in RANGES}, "discharge_counts": discharge_counts}
    with transaction() as session:
        town = lock(session, Tenant, tenant_id)
        if town is None:
            raise NoSuchTenant(f"There is no tenant {tenant_id!r}.")
        changing.ask(session, Wanted(ACT, SUBJECT, None, {}), town, becomes, by)


def approve(tenant_id: str, by: str, number: int | None = None) -> None:
    """The second person agrees: it counts from the next night on. A whole act."""
    with transaction() as session:
        town = lock(session, Tenant, tenant_id)
        if town is None:
            raise NoSuchTenant(f"There is no tenant {tenant_id!r}.")
        changing.approve(session, ACT, SUBJECT, town, by, number)


def refuse(tenant_id: str, by: str, why: str = "", number: int | None = None) -> None:
    """The times stay. A whole act."""
    with transaction() as session:
        deciding.refuse(session, tenant_id, ACT, SUBJECT, by, why, number)
