"""The two towns of the demo: who they are, and the kinds of what they ask for.

Musterhausen answers on ``localhost``, Beispielstadt on ``127.0.0.1``: one installation, two
tenants. How they are paid stands in ``ways``.
"""

from collections.abc import Mapping

from sqlalchemy import delete
from sqlalchemy.orm import Session

from portal.finance.models import EventFeed
from portal.tenants import Kind, Tenant, TenantHost

FIRST, SECOND = "musterhausen", "beispielstadt"

# fmt: off
TOWNS = {
    FIRST: {
        "name": "Stadt Musterhausen", "account_holder": "Stadt Musterhausen",
        "iban": "DE02120300000000202051", "bic": "MUSTDEXXXXX",
        "street": "Rathausplatz 1", "postcode_city": "09999 Musterhausen",
        "phone": "09999 100-240", "hours": "Mo–Fr 8–12 Uhr, Do auch 14–18 Uhr",
        "email": "stadtkasse@musterhausen.example",
    },
    SECOND: {
        "name": "Gemeinde Beispielstadt", "account_holder": "Gemeinde Beispielstadt",
        "iban": "DE02500105170137075030", "bic": "BEISDEXXXXX",
        "street": "Am Markt 2", "postcode_city": "09998 Beispielstadt",
        "phone": "09998 200-0", "hours": "Mo–Do 9–12 Uhr",
        "email": "kasse@beispielstadt.example",
    },
}

# code, name, law, parts allowed, closed after payable_until, sentence (German, English)
KINDS = (
    ("tax",         "Steuer",         "public",  True,  False, "", ""),
    ("fee",         "Gebühr",         "public",  True,  False, "", ""),
    ("warning",     "Verwarnungsgeld", "warning", False, True,
        "Mit der Zahlung sind Sie mit der Verwarnung einverstanden.",
        "By paying you agree to the warning."),
    ("fine",        "Bußgeld",        "fine",    False, False, "", ""),
    ("reminder",    "Mahnung",        "public",  True,  False, "", ""),
    ("certificate", "Bescheinigung",  "private", False, False, "", ""),
    ("care",        "Betreuung",      "public",  True,  False, "", ""),
)
# fmt: on


def seed(session: Session, hosts: Mapping[str, str]) -> None:
    """Make the towns if they are not there yet, and let each answer on its host of today."""
    for tenant_id, facts in TOWNS.items():
        if session.get(Tenant, tenant_id) is None:
            session.add(Tenant(id=tenant_id, **facts))
            session.flush()
            session.add(EventFeed(tenant_id=tenant_id))
            _kinds(session, tenant_id)
    _answer_on(session, hosts)


def _kinds(session: Session, tenant_id: str) -> None:
    for code, name, law, parts, closed, german, english in KINDS:
        session.add(
            Kind(
                tenant_id=tenant_id,
                code=code,
                name=name,
                law=law,
                parts_allowed=parts,
                closes_after_payable_until=closed,
                sentence_de=german,
                sentence_en=english,
            )
        )


def _answer_on(session: Session, hosts: Mapping[str, str]) -> None:
    """The first host of each town is today's; the others lead on to it."""
    session.execute(delete(TenantHost))
    aliases = {"localhost": FIRST, "127.0.0.1": SECOND} | {
        host: tenant_id for tenant_id, host in hosts.items()
    }
    for host, tenant_id in aliases.items():
        session.add(TenantHost(host=host, tenant_id=tenant_id, current=host == hosts[tenant_id]))
