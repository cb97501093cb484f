"""The pages for people: matrix, endpoint, link, probe, configuration. Made on the server, kept fresh by `live.js`.

Nothing here decides; what is shown of a storage goes through `shown`, which leaves no secret and nothing invisible in
it, and through the template, which escapes it.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import web
from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

from tpcharness import __version__
from tpcharness.daemon.running import Running
from tpcharness.daemon.web import addresses
from tpcharness.daemon.web.absent import no_link_with_itself, no_such, why_never
from tpcharness.daemon.web.configuration_text import settings_shown
from tpcharness.daemon.web.grid import DOWNTIME, DOWNTIME_MARK, Choice, draw, mark_of
from tpcharness.daemon.web.remedy import remedy
from tpcharness.daemon.web.result_view import ResultView, tested
from tpcharness.daemon.web.sending import Sheet, send, send_sheet, sheet
from tpcharness.daemon.web.sight import Look, Sight
from tpcharness.daemon.web.state import state_of
from tpcharness.daemon.web.timeline import timeline
from tpcharness.daemon.web.workshop import WORKSHOP
from tpcharness.export.alone import alone_table
from tpcharness.export.alphabet import UNICODE
from tpcharness.export.failure_text import alarming
from tpcharness.export.protocols import capitals_of, contrasts_among
from tpcharness.export.quantities import count_text, duration_text, rate_text, size_text
from tpcharness.export.report_cells import shown
from tpcharness.export.standing import BAD, STATE_WORDS, count_states, standings, tell, verdict
from tpcharness.model.result import Result
from tpcharness.model.variant import Variant
from tpcharness.results.history import HistoryQuery, RollupQuery, Step
from tpcharness.results.store import Cell, CellState

MOST_RESULTS = 40
MOST_FINDINGS = 200
MOST_CHOICES = 8
MOST_CONTRASTS = 50
_HTML = "text/html; charset=utf-8"
_HOURS, _DAYS = timedelta(days=7), timedelta(days=90)
_STATE_WORDS = {state.value: word for state, word in STATE_WORDS.items()} | {DOWNTIME: "in downtime"}
_STATE_MARKS = {state.value: "" if state in BAD else UNICODE.states[state] for state in CellState} | {
    DOWNTIME: DOWNTIME_MARK
}


class Pages:
    """The handlers. `running` is asked on the loop; templates are rendered in a thread, from values that stand."""

    def __init__(self, running: Running, sight: Sight) -> None:
        self._running = running
        self._sight = sight
        self._environment = environment()
        self._drawn: dict[Choice, tuple[Look, asyncio.Task[Sheet]]] = {}

    async def matrix(self, request: web.Request) -> web.StreamResponse:
        """`/`: who has to act, then the endpoints, then the matrix."""
        choice = _choice(request)
        look = await self._sight.look()
        known = self._drawn.get(choice)
        if known is None or known[0] is not look or _failed(known[1]):
            task = asyncio.create_task(WORKSHOP.make(self._matrix, look, choice, state_of(self._running)))
            # What others have asked for of a former look would keep all that it knew in memory.
            self._drawn = {other: each for other, each in self._drawn.items() if each[0] is look}
            if len(self._drawn) >= MOST_CHOICES:
                self._drawn.clear()
            self._drawn[choice] = known = look, task
        return await send_sheet(request, await asyncio.shield(known[1]), _HTML)

    def _matrix(self, look: Look, choice: Choice, state: dict[str, Any]) -> Sheet:
        sites = {facts.name: facts.site for facts in look.endpoints}
        offered = {variant for _, _, variant in self._running.offers if variant.of_link}
        typical = look.typical_results()
        told = [
            tell(finding, sites, typical.get(finding), addresses.probe_path)
            for finding in look.findings[:MOST_FINDINGS]
        ]
        body = self._render(
            "matrix.html",
            state=state,
            look=look,
            title=verdict(
                look.cells,
                look.doors.values(),
                look.findings,
                explained=look.explained,
                unconfirmed=look.unconfirmed,
            ),
            states=[
                (word, each.value, number)
                for each, word in STATE_WORDS.items()
                if (number := count_states(look.cells, each))
            ]
            + ([(_STATE_WORDS[DOWNTIME], DOWNTIME, len(look.resting))] if look.resting else []),
            findings=[each for each in told if not each.single],
            singles=[each for each in told if each.single],
            endpoints=standings(look.endpoints, look.doors, look.cells, addresses.endpoint_path),
            drawn=(drawn := draw(look, choice)),
            letters=capitals_of(drawn.variants) if drawn.merged else [],
            alone=alone_table(_alone(look), addresses.endpoint_path),
            contrasts=contrasts_among((*look.doors.values(), *_alone(look), *look.cells)),
            most_contrasts=MOST_CONTRASTS,
            choice=choice,
            all_variants=[each for each in Variant if each in offered],
        )
        return sheet(body)

    async def endpoint(self, request: web.Request) -> web.StreamResponse:
        """`/endpoints/{name}`: its door, both roles, and our manners towards it."""
        name = request.match_info["name"]
        endpoint = self._running.config.endpoints.get(name)
        if endpoint is None:
            raise web.HTTPNotFound(text=no_such("endpoint", name, self._running.config.endpoints))
        running, look = self._running, await self._sight.look()
        now = running.clock.now()
        seconds = now.timestamp()
        door = running.latest.door(name, now=now)
        partners, typical = await WORKSHOP.make(lambda: (_partners(look, name), look.typical_results()))
        paused = running.schedule.paused_until(name, seconds)
        used_bytes, used_transfers = running.schedule.used(name, seconds)
        found = await running.history.result(*_ids(door.worst)) if door is not None else None
        body = await WORKSHOP.make(
            self._render,
            "endpoint.html",
            state=state_of(running),
            look=look,
            endpoint=endpoint,
            door=None if door is None else ResultView(found or door.worst, complete=found is not None),
            door_state="" if door is None else door.state.value,
            downtime=look.downtimes.get(name),
            paused=None if paused is None else datetime.fromtimestamp(paused, UTC),
            used_bytes=used_bytes,
            used_transfers=used_transfers,
            certificates=[] if door is None else door.worst.evidence.tls,
            now=now,
            roles=[(role, sorted(cells, key=_rank, reverse=True)) for role, cells in partners.items()],
            findings=[
                tell(finding, {name: endpoint.site}, typical.get(finding), addresses.probe_path)
                for finding in look.findings
                if name in (*finding.culprits, *finding.sources, *finding.destinations)
            ],
            leftovers=running.leftovers().get(name, 0),
        )
        return await send(request, body, _HTML)

    async def link(self, request: web.Request) -> web.StreamResponse:
        """`/links/{source}/{destination}`: now, the last results, and how it was before."""
        running = self._running
        source, destination = request.match_info["source"], request.match_info["destination"]
        known = running.config.endpoints
        for name in (source, destination):
            if name not in known:
                raise web.HTTPNotFound(text=no_such("endpoint", name, known))
        if source == destination:
            raise web.HTTPNotFound(text=no_link_with_itself(source))
        now = running.clock.now()
        variants = [
            (cell, [ResultView(result, complete=False) for result in cell.results])
            for variant in Variant
            if variant.of_link and (cell := running.latest.cell(source, destination, variant, now=now)) is not None
        ]
        page = await running.history.results(HistoryQuery(source=source, destination=destination, limit=MOST_RESULTS))
        look = await self._sight.look()
        body = await WORKSHOP.make(
            self._render,
            "link.html",
            state=state_of(running),
            look=look,
            source=known[source],
            destination=known[destination],
            variants=variants,
            results=page.results,
            more=page.next is not None,
            timelines=await self._timelines(source, destination, [cell.variant for cell, _ in variants], now),
            downtimes=[(each, look.downtimes[each]) for each in (source, destination) if each in look.downtimes],
            never="" if variants else why_never(running, source, destination),
        )
        return await send(request, body, _HTML)

    async def _timelines(
        self, source: str, destination: str, variants: list[Variant], now: datetime
    ) -> list[tuple[Variant, str, Any]]:
        found = []
        for variant in variants:
            for span, step, width in ((_HOURS, Step.HOUR, timedelta(hours=1)), (_DAYS, Step.DAY, timedelta(days=1))):
                until = datetime.fromtimestamp(
                    (now.timestamp() // width.total_seconds() + 1) * width.total_seconds(), UTC
                )
                query = RollupQuery(
                    source=source, destination=destination, variant=variant, since=until - span, until=until, step=step
                )
                rollups = await self._running.history.rollups(query)
                if rollups:
                    words = "7 days, by the hour" if step is Step.HOUR else "90 days, by the day"
                    found.append((variant, words, timeline(rollups, until - span, until, width)))
        return found

    async def probe(self, request: web.Request) -> web.StreamResponse:
        """`/probes/{run_id}/{probe_id}`: the whole story of one attempt."""
        run_id, probe_id = request.match_info["run_id"], request.match_info["probe_id"]
        attempt = request.query.get("attempt", "")
        if attempt and not (attempt.isascii() and attempt.isdigit() and len(attempt) < 6):
            raise web.HTTPBadRequest(text="attempt is a number from 1 on.\n")
        result = await self._running.history.result(run_id, probe_id, int(attempt) if attempt else None)
        complete = result is not None
        if result is None:  # so new that the history has not written it yet
            look = await self._sight.look()
            result = await WORKSHOP.make(_by_id, look, run_id, probe_id)
        if result is None:
            raise web.HTTPNotFound(text="No such probe is known, or it is too long ago.\n")
        view = ResultView(result, complete=complete)
        body = await WORKSHOP.make(self._render, "probe.html", state=state_of(self._running), view=view)
        return await send(request, body, _HTML)

    async def configuration(self, request: web.Request) -> web.StreamResponse:
        """`/config`: every effective setting and where it comes from; secrets masked."""
        settings = await WORKSHOP.make(settings_shown, self._running.config)
        body = await WORKSHOP.make(
            self._render,
            "config.html",
            state=state_of(self._running),
            settings=settings,
            path=str(self._running.config.path),
        )
        return await send(request, body, _HTML)

    def message(self, status: int, reason: str, text: str) -> bytes:
        """A refusal, as a page. It may go to somebody unknown, so it says nothing of the service."""
        state = {"harness": "", "now": self._running.clock.now(), "warnings": ()}
        return self._render("message.html", state=state, status=status, reason=reason, text=text)

    def _render(self, template: str, **values: Any) -> bytes:
        text = self._environment.get_template(template).render(version=__version__, **values)
        return text.encode("utf-8", "replace")


def environment() -> Environment:
    """Templates of this room, and the parts that they share with the report."""
    made = Environment(
        loader=ChoiceLoader(
            [PackageLoader("tpcharness.daemon.web", "templates"), PackageLoader("tpcharness.export", "assets")]
        ),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(
        shown=shown,
        count=count_text,
        size=size_text,
        rate=rate_text,
        duration=duration_text,
        moment=_moment,
        state_word=lambda state: _STATE_WORDS.get(state, "no result"),
        state_mark=lambda state: _STATE_MARKS.get(state, ""),
        letter=mark_of,
    )
    made.globals.update(
        endpoint_path=addresses.endpoint_path,
        link_path=addresses.link_path,
        probe_path=addresses.probe_path,
        subject_path=addresses.subject_path,
        view=ResultView,
        bad=BAD,
        remedy=remedy,
    )
    made.tests.update(tried=tested, alarming=alarming)
    return made


def _moment(moment: datetime | None) -> str:
    return "" if moment is None else moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _failed(task: asyncio.Task[Sheet]) -> bool:
    return task.done() and (task.cancelled() or task.exception() is not None)


def _choice(request: web.Request) -> Choice:
    asked = request.query
    known = {variant.value: variant for variant in Variant if variant.of_link}
    variants = tuple(known[name] for name in known if name in asked.getall("variant", []))
    order = asked.get("order", "worst")
    return Choice(
        asked.get("sources", "")[:200],
        asked.get("destinations", "")[:200],
        variants,
        order if order in ("worst", "given", "name") else "worst",
    )


def _alone(look: Look) -> list[Cell]:
    return [cell for cells in look.alone.values() for cell in cells]


def _rank(cell: Any) -> int:
    return list(CellState).index(cell.state)


def _partners(look: Look, name: str) -> dict[str, list[Any]]:
    cells = (*look.cells, *look.resting)
    return {role: [cell for cell in cells if getattr(cell.subject, role) == name] for role in ("source", "destination")}


def _ids(result: Result) -> tuple[str, str, int]:
    return result.run_id, result.probe_id, result.attempt


def _by_id(look: Look, run_id: str, probe_id: str) -> Result | None:
    for cell in (*look.cells, *look.resting, *look.doors.values(), *_alone(look)):
        for result in cell.results:
            if (result.run_id, result.probe_id) == (run_id, probe_id):
                return result
    return None
