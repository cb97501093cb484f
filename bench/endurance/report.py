"""What a run is worth: the table of its minutes, and a verdict of single checks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from bench.endurance.gauges import MIB, Minute, Watch, slope
from bench.endurance.trial import Taken, Trial

RSS_BOUND = 0.1
"""MiB a minute over the second half. At some hundred probes a minute that is less than half a kilobyte for each."""

FEWEST_MINUTES = 15.0
"""A shorter run still warms up in its second half: nothing can be said of memory."""

FEWEST_SAMPLES = 4


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that must hold; `holds` is None where the run cannot tell."""

    name: str
    holds: bool | None
    detail: str


_MARKS = {True: "ok", False: "WRONG", None: "cannot tell"}


def checks(trial: Trial) -> list[Check]:
    """The verdict, one by one."""
    taken = trial.taken
    right = [each for each in taken if not each.wrong]
    forgiven = sorted({" ".join(alert) for each in taken for alert in each.forgiven})
    forgotten, after = sorted(trial.left - trial.kept), sorted(trial.left_after | trial.kept_after)
    return [
        _memory(trial.watch),
        Check(
            "alerts right",
            bool(taken) and len(right) == len(taken),
            f"{len(right)} of {len(taken)} turns" + (f"; not counted: {', '.join(forgiven)}" if forgiven else ""),
        ),
        Check("all links ok at the end", trial.well, ""),
        Check("no failures of its own", *_own_failures(trial)),
        Check("ends with 0", trial.exit_code == 0, f"with {trial.exit_code}, {trial.stop_seconds:.1f} s after SIGTERM"),
        Check("nothing forgotten", not forgotten, ", ".join(forgotten)),
        Check(
            "nothing left",
            trial.clean_code == 0 and not after,
            f"{len(trial.left)} files and {len(trial.kept)} in the ledger; after `clean`: {', '.join(after) or 'none'}",
        ),
    ]


def _memory(watch: Watch) -> Check:
    half = watch.memory[len(watch.memory) // 2 :]
    minutes = watch.minutes
    if watch.broken or len(half) < FEWEST_SAMPLES or len(minutes) < 2:
        return Check("memory flat", None, "too few readings")
    growth = slope(half) * 60 / MIB
    later = [minute for minute in minutes if minute.seconds >= half[0][0]]
    done = later[-1].figures["probes"] - later[0].figures["probes"]
    minutes_of_it = (half[-1][0] - half[0][0]) / 60
    each = f", {growth * MIB * minutes_of_it / done:+.0f} bytes a probe" if done else ""
    detail = f"{growth:+.3f} MiB a minute over the last {minutes_of_it:.0f} minutes{each}; bound {RSS_BOUND:g}"
    return Check("memory flat", growth <= RSS_BOUND if watch.memory[-1][0] >= FEWEST_MINUTES * 60 else None, detail)


def _own_failures(trial: Trial) -> tuple[bool, str]:
    found = list(trial.watch.broken) + trial.own_errors
    if trial.watch.minutes:
        figures = trial.watch.minutes[-1].figures
        counted = {"probes that ended as errors": "errors", "results not written": "write_failures"}
        found += [f"{figures[name]:.0f} {what}" for what, name in counted.items() if figures[name]]
    else:
        found.append("no readings")
    return not found, "; ".join(found[:5]) + (f"; {len(found) - 5} more" if len(found) > 5 else "")


def minutes_table(minutes: Sequence[Minute]) -> str:
    """One line for each minute, the first line says what is in it."""
    head = (
        *("min", "RSS MiB", "fds", "threads", "tasks", "history MiB", "journal kB", "probes", "/s", "files kept"),
        *("lag p50 ms", "lag p99 ms", "scrape ms", "missed scrapes", "errors", "load"),
    )
    return _table([head, *_rows(minutes)])


def turns_table(taken: Sequence[Taken]) -> str:
    """One line for each kind of turn: how often it was as expected, and the median and longest times, in seconds."""
    head = ("right", "of", "shown after s", "at most", "well after s", "at most", "turn")
    return _table([head, *(_turn_row(name, taken) for name in dict.fromkeys(each.turn.name for each in taken))])


def _turn_row(name: str, taken: Sequence[Taken]) -> tuple[str, ...]:
    of_it = [each for each in taken if each.turn.name == name]
    row = [str(sum(not each.wrong for each in of_it)), str(len(of_it))]
    for times in ([each.shown_seconds for each in of_it], [each.well_seconds for each in of_it]):
        known = [seconds for seconds in times if seconds is not None]
        row += [f"{median(known):.0f}", f"{max(known):.0f}"] if known else ["-", "-"]
    return (*row, name)


def _table(rows: Sequence[Sequence[str]]) -> str:
    """Columns to the right, but for names in the last one."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)][:-1]
    return "\n".join("  ".join([*map(str.rjust, row, widths), row[-1]]) for row in rows)


def _rows(minutes: Sequence[Minute]) -> Iterator[tuple[str, ...]]:
    before: Minute | None = None
    for minute in minutes:
        figures = minute.figures
        rate = "-"
        if before is not None and minute.seconds > before.seconds:
            done = figures["probes"] - before.figures["probes"]
            rate = f"{done / (minute.seconds - before.seconds):.1f}"
        yield (
            f"{minute.seconds / 60:.1f}",
            f"{minute.rss_bytes / MIB:.1f}",
            str(minute.descriptors),
            str(minute.threads),
            "-" if minute.tasks is None else str(minute.tasks),
            f"{minute.history_bytes / MIB:.1f}",
            f"{figures['journal_bytes'] / 1e3:.0f}",
            f"{figures['probes']:.0f}",
            rate,
            f"{figures['ledger']:.0f}",
            f"{figures['lag_p50_seconds'] * 1e3:.1f}",
            f"{figures['lag_p99_seconds'] * 1e3:.1f}",
            f"{figures['scrape_seconds'] * 1e3:.0f}",
            f"{figures['missed_scrapes']:.0f}",
            f"{figures['errors'] + figures['write_failures']:.0f}",
            f"{minute.load:.1f}",
        )
        before = minute


def verdict(found: Sequence[Check]) -> str:
    """One line for each check."""
    width = max(len(check.name) for check in found)
    return "\n".join(f"{check.name:{width}}  {_MARKS[check.holds]:11}  {check.detail}".rstrip() for check in found)
