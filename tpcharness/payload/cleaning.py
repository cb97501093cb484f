"""Cleaning up after former runs: at a start, and by `tpcharness clean`."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tpcharness.model.endpoint import Endpoint
from tpcharness.model.failure import Failure
from tpcharness.model.progress import Nobody, Observer
from tpcharness.model.settings import DAY_SECONDS, TimeLimits
from tpcharness.net.trail import Trail
from tpcharness.payload.ledger import Ledger, LedgerEntry
from tpcharness.payload.names import OutsidePrefix, PayloadFile, PayloadNames
from tpcharness.payload.removal import ENDPOINTS_AT_ONCE, Absence
from tpcharness.payload.seeds import SEED_LIFETIME_SECONDS
from tpcharness.payload.store import PayloadStore
from tpcharness.payload.tape_archive import archive_of
from tpcharness.payload.tape_requests import TapeRequests

# After so many failures in a row an endpoint is left in peace until the next time.
PATIENCE = 3


@dataclass(frozen=True, slots=True)
class Kept:
    """An entry that stays in the ledger, and why."""

    entry: LedgerEntry
    why: str


@dataclass(slots=True)
class Cleaning:
    """What became of the files that former runs left."""

    removed: list[LedgerEntry] = field(default_factory=list)
    gone: list[LedgerEntry] = field(default_factory=list)
    kept: list[Kept] = field(default_factory=list)


def leftovers(ledger: Ledger, names: PayloadNames) -> tuple[LedgerEntry, ...]:
    """What former runs left: every entry that is not of the present run."""
    return tuple(entry for entry in ledger.entries if entry.run_id != names.run_id)


def forgotten(ledger: Ledger, names: PayloadNames, before: datetime) -> tuple[LedgerEntry, ...]:
    """What nobody needs any more: what former runs left, and files of this one from `before`.

    Seeds of this run are needed for their lifetime longer: then the seed bed has replaced them. A request for staging
    may be open, and a file may wait for its tape, for a day (the most that `timeouts.stage` can be).
    """

    def needed_from(entry: LedgerEntry) -> datetime:
        if entry.tape_paths or names.is_archived(entry.url):
            return before - timedelta(seconds=DAY_SECONDS)
        return before - timedelta(seconds=SEED_LIFETIME_SECONDS if names.is_seed_of_run(entry.url) else 0)

    return tuple(
        entry for entry in ledger.entries if entry.run_id != names.run_id or entry.created_at < needed_from(entry)
    )


def longest_use_seconds(limits: TimeLimits) -> float:
    """Longer than any probe has use for a file that it made; late writers included."""
    return 2 * (limits.transfer_seconds + limits.response_seconds + limits.settle_seconds + limits.cleanup_seconds)


async def clean(
    store: PayloadStore,
    ledger: Ledger,
    names: PayloadNames,
    endpoints: Mapping[str, Endpoint],
    observer: Observer | None = None,
    *,
    entries: Iterable[LedgerEntry] | None = None,
    tape: TapeRequests | None = None,
) -> Cleaning:
    """Removes what former runs left at the configured endpoints (by name), and only that.

    `entries` are for a run that also knows which of its own files nobody needs any more. Kept are files of endpoints
    that are not configured, or have another address or prefix now, and what could not be removed. Endpoints are
    cleaned side by side, each file after file. To be cancelled at any time. Requests for staging are ended by
    `tape`; without it they are kept.
    """
    cleaning = Cleaning()
    queues: dict[Endpoint, list[tuple[LedgerEntry, PayloadFile]]] = defaultdict(list)
    requests: dict[str, list[LedgerEntry]] = defaultdict(list)
    for entry in leftovers(ledger, names) if entries is None else entries:
        if entry.tape_paths:
            requests[entry.endpoint].append(entry)
            continue
        file = _file(entry, endpoints, names)
        if isinstance(file, str):
            cleaning.kept.append(Kept(entry, file))
        else:
            queues[file.endpoint].append((entry, file))
    places = asyncio.Semaphore(ENDPOINTS_AT_ONCE)

    async def clear(queue: list[tuple[LedgerEntry, PayloadFile]]) -> None:
        async with places:
            await _clear(names, store, ledger, queue, cleaning, Trail("clean", observer or Nobody()))

    async with asyncio.TaskGroup() as group:
        for queue in queues.values():
            group.create_task(clear(queue))
        for name, open_requests in requests.items():
            group.create_task(_end(open_requests, endpoints.get(name), tape, cleaning, observer or Nobody()))
    return cleaning


async def _end(
    entries: list[LedgerEntry],
    endpoint: Endpoint | None,
    tape: TapeRequests | None,
    cleaning: Cleaning,
    observer: Observer,
) -> None:
    """One endpoint's requests for staging, one after the other."""
    for entry in entries:
        if endpoint is None or tape is None:
            cleaning.kept.append(Kept(entry, f"endpoint {entry.endpoint} is not configured"))
            continue
        failure = await tape.close_entry(entry, endpoint, Trail("clean", observer))
        if failure is None:
            cleaning.removed.append(entry)
        else:
            cleaning.kept.append(Kept(entry, f"{failure.reason}: {failure.detail}"))


async def _until_writers_have_gone(entry: LedgerEntry, store: PayloadStore) -> None:
    """Waits as long as the copy of a run that was killed just now may still be going on, unseen.

    dCache shows a file only when it is whole, and looks for its client after each marker (http-tpc 1.9).
    """
    wait_seconds = store.late_seconds - store.age_seconds(entry)
    if 0 < wait_seconds <= store.late_seconds:
        await asyncio.sleep(wait_seconds)


async def _clear(
    names: PayloadNames,
    store: PayloadStore,
    ledger: Ledger,
    queue: list[tuple[LedgerEntry, PayloadFile]],
    cleaning: Cleaning,
    trail: Trail,
) -> None:
    """One endpoint's files; after some failures in a row the rest is kept without being tried."""
    failures = 0
    why = ""
    for entry, file in queue:
        if names.is_destination(file):
            await _until_writers_have_gone(entry, store)
        if not ledger.holds(file):  # somebody else has seen it gone while it waited for its turn
            cleaning.gone.append(entry)
            continue
        if failures >= PATIENCE:
            cleaning.kept.append(Kept(entry, f"not tried after {failures} failures: {why}"))
            continue
        outcome = await store.take_away(file, trail)
        if isinstance(outcome, Failure):
            failures += 1
            why = f"{outcome.reason}: {outcome.detail}"
            cleaning.kept.append(Kept(entry, why))
        else:
            failures = 0
            (cleaning.removed if outcome is Absence.REMOVED else cleaning.gone).append(entry)


def _file(entry: LedgerEntry, endpoints: Mapping[str, Endpoint], names: PayloadNames) -> PayloadFile | str:
    """The file that an entry speaks of, or why it is not touched."""
    endpoint = endpoints.get(entry.endpoint)
    if endpoint is None:
        return f"endpoint {entry.endpoint} is not configured"
    path = entry.url.removeprefix(endpoint.url(""))
    if endpoint.url(path) != entry.url:
        return f"endpoint {entry.endpoint} has another address now: {endpoint.https}"
    why = ""
    for place in (endpoint, *((archive_of(endpoint),) if endpoint.tape_archive else ())):
        file = PayloadFile(place, path)
        try:
            names.check(file)
        except OutsidePrefix as error:
            why = why or str(error)
        else:
            return file
    return why
