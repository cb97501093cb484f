"""Seeds: the files that probes copy from, put there once in a while and looked at before they are used again."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from tpcharness.diagnosis.plain_verdict import REFUSALS
from tpcharness.model.endpoint import Endpoint
from tpcharness.model.failure import Failure
from tpcharness.model.reason import Reason
from tpcharness.model.result import Exchange
from tpcharness.model.seams import Clock
from tpcharness.model.settings import DAY_SECONDS, MIB
from tpcharness.model.variant import Blame, Phase
from tpcharness.net.trail import Trail
from tpcharness.payload.content import Content
from tpcharness.payload.directories import Directories
from tpcharness.payload.errands import Errands, Sight
from tpcharness.payload.ledger import Ledger, LedgerEntry
from tpcharness.payload.names import PayloadFile, PayloadNames
from tpcharness.tokens.roles import Role
from tpcharness.tokens.single_flight import SingleFlight

FAILED_SECONDS = 30.0

SEED_LIFETIME_SECONDS = 7 * DAY_SECONDS
"""A storage need not keep a file of ours for longer, and a week's writing is tried again."""

_NO_DIRECTORY = frozenset({Reason.NOT_FOUND, Reason.PARENT_MISSING})
_WORTHLESS = frozenset({Reason.SEED_LOST, Reason.SEED_CORRUPT})
_KEEPS_ITS_NAME = frozenset({Phase.TOKEN, Phase.RESOLVE, Phase.CONNECT, Phase.TLS, Phase.PREPARE, Phase.TRANSFER})


@dataclass(frozen=True, slots=True)
class Seed:
    """A file at a source, and what stands in it."""

    file: PayloadFile
    content: Content

    @property
    def size(self) -> int:
        return self.content.size

    @property
    def adler32(self) -> str:
        return self.content.adler32


@dataclass(frozen=True, slots=True)
class _Finding:
    """What was found out about a seed, until when (loop time) that holds, and what was exchanged for it."""

    result: Seed | Failure
    until: float
    exchanges: tuple[Exchange, ...]


