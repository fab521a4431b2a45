"""What the contract says of itself: OpenAPI 3.1, drawn from the table of operations."""

import re
from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from portal.web.api import JSON, KEY, KEY_HEADER, PREFIX, Operation
from portal.web.problems import MEDIA, Problem

Json = dict[str, Any]

DESCRIPTIONS = {
    200: "Done.",
    201: "New.",
    400: "The body cannot be read.",
    401: "No good token.",
    403: "The token lacks the scope.",
    404: "Not there, or not yours to see.",
    409: "Does not fit what is.",
    413: "Too large.",
    415: "Another media type is asked for.",
    422: "Some values cannot be taken.",
    429: "Too often; see Retry-After.",
    503: "Not available just now; see Retry-After.",
}
SHAPES = "#/components/schemas/"
_NAME = r"<(?:\w+:)?(\w+)>"  # of a part of an address


def document(operations: Iterable[Operation], version: str) -> Json:
    """The OpenAPI document of these operations."""
    all_of_them = list(operations)
    paths: Json = {}
    for operation in all_of_them:
        place = paths.setdefault(PREFIX + re.sub(_NAME, r"{\1}", operation.rule), {})
        place[operation.method.lower()] = _operation(operation, all_of_them)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Quitt", "version": version},
        "paths": paths,
        "components": {"schemas": _shapes(all_of_them), "securitySchemes": _schemes(all_of_them)},
    }


def _operation(operation: Operation, all_of_them: Iterable[Operation]) -> Json:
    described: Json = {"operationId": operation.name, "summary": operation.summary}
    described["security"] = [{"token": [scope]} for scope in operation.scopes]
    if parameters := [*_path(operation), *_query(operation), *_key(operation)]:
        described["parameters"] = parameters
    if operation.body:
        content = {operation.takes: {"schema": _reference(operation.body)}}
        described["requestBody"] = {"required": True, "content": content}
    good = {operation.gives: {"schema": _reference(operation.answer)} if operation.answer else {}}
    bad = {MEDIA: {"schema": _reference(Problem)}}
    contents = dict.fromkeys(operation.statuses, good) | dict.fromkeys(operation.problems, bad)
    contents |= {s: {JSON: {"schema": _reference(shape)}} for s, shape in operation.other.items()}
    described["responses"] = {
        str(status): {"description": DESCRIPTIONS[status], "content": content}
        for status, content in sorted(contents.items())
    }
    if links := _links(operation, all_of_them):
        for status in operation.statuses:
            described["responses"][str(status)]["links"] = links
    return described


def _links(operation: Operation, all_of_them: Iterable[Operation]) -> Json:
    """From what is put to everything that can happen to it (OpenAPI 3.1, Link Object)."""
    if operation.method != "PUT":
        return {}
    names = re.findall(_NAME, operation.rule)
    parameters = {name: f"$request.path.{name}" for name in names}
    return {
        later.name: {"operationId": later.name, "parameters": parameters}
        for later in all_of_them
        if later.rule.startswith(operation.rule) and re.findall(_NAME, later.rule) == names
    }


def _path(operation: Operation) -> list[Json]:
    names = re.findall(_NAME, operation.rule)
    return [_parameter(name, "path", True, _text(operation.path.get(name))) for name in names]


def _query(operation: Operation) -> list[Json]:
    if operation.query is None:
        return []
    shape = operation.query.model_json_schema()
    needed = shape.get("required", [])
    known = shape["properties"].items()
    return [_parameter(name, "query", name in needed, schema) for name, schema in known]


def _key(operation: Operation) -> list[Json]:
    schema = {"type": "string", "pattern": KEY}
    return [_parameter(KEY_HEADER, "header", False, schema)] if operation.act else []


def _parameter(name: str, where: str, needed: bool, schema: Json) -> Json:
    return {"name": name, "in": where, "required": needed, "schema": schema}


def _text(pattern: str | None) -> Json:
    return {"type": "string", "pattern": pattern} if pattern else {"type": "string", "minLength": 1}


def _reference(shape: type[BaseModel]) -> Json:
    return {"$ref": SHAPES + shape.__name__}


def _shapes(operations: Iterable[Operation]) -> Json:
    asked = {operation.body for operation in operations if operation.body}
    answered = {Problem} | {operation.answer for operation in operations if operation.answer}
    answered |= {shape for operation in operations for shape in operation.other.values()}
    wanted = [(shape, "validation") for shape in sorted(asked, key=lambda s: s.__name__)]
    wanted += [(shape, "serialization") for shape in sorted(answered, key=lambda s: s.__name__)]
    _, schema = models_json_schema(wanted, ref_template=SHAPES + "{model}")  # type: ignore[arg-type]
    found: Json = schema["$defs"]
    return found


def _schemes(operations: Iterable[Operation]) -> Json:
    scopes = sorted({scope for operation in operations for scope in operation.scopes})
    flow = {"tokenUrl": f"{PREFIX}/oauth/token", "scopes": dict.fromkeys(scopes, "")}
    return {"token": {"type": "oauth2", "flows": {"clientCredentials": flow}}}
