"""Approvals (Vier-Augen-Prinzip): what one asks for and another person must approve.

Doors: ``deciding`` (``ask``, ``approve``, ``refuse``, ``run_out``). It knows no act by itself: the
room that asks carries the act out, in the transaction of the approval. May enter: the ground floor.
"""
