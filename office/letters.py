"""What stands in a letter. Pure: a claim and the town in, HTML out.

The letter follows DIN 5008 form B. Everything has a fixed place on the page: the QR code that opens
the payment page on the middle fold, the TAN on the lowest, so that neither shows while the other
is read. The code for banking apps stands in the lowest corner, out of the camera that reads the
first.
"""

import hashlib
import json
from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import urlsplit

import segno
from babel import Locale
from flask import current_app
from flask_babel import force_locale
from flask_babel import gettext as _

from office import fitting
from office.fitting import fit
from office.models import Claim, Debtor
from office.town import Facts
from portal import epc
from portal.epc import QUIET_ZONE, Transfer
from portal.errors import Invalid

QR_ERROR_CORRECTION = "m"  # 15 % of the symbol may be lost
LOCALES = {"en": "en_GB"}  # 12 December 2026, not December 12
MOST_INSTALMENTS = 4  # on paper: two lines
LONGEST_DAY = "30. September 2026"
LONGEST_IBAN = "MT84 MALT 0110 0001 2345 MTLC AST0 01S"


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the list that a run of letters begins with."""

    number: int
    page: int
    claim: Claim


class AddressTooLong(Invalid):
    """The address does not fit into the window of an envelope, in no size that a postman reads."""

    code = "address"


def letter(claim: Claim, town: Facts, today: date) -> str:
    """The HTML of one letter, in the claim's language. Raises AddressTooLong."""
    link = claim.link
    sizes = _sizes(claim, town)
    with force_locale(LOCALES.get(claim.printed_in, claim.printed_in)):
        return _filled(
            "letter.html",
            claim=claim,
            town=town,
            today=claim.issued_on or today,
            address=address(claim.debtor),
            sizes=sizes,
            link=None if claim.debit else link,
            qr=qr(link.qr) if link else "",
            epc=epc_code(claim, town),
            instalments=claim.plan[:MOST_INSTALMENTS],
            more=len(claim.plan[MOST_INSTALMENTS:]),
            host=_host(claim),
        )


def fingerprint(claim: Claim) -> str:
    """Tells one letter from another by what it says of its claim (SHA-256).

    What is open is not in it: who pays a part is not sent a new letter.
    """
    link = claim.link
    said = [
        claim.reference, claim.cents, claim.currency, claim.purpose, claim.payment_sign, claim.unit,
        claim.issued_on, claim.due_on, claim.payable_until, claim.instalments,
        claim.parts_from_cents, claim.printed_in, claim.debit,
        address(claim.debtor),
        [link.url, link.short_code, link.tan] if link and not claim.debit else None,
    ]  # fmt: skip
    return hashlib.sha256(json.dumps(said, default=str).encode()).hexdigest()


def address_size(claim: Claim) -> fitting.Size:
    """The size of type in which the address fits its field; raises AddressTooLong."""
    lines = address(claim.debtor)
    size = fit(lines, fitting.ADDRESS, fitting.ADDRESS_MM, bold=False)
    if size is None:
        raise AddressTooLong(
            _("%(reference)s: the address does not fit the letter.", reference=claim.reference)
        )
    return size


def _sizes(claim: Claim, town: Facts) -> dict[str, str]:
    """The size of type of each place; a town's own facts were checked when they were told."""
    said = (claim.unit, claim.reference, claim.payment_sign, town.phone, town.hours, LONGEST_DAY)
    ways = (town.paid_to, LONGEST_IBAN, claim.payment_sign, town.cash_desk_hours)
    return {
        "address": address_size(claim).name,
        "sender": _name(fit([town.sender], fitting.SENDER, fitting.SENDER_MM, bold=False)),
        "head": _name(fit([town.name], fitting.HEAD, fitting.HEAD_MM, bold=True)),
        "info": _name(fit(said, fitting.INFO, fitting.INFO_MM, bold=True)),
        "purpose": _name(fit([claim.purpose], fitting.PURPOSE, fitting.PURPOSE_MM, bold=True)),
        "online": _name(fit([_host(claim)], fitting.HOST, fitting.HOST_MM, bold=True)),
        "ways": _name(fit(ways, fitting.WAYS, fitting.WAYS_MM, bold=True)),
        "footer": _name(fit([town.footer], fitting.FOOTER, fitting.FOOTER_MM, bold=False)),
    }


def _host(claim: Claim) -> str:
    return urlsplit(claim.link.url).netloc if claim.link else ""


def _name(size: fitting.Size | None) -> str:
    return size.name if size else "small"


def index(entries: list[Entry], town: Facts, today: date) -> str:
    """The HTML of the list in front of a run of letters."""
    with force_locale("de"):
        total = sum((entry.claim.asked for entry in entries[1:]), entries[0].claim.asked)
        return _filled("index.html", entries=entries, town=town, today=today, total=total)


def _filled(template: str, **facts: Any) -> str:
    """A letter is no answer to a request: it takes nothing from one."""
    return current_app.jinja_env.get_template(f"letter/{template}").render(**facts)


def address(debtor: Debtor) -> list[str]:
    """The lines of the address field: at most five, the country in German and in capitals."""
    place = f"{debtor.postcode} {debtor.city}"
    lines = [debtor.name, debtor.addition, debtor.street]
    country = country_line(debtor.country)
    lines += [place.upper(), country] if country else [place]
    return [line for line in lines if line]


def country_line(country: str) -> str:
    """``POLEN`` for ``PL`` or ``Polen``; nothing for Germany."""
    names = Locale("de").territories
    name = names.get(country.upper(), country)
    return "" if name == names["DE"] else name.upper()


def epc_code(claim: Claim, town: Facts) -> str:
    """The EPC code for what a letter asks for, as a ``data:`` address; empty where there is none:
    for a direct debit, and for what is in another currency.
    """
    if claim.debit:
        return ""
    text = claim.payment_sign
    said = epc.payload(Transfer(town.account_holder, town.iban, town.bic, claim.asked, text))
    return epc.data_address(said) if said else ""


def qr(payload: str) -> str:
    """A QR code as a ``data:`` address of an SVG, with its quiet zone."""
    symbol = segno.make(payload, error=QR_ERROR_CORRECTION, micro=False)
    return symbol.svg_data_uri(border=QUIET_ZONE, xmldecl=False, light="#fff")
