"""Requests (Zahlungsaufforderungen): what the finance system asks, and who may look at it.

Doors: ``intake.put``, ``register`` (find, lock, cover), ``links``, ``tan``, ``grants``.
May enter: ledger, finance core, the ground floor. Edges: ``api``, ``views``, ``jobs``.
"""
