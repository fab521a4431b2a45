"""The configured keys and what is derived from them.

Each configured key has an id; the first is the one in use, the others still open what was made
with them. One that leaked is marked as revoked: it still knows and unseals what hangs on it, but
nobody is let in by what it signs. Every purpose has its own HKDF child (RFC 5869), so that no two
uses share a key.
MAC inputs are length-prefixed: no two different lists of parts give the same bytes.
"""

import base64
import hashlib
import secrets
import struct
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from portal.errors import Misconfigured

SHORTEST_BYTES = 32
REVOKED = "revoked"
_LENGTH = struct.Struct(">I")
_BLOCK = 64  # bytes that SHA-256 takes at once
_INNER = bytes(byte ^ 0x36 for byte in range(256))
_OUTER = bytes(byte ^ 0x5C for byte in range(256))
_NONCE_BYTES = 12  # NIST SP 800-38D, section 5.2.1.1


class CannotUnseal(Exception):
    """What was sealed was changed, belongs elsewhere, or its key is gone."""


@dataclass(frozen=True, slots=True)
class Key:
    """One configured key; ``id`` is written beside everything made with it."""

    id: str
    secret: bytes = field(repr=False)
    revoked: bool = False

    def child(self, purpose: str) -> bytes:
        """32 bytes for one purpose."""
        return _child(self.secret, purpose)


@dataclass(frozen=True, slots=True)
class Keyring:
    """The configured keys; the first is in use."""

    keys: tuple[Key, ...]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``id:base64,id:base64:revoked``; raises ``Misconfigured`` with what to do."""
        keys = tuple(_read(part.strip()) for part in text.split(",") if part.strip())
        if not keys:
            raise Misconfigured("QUITT_KEYS is empty. Make a key with: ./quitt keys new")
        if len({key.id for key in keys}) != len(keys):
            raise Misconfigured("QUITT_KEYS names the same key id twice.")
        if keys[0].revoked:
            raise Misconfigured("The first key of QUITT_KEYS is revoked. Put a new one before it.")
        return cls(keys)

    @property
    def current(self) -> Key:
        return self.keys[0]

    @property
    def trusted(self) -> tuple[Key, ...]:
        """Those whose signatures let somebody in."""
        return tuple(key for key in self.keys if not key.revoked)

    def get(self, key_id: str) -> Key:
        """The key with this id; raises ``Misconfigured`` when it is not configured any more."""
        for key in self.keys:
            if key.id == key_id:
                return key
        raise Misconfigured(f"QUITT_KEYS lacks the key {key_id!r}, which is still in use.")

    def seal(self, plain: bytes, *context: str) -> bytes:
        """Encrypt with the key in use (AES-256-GCM), bound to ``context``."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        head = self.current.id.encode() + b":"
        bound = prefixed(*context)
        return head + nonce + AESGCM(self.current.child("seal")).encrypt(nonce, plain, bound)

    def unseal(self, sealed: bytes, *context: str) -> bytes:
        """What was sealed in the same context; raises ``CannotUnseal``."""
        key, rest = self.get(sealed_with(sealed)), sealed.partition(b":")[2]
        nonce, box = rest[:_NONCE_BYTES], rest[_NONCE_BYTES:]
        try:
            return AESGCM(key.child("seal")).decrypt(nonce, box, prefixed(*context))
        except (InvalidTag, ValueError) as error:
            raise CannotUnseal(", ".join(context)) from error


def sealed_with(sealed: bytes) -> str:
    """The id of the key that something was sealed with."""
    return sealed.partition(b":")[0].decode("ascii", "replace")


def new_key(key_id: str) -> str:
    """A fresh key as it stands in ``QUITT_KEYS``."""
    return f"{key_id}:{base64.b64encode(secrets.token_bytes(SHORTEST_BYTES)).decode()}"


def prefixed(*parts: str | int | bytes) -> bytes:
    """The parts, each behind its length, as input of a MAC."""
    framed = b""
    for part in parts:
        raw = part if isinstance(part, bytes) else str(part).encode()
        framed += _LENGTH.pack(len(raw)) + raw
    return framed


def mac(key: bytes, *parts: str | int | bytes) -> bytes:
    """HMAC-SHA-256 (RFC 2104) over the length-prefixed parts: 32 bytes."""
    begun_inner, begun_outer = _begun(key)
    inner, outer = begun_inner.copy(), begun_outer.copy()
    inner.update(prefixed(*parts))
    outer.update(inner.digest())
    return outer.digest()


# Written out because hmac has no cheap copy: four of these are made for each line of a batch.
@lru_cache(maxsize=256)
def _begun(key: bytes) -> tuple["hashlib._Hash", "hashlib._Hash"]:
    """The inner and the outer hash of RFC 2104, section 2, with the key in them already."""
    block = (hashlib.sha256(key).digest() if len(key) > _BLOCK else key).ljust(_BLOCK, b"\0")
    return hashlib.sha256(block.translate(_INNER)), hashlib.sha256(block.translate(_OUTER))


@lru_cache(maxsize=256)
def _child(secret: bytes, purpose: str) -> bytes:
    return HKDF(SHA256(), 32, salt=None, info=f"quitt/{purpose}".encode()).derive(secret)


def _read(part: str) -> Key:
    key_id, colon, rest = part.partition(":")
    encoded, mark, word = rest.partition(":")
    if mark and word != REVOKED:
        raise Misconfigured(f"QUITT_KEYS: behind a key may stand :{REVOKED} and nothing else.")
    if not colon or not key_id.isascii() or not key_id.isalnum():
        raise Misconfigured(
            "QUITT_KEYS must read id:base64,id:base64; an id has letters and digits."
        )
    try:
        secret = base64.b64decode(encoded, validate=True)
    except ValueError:
        raise Misconfigured(f"QUITT_KEYS: the key {key_id!r} is not base64.") from None
    if len(secret) < SHORTEST_BYTES:
        raise Misconfigured(
            f"QUITT_KEYS: the key {key_id!r} is shorter than {SHORTEST_BYTES} bytes."
        )
    if len(set(secret)) < 8:  # zeros, or one character held down
        raise Misconfigured(f"QUITT_KEYS: the key {key_id!r} is a placeholder. Make a real one.")
    return Key(key_id, secret, revoked=bool(mark))
