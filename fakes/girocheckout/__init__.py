"""GiroCheckout as S-Public Services publishes it (api.girocheckout.de), with its projects.

A merchant is named by its number; its credentials are ``<method>_project`` and
``<method>_password`` of wero, paypal, card, transfer and page. Under ``/girocheckout``:
``POST /transaction/start`` · ``POST /paypage/init`` · ``POST /transaction/status`` ·
``POST /transaction/refund``, as a form of either kind, answered as signed JSON; who is not known
gets an answer that nobody signed. Notifications are GETs to the order's own address.
``GET /reports/<settlement>.csv`` hands out a settlement report (from this machine only; the real
one lies on an SFTP server). Besides the common verbs, ``/test/payments/<id>/<code>`` ends a payment
with any published result. What is assumed where nothing is published: a start or refund that comes
again under its ``merchantTxId`` is refused as a duplicate (4503), a refund with the reference of
the first; a payment that is not decided has no ``resultPayment``; a refund that is decided is told
of where its payment's order says.
"""
