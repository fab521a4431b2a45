"""What GiroCheckout's answers say, by the words that S-Public Services publishes."""

from collections.abc import Mapping

from portal.providers.girocheckout_wire import Project, amount, leads_to_live, word
from portal.providers.protocol import Account, Outcome, RefundOrder, RefundReport, Report
from portal.providers.wire import Told, mapped, text

CHOICE = "page"  # the method of the pay page: the payer chooses there

# fmt: off
LIVE_HOSTS = {"payment.girosolution.de", "payment.girocheckout.de"}

# resultPayment: S-Public Services, "Ergebniscodes".
RESULT: Mapping[str, Outcome] = {
    "4000": Outcome.SUCCEEDED,
    "4152": Outcome.PENDING,    # PayPal has still something to do
    "4500": Outcome.PENDING,    # the outcome is not known there: the payer may have paid
    "2000": Outcome.EXPIRED,
    "4501": Outcome.EXPIRED,
    "3100": Outcome.CANCELLED,
    "4502": Outcome.CANCELLED,
    **dict.fromkeys(
        ("1900", "1910", "1920", "1930", "1940", "2400", "3900", "4001", "4002", "4051", "4101",
         "4102", "4103", "4104", "4105", "4106", "4107", "4108", "4151", "4153", "4154", "4503",
         "4504", "4505", "4506", "4900", "5100", "5200", "5202", "5203", "5204", "5205"),
        Outcome.FAILED),
}
SENT_BACK: Mapping[Outcome, Outcome] = {
    Outcome.SUCCEEDED: Outcome.SUCCEEDED,
    Outcome.PENDING:   Outcome.PENDING,
    Outcome.FAILED:    Outcome.FAILED,
    Outcome.CANCELLED: Outcome.FAILED,
    Outcome.EXPIRED:   Outcome.FAILED,
}
# rc of an answer: S-Public Services, "Fehlercodes". It may be a resultPayment, too.
FINE, DUPLICATE, NOT_THERE = "0", "4503", "5034"
# Of who we are, or its own trouble: no word about a payment.
SILENT = {"5000", "5001", "5002", "5004", "5018", "5020", "5021", "5101", "5103", "5201", "5507",
          "9999"}
REFUSED = {str(code) for codes in (range(5003, 5122), range(5200, 5206), range(5500, 5509),
                                   range(6001, 6003)) for code in codes} - SILENT - {NOT_THERE}
# fmt: on


def is_live(account: Account) -> bool:
    """Whether real money moves where the account leads: no answer says it, but the host does."""
    return leads_to_live(account, LIVE_HOSTS)


def is_refused(code: str) -> bool:
    """Whether the code of an answer says that surely nothing was done."""
    return code in REFUSED or (code != DUPLICATE and RESULT.get(code) is Outcome.FAILED)


def report(account: Account, project: Project, asked: str, told: Told) -> Report:
    """What became of a payment, of whose reference ``asked`` it was asked.

    Each try on the pay page has a reference of its own; the payment is the page.
    """
    reference = asked if project.method == CHOICE else text(told, "reference")
    result = word(told, "resultPayment")
    return Report(
        payment=text(told, "merchantTxId"),
        provider_reference=project.kept(reference),
        merchant=account.merchant,  # it is not said: only this merchant's password signs so
        outcome=mapped(RESULT, result) if result else Outcome.STARTED,
        amount=amount(told),
        live=is_live(account),
    )


def sent_back(account: Account, order: RefundOrder, told: Told) -> RefundReport:
    """What became of a refund."""
    result = word(told, "resultPayment")
    return RefundReport(
        refund=word(told, "merchantTxId") or order.refund,
        provider_reference=text(told, "reference"),
        outcome=SENT_BACK[mapped(RESULT, result)] if result else Outcome.PENDING,
        amount=amount(told),
        merchant=account.merchant,
        live=is_live(account),
        payment=order.payment,
    )
