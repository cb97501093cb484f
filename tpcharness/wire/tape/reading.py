"""JSON that a tape service sent: bounded, and read leniently, with a list of what was odd."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime

from tpcharness.wire.errors import WireError

MAX_BODY_BYTES = 2 * 1024 * 1024
MAX_ITEMS = 2000
MAX_TEXT = 2000
MAX_DEVIATIONS = 20

# Servers write times in seconds; dCache in milliseconds (tape-rest 6), which only a clock of the year 5138 could mean.
_SMALLEST_MILLISECONDS = 10**11

_SLASHES = re.compile("/+")


def read_json(body: bytes, what: str) -> object:
    """The value of a JSON text. Raises WireError for anything else, and for more than MAX_BODY_BYTES."""
    if len(body) > MAX_BODY_BYTES:
        raise WireError(f"{what} is longer than {MAX_BODY_BYTES} bytes")
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise WireError(f"{what} is not JSON") from None


def read_object(body: bytes, what: str) -> dict[str, object]:
    """The same, for a text that has to be an object."""
    value = read_json(body, what)
    if not isinstance(value, dict):
        raise WireError(f"{what} is not a JSON object")
    return value


def read_items(value: object, what: str) -> list[object]:
    """A list of at most MAX_ITEMS items; raises WireError."""
    if not isinstance(value, list):
        raise WireError(f"{what} is not a list")
    if len(value) > MAX_ITEMS:
        raise WireError(f"{what} has more than {MAX_ITEMS} items")
    return value


def text_of(value: object) -> str:
    """The string, cut, without the lone surrogates that JSON can smuggle in; empty for anything else."""
    return value[:MAX_TEXT].encode("utf-8", "replace").decode() if isinstance(value, str) else ""


def plain_path(path: str) -> str:
    """The path by which items are found again: servers collapse slashes (specification of STAGE), or do not."""
    return _SLASHES.sub("/", path)


@dataclass(slots=True)
class Oddities:
    """What was not as specified, each said once."""

    texts: list[str] = field(default_factory=list)

    def note(self, text: str) -> None:
        if text not in self.texts and len(self.texts) < MAX_DEVIATIONS:
            self.texts.append(text)

    def error(self, item: dict[str, object]) -> str:
        """The text of an item's `error`; empty when there is none.

        A null is odd: it made gfal2 crash before 2.23.3, and counts as an error since.
        """
        if "error" not in item:
            return ""
        found = text_of(item["error"])
        if not found.strip():
            self.note("an error that is null or empty")
        return found.strip()

    def moment(self, item: dict[str, object], key: str) -> datetime | None:
        """A time; None when it is absent or 0, as StoRM has it until it is known."""
        value = item.get(key)
        if value is None or value == 0:
            return None
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            self.note(f"{key} is not a number of seconds")
            return None
        if value >= _SMALLEST_MILLISECONDS:
            self.note("times are in milliseconds")
            value //= 1000
        try:
            return datetime.fromtimestamp(value, UTC)
        except (ValueError, OverflowError, OSError):
            self.note(f"{key} is beyond any calendar")
            return None
