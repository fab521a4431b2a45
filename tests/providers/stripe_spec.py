"""Requests and answers held against what Stripe publishes (``specs/stripe.json``).

Requests: the parameters of its OpenAPI description. Objects: its schemas there, and the shapes of
its newer fixtures, whose names must all be there and may hold nothing that neither of both knows.
"""

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from flask import Flask, Response, request
from openapi_schema_validator import OAS30Validator
from referencing import Registry
from referencing.jsonschema import DRAFT4
from werkzeug.datastructures import MultiDict

from fakes.stripe.forms import nested

SPEC: dict[str, Any] = json.loads(
    (Path(__file__).parent / "specs" / "stripe.json").read_text("utf-8")
)
NEWER = {"/v1/checkout/sessions": {"created", "status"}}  # parameters, later than the description
OURS = ("balance_transactions", "checkout/sessions", "payouts", "refunds")
NOT_AN_OBJECT = {"object"}


def watch(app: Flask, violations: list[str]) -> Flask:
    """From now on each call of the API is held against the specification."""

    @app.before_request
    def _asked() -> None:
        violations.extend(f"{request.path}: {wrong}" for wrong in wrong_request())

    @app.after_request
    def _answered(answer: Response) -> Response:
        if _rule() and answer.is_json and answer.status_code == 200:
            told = answer.get_json()
            violations.extend(f"{request.path}: {wrong}" for wrong in wrong_objects(told))
        return answer

    return app


def wrong_request() -> Iterator[str]:
    """What is wrong with the request that is being answered."""
    if (rule := _rule()) is None:
        return
    if request.method == "POST":
        schema = _closed(SPEC["forms"][rule])
        told = _typed(nested(MultiDict(request.form)), schema)
        yield from _errors(told, schema)
        return
    known = SPEC["queries"][rule]
    for name, value in nested(MultiDict(request.args)).items():
        if name not in known and name not in NEWER.get(rule, set()):
            yield f"{name} is no parameter"
        elif name in known:
            yield from _errors(_typed(value, known[name]), known[name])


def wrong_objects(told: Any) -> Iterator[str]:
    """What is wrong with Stripe's objects in an answer or an event, however deep they stand."""
    if isinstance(told, list):
        for each in told:
            yield from wrong_objects(each)
    elif isinstance(told, dict):
        if (kind := str(told.get("object"))) in SPEC["shapes"]:
            yield from _wrong_object(told, kind)
        for each in told.values():
            yield from wrong_objects(each)


def _wrong_object(told: dict[str, Any], kind: str) -> Iterator[str]:
    shape, schema = SPEC["shapes"][kind], SPEC["schemas"].get(kind, {})
    for name in sorted(set(shape) - set(told)):
        yield f"{kind}.{name} is missing"
    for name in sorted(set(told) - set(shape) - set(schema.get("properties", ()))):
        yield f"{kind}.{name} is unknown"
    for name in sorted(set(told) & set(shape)):
        ours, theirs = told[name], shape[name]
        plain = ours is not None and theirs is not None and not isinstance(ours, dict)
        if plain and type(ours) is not type(theirs):
            yield f"{kind}.{name} is {type(ours).__name__}, not {type(theirs).__name__}"
    if schema:
        yield from (f"{kind}: {wrong}" for wrong in _errors(told, schema))


def _rule() -> str | None:
    path = request.path.removeprefix("/stripe/v1/")
    if path == request.path or not path.startswith(OURS):
        return None
    names = {"checkout/sessions/": "{session}", "payouts/": "{payout}", "refunds/": "{refund}"}
    for start, variable in names.items():
        if path.startswith(start):
            rest = path.removeprefix(start).split("/")
            path = start + "/".join([variable, *rest[1:]])
    return f"/v1/{path}"


def _typed(value: Any, schema: dict[str, Any]) -> Any:
    """A form knows texts only: what they are meant as."""
    if "anyOf" in schema:
        wanted = "object" if isinstance(value, dict) else None
        fitting = [one for one in schema["anyOf"] if (one.get("type") == "object") is bool(wanted)]
        return _typed(value, fitting[0]) if fitting else value
    kind = schema.get("type")
    if kind == "integer" and isinstance(value, str) and value.lstrip("-").isdigit():
        return int(value)
    if kind == "array" and isinstance(value, dict):
        return [_typed(each, schema["items"]) for each in value.values()]
    if kind == "object" and isinstance(value, dict):
        inner = schema.get("properties", {})
        return {name: _typed(each, inner.get(name, {})) for name, each in value.items()}
    return value


def _closed(schema: Any) -> Any:
    """A form may hold nothing but what is described."""
    if isinstance(schema, list):
        return [_closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {name: _closed(each) for name, each in schema.items()}
    if isinstance(schema.get("properties"), dict) and schema.get("type") == "object":
        closed.setdefault("additionalProperties", False)
    return closed


def _errors(told: Any, schema: dict[str, Any]) -> Iterator[str]:
    for error in OAS30Validator(schema, registry=_registry()).iter_errors(told):
        yield f"{'.'.join(map(str, error.absolute_path))}: {error.message[:200]}"


@cache
def _registry() -> Registry[Any]:
    return Registry().with_resource("urn:stripe", DRAFT4.create_resource(SPEC))
