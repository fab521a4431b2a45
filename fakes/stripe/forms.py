"""Stripe's requests: form-encoded bodies and queries with brackets, read by table.

``metadata[payment]=x&line_items[0][quantity]=1`` is {"metadata": {"payment": "x"}, "line_items":
{"0": {"quantity": "1"}}}. Errors have Stripe's shape (docs.stripe.com/api/errors).
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from werkzeug.datastructures import MultiDict

_LONGEST_METADATA = 500


class StripeError(Exception):
    """An error as Stripe tells it: HTTP status, type, code, message and the parameter at fault."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        kind: str = "invalid_request_error",
        code: str = "",
        param: str = "",
    ) -> None:
        super().__init__(message)
        self.status = status
        told = {"type": kind, "code": code, "message": message, "param": param}
        self.body = {"error": {name: text for name, text in told.items() if text}}


def missing(what: str, name: str) -> StripeError:
    """What was asked for is not there."""
    return StripeError(404, f"No such {what}: '{name}'", code="resource_missing", param="id")


def nested(form: MultiDict[str, str]) -> dict[str, Any]:
    """A form with its brackets resolved; what stands twice, or is empty, is refused."""
    tree: dict[str, Any] = {}
    for name, values in form.lists():
        path = [part for part in re.split(r"[\[\]]+", name) if part]
        if name.endswith("[]"):
            path = [*path, "list"]
        elif len(values) > 1:
            raise StripeError(400, f"Received {name} twice.", param=name)
        place = tree
        for part in path[:-1]:
            place = place.setdefault(part, {})
        place[path[-1]] = ",".join(values)
    return tree


def only(tree: Mapping[str, Any], allowed: Iterable[str], within: str = "") -> None:
    """Refuse parameters that the API does not have."""
    for name in tree:
        if name not in set(allowed):
            param = f"{within}[{name}]" if within else name
            raise StripeError(
                400,
                f"Received unknown parameter: {param}",
                code="parameter_unknown",
                param=param,
            )


def needed(tree: Mapping[str, Any], name: str, within: str = "") -> Any:
    """A parameter that must be there."""
    param = f"{within}[{name}]" if within else name
    if not tree.get(name):
        raise StripeError(
            400, f"Missing required param: {param}.", code="parameter_missing", param=param
        )
    return tree[name]


def whole(value: Any, param: str, lowest: int = 0) -> int:
    """A whole number."""
    if not isinstance(value, str) or not re.fullmatch("-?[0-9]{1,12}", value):
        raise StripeError(
            400, f"Invalid integer: {value}", code="parameter_invalid_integer", param=param
        )
    if int(value) < lowest:
        raise StripeError(
            400,
            f"This value must be greater than or equal to {lowest}.",
            code="parameter_invalid_integer",
            param=param,
        )
    return int(value)


def metadata(value: Any) -> dict[str, str]:
    """Keys of at most 40 characters, values of at most 500."""
    told = value or {}
    if not isinstance(told, dict) or not all(
        isinstance(text, str) and len(name) <= 40 and len(text) <= _LONGEST_METADATA
        for name, text in told.items()
    ):
        raise StripeError(400, "Invalid metadata.", param="metadata")
    return dict(told)


def expanded(tree: Mapping[str, Any]) -> set[str]:
    """What is to be expanded: ``expand[]=a`` or ``expand[0]=a``."""
    told = tree.get("expand", {})
    return {name for text in told.values() for name in str(text).split(",")}
