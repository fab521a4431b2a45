"""The town's bank account: whoever changes it alone could have all transfers go elsewhere.

One asks, another person who may approve sees the old and the new and agrees.
"""

from collections.abc import Mapping

from sqlalchemy.orm import Session

from portal.approvals import changing, deciding
from portal.approvals.deciding import Wanted
from portal.db import lock, transaction
from portal.errors import Invalid
from portal.faces.setting import NoSuchTown, line
from portal.tenants import Tenant

ACT = "tenant.bank"
SUBJECT = "bank"
FIELDS = ("account_holder", "iban", "bic")


class NotABank(Invalid):
    """A value that cannot be taken; ``field`` is which."""

    code = "not_set"

    def __init__(self, field: str, why: str) -> None:
        super().__init__(why)
        self.field = field


def ask(tenant_id: str, said: Mapping[str, str], by: str) -> None:
    """Ask for another account. A whole act. Raises ``NotABank`` and what ``changing.ask`` does."""
    with transaction() as session:
        becomes = {name: _checked(name, said.get(name, "")) for name in FIELDS}
        if bool(becomes["iban"]) != bool(becomes["account_holder"]):
            missing = "iban" if becomes["account_holder"] else "account_holder"
            raise NotABank(missing, "Holder and IBAN belong together.")
        changing.ask(
            session, Wanted(ACT, SUBJECT, None, {}), _town(session, tenant_id), becomes, by
        )


def approve(tenant_id: str, by: str, number: int | None = None) -> None:
    """The second person agrees. A whole act."""
    with transaction() as session:
        changing.approve(session, ACT, SUBJECT, _town(session, tenant_id), by, number)


def refuse(tenant_id: str, by: str, why: str = "", number: int | None = None) -> None:
    """The account stays. A whole act."""
    with transaction() as session:
        deciding.refuse(session, tenant_id, ACT, SUBJECT, by, why, number)


def _checked(name: str, text: str) -> str:
    try:
        return line(name, text)
    except Invalid as error:
        raise NotABank(name, str(error)) from None


def _town(session: Session, tenant_id: str) -> Tenant:
    town = lock(session, Tenant, tenant_id)
    if town is None:
        raise NoSuchTown(f"There is no tenant {tenant_id!r}.")
    return town
