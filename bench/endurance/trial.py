"""One endurance run: turn after turn, then the end of the service; what was seen, as values."""

from __future__ import annotations

import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.endurance.gauges import Watch, watching
from bench.endurance.leftovers import leftovers
from bench.endurance.turns import Alert, Turn, in_turn, probes
from bench.endurance.webhook import Told, receiver
from tests.grafana.site import Site, running_site

PATIENCE_SECONDS = 90.0
"""For an alert to come, and for everything to be well again: ten intervals."""

HOLD_SECONDS = 10.0
"""How long a turn goes on when all is there that it waits for: longer than an interval, for others to be accused."""

BREAK_SECONDS = 10.0

_POLL_SECONDS = 0.2

# Their minutes of patience are a second here, and this machine may stand still for a second.
FORGIVEN = frozenset({"TpcharnessDown", "TpcharnessScrapeFails"})


@dataclass(slots=True)
class Taken:
    """A turn that was taken. `wrong` says what was not as it should be; `forgiven` are alerts that do not count."""

    turn: Turn
    began_seconds: float
    shown_seconds: float | None = None
    well_seconds: float | None = None
    wrong: list[str] = field(default_factory=list)
    forgiven: set[Alert] = field(default_factory=set)


@dataclass(slots=True)
class Trial:
    """Everything that a run has shown. `left` are our files at storages afterwards, `ledger` those that are known."""

    watch: Watch
    taken: list[Taken]
    well: bool = False
    exit_code: int | None = None
    stop_seconds: float = 0.0
    left: dict[str, list[str]] = field(default_factory=dict)
    ledger: set[str] = field(default_factory=set)
    own_errors: list[str] = field(default_factory=list)


def run(folder: Path, minutes: float, sites: int, turns: Sequence[Turn], say: Callable[[str], None]) -> Trial:
    """Everything up, turns for so many minutes (the last one is finished), and everything down.

    `say` is told of each turn. Raises RuntimeError or AssertionError when something does not come up at all.
    """
    with receiver() as told, running_site(folder, sites, probes(sites), told.url) as site:
        site.all_well()
        say(f"{sites} storages, daemon {site.daemon.pid} at {site.address}: all well")
        with watching(site) as watch:
            trial = Trial(watch, [])
            for taken in _turns(site, told, watch, minutes * 60, turns):
                trial.taken.append(taken)
                say(_line(taken))
            trial.well = _holds(lambda: _all_well(site))
        _end(site, trial)
    return trial


def _turns(site: Site, told: Told, watch: Watch, seconds: float, turns: Sequence[Turn]) -> Iterator[Taken]:
    for turn in in_turn(tuple(turns)):
        yield _take(site, told, watch, turn)
        if watch.seconds >= seconds:
            return


def _take(site: Site, told: Told, watch: Watch, turn: Turn) -> Taken:
    """One turn: faults on until all is told and shown, off until all is well, and a break."""
    taken, began, mark = Taken(turn, watch.seconds), time.time(), len(told.words)
    site.plant(*turn.faults)
    if turn.reload:
        site.daemon.send(signal.SIGHUP)
    shows = turn.shows.replace("BEGAN", f"{began:.3f}")
    if not _holds(lambda: turn.alerts <= set(told.since(mark, "firing"))):
        taken.wrong.append(f"told of {_names(told.since(mark, 'firing'))} only")
    elif not _holds(lambda: not shows or bool(site.prometheus.query(shows))):
        taken.wrong.append(f"not seen: {shows}")
    else:
        taken.shown_seconds = time.time() - began
    time.sleep(HOLD_SECONDS)
    cleared = time.time()
    site.plant()
    if _holds(lambda: turn.alerts <= set(told.since(mark, "resolved")) and _all_well(site)):
        taken.well_seconds = time.time() - cleared
    else:
        taken.wrong.append(f"not well again; still firing: {_names(site.prometheus.firing())}")
    time.sleep(BREAK_SECONDS)
    _judge(taken, site.prometheus.fired(time.time() - began), told, mark)
    return taken


def _judge(taken: Taken, fired: set[Alert], told: Told, mark: int) -> None:
    """Nobody else was accused, and nobody was told anything twice."""
    others = fired - taken.turn.alerts
    taken.forgiven = {alert for alert in others if alert[0] in FORGIVEN}
    if others > taken.forgiven:
        taken.wrong.append(f"fired as well: {_names(others - taken.forgiven)}")
    for status in ("firing", "resolved"):
        times = Counter(told.since(mark, status))
        if twice := {alert for alert in taken.turn.alerts if times[alert] > 1}:
            taken.wrong.append(f"told more than once as {status}: {_names(twice)}")


def _all_well(site: Site) -> bool:
    return site.is_well() and not {alert for alert in site.prometheus.firing() if alert[0] not in FORGIVEN}


def _end(site: Site, trial: Trial) -> None:
    """SIGTERM, and what is left after it."""
    began = time.monotonic()
    site.daemon.send(signal.SIGTERM)
    ended = site.daemon.end()
    trial.exit_code, trial.stop_seconds = ended.code, time.monotonic() - began
    trial.own_errors = trial.watch.own_errors()
    (site.shell.folder / "daemon.log").write_text(ended.stderr)
    trial.left, trial.ledger = leftovers(site.grid.config), site.shell.ledger()


def _holds(condition: Callable[[], bool]) -> bool:
    """Whether it comes true in time."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(_POLL_SECONDS)
    return True


def _line(taken: Taken) -> str:
    verdict = "; ".join(taken.wrong) or "as expected"
    shown, well = (
        "-" if seconds is None else f"{seconds:.0f} s" for seconds in (taken.shown_seconds, taken.well_seconds)
    )
    return f"{taken.began_seconds / 60:6.1f} min  {taken.turn.name}: shown after {shown}, well after {well}: {verdict}"


def _names(alerts: set[Alert] | list[Alert]) -> str:
    return ", ".join(" ".join(alert) for alert in sorted(alerts)) or "nothing"
