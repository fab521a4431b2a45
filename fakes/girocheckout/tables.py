"""GiroCheckout's published words: parameters in the order in which they are signed, and codes.

A ``!`` behind a name: required. S-Public Services, api.girocheckout.de, read on 2026-11-21.
"""

from collections.abc import Mapping

METHODS = ("wero", "paypal", "card", "transfer", "page")

_WHO = "merchantId! projectId! merchantTxId! "
_PAID = _WHO + "amount! currency! purpose! "
_BACK = _WHO + "amount! currency! purpose reference! "
_ALONE = _PAID + "type urlRedirect! urlNotify! kassenzeichen pptoken"

# (call, method) -> what it takes.
PARAMETERS: Mapping[tuple[str, str], str] = {
    ("start", "wero"): _ALONE,
    ("start", "paypal"): _ALONE,
    ("start", "transfer"): _ALONE,
    ("start", "card"): _PAID + "type locale mobile pkn recurring indicator urlRedirect! urlNotify! "
    "tds2Address tds2Postcode tds2City tds2Country tds2Optional kassenzeichen pptoken",
    ("init", "page"): _WHO + "amount currency! purpose! description pagetype expirydate single "
    "timeout type locale paymethods payprojects organization freeamount fixedvalues minamount "
    "maxamount orderid projectlist pkn test! certdata otherpayments paydirektShoppingCartType "
    "paydirektShippingFirstName paydirektShippingLastName paydirektShippingCompany "
    "paydirektShippingAdditionalAddressInformation paydirektShippingStreet "
    "paydirektShippingStreetNumber paydirektShippingZipCode paydirektShippingCity "
    "paydirektShippingCountry paydirektShippingEmail paydirektMerchantOrderReferenceNumber "
    "paydirektCart paydirektDeliveryType successUrl backUrl failUrl notifyUrl tds2Address "
    "tds2Postcode tds2City tds2Country tds2Optional mandateReference mandateSignedOn "
    "mandateReceiverName mandateSequence informationText kassenzeichen "
    "paydirektAllowMissingFields qrcodeReturn billingAddress shippingAddress customerInfo basket",
    ("refund", "wero"): _BACK + "kassenzeichen",
    ("refund", "card"): _BACK + "kassenzeichen",
    ("refund", "paypal"): _BACK,
    ("refund", "page"): _BACK + "txreference",
    **{("status", method): "merchantId! projectId! reference! txreference" for method in METHODS},
}
UNSIGNED = frozenset({"sourceId", "userAgent", "orderId", "customerId", "hash"})

_NOTIFIED = "gcReference! gcMerchantTxId! gcBackendTxId! gcAmount! gcCurrency! gcResultPayment! "
NOTIFICATION: Mapping[str, str] = {
    "wero": _NOTIFIED + "gcHash!",
    "paypal": _NOTIFIED + "gcHash!",
    "card": _NOTIFIED + "gcHash!",
    "transfer": _NOTIFIED + "gcResultAVS gcObvName gcHash!",
    "page": "gcPaymethod! gcType! gcProjectId! " + _NOTIFIED + "gcPkn gcCardnumber gcCardExpDate "
    "gcAccountHolder gcIban gcHash!",
}
# Of a refund, by every method that has any: not even the page's says that it is one.
REFUND_NOTIFICATION = _NOTIFIED + "gcHash!"

_REFUSED = (
    "1900 1910 1920 1930 1940 2400 3900 4001 4002 4051 4101 4102 4103 4104 4105 4106 4107 4108 4151"
    " 4153 4154 4503 4504 4505 4506 4900 5100 5200 5202 5203 5204 5205"
)
# A result -> what became of the payment, in the common books' word.
RESULTS: Mapping[str, str] = {
    "4000": "paid",
    "4152": "authorising", "4500": "authorising",
    "2000": "timed_out", "4501": "timed_out",
    "3100": "aborted", "4502": "aborted",
    **dict.fromkeys(
        _REFUSED.split(),
        "refused",
    ),
}  # fmt: skip
USUAL = {"paid": "4000", "authorising": "4500", "refused": "4900", "aborted": "4502",
         "timed_out": "4501"}  # fmt: skip
REFUND_RESULT = {"sent": "4000", "under_way": "4500", "bounced": "4900"}

# fmt: off
MESSAGES = {
    0: "", 4503: "duplicate", 5000: "authentication failed", 5002: "invalid hash",
    5003: "mandatory field not specified", 5004: "invalid call", 5010: "invalid language",
    5020: "invalid merchantId", 5021: "invalid projectId", 5022: "invalid merchantTxId",
    5023: "invalid purpose", 5030: "invalid amount", 5033: "invalid currency",
    5034: "transaction does not exist", 5055: "invalid urlRedirect", 5056: "invalid urlNotify",
    5117: "invalid backUrl", 5118: "invalid failUrl", 5119: "invalid successUrl",
    5120: "invalid notifyUrl", 5200: "not accepted", 5504: "invalid value for single",
}
# A value's form, and the code of the one that has another.
FORMS: Mapping[str, tuple[str, int]] = {
    "merchantTxId": (r"\S{1,255}", 5022),
    "amount":       (r"[1-9][0-9]{0,9}", 5030),
    "currency":     (r"EUR", 5033),
    "purpose":      (r"[A-Za-z0-9/?:().,'+ ÄÖÜäöüß-]{1,27}", 5023),
    "type":         (r"SALE|AUTH", 5004),
    "locale":       (r"de|en", 5010),
    "test":         (r"[01]", 5004),
    "single":       (r"[01]", 5504),
    "urlRedirect":  (r"https?://\S{1,2000}", 5055),
    "urlNotify":    (r"https?://\S{1,2000}", 5056),
    "backUrl":      (r"https?://\S{1,2000}", 5117),
    "failUrl":      (r"https?://\S{1,2000}", 5118),
    "successUrl":   (r"https?://\S{1,2000}", 5119),
    "notifyUrl":    (r"https?://\S{1,2000}", 5120),
}
# fmt: on


def names(fields: str) -> list[str]:
    """The names of a row above, in their order."""
    return [field.rstrip("!") for field in fields.split()]


def required(fields: str) -> set[str]:
    """Those that must be there."""
    return {field[:-1] for field in fields.split() if field.endswith("!")}
