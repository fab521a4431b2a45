"""Setting the town's directory: it gives roles, so that nobody sets it alone.

One asks, another person who may approve agrees, within seven days. Switching it off needs one:
whoever came from there is out at once, and local accounts go on.
"""

from dataclasses import dataclass, field
from urllib.parse import urlsplit

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from portal import audit, clock
from portal.approvals import deciding, sealed
from portal.approvals.deciding import Wanted
from portal.db import Json, transaction
from portal.errors import Invalid
from portal.keys import Keyring
from portal.staff import directory
from portal.staff.models import Directory, DirectoryGroup, Sitting, StaffMember
from portal.staff.roles import Grant, Role

ACT = "staff.directory"
SUBJECT = "directory"
SECRET = "secret"  # noqa: S105 -- the name of a part, not a secret
MOST_GROUPS = 200


class NotSet(Invalid):
    """A value that a directory cannot have; ``field`` is which."""

    code = "not_set"

    def __init__(self, field: str, why: str) -> None:
        super().__init__(why)
        self.field = field


@dataclass(frozen=True, slots=True)
class Said:
    """What is said of a directory. An empty secret keeps the one that is set."""

    issuer: str
    client_id: str
    groups: tuple[tuple[str, Grant], ...]
    secret: str = field(default="", repr=False)
    scope: str = "openid profile"
    login_claim: str = "preferred_username"
    groups_claim: str = "groups"

    @property
    def facts(self) -> Json:
        """What the second person sees: everything but the secret."""
        return {
            "issuer": self.issuer,
            "client_id": self.client_id,
            "scope": self.scope,
            "login_claim": self.login_claim,
            "groups_claim": self.groups_claim,
            "groups": [[name, g.role.value, g.unit, g.kind] for name, g in self.groups],
        }


def check(said: Said, *, plain: bool = False) -> None:
    """Raise ``NotSet`` unless a directory can be reached so. ``plain``: http will do (practice)."""
    parts = urlsplit(said.issuer)
    schemes = {"https", "http"} if plain else {"https"}
    if parts.scheme not in schemes or not parts.hostname or parts.query or parts.fragment:
        raise NotSet("issuer", "The issuer is an https address without ? and #.")
    for name in ("client_id", "login_claim", "groups_claim"):
        if not getattr(said, name).strip() or len(getattr(said, name)) > directory.LONGEST_GROUP:
            raise NotSet(name, f"{name} must be there.")
    if "openid" not in said.scope.split():
        raise NotSet("scope", "The scope must hold openid.")
    if not 0 < len(said.groups) <= MOST_GROUPS:
        raise NotSet("groups", f"Name from one to {MOST_GROUPS} groups.")
    if any(not 0 < len(name) <= directory.LONGEST_GROUP for name, _ in said.groups):
        raise NotSet("groups", "A group has a name.")


def ask(
    keyring: Keyring, tenant_id: str, said: Said, by: str, *, plain: bool = False
) -> None:  # fmt: skip
    """Ask for another directory, or another table of groups. A whole act.

    Raises ``NotSet`` and what ``deciding.ask`` raises.
    """
    check(said, plain=plain)
    with transaction() as session:
        facts: Json = {"was": _now(session, tenant_id), "becomes": said.facts}
        facts["new_secret"] = bool(said.secret)
        approval = deciding.ask(session, tenant_id, Wanted(ACT, SUBJECT, None, facts), by)
        if said.secret:
            sealed.put(session, keyring, approval, SECRET, {SECRET: said.secret})


def approve(keyring: Keyring, tenant_id: str, by: str, number: int | None = None) -> None:
    """The second person agrees: it is set as it was asked for. A whole act.

    Sittings of the directory end: they had the roles of the table before.
    """
    with transaction() as session:
        approval = deciding.approve(session, tenant_id, ACT, SUBJECT, by, number)
        told = approval.facts["becomes"]
        row = session.get(Directory, tenant_id) or Directory(tenant_id=tenant_id)
        moved = row.issuer is not None and row.issuer != told["issuer"]
        for name in ("issuer", "client_id", "scope", "login_claim", "groups_claim"):
            setattr(row, name, told[name])
        secret = sealed.take(session, keyring, approval, SECRET).get(SECRET)
        if secret or moved:  # another issuer never gets the secret of this one
            row.secret_sealed = directory.sealed_secret(keyring, tenant_id, secret or "")
        row.set_at = clock.now()
        session.add(row)
        _set_groups(session, tenant_id, told["groups"])
        end_sittings(session, tenant_id)
        audit.note(session, tenant_id, f"{approval.first} {by}", "staff.directory_set", SUBJECT)


def refuse(tenant_id: str, by: str, why: str = "", number: int | None = None) -> None:
    """It stays as it is. A whole act."""
    with transaction() as session:
        deciding.refuse(session, tenant_id, ACT, SUBJECT, by, why, number)
        sealed.forget(session)


def switch_off(tenant_id: str, by: str) -> None:
    """Nobody signs in through the directory any more, at once. A whole act."""
    with transaction() as session:
        session.execute(delete(DirectoryGroup).where(DirectoryGroup.tenant_id == tenant_id))
        session.execute(delete(Directory).where(Directory.tenant_id == tenant_id))
        end_sittings(session, tenant_id)
        audit.note(session, tenant_id, by, "staff.directory_off", SUBJECT)


def end_sittings(session: Session, tenant_id: str) -> None:
    """Nobody who came from the directory is signed in any more."""
    theirs = select(StaffMember.id).where(
        StaffMember.tenant_id == tenant_id, StaffMember.subject.is_not(None)
    )
    session.execute(
        update(Sitting)
        .where(Sitting.tenant_id == tenant_id, Sitting.staff_id.in_(theirs))
        .where(Sitting.ended_at.is_(None))
        .values(ended_at=clock.now())
    )


def _now(session: Session, tenant_id: str) -> Json | None:
    row = directory.of(session, tenant_id)
    if row is None:
        return None
    groups = tuple(
        (each.in_group, Grant(Role(each.role), each.unit or None, each.kind or None))
        for each in directory.groups_of(session, tenant_id)
    )
    return Said(
        row.issuer, row.client_id, groups, "", row.scope, row.login_claim, row.groups_claim
    ).facts


def _set_groups(
    session: Session, tenant_id: str, groups: list[tuple[str, str, str | None, str | None]]
) -> None:
    session.execute(delete(DirectoryGroup).where(DirectoryGroup.tenant_id == tenant_id))
    for name, role, unit, kind in dict.fromkeys(map(tuple, groups)):
        session.add(
            DirectoryGroup(
                tenant_id=tenant_id, in_group=name, role=role, unit=unit or "", kind=kind or ""
            )
        )
