"""Which fakes this process plays: one line each."""

from fakes.fake import Fake
from fakes.girocheckout.fake import Girocheckout
from fakes.paypal.fake import PayPal
from fakes.stripe.playing import Stripe


def everyone() -> tuple[Fake, ...]:
    """All fakes, anew for each application."""
    return (
        Girocheckout(),
        PayPal(),
        Stripe(),
    )  # fmt: skip
