"""Ledger (Buch): what moved, from which account, to which. Append only, double entry.

Doors: ``entries`` (one constructor per business event), ``book.post`` and ``book.balance``,
``items`` (suspense and custody items). May enter: the ground floor.
"""
