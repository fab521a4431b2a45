"""What of the names in a provider's word may be kept. Pure.

Other shops of a town may use the same account there, and write what they like where our id and
the provider's name are expected, an e-mail address or a customer's name. So only what has the form
of such a name comes in; it is decided here, before anything is looked up or written.

>>> ours("4f" * 16), ours("anna@example.org")
('4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f', '')
>>> theirs("cs_test_a1"), theirs("anna@example.org")
('cs_test_a1', 'sha256-a3bf86238a1c59bd2f0a648af9293620')
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from hashlib import sha256
from typing import Any, TypeVar

from portal.providers.protocol import RefundReport, Report, ReversalReport, SettlementLine

Word = TypeVar("Word", Report, RefundReport, ReversalReport, SettlementLine)

OUR_ID = re.compile("[0-9a-f]{32}")
_DIGEST = re.compile("sha256-[0-9a-f]{32}")
_THEIRS = re.compile("[A-Za-z0-9._:/+=~-]{1,128}")


def ours(told: str) -> str:
    """An id of ours as a provider gives it back; empty for what has not its form."""
    return told if OUR_ID.fullmatch(told) else ""


def theirs(told: str) -> str:
    """A provider's name of a thing: letters, digits and ``._:/+=~-``, at most 128 of them.

    Of anything else a digest, by which the same thing is still the same, and nobody is named.
    """
    return told if not told or _THEIRS.fullmatch(told) else _digest(told)


def clean(word: Word) -> Word:
    """What a provider says, with only names in its names. What is named by nothing else keeps
    the digest of what stood for our id: money of two strangers must not look like one thing.
    """
    told: dict[str, Any] = {
        name: rule(getattr(word, name)) for name, rule in RULES.items() if hasattr(word, name)
    }
    if word.payment and not told["payment"] and not told["provider_reference"]:
        told["payment"] = _digest(word.payment)
    return replace(word, **told)


def _digest(told: str) -> str:
    if _DIGEST.fullmatch(told):
        return told
    return f"sha256-{sha256(told.encode()).hexdigest()[:32]}"


RULES: Mapping[str, Callable[[str], str]] = {
    "payment": ours,
    "refund": ours,
    "provider_reference": theirs,
    "reversal": theirs,
    "event_id": theirs,
}
