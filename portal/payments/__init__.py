"""Payments: a citizen picks an offer, a provider collects, its word is recorded.

Doors: ``offers`` (pure), ``start.start``, ``record.record``, ``sweep``, ``settle``.
May enter: requests, providers, ledger, finance core, the ground floor.
Edges: ``views``, ``webhooks``, ``tasks``.
"""
