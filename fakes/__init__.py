"""Fakes of real payment services: the API that each publishes, played over one set of books.

One process for all of them, each under its own name: ``/stripe``, ``/paypal``, ``/girocheckout``.
For the demo, training and tests; no money flows. They know the portal only as a merchant's address.
Doors: ``python -m fakes --port N --data DIR --base-url URL``, ``serving.running`` for tests; over
HTTP, of each provider: its own API · ``GET /<provider>/pay/<id>`` (its payment page) ·
``PUT /<provider>/merchants/<id>`` · ``GET /<provider>/books`` · ``POST /<provider>/test/...``
(told in ``doors``; from this machine only).
May enter: nobody by import but ``tests/``. They import ``sandbox`` (file, courier, serving, page,
words) and ``portal.clock``, and nothing else of ours; never an adapter: what both sides had wrong
nobody would see.

How a provider joins: a folder of its own with a class that is a ``fake.Fake``, one line in
``joined.py``. It says what credentials a merchant has, hangs the API that its provider publishes on
a blueprint (reading and writing the common books: ``payments``, ``refunds``, ``reversals``,
``settlements``; what is its own goes into a row's ``told``), writes notices of each change
(``tell``), signs them when they are carried (``parcel``), and says where the payer goes afterwards
(``back_url``). Where its states differ it has ``edges`` of its own: whatever status leads to
``paid`` books the sale. Books, courier, payment page, the doors of ``doors.py``, and repeating,
losing, forging and doubling of notifications it has from here. In its API it uses ``doors.books``,
``page.page_url``, and ``merchants.by_credential`` to see who calls; an errorhandler of its
blueprint for ``sandbox.errors.Refused`` gives errors the provider's own shape.
"""
