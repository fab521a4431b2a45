"""Stripe, played: Checkout Sessions, refunds, disputes, balance transactions, pay-outs and events.

It follows what Stripe publishes: the OpenAPI description (github.com/stripe/openapi), its fixtures
of August 2026, docs.stripe.com on Checkout, refunds, disputes, pay-out reconciliation, errors,
idempotency and webhook signatures. What it adds is only the doors of ``fakes/doors.py``.
Doors: ``playing.Stripe``. May enter: ``fakes/joined.py``.
"""
