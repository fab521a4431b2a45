"""What belongs to the request being answered: settings, keys, tenant."""

from flask import current_app, g, request

from portal import tenants
from portal.config import Settings
from portal.db import db
from portal.errors import NotFound
from portal.keys import Keyring
from portal.tenants import Found, Tenant


class UnknownHost(NotFound):
    """No tenant answers under this host."""

    code = "unknown_host"


def settings() -> Settings:
    """The settings of this process."""
    found: Settings = current_app.extensions["settings"]
    return found


def keyring() -> Keyring:
    """The configured keys."""
    found: Keyring = current_app.extensions["keyring"]
    return found


def found_tenant() -> Found:
    """The tenant of the host that was asked; raises ``UnknownHost``."""
    if "found_tenant" not in g:
        host = request.host.rsplit(":", 1)[0] if "]" not in request.host else request.host
        g.found_tenant = tenants.by_host(db.session(), host)
    found: Found | None = g.found_tenant
    if found is None:
        raise UnknownHost("No town answers under this host name.")
    return found


def known_host() -> bool:
    """Whether a tenant answers under the host that was asked."""
    try:
        found_tenant()
    except UnknownHost:
        return False
    return True


def tenant_id() -> str:
    """The id of the tenant of the host that was asked."""
    return found_tenant().tenant_id


def tenant() -> Tenant:
    """The tenant of the host that was asked."""
    if "tenant" not in g:
        g.tenant = db.session().get_one(Tenant, tenant_id())
    found: Tenant = g.tenant
    return found


def public_url() -> str:
    """Scheme, host and port under which this tenant is reached."""
    return settings().public_url(found_tenant().current_host)
