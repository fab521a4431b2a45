"""GiroCheckout of S-Public Services (api.girocheckout.de): Wero, PayPal, cards, direct transfer,
and its own pay page, where the payer chooses.

Each method is a project with a password of its own. An account holds GiroCheckout's number of the
merchant as its merchant, and as credentials ``base_url`` and, for each method that the town has,
``<method>_project`` and ``<method>_password``. References are kept as ``<method>/<reference>``.
What is signed stands side by side with nothing between, so it can be cut in another way, and a
notification bears no date: it only rings a bell, and the status that is asked for then is what
counts. The payment sign (``kassenzeichen``) is not sent.

GiroCheckout cannot be asked by our own id. Where its reference is missing, the answer of the start
never reached us, and nobody has the address of its page: asked for a name that it never gave, it
says that there is no such payment. Should money come all the same, its notification names both.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from portal.money import Money
from portal.providers.girocheckout_reading import (
    CHOICE,
    DUPLICATE,
    FINE,
    LIVE_HOSTS,
    NOT_THERE,
    RESULT,
    SILENT,
    is_live,
    is_refused,
    report,
    sent_back,
)
from portal.providers.girocheckout_wire import (
    Project,
    call,
    check_address,
    check_project,
    is_of_page,
    notified,
    projects,
    purpose,
    word,
)
from portal.providers.protocol import (
    Account,
    AccountUnfit,
    Handover,
    Moved,
    Order,
    OrderRefused,
    Outcome,
    ProviderDown,
    RefundOrder,
    RefundReport,
    Report,
    UnknownWord,
)
from portal.providers.wire import Told, mapped, sensibly, text


@dataclass(frozen=True, slots=True)
class Method:
    """How a payment of one method is started: the call, its parameters in the order in which they
    are signed, where the answer holds the page's address; and whether money can be sent back.
    """

    call: str
    parameters: tuple[str, ...]
    address: str = "redirect"
    refunds: bool = True


_WHAT = ("merchantTxId", "amount", "currency", "purpose")
_WHERE = ("urlRedirect", "urlNotify")
_PAGE = ("single", "type", "locale", "test", "successUrl", "backUrl", "failUrl", "notifyUrl")

# fmt: off
METHODS: Mapping[str, Method] = {
    "wero":     Method("transaction/start", (*_WHAT, "type", *_WHERE)),
    "paypal":   Method("transaction/start", (*_WHAT, "type", *_WHERE)),
    "card":     Method("transaction/start", (*_WHAT, "type", "locale", *_WHERE)),
    "transfer": Method("transaction/start", (*_WHAT, *_WHERE), refunds=False),
    "page":     Method("paypage/init", (*_WHAT, *_PAGE), address="url"),
}
# fmt: on


class Girocheckout:
    """Checks, starts, fetches, notifies, refunds and says what became of refunds.

    Settlement reports are files to be imported.
    """

    name = "girocheckout"

    def start(self, account: Account, order: Order) -> Handover:
        """Take the citizen to the page of the order's method, or, where none is named, to the pay
        page. A start that GiroCheckout had before is refused there as a duplicate and leads
        nowhere: it stays one payment.
        """
        project = _project(account, order.method or CHOICE)
        method = METHODS[project.method]
        said = _said(account, order)
        code, told = _call(
            account, project, method.call, {name: said[name] for name in method.parameters}
        )
        if code == FINE:
            address = sensibly(lambda: text(told, method.address, 2048))
            return Handover(address, project.kept(sensibly(lambda: text(told, "reference"))))
        if is_refused(code):
            raise OrderRefused(f"GiroCheckout takes no such order ({code})")
        raise ProviderDown(f"it answered {code}")

    def fetch(self, account: Account, payment: str, provider_reference: str) -> Report:
        """What became of a payment."""
        project, reference = _named(account, provider_reference or payment)
        code, told = _status(account, project, reference)
        if code == NOT_THERE:
            there = (account.merchant, Outcome.NOT_FOUND, Money(0), is_live(account))
            return Report(payment, "", *there)
        return sensibly(lambda: report(account, project, reference, told))

    def read_notification(
        self,
        account: Account,
        headers: Mapping[str, str],  # noqa: ARG002 -- what is signed is the query
        body: bytes,
        now: datetime,  # noqa: ARG002 -- it bears no date; heard again, it is asked about again
    ) -> tuple[Moved, ...]:
        """A bell: the signature first, then whether its word is known. Nothing else is kept.

        Of a refund the parameters are those of a payment by its method; only the pay page's differ.
        """
        project, told = notified(account, METHODS, body)
        mapped(RESULT, told["gcResultPayment"])
        of_page = is_of_page(told)
        # The pay page's bell names the try on it, which is no name of the page.
        reference = "" if of_page else project.kept(told["gcReference"])
        event_id = f"{told['gcReference']}:{told['gcResultPayment']}"
        named = (told["gcMerchantTxId"], reference, account.merchant, is_live(account), event_id)
        return (Moved(*named, refund=project.method == CHOICE and not of_page),)

    def can_refund(self, method: str) -> bool:
        """Whether money that came by a method can be sent back."""
        known = METHODS.get(method or CHOICE)
        return known is not None and known.refunds

    def refund(self, account: Account, order: RefundOrder) -> RefundReport:
        """Send money back by the payment's own project. Raises ``OrderRefused``, too.

        A refund that it had before is not sent again: what became of the first is asked for.
        """
        project, reference = _named(account, order.provider_reference)
        if not METHODS[project.method].refunds:
            raise OrderRefused("GiroCheckout cannot send a direct transfer back")
        code, told = _call(account, project, "transaction/refund", _back(order, reference))
        if DUPLICATE in {code, sensibly(lambda: word(told, "resultPayment"))}:
            code, told = _the_first(account, project, told)
        if code == NOT_THERE or is_refused(code):
            mine = (account.merchant, is_live(account), order.payment)
            return RefundReport(order.refund, "", Outcome.FAILED, order.amount, *mine)
        if code != FINE:
            raise UnknownWord(f"{code!r} is in no table")
        return sensibly(lambda: sent_back(account, order, told))

    def fetch_refund(
        self, account: Account, order: RefundOrder, provider_reference: str
    ) -> RefundReport | None:
        """What became of a refund: a transaction of its own, of its payment's project.

        A bell names it with its method. Of a second try that was refused as a duplicate it says
        nothing of the first.
        """
        project, _ = _named(account, order.provider_reference)
        reference = provider_reference.removeprefix(project.kept(""))
        code, told = _status(account, project, reference)
        if sensibly(lambda: word(told, "resultPayment")) == DUPLICATE:
            raise ProviderDown("it names a second try of this refund")
        return None if code == NOT_THERE else sensibly(lambda: sent_back(account, order, told))

    def checked(self, account: Account) -> None:
        """It needs its merchant's number, an address of the account's mode, and a whole project."""
        check_address(account, LIVE_HOSTS)
        for method in METHODS:
            check_project(account, method)
        if not any(projects(account, METHODS)):
            raise AccountUnfit(f"No project is set, of {', '.join(METHODS)}.")


def _project(account: Account, method: str) -> Project:
    """The account's project of a method. Raises ``OrderRefused``."""
    for project in projects(account, METHODS):
        if project.method == method:
            return project
    raise OrderRefused(f"the account has no project for {method!r}")


