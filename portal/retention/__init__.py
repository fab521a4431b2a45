"""Retention (Aufbewahrung und Löschung): what goes when, what holds it, and that it has gone.

Doors: ``classes`` (the table), ``due`` (what is due when), ``purging`` (the nightly act and the
one after a restore), ``noting`` (annual accounts and holds). The database itself looks whether
something is due: its functions in the migration ``0006`` refuse what is not.
"""
