"""Whether the destination has what the source had: size and checksum read back from it (design 5.1)."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace

from tpcharness.diagnosis.plain_verdict import REFUSALS
from tpcharness.model.failure import Failure
from tpcharness.model.reason import Reason
from tpcharness.model.result import Checksum, VerifiedBy
from tpcharness.model.settings import MIB
from tpcharness.model.variant import Phase
from tpcharness.net.trail import Trail
from tpcharness.payload.errands import Errands, Sight
from tpcharness.payload.names import PayloadFile
from tpcharness.payload.store import LOOKS_SECONDS
from tpcharness.tokens.roles import Role
from tpcharness.wire.digest import Adler32, same_checksum

ALGORITHM = "adler32"
MAX_READBACK_BYTES = 64 * MIB


@dataclass(frozen=True, slots=True)
class Verification:
    """What was found at the destination; `failure` None means that it is right."""

    failure: Failure | None
    checksum: Checksum
    size: int | None = None
    warnings: tuple[str, ...] = ()


class Verifier:
    """Looks at destinations. `looks_seconds` are the pauses before each look at a file that is not settled yet."""

    def __init__(self, errands: Errands, looks_seconds: tuple[float, ...] = LOOKS_SECONDS) -> None:
        self._errands = errands
        self._looks_seconds = looks_seconds

    async def verify(
        self, file: PayloadFile, size: int, expected: str, trail: Trail, *, address: str = "", read: bool = False
    ) -> Verification:
        """Compares size and adler32 of a file with what was written or copied; at one `address` of its host.

        Without a usable digest, or with `read`, the file is read back, up to 64 MiB; a larger one without a digest
        is `checksum_unavailable`, not ok.
        """
        sight = await self._settled(file, size, trail, address)
        nothing = Checksum(ALGORITHM, expected)
        if isinstance(sight, Failure):
            return Verification(_as_verify(sight), nothing)
        if not sight.present:
            return Verification(Failure(Reason.NOT_VISIBLE, f"HEAD: {file.path} is not there"), nothing)
        if sight.size is not None and sight.size != size:
            return Verification(_wrong_size(sight.size, size), nothing, sight.size)
        told = sight.digest
        if told is not None and not read and sight.size is not None:
            checksum = Checksum(ALGORITHM, expected, told.hex, VerifiedBy.DIGEST)
            wrong = None if told.matches(expected) else _wrong_sum(expected, told.hex)
            return Verification(wrong, checksum, sight.size)
        found = await self.read_back(file, size, expected, trail, address)
        if found.failure is not None:
            return found
        if told is None:
            return replace(found, warnings=("no adler32 on HEAD: the file was read back instead",))
        if not told.matches(expected):
            lie = Failure(Reason.CHECKSUM_MISMATCH, f"it tells adler32 {told.hex} of bytes whose adler32 is {expected}")
            return replace(found, failure=lie)
        return found

    async def _settled(self, file: PayloadFile, size: int, trail: Trail, address: str) -> Sight | Failure:
        """The last look at a file that may still be about to appear or to grow."""
        sight: Sight | Failure = Sight(present=False)
        for pause_seconds in self._looks_seconds:
            await asyncio.sleep(pause_seconds)
            sight = await self._errands.look(Role.VERIFY, file, trail, Phase.VERIFY, address=address)
            if isinstance(sight, Failure) or (
                sight.present and sight.size in (size, None) and not (sight.pending and sight.digest is None)
            ):
                break
        return sight

    async def read_back(
        self, file: PayloadFile, size: int, expected: str, trail: Trail, address: str = ""
    ) -> Verification:
        """Compares the bytes themselves, up to 64 MiB; beyond that it is `checksum_unavailable`."""
        if size > MAX_READBACK_BYTES:
            detail = "no adler32 in the answer, and the file is too big to read back"
            return Verification(Failure(Reason.CHECKSUM_UNAVAILABLE, detail), Checksum(ALGORITHM, expected), size)
        adler, count = Adler32(), 0

        def take(data: bytes) -> None:
            nonlocal count
            count += len(data)
            adler.update(data)

        answer = await self._errands.ask(
            Role.VERIFY,
            "GET",
            file.endpoint,
            file.path,
            trail,
            Phase.VERIFY,
            max_body=size + 1,
            body_sink=take,
            address=address,
        )
        if isinstance(answer, Failure):
            return Verification(_as_verify(answer), Checksum(ALGORITHM, expected))
        found = adler.hexdigest()
        checksum = Checksum(ALGORITHM, expected, found, VerifiedBy.READBACK)
        wrong = None
        if count != size:
            wrong = _wrong_size(count, size)
        elif not same_checksum(ALGORITHM, expected, found):
            wrong = _wrong_sum(expected, found)
        return Verification(wrong, checksum, count)


def _wrong_size(found: int, expected: int) -> Failure:
    return Failure(Reason.SIZE_MISMATCH, f"the destination has {found} bytes, the source {expected}")


def _wrong_sum(expected: str, found: str) -> Failure:
    return Failure(Reason.CHECKSUM_MISMATCH, f"the destination's adler32 is {found}, the source's {expected}")


def _as_verify(failure: Failure) -> Failure:
    """The failure of a look at the file, under the names of this phase; a missing token keeps its own."""
    if failure.reason.phase is Phase.TOKEN:
        return failure
    if failure.reason in REFUSALS:
        return Failure(Reason.VERIFY_REFUSED, failure.detail)
    return Failure(Reason.VERIFY_FAILED, failure.detail, failure.blame)
