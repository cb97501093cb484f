"""A service whose matrix is a mesh from paper: real stores, history, schedule and pages, and no probes under way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from tests.browser.meshes import Mesh
from tests.support.clocks import FixedClock
from tpcharness.assembly import limits_of, probe_ids
from tpcharness.config.configuration import Config
from tpcharness.config.load import load_config
from tpcharness.daemon.logs import set_level
from tpcharness.daemon.recorder import Recorder
from tpcharness.daemon.reload import prepare
from tpcharness.daemon.running import ReloadState, Running
from tpcharness.daemon.web.app import serve
from tpcharness.diagnosis.findings import find
from tpcharness.engine.schedule import Schedule
from tpcharness.engine.service import Service
from tpcharness.export.metrics.self_metrics import SelfMetrics
from tpcharness.model.endpoint import Endpoint, Link
from tpcharness.model.progress import Event
from tpcharness.model.result import Result
from tpcharness.model.seams import ProbeContext
from tpcharness.model.variant import Variant
from tpcharness.payload.ledger import Ledger
from tpcharness.results.counters import Counters
from tpcharness.results.history import open_history
from tpcharness.results.latest import Key, LatestStore
from tpcharness.tokens.desk import TokenRecord


class _Deaf:
    def notice(self, event: Event) -> None:
        pass


@dataclass
class PaperProbe:
    """Answers with what the mesh knows of the subject, as soon as `go` is set."""

    variant: Variant
    mesh: Mesh
    go: asyncio.Event

    async def run(self, subject: Endpoint | Link, context: ProbeContext) -> Result:
        await self.go.wait()
        found = next(
            result
            for result in self.mesh.store.results()
            if result.subject == subject.subject and result.variant is self.variant
        )
        return replace(
            found, run_id=context.run_id, probe_id=context.probe_id, started_at=context.clock.now(), attempt=1
        )


@dataclass
class Paper:
    """A paper service. `reloads` counts how often it was asked to read its file again, `ok` is what it then says."""

    running: Running
    clock: FixedClock
    recorder: Recorder
    go: asyncio.Event
    reloads: int = 0
    ok: bool = True
    levels: list[str] = field(default_factory=list)

    async def add(self, *results: Result) -> None:
        for result in results:
            self.recorder.add(result)
        await self.running.history.flush()
        results = self.running.latest.results()
        self.running.findings, self.running.explained = find(results), failing(results)

    async def reload(self) -> ReloadState:
        self.reloads += 1
        errors = () if self.ok else ("endpoints.toml:3: error: endpoints.X.https is missing; write it",)
        now = self.clock.now()
        state = ReloadState(self.ok, now, errors, self.running.reload_state.succeeded_at)
        self.running.reload_state = state
        return state

    def set_level(self, level: str) -> None:
        set_level(level)
        self.levels.append(level)


def failing(results: Iterable[Result]) -> frozenset[Key]:
    return frozenset((each.subject, each.variant) for each in results if each.outcome in ("failure", "error"))


def config_of(
    mesh: Mesh, folder: Path, *, daemon: str = "", more: str = "", harness: str = "", probes: str = ""
) -> Config:
    """A configuration whose endpoints are those of the mesh."""
    secret = folder / "client-secret-4711"
    secret.write_text("very-secret-word")
    secret.chmod(0o600)
    lines = [
        '[harness]\nname = "dteam-ops"\n',
        f'state_dir = "{folder / "state"}"\n{harness}\n',
        '[tokens.dteam]\nkind = "client-credentials"\nissuer = "https://iam.example/"\nclient_id = "ops"\n',
        f'client_secret_file = "{secret}"\n',
    ]
    for site in mesh.sites:
        url = site.base.partition("/tpcharness/")[0]
        lines.append(f'[endpoints."{site.name}"]\nsite = "{site.name.split("_")[0].title()}"\nhttps = "{url}"\n')
        lines.append('tokens = "dteam"\nbytes_per_day = "10GiB"\n')
    lines.append('[[probes]]\nvariant = ["https-pull", "https-push"]\ninterval = "6h"\n' + f"{probes}\n")
    lines.append(f"[daemon]\n{daemon}\n{more}")
    file = folder / "endpoints.toml"
    file.write_text("".join(lines))
    config = load_config(file, environ={})
    assert isinstance(config, Config), config.text
    return config


@asynccontextmanager
async def paper_service(mesh: Mesh, folder: Path, *, confirmed: bool = True, **words: str) -> AsyncIterator[Paper]:
    """A service that knows the mesh's results; its clock stands a minute after the mesh's end."""
    config = config_of(mesh, folder, **words)
    state_dir = Path(config.harness.state_dir)
    state_dir.mkdir(exist_ok=True)
    clock = FixedClock(mesh.run.ended_at or mesh.run.started_at)
    clock.forward(60)
    now = clock.now()
    async with (
        open_history(config.history, state_dir, clock) as history,
        Ledger(state_dir / "ledger.jsonl") as ledger,
    ):
        prepared = prepare(config)
        schedule, counters, metrics = Schedule(config.daemon), Counters(), SelfMetrics()
        latest = LatestStore(config.endpoints, stale_after=schedule.stale_after_seconds)
        latest.retain(prepared.keys)
        schedule.replace(prepared.scheduled, now.timestamp())
        recorder = Recorder(history, latest, counters, metrics)
        results = mesh.store.results()
        for result in results:
            recorder.add(result)
        schedule.restore(results, now.timestamp())
        for result in results * config.daemon.confirmations if confirmed else ():
            schedule.confirmations.see(result)
        go = asyncio.Event()
        go.set()
        probes = {variant: PaperProbe(variant, mesh, go) for variant in Variant}
        still = FixedClock(mesh.run.started_at)  # for it nothing ever becomes due
        service = Service(schedule, probes, limits_of(config), recorder, _Deaf(), still, probe_ids(), "run-2")
        running = Running(
            config=config,
            run_id="run-2",
            started_at=mesh.run.started_at,
            clock=clock,
            schedule=schedule,
            service=service,
            latest=latest,
            counters=counters,
            history=history,
            self_metrics=metrics,
            ledger=ledger,
            token_record=TokenRecord(),
            reload_state=ReloadState(ok=True, at=now, errors=(), succeeded_at=now),
            reloader=lambda: paper.reload(),  # noqa: PLW0108 - it comes after
            log_level_setter=lambda level: paper.set_level(level),  # noqa: PLW0108
            offers=prepared.offers,
            findings=find(results) if confirmed else (),
            explained=failing(results if confirmed else ()),
            ready=True,
        )
        paper = Paper(running, clock, recorder, go)
        await history.flush()
        stop = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            group.create_task(service.run(stop, stop_seconds=1))
            await asyncio.sleep(0)
            yield paper
            stop.set()


@asynccontextmanager
async def paper_site(
    mesh: Mesh, folder: Path, *, web_config: str = "", listen: str = "127.0.0.1:0", **choices: object
) -> AsyncIterator[tuple[Paper, str]]:
    """A paper service and the URL of its pages."""
    async with paper_service(mesh, folder, **choices) as paper, serve(paper.running, listen, web_config) as url:  # type: ignore[arg-type]
        yield paper, url