def _named(account: Account, name: str) -> tuple[Project, str]:
    """Project and GiroCheckout's own reference; what we never had from it is asked of any."""
    method, slash, reference = name.partition("/")
    mine = {project.method: project for project in projects(account, METHODS)}
    if slash and method in mine:
        return mine[method], reference
    if slash or not mine:
        raise ProviderDown("the account has no such project")
    return next(iter(mine.values())), name


def _said(account: Account, order: Order) -> dict[str, str]:
    """All that an order says, by GiroCheckout's names; each method takes what it knows."""
    return {
        "merchantTxId": order.payment,
        "amount": str(order.amount.cents),
        "currency": order.amount.currency,
        "purpose": purpose(order.text),
        "single": "1",
        "type": "SALE",
        "locale": "de" if order.language[:2] == "de" else "en",
        "test": "0" if account.live else "1",
        **dict.fromkeys(("urlRedirect", "successUrl", "backUrl", "failUrl"), order.return_url),
        **dict.fromkeys(("urlNotify", "notifyUrl"), order.notify_url),
    }


def _back(order: RefundOrder, reference: str) -> dict[str, str]:
    return {
        "merchantTxId": order.refund,
        "amount": str(order.amount.cents),
        "currency": order.amount.currency,
        "reference": reference,
    }


def _call(
    account: Account, project: Project, name: str, said: Mapping[str, str]
) -> tuple[str, Told]:
    """Its code and what else it says."""
    told = call(account, project, name, said)
    code = sensibly(lambda: word(told, "rc"))
    if code in SILENT:
        raise ProviderDown(f"it answered {code}")
    return code, told


def _status(account: Account, project: Project, reference: str) -> tuple[str, Told]:
    """What it says of a reference, or that it is not there. Raises ``UnknownWord``."""
    code, told = _call(account, project, "transaction/status", {"reference": reference})
    if code not in {FINE, NOT_THERE}:
        raise UnknownWord(f"{code!r} is no answer to a question")
    return code, told


def _the_first(account: Account, project: Project, told: Told) -> tuple[str, Told]:
    """What became of the refund that a second one is a duplicate of. Raises ``ProviderDown``.

    Where the answer names the second one itself, it says nothing of the first.
    """
    reference = sensibly(lambda: word(told, "reference"))
    if reference:
        code, first = _status(account, project, reference)
        if sensibly(lambda: word(first, "resultPayment")) != DUPLICATE:
            return code, first
    raise ProviderDown("it had this refund before, and does not say what became of it")
