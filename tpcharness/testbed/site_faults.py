"""All that is wrong at one site: faults of its storage, of its root door (`root_...`) and tape service (`tape_...`)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import TypeVar

from tpcharness.testbed.faults import FaultSet, UnknownFaultError
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

F = TypeVar("F", bound=StrEnum)


class SiteFaults:
    """Switches the faults of a storage, its root door and its tape service, which share the files but nothing else.

    `root` and `tape` are None where there is none. Their faults take no arguments.
    """

    def __init__(self, storage: FaultSet, root: set[RootFault] | None, tape: set[TapeFault] | None = None) -> None:
        self._storage = storage
        self._root = root
        self._tape = tape

    def add(self, text: str) -> None:
        """Switches a fault on. Raises UnknownFaultError."""
        if text.startswith(TAPE_PREFIX):
            if self._tape is None:
                raise UnknownFaultError(f"no tape service for {text!r}: `testbed up --tape` makes one at every site")
            self._tape.add(_fault(TapeFault, TAPE_PREFIX, TAPE_SENTENCES, text))
        elif not text.startswith(PREFIX):
            self._storage.add(text)
        elif self._root is None:
            raise UnknownFaultError(f"no root door for {text!r}: `testbed up --root` makes one at every site")
        else:
            self._root.add(_fault(RootFault, PREFIX, ROOT_SENTENCES, text))

    def clear(self) -> None:
        """Switches all off."""
        self._storage.clear()
        for others in (self._root, self._tape):
            if others is not None:
                others.clear()

    @property
    def texts(self) -> tuple[str, ...]:
        """What is switched on, as it was given."""
        of_root = sorted(f"{PREFIX}{fault}" for fault in self._root or ())
        return (*self._storage.texts, *of_root, *sorted(f"{TAPE_PREFIX}{fault}" for fault in self._tape or ()))


def parted(texts: Iterable[str], *, root: bool, tape: bool = False) -> tuple[FaultSet, set[RootFault], set[TapeFault]]:
    """The faults of a storage, and those of its root door and tape service if it has them. Raises UnknownFaultError."""
    of_storage, of_root, of_tape = FaultSet(), set[RootFault](), set[TapeFault]()
    faults = SiteFaults(of_storage, of_root if root else None, of_tape if tape else None)
    for text in texts:
        faults.add(text)
    return of_storage, of_root, of_tape


def _fault(kind: type[F], prefix: str, sentences: Mapping[str, str], text: str) -> F:
    try:
        return kind(text.removeprefix(prefix))
    except ValueError:
        name, colon, _ = text.partition(":")
        if colon and name in sentences:
            raise UnknownFaultError(f"fault {name!r} takes no arguments: {text!r}") from None
        listed_by = "`tpcharness testbed up --list-faults` names all"
        raise UnknownFaultError(no_such("fault", text, sentences, listed_by=listed_by)) from None
