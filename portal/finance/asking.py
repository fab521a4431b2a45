"""Access of finance systems by two people: whoever gives it alone could read each link and TAN.

By the API claims are cleared and refunds ordered, and to the endpoint all events go. So a new
client, a second secret and another endpoint are asked for by one person and approved by another.
A secret is shown to who asks, that once; it lies sealed beside the approval and is good for nothing
until the other has agreed. Ending an access needs one person: it only takes away.
"""

from base64 import b64encode
from collections.abc import Iterable
from secrets import token_bytes

from sqlalchemy.orm import Session

from portal import audit
from portal.approvals import deciding, sealed
from portal.approvals.changing import ChangedSince
from portal.approvals.deciding import Wanted
from portal.approvals.models import Approval
from portal.db import Json, transaction
from portal.finance import clients, delivery, push
from portal.finance.models import Endpoint
from portal.keys import Keyring

CLIENT, KEY, ENDPOINT = "client.add", "client.add_key", "endpoint.put"
SUBJECT = "endpoint"
SECRET = "secret"  # noqa: S105 -- the name of the part


def ask_client(
    keyring: Keyring, tenant_id: str, scopes: Iterable[str], called: str, by: str
) -> tuple[str, str]:
    """Ask for a new client: (id, secret), both good once another person agrees. A whole act.

    Raises ``UnknownScope``.
    """
    wanted = clients.checked(scopes)
    client_id, secret = clients.new_key()
    facts: Json = {"called": clients.name(called), "scopes": " ".join(wanted)}
    with transaction() as session:
        _ask(session, keyring, tenant_id, Wanted(CLIENT, client_id, None, facts), secret, by)
    return client_id, secret


def ask_key(keyring: Keyring, tenant_id: str, client_id: str, by: str) -> str:
    """Ask for a second secret of a client. A whole act.

    Raises ``NoSuchClient``, ``TwoSecrets`` and what ``deciding.ask`` raises.
    """
    with transaction() as session:
        client = clients.locked(session, tenant_id, client_id)
        clients.check_one(client)
        _, secret = clients.new_key()
        facts: Json = {"called": client.called, "scopes": " ".join(client.scopes)}
        _ask(session, keyring, tenant_id, Wanted(KEY, client_id, None, facts), secret, by)
    return secret


def ask_endpoint(keyring: Keyring, tenant_id: str, url: str, secret: str, by: str) -> str:
    """Ask for events to go to ``url``, signed with this secret, or a new one; it. A whole act.

    Raises ``BadEndpoint`` and what ``deciding.ask`` raises.
    """
    secret = secret or _made()
    push.check(url, secret)
    with transaction() as session:
        facts = {"was": _shown(session, tenant_id), "becomes": {"url": url}, "new_secret": True}
        _ask(session, keyring, tenant_id, Wanted(ENDPOINT, SUBJECT, None, facts), secret, by)
    return secret


def approve_client(
    keyring: Keyring, tenant_id: str, client_id: str, by: str, number: int | None = None
) -> None:
    """The second person agrees: the client may call the API. A whole act."""
    with transaction() as session:
        approval = deciding.approve(session, tenant_id, CLIENT, client_id, by, number)
        scopes, called = approval.facts["scopes"].split(), approval.facts["called"]
        secret = _told(session, keyring, approval)
        clients.create_client(session, tenant_id, scopes, called, (client_id, secret))
        detail = {"scopes": scopes, "first": approval.first}
        audit.note(session, tenant_id, by, "client.made", client_id, detail)


def approve_key(
    keyring: Keyring, tenant_id: str, client_id: str, by: str, number: int | None = None
) -> None:
    """The second person agrees: the second secret is good beside the first. A whole act.

    Raises also ``NoSuchClient`` and ``TwoSecrets``.
    """
    with transaction() as session:
        client = clients.locked(session, tenant_id, client_id)
        approval = deciding.approve(session, tenant_id, KEY, client_id, by, number)
        clients.second_secret(session, client, _told(session, keyring, approval))
        detail = {"first": approval.first}
        audit.note(session, tenant_id, by, "client.key_made", client_id, detail)


def approve_endpoint(
    keyring: Keyring, tenant_id: str, by: str, number: int | None = None
) -> None:  # fmt: skip
    """The second person agrees: events go there from now on. A whole act.

    Raises also ``ChangedSince``.
    """
    with transaction() as session:
        approval = deciding.approve(session, tenant_id, ENDPOINT, SUBJECT, by, number)
        if _shown(session, tenant_id) != approval.facts["was"]:
            raise ChangedSince("The endpoint was changed since it was asked for.")
        url = approval.facts["becomes"]["url"]
        delivery.set_endpoint(session, keyring, tenant_id, url, _told(session, keyring, approval))
        detail = {"url": url, "first": approval.first}
        audit.note(session, tenant_id, by, "endpoint.set", SUBJECT, detail)


def refuse(
    tenant_id: str, act: str, subject: str, by: str, why: str = "", number: int | None = None
) -> None:
    """It stays as it is; the secret is forgotten. A whole act."""
    with transaction() as session:
        deciding.refuse(session, tenant_id, act, subject, by, why, number)
        sealed.forget(session)


def _ask(
    session: Session, keyring: Keyring, tenant_id: str, wanted: Wanted, secret: str, by: str
) -> None:
    if not deciding.is_person(by):
        raise deciding.NotAPerson("Only a person may ask for this.")
    approval = deciding.ask(session, tenant_id, wanted, by)
    sealed.put(session, keyring, approval, SECRET, {SECRET: secret})


def _told(session: Session, keyring: Keyring, approval: Approval) -> str:
    return sealed.take(session, keyring, approval, SECRET)[SECRET]


def _shown(session: Session, tenant_id: str) -> Json:
    row = session.get(Endpoint, tenant_id)
    return {"url": row.url if row else ""}


def _made() -> str:
    """A secret as Standard Webhooks has it: 24 to 64 random bytes in base64."""
    return f"whsec_{b64encode(token_bytes(32)).decode()}"
