"""All pages of the admin view: importing this hangs their doors."""

from flask import Flask

from portal.admin import entering, frame, gate
from portal.admin.doors import bp

PAGES = (entering,)


def init_app(app: Flask) -> None:
    """Give the templates what stands around every page."""
    frame.init_app(app)


__all__ = ["PAGES", "bp", "gate", "init_app"]
