"""Methods of payment that have ended, or will: a table of facts, each with its source. Pure.

giropay left towns without any online payment for a year, because nobody had told them in words
that they could not overlook. Who hears of another end adds a line.
"""

from dataclasses import dataclass
from datetime import date

EVERYWHERE = ""


@dataclass(frozen=True, slots=True)
class Ended:
    """A method that can be paid with up to ``last_day``, at one provider or everywhere."""

    method: str
    provider: str  # the adapter's name
    last_day: date
    source: str


# fmt: off
ENDED = (
    Ended("giropay",   EVERYWHERE,     date(2024, 12, 31),
          "girocard.eu/news-media/blog/giropay-wurde-eingestellt"),
    Ended("paydirekt", EVERYWHERE,     date(2024, 12, 31),
          "girocard.eu/news-media/blog/giropay-wurde-eingestellt"),
    Ended("giropay",   "stripe",       date(2024, 6, 30),
          "docs.stripe.com/payments/giropay"),
    Ended("sofort",    "stripe",       date(2025, 3, 31),
          "docs.stripe.com/payments/sofort/accept-a-payment"),
    Ended("sofort",    "paypal",       date(2024, 4, 18),
          "developer.paypal.com/limited-release/apm/sofort/deprecation"),
    Ended("sofort",    "girocheckout", date(2025, 1, 31),
          "GiroCheckout, changelog of the PHP SDK, 01.02.2025"),
    *(Ended(method,    "girocheckout", date(2026, 5, 12),
            "GiroCheckout, changelog of the PHP SDK, 13.05.2026")
      for method in ("eps", "ideal", "klarna", "maestro", "bluecode")),
)
# fmt: on


def end_of(provider: str, method: str) -> Ended | None:
    """The end of a method at a provider, the earliest if it has several; ``None``: none is known.

    A method is the provider's word for it, in any case.
    """
    found = [
        each
        for each in ENDED
        if each.method == method.casefold() and each.provider in {EVERYWHERE, provider}
    ]
    return min(found, key=lambda each: each.last_day, default=None)
