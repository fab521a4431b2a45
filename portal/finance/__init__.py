"""Finance: what the finance system is told, and how it is told.

Core doors: ``outbox.put`` (an event in the transaction of the fact), ``messages`` and
``payout_messages`` (the events), ``delivery`` (push), ``mending`` (release, resend, skip),
``acknowledging`` (what became of an event), ``repeating`` (one call, one act). Edges: ``api`` and
``token_api`` (the contract), ``tasks``, ``cli``. The core may enter: the ground floor, worklist.
"""
