"""Whether a notification is PayPal's: forged, foreign and old certificates, and other addresses."""

import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from threading import Semaphore
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from fakes.paypal import certificates
from fakes.paypal.certificates import Certificates
from fakes.paypal.fake import signed
from portal import clock
from portal.providers import paypal_webhook
from portal.providers.paypal import PayPal
from portal.providers.paypal_webhook import SIGNER, message, verified
from portal.providers.protocol import Account, BadNotification, ProviderDown
from portal.providers.wire import Answer
from tests.providers.harness_paypal import MERCHANT, PayPalHarness, paypal_harness
from tests.providers.harnesses import Letter, with_credentials
from tests.providers.test_contract import order

HERE = "http://127.0.0.1:9/paypal"
PATH = "/v1/notifications/certs/"
NAME, AT = "d938e770-8046-11e6-8103-6b62a8a99ac4", "2016-09-21T22:00:46Z"
BODY = b'{"id":"WH-1","event_type":"PAYMENT.CAPTURE.COMPLETED"}'

Serve = Callable[[str], Account]


@pytest.fixture
def harness(tmp_path: Path) -> Iterator[PayPalHarness]:
    with paypal_harness(tmp_path) as opened:
        yield opened


@pytest.fixture(scope="module")
def genuine() -> dict[str, str]:
    return certificates.made()


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """What each address answers, without a network; ``asked`` counts how often."""
    answers: dict[str, Any] = {"asked": []}

    def ask(method: str, url: str, headers: Any, **more: Any) -> Answer:
        answers["asked"].append(url)
        answer = answers.get(url, Answer(404, b""))
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(paypal_webhook, "ask", ask)
    paypal_webhook._chain.cache_clear()
    yield answers
    paypal_webhook._chain.cache_clear()


def account(ca: str, base_url: str = HERE, live: bool = False) -> Account:
    credentials = {"base_url": base_url, "webhook_id": "WEBHOOK", "ca": ca}
    return Account("tenant", "account", MERCHANT, live, credentials)


def letter(told: dict[str, str], at: Any = None, url: str = "") -> Letter:
    """A notification that is signed with the key of these certificates."""
    key: Any = load_pem_private_key(told["key"].encode(), None)
    signer = Certificates(told["id"], told["ca"], told["chain"], key)
    when = (at or clock.now()).strftime("%Y-%m-%dT%H:%M:%SZ")
    headers = signed(signer, {"webhook_id": "WEBHOOK", "api_url": HERE}, NAME, when, BODY)
    return (headers | {"paypal-cert-url": url} if url else headers), BODY


def read(account: Account, sent: Letter, now: Any = None) -> dict[str, Any]:
    return verified(account, *sent, now or clock.now())


def hand_out(served: dict[str, Any], told: dict[str, str], chain: str = "") -> None:
    served[f"{HERE}{PATH}{told['id']}"] = Answer(200, (chain or told["chain"]).encode())


def test_the_signed_message_is_put_together_as_paypal_does() -> None:
    """The CRC is decimal, of the raw body, and unsigned."""
    assert zlib.crc32(BODY) == 2325436976
    assert message(NAME, AT, "9XL90610J3647323C", BODY) == (
        b"d938e770-8046-11e6-8103-6b62a8a99ac4|2016-09-21T22:00:46Z|9XL90610J3647323C|2325436976"
    )


def test_a_genuine_notification_is_read(served: dict[str, Any], genuine: dict[str, str]) -> None:
    hand_out(served, genuine)
    assert read(account(genuine["ca"]), letter(genuine))["id"] == "WH-1"


def test_a_certificate_is_fetched_once_for_many_letters(
    served: dict[str, Any], genuine: dict[str, str]
) -> None:
    hand_out(served, genuine)
    for _ in range(3):
        read(account(genuine["ca"]), letter(genuine))
    assert len(served["asked"]) == 1


def test_a_certificate_of_another_ca_is_refused(
    served: dict[str, Any], genuine: dict[str, str]
) -> None:
    forged = certificates.made()
    for name, chain in (("alone", forged["chain"]), ("rooted", forged["chain"] + genuine["ca"])):
        told = forged | {"id": name}
        hand_out(served, told, chain)
        with pytest.raises(BadNotification, match="certificate is not PayPal's"):
            read(account(genuine["ca"]), letter(told))


