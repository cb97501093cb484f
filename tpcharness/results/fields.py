"""Reading a JSON document field by field, with errors that name the place."""

from __future__ import annotations

import reprlib
from datetime import UTC, datetime
from enum import StrEnum
from typing import TypeVar

E = TypeVar("E", bound=StrEnum)


class DocumentError(ValueError):
    """A document is not what it should be; the message names the place, what was expected and what is there."""


class Fields:
    """One JSON object and where it stands in its document ("results[3].evidence").

    Each getter takes the field's name and gives its typed value, or the default when the field is absent.
    Without a default an absent field is an error. Fields that nobody asks for are ignored: later minor versions
    add some.
    """

    __slots__ = ("_object", "place")

    def __init__(self, value: object, place: str) -> None:
        if not isinstance(value, dict):
            raise _wrong(place, "an object", value)
        self._object: dict[str, object] = value
        self.place = place

    def __contains__(self, name: str) -> bool:
        return self._object.get(name) is not None

    def text(self, name: str, default: str | None = None) -> str:
        value = self._value(name, default)
        if not isinstance(value, str):
            raise _wrong(self._at(name), "a string", value)
        return value

    def integer(self, name: str, default: int | None = None) -> int:
        value = self._value(name, default)
        if not isinstance(value, int) or isinstance(value, bool):
            raise _wrong(self._at(name), "an integer", value)
        return value

    def integer_or_none(self, name: str) -> int | None:
        return self.integer(name) if name in self else None

    def number_or_none(self, name: str) -> float | None:
        return _number(self._object[name], self._at(name)) if name in self else None

    def choice(self, name: str, choices: type[E], default: E | None = None) -> E:
        return _choice(self.text(name, default), choices, self._at(name))

    def choice_or_none(self, name: str, choices: type[E]) -> E | None:
        return self.choice(name, choices) if name in self else None

    def moment(self, name: str) -> datetime:
        """A time with its zone, in UTC."""
        value = self.text(name)
        try:
            moment = datetime.fromisoformat(value)
            if moment.tzinfo is not None:
                return moment.astimezone(UTC)
        except (ValueError, OverflowError):
            pass
        raise _wrong(self._at(name), "an ISO 8601 time with its zone", value)

    def moment_or_none(self, name: str) -> datetime | None:
        return self.moment(name) if name in self else None

    def numbers(self, name: str, keys: type[E]) -> dict[E, float]:
        """An object of numbers whose keys are names of an enum; names that this version does not know are left out."""
        inner = self.child(name)
        known = {key.value: key for key in keys}
        return {
            known[key]: _number(value, f"{inner.place}.{key}")
            for key, value in inner._object.items()  # noqa: SLF001 - a Fields reads itself
            if key in known
        }

    def texts(self, name: str) -> tuple[str, ...]:
        return tuple(_text(value, f"{self._at(name)}[{i}]") for i, value in enumerate(self._list(name)))

    def choices(self, name: str, choices: type[E]) -> tuple[E, ...]:
        return tuple(_choice(text, choices, f"{self._at(name)}[{i}]") for i, text in enumerate(self.texts(name)))

    def pairs(self, name: str) -> tuple[tuple[str, str], ...]:
        """A list of [name, value] pairs."""
        found = []
        for i, value in enumerate(self._list(name)):
            place = f"{self._at(name)}[{i}]"
            if not isinstance(value, list) or len(value) != 2:
                raise _wrong(place, "a pair", value)
            found.append((_text(value[0], f"{place}[0]"), _text(value[1], f"{place}[1]")))
        return tuple(found)

    def child(self, name: str) -> Fields:
        """The object under this name; an empty one when it is absent."""
        return Fields(self._value(name, {}), self._at(name))

    def children(self, name: str) -> tuple[Fields, ...]:
        """The objects of the list under this name; none when it is absent."""
        return tuple(Fields(value, f"{self._at(name)}[{i}]") for i, value in enumerate(self._list(name)))

    def _value(self, name: str, default: object) -> object:
        value = self._object.get(name, default)
        if value is None and name not in self._object:
            raise DocumentError(f"{self._at(name)} is missing")
        return value

    def _list(self, name: str) -> list[object]:
        value = self._value(name, [])
        if not isinstance(value, list):
            raise _wrong(self._at(name), "a list", value)
        return value

    def _at(self, name: str) -> str:
        return f"{self.place}.{name}" if self.place else name


def _text(value: object, place: str) -> str:
    if not isinstance(value, str):
        raise _wrong(place, "a string", value)
    return value


def _number(value: object, place: str) -> float:
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        raise _wrong(place, "a number", value)
    try:
        return float(value)
    except OverflowError:
        raise _wrong(place, "a number", value) from None


def _choice(value: str, choices: type[E], place: str) -> E:
    try:
        return choices(value)
    except ValueError:
        raise _wrong(place, f"a {choices.__name__} that this version knows", value) from None


def _wrong(place: str, expected: str, value: object) -> DocumentError:
    return DocumentError(f"{place or 'document'}: expected {expected}, found {reprlib.repr(value)}")
