"""All that is wrong at one site: faults of its storage, and of its root door, whose names begin with `root_`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tpcharness.testbed.faults import FaultSet, UnknownFaultError
from tpcharness.testbed.words import no_such
from tpcharness.testbed.xroot.faults import CATALOGUE, RootFault

PREFIX = "root_"

ROOT_SENTENCES: Mapping[str, str] = {f"{PREFIX}{row.fault}": f"the root door {row.sentence}" for row in CATALOGUE}
"""The faults of root doors as they are called from outside, each with what is wrong then."""


class SiteFaults:
    """Switches the faults of a storage and of its root door, which share the files but nothing else.

    `root` is None where there is no root door. A root door's fault takes no arguments.
    """

    def __init__(self, storage: FaultSet, root: set[RootFault] | None) -> None:
        self._storage = storage
        self._root = root

    def add(self, text: str) -> None:
        """Switches a fault on. Raises UnknownFaultError."""
        if not text.startswith(PREFIX):
            self._storage.add(text)
        elif self._root is None:
            raise UnknownFaultError(f"no root door for {text!r}: `testbed up --root` makes one at every site")
        else:
            self._root.add(_root_fault(text))

    def clear(self) -> None:
        """Switches all off."""
        self._storage.clear()
        if self._root is not None:
            self._root.clear()

    @property
    def texts(self) -> tuple[str, ...]:
        """What is switched on, as it was given."""
        return (*self._storage.texts, *sorted(f"{PREFIX}{fault}" for fault in self._root or ()))


def parted(texts: Iterable[str], *, root: bool) -> tuple[FaultSet, set[RootFault]]:
    """The faults of a storage, and those of its root door if it has one. Raises UnknownFaultError."""
    of_storage, of_root = FaultSet(), set[RootFault]()
    faults = SiteFaults(of_storage, of_root if root else None)
    for text in texts:
        faults.add(text)
    return of_storage, of_root


def _root_fault(text: str) -> RootFault:
    try:
        return RootFault(text.removeprefix(PREFIX))
    except ValueError:
        name, colon, _ = text.partition(":")
        if colon and name in ROOT_SENTENCES:
            raise UnknownFaultError(f"fault {name!r} takes no arguments: {text!r}") from None
        listed_by = "`tpcharness testbed up --list-faults` names all"
        raise UnknownFaultError(no_such("fault", text, ROOT_SENTENCES, listed_by=listed_by)) from None
