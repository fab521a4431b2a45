"""The other side of the towns' accounts: merchants at the practice provider and at the fakes.

Both sides' secrets are derived from the demo's key, so that they agree after every start.
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx2

from demo import towns, ways
from demo.place import Place
from fakes.books import Books
from fakes.girocheckout.tables import METHODS
from fakes.paypal import certificates
from portal.keys import Keyring

# fmt: off
# The towns' names at the fakes, each in the form of the real one's.
MERCHANTS: Mapping[str, Mapping[str, str]] = {
    "stripe":       {towns.FIRST: "acct_musterhausen", towns.SECOND: "acct_beispielstadt"},
    "paypal":       {towns.FIRST: "MUSTERHAUSEN2", towns.SECOND: "BE2SP2ELSTADT"},
    "girocheckout": {towns.FIRST: "1000001", towns.SECOND: "1000002"},
}
# fmt: on
PROJECTS = {method: str(number) for number, method in enumerate(METHODS, 11)}
TIMEOUT_SECONDS = 10.0
NOTHING: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class Merchant:
    """A town's account at a provider, as both sides know it.

    ``credentials`` are what the adapter needs, ``told`` what the provider is told of it.
    """

    account: str
    adapter: str
    name: str
    at: str
    credentials: Mapping[str, str] = field(repr=False)
    told: Mapping[str, Any] = field(repr=False)

    def open(self, portal: str) -> None:
        """Open or change it over there; notifications go to the town's ``portal``."""
        notified = f"{portal}/webhooks/{self.adapter}/{self.account}"
        told = {"webhook_url": notified, "live": False, **self.told}
        answer = httpx2.put(f"{self.at}/merchants/{self.name}", json=told, timeout=TIMEOUT_SECONDS)
        answer.raise_for_status()


def merchants(place: Place, keyring: Keyring, tenant_id: str) -> list[Merchant]:
    """All of a town; those at the fakes only where there are fakes."""
    found = [_at_sandbox(place, keyring, tenant_id, way) for way in ways.AT_SANDBOX]
    if place.has_fakes:
        found += [
            _stripe(place, keyring, tenant_id),
            _paypal(place, keyring, tenant_id),
            _girocheckout(place, keyring, tenant_id),
        ]
    return found


def _at_sandbox(place: Place, keyring: Keyring, tenant_id: str, way: ways.Way) -> Merchant:
    secrets = {
        "secret": _signing(keyring, tenant_id, way.account, "api"),
        "webhook_secret": _signing(keyring, tenant_id, way.account, "webhook"),
    }
    return Merchant(
        account=way.account,
        adapter="sandbox",
        name=f"{tenant_id}-{way.account}",
        at=place.sandbox_here,
        credentials={"base_url": place.sandbox_here, **secrets},
        told={"name": f"{_name(tenant_id)} ({way.label})", **secrets},
    )


def _stripe(place: Place, keyring: Keyring, tenant_id: str) -> Merchant:
    secrets = {
        "secret_key": f"sk_test_{_random(keyring, tenant_id, 'stripe', 'api')}",
        "webhook_secret": _signing(keyring, tenant_id, "stripe", "webhook"),
    }
    return _at_fake(place, tenant_id, "stripe", secrets)


def _paypal(place: Place, keyring: Keyring, tenant_id: str) -> Merchant:
    secrets = {
        "client_id": f"client-of-{tenant_id}",
        "secret": _random(keyring, tenant_id, "paypal", "api"),
        "webhook_id": _random(keyring, tenant_id, "paypal", "webhook")[:17].upper(),
    }
    place.fakes_data.mkdir(exist_ok=True, mode=0o700)
    books = Books(place.fakes_data)
    with books.transaction() as db:  # its own CA: whoever is to believe it must know it before
        trusted = certificates.opened(db, "paypal").ca
    books.close()
    api = {"api_url": f"{place.fakes_here}/paypal"}
    return _at_fake(place, tenant_id, "paypal", secrets, ours={"ca": trusted}, theirs=api)


def _girocheckout(place: Place, keyring: Keyring, tenant_id: str) -> Merchant:
    secrets = {f"{method}_project": number for method, number in PROJECTS.items()} | {
        f"{method}_password": _random(keyring, tenant_id, "girocheckout", method)
        for method in METHODS
    }
    return _at_fake(place, tenant_id, "girocheckout", secrets)


def _at_fake(
    place: Place,
    tenant_id: str,
    adapter: str,
    secrets: Mapping[str, str],
    ours: Mapping[str, str] = NOTHING,
    theirs: Mapping[str, str] = NOTHING,
) -> Merchant:
    """``secrets`` are known to both sides, ``ours`` and ``theirs`` to one of them."""
    at = f"{place.fakes_here}/{adapter}"
    return Merchant(
        account=f"{adapter}-test",
        adapter=adapter,
        name=MERCHANTS[adapter][tenant_id],
        at=at,
        credentials={"base_url": at, **secrets, **ours},
        told={"name": _name(tenant_id), "credentials": {**secrets, **theirs}},
    )


def _name(tenant_id: str) -> str:
    return str(towns.TOWNS[tenant_id]["name"])


def _signing(keyring: Keyring, *names: str) -> str:
    return f"whsec_{base64.b64encode(_key(keyring, *names)).decode()}"


def _random(keyring: Keyring, *names: str) -> str:
    return _key(keyring, *names).hex()


def _key(keyring: Keyring, *names: str) -> bytes:
    return keyring.keys[-1].child("/".join(("demo", *names)))
