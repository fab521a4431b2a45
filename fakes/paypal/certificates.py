"""The certificates with which notifications are signed: an own CA, made when first needed.

They are kept in the books, so that a merchant's trust outlives a restart.
"""

import sqlite3
from base64 import b64encode
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from secrets import token_hex
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from fakes import settings
from portal import clock

SIGNER = "messageverificationcerts.sandbox.paypal.com"
NAME = "certificates"  # under which they stand in the settings
_YEARS = timedelta(days=3 * 365)


@dataclass(frozen=True, slots=True)
class Certificates:
    """PEM: the CA, and the signer's certificate with its issuer's; the name it is fetched by."""

    id: str
    ca: str
    chain: str
    key: rsa.RSAPrivateKey = field(repr=False)

    def sign(self, message: bytes) -> str:
        """SHA256withRSA, in base64."""
        return b64encode(self.key.sign(message, padding.PKCS1v15(), hashes.SHA256())).decode()


def opened(db: sqlite3.Connection, provider: str) -> Certificates:
    """Those of the books, made now if there are none."""
    told = settings.read(db, provider).get(NAME)
    if told is None:
        told = made(key=_signing_key())
        settings.change(db, provider, {NAME: told})
    # Ours, from our own books: to prove its primes anew takes longer than to sign with it.
    key = load_pem_private_key(told["key"].encode(), None, unsafe_skip_rsa_key_validation=True)
    assert isinstance(key, rsa.RSAPrivateKey)  # noqa: S101 -- made below
    return Certificates(told["id"], told["ca"], told["chain"], key)


def made(signer: str = SIGNER, **changed: Any) -> dict[str, str]:
    """A new CA, an intermediate of it, and a certificate in ``signer``'s name (``begins``,
    ``ends``: moments, if not now and in years; ``key``: the signer's, if not a new one).
    """
    begins = changed.get("begins", clock.now() - timedelta(days=1))
    ends = changed.get("ends", begins + _YEARS)
    root_key, middle_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    root = _certificate("Practice Root CA", root_key, "Practice Root CA", root_key, True)
    middle = _certificate("Practice CA", middle_key, "Practice Root CA", root_key, True)
    key = changed.get("key") or _new_key()
    leaf = _certificate(signer, key, "Practice CA", middle_key, False, begins, ends)
    return {
        "id": f"CERT-{token_hex(4)}-{token_hex(4)}-{token_hex(4)}",
        "ca": _pem(root),
        "chain": _pem(leaf) + _pem(middle),
        "key": key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
    }


@cache
def _signing_key() -> rsa.RSAPrivateKey:
    # One for the process, which may open many books: it takes longest of all to make.
    return _new_key()


def _new_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _certificate(
    subject: str, key: Any, issuer: str, issuer_key: Any, is_ca: bool, *validity: Any
) -> x509.Certificate:
    begins, ends = validity or (clock.now() - timedelta(days=1), clock.now() + _YEARS)
    usage = dict.fromkeys(
        ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
         "encipher_only", "decipher_only"), False,
    )  # fmt: skip
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(_name(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(ends)
        .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
        .add_extension(
            x509.KeyUsage(
                digital_signature=not is_ca, key_cert_sign=is_ca, crl_sign=is_ca, **usage
            ),
            critical=True,
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), False
        )
    )
    if not is_ca:
        names = x509.SubjectAlternativeName([x509.DNSName(subject)])
        usages = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
        builder = builder.add_extension(names, False).add_extension(usages, False)
    return builder.sign(issuer_key, hashes.SHA256())


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(Encoding.PEM).decode()
