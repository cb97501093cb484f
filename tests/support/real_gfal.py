"""The faults of real storages, each met by gfal2 and our own copies at the same time and between the same two servers.

seen = asyncio.run(observe_both(PULL_CELLS))
wrong = {cell.name: text for cell in PULL_CELLS if (text := contradiction(seen[cell.name]))}
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from tests.support.house import LIMITS
from tests.support.real_cell import RealCell
from tests.support.real_cells import COPY_CELLS
from tests.support.real_faults import CONCURRENCY, RealFaultsError, Seen, main, observed_by, tell_all
from tests.support.real_world import Copier, Pair, Parts, open_world
from tpcharness.model.result import Exchange, Hop
from tpcharness.model.seams import Probe
from tpcharness.model.variant import Phase, Variant
from tpcharness.net.trust import Trust
from tpcharness.net.xroot import XrootClient
from tpcharness.payload.errands import Errands
from tpcharness.probes.control import Control
from tpcharness.probes.gfal_copy import GfalCopyProbe, GfalSettings
from tpcharness.probes.root_ability import RootAbility
from tpcharness.probes.servers import ServerBook
from tpcharness.wire.copy_request import Mode
from tpcharness.workers.pool import WorkerPool

PULL_CELLS: tuple[RealCell, ...] = tuple(cell for cell in COPY_CELLS if cell.mode is Mode.PULL)


class Both(NamedTuple):
    """What was seen of one fault by `https-pull` and by `gfal-davs-davs`."""

    ours: Seen
    gfal: Seen

    @property
    def same(self) -> bool:
        """Whether both name the same reasons and parties."""
        return _causes(self.ours) == _causes(self.gfal)


def contradiction(both: Both) -> str:
    """How the two verdicts exclude each other; empty if they agree or one leaves open what the other names."""
    if _causes(both.ours) & _causes(both.gfal):
        return ""
    return "\n".join(f"{seen.variant}: {seen.reason} {sorted(_causes(seen))}\nhint: {seen.hint}" for seen in both)


async def observe_both(cells: Sequence[RealCell] = PULL_CELLS) -> dict[str, Both]:
    """What both find in each of the cells, by name; raises RealFaultsError when the child ends before, or when a cell
    broke before anything was seen.
    """
    rows = await observed_by(__name__, cells)
    if broken := [f"{row.name}:\n{row.broken}" for row in rows if row.broken]:
        raise RealFaultsError("\n".join(broken))
    seen = {(row.name, row.variant): row for row in rows}
    return {
        cell.name: Both(seen[cell.name, Variant.HTTPS_PULL], seen[cell.name, Variant.GFAL_DAVS_DAVS]) for cell in cells
    }


def _causes(seen: Seen) -> set[tuple[str, str]]:
    return {(reason, blame) for reason, blame in seen.causes}


def _gfal_copier(pool: WorkerPool, xroot: XrootClient) -> Copier:
    def make(pair: Pair, parts: Parts, ca_path: str) -> Probe:
        control = Control(Errands(parts.client, parts.tokens), parts.payload, parts.verifier)
        settings = GfalSettings(parts.limits, "faults/1", ca_path)
        servers = ServerBook()
        told = Hop(pair.link.destination.host, 200, "XrootD/v5.5.3")  # by its door, which is looked at before
        servers.learn(
            pair.link.destination, [Exchange(Phase.CONNECT, "HEAD", pair.link.destination.https, hops=(told,))]
        )
        return GfalCopyProbe(
            Variant.GFAL_DAVS_DAVS,
            pool,
            parts.tokens,
            parts.payload,
            parts.names,
            control,
            parts.verifier,
            servers,
            RootAbility(xroot, parts.tokens),
            settings,
        )

    return make


async def _observe_here(directory: Path, cells: Sequence[RealCell]) -> None:
    async with (
        WorkerPool(max_workers=CONCURRENCY) as pool,
        XrootClient(program="tests", limits=LIMITS, trust=Trust()) as xroot,
        open_world(directory, _gfal_copier(pool, xroot)) as world,
    ):
        await tell_all(world, cells)


if __name__ == "__main__":
    main(_observe_here)
