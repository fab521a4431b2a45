"""The demo: two invented towns, a sample of invoices, and everything started with one command.

Doors: ``python -m demo`` (``quitt demo``), ``towns.seed``, ``sample``. May enter: every wing.
"""
