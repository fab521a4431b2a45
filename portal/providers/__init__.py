"""Providers: an adapter for each payment service. They talk to the outside and keep nothing.

Doors: ``protocol`` (what a provider can do, and the words it answers in) and ``registry.get``.
May enter: the ground floor. No Flask, no database.
"""
