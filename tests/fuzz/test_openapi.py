"""The contract tried with what its own description allows, and with what it forbids.

Every operation of the live OpenAPI document goes through schemathesis's phases: examples, coverage,
fuzzing, and stateful over the document's links. The suite draws a few cases an operation;
``./quitt test tests/fuzz --cases 200`` is the full size.
"""

import json
import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextvars import Context
from typing import Any

import pytest
import schemathesis
from flask import Flask
from schemathesis import Case, HookContext
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import events, from_schema
from schemathesis.engine.recorder import ScenarioRecorder
from schemathesis.schemas import BaseSchema

from portal.web.api import OPERATIONS, PREFIX
from tests import builders, contract, trials
from tests.builders import TOWN

PHASES = ("examples", "coverage", "fuzzing", "stateful")
# fmt: off
NOT_CHECKED = {
    # Rules between fields, kinds of this town, and persons in a purpose: no schema can tell them.
    "positive_data_acceptance": "a body that fits the schema may still be 422",
}
FEW_CASES = {"put_payment_requests"}  # a batch: schemathesis draws one line, in few forms
# Chance must hit these, or the others are only ever refused.
HIT = ("put_payment_request", "get_payment_request", "new_link", "withdraw", "get_events")
# fmt: on

MET = 0.8  # of the cases
DEPENDENT = ("items", "instalments", "partial", "replaces", "due_on", "issued_on", "payable_until")

StartResponse = Callable[..., Any]


@schemathesis.serializer("application/x-ndjson")
def lines(_: object, body: Any) -> bytes:
    """A batch of one line."""
    return json.dumps(body).encode() + b"\n"


@pytest.fixture
def cases(pytestconfig: pytest.Config) -> int:
    """How many cases an operation."""
    return trials.size(pytestconfig, "cases")


def from_outside(app: Flask) -> Callable[[dict[str, Any], StartResponse], Iterable[bytes]]:
    """The application as a server calls it: each answer has a context of its own."""
    return lambda environ, start: Context().run(app.wsgi_app, environ, start)


def described(
    app: Flask, cases: int, headers: Mapping[str, str], phases: Sequence[str] = PHASES
) -> BaseSchema:
    """The live document, to be tried with so many cases by who sends these headers."""
    config = SchemathesisConfig.from_dict(
        {
            "headers": dict(headers),
            "generation": {
                "max-examples": cases, "deterministic": True, "no-shrink": True, "database": "none",
            },
            "checks": {name: {"enabled": False} for name in NOT_CHECKED},
            "phases": {name: {"enabled": name in phases} for name in PHASES},
        }
    )  # fmt: skip
    schema = schemathesis.openapi.from_wsgi(
        f"{PREFIX}/openapi.json", from_outside(app), config=config
    )
    schema.hook(map_case)
    return schema


def map_case(_: HookContext, case: Case) -> Case:
    """Let what fits the schema fit the town too, or nothing would ever be stored.

    Few references, so that calls meet; a kind of the town, no person in a text, and often nothing
    that must agree with something else. Where the case is bad on purpose it stays as it is.
    """
    if case.meta is None or not case.meta.generation.mode.is_positive:
        return case
    chance = random.Random(repr((case.path_parameters, case.body)))
    if "reference" in (case.path_parameters or {}) and chance.random() < MET:
        case.path_parameters["reference"] = f"K-{chance.randrange(4)}"
    if isinstance(case.body, dict) and "purpose" in case.body:
        case.body |= {"kind": "tax", "currency": "EUR", "purpose": "Grundsteuer B"}
        for name in ("payment_sign", "unit"):
            case.body.pop(name, None)
        for name in DEPENDENT if chance.random() < MET else ():
            case.body.pop(name, None)
    return case


def tried(schema: BaseSchema) -> tuple[dict[str, list[int]], list[str]]:
    """The statuses that each operation answered, and what was wrong with any answer."""
    answers: dict[str, list[int]] = {}
    wrong = []
    for event in from_schema(schema).execute():
        if isinstance(event, events.ScenarioFinished):
            for name, status in answered(event.recorder):
                answers.setdefault(name, []).append(status)
        if isinstance(event, events.NonFatalError):
            wrong.append(f"{event.label}: {event.value}")
        if isinstance(event, events.FatalError):
            raise event.exception
        if isinstance(event, events.EngineFinished):
            wrong += [f"{each.operation}: {each.title}: {each.message}" for each in event.failures]
    return answers, wrong


def answered(recorder: ScenarioRecorder) -> Iterator[tuple[str, int]]:
    """The operation and status of each answer; calls by another method are not the operation's."""
    for key, done in recorder.interactions.items():
        operation = recorder.cases[key].value.operation
        if done.response is not None and done.request.method == operation.method.upper():
            yield operation.definition.raw["operationId"], done.response.status_code


def test_whatever_is_sent_is_answered_as_the_contract_says(app: Flask, cases: int) -> None:
    builders.letter("K-1")
    answers, wrong = tried(described(app, cases, contract.bearer(app, TOWN)))
    assert wrong == []
    assert answers.keys() == OPERATIONS.keys()
    for name, statuses in answers.items():
        assert len(statuses) >= cases or name in FEW_CASES, name
    for name in HIT:
        assert set(OPERATIONS[name].statuses) & set(answers[name]), f"{name} was only refused"


def test_without_a_token_whatever_is_sent_is_refused(app: Flask) -> None:
    answers, wrong = tried(described(app, 5, {}, ["fuzzing"]))
    assert wrong == []
    for name, statuses in answers.items():
        assert not OPERATIONS[name].scopes or set(statuses) == {401}, name