def test_a_forged_certificate_beside_the_genuine_chain_is_refused(
    served: dict[str, Any], genuine: dict[str, str]
) -> None:
    forged = certificates.made()
    leaf = forged["chain"].split("-----END CERTIFICATE-----\n")[0] + "-----END CERTIFICATE-----\n"
    hand_out(served, forged, leaf + genuine["chain"])
    with pytest.raises(BadNotification, match="certificate is not PayPal's"):
        read(account(genuine["ca"]), letter(forged))


@pytest.mark.parametrize(
    "name", ["www.paypal.com", SIGNER[True], f"{SIGNER[False]}.evil.example", "localhost"]
)
def test_a_trusted_certificate_in_another_name_is_refused(
    served: dict[str, Any], name: str
) -> None:
    other = certificates.made(name)
    hand_out(served, other)
    with pytest.raises(BadNotification, match="certificate is not PayPal's"):
        read(account(other["ca"]), letter(other))


def test_a_certificate_counts_in_its_time_only(served: dict[str, Any]) -> None:
    now = clock.now()
    short = certificates.made(begins=now - timedelta(hours=2), ends=now + timedelta(hours=2))
    hand_out(served, short)
    assert read(account(short["ca"]), letter(short))
    for hours in (-3, 3):
        then = now + timedelta(hours=hours)
        with pytest.raises(BadNotification, match="certificate is not PayPal's"):
            read(account(short["ca"]), letter(short, then), then)


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/v1/notifications/certs/CERT-1",
        "https://api.paypal.com.evil.example/v1/notifications/certs/CERT-1",
        "https://api.paypal.com@evil.example/v1/notifications/certs/CERT-1",
        "https://evil.example#https://api.paypal.com/v1/notifications/certs/CERT-1",
        "https://api.paypal.com:8443/v1/notifications/certs/CERT-1",
        "http://api.paypal.com/v1/notifications/certs/CERT-1",
        "https://API.PAYPAL.COM/v1/notifications/certs/CERT-1",
        "https://www.paypal.com/v1/notifications/certs/CERT-1",
        "https://api.paypal.com/redirect?to=/v1/notifications/certs/CERT-1",
        "https://api.paypal.com/v1/notifications/certs/../../evil",
        "https://api.paypal.com/v1/notifications/certs/CERT-1?to=https://evil.example",
        "https://api.paypal.com/v1/notifications/certs/",
        "https://api.sandbox.paypal.com/v1/notifications/certs/CERT-1",
        "http://169.254.169.254/v1/notifications/certs/CERT-1",
        f"{HERE}/v1/notifications/certs/CERT-1",
        "file:///v1/notifications/certs/CERT-1",
        "//[/v1/notifications/certs/CERT-1",
        "",
    ],
)
def test_a_live_account_fetches_certificates_from_paypal_alone(
    served: dict[str, Any], genuine: dict[str, str], url: str
) -> None:
    live = account(genuine["ca"], "https://api-m.paypal.com", live=True)
    headers, body = letter(genuine)
    with pytest.raises(BadNotification):
        read(live, (headers | {"paypal-cert-url": url}, body))
    assert served["asked"] == []


@pytest.mark.parametrize(
    ("live", "base", "host"),
    [
        (True, "https://api-m.paypal.com", "api.paypal.com"),
        (True, "https://api-m.paypal.com", "api-m.paypal.com"),
        (False, "https://api-m.sandbox.paypal.com", "api.sandbox.paypal.com"),
        (False, "https://api-m.sandbox.paypal.com", "api-m.sandbox.paypal.com"),
    ],
)
def test_a_real_account_trusts_no_ca_of_its_own(
    served: dict[str, Any], genuine: dict[str, str], live: bool, base: str, host: str
) -> None:
    url = f"https://{host}{PATH}{genuine['id']}"
    told = certificates.made(SIGNER[live])
    served[url] = Answer(200, told["chain"].encode())
    with pytest.raises(BadNotification, match="certificate is not PayPal's"):
        read(account(told["ca"], base, live), letter(told, url=url))
    assert served["asked"] == [url]


