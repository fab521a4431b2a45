"""No text of the town says another bank account than its own.

Two people give the town its account. Whoever writes its texts alone could have citizens transfer to
another one all the same.
"""

from portal.requests import persons
from portal.web.current import tenant
from portal.web.language import gettext
from portal.words import N_

ANOTHER = N_(
    "This names a bank account that is not the town's own. Two people set that, in the settings."
)


def fault(text: str) -> str:
    """What is wrong with a text that citizens will read; empty: nothing."""
    own = tenant().iban
    return gettext(ANOTHER) if any(iban != own for iban in persons.ibans(text)) else ""
