"""All that is wrong at one site: faults of its storage, of its root door (`root_...`) and tape service (`tape_...`),
and of its legacy doors (`gsiftp_...`, `srm_...`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeVar

from tpcharness.testbed.faults import FaultSet, UnknownFaultError
from tpcharness.testbed.legacy.conduct import Conduct
from tpcharness.testbed.legacy.manners import MANNERS, Kind, Manner
from tpcharness.testbed.tape.faults import CATALOGUE as TAPE_CATALOGUE
from tpcharness.testbed.tape.faults import TapeFault
from tpcharness.testbed.words import no_such
from tpcharness.testbed.xroot.faults import CATALOGUE, RootFault

PREFIX = "root_"
TAPE_PREFIX = "tape_"

ROOT_SENTENCES: Mapping[str, str] = {f"{PREFIX}{row.fault}": f"the root door {row.sentence}" for row in CATALOGUE}
"""The faults of root doors as they are called from outside, each with what is wrong then."""

TAPE_SENTENCES: Mapping[str, str] = {
    f"{TAPE_PREFIX}{row.fault}": f"the tape service {row.sentence}" for row in TAPE_CATALOGUE
}
"""The same for tape services."""

LEGACY_SENTENCES: Mapping[str, str] = {str(manner): f"the {manner.kind} door {manner.sentence}" for manner in MANNERS}
"""The same for legacy doors, of which each has one at a time."""

F = TypeVar("F", bound=StrEnum)


@dataclass(slots=True, eq=False)
class SiteFaults:
    """Switches the faults of a storage and of what stands beside it, which shares its files at most.

    `root` and `tape` are None and `legacy` is empty where there is none. Their faults take no arguments.
    """

    storage: FaultSet
    root: set[RootFault] | None
    tape: set[TapeFault] | None
    legacy: Mapping[Kind, Conduct] = field(default_factory=dict)

    def add(self, text: str) -> None:
        """Switches a fault on. Raises UnknownFaultError."""
        kind = next((kind for kind in Kind if text.startswith(f"{kind}_")), None)
        if kind is not None:
            self._give_manner(kind, text)
        elif text.startswith(TAPE_PREFIX):
            if self.tape is None:
                raise UnknownFaultError(f"no tape service for {text!r}: `testbed up --tape` makes one at every site")
            self.tape.add(_fault(TapeFault, TAPE_PREFIX, TAPE_SENTENCES, text))
        elif not text.startswith(PREFIX):
            self.storage.add(text)
        elif self.root is None:
            raise UnknownFaultError(f"no root door for {text!r}: `testbed up --root` makes one at every site")
        else:
            self.root.add(_fault(RootFault, PREFIX, ROOT_SENTENCES, text))

    def clear(self) -> None:
        """Switches all off."""
        self.storage.clear()
        for others in (self.root, self.tape):
            if others is not None:
                others.clear()
        for conduct in self.legacy.values():
            conduct.change(None)

    @property
    def texts(self) -> tuple[str, ...]:
        """What is switched on, as it was given."""
        of_root = sorted(f"{PREFIX}{fault}" for fault in self.root or ())
        of_tape = sorted(f"{TAPE_PREFIX}{fault}" for fault in self.tape or ())
        of_legacy = [str(conduct.manner) for conduct in self.legacy.values() if conduct.manner is not None]
        return (*self.storage.texts, *of_root, *of_tape, *of_legacy)

    def _give_manner(self, kind: Kind, text: str) -> None:
        conduct = self.legacy.get(kind)
        if conduct is None:
            raise UnknownFaultError(f"no {kind} door for {text!r}: `testbed up --legacy` makes one at every site")
        manner = _manner(text)
        if conduct.manner not in (None, manner):
            raise UnknownFaultError(f"{text!r}: the {kind} door is '{conduct.manner}': clear that first")
        conduct.change(manner)


def parted(texts: Iterable[str], *, root: bool, tape: bool = False, legacy: bool = False) -> SiteFaults:
    """The faults of a storage and of what it has beside it. Raises UnknownFaultError."""
    faults = SiteFaults(
        FaultSet(),
        set() if root else None,
        set() if tape else None,
        {kind: Conduct() for kind in Kind} if legacy else {},
    )
    for text in texts:
        faults.add(text)
    return faults


def _manner(text: str) -> Manner:
    manner = next((manner for manner in MANNERS if str(manner) == text), None)
    if manner is None:
        raise _unknown(LEGACY_SENTENCES, text)
    return manner


def _fault(kind: type[F], prefix: str, sentences: Mapping[str, str], text: str) -> F:
    try:
        return kind(text.removeprefix(prefix))
    except ValueError:
        raise _unknown(sentences, text) from None


def _unknown(sentences: Mapping[str, str], text: str) -> UnknownFaultError:
    name, colon, _ = text.partition(":")
    if colon and name in sentences:
        return UnknownFaultError(f"fault {name!r} takes no arguments: {text!r}")
    listed_by = "`tpcharness testbed up --list-faults` names all"
    return UnknownFaultError(no_such("fault", text, sentences, listed_by=listed_by))
