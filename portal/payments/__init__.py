"""Payments: a citizen picks an offer, a provider collects, its word is recorded.

Doors: ``offers`` (pure), ``start.start``, ``record.record``, ``sweep``, ``settle``; what goes back:
``refunds``, ``custody_returns``, ``sending.record``, ``reversals.record_reversal``; tasks of this
room: ``staff``. Providers: ``account_setting``, ``rule_setting``; every call to one: ``calls``;
what ends: ``ends`` (pure), ``announcing``.
May enter: requests, providers, ledger, approvals, worklist, finance core, the ground floor.
By e-mail and for anyone who doubts: ``mails``, ``receipts``.
Edges: ``views``, ``confirming_views``, ``webhooks``, ``refunds_api``, ``accounts_cli``, ``tasks``.
"""
