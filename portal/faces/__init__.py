"""A town's own face (Auftritt): crest, colour, and what the town writes on its pages.

Doors: ``setting`` (``put``, ``put_crest``, ``put_colour``, ``tested``), ``showing_as`` (``of``),
``fields`` (what a town can say, and ``missing``), ``crests`` and ``colours`` (pure).
May enter: the ground floor.
"""
