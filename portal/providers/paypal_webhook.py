"""Whether a notification is PayPal's: its signature, checked here with PayPal's own certificate.

Signed is ``transmission id|time|webhook id|CRC-32 of the body`` with RSA and SHA-256; the header
names the certificate (developer.paypal.com/api/rest/webhooks/rest, "Verify message signatures").
Whoever could choose the certificate could sign, so it must come from PayPal's hosts, chain to a
trusted CA and carry the name of PayPal's message signing. A webhook id is one account's.
"""

import re
import warnings
import zlib
from base64 import b64decode
from collections.abc import Mapping
from datetime import datetime
from functools import cache, lru_cache
from http import HTTPStatus
from threading import BoundedSemaphore
from typing import Any

import certifi
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256, HashAlgorithm
from cryptography.utils import CryptographyDeprecationWarning
from cryptography.x509 import Certificate, DNSName, load_pem_x509_certificates
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from portal.providers.paypal_wire import base_url, is_here
from portal.providers.protocol import Account, BadNotification, ProviderDown
from portal.providers.wire import CLOCK_SKEW, ask, json_object, moment, patience

# fmt: off
# For live accounts and for others: who hands certificates out, and whose name is on them.
CERTIFICATE_HOSTS = {
    True:  {"api.paypal.com", "api-m.paypal.com"},
    False: {"api.sandbox.paypal.com", "api-m.sandbox.paypal.com"},
}
SIGNER = {
    True:  "messageverificationcerts.paypal.com",
    False: "messageverificationcerts.sandbox.paypal.com",
}
ALGORITHMS: Mapping[str, type[HashAlgorithm]] = {
    "SHA256withRSA": SHA256,
}
# fmt: on
CERTIFICATES = "/v1/notifications/certs/"
CERTIFICATE_SECONDS = 5.0
CERTIFICATE_BYTES = 64 * 1024
NOTIFICATION_BYTES = 256 * 1024
_AT_ONCE = BoundedSemaphore(2)  # a flood of made-up addresses must not hold every thread
TIME = "paypal-transmission-time"
_BEGIN = b"-----BEGIN CERTIFICATE-----"


def verified(
    account: Account, headers: Mapping[str, str], body: bytes, now: datetime
) -> dict[str, Any]:
    """The event, once it is known to be PayPal's, for this account, and of these minutes.

    What costs nothing is looked at first: nobody makes us fetch a certificate by a letter that is
    old. Raises ``BadNotification``; ``ProviderDown`` when the certificate cannot be had now.
    """
    if len(body) > NOTIFICATION_BYTES:
        raise BadNotification("it is too long")
    signed, algorithm, signature = _signed(account, headers, body, now)
    key = _key(account, headers.get("paypal-cert-url", ""), now)
    try:
        key.verify(signature, signed, padding.PKCS1v15(), algorithm)
    except InvalidSignature:
        raise BadNotification("its signature is wrong") from None
    try:
        return json_object(body)
    except ValueError:
        raise BadNotification("it is not readable") from None


def _signed(
    account: Account, headers: Mapping[str, str], body: bytes, now: datetime
) -> tuple[bytes, HashAlgorithm, bytes]:
    """What was signed, how, and the signature."""
    webhook_id = account.credentials.get("webhook_id", "")
    name, at = headers.get("paypal-transmission-id", ""), headers.get(TIME, "")
    algorithm = ALGORITHMS.get(headers.get("paypal-auth-algo", ""))
    if not re.fullmatch("[A-Za-z0-9-]{1,64}", name) or algorithm is None:
        raise BadNotification("its headers are not readable")
    if not re.fullmatch("[A-Za-z0-9]{1,64}", webhook_id):
        raise BadNotification("its signature cannot be checked")
    try:
        told_at = moment(headers, TIME)
        signature = b64decode(headers.get("paypal-transmission-sig", ""), validate=True)
    except (ValueError, KeyError):
        raise BadNotification("its headers are not readable") from None
    if abs(now - told_at) > CLOCK_SKEW:
        raise BadNotification("it is too old, or from the future")
    return message(name, at, webhook_id, body), algorithm(), signature


def message(name: str, at: str, webhook_id: str, body: bytes) -> bytes:
    """What PayPal signs."""
    return f"{name}|{at}|{webhook_id}|{zlib.crc32(body)}".encode()


def _key(account: Account, url: str, now: datetime) -> rsa.RSAPublicKey:
    """The key of PayPal's message signing; raises ``BadNotification``, ``ProviderDown``."""
    if not _is_paypals(account, url):
        raise BadNotification("its certificate is not PayPal's")
    leaf, *others = _chain(url)
    verifier = PolicyBuilder().store(_trusted(account)).time(now)
    try:
        verifier.build_server_verifier(DNSName(SIGNER[account.live])).verify(leaf, others)
    except VerificationError:
        raise BadNotification("its certificate is not PayPal's") from None
    key = leaf.public_key()
    if not isinstance(key, rsa.RSAPublicKey):
        raise BadNotification("its certificate is not PayPal's")
    return key


def _is_paypals(account: Account, url: str) -> bool:
    """Whether an address is one where PayPal hands certificates out.

    Of a practice PayPal on this machine it is that one's own address, and no other.
    """
    place, found, name = url.partition(CERTIFICATES)
    places = {f"https://{host}" for host in CERTIFICATE_HOSTS[account.live]}
    if is_here(account):
        places = {base_url(account)}
    return bool(found) and place in places and bool(re.fullmatch("[A-Za-z0-9_-]{1,100}", name))


@lru_cache(maxsize=32)
def _chain(url: str) -> tuple[Certificate, ...]:
    """The certificates at an address, the signer's first. An address always has the same ones."""
    if not _AT_ONCE.acquire(blocking=False):  # whoever waited here would hold a thread, too
        raise ProviderDown("its certificates are slow to come")
    try:
        with patience(CERTIFICATE_SECONDS):
            answer = ask("GET", url, {}, longest=CERTIFICATE_BYTES)
    finally:
        _AT_ONCE.release()
    if answer.status in {HTTPStatus.NOT_FOUND, HTTPStatus.GONE}:
        raise BadNotification("its certificate is not there")
    if answer.status != HTTPStatus.OK:
        raise ProviderDown(f"its certificate host answered {answer.status}")
    found = _certificates(answer.body)
    if not found:
        raise BadNotification("its certificate is not readable")
    return found


def _trusted(account: Account) -> Store:
    """Public CAs; the account's own ``ca`` for a practice PayPal on this machine alone."""
    if not is_here(account):
        return _public_store()
    own = _certificates(account.credentials.get("ca", "").encode())
    if not own:
        raise BadNotification("its signature cannot be checked")
    return Store([*own])


@cache
def _public_store() -> Store:
    with open(certifi.where(), "rb") as file:
        return Store([*_certificates(file.read())])


def _certificates(pem: bytes) -> tuple[Certificate, ...]:
    """The certificates of a PEM file that are well made."""
    found: list[Certificate] = []
    for one in pem.split(_BEGIN)[1:]:
        with warnings.catch_warnings():
            warnings.simplefilter("error", CryptographyDeprecationWarning)
            try:
                found += load_pem_x509_certificates(_BEGIN + one)
            except (ValueError, CryptographyDeprecationWarning):
                continue
    return tuple(found)
