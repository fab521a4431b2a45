"""All rows of the portal's database: importing this fills the metadata."""

from portal import audit, tenants
from portal.approvals import models as approvals
from portal.faces import models as faces
from portal.finance import models as finance
from portal.ledger import models as ledger
from portal.ledger import settlements
from portal.payments import figures, mails, returned
from portal.payments import models as payments
from portal.proof import models as proof
from portal.requests import counting, purged
from portal.requests import models as requests
from portal.retention import models as retention
from portal.settlements import fetching, unbooked
from portal.staff import models as staff
from portal.worklist import models as worklist

__all__ = [
    "approvals",
    "audit",
    "counting",
    "faces",
    "fetching",
    "figures",
    "finance",
    "ledger",
    "mails",
    "payments",
    "proof",
    "purged",
    "requests",
    "retention",
    "returned",
    "settlements",
    "staff",
    "tenants",
    "unbooked",
    "worklist",
]
