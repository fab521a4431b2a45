"""The practice provider: a payment service through which no money flows.

A process of its own with a hosted payment page, signed notifications and its own books; for
demos, training and tests. It knows the portal only as a merchant's webhook address.
Doors: ``python -m sandbox``, ``serving.open_server``, ``app.create_app``; its HTTP API is told
in ``api`` (merchants), ``page`` (payers) and ``trainer`` (people who practise, and tests).
May enter: nobody by import but ``tests/``. It imports ``portal.clock`` and nothing else of ours.
"""
