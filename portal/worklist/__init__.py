"""Worklist (Aufgaben): what a person must look at, one task a thing, said by a small number.

Doors: ``kinds`` (of what sort), ``writing`` (``put``, ``end``), ``reading`` (``open_tasks``). It
knows nothing of the things themselves: the room that opens a task ends it when it is mended.
May enter: the ground floor.
"""
