"""Operation (Betrieb): whether all is well, and what to do with the whole of the database.

Doors: ``database.faults`` (what the database refuses us), ``doctor.examine``, ``backup.make``,
``restore.from_file``, ``metrics.told``. Nobody enters but the commands; it may enter every core.
"""
