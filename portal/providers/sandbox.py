"""The practice provider's adapter, and the model for new ones: a method for each capability. The
words of the provider and ours stand in tables on top of ``sandbox_reading``.

It speaks the API told in ``sandbox/api.py``, and Standard Webhooks for notifications
(github.com/standard-webhooks/standard-webhooks, spec 1.0.0). Credentials of an account:
``base_url``, ``secret`` (the API key), ``webhook_secret`` (``whsec_`` and base64). What else the
provider says, such as the payer's name, ends here.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from urllib.parse import quote, urlsplit

from portal.money import Money
from portal.providers import sandbox_reading
from portal.providers.protocol import (
    Account,
    AccountUnfit,
    BadNotification,
    Handover,
    Heard,
    KeyRefused,
    Order,
    OrderRefused,
    Outcome,
    ProviderDown,
    RefundOrder,
    RefundReport,
    Report,
    Settlement,
    Unwilling,
)
from portal.providers.wire import (
    Told,
    ask,
    is_webhook_secret,
    json_object,
    sensibly,
    signed,
    text,
)

NOTIFICATION_BYTES = 256 * 1024

_UNKNOWN_THERE = {"unknown_payment", "unknown_refund", "unknown_settlement"}
_SURELY_NOT_BEGUN = {HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY}


class Sandbox:
    """Checks, starts, fetches, cancels, notifies, refunds and says what became of refunds, settles,
    lists settlements, sums.
    """

    name = "sandbox"

    def checked(self, account: Account) -> None:
        """It moves no real money, and needs its address, its key and the notifications' key."""
        if account.live:
            raise AccountUnfit("The practice provider moves no real money: set a test account.")
        for name in ("base_url", "secret", "webhook_secret"):
            if not account.credentials.get(name):
                raise AccountUnfit(f"The credential {name} is missing.")
        if urlsplit(account.credentials["base_url"]).scheme not in {"http", "https"}:
            raise AccountUnfit("base_url must begin with http:// or https://.")
        if not is_webhook_secret(account.credentials["webhook_secret"]):
            raise AccountUnfit("webhook_secret must be whsec_ and base64.")

    def start(self, account: Account, order: Order) -> Handover:
        """Take the citizen to the practice provider's page."""
        body = {
            "payment": order.payment,
            "amount_cents": order.amount.cents,
            "currency": order.amount.currency,
            "text": order.text,
            "method": order.method,
            "language": order.language,
            "return_url": order.return_url,
        }
        try:
            told = _known(_call(account, "POST", "/v1/payments", body, key=order.payment))
        except Unwilling:
            raise OrderRefused("the practice provider takes no such order") from None
        return sensibly(lambda: Handover(text(told, "url", 2048), text(told, "id")))

    def fetch(self, account: Account, payment: str, provider_reference: str) -> Report:
        """What became of a payment."""
        by_theirs = f"/v1/payments/{_part(provider_reference)}"
        by_ours = f"/v1/payments?payment={_part(payment)}"
        told = _call(account, "GET", by_theirs if provider_reference else by_ours)
        return _answered(account, payment, told)

    def cancel(self, account: Account, payment: str, provider_reference: str) -> Report:
        """Give a payment up; one that is decided stays as it is."""
        if not provider_reference:
            found = self.fetch(account, payment, "")
            if found.outcome is not Outcome.STARTED:
                return found
            provider_reference = found.provider_reference
        path = f"/v1/payments/{_part(provider_reference)}/cancel"
        return _answered(account, payment, _call(account, "POST", path, {}))

    def read_notification(
        self, account: Account, headers: Mapping[str, str], body: bytes, now: datetime
    ) -> tuple[Heard, ...]:
        """The signature of the raw body first, then its age, and only then what it says."""
        if len(body) > NOTIFICATION_BYTES:
            raise BadNotification("it is too long")
        secret = account.credentials.get("webhook_secret", "")
        event_id = signed(secret, headers, body, now)
        try:
            return (sandbox_reading.heard(json_object(body), event_id),)
        except (ValueError, KeyError):
            raise BadNotification("it is not readable") from None

    def refund(self, account: Account, order: RefundOrder) -> RefundReport:
        """Send money back. What the provider knows nothing of, or finds too much, has failed."""
        body = {
            "refund": order.refund,
            "amount_cents": order.amount.cents,
            "currency": order.amount.currency,
        }
        path = f"/v1/payments/{_part(order.provider_reference)}/refunds"
        told = _call(account, "POST", path, body, key=order.refund)
        if told is None:
            return RefundReport(
                order.refund, "", Outcome.FAILED, order.amount, account.merchant, account.live
            )
        return sensibly(lambda: sandbox_reading.refund_report(told))

    def fetch_refund(
        self,
        account: Account,
        order: RefundOrder,  # noqa: ARG002 -- it knows its names by themselves
        provider_reference: str,
    ) -> RefundReport | None:
        """What became of a refund."""
        told = _call(account, "GET", f"/v1/refunds/{_part(provider_reference)}")
        return None if told is None else sensibly(lambda: sandbox_reading.refund_report(told))

    def find_refund(self, account: Account, order: RefundOrder) -> RefundReport | None:
        """By our name; who does not know the payment says nothing of its refunds."""
        path = f"/v1/payments/{_part(order.provider_reference)}"
        _known(_call(account, "GET", path))
        return self.fetch_refund(account, order, order.refund)

    def settlement(self, account: Account, settlement: str) -> Settlement:
        """A settlement report with its lines."""
        told = _known(_call(account, "GET", f"/v1/settlements/{_part(settlement)}"))
        return sensibly(lambda: sandbox_reading.settlement(told))

    def settlements(self, account: Account, since: datetime) -> tuple[str, ...]:
        """All reports since a moment."""
        path = f"/v1/settlements?since={_part(since.astimezone(UTC).isoformat())}"
        told = _known(_call(account, "GET", path))
        return sensibly(lambda: tuple(text(each, "id") for each in told["settlements"]))

    def taken(self, account: Account, until: datetime) -> tuple[Money, ...]:
        """All that it ever collected before a moment, by its own books."""
        path = f"/v1/taken?until={_part(until.astimezone(UTC).isoformat())}"
        told = _known(_call(account, "GET", path))
        return sensibly(lambda: sandbox_reading.taken(account, told))


