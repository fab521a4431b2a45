"""Staff (Beschäftigte): who works in the admin view, how each proves it, and what each may do.

Doors: ``roles`` (the one table of roles and rights), ``members`` (who), ``signing_in`` (password
and one-time code), ``sittings`` (how long), ``granting`` (roles, by two people). It knows no page.
May enter: the ground floor and ``portal/approvals``.
"""
