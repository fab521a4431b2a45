"""The QR code by which a banking app fills in a transfer; shops and banks call it GiroCode.

EPC069-12 of the European Payments Council, "Quick Response Code: Guidelines to Enable the Data
Capture for the Initiation of a SEPA Credit Transfer": version 002, UTF-8, remittance text
unstructured. Pure: the same transfer makes the same bytes.
"""

import io
import re
from dataclasses import dataclass

import segno

from portal.money import Money

CURRENCY = "EUR"
LEAST_CENTS, MOST_CENTS = 1, 99_999_999_999
LONGEST_RECIPIENT = 70  # characters, as the lengths below
LONGEST_TEXT = 140
MOST_BYTES = 331  # of a symbol of version 13 at level M, the largest that is allowed
ERROR_CORRECTION = "m"  # the only level that is allowed
QUIET_ZONE = 4  # modules, as ISO/IEC 18004 wants
PIXELS = 12  # a module of the picture: large enough for a screen, and to be read from a photo

IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}")
BIC = re.compile(r"[A-Z0-9]{8}(?:[A-Z0-9]{3})?")


@dataclass(frozen=True, slots=True)
class Transfer:
    """What a payer fills in: whom, where, how much, and the text by which it is found again."""

    recipient: str
    iban: str
    bic: str
    amount: Money
    text: str


def payload(transfer: Transfer) -> bytes | None:
    """What the code says, or ``None`` where the standard knows no code for this transfer.

    The BIC is left out when there is none: version 002 needs it outside the EEA only. The amount
    always has two decimals; the standard asks for none.
    """
    iban, bic = (_without_blanks(number) for number in (transfer.iban, transfer.bic))
    recipient, text = transfer.recipient.strip(), transfer.text.strip()
    amount = transfer.amount
    known = (
        amount.currency == CURRENCY
        and LEAST_CENTS <= amount.cents <= MOST_CENTS
        and IBAN.fullmatch(iban) is not None
        and _is_line(recipient, LONGEST_RECIPIENT)
        and _is_line(text, LONGEST_TEXT)
    )
    euros = f"EUR{amount.cents // 100}.{amount.cents % 100:02d}"
    lines = ("BCD", "002", "1", "SCT", bic if BIC.fullmatch(bic) else "", recipient, iban, euros,
             "", "", text)  # fmt: skip
    said = "\n".join(lines).encode()
    return said if known and len(said) <= MOST_BYTES else None


def png(said: bytes) -> bytes:
    """The code as a picture, black on white with its quiet zone."""
    drawn = io.BytesIO()
    _symbol(said).save(drawn, kind="png", scale=PIXELS, border=QUIET_ZONE)
    return drawn.getvalue()


def svg(said: bytes) -> bytes:
    """The same for every size."""
    drawn = io.BytesIO()
    _symbol(said).save(
        drawn, kind="svg", scale=PIXELS, border=QUIET_ZONE, light="#fff", xmldecl=False
    )
    return drawn.getvalue()


def data_address(said: bytes) -> str:
    """The same as a ``data:`` address of an SVG."""
    address: str = _symbol(said).svg_data_uri(border=QUIET_ZONE, xmldecl=False, light="#fff")
    return address


def _symbol(said: bytes) -> segno.QRCode:
    # Bytes are drawn as they are: with a character set segno might name it in the symbol.
    return segno.make_qr(said, error=ERROR_CORRECTION, mode="byte", boost_error=False)


def _without_blanks(number: str) -> str:
    return "".join(number.split()).upper()


def _is_line(text: str, longest: int) -> bool:
    return 0 < len(text) <= longest and text.isprintable()
