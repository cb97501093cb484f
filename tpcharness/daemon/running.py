"""What a running service is to those who look at it: the one value that pages and metrics ask."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from tpcharness.model.downtime import Downtime
from tpcharness.model.endpoint import Link, Subject
from tpcharness.model.finding import Finding
from tpcharness.model.plan import PlannedProbe
from tpcharness.model.result import Result
from tpcharness.model.variant import Variant
from tpcharness.payload.cleaning import forgotten, longest_use_seconds
from tpcharness.payload.names import PayloadNames

if TYPE_CHECKING:
    from tpcharness.config.configuration import Config
    from tpcharness.engine.schedule import Schedule
    from tpcharness.engine.service import Service
    from tpcharness.export.metrics.self_metrics import SelfMetrics
    from tpcharness.model.seams import Clock
    from tpcharness.payload.ledger import Ledger, LedgerEntry
    from tpcharness.results.counters import Counters
    from tpcharness.results.history import History
    from tpcharness.results.latest import LatestStore
    from tpcharness.tokens.desk import TokenRecord


@dataclass(frozen=True, slots=True)
class ReloadState:
    """What became of the last look at the configuration file.

    `errors` say why a file was not taken, or, when `ok`, which changes wait for a restart. `succeeded_at` is when the
    configuration that holds now was taken.
    """

    ok: bool
    at: datetime
    errors: tuple[str, ...]
    succeeded_at: datetime


@dataclass(slots=True)
class Running:
    """A service under way. Everything here lives on its event loop; only `daemon` changes it, all others read.

    What is replaced is replaced as a whole, so a page keeps what it took. `findings` are those of confirmed states,
    some seconds old, and `explained` the failing probes that they were made from. `offers` are the configured probes,
    smallest first, by source, destination (for an endpoint alone its name twice) and variant. `ready` says whether the
    schedule runs. `url` is where the pages are, once they are.
    """

    config: Config
    run_id: str
    started_at: datetime
    clock: Clock
    schedule: Schedule
    service: Service
    latest: LatestStore
    counters: Counters
    history: History
    self_metrics: SelfMetrics
    ledger: Ledger
    token_record: TokenRecord
    reload_state: ReloadState
    reloader: Callable[[], Awaitable[ReloadState]]
    log_level_setter: Callable[[str], None]
    offers: Mapping[tuple[str, str, Variant], tuple[PlannedProbe, ...]]
    findings: tuple[Finding, ...] = ()
    explained: frozenset[tuple[Subject, Variant]] = frozenset()
    downtimes: tuple[Downtime, ...] = ()
    ready: bool = False
    url: str = ""

    def leftovers(self) -> Mapping[str, int]:
        """How many files at each endpoint nobody needs any more, and that are not known to be gone."""
        return Counter(entry.endpoint for entry in self.forgotten())

    def forgotten(self) -> tuple[LedgerEntry, ...]:
        """The same files, as the ledger has them."""
        before = self.clock.now() - timedelta(seconds=longest_use_seconds(self.config.timeouts))
        return forgotten(self.ledger, PayloadNames(self.config.harness.name, self.run_id), before)

    def token_expiries(self) -> Mapping[str, datetime]:
        """When the token ends that each `[tokens.NAME]` gave last; absent is one that does not say, or gave none."""
        known = self.config.tokens
        return {name: ends for name, ends in self.token_record.expiries.items() if name in known}

    def token_requests(self) -> Mapping[tuple[str, str], int]:
        """How often each `[tokens.NAME]` was asked, by name and outcome (`ok` or `failure`)."""
        known = self.config.tokens
        return {key: count for key, count in self.token_record.requests.items() if key[0] in known}

    async def reload(self) -> ReloadState:
        """Reads the configuration again and takes it if it is right; never raises for what is in the file.

        Two at the same time become two, one after the other.
        """
        return await self.reloader()

    async def probe_now(
        self, source: str, destination: str, variant: Variant, size: int | None, timeout_seconds: float
    ) -> Result:
        """One probe out of turn, in the limits of all others; of an endpoint alone when both names are the same.

        `size` None takes the smallest that is configured for it. Raises KeyError for
        an endpoint, link, variant or size that is not configured, engine.service.Busy at once when there is no place,
        and TimeoutError: then the probe is cancelled and cleans up behind the caller's back.
        """
        return await self.service.probe_now(self._planned(source, destination, variant, size), timeout_seconds)

    async def set_log_level(self, level: str) -> None:
        """From now on; raises ValueError for a word that is no level."""
        self.log_level_setter(level)

    def _planned(self, source: str, destination: str, variant: Variant, size: int | None) -> PlannedProbe:
        """The configured probe that is meant: what is not in the schedule is not probed on anybody's word."""
        for probe in self.offers[source, destination, variant]:
            if size in {None, probe.size_bytes}:
                return probe
        raise KeyError(size)


def offers_of(probes: Iterable[PlannedProbe]) -> dict[tuple[str, str, Variant], tuple[PlannedProbe, ...]]:
    """Configured probes as `Running.offers` has them. Takes its time for a full mesh: best in a thread."""
    offers: dict[tuple[str, str, Variant], list[PlannedProbe]] = {}
    for probe in probes:
        subject = probe.subject
        source, destination = (subject.source, subject.destination) if isinstance(subject, Link) else (subject, subject)
        offers.setdefault((source.name, destination.name, probe.variant), []).append(probe)
    return {key: tuple(sorted(found, key=lambda probe: probe.size_bytes)) for key, found in offers.items()}
