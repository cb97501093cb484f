"""Where cells are tried: a grid per mode in one process, faults switched while it runs, one copy per cell."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.support.clocks import WallClock
from tests.support.house import LIMITS, QuickStore
from tests.truth.expectations import PARTNER, PULL, PUSHER, PUSHERS, Cell, Place, Row
from tpcharness.model.endpoint import Link
from tpcharness.model.failure import Failure
from tpcharness.model.progress import Nobody
from tpcharness.model.result import Result
from tpcharness.model.seams import ProbeContext
from tpcharness.model.settings import TokenKind, TokenSettings
from tpcharness.model.variant import Blame, Outcome
from tpcharness.net.client import HttpClient
from tpcharness.net.trail import Trail
from tpcharness.payload.errands import Errands
from tpcharness.payload.ledger import Ledger
from tpcharness.payload.names import PayloadNames
from tpcharness.probes.https_copy import HttpsCopyProbe
from tpcharness.probes.servers import ServerBook
from tpcharness.probes.verification import Verifier
from tpcharness.testbed.dialects.catalogue import DIALECTS
from tpcharness.testbed.grid import Grid, GridSpec, Site
from tpcharness.tokens.sources import make_token_source
from tpcharness.wire.copy_request import Mode

SIZE = 600 * 1024  # more than one piece that a storage of the testbed moves at a time
STALL_SECONDS = 0.3
QUICK_MARKERS_SECONDS, RARE_MARKERS_SECONDS = 0.05, 30.0
LOOKS_SECONDS = (0.0, 0.1, 0.2, 0.4, 0.8)
_CLIENT_LIMITS = replace(LIMITS, request_seconds=3.0)


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of a cell."""

    cell: Cell
    result: Result

    @property
    def complaint(self) -> str:
        """What the harness got wrong; empty when nothing."""
        result, found, mode = self.result, self.cell.found, self.cell.mode
        alternatives = {alternative.blame for alternative in result.alternatives}
        said = " | ".join(e.body_excerpt.strip() or e.error for e in result.evidence.exchanges if e.method == "COPY")
        if (result.reason, result.blame) != (found.reason, found.blame(mode)):
            return f"{result.reason} of {result.blame}, not {found.reason} of {found.blame(mode)}: {said!r}"
        if alternatives != found.alternatives(mode):
            return f"alternatives {sorted(alternatives)}, not {sorted(found.alternatives(mode))}: {said!r}"
        if result.phase is not found.reason.phase:
            return f"phase {result.phase}, not {found.reason.phase}"
        expected = Outcome.OK if found.blame(mode) is Blame.NOBODY else Outcome.FAILURE
        return "" if result.outcome is expected else f"outcome {result.outcome}, not {expected}"


@dataclass(frozen=True, slots=True)
class Pair:
    """The two storages that a cell's copy goes between."""

    active: Site
    passive: Site

    def link(self, mode: Mode) -> Link:
        source, destination = (self.passive, self.active) if mode is PULL else (self.active, self.passive)
        return Link(source.endpoint, destination.endpoint)

    def faulty(self, place: Place, mode: Mode) -> Site:
        return self.active if place is Place.ACTIVE or (place is Place.DESTINATION and mode is PULL) else self.passive


