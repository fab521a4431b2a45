"""Requests and answers held against PayPal's published specification (``specs/paypal_*.json``)."""

import json
import re
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from openapi_schema_validator import OAS30Validator
from referencing import Registry
from referencing.jsonschema import DRAFT4

from portal.providers import paypal_webhook, paypal_wire
from portal.providers.wire import Answer

SPECS = Path(__file__).parent / "specs"
APIS = ("orders", "payments", "disputes", "reporting", "webhooks")

# method, path -> the API, the schema of what is asked, and of the answer; headers that may go
CALLS: tuple[tuple[str, str, str, str, str], ...] = (
    ("POST", r"/v2/checkout/orders", "orders", "order_request", "order"),
    ("GET", r"/v2/checkout/orders/[^/]+", "orders", "", "order"),
    ("POST", r"/v2/checkout/orders/[^/]+/capture", "orders", "order_capture_request", "order"),
    ("GET", r"/v2/payments/captures/[^/]+", "payments", "", "capture-2"),
    ("POST", r"/v2/payments/captures/[^/]+/refund", "payments", "refund_request", "refund"),
    ("GET", r"/v2/payments/refunds/[^/]+", "payments", "", "refund"),
    ("GET", r"/v1/customer/disputes", "disputes", "", "dispute_search"),
    ("GET", r"/v1/customer/disputes/[^/]+", "disputes", "", "dispute"),
    ("GET", r"/v1/reporting/transactions", "reporting", "", "search_response"),
    ("GET", r"/v1/reporting/balances", "reporting", "", "balances_response"),
)
# That a token is asked for by form, and what a certificate is, stands in no OpenAPI file.
TOKEN, CERTIFICATE = "/v1/oauth2/token", "/v1/notifications/certs/"
QUERIES = {
    "start_date", "end_date", "fields", "balance_affecting_records_only", "page_size", "page",
    "as_of_time", "currency_code", "disputed_transaction_id",
}  # fmt: skip
MOMENT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})"
)
RESOURCES = {
    "checkout-order": ("orders", "order"),
    "capture": ("payments", "capture-2"),
    "refund": ("payments", "refund"),
    "dispute": ("disputes", "dispute"),
}


@cache
def _registry() -> Registry[Any]:
    found: Registry[Any] = Registry()
    for api in APIS:
        told = json.loads((SPECS / f"paypal_{api}.json").read_text())
        found = found.with_resource(f"urn:{api}", DRAFT4.create_resource(told))
    return found


@cache
def _validator(api: str, schema: str) -> OAS30Validator:
    reference = {"$ref": f"urn:{api}#/components/schemas/{schema}"}
    return OAS30Validator(reference, registry=_registry())


def hold(api: str, schema: str, told: Any) -> None:
    """Raise ``jsonschema.ValidationError`` unless ``told`` is as the specification says."""
    _validator(api, schema).validate(told)


def hold_event(body: bytes) -> None:
    """A notification: the event, and its resource by its type."""
    event = json.loads(body)
    hold("webhooks", "event", event)
    hold(*RESOURCES[event["resource_type"]], event["resource"])


def watch(monkeypatch: pytest.MonkeyPatch, base_url: str) -> list[tuple[str, str, int]]:
    """From now on every call of the adapter is held against the specification; what was called."""
    seen: list[tuple[str, str, int]] = []
    asking = paypal_wire.ask

    def ask(method: str, url: str, headers: Any, body: Any = None, **more: Any) -> Answer:
        path = urlsplit(url).path.removeprefix(urlsplit(base_url).path)
        call = None if path.endswith(TOKEN) or CERTIFICATE in path else _call(method, path)
        if call:
            hold_request(call, url, headers, body)
        answer = asking(method, url, headers, body, **more)
        if call:
            hold_answer(call, answer)
        seen.append((method, path, answer.status))
        return answer

    monkeypatch.setattr(paypal_wire, "ask", ask)
    monkeypatch.setattr(paypal_webhook, "ask", ask)
    return seen


def hold_request(call: tuple[str, str, str], url: str, headers: Any, body: Any) -> None:
    """Headers, query and body of a request."""
    api, request, _ = call
    assert set(headers) <= {"Authorization", "Prefer", "PayPal-Request-Id"}
    assert headers["Authorization"].startswith("Bearer ")
    assert re.fullmatch("[a-zA-Z=]{1,25}", headers.get("Prefer", "return=minimal"))
    assert 1 <= len(headers.get("PayPal-Request-Id", "-")) <= 108
    query = dict(parse_qsl(urlsplit(url).query))
    assert set(query) <= QUERIES
    for name in {"start_date", "end_date", "as_of_time"} & set(query):
        assert MOMENT.fullmatch(query[name]), query[name]
    assert bool(request) is (body is not None)
    if request:
        assert "PayPal-Request-Id" in headers, "what is told twice must happen once"
        hold(api, request, body)
        assert not strangers(api, {"$ref": f"#/components/schemas/{request}"}, body)


def hold_answer(call: tuple[str, str, str], answer: Answer) -> None:
    """The answer, or the error, of a call."""
    api, _, expected = call
    if answer.status >= 500:
        return
    told = json.loads(answer.body)
    if answer.status < 300:
        hold(api, expected, told)
    elif told["name"] != "RESULTSET_TOO_LARGE":  # told in prose only
        hold(api if answer.status != 401 else "orders", f"error_{answer.status}", told)


def strangers(api: str, schema: dict[str, Any], told: Any) -> set[str]:
    """Names in a body that the specification does not know: it would take them in silence."""
    parts = list(_parts(api, schema))
    if isinstance(told, list):
        items = [part["items"] for part in parts if "items" in part]
        return {name for one in told for item in items for name in strangers(api, item, one)}
    if not isinstance(told, dict):
        return set()
    known = {name: one for part in parts for name, one in part.get("properties", {}).items()}
    found = {name for name in told if name not in known}
    for name in told.keys() & known.keys():
        found |= strangers(api, known[name], told[name])
    return found


def _parts(api: str, schema: dict[str, Any]) -> Any:
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        contents = _registry().contents(f"urn:{api}")
        yield from _parts(api, contents["components"]["schemas"][name])
        return
    yield schema
    for part in schema.get("allOf", ()):
        yield from _parts(api, part)


def _call(method: str, path: str) -> tuple[str, str, str]:
    for verb, pattern, *call in CALLS:
        if verb == method and re.fullmatch(pattern, path):
            api, request, expected = call
            return api, request, expected
    raise AssertionError(f"{method} {path} is in no specification")
