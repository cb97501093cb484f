"""All that probes do with payload files, in one place: get a seed, note a destination, take files away."""

from __future__ import annotations

from collections.abc import Iterable

from tpcharness.model.endpoint import Endpoint
from tpcharness.model.failure import Failure
from tpcharness.model.progress import Nobody, Observer
from tpcharness.model.seams import Clock, TokenSource
from tpcharness.model.settings import TimeLimits
from tpcharness.model.variant import Phase
from tpcharness.net.client import HttpClient
from tpcharness.net.trail import Trail
from tpcharness.payload.directories import Directories
from tpcharness.payload.errands import Errands
from tpcharness.payload.ledger import Ledger, LedgerEntry
from tpcharness.payload.names import PayloadFile, PayloadNames
from tpcharness.payload.removal import WATCH_SECONDS, Absence, Remover
from tpcharness.payload.seeds import SEED_LIFETIME_SECONDS, Seed, SeedBed
from tpcharness.payload.upload import Upload

RECHECK_SECONDS = 300.0

# The pause before each look at a file: names and checksums may come late (http-tpc 1.7 on 202; xrootd#1314).
LOOKS_SECONDS = (0.0, 0.5, 1.0, 2.0, 4.0)


class PayloadStore:
    """The payload files of one run.

    Failures are values; a failure without a blame is the storage's that was asked. Raises LedgerError when our own
    disk does not take a line, and OutsidePrefix for a file that is not ours: in both cases nothing was sent.
    """

    def __init__(
        self,
        client: HttpClient,
        tokens: TokenSource,
        ledger: Ledger,
        names: PayloadNames,
        clock: Clock,
        limits: TimeLimits,
        *,
        recheck_seconds: float = RECHECK_SECONDS,
        looks_seconds: tuple[float, ...] = LOOKS_SECONDS,
        lifetime_seconds: float = SEED_LIFETIME_SECONDS,
    ) -> None:
        self._ledger = ledger
        self._names = names
        self._clock = clock
        self._limits = limits
        errands = Errands(client, tokens)
        self._directories = Directories(errands, names)
        self._remover = Remover(errands, ledger, names, limits, looks_seconds=looks_seconds)
        self._seeds = SeedBed(
            errands,
            self._directories,
            ledger,
            names,
            clock,
            upload_seconds=limits.transfer_seconds,
            recheck_seconds=recheck_seconds,
            looks_seconds=looks_seconds,
            lifetime_seconds=lifetime_seconds,
        )

    @property
    def late_seconds(self) -> float:
        """How long after its beginning a copy without a client may still show its file for the first time."""
        return self._limits.settle_seconds + WATCH_SECONDS

    def age_seconds(self, entry: LedgerEntry) -> float:
        """How long ago a file was noted; negative when the clock was set back."""
        return (self._clock.now() - entry.created_at).total_seconds()

    async def seed(self, endpoint: Endpoint, size: int, trail: Trail) -> Seed | Failure:
        """A seed of `size` bytes at a source, checked (size, adler32); put there by the first who asks."""
        return await self._seeds.seed(endpoint, size, trail)

    async def recheck(self, seed: Seed, trail: Trail) -> Failure | None:
        """Looks at a seed at once; SEED_LOST when it is not there any more."""
        return await self._seeds.recheck(seed, trail)

    async def ensure_directory(self, endpoint: Endpoint, trail: Trail) -> Failure | None:
        """Makes our directory where it is missing, at most once per endpoint."""
        return await self._directories.ensure(endpoint, trail, Phase.PREPARE)

    async def register(self, file: PayloadFile) -> None:
        """Notes a file in the ledger. Await this before the request that creates the file."""
        self._names.check(file)
        await self._ledger.add(LedgerEntry(file.endpoint.name, file.url, self._names.run_id, self._clock.now()))

    async def forget(self, file: PayloadFile) -> None:
        """Takes a file off the ledger that is certainly not there: never asked for, or gone for the root door."""
        await self._ledger.gone(file)

    async def remove(self, file: PayloadFile, trail: Trail) -> Failure | None:
        """Deletes a file and sees that it is gone (404); on failure it stays in the ledger."""
        outcome = await self._remover.take_away(file, trail)
        return outcome if isinstance(outcome, Failure) else None

    async def take_away(self, file: PayloadFile, trail: Trail) -> Absence | Failure:
        """As `remove`, but says whether there was anything to delete."""
        return await self._remover.take_away(file, trail)

    async def remove_all(self, files: Iterable[PayloadFile], trail: Trail) -> tuple[tuple[PayloadFile, Failure], ...]:
        """Removes files in a probe's `finally`: bounded in time, and not put off by a first cancellation."""
        return await self._remover.remove_all(files, trail)

    async def watch_and_remove(
        self, file: PayloadFile, trail: Trail, *, watch_seconds: float = WATCH_SECONDS, may_come_late: bool = False
    ) -> Failure | None:
        """Removes a file whose writer may be late, unless it still grows or may still come (STILL_WRITING)."""
        return await self._remover.watch_and_remove(
            file, trail, watch_seconds=watch_seconds, may_come_late=may_come_late
        )

    async def remove_upload(self, file: PayloadFile, trail: Trail, upload: Upload) -> Failure | None:
        """Removes a file that we have sent ourselves, in a probe's `finally`.

        Without a token nothing was sent. A server that gave no answer, or none before we were cancelled, may have all
        of it, and make the file yet.
        """
        if upload.failure is not None and upload.failure.reason.phase is Phase.TOKEN:
            await self.forget(file)
            return None
        if upload.may_come_late:
            return await self.watch_and_remove(file, trail, may_come_late=True)
        left = await self.remove_all((file,), trail)
        return left[0][1] if left else None

    async def remove_seeds(self, observer: Observer | None = None) -> list[tuple[PayloadFile, Failure]]:
        """Removes every seed of this run, at its end; gives back those that stay, and why."""
        return await self._remover.remove_side_by_side(self._seeds.files, observer or Nobody())
