"""Settlements: a provider's report of what it paid out, line by line; suspense becomes transit.

Doors: ``settle.settle``, ``fetching`` (each night), ``files`` (by a mapping, with a preview),
``undoing`` (a file or a report as a whole), ``missing`` (what stays away), ``reserves`` (closed by
order). A report becomes entries
in ``booking``; what of it is netted with refunds and reversals: ``netted``; what cannot be booked
waits in ``unbooked``. ``rows``, ``reader``, ``cells`` read files (pure).
May enter: returns, payments, requests, providers, ledger, approvals, worklist, finance core.
Edges: ``cli``, ``tasks``.
"""
