"""The portal: payment requests in, citizens' money through, cleared claims out.

Start reading at ``portal/payments/record.py``; it is the heart of the flow.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask

    from portal.config import Settings

POOL = {"pool_size": 4, "max_overflow": 4, "pool_pre_ping": True, "hide_parameters": True}


def create_app(settings: Settings) -> Flask:
    """Build the web application: settings, database, then one blueprint an edge."""
    # Imported here, so that the ground floor can be used without waiting for Flask.
    from flask import Flask
    from werkzeug.middleware.proxy_fix import ProxyFix

    from portal import clock, jobs
    from portal.db import db
    from portal.keys import Keyring
    from portal.web import addresses

    app = Flask(__name__, template_folder="../templates", static_folder=None)
    clock.move_by(settings.demo_clock)
    app.extensions["settings"] = settings
    app.extensions["keyring"] = Keyring.parse(settings.keys)
    app.config.update(
        SQLALCHEMY_DATABASE_URI=settings.database_url,
        SQLALCHEMY_ENGINE_OPTIONS=POOL,
        MAX_CONTENT_LENGTH=settings.body_limit_kib * 1024,
    )
    if settings.proxies:
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]
            app.wsgi_app, x_for=settings.proxies, x_proto=settings.proxies
        )
    app.url_map.converters |= addresses.CONVERTERS
    db.init_app(app)
    jobs.hang(settings.database_url)
    _edges(app)
    return app


def _edges(app: Flask) -> None:
    from portal.admin import rooms
    from portal.faces import views as face_views
    from portal.finance import api as finance_api
    from portal.finance import token_api
    from portal.payments import confirming_views, transfer_views, webhooks
    from portal.payments import views as payment_views
    from portal.requests import api as requests_api
    from portal.requests import notes_views, orders_api
    from portal.requests import views as request_views
    from portal.returns import api as returns_api
    from portal.web import (
        cookies,
        errors,
        gate,
        headers,
        health,
        language,
        limits,
        logs,
        maintenance,
        pages,
        pressing,
        static,
    )  # fmt: skip

    for room in (logs, headers, pressing, maintenance, limits, cookies, errors, language, static,
                 pages, gate, rooms):  # fmt: skip
        room.init_app(app)
    contract = (requests_api, orders_api, returns_api, token_api, finance_api)
    edges = (*contract, request_views, notes_views, payment_views, confirming_views,
             transfer_views, webhooks, pages, face_views, health, rooms)  # fmt: skip
    for edge in edges:
        app.register_blueprint(edge.bp)
