"""The kinds of values that stand in endpoints.toml: each with the check that one value alone allows.

A check raises `Unfit` with a message and a remedy; the types carry what the JSON Schema says of them.
"""

from __future__ import annotations

import fnmatch
import re
from datetime import datetime
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BeforeValidator, GetJsonSchemaHandler, WithJsonSchema
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from tpcharness.config.addresses import (
    check_database,
    check_directory,
    check_document_url,
    check_endpoint_url,
    check_gsiftp_url,
    check_issuer_url,
    check_listen,
    check_page_url,
    check_path,
    check_root_url,
    check_srm_url,
    check_tape_file,
)
from tpcharness.config.moments import MOMENT_HINT, parse_moment
from tpcharness.config.problems import Unfit, did_you_mean
from tpcharness.config.quantities import (
    DURATION_HINT,
    DURATION_PATTERN,
    MAX_KEPT_SECONDS,
    SIZE_HINT,
    SIZE_PATTERN,
    parse_duration,
    parse_size,
)
from tpcharness.model.settings import DAY_SECONDS
from tpcharness.model.variant import DOOR_VARIANTS, Variant

# Words of the full design that this version does not know yet: a message of their own beats "unknown".
NOT_SUPPORTED = "is not supported by this version"
_NOT_BUILT = "fts-"

SELECTABLE = tuple(variant for variant in Variant if variant not in DOOR_VARIANTS)
"""What a selection of probes can name: doors are checked anyway."""

_HARNESS_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@+-]{0,127}", re.ASCII)
_COMMAND = re.compile(r"[A-Za-z0-9._+-]+", re.ASCII)
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


def _size(value: object) -> int:
    try:
        return parse_size(value)
    except ValueError as error:
        raise Unfit(str(error), SIZE_HINT) from None


def _duration(value: object) -> float:
    try:
        return parse_duration(value)
    except ValueError as error:
        raise Unfit(str(error), DURATION_HINT) from None


def _kept(value: object) -> float:
    try:
        return _some_duration(parse_duration(value, MAX_KEPT_SECONDS))
    except Unfit:
        raise
    except ValueError as error:
        raise Unfit(str(error), DURATION_HINT) from None


def _moment(value: object) -> datetime:
    try:
        return parse_moment(value)
    except ValueError as error:
        raise Unfit(str(error), MOMENT_HINT) from None


