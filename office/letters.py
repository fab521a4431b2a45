"""What stands in a letter. Pure: a claim and the town in, HTML out.

The letter follows DIN 5008 form B. Everything has a fixed place on the page: the QR code on the
middle fold, the TAN on the lowest, so that neither shows while the other is read.
"""

from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import urlsplit

import segno
from babel import Locale
from flask import current_app
from flask_babel import force_locale

from office.models import Claim, Debtor
from office.town import Facts

QR_ERROR_CORRECTION = "m"  # 15 % of the symbol may be lost
LOCALES = {"en": "en_GB"}  # 12 December 2026, not December 12
QUIET_ZONE = 4  # modules, as ISO/IEC 18004 wants


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the list that a run of letters begins with."""

    number: int
    page: int
    claim: Claim


def letter(claim: Claim, town: Facts, today: date) -> str:
    """The HTML of one letter, in the claim's language."""
    link = claim.link
    with force_locale(LOCALES.get(claim.language, claim.language)):
        return _filled(
            "letter.html",
            claim=claim,
            town=town,
            today=claim.issued_on or today,
            address=address(claim.debtor),
            link=None if claim.debit else link,
            qr=qr(link.qr) if link else "",
            host=urlsplit(link.url).netloc if link else "",
        )


def index(entries: list[Entry], town: Facts, today: date) -> str:
    """The HTML of the list in front of a run of letters."""
    with force_locale("de"):
        total = sum((entry.claim.amount for entry in entries[1:]), entries[0].claim.amount)
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


def qr(payload: str) -> str:
    """A QR code as a ``data:`` address of an SVG, with its quiet zone."""
    symbol = segno.make(payload, error=QR_ERROR_CORRECTION, micro=False)
    return symbol.svg_data_uri(border=QUIET_ZONE, xmldecl=False, light="#fff")