class SeedBed:
    """Makes seeds: one upload per endpoint and size, however many probes wait for it.

    A seed is looked at again after `recheck_seconds`. One that is lost is made again; one that is damaged, or older
    than `lifetime_seconds` of the wall clock, is replaced under a fresh name, since others may be reading it, and the
    clean-up of a long run takes the old one away (`cleaning.forgotten`). A failure holds for half a minute, so that a
    row of probes does not knock at the same closed door one after the other.
    """

    def __init__(
        self,
        errands: Errands,
        directories: Directories,
        ledger: Ledger,
        names: PayloadNames,
        clock: Clock,
        *,
        upload_seconds: float,
        recheck_seconds: float,
        looks_seconds: tuple[float, ...],
        lifetime_seconds: float = SEED_LIFETIME_SECONDS,
    ) -> None:
        self._errands = errands
        self._directories = directories
        self._ledger = ledger
        self._names = names
        self._clock = clock
        self._upload_seconds = upload_seconds
        self._recheck_seconds = recheck_seconds
        self._looks_seconds = looks_seconds
        self._lifetime_seconds = lifetime_seconds
        self._made_at: dict[tuple[Endpoint, int], datetime] = {}
        self._numbers: Counter[tuple[Endpoint, int]] = Counter()
        self._standing: dict[tuple[Endpoint, int], Seed] = {}
        self._findings: dict[tuple[Endpoint, int], _Finding] = {}
        self._flights = SingleFlight[tuple[Endpoint, int], _Finding]()
        self._touched: dict[str, PayloadFile] = {}

    @property
    def files(self) -> tuple[PayloadFile, ...]:
        """Every seed of this run that may exist, also one whose upload failed."""
        return tuple(file for file in self._touched.values() if self._ledger.holds(file))

    async def seed(self, endpoint: Endpoint, size: int, trail: Trail) -> Seed | Failure:
        """A seed that was seen to be good; raises LedgerError before anything is sent that cannot be noted."""
        key = endpoint, size
        finding = self._findings.get(key)
        if finding is None or asyncio.get_running_loop().time() >= finding.until:
            finding = await self._flights.run(key, lambda: self._find_out(key, trail, renew=True))
        if isinstance(finding.result, Failure):
            for exchange in finding.exchanges:
                if exchange not in trail.exchanges:  # who only waited gets the evidence too
                    trail.record(exchange, 0.0)
        return finding.result

    async def recheck(self, seed: Seed, trail: Trail) -> Failure | None:
        """Looks at a seed now, whatever was known of it: for a probe that was told it is not there."""
        key = seed.file.endpoint, seed.size
        if self._standing.get(key) is not seed:  # another probe saw it gone; there may even be a new one
            return _lost(seed)
        finding = await self._flights.run(key, lambda: self._find_out(key, trail))
        return finding.result if isinstance(finding.result, Failure) else None

    async def _find_out(self, key: tuple[Endpoint, int], trail: Trail, *, renew: bool = False) -> _Finding:
        """Looks at the seed, or makes one; with `renew` also a new one in place of one that is too old."""
        if renew and key in self._standing and self._age_seconds(key) >= self._lifetime_seconds:
            del self._standing[key]
            self._numbers[key] += 1
        standing, before = self._standing.get(key), len(trail.exchanges)
        result = await (self._make(*key, trail) if standing is None else self._look_again(standing, trail))
        if isinstance(result, Seed):
            self._standing[key] = result
            holds_seconds = self._recheck_seconds
        else:
            holds_seconds = 0.0 if result.reason is Reason.SEED_LOST else FAILED_SECONDS
            if result.reason in _WORTHLESS and standing is not None:
                self._standing.pop(key, None)
                self._numbers[key] += result.reason is Reason.SEED_CORRUPT
        until = asyncio.get_running_loop().time() + holds_seconds
        finding = self._findings[key] = _Finding(result, until, tuple(trail.exchanges[before:]))
        return finding

    async def _make(self, endpoint: Endpoint, size: int, trail: Trail) -> Seed | Failure:
        key = endpoint, size
        seed = Seed(self._names.seed(endpoint, size, self._numbers[key]), Content(size))
        if size > MIB:
            await asyncio.to_thread(lambda: seed.adler32)
        again = self._ledger.holds(seed.file)
        self._touched = {url: file for url, file in self._touched.items() if self._ledger.holds(file)}
        self._touched[seed.file.url] = seed.file
        made_at = self._made_at[key] = self._clock.now()
        await self._ledger.add(LedgerEntry(endpoint.name, seed.file.url, self._names.run_id, made_at))
        failure = await self._upload(seed, trail, replace=again)
        if failure is not None and failure.reason.phase is Phase.TOKEN and not again:
            await self._ledger.gone(seed.file)  # nothing was sent
        if failure is not None and failure.reason in _NO_DIRECTORY:
            failure = await self._directories.ensure(endpoint, trail, Phase.PREPARE, anew=True)
            if failure is None:
                failure = await self._upload(seed, trail, replace=again)
        if failure is None:
            failure = await self._inspect(seed, Role.SEED, trail)
        return seed if failure is None else _of_seed(failure)

    def _age_seconds(self, key: tuple[Endpoint, int]) -> float:
        return (self._clock.now() - self._made_at[key]).total_seconds()

    async def _look_again(self, seed: Seed, trail: Trail) -> Seed | Failure:
        """The same seed if it is still there, whole."""
        failure = await self._inspect(seed, Role.READ, trail)
        if failure is None:
            return seed
        if failure.reason is Reason.NOT_FOUND:
            await self._ledger.gone(seed.file)
            return _lost(seed)
        return _of_seed(failure)

    async def _upload(self, seed: Seed, trail: Trail, *, replace: bool) -> Failure | None:
        answer = await self._errands.ask(
            Role.SEED,
            "PUT",
            seed.file.endpoint,
            seed.file.path,
            trail,
            Phase.PREPARE,
            headers=(("Content-Type", "application/octet-stream"),),
            body=seed.content,
            timeout_seconds=self._upload_seconds,
            replace=replace,
        )
        return answer if isinstance(answer, Failure) else None

    async def _inspect(self, seed: Seed, role: Role, trail: Trail) -> Failure | None:
        """Looks until size and checksum are right, or the patience is over; then what was wrong last."""
        failure: Failure | None = None
        for pause_seconds in self._looks_seconds:
            await asyncio.sleep(pause_seconds)
            sight = await self._errands.look(role, seed.file, trail, Phase.PREPARE)
            if not isinstance(sight, Failure) and sight.pending and pause_seconds == self._looks_seconds[-1]:
                sight = await self._errands.look(role, seed.file, trail, Phase.PREPARE, digest=False)
            if isinstance(sight, Failure):
                return sight
            failure = _fault(seed, sight)
            if failure is None:
                return None
        return failure


def _fault(seed: Seed, sight: Sight) -> Failure | None:
    """What is wrong with a seed. Without a digest the size must do: the copy is judged by our own checksum anyway."""
    if not sight.present:
        return Failure(Reason.NOT_FOUND, f"HEAD: {seed.file.path} is not there")
    if sight.size not in {None, seed.size}:
        return Failure(Reason.SEED_CORRUPT, f"{seed.file.path} has {sight.size} bytes, {seed.size} were sent")
    if sight.digest is not None and not sight.digest.matches(seed.adler32):
        found = f"adler32 {sight.digest.hex}, {seed.adler32} was sent"
        return Failure(Reason.SEED_CORRUPT, f"{seed.file.path} has {found}")
    if sight.size is None and sight.digest is None:
        return Failure(Reason.SEED_FAILED, f"HEAD: {seed.file.path} has neither a size nor a checksum")
    return None


def _lost(seed: Seed) -> Failure:
    return Failure(Reason.SEED_LOST, f"{seed.file.path} was there, and is not any more", Blame.NOBODY)


def _of_seed(failure: Failure) -> Failure:
    """The failure in the words of the `prepare` phase, and the source's unless it says otherwise.

    What failed before the source got our request keeps its own name.
    """
    blame = failure.blame or Blame.SOURCE
    if failure.reason in REFUSALS:
        return Failure(Reason.SEED_REFUSED, failure.detail, blame)
    if failure.reason.phase in _KEEPS_ITS_NAME:
        return Failure(failure.reason, failure.detail, blame)
    return Failure(Reason.SEED_FAILED, failure.detail or failure.reason.value, blame)
