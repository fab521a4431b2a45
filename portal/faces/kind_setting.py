"""Kinds of request (Forderungsarten) of a town: new ones, and what their law asks. Whole acts."""

import re
from dataclasses import dataclass

from portal import audit
from portal.db import lock, transaction
from portal.errors import Conflict, Invalid
from portal.tenants import Kind, Law

CODE = re.compile("[a-z][a-z0-9_-]{0,31}")  # finance systems name it in each request
LONGEST_NAME, LONGEST_SENTENCE = 80, 500


class NotAKind(Invalid):
    """A value that cannot be taken; ``field`` is which."""

    code = "not_a_kind"

    def __init__(self, field: str, why: str) -> None:
        super().__init__(why)
        self.field = field


class KindThere(Conflict):
    """The town has a kind of this code."""

    code = "kind_there"


@dataclass(frozen=True, slots=True)
class Said:
    """What is said of a kind."""

    name: str
    law: str
    sentence_de: str = ""
    sentence_en: str = ""
    parts_allowed: bool = False
    closes_after_payable_until: bool = False


def put(tenant_id: str, code: str, said: Said, by: str, *, new: bool) -> None:
    """Make a kind, or change what is said of it; its code stays. A whole act.

    Raises ``NotAKind``, ``KindThere``.
    """
    _check(code, said)
    with transaction() as session:
        row = lock(session, Kind, tenant_id, code)
        if new and row is not None:
            raise KindThere(f"There is a kind {code} already.")
        if row is None:
            if not new:
                raise NotAKind("code", "There is no such kind.")
            row = Kind(tenant_id=tenant_id, code=code)
            session.add(row)
        told = {name: getattr(said, name) for name in said.__slots__}
        changed = sorted(name for name, value in told.items() if getattr(row, name) != value)
        for name, value in told.items():
            setattr(row, name, value)
        audit.note(session, tenant_id, by, "tenant.kind", code, {"changed": changed})


def _check(code: str, said: Said) -> None:
    if not CODE.fullmatch(code):
        raise NotAKind("code", "Small letters, digits, - and _, beginning with a letter.")
    if not 0 < len(said.name.strip()) <= LONGEST_NAME:
        raise NotAKind("name", f"A name has up to {LONGEST_NAME} signs.")
    if said.law not in set(Law):
        raise NotAKind("law", "There is no such law.")
    for name in ("sentence_de", "sentence_en"):
        if len(getattr(said, name)) > LONGEST_SENTENCE:
            raise NotAKind(name, f"A sentence has up to {LONGEST_SENTENCE} signs.")
