"""The office: the finance side for towns whose finance system has no ePayment module.

It reads the town's invoices, makes pseudonyms, pushes to the portal, prints letters, and keeps
claims, bookings and suspense items. It knows people; so it runs inside, with its own database.

Doors: ``cli.py`` (``quitt office …``), ``web.py`` (its page and where events arrive),
``schema.py`` (its tables).
May enter: nobody. It speaks to the portal by HTTP alone, as a foreign finance system does, and
imports nothing of ``portal/`` but its ground floor.
"""
