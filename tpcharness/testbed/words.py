"""Messages about names that do not exist."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def no_such(kind: str, name: str, known: Iterable[str], *, listed_by: str = "") -> str:
    """ "no fault 'refuze'; did you mean 'refuse'?", or what there is. `listed_by` says how to see all, if they are
    many."""
    known = list(known)
    if near := difflib.get_close_matches(name, known, n=1):
        return f"no {kind} {name!r}; did you mean {near[0]!r}?"
    return f"no {kind} {name!r}; {listed_by or 'there are ' + ', '.join(known)}"
