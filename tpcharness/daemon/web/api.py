"""`/api/v1`: the same as the pages, for programs. What the answers look like is written in `openapi`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from aiohttp import web

from tpcharness.config.problems import nearest
from tpcharness.daemon.running import Running
from tpcharness.daemon.web.absent import MOST_NAME, no_such
from tpcharness.daemon.web.openapi import openapi_document, openapi_text
from tpcharness.daemon.web.sending import send, send_sheet, sheet
from tpcharness.daemon.web.sight import Look, Sight
from tpcharness.daemon.web.state import state_of
from tpcharness.daemon.web.workshop import WORKSHOP
from tpcharness.export.document import finding_document, to_json
from tpcharness.model.downtime import Downtime
from tpcharness.model.endpoint import Endpoint, LinkSubject
from tpcharness.model.finding import Finding
from tpcharness.model.secret import redact
from tpcharness.model.variant import Outcome, Variant
from tpcharness.results.history import HistoryQuery, Rollup, RollupQuery, Step
from tpcharness.results.record import moment_text, result_document, subject_document
from tpcharness.results.store import Cell

JSON = "application/json"
MOST_STEPS = 20_000

Document = dict[str, Any]
T = TypeVar("T")


class Api:
    """The handlers. Documents are built in threads, from values that stand."""

    def __init__(self, running: Running, sight: Sight) -> None:
        self._running = running
        self._sight = sight

    async def routes(self, request: web.Request) -> web.StreamResponse:
        """What can be asked here."""
        paths = openapi_document()["paths"]
        routes = [{"path": path, "summary": way["get"]["summary"]} for path, way in paths.items()]
        return await _answer(request, lambda: {"routes": routes})

    async def status(self, request: web.Request) -> web.StreamResponse:
        """How the service itself is."""
        return await _answer(request, lambda: state_of(self._running), in_thread=False)

    async def endpoints(self, request: web.Request) -> web.StreamResponse:
        """Every endpoint: its door, and what we do to it."""
        look = await self._sight.look()
        found = [self._endpoint(endpoint, look) for endpoint in self._running.config.endpoints.values()]
        return await _answer(request, lambda: {"at": look.at, "endpoints": found})

    async def endpoint(self, request: web.Request) -> web.StreamResponse:
        """One of them; for an unknown name the nearest."""
        name, known = request.match_info["name"], self._running.config.endpoints
        if name not in known:
            told = {
                "error": no_such("endpoint", name, known).strip(),
                "nearest": nearest(name[:MOST_NAME], known) or None,
            }
            raise web.HTTPNotFound(text=to_json(told), content_type=JSON)
        look = await self._sight.look()
        found = self._endpoint(known[name], look)
        return await _answer(request, lambda: {"at": look.at} | found)

    def _endpoint(self, endpoint: Endpoint, look: Look) -> Document:
        running = self._running
        now = running.clock.now().timestamp()
        paused = running.schedule.paused_until(endpoint.name, now)
        used_bytes, used_transfers = running.schedule.used(endpoint.name, now)
        downtime, door = look.downtimes.get(endpoint.name), look.doors.get(endpoint.name)
        return {
            "name": endpoint.name,
            "site": endpoint.site,
            "host": endpoint.host,
            "door": None if door is None else _cell(door),
            "alone": [_cell(cell) for cell in look.alone.get(endpoint.name, ())],
            "downtime": None if downtime is None else _downtime(downtime),
            "paused_until": None if paused is None else datetime.fromtimestamp(paused, UTC),
            "used_bytes": used_bytes,
            "used_transfers": used_transfers,
            "bytes_per_day": endpoint.bytes_per_day,
            "transfers_per_day": endpoint.transfers_per_day,
        }

    async def links(self, request: web.Request) -> web.StreamResponse:
        """Every cell of the matrix of which something is known."""
        look = await self._sight.look()
        wanted = _matcher(request)

        def document() -> Document:
            cells = [_cell(cell) for cell in look.cells if wanted(cell)]
            cells += [_cell(cell) | {"state": "downtime"} for cell in look.resting if wanted(cell)]
            return {"at": look.at, "links": cells}

        return await _answer(request, document)

    async def findings(self, request: web.Request) -> web.StreamResponse:
        """Who has to act: the findings of confirmed states."""
        look = await self._sight.look()
        return await _answer(
            request,
            lambda: {
                "at": look.at,
                "unconfirmed": look.unconfirmed,
                "findings": [_finding(finding) for finding in look.findings],
            },
        )

    async def results(self, request: web.Request) -> web.StreamResponse:
        """Results from the history, newest first, without evidence."""
        asked = request.query
        with _complaints():
            query = HistoryQuery(
                source=asked.get("source"),
                destination=asked.get("destination"),
                endpoint=asked.get("endpoint"),
                variant=_variant(request),
                outcomes=tuple(_word("outcome", text, Outcome) for text in asked.getall("outcome", [])),
                since=_moment(request, "since"),
                until=_moment(request, "until"),
                limit=_number(request, "limit", 100),
                before=asked.get("before"),
            )
        page = await self._running.history.results(query)
        return await _answer(
            request, lambda: {"results": [result_document(each) for each in page.results], "next": page.next}
        )

    async def result(self, request: web.Request) -> web.StreamResponse:
        """One result with all its evidence."""
        with _complaints():
            attempt = _number(request, "attempt", 0) or None
        found = await self._running.history.result(
            request.match_info["run_id"], request.match_info["probe_id"], attempt
        )
        if found is None:
            raise web.HTTPNotFound(text="No such result is known.\n")
        return await _answer(request, lambda: result_document(found))

    async def rollups(self, request: web.Request) -> web.StreamResponse:
        """Counts by hour or day."""
        now = self._running.clock.now()
        with _complaints():
            step = _word("step", request.query.get("step", Step.HOUR.value), Step)
            span = timedelta(days=7 if step is Step.HOUR else 90)
            until = _moment(request, "until") or now
            since = _moment(request, "since") or until - span
            if (until - since) / timedelta(hours=1 if step is Step.HOUR else 24) > MOST_STEPS:
                raise ValueError(f"since and until: at most {MOST_STEPS:,} steps of one {step.value} at a time")
            query = RollupQuery(
                source=request.query.get("source"),
                destination=request.query.get("destination"),
                variant=_variant(request),
                since=since,
                until=until,
                step=step,
            )
        found = await self._running.history.rollups(query)
        return await _answer(
            request,
            lambda: {"since": since, "until": until, "step": step.value, "rollups": [_rollup(each) for each in found]},
        )

    async def downtimes(self, request: web.Request) -> web.StreamResponse:
        """The downtimes that last now, by endpoint."""
        look = await self._sight.look()
        return await _answer(
            request,
            lambda: {
                "at": look.at,
                "downtimes": [
                    {"endpoint": name, **_downtime(downtime)} for name, downtime in sorted(look.downtimes.items())
                ],
            },
        )

    async def openapi(self, request: web.Request) -> web.StreamResponse:
        """What all this looks like, as an OpenAPI document."""
        return await send(request, (await WORKSHOP.make(openapi_text)).encode(), JSON)


async def _answer(request: web.Request, make: Callable[[], Document], *, in_thread: bool = True) -> web.StreamResponse:
    def text() -> bytes:
        return b"".join(_pieces(_plain(make())))

    if not in_thread:
        return await send(request, text(), JSON)
    return await send_sheet(request, await WORKSHOP.make(lambda: sheet(text())), JSON)


def _pieces(document: Document) -> Iterator[bytes]:
    """The JSON of a document, its lists item by item: one call for all of a mesh would hold every thread."""
    before = b"{"
    for key, value in document.items():
        yield before + to_json(key).encode() + b":"
        before = b","
        if not isinstance(value, list):
            yield to_json(value).encode()
            continue
        yield b"["
        for number, item in enumerate(value):
            yield (b"," if number else b"") + to_json(item).encode()
        yield b"]"
    yield b"}"


def _plain(value: Any) -> Any:
    """Times as texts, all the way down."""
    if isinstance(value, datetime):
        return moment_text(value)
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, list) else value


def _cell(cell: Cell) -> Document:
    worst = cell.worst
    return {
        "subject": subject_document(cell.subject),
        "variant": cell.variant.value,
        "state": cell.state.value,
        "reason": worst.reason.value,
        "code": worst.code,
        "blame": worst.blame.value,
        "started_at": worst.started_at,
        "throughput": worst.throughput,
        "run_id": worst.run_id,
        "probe_id": worst.probe_id,
        "attempt": worst.attempt,
        "sizes": [result.size_bytes for result in cell.results],
    }


def _finding(finding: Finding) -> Document:
    return finding_document(finding) | {"sentence": redact(finding.sentence)}


def _downtime(downtime: Downtime) -> Document:
    return {
        "start": downtime.start,
        "end": downtime.end,
        "text": redact(downtime.text),
        "origin": redact(downtime.origin),
    }


def _rollup(rollup: Rollup) -> Document:
    document = asdict(rollup)
    reasons = {reason.value: count for reason, count in rollup.reasons.items()}
    return document | {"variant": rollup.variant.value, "reasons": reasons}


def _matcher(request: web.Request) -> Callable[[Cell], bool]:
    """Whether a link cell is asked for: by exact names, variant and state."""
    source, destination, state = (request.query.get(name) for name in ("source", "destination", "state"))
    with _complaints():
        variant = _variant(request)

    def wanted(cell: Cell) -> bool:
        subject = cell.subject
        return (
            isinstance(subject, LinkSubject)
            and source in (None, subject.source)
            and destination in (None, subject.destination)
            and variant in (None, cell.variant)
            and state in (None, cell.state.value)
        )

    return wanted


class _complaints:  # noqa: N801 - stands in a with statement
    """A ValueError about what was asked becomes the client's mistake, with its words."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, ValueError):
            raise web.HTTPBadRequest(text=f"{error}\n") from None


def _variant(request: web.Request) -> Variant | None:
    text = request.query.get("variant")
    return None if text is None else _word("variant", text, Variant)


def _word(name: str, text: str, choices: type[T]) -> T:
    """One of an enum's words. Raises ValueError that names them all."""
    members: Iterable[Any] = choices  # type: ignore[assignment]
    for member in members:
        if member.value == text:
            found: T = member
            return found
    raise ValueError(f"{name} {text[:60]!r}: expected one of {', '.join(member.value for member in members)}")


def _moment(request: web.Request, name: str) -> datetime | None:
    text = request.query.get(name)
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{name} {text[:60]!r}: expected a time like 2026-11-22T14:00:00Z") from None
    if not 1 < found.year < 9999:  # at the edges of time no zone and no span can be counted
        raise ValueError(f"{name} {text[:60]!r}: expected a year of our time")
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def _number(request: web.Request, name: str, default: int) -> int:
    text = request.query.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise ValueError(f"{name} {text[:60]!r}: expected a whole number")
    return int(text)
