"""Draws roles and rights from their table: ``python docs/roles.py`` writes ``docs/roles.md``."""

import sys
from pathlib import Path

PAGE = Path(__file__).with_name("roles.md")
sys.path.insert(0, str(PAGE.parent.parent))

from portal.staff.roles import INCOMPATIBLE, OF_REQUESTS, RIGHTS, Right, Role  # noqa: E402

HEAD = """# Roles and rights
Drawn from `portal/staff/roles.py` by `python docs/roles.py`. A role is given for the whole town,
for one unit (Bewirtschafter) or for one kind of request; of a unit's or kind's role only the rights
marked with `*` count. A person may have several roles, but not those below together.

A town's first people are made at the machine: `./quitt staff add TENANT LOGIN --role tenant_admin`.
From then on one who may `grant` asks for a role and another who may `approve` agrees.

What `change_settings` sets counts at once. Not so what could lead money, events or staff elsewhere:
bank details, addresses, accounts at providers, retention, the directory, an API client, its second
secret and the endpoint of the finance system wait until another who may `approve` agrees.
"""


def page() -> str:
    """The whole page."""
    heads = " | ".join(role.value for role in Role)
    lines = [HEAD, f"| right | {heads} |", "|---" * (len(Role) + 1) + "|"]
    for right in Right:
        cells = " | ".join("●" if right in RIGHTS[role] else "" for role in Role)
        mark = "*" if right in OF_REQUESTS else ""
        lines.append(f"| `{right.value}`{mark} | {cells} |")
    pairs = sorted(" and ".join(sorted(pair)) for pair in INCOMPATIBLE)
    return "\n".join([*lines, "", "Never in one hand: " + "; ".join(pairs) + ".", ""])


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
