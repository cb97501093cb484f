"""Our directory at an endpoint, made once."""

from __future__ import annotations

import re

from tpcharness.model.endpoint import Endpoint
from tpcharness.model.failure import Failure
from tpcharness.model.reason import Reason
from tpcharness.model.variant import Phase
from tpcharness.net.trail import Trail
from tpcharness.payload.errands import Errands
from tpcharness.payload.names import PayloadNames
from tpcharness.tokens.roles import Role
from tpcharness.tokens.single_flight import SingleFlight

_THERE_ALREADY = 405  # RFC 4918 9.3.1; XRootD says 201 whether it was there or not (xrootd 5)
_EXISTS = re.compile(r"\bexists\b", re.IGNORECASE)  # not "does not exist"
_GO_ON = frozenset({Reason.PARENT_MISSING, Reason.FORBIDDEN, Reason.UNAUTHENTICATED})


class Directories:
    """Makes `tpcharness/<harness name>` below an endpoint's prefix; never removes one."""

    def __init__(self, errands: Errands, names: PayloadNames) -> None:
        self._errands = errands
        self._names = names
        self._made: set[Endpoint] = set()
        self._flights = SingleFlight[Endpoint, Failure | None]()

    async def ensure(self, endpoint: Endpoint, trail: Trail, phase: Phase, *, anew: bool = False) -> Failure | None:
        """Makes what is missing, once per endpoint, or `anew` if somebody removed it; a Failure has no blame."""
        if endpoint in self._made and not anew:
            return None
        return await self._flights.run(endpoint, lambda: self._make(endpoint, trail, phase))

    async def _make(self, endpoint: Endpoint, trail: Trail, phase: Phase) -> Failure | None:
        """Both levels. The answer for the lower one counts: the upper one may be another's, or made with the lower."""
        outcome: Failure | None = None
        for directory in self._names.directories(endpoint):
            answer = await self._errands.ask(
                Role.DIRECTORY, "MKCOL", endpoint, directory, trail, phase, fine={_THERE_ALREADY}
            )
            outcome = answer if isinstance(answer, Failure) and not _there(answer) else None
            if outcome is not None and outcome.reason not in _GO_ON:
                return outcome
        if outcome is None:
            self._made.add(endpoint)
        return outcome


def _there(failure: Failure) -> bool:
    """Whether a server says 409 where the standard has 405."""
    return failure.reason is Reason.PARENT_MISSING and _EXISTS.search(failure.detail) is not None