def _intervals(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 1 <= value <= 1000:
        raise Unfit("is not a number of intervals", "write how many intervals of its probe a result is good for: 3")
    return float(value)


def _some_duration(value: float) -> float:
    if value <= 0:
        raise Unfit("must be more than 0", DURATION_HINT)
    return value


def _harness_name(name: str) -> str:
    if not _HARNESS_NAME.fullmatch(name) or not name.strip("."):
        raise Unfit(
            "cannot be the name of a directory at the storages",
            "use letters, digits and . _ - only, at most 64 of them",
        )
    return name


def _name(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise Unfit(
            "is not a name that can stand in reports and metrics",
            "use letters, digits and . _ : @ + - only, at most 128 of them, and begin with a letter or digit",
        )
    return name


def _header_text(text: str) -> str:
    if not text.isascii() or _CONTROL.search(text) or set("()\\") & set(text):
        raise Unfit("cannot stand in a User-Agent", "use plain ASCII without parentheses, such as a mail address")
    return text


def is_one_line(text: str) -> bool:
    """Whether a text has no line ends, and nothing else that a screen would obey instead of showing it."""
    return not _CONTROL.search(text)


def _one_line(text: str) -> str:
    if not is_one_line(text):
        raise Unfit("has control characters in it", "write it as plain text on one line")
    return text


def _filled(text: str) -> str:
    if not text.strip():
        raise Unfit("is empty", "fill it in, or remove the line")
    return _one_line(text)


def _a_day_at_most(seconds: float) -> float:
    if seconds > DAY_SECONDS:
        raise Unfit("is longer than a day", "write 24h or less: until then a request for staging stays open")
    return seconds


def _variable(name: str) -> str:
    if not _VARIABLE.fullmatch(name):
        raise Unfit("is not the name of an environment variable", "write the variable's name here, never the token")
    return name


def _interpreter(text: str) -> str:
    if "/" not in _filled(text) and not _COMMAND.fullmatch(text):
        raise Unfit("is not a command or a path", "write the interpreter alone, such as /usr/bin/python3")
    return text


def _variant(value: object) -> Variant:
    if value in DOOR_VARIANTS:
        raise Unfit("is no choice", "leave it out: every endpoint's door is checked first, always")
    for variant in SELECTABLE:
        if value == variant:
            return variant
    hint = f"write one of {', '.join(SELECTABLE)}"
    if isinstance(value, str) and value.startswith(_NOT_BUILT):
        raise Unfit(NOT_SUPPORTED, hint)
    if isinstance(value, str) and (fits := fnmatch.filter(SELECTABLE, value)):
        raise Unfit("is no variant but a pattern", f"patterns are for --variant; here write {', '.join(fits)}")
    raise Unfit("is not a variant", did_you_mean(value, SELECTABLE, hint) if isinstance(value, str) else hint)


def _listed(value: object) -> object:
    return value if isinstance(value, list) else [value]


def _not_empty(values: list[Any]) -> list[Any]:
    if not values:
        raise Unfit("is an empty list", "name at least one, or remove the line")
    return list(dict.fromkeys(values))


_DURATION_SCHEMA: dict[str, Any] = {
    "anyOf": [{"type": "number", "minimum": 0}, {"type": "string", "pattern": DURATION_PATTERN}]
}


class _OneOrMore:
    """Tells the JSON Schema that one value may stand without its brackets."""

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        many = handler(core)
        return {"anyOf": [many, many["items"]]}


T = TypeVar("T")
Size = Annotated[
    int,
    BeforeValidator(_size),
    WithJsonSchema({"anyOf": [{"type": "integer", "minimum": 0}, {"type": "string", "pattern": SIZE_PATTERN}]}),
]
Duration = Annotated[float, BeforeValidator(_duration), WithJsonSchema(_DURATION_SCHEMA)]
Kept = Annotated[float, BeforeValidator(_kept), WithJsonSchema(_DURATION_SCHEMA)]
Intervals = Annotated[
    float, BeforeValidator(_intervals), WithJsonSchema({"type": "number", "minimum": 1, "maximum": 1000})
]
Moment = Annotated[
    datetime, BeforeValidator(_moment), WithJsonSchema({"type": "string", "format": "date-time", "minLength": 17})
]
SomeDuration = Annotated[Duration, AfterValidator(_some_duration)]
StageTime = Annotated[SomeDuration, AfterValidator(_a_day_at_most)]
FilePath = Annotated[str, AfterValidator(_filled)]
Text = Annotated[str, AfterValidator(_one_line)]
Filled = Annotated[str, AfterValidator(_filled)]
Glob = Filled
OneOrMore = Annotated[list[T], BeforeValidator(_listed), AfterValidator(_not_empty), _OneOrMore()]
SomeVariant = Annotated[
    Variant, BeforeValidator(_variant), WithJsonSchema({"enum": [variant.value for variant in SELECTABLE]})
]
HarnessName = Annotated[str, AfterValidator(_harness_name)]
Name = Annotated[str, AfterValidator(_name)]
Contact = Annotated[str, AfterValidator(_header_text)]
Variable = Annotated[str, AfterValidator(_variable)]
EndpointUrl = Annotated[str, AfterValidator(check_endpoint_url)]
RootDoorUrl = Annotated[str, AfterValidator(check_root_url)]
IssuerUrl = Annotated[str, AfterValidator(check_issuer_url)]
UrlPath = Annotated[str, AfterValidator(check_path)]
DirectoryPath = Annotated[str, AfterValidator(check_directory)]
GsiftpUrl = Annotated[str, AfterValidator(check_gsiftp_url)]
SrmUrl = Annotated[str, AfterValidator(check_srm_url)]
Interpreter = Annotated[str, AfterValidator(_interpreter)]
TapeFile = Annotated[str, AfterValidator(check_tape_file)]
PageUrl = Annotated[str, AfterValidator(check_page_url)]
DocumentUrl = Annotated[str, AfterValidator(check_document_url)]
Database = Annotated[str, AfterValidator(_filled), AfterValidator(check_database)]
Listen = Annotated[str, AfterValidator(check_listen)]
