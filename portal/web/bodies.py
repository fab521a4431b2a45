"""Reading what a caller sent: JSON as strict as RFC 8259 and the contract's shapes ask."""

import json
import re
from collections.abc import Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from werkzeug.datastructures import MultiDict

from portal.web.problems import Fault, NotJson, Unfit

MOST_FAULTS = 50  # told of one body

Shape = TypeVar("Shape", bound=BaseModel)


class _Twice(ValueError):
    """A name stands twice in one object: which one counts is anybody's guess."""


def read_json(raw: bytes) -> Any:
    """The value of a JSON text in UTF-8. Raises ``NotJson``, also for a name that stands twice.

    A number without a fraction is an ``int``, however it is written: JSON Schema calls 1.0 and
    1e3 integers.
    """
    try:
        return _STRICT.decode(raw.decode())
    except UnicodeDecodeError:
        raise NotJson("The body is not UTF-8.") from None
    except _Twice:
        raise NotJson("A name stands twice in one object.") from None
    except (ValueError, RecursionError):
        raise NotJson("The body is not valid JSON.") from None


def fit(shape: type[Shape], told: Any) -> Shape:
    """``told`` in the contract's shape; raises ``Unfit`` with every place that does not fit."""
    try:
        return shape.model_validate(told)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False, include_context=False)
        raise Unfit([_fault(each) for each in found[:MOST_FAULTS]]) from None


def fit_query(shape: type[Shape], told: MultiDict[str, str]) -> Shape:
    """The parameters of an address in the contract's shape; each may stand there once."""
    if twice := [name for name, values in told.lists() if len(values) > 1]:
        message = "stands there more than once"
        raise Unfit([Fault(pointer=pointer([n]), code="repeated", message=message) for n in twice])
    return fit(shape, told.to_dict())


def fit_path(patterns: dict[str, str], told: dict[str, str]) -> None:
    """The parts of an address that the contract gives a pattern; raises ``Unfit``."""
    bad = [name for name, pattern in patterns.items() if not re.fullmatch(pattern, told[name])]
    message = "does not fit its pattern"
    if bad:
        raise Unfit([Fault(pointer=pointer([n]), code="pattern", message=message) for n in bad])


def pointer(path: Sequence[str | int]) -> str:
    """A JSON pointer (RFC 6901)."""
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in path)


def _fault(found: Any) -> Fault:
    message = found["msg"].removeprefix("Value error, ")
    return Fault(pointer=pointer(found["loc"]), code=found["type"], message=message)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _Twice
    return found


def _no_constant(name: str) -> Any:
    raise ValueError(name)


def _number(text: str) -> int | float:
    number = float(text)
    return int(number) if number.is_integer() else number


# Made once: to make it costs as much as to read a line of a batch.
_STRICT = json.JSONDecoder(
    object_pairs_hook=_once, parse_float=_number, parse_constant=_no_constant
)
