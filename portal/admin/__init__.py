"""The admin view (Verwaltung): staff see, understand and act. Everything here is an edge.

Doors: ``doors`` (each route with the right that it asks for), ``gate`` (who is signed in),
``frame`` (the page around the pages). Every page under ``/admin`` is opened by ``doors``.
Inner rooms, one for each section of the menu: ``overview``, ``lists``, ``requests``, ``tasks``,
``approvals``, ``rules``, ``deliveries``, ``daily``, ``audit``, ``settings``, ``people``. What
several of them need stands in front of them, beside this file.
May enter: every room's core and the edge kit ``portal/web``.
"""
