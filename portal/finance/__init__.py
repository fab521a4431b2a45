"""Finance: what the finance system is told, and how it is told.

Core doors: ``outbox.put`` (an event in the transaction of the fact), ``messages`` (the events),
``delivery`` (push). Edges: ``api`` (the contract), ``jobs``. The core may enter: the ground floor.
"""
