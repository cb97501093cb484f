"""The faults of one storage: named in texts, switched on and off while it runs, asked for at the places they bite."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from tpcharness.testbed.effects import Closed, E, Effect, Fault, Occasion
from tpcharness.testbed.fault_catalogue import CATALOGUE
from tpcharness.testbed.words import no_such

_ALL = "`tpcharness testbed up --list-faults` names all"

METHODS = frozenset({"COPY", "GET", "HEAD", "PUT", "DELETE", "MKCOL", "MOVE", "OPTIONS", "PROPFIND"})


@dataclass(slots=True)
class _Armed:
    """A fault switched on. It bites on every occasion, or the nth only, or by chance."""

    text: str
    fault: Fault
    effect: Effect
    nth: int = 0
    probability: float = 1.0
    occasions: int = 0


class UnknownFaultError(ValueError):
    """There is no fault of that name, or it does not take that argument."""


class FaultSet:
    """The faults of one storage, which may be switched while it runs.

    Texts are NAME[@METHOD][:ARGUMENT][:after=N][:nth=N][:probability=P]. The argument, which `after` names as well, is
    the effect's one number (after how many bytes, how many bytes a second). METHOD narrows a fault to one kind of
    request. Chance is seeded: the same requests in the same order meet the same faults.
    """

    def __init__(self, texts: Iterable[str] = (), *, seed: int = 1) -> None:
        self._random = random.Random(seed)  # noqa: S311 - chance of a test, not of cryptography
        self._armed: list[_Armed] = []
        self._watchers: list[Callable[[], None]] = []
        for text in texts:
            self.add(text)

    def add(self, text: str) -> None:
        """Switches a fault on. Raises UnknownFaultError."""
        self._armed.append(self._parse(text))
        self._tell()

    def clear(self) -> None:
        """Switches all off."""
        self._armed.clear()
        self._tell()

    def watch(self, watcher: Callable[[], None]) -> None:
        """Calls the watcher after every change."""
        self._watchers.append(watcher)

    def find(self, effect: type[E], occasion: Occasion) -> E | None:
        """The first effect of that type that bites now. Asking counts as an occasion: ask once per request."""
        for armed in self._armed:
            if isinstance(armed.effect, effect) and armed.fault.bites(occasion) and self._due(armed):
                return armed.effect
        return None

    @property
    def texts(self) -> tuple[str, ...]:
        """What is switched on, as it was given."""
        return tuple(armed.text for armed in self._armed)

    @property
    def closed(self) -> bool:
        """Whether the port must be closed."""
        return any(isinstance(armed.effect, Closed) for armed in self._armed)

    def _due(self, armed: _Armed) -> bool:
        armed.occasions += 1
        if armed.nth and armed.occasions != armed.nth:
            return False
        return armed.probability >= 1.0 or self._random.random() < armed.probability

    def _tell(self) -> None:
        for watcher in self._watchers:
            watcher()

    def _parse(self, text: str) -> _Armed:
        scope, *arguments = text.split(":")
        name, at, method = scope.partition("@")
        fault = CATALOGUE.get(name)
        if fault is None:
            raise UnknownFaultError(no_such("fault", name, CATALOGUE, listed_by=_ALL))
        if at:
            fault = _narrowed(fault, method)
        armed = _Armed(text, fault, fault.effect)
        for argument in arguments:
            self._apply(armed, argument)
        return armed

    def _apply(self, armed: _Armed, argument: str) -> None:
        key, _, value = argument.rpartition("=")
        try:
            match key:
                case "nth":
                    armed.nth = _natural(value)
                case "probability":
                    armed.probability = _share(value)
                case "" | "after":
                    armed.effect = armed.effect.with_number(_natural(value))
                case _:
                    raise UnknownFaultError(f"fault {armed.fault.name!r} has no {key!r}")
        except (TypeError, ValueError) as error:
            raise UnknownFaultError(f"fault {armed.fault.name!r} does not take {argument!r}") from error


def parse(text: str) -> tuple[str, str]:
    """Splits "SITE-B=wrong_content:nth=2" into the site and the fault. Raises UnknownFaultError."""
    site, equals, fault = text.partition("=")
    if not (site and equals and fault):
        raise UnknownFaultError(f"{text!r} is not SITE=FAULT, such as SITE-B=refuse")
    return site, fault


def _narrowed(fault: Fault, method: str) -> Fault:
    """The fault on requests of one method only."""
    if method not in METHODS or (fault.methods and method not in fault.methods):
        raise UnknownFaultError(f"fault {fault.name!r} does not bite on {method!r}")
    return replace(fault, methods=frozenset({method}))


def _share(text: str) -> float:
    share = float(text)
    if not 0.0 <= share <= 1.0:
        raise ValueError(text)
    return share


def _natural(text: str) -> int:
    if not text.isdecimal():
        raise ValueError(text)
    return int(text)
