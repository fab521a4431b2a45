"""GiroCheckout's signed forms, answers and notifications, and which project an account has.

S-Public Services, "Grundlagen der API" (api.girocheckout.de, girocheckout:general:start): a request
is a form whose ``hash`` is an HMAC-MD5 over its values; an answer is JSON whose header ``hash`` is
one over its body; a notification is a GET whose ``gcHash`` is one over its values.
"""

import hmac
import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from urllib.parse import parse_qsl, urlsplit

from portal.money import Money
from portal.providers.protocol import Account, AccountUnfit, BadNotification, ProviderDown
from portal.providers.wire import LONGEST_TEXT, Told, ask, json_object, money, sensibly

NOTIFICATION_BYTES = 8 * 1024
PURPOSE_CHARACTERS = 27

# fmt: off
_NOTIFIED = ("gcReference", "gcMerchantTxId", "gcBackendTxId", "gcAmount", "gcCurrency",
             "gcResultPayment")
_PAYER = ("gcPkn", "gcCardnumber", "gcCardExpDate", "gcAccountHolder", "gcIban")
NOTIFICATION = (*_NOTIFIED, "gcResultAVS", "gcObvName", "gcHash")
PAGE_NOTIFICATION = ("gcPaymethod", "gcType", "gcProjectId", *_NOTIFIED, *_PAYER, "gcHash")
_READABLE = {
    "gcReference":     re.compile("[A-Za-z0-9_-]{1,64}"),
    "gcMerchantTxId":  re.compile("[A-Za-z0-9_-]{1,64}"),
    "gcAmount":        re.compile("[0-9]{1,13}"),
    "gcCurrency":      re.compile("[A-Z]{3}"),
    "gcResultPayment": re.compile("[0-9]{1,4}"),
}
_SPELT = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue",
                        "ß": "ss"})
_NUMBER = re.compile("[0-9]{1,20}")
_NOT_ALLOWED = re.compile(r"[^A-Za-z0-9/?:().,'+ -]+")  # of SEPA's characters
# fmt: on


@dataclass(frozen=True, slots=True)
class Project:
    """What an account has for one method."""

    method: str
    id: str
    password: str = field(repr=False)

    def kept(self, reference: str) -> str:
        """A reference as we keep it: with the method, or nobody knows the project to ask by."""
        return f"{self.method}/{reference}"


def projects(account: Account, methods: Iterable[str]) -> Iterator[Project]:
    """Those of an account, in the order of ``methods``."""
    for method in methods:
        number = account.credentials.get(f"{method}_project", "")
        password = account.credentials.get(f"{method}_password", "")
        if number and password:
            yield Project(method, number, password)


def check_address(account: Account, live: Collection[str]) -> None:
    """Raise ``AccountUnfit`` for an address of the other mode, or a merchant that is no number."""
    base = urlsplit(account.credentials.get("base_url", ""))
    if not base.hostname or base.scheme not in {"https", "http"}:
        raise AccountUnfit("The credential base_url is missing, or is no address.")
    if account.live and not leads_to_live(account, live):
        hosts = " or ".join(f"https://{host}" for host in sorted(live))
        raise AccountUnfit(f"base_url of a live account must lead to {hosts}.")
    if not account.live and base.hostname in live:
        raise AccountUnfit("base_url leads to the live system, but the account is for tests.")
    if not _NUMBER.fullmatch(account.merchant):
        raise AccountUnfit("The merchant must be GiroCheckout's number of it (Verkäufer-ID).")


def leads_to_live(account: Account, live: Collection[str]) -> bool:
    """By the host, whatever the account says. Nothing live goes without TLS."""
    base = urlsplit(account.credentials.get("base_url", ""))
    return base.scheme == "https" and base.hostname in live


def check_project(account: Account, method: str) -> None:
    """Raise ``AccountUnfit`` when a method has half of what it needs, or no number."""
    names = (f"{method}_project", f"{method}_password")
    given = [name for name in names if account.credentials.get(name)]
    if len(given) == 1:
        missing = next(name for name in names if name not in given)
        raise AccountUnfit(f"The credential {missing} is missing; {given[0]} is there.")
    if given and not _NUMBER.fullmatch(account.credentials[names[0]]):
        raise AccountUnfit(f"{names[0]} must be GiroCheckout's number of it (Projekt-ID).")