def test_only_a_practice_paypal_on_this_machine_has_a_ca_of_its_own(
    served: dict[str, Any], genuine: dict[str, str]
) -> None:
    for base in ("http://10.0.0.7:8003/paypal", "https://paypal.example"):
        url = f"{base}{PATH}{genuine['id']}"
        served[url] = Answer(200, genuine["chain"].encode())
        with pytest.raises(BadNotification):
            read(account(genuine["ca"], base), letter(genuine, url=url))
    assert served["asked"] == []


def test_a_live_account_never_trusts_this_machine(
    served: dict[str, Any], genuine: dict[str, str]
) -> None:
    hand_out(served, genuine)
    with pytest.raises(BadNotification):
        read(account(genuine["ca"], HERE, live=True), letter(genuine))
    assert served["asked"] == []


@pytest.mark.parametrize("algorithm", ["SHA1withRSA", "SHA256withECDSA", "none", "sha256withrsa"])
def test_another_algorithm_is_refused(
    served: dict[str, Any], genuine: dict[str, str], algorithm: str
) -> None:
    headers, body = letter(genuine)
    with pytest.raises(BadNotification):
        read(account(genuine["ca"]), (headers | {"paypal-auth-algo": algorithm}, body))
    assert served["asked"] == []


def test_an_old_letter_makes_us_fetch_nothing(
    served: dict[str, Any], genuine: dict[str, str]
) -> None:
    with pytest.raises(BadNotification, match="too old"):
        read(account(genuine["ca"]), letter(genuine), clock.now() + timedelta(seconds=302))
    assert served["asked"] == []


@pytest.mark.parametrize("answer", [ProviderDown("slow"), Answer(302, b""), Answer(403, b"")])
def test_a_silent_certificate_host_is_no_word_about_the_letter(
    served: dict[str, Any], genuine: dict[str, str], answer: Any
) -> None:
    served[f"{HERE}{PATH}{genuine['id']}"] = answer
    with pytest.raises(ProviderDown):
        read(account(genuine["ca"]), letter(genuine))
    hand_out(served, genuine)
    assert read(account(genuine["ca"]), letter(genuine)), "it is asked again"


def test_a_flood_of_made_up_addresses_holds_no_thread(
    served: dict[str, Any], genuine: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    hand_out(served, genuine)
    busy = Semaphore(0)
    monkeypatch.setattr(paypal_webhook, "_AT_ONCE", busy)
    monkeypatch.setattr(paypal_webhook, "CERTIFICATE_SECONDS", 3600.0)
    done = ThreadPoolExecutor(1).submit(read, account(genuine["ca"]), letter(genuine))
    try:
        with pytest.raises(ProviderDown):
            done.result(timeout=20)
    finally:
        busy.release()
    assert served["asked"] == []


@pytest.mark.parametrize("chain", ["", "no PEM", "-----BEGIN CERTIFICATE-----\nAAAA\n"])
def test_what_is_no_certificate_proves_nothing(
    served: dict[str, Any], genuine: dict[str, str], chain: str
) -> None:
    served[f"{HERE}{PATH}{genuine['id']}"] = Answer(200, chain.encode())
    with pytest.raises(BadNotification, match="not readable"):
        read(account(genuine["ca"]), letter(genuine))


def test_a_certificate_that_is_not_there_proves_nothing(
    served: dict[str, Any], genuine: dict[str, str]
) -> None:
    with pytest.raises(BadNotification, match="not there"):
        read(account(genuine["ca"]), letter(genuine))


def test_public_cas_are_read() -> None:
    assert isinstance(paypal_webhook._public_store(), x509.verification.Store)


def test_a_certificate_that_is_far_too_long_is_not_read(harness: PayPalHarness) -> None:
    provider = PayPal()
    provider.start(harness.account, order())
    sent = harness.pay("pay-1")
    provider.read_notification(harness.account, *sent, clock.now())
    paypal_webhook._chain.cache_clear()
    patch = pytest.MonkeyPatch()
    patch.setattr(paypal_webhook, "CERTIFICATE_BYTES", 100)
    try:
        with pytest.raises(ProviderDown):
            provider.read_notification(harness.account, *sent, clock.now())
    finally:
        patch.undo()


def test_a_practice_event_on_a_live_account_is_refused(harness: PayPalHarness) -> None:
    provider = PayPal()
    provider.start(harness.account, order())
    sent = harness.pay("pay-1")
    live = replace(with_credentials(harness.account), live=True)
    with pytest.raises(BadNotification):
        provider.read_notification(live, *sent, clock.now())
