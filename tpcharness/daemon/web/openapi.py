"""What `/api/v1` answers, as an OpenAPI 3.1 document; run as a module it writes docs/openapi.json.

The schemas of results and findings are those of the public documents (`export.schema`), derived from the types.
"""

from __future__ import annotations

import json
import sys
from functools import cache
from typing import Any

from tpcharness import __version__
from tpcharness.export.schema import document_schema
from tpcharness.model.reason import Reason
from tpcharness.model.variant import Blame, Outcome, Variant
from tpcharness.results.history import Step
from tpcharness.results.store import CellState

Schema = dict[str, Any]

_SHARED = ("Result", "Finding")
_TEXT: Schema = {"type": "string"}
_COUNT: Schema = {"type": "integer", "minimum": 0}
_MOMENT: Schema = {"type": "string", "format": "date-time", "pattern": "Z$"}


def _or_null(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


def _object(**properties: Schema) -> Schema:
    return {"type": "object", "properties": properties, "required": list(properties)}


def _list(of: Schema) -> Schema:
    return {"type": "array", "items": of}


def _map(of: Schema) -> Schema:
    return {"type": "object", "additionalProperties": of}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _query(name: str, schema: Schema, description: str, *, many: bool = False) -> Schema:
    found = {"name": name, "in": "query", "description": description, "schema": _list(schema) if many else schema}
    return found | ({"explode": True} if many else {})


def _path(name: str) -> Schema:
    return {"name": name, "in": "path", "required": True, "schema": _TEXT}


_SOURCE = _query("source", _TEXT, "name of the source")
_DESTINATION = _query("destination", _TEXT, "name of the destination")
_VARIANT = _query("variant", _ref("Variant"), "how it was probed")
_SINCE = _query("since", _MOMENT | {"pattern": ""}, "from this time on; without a zone it is UTC")
_UNTIL = _query("until", _MOMENT | {"pattern": ""}, "to just before this time")
_ATTEMPT = _query("attempt", _COUNT, "which attempt of a retried probe; the last one if left out")


@cache
def openapi_document() -> Schema:
    """The whole document. Made once; not to be changed."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "tpcharness",
            "summary": "Third-party copies between storages: what works, how fast, and who has to act",
            "version": __version__,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "jsonSchemaDialect": "https://json-schema.org/draft/2020-12/schema",
        "servers": [{"url": "/"}],
        "security": [{}, {"basic": []}],
        "paths": _paths(),
        "components": {
            "schemas": dict(sorted(_schemas().items())),
            "securitySchemes": {"basic": {"type": "http", "scheme": "basic"}},
        },
    }


def openapi_text() -> str:
    """The document as it stands in docs/openapi.json."""
    return json.dumps(openapi_document(), indent=2) + "\n"


def _paths() -> Schema:
    return {
        "/api/v1": {"get": _get("What can be asked here", _object(routes=_list(_object(path=_TEXT, summary=_TEXT))))},
        "/api/v1/status": {"get": _get("How the service itself is", _ref("Status"))},
        "/api/v1/endpoints": {
            "get": _get(
                "Every endpoint: its door, and what is done to it",
                _object(at=_MOMENT, endpoints=_list(_ref("EndpointState"))),
            )
        },
        "/api/v1/endpoints/{name}": {"get": _one_endpoint()},
        "/api/v1/links": {
            "get": _get(
                "Every cell of the matrix of which something is known",
                _object(at=_MOMENT, links=_list(_ref("CellState"))),
                _SOURCE,
                _DESTINATION,
                _VARIANT,
                _query("state", {"enum": [state.value for state in CellState]}, "of the latest results"),
            )
        },
        "/api/v1/findings": {
            "get": _get(
                "Who has to act: findings of confirmed states, worst first",
                _object(at=_MOMENT, unconfirmed=_COUNT, findings=_list(_ref("Finding"))),
            )
        },
        "/api/v1/results": {
            "get": _get(
                "Results of the history, newest first, without evidence",
                _object(results=_list(_ref("Result")), next=_or_null(_TEXT)),
                _SOURCE,
                _DESTINATION,
                _query("endpoint", _TEXT, "in either role, and its door; not together with source or destination"),
                _VARIANT,
                _query("outcome", _ref("Outcome"), "how it ended", many=True),
                _SINCE,
                _UNTIL,
                _query("limit", {"type": "integer", "minimum": 1, "maximum": 1000, "default": 100}, "at most so many"),
                _query("before", _TEXT, "`next` of the page before"),
            )
        },
        "/api/v1/results/{run_id}/{probe_id}": {
            "get": _get("One result with its evidence", _ref("Result"), _path("run_id"), _path("probe_id"), _ATTEMPT)
        },
        "/api/v1/rollups": {
            "get": _get(
                "Counts by hour or day: of a link, of an endpoint in one role, or of everything",
                _object(since=_MOMENT, until=_MOMENT, step=_ref("Step"), rollups=_list(_ref("Rollup"))),
                _SOURCE,
                _DESTINATION,
                _VARIANT,
                _SINCE,
                _UNTIL,
                _query("step", _ref("Step"), "hours of the last 7 days, or days of the last 90, unless told otherwise"),
            )
        },
        "/api/v1/downtimes": {
            "get": _get(
                "The downtimes that last now",
                _object(at=_MOMENT, downtimes=_list({"allOf": [_object(endpoint=_TEXT), _ref("Downtime")]})),
            )
        },
        "/api/v1/openapi.json": {"get": _get("This document", {"type": "object"})},
        "/api/v1/events": {
            "get": {
                "summary": "Server-sent events: `version` with the number of results so far, when it has grown",
                "responses": {
                    "200": {"description": "a stream", "content": {"text/event-stream": {"schema": _TEXT}}},
                    "503": _refusal("too many listeners"),
                },
            }
        },
    }


def _get(summary: str, answer: Schema, *parameters: Schema) -> Schema:
    responses = {
        "200": {"description": "the answer", "content": {"application/json": {"schema": answer}}},
        "401": _refusal("a user name and a password are needed"),
        "503": _refusal("the history cannot be read, or too many connections"),
    }
    if parameters:
        responses["400"] = _refusal("a parameter that makes no sense")
    if any(parameter["in"] == "path" for parameter in parameters):
        responses["404"] = _refusal("nothing of that name")
    return {"summary": summary, "parameters": list(parameters), "responses": dict(sorted(responses.items()))}


def _one_endpoint() -> Schema:
    found = _get("One endpoint", {"allOf": [_object(at=_MOMENT), _ref("EndpointState")]}, _path("name"))
    missing = _object(error=_TEXT, nearest=_or_null(_TEXT))
    found["responses"]["404"]["content"] = {"application/json": {"schema": missing}}
    return found


def _refusal(description: str) -> Schema:
    return {"description": description, "content": {"text/plain": {"schema": _TEXT}}}


def _schemas() -> dict[str, Schema]:
    shared = document_schema()["$defs"]
    kept = {name: _moved(schema) for name, schema in shared.items() if name in _reachable(shared)}
    words = {"Variant": Variant, "Outcome": Outcome, "Step": Step, "Reason": Reason, "Blame": Blame}
    for name, words_of in words.items():
        kept.setdefault(name, {"enum": [member.value for member in words_of]})
    kept["Downtime"] = _object(start=_MOMENT, end=_MOMENT, text=_TEXT, origin=_TEXT)
    kept["CellState"] = _object(
        subject={"anyOf": [_ref("LinkSubject"), _ref("EndpointSubject")]},
        variant=_ref("Variant"),
        state={"enum": [*(state.value for state in CellState), "downtime"]},
        reason=_ref("Reason"),
        code=_COUNT,
        blame=_ref("Blame"),
        started_at=_MOMENT,
        throughput=_or_null({"type": "number"}),
        run_id=_TEXT,
        probe_id=_TEXT,
        attempt=_COUNT,
        sizes=_list(_COUNT),
    )
    kept["EndpointState"] = _object(
        name=_TEXT,
        site=_TEXT,
        host=_TEXT,
        door=_or_null(_ref("CellState")),
        alone=_list(_ref("CellState")),
        downtime=_or_null(_ref("Downtime")),
        paused_until=_or_null(_MOMENT),
        used_bytes=_COUNT,
        used_transfers=_COUNT,
        bytes_per_day=_COUNT,
        transfers_per_day=_COUNT,
    )
    kept["Rollup"] = _object(
        at=_MOMENT,
        variant=_ref("Variant"),
        ok=_COUNT,
        failure=_COUNT,
        error=_COUNT,
        skipped=_COUNT,
        bytes=_COUNT,
        transfer_seconds={"type": "number"},
        reasons=_map(_COUNT),
    )
    kept["Status"] = _object(
        harness=_TEXT,
        version=_TEXT,
        run_id=_TEXT,
        now=_MOMENT,
        started_at=_MOMENT,
        ready={"type": "boolean"},
        tick_age_seconds={"type": "number", "minimum": 0},
        next_probe_at=_or_null(_MOMENT),
        scheduled=_COUNT,
        in_flight=_map(_COUNT),
        waiting=_COUNT,
        due=_COUNT,
        skipped=_map(_COUNT),
        results_version=_COUNT,
        reload=_object(ok={"type": "boolean"}, at=_MOMENT, succeeded_at=_MOMENT, errors=_list(_TEXT)),
        history=_object(healthy={"type": "boolean"}, write_failures=_COUNT),
        leftovers=_map(_COUNT),
        token_expiries=_map(_MOMENT),
        warnings=_list(_TEXT),
    )
    return kept


def _reachable(shared: dict[str, Schema]) -> set[str]:
    """The shared schemas that results and findings are made of."""
    found: set[str] = set()
    ahead = list(_SHARED)
    while ahead:
        name = ahead.pop()
        if name not in found:
            found.add(name)
            ahead += [other for other in shared if f'"#/$defs/{other}"' in json.dumps(shared[name])]
    return found


def _moved(schema: Schema) -> Schema:
    moved: Schema = json.loads(json.dumps(schema).replace('"#/$defs/', '"#/components/schemas/'))
    return moved


if __name__ == "__main__":
    sys.stdout.write(openapi_text())