def signature(password: str, values: Iterable[str]) -> str:
    """HMAC-MD5 in hex over the values, nothing between them."""
    return hmac.digest(password.encode(), "".join(values).encode(), "md5").hex()


def call(account: Account, project: Project, name: str, said: Mapping[str, str]) -> Told:
    """The signed answer to a signed request; ``said`` is in documented order.

    Raises ``ProviderDown``, also for what is not signed with the project's password: nothing of it
    is believed.
    """
    values = {"merchantId": account.merchant, "projectId": project.id, **said}
    form = {**values, "hash": signature(project.password, values.values())}
    answer = ask("POST", f"{account.credentials.get('base_url', '').rstrip('/')}/{name}", {}, None,
                 form)  # fmt: skip
    if answer.status != HTTPStatus.OK:
        raise ProviderDown(f"it answered {answer.status}")
    right = hmac.digest(project.password.encode(), answer.body, "md5").hex()
    if not hmac.compare_digest(right.encode(), answer.headers.get("hash", "").encode()):
        raise ProviderDown("its answer is not signed")
    return sensibly(lambda: json_object(answer.body))


def word(told: Told, name: str) -> str:
    """A code as text: answers give numbers, texts and, where there is none, null."""
    value = told.get(name)
    if value is None:
        return ""
    if type(value) is not int and not isinstance(value, str):
        raise ValueError(name)
    said = str(value)
    if len(said) > LONGEST_TEXT or not said.isprintable():
        raise ValueError(name)
    return said


def amount(told: Told) -> Money:
    """Cents as a number or as its digits, with the currency beside them."""
    cents = told["amount"]
    if isinstance(cents, str) and re.fullmatch("[0-9]{1,13}", cents):
        cents = int(cents)
    return money({"amount": cents, "currency": told["currency"]}, "amount")


def notified(
    account: Account, methods: Iterable[str], body: bytes
) -> tuple[Project, dict[str, str]]:
    """What a genuine notification says, by its query, and whose it is. Raises ``BadNotification``.

    Each parameter once, in documented order; signed with the password of a project, and that of
    the pay page for a payment on it. Its refunds are told as those of any project.
    """
    told = _query(body)
    signed = [told[name] for name in told if name != "gcHash"]
    of_page = is_of_page(told)
    signers = [
        one
        for one in projects(account, methods)
        if (one.method == "page" or not of_page)
        and hmac.compare_digest(signature(one.password, signed).encode(), told["gcHash"].encode())
    ]
    if not signers:
        raise BadNotification("its signature is wrong")
    if not all(pattern.fullmatch(told[name]) for name, pattern in _READABLE.items()):
        raise BadNotification("it is not readable")
    return signers[0], told


def is_of_page(told: Collection[str]) -> bool:
    """Whether parameters are those of a payment on the pay page."""
    return "gcPaymethod" in told


def purpose(neutral: str) -> str:
    """At most 27 characters of those allowed. The town is cut; its last word, the code, stays."""
    spelt = unicodedata.normalize("NFKD", neutral.translate(_SPELT)).encode("ascii", "ignore")
    town, _, code = " ".join(_NOT_ALLOWED.sub(" ", spelt.decode()).split()).rpartition(" ")
    room = max(PURPOSE_CHARACTERS - len(code) - 1, 0)
    return f"{town[:room].rstrip()} {code}".strip()[:PURPOSE_CHARACTERS]


def _query(body: bytes) -> dict[str, str]:
    if len(body) > NOTIFICATION_BYTES:
        raise BadNotification("it is too long")
    try:
        pairs = parse_qsl(
            body.decode("ascii"), keep_blank_values=True, strict_parsing=True, errors="strict"
        )
    except ValueError:
        raise BadNotification("it is no query") from None
    names = [name for name, _ in pairs]
    order = PAGE_NOTIFICATION if is_of_page(names) else NOTIFICATION
    always = order[: order.index("gcResultPayment") + 1]
    if names != [name for name in order if name in names] or not {*always, "gcHash"} <= set(names):
        raise BadNotification("its parameters are not those documented, in their order")
    return dict(pairs)
