"""Approvals (Vier-Augen-Prinzip): what one asks for and another person must approve.

Doors: ``deciding`` (``ask``, ``approve``, ``refuse``, ``run_out``), ``people`` (one or two),
``rules`` (a town changes that, by two people). It carries no act out: the room that asks does, in
the transaction of the approval. May enter: the ground floor. Edge: ``tasks``.
"""
