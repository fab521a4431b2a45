"""Proof (Nachweis): that the books are right, and that nobody has touched them.

Doors: ``invariants.broken`` (which rules do not hold, and which rows break them), ``chain`` (the
audit chain: linking and checking it). It reads every room's rows and changes none of them.
May enter: ledger, requests, payments, finance, approvals, worklist.
"""
