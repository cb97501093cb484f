"""One endurance run: turn after turn, then the end of the service; what was seen, as values."""

from __future__ import annotations

import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
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

# Their minutes of patience are seconds here, and a busy machine may stand still for that long.
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
    """Everything that a run has shown. `left` are our files at storages after the end of the service, by URL.

    `kept` stayed in its ledger: a shut door could not be asked to delete, and a storage that was cut short may still
    make a file. `left_after` and `kept_after` is the same after `tpcharness clean`, which ended with `clean_code`.
    """

    watch: Watch
    taken: list[Taken]
    well: bool = False
    exit_code: int | None = None
    stop_seconds: float = 0.0
    left: set[str] = field(default_factory=set)
    kept: set[str] = field(default_factory=set)
    clean_code: int | None = None
    left_after: set[str] = field(default_factory=set)
    kept_after: set[str] = field(default_factory=set)
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
        if watch.seconds >= seconds or watch.broken:
            return


def _take(site: Site, told: Told, watch: Watch, turn: Turn) -> Taken:
    """One turn: faults on until all is told and shown, off until all is well, and a break."""
    taken = Taken(turn, watch.seconds)
    try:
        _go_through(site, told, taken)
    except (OSError, AssertionError) as error:
        taken.wrong.append(f"could not be finished: {error}")
    return taken


def _go_through(site: Site, told: Told, taken: Taken) -> None:
    turn, began, mark = taken.turn, time.time(), len(told.words)
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
    trial.left, trial.kept = leftovers(site.grid.config), site.shell.ledger()
    trial.clean_code = site.shell.run("clean", site.grid.config).code
    trial.left_after, trial.kept_after = leftovers(site.grid.config), site.shell.ledger()


def _holds(condition: Callable[[], bool]) -> bool:
    """Whether it comes true in time. Who does not answer now may do so later."""
    end = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < end:
        with suppress(OSError):
            if condition():
                return True
        time.sleep(_POLL_SECONDS)
    return False


def _line(taken: Taken) -> str:
    verdict = "; ".join(taken.wrong) or "as expected"
    shown, well = (
        "-" if seconds is None else f"{seconds:.0f} s" for seconds in (taken.shown_seconds, taken.well_seconds)
    )
    return f"{taken.began_seconds / 60:6.1f} min  {taken.turn.name}: shown after {shown}, well after {well}: {verdict}"


def _names(alerts: set[Alert] | list[Alert]) -> str:
    return ", ".join(" ".join(alert) for alert in sorted(alerts)) or "nothing"
