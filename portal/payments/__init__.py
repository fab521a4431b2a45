"""Payments: a citizen picks an offer, a provider collects, its word is recorded.

Doors: ``offers`` (pure), ``start.start``, ``record.record``, ``sweep``, ``collecting`` (what a
payer agreed to); rows of what went back: ``returned``; tasks of staff: ``staff``. Providers:
``account_setting``, ``rule_setting``; every call to one: ``calls``; what ends: ``ends`` (pure),
``announcing``.
May enter: requests, providers, ledger, approvals, worklist, finance core, the ground floor.
By e-mail and for anyone who doubts: ``mails``, ``receipts``.
Edges: ``views``, ``confirming_views``, ``webhooks``, ``accounts_cli``, ``tasks``.
"""
