"""All rows of the portal's database: importing this fills the metadata."""

from portal import audit, tenants
from portal.approvals import models as approvals
from portal.finance import models as finance
from portal.ledger import models as ledger
from portal.payments import models as payments
from portal.payments import returns
from portal.requests import models as requests

__all__ = [
    "approvals",
    "audit",
    "finance",
    "ledger",
    "payments",
    "requests",
    "returns",
    "tenants",
]
