"""What a running daemon uses and does, read each minute: from /proc, from its files, and from Prometheus."""

from __future__ import annotations

import os
import re
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from tests.grafana.site import Site

SAMPLE_SECONDS = 2.0
MINUTE_SECONDS = 60.0
PATIENCE_SECONDS = 15.0
MIB = 1024 * 1024

_TASKS = re.compile(r" (\d+) tasks$", re.MULTILINE)
_OWN_ERRORS = re.compile(r"^\S+ (?:ERROR|CRITICAL) .*", re.MULTILINE)

# Of the last minute; a door counts as a destination only, a link in both roles.
_LAG = "rate(tpcharness_event_loop_lag_seconds_bucket[1m])"
_QUERIES = {
    "probes": 'sum(tpcharness_endpoint_probes_total{role="destination"})',
    "lag_p50_seconds": f"histogram_quantile(0.5, {_LAG})",
    "lag_p99_seconds": f"histogram_quantile(0.99, {_LAG})",
    "scrape_seconds": "max(max_over_time(scrape_duration_seconds[1m]))",
    "journal_bytes": "max_over_time(tpcharness_history_journal_bytes[1m])",
    "write_failures": "tpcharness_history_write_failures_total",
    "ledger": "sum(tpcharness_leftover_files)",
    "errors": 'sum(tpcharness_endpoint_probes_total{role="destination",outcome="error"})',
    "missed_scrapes": "sum(count_over_time(up[1m])) - sum(sum_over_time(up[1m]))",
}


@dataclass(frozen=True, slots=True)
class Minute:
    """One row of the table. Counters run from the start; lag, journal and scrapes are those of the last minute.

    `load` is that of the whole machine.
    """

    seconds: float
    rss_bytes: int
    descriptors: int
    threads: int
    tasks: int | None
    history_bytes: int
    load: float
    figures: dict[str, float]


@dataclass(slots=True)
class Watch:
    """The readings of one daemon. `broken` is what went wrong with reading them."""

    site: Site
    began: float = field(default_factory=time.monotonic)
    memory: list[tuple[float, int]] = field(default_factory=list)
    minutes: list[Minute] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.began

    def own_errors(self) -> list[str]:
        """The lines of the daemon's log in which it complains of itself."""
        return _OWN_ERRORS.findall(self.site.daemon.stderr)

    def read_memory(self) -> int:
        """Takes one sample of the resident memory; its bytes."""
        status = Path(f"/proc/{self.site.daemon.pid}/status").read_text()
        found = re.search(r"^VmRSS:\s+(\d+) kB$", status, re.MULTILINE)
        rss_bytes = int(found[1]) * 1024 if found else 0
        self.memory.append((self.seconds, rss_bytes))
        return rss_bytes

    def read_all(self) -> None:
        """Takes one row."""
        process = Path(f"/proc/{self.site.daemon.pid}")
        self.minutes.append(
            Minute(
                seconds=self.seconds,
                rss_bytes=self.read_memory(),
                descriptors=len(os.listdir(process / "fd")),
                threads=len(os.listdir(process / "task")),
                tasks=self._tasks(),
                history_bytes=sum(file.stat().st_size for file in self.site.shell.state.glob("history.sqlite*")),
                load=os.getloadavg()[0],
                figures={name: self._figure(query) for name, query in _QUERIES.items()},
            )
        )

    def _figure(self, query: str) -> float:
        """One number; 0 where there is no such series yet."""
        return sum(value for _, value in self.site.prometheus.query(query))

    def _tasks(self) -> int | None:
        """The tasks of the event loop, as the daemon counts them when a signal asks; None without an answer."""
        daemon = self.site.daemon
        before, end = len(_TASKS.findall(daemon.stderr)), time.monotonic() + PATIENCE_SECONDS
        daemon.send(signal.SIGUSR1)
        while time.monotonic() < end:
            found = _TASKS.findall(daemon.stderr)
            if len(found) > before:
                return int(found[-1])
            time.sleep(SAMPLE_SECONDS / 20)
        return None


@contextmanager
def watching(site: Site) -> Iterator[Watch]:
    """Reads on in a thread to the end of the context; the last row is taken there. An error ends the reading."""
    watch, over = Watch(site), threading.Event()

    def read() -> None:
        minute = MINUTE_SECONDS
        while not over.wait(SAMPLE_SECONDS):
            watch.read_memory()
            if watch.seconds >= minute:
                watch.read_all()
                minute += MINUTE_SECONDS
        watch.read_all()

    def try_to_read() -> None:
        try:
            read()
        except (OSError, AssertionError, ValueError) as error:
            watch.broken.append(f"reading ended after {watch.seconds:.0f} s: {error}")

    thread = threading.Thread(target=try_to_read, name="watch")
    thread.start()
    try:
        yield watch
    finally:
        over.set()
        thread.join()


def slope(samples: Sequence[tuple[float, int]]) -> float:
    """Bytes a second: the median of the slopes between samples half of the time apart, so that no single one counts.

    Raises StatisticsError for fewer than two samples.
    """
    half = len(samples) // 2
    pairs = zip(samples, samples[half:], strict=False)
    return median((later - sooner) / (end - begin) for (begin, sooner), (end, later) in pairs if end > begin)
