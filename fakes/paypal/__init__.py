"""The fake of PayPal, under ``/paypal``: orders, captures, refunds, disputes, reports, webhooks.

As published (github.com/paypal/paypal-rest-api-specifications, 2024-02-03, and
developer.paypal.com). A payer who pays has only agreed: the money comes when the merchant
captures. Verbs beside the common ones: ``capture`` (what the merchant's program does), ``refuse``
(PayPal will refuse the capture), ``void``; a dispute may also ``lose``.
A merchant is opened under PayPal's id for it (13 of 2-9, A-H, J-N, P-Z); ``api_url`` is where it
reaches this API. ``GET /paypal/test/ca`` is the CA that it must trust.
"""
