"""Requests (Zahlungsaufforderungen): what the finance system asks, and who may look at it.

Doors: ``desk.Desk`` (takes and answers), ``intake.put``, ``orders`` and ``elsewhere`` (what the
finance system orders and tells), ``register`` (find, lock, cover), ``links``, ``tan``, ``grants``,
``notes`` (what a citizen says or asks).
May enter: ledger, finance core, the ground floor. Edges: ``api``, ``orders_api``, ``views``,
``notes_views``, ``tasks``.
"""