@dataclass(slots=True)
class Laboratory:
    """One grid and one harness over it, for one mode. Each cell has storages of its own."""

    mode: Mode
    grid: Grid
    client: HttpClient
    ledger: Ledger
    pairs: dict[tuple[bool, str], Pair]
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))

    async def try_rows(self, rows: Iterable[Row], dialects: frozenset[str]) -> list[Tried]:
        """One row after the other, the cells of a row side by side."""
        tokens = make_token_source(_token_settings(self.grid), self.client, WallClock())
        names = PayloadNames("truth", f"run-{self.mode}")
        payload = QuickStore(self.client, tokens, self.ledger, names, WallClock(), LIMITS, looks_seconds=LOOKS_SECONDS)
        servers = ServerBook()
        await self._prepare(payload, servers)
        tried: list[Tried] = []
        for row in rows:
            wanted = [
                Cell(row, dialect, self.mode, found)
                for dialect in DIALECTS
                if dialect in dialects and (found := row.found(dialect, self.mode)) is not None
            ]
            limits = row.limits or LIMITS
            probe = HttpsCopyProbe(
                self.mode,
                self.client,
                tokens,
                payload,
                names,
                Verifier(Errands(self.client, tokens), LOOKS_SECONDS),
                servers,
                limits,
            )
            tried += await asyncio.gather(*(self._try(cell, probe) for cell in wanted))
        return tried

    async def _try(self, cell: Cell, probe: HttpsCopyProbe) -> Tried:
        pair = self.pairs[cell.row.place is Place.DESTINATION, cell.dialect]
        storage = pair.faulty(cell.row.place, self.mode).storage
        for fault in cell.row.faults:
            storage.faults.add(fault)
        try:
            context = ProbeContext("run", f"p{next(self._numbers)}", 1, SIZE, 0.0, WallClock(), Nobody())
            return Tried(cell, await probe.run(pair.link(self.mode), context))
        finally:
            storage.faults.clear()
            async with asyncio.timeout(5.0):
                while not storage.listening:
                    await asyncio.sleep(0)

    async def _prepare(self, payload: QuickStore, servers: ServerBook) -> None:
        """Seeds and directories, while all is still well; it is learned who is who, as a door does."""

        async def ready(pair: Pair) -> None:
            link, trail = pair.link(self.mode), Trail("truth", Nobody())
            assert not isinstance(await payload.seed(link.source, SIZE, trail), Failure)
            assert await payload.ensure_directory(link.destination, trail) is None
            for endpoint in (link.source, link.destination):
                servers.learn(endpoint, trail.exchanges)

        await asyncio.gather(*map(ready, self.pairs.values()))


@asynccontextmanager
async def open_laboratory(mode: Mode, *, markers: bool) -> AsyncIterator[Laboratory]:
    """A laboratory with a pair of storages for every dialect at either place."""
    actives = [(False, name, (name, PARTNER)) for name in DIALECTS if mode is PULL or name in PUSHERS]
    if mode is PULL:
        actives += [(True, name, (name, PARTNER)) for name in DIALECTS]
    else:
        actives += [(True, name, (PUSHER, name)) for name in DIALECTS]
    dialects = tuple(dialect for _, _, pair in actives for dialect in pair)
    spec = GridSpec(
        sites=len(dialects),
        dialects=dialects,
        marker_period_seconds=QUICK_MARKERS_SECONDS if markers else RARE_MARKERS_SECONDS,
        stall_seconds=STALL_SECONDS,
    )
    with TemporaryDirectory(prefix="tpcharness-truth-") as directory:
        async with (
            Grid(spec) as grid,
            HttpClient(user_agent="truth/1", limits=_CLIENT_LIMITS, ca_path=str(grid.authority.ca_file)) as client,
            Ledger(Path(directory) / "ledger.jsonl") as ledger,
        ):
            sites = iter(grid.sites)
            pairs = {(at, name): Pair(next(sites), next(sites)) for at, name, _ in actives}
            yield Laboratory(mode, grid, client, ledger, pairs)


async def try_all(rows: tuple[Row, ...], dialects: frozenset[str] = frozenset(DIALECTS)) -> list[Tried]:
    """Every cell of the rows, in the order of the rows."""

    async def with_markers(mode: Mode, *, markers: bool) -> list[Tried]:
        some = tuple(row for row in rows if row.markers is markers)
        if not some:
            return []
        async with open_laboratory(mode, markers=markers) as laboratory:
            return await laboratory.try_rows(some, dialects)

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(with_markers(mode, markers=markers)) for mode in Mode for markers in (True, False)]
    tried = [one for task in tasks for one in task.result()]
    order = {id(row): number for number, row in enumerate(rows)}
    return sorted(tried, key=lambda one: (order[id(one.cell.row)], one.cell.dialect, one.cell.mode))


def _token_settings(grid: Grid) -> TokenSettings:
    return TokenSettings(
        "testbed",
        TokenKind.CLIENT_CREDENTIALS,
        issuer=grid.issuer.url,
        client_id=grid.issuer.client_id,
        client_secret_file=str(grid.secret_file),
    )