def _answered(account: Account, payment: str, told: Told | None) -> Report:
    if told is None:
        return Report(payment, "", account.merchant, Outcome.NOT_FOUND, Money(0), account.live)
    return sensibly(lambda: sandbox_reading.report(told))


def _call(
    account: Account, method: str, path: str, body: Told | None = None, key: str = ""
) -> Told | None:
    """The provider's answer; ``None`` when it does not know what was asked for."""
    headers = {"Authorization": f"Bearer {account.credentials.get('secret', '')}"}
    if key:
        headers["Idempotency-Key"] = key
    url = account.credentials.get("base_url", "").rstrip("/") + path
    answer = ask(method, url, headers, body)
    told = sensibly(lambda: json_object(answer.body))
    if answer.status in {HTTPStatus.OK, HTTPStatus.CREATED}:
        return told
    if sensibly(lambda: text(told["error"], "code")) in _UNKNOWN_THERE:
        return None
    if answer.status in _SURELY_NOT_BEGUN:
        raise Unwilling(f"it answered {answer.status}", answer.status)
    if answer.status == HTTPStatus.UNAUTHORIZED:
        raise KeyRefused("it does not take the key")
    raise ProviderDown(f"it answered {answer.status}")


def _known(told: Told | None) -> Told:
    if told is None:
        raise ProviderDown("it does not know what was asked for")
    return told


def _part(name: str) -> str:
    return quote(name, safe="")
