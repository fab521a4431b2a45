"""Returns: money that goes back, by us or by a bank, and money that was nobody's.

Doors: ``refunds``, ``custody``, ``custody_returns``, ``closing`` (two people each),
``proposing``; ``sending.go_on`` and ``sending.record`` (for how long: ``waiting``);
``hearing`` (what a bell rings for), ``looked_up`` (what people say, two of them);
``reversals.record_reversal``; what can still go back: ``left``. The rows stand in
``payments.returned``, whose states and pages name them.
May enter: payments, requests, providers, ledger, approvals, worklist, finance core.
Edges: ``api``, ``tasks``.
"""
