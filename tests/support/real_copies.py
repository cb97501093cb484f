"""Copies between real XRootD servers with one thing wrong, as data: what is disturbed, and what must be found.

Where a cell names several parties, nobody can tell them apart from where the harness stands; `why` says so.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

from tests.support.house import LIMITS
from tests.support.netns import make_read_only
from tests.support.real_cell import Observation, RealCell
from tests.support.real_world import CLUSTER, KIB, MIB, Bench, Copier, Forge, Pair, World, WorldError
from tests.support.real_xrootd import SOUND, Server, Setup
from tpcharness.model.reason import Reason
from tpcharness.model.result import Result
from tpcharness.model.seams import TokenRequest
from tpcharness.model.settings import TimeLimits
from tpcharness.model.variant import Blame
from tpcharness.testbed.issuer import Issuer
from tpcharness.tokens.roles import Role
from tpcharness.wire.copy_request import Mode

R = Reason
ACTIVE, PASSIVE, PATH, SOURCE, DESTINATION = "active", "passive", "path", "source", "destination"
NOBODY, UNKNOWN = "nobody", "undetermined"

Disturb = Callable[[World, Pair, Sequence[Bench]], Awaitable[None]]
"""Done to the servers of a pair, or to the files of all copies between them."""
MakeSetup = Callable[[World], Setup]


@dataclass(frozen=True, slots=True)
class CopyFault:
    """One thing wrong with one copy.

    `before` happens when seed and directory are there, `during` when half a mebibyte has come to the destination's
    disk. `forged` tokens go to a party instead of good ones. `setups` and `disks` (bytes) say how a party differs from
    a sound server; `cluster` is the party that is a manager with a data server. `far` puts both on hosts of their own,
    of which the passive one's link then carries `bytes_per_second`.
    """

    before: Disturb | None = None
    during: Disturb | None = None
    forged: Mapping[str, Forge] = field(default_factory=dict)
    setups: Mapping[str, MakeSetup] = field(default_factory=dict)
    disks: Mapping[str, int] = field(default_factory=dict)
    cluster: str = ""
    far: bool = False
    bytes_per_second: int = 0
    trusts_strangers: bool = False
    size: int = KIB
    limits: TimeLimits = LIMITS

    async def observe(self, world: World, name: str, mode: Mode) -> list[Result]:
        """The results of the one attempt of each of the world's copiers, ours first."""
        async with AsyncExitStack() as stack:
            pair = await self._pair(world, mode, stack)
            benches = [
                await stack.enter_async_context(self._bench(world, f"{name}.{number}", pair, copier))
                for number, copier in enumerate(world.copiers)
            ]
            for bench in benches:
                await bench.prepare()
            if self.bytes_per_second and pair.hosts:
                await pair.hosts[1].delay(self.bytes_per_second)
            if self.before is not None:
                await self.before(world, pair, benches)
            async with asyncio.TaskGroup() as group:
                copying = [group.create_task(bench.copy()) for bench in benches]
                if self.during is not None:
                    for bench, task in zip(benches, copying, strict=True):
                        await bench.grown(task, MIB // 2)
                    if any(task.done() for task in copying):
                        raise WorldError("one was over before the other had begun")
                    await self.during(world, pair, benches)
            return [task.result() for task in copying]

    def _bench(self, world: World, name: str, pair: Pair, copier: Copier) -> AbstractAsyncContextManager[Bench]:
        return world.bench(
            name,
            pair,
            size=self.size,
            limits=self.limits,
            forges={_role(party, pair.mode): forge for party, forge in self.forged.items()},
            ca_path=world.everybody if self.trusts_strangers else None,
            lookup=world.lookup,
            copier=copier,
        )

    async def _pair(self, world: World, mode: Mode, stack: AsyncExitStack) -> Pair:
        hosts = (await world.network.host(), await world.network.host()) if self.far else None
        servers: dict[str, Server] = {}
        for number, party in enumerate((ACTIVE, PASSIVE)):
            if party == self.cluster:
                servers[party] = await stack.enter_async_context(world.cluster())
                continue
            setup = self.setups[party](world) if party in self.setups else SOUND
            host = hosts[number] if hosts else None
            server = world.server(setup, host=host, disk=self.disks.get(party, 0))
            servers[party] = await stack.enter_async_context(server)
        return Pair(mode, servers[ACTIVE], servers[PASSIVE], hosts)


def _role(party: str, mode: Mode) -> Role:
    return Role.READ if (party == PASSIVE) is (mode is Mode.PULL) else Role.WRITE


# What is wrong with a token


def expired(issuer: Issuer, request: TokenRequest) -> str:
    return issuer.mint(" ".join(request.scopes), request.endpoint.audience, lifetime_seconds=-3600, nbf=0)


def foreign(issuer: Issuer, request: TokenRequest) -> str:
    return issuer.mint(" ".join(request.scopes), request.endpoint.audience, iss="https://elsewhere.invalid/")


def for_another(issuer: Issuer, request: TokenRequest) -> str:
    return issuer.mint(" ".join(request.scopes), "https://elsewhere.invalid")


def for_another_path(issuer: Issuer, request: TokenRequest) -> str:
    scopes = [f"{scope.partition(':')[0]}:/elsewhere" for scope in request.scopes]
    return issuer.mint(" ".join(scopes), request.endpoint.audience)


def with_modify(issuer: Issuer, request: TokenRequest) -> str:
    """With more rights than we ask for: XRootD 5.5.3 looks at a file only for who may also overwrite it."""
    paths = {scope.partition(":")[2] for scope in request.scopes}
    more = (f"{right}:{path}" for right in ("storage.modify", "storage.read") for path in paths)
    return issuer.mint(" ".join((*request.scopes, *more)), request.endpoint.audience)


# What is done to servers and their files


def signalled(number: signal.Signals, party: str) -> Disturb:
    async def disturb(world: World, pair: Pair, _benches: Sequence[Bench]) -> None:
        world.xrootd.signal(pair.active if party == ACTIVE else pair.passive, number)

    return disturb


async def passive_down(world: World, pair: Pair, _benches: Sequence[Bench]) -> None:
    await world.xrootd.stop(pair.passive)


async def read_only(_world: World, pair: Pair, _benches: Sequence[Bench]) -> None:
    await make_read_only(pair.destination.data_dir)


def certificate(**wrong: Any) -> Disturb:
    """The passive server comes back with another certificate."""

    async def disturb(world: World, pair: Pair, _benches: Sequence[Bench]) -> None:
        files = world.authority.issue(f"{pair.passive.name}-again", **wrong)
        await world.xrootd.restart(pair.passive, Setup(certificate=files))

    return disturb


def firewall(rule: str, **more: int) -> Disturb:
    """The passive host treats the active one badly: drop, reject, reset."""

    async def disturb(_world: World, pair: Pair, _benches: Sequence[Bench]) -> None:
        assert pair.hosts is not None
        active, passive = pair.hosts
        await getattr(passive, rule)(active, **more)

    return disturb


def each(disturb: Callable[[Bench], None]) -> Disturb:
    """Done to the files of every copy."""

    async def disturb_all(_world: World, _pair: Pair, benches: Sequence[Bench]) -> None:
        for bench in benches:
            disturb(bench)

    return disturb_all


@each
def source_removed(bench: Bench) -> None:
    bench.source_file.unlink()


@each
def source_unreadable(bench: Bench) -> None:
    bench.source_file.chmod(0)


@each
def source_shortened(bench: Bench) -> None:
    os.truncate(bench.source_file, bench.size // 2)


@each
def source_spoilt(bench: Bench) -> None:
    with bench.source_file.open("r+b") as file:
        file.write(b"spoilt")
    os.utime(bench.source_file, (0, 0))  # or XRootD goes on telling the checksum that it has kept


@each
def destination_removed(bench: Bench) -> None:
    bench.destination_file.unlink()


@each
def destination_there(bench: Bench) -> None:
    bench.destination_file.write_bytes(b"somebody else's")
    bench.destination_file.chmod(0o666)


@each
def destination_is_directory(bench: Bench) -> None:
    bench.destination_file.mkdir(mode=0o777)


@each
def parent_missing(bench: Bench) -> None:
    bench.destination_file.parent.rmdir()


@each
def directory_unwritable(bench: Bench) -> None:
    bench.destination_file.parent.chmod(0o555)


# What is wrong with a server from the beginning


def setup(**fields: Any) -> MakeSetup:
    return lambda _world: Setup(**fields)


def from_strangers(world: World) -> Setup:
    return Setup(certificate=world.strangers.issue(f"stranger-{world.new_number()}"))


def redirector(world: World) -> Setup:
    return Setup(
        audience=CLUSTER,
        extra=(f"xrootd.redirect localhost:{world.data.port} all", f"xrootd.redirect localhost:{world.data.port} /"),
    )


def _blame(party: str, mode: Mode) -> Blame:
    active, passive = (Blame.DESTINATION, Blame.SOURCE) if mode is Mode.PULL else (Blame.SOURCE, Blame.DESTINATION)
    return {ACTIVE: active, PASSIVE: passive}.get(party) or Blame(party)


def cell(name: str, mode: Mode, fault: CopyFault, reason: Reason, *parties: str, why: str = "") -> RealCell:
    """A cell; the parties are named by what they are in a copy of that mode."""
    name = f"{name}-{mode}"
    blames = frozenset(_blame(party, mode) for party in parties)

    async def observe(world: World) -> Observation:
        result, *beside = await fault.observe(world, name, mode)
        return Observation(result, tuple(beside))

    return RealCell(name, mode, reason, blames, why, observe)


def both(name: str, fault: CopyFault, reason: Reason, *parties: str, why: str = "") -> tuple[RealCell, ...]:
    """The same to be found in either mode."""
    return tuple(cell(name, mode, fault, reason, *parties, why=why) for mode in Mode)
