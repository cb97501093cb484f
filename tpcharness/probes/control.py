"""The control after a failed copy: does the passive party do for us what it did not do for the active one?

Both doors were fine before. If the passive party fails us as well now, it bears the failure; if it serves us, what
happened concerns the two storages and what lies between them (http-tpc 6.3, rule 4).
"""

from __future__ import annotations

from typing import Protocol

from tpcharness.diagnosis.verdict import Party, Verdict, blamed
from tpcharness.model.endpoint import Endpoint
from tpcharness.model.failure import Failure
from tpcharness.model.reason import Reason
from tpcharness.model.settings import MIB
from tpcharness.model.variant import Blame, Phase
from tpcharness.net.trail import Trail
from tpcharness.payload.errands import Errands
from tpcharness.payload.names import PayloadFile
from tpcharness.payload.seeds import Seed
from tpcharness.payload.store import PayloadStore
from tpcharness.probes.verification import Verifier
from tpcharness.tokens.roles import Role
from tpcharness.wire.copy_request import Mode

MAX_READ_BYTES = MIB

# What a passive party that is down, hangs, cuts or shows a bad certificate may have brought about.
_BETWEEN_THE_TWO = frozenset(
    {
        Reason.NO_RESPONSE,
        Reason.PASSIVE_DNS_FAILURE,
        Reason.PASSIVE_REFUSED,
        Reason.PASSIVE_TIMEOUT,
        Reason.PASSIVE_UNREACHABLE,
        Reason.PASSIVE_TLS_FAILED,
        Reason.PASSIVE_CUT,
        Reason.PASSIVE_STALLED,
        Reason.TRANSFER_FAILED,
        Reason.NO_FIRST_BYTE,
        Reason.NO_PROGRESS,
        Reason.SIZE_MISMATCH,
    }
)
_OUT_OF_ORDER = frozenset({Reason.NO_RESPONSE, Reason.CONNECTION_LOST, Reason.MALFORMED_RESPONSE})
_DAMAGE = frozenset({Reason.SIZE_MISMATCH, Reason.CHECKSUM_MISMATCH})
_NOT_EVEN_ASKED = frozenset({Phase.RESOLVE, Phase.CONNECT, Phase.TLS})


class Original(Protocol):
    """A file that is copied: where it is, and what must arrive."""

    @property
    def file(self) -> PayloadFile: ...

    @property
    def size(self) -> int: ...

    @property
    def adler32(self) -> str: ...


class Control:
    """Asks passive parties: in pull mode it reads the beginning of the original, in push mode it looks at the copy."""

    def __init__(self, errands: Errands, payload: PayloadStore, verifier: Verifier) -> None:
        self._errands = errands
        self._payload = payload
        self._verifier = verifier

    async def settle_damage(
        self, failure: Failure, mode: Mode, original: Original, destination: Endpoint, trail: Trail
    ) -> Verdict:
        """Who has damaged a copy that was called a success: size or checksum are wrong at its destination.

        The source, if it gives us wrong bytes as well. In push mode the destination, if it does not keep ours. Else
        the active party, which moved the bytes: it is all that differs from what we could do ourselves.
        """
        with trail.enter(Phase.VERIFY):
            spoilt = await self._payload.recheck(original, trail) if isinstance(original, Seed) else None
            if spoilt is not None and spoilt.reason is Reason.SEED_CORRUPT:
                return Verdict(failure.reason, Blame.SOURCE, hint=spoilt.detail)
            if await self._is_damaged(original, trail):
                hint = f"{failure.detail}; the source gives us wrong bytes as well"
                return Verdict(failure.reason, Blame.SOURCE, hint=hint)
            if mode is Mode.PUSH:
                ours = await self._payload.seed(destination, original.size, trail)
                if isinstance(ours, Failure):
                    if ours.reason is not Reason.SEED_CORRUPT:
                        return blamed(failure.reason, mode, Party.SOURCE, Party.DESTINATION).with_hint(failure.detail)
                    return Verdict(failure.reason, Blame.DESTINATION, hint=ours.detail)
                if await self._is_damaged(ours, trail):
                    hint = f"{failure.detail}; the destination damages what we store there ourselves"
                    return Verdict(failure.reason, Blame.DESTINATION, hint=hint)
        return blamed(failure.reason, mode, Party.ACTIVE).with_hint(failure.detail)

    async def _is_damaged(self, original: Original, trail: Trail) -> bool:
        """Whether the bytes of a file, as we are given them, are not those that were stored."""
        read = await self._verifier.read_back(original.file, original.size, original.adler32, trail)
        return read.failure is not None and read.failure.reason in _DAMAGE

    async def settle(
        self, verdict: Verdict, mode: Mode, original: Original, destination: PayloadFile, trail: Trail
    ) -> Verdict:
        """The verdict with the blame that the control leaves; as it was, where a control can say nothing."""
        passive, active = Party.PASSIVE.blame(mode), Party.ACTIVE.blame(mode)
        certain_of_active = verdict.blame is active and verdict.reason is Reason.NO_RESPONSE
        if verdict.reason not in _BETWEEN_THE_TWO or verdict.blame is Blame.CLIENT or certain_of_active:
            return verdict
        with trail.enter(Phase.VERIFY):
            failure = await (self._read(original, trail) if mode is Mode.PULL else self._look(destination, trail))
        if failure is not None:
            return Verdict(verdict.reason, passive, hint=f"it does not serve us either: {failure.detail}")
        return verdict

    async def _read(self, original: Original, trail: Trail) -> Failure | None:
        wanted = min(original.size, MAX_READ_BYTES)
        answer = await self._errands.ask(
            Role.READ,
            "GET",
            original.file.endpoint,
            original.file.path,
            trail,
            Phase.VERIFY,
            max_body=wanted,
            body_sink=lambda _: None,
        )
        return _trouble(answer) if isinstance(answer, Failure) else None

    async def _look(self, destination: PayloadFile, trail: Trail) -> Failure | None:
        sight = await self._errands.look(Role.VERIFY, destination, trail, Phase.VERIFY, digest=False)
        return _trouble(sight) if isinstance(sight, Failure) else None


def _trouble(failure: Failure) -> Failure | None:
    """The failure, if it shows that the storage is out of order; a refusal shows the opposite."""
    if failure.blame is Blame.CLIENT:
        return None
    return failure if failure.reason in _OUT_OF_ORDER or failure.reason.phase in _NOT_EVEN_ASKED else None
