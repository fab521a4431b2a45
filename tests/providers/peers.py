"""All adapters, each with what opens the far side of it: one line each."""

from portal.providers.girocheckout import Girocheckout
from portal.providers.paypal import PayPal
from portal.providers.sandbox import Sandbox
from portal.providers.stripe import Stripe
from tests.providers.harness_girocheckout import girocheckout_harness
from tests.providers.harness_paypal import paypal_harness
from tests.providers.harness_sandbox import sandbox_harness
from tests.providers.harness_stripe import stripe_harness

PEERS = (
    (Sandbox(), sandbox_harness),
    (Stripe(), stripe_harness),
    (Girocheckout(), girocheckout_harness),
    (PayPal(), paypal_harness),
)  # fmt: skip
