"""The JSON Schema of the documents, derived from the types; run as a module it writes docs/result.schema.json."""

from __future__ import annotations

import dataclasses
import json
import sys
import types
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar, Union, get_args, get_origin, get_type_hints

from tpcharness.model.contrast import Contrast
from tpcharness.model.endpoint import SubjectKind
from tpcharness.model.finding import Finding
from tpcharness.model.result import SCHEMA_VERSION, Result
from tpcharness.model.variant import Phase
from tpcharness.results.run import RunEnd, RunFacts
from tpcharness.results.store import Tally

Schema = dict[str, Any]

_PRIMITIVES: dict[object, Schema] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    type(None): {"type": "null"},
    datetime: {"type": "string", "format": "date-time", "pattern": "Z$"},
}

# What documents say in addition to the fields of the type: what a reader would else have to look up.
_DERIVED: dict[type, dict[str, object]] = {Result: {"code": int, "phase": Phase}, Finding: {"code": int}}


def document_schema() -> Schema:
    """JSON Schema (draft 2020-12) of a whole document; `$defs/Line` is one line of a `jsonl` file.

    Every field is always written, so every field is required; unknown ones are allowed, since minor versions add some.
    """
    defs: dict[str, Schema] = {}
    run, result, finding, contrast = (_of(kind, defs) for kind in (RunFacts, Result, Finding, Contrast))
    version = {"const": SCHEMA_VERSION}
    summary = _object(
        {
            "type": {"const": "summary"},
            "run_id": {"type": "string"},
            "ended_at": _of(datetime, defs),
            "ended": _of(RunEnd, defs),
            "warnings": _of(tuple[str, ...], defs),
            "links": _of(Tally, defs),
            "doors": _of(Tally, defs),
            "alone": _of(Tally, defs),
            "findings": {"type": "array", "items": finding},
            "contrasts": {"type": "array", "items": contrast},
        }
    )
    defs["Line"] = {
        "description": "One line of a JSON lines file: the run first, then doors and results, the summary last.",
        "oneOf": [
            {"allOf": [_object({"type": {"const": "run"}, "schema_version": version}), run]},
            {"allOf": [_object({"type": {"enum": ["door", "result"]}}), result]},
            summary,
        ],
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "tpcharness document",
        "description": "One run: its facts, every result, and what the whole matrix means.",
        **_object(
            {
                "schema_version": version,
                "run": {"allOf": [run, _object({"doors": {"type": "array", "items": result}})]},
                "results": {"type": "array", "items": result},
                "findings": {"type": "array", "items": finding},
                "contrasts": {"type": "array", "items": contrast},
            }
        ),
        "$defs": dict(sorted(defs.items())),
    }


def schema_text() -> str:
    """The schema as it stands in docs/result.schema.json."""
    return json.dumps(document_schema(), indent=2) + "\n"


def _of(kind: object, defs: dict[str, Schema]) -> Schema:
    """The schema of a type; enums and dataclasses become definitions of their own."""
    if kind in _PRIMITIVES:
        return _PRIMITIVES[kind]
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return _define(kind, {"enum": [member.value for member in kind]}, defs)
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        return _define(kind, _dataclass(kind, defs), defs)
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return {"anyOf": [_of(argument, defs) for argument in arguments]}
    if origin is tuple and arguments[1:] == (Ellipsis,):
        return {"type": "array", "items": _of(arguments[0], defs)}
    if origin is tuple:
        items = [_of(argument, defs) for argument in arguments]
        return {"type": "array", "prefixItems": items, "minItems": len(items), "maxItems": len(items)}
    if origin is dict:
        names, value = arguments
        return {"type": "object", "propertyNames": _of(names, defs), "additionalProperties": _of(value, defs)}
    raise TypeError(f"no JSON Schema for {kind!r}")


def _dataclass(kind: type, defs: dict[str, Schema]) -> Schema:
    properties: dict[str, Schema] = {}
    for name, hint in get_type_hints(kind).items():
        if get_origin(hint) is ClassVar:
            value = getattr(kind, name)
            if isinstance(value, SubjectKind):
                properties[name] = {"const": value.value}
        else:
            properties[name] = _of(hint, defs)
    for name, hint in _DERIVED.get(kind, {}).items():
        properties[name] = _of(hint, defs)
    return _object(properties)


def _define(kind: type, schema: Schema, defs: dict[str, Schema]) -> Schema:
    summary = (kind.__doc__ or "").strip().partition("\n")[0]
    defs[kind.__name__] = {"description": summary, **schema}
    return {"$ref": f"#/$defs/{kind.__name__}"}


def _object(properties: dict[str, Schema]) -> Schema:
    return {"type": "object", "properties": properties, "required": list(properties)}


if __name__ == "__main__":
    sys.stdout.write(schema_text())
