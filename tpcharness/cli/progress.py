"""What a person sees on stderr while a run goes on: a live block on a terminal, else a line now and then."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from tpcharness.export.alphabet import STYLES, Alphabet, alphabet
from tpcharness.export.quantities import duration_text
from tpcharness.model.progress import Event, ProbeEnded, ProbeStarted
from tpcharness.model.variant import Outcome
from tpcharness.results.store import CellState

REFRESHES_PER_SECOND = 4
LINE_SECONDS = 60.0
SOON_SECONDS = 5.0  # less than that is no estimate: the last probes are the slow ones
_SLOWEST = 3
_OUTCOME_WORDS = {Outcome.FAILURE: "failed", Outcome.ERROR: "our own errors", Outcome.SKIPPED: "not tried"}


class Progress(Protocol):
    """An observer with a beginning and an end; leaving it, also by an exception, puts the terminal in order."""

    def notice(self, event: Event) -> None: ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def make_progress(console: Console, planned: int, clock: Callable[[], float], *, quiet: bool = False) -> Progress:
    """The progress that suits the console (stderr). `planned` counts probes, `clock` is time.monotonic."""
    if quiet:
        return Quiet()
    count = Count(planned, clock)
    return Block(console, count) if console.is_terminal and not console.is_dumb_terminal else Lines(console, count)


class Count:
    """How far a run is: counting only, a few dictionary operations per event.

    A retried probe counts once, with the outcome of its last attempt.
    """

    def __init__(self, planned: int, clock: Callable[[], float]) -> None:
        self.planned = planned
        self.outcomes: Counter[Outcome] = Counter()
        self._clock = clock
        self._began = clock()
        self._ended: dict[str, Outcome] = {}
        self._in_flight: dict[str, tuple[str, float]] = {}

    def notice(self, event: Event) -> None:
        if isinstance(event, ProbeStarted):
            self._in_flight[event.probe_id] = (event.label, self._clock())
        elif isinstance(event, ProbeEnded):
            result = event.result
            self._in_flight.pop(result.probe_id, None)
            before = self._ended.get(result.probe_id)
            if before is not None:
                self.outcomes[before] -= 1
            self._ended[result.probe_id] = result.outcome
            self.outcomes[result.outcome] += 1

    @property
    def done(self) -> int:
        return len(self._ended)

    @property
    def in_flight(self) -> int:
        return len(self._in_flight)

    @property
    def elapsed_seconds(self) -> float:
        return self._clock() - self._began

    @property
    def rate(self) -> float:
        """Probes per second since the start; 0 at first."""
        return self.done / self.elapsed_seconds if self.elapsed_seconds > 0 else 0.0

    @property
    def left_seconds(self) -> float | None:
        """How long the rest takes at the rate so far; None before anything is known."""
        return max(0, self.planned - self.done) / self.rate if self.rate > 0 else None

    def slowest(self, most: int) -> list[tuple[str, float]]:
        """The probes longest under way, and for how long."""
        now = self._clock()
        # drawn by a thread while the loop goes on counting: sorted() copies the view before it calls anything
        oldest = sorted(self._in_flight.values(), key=lambda probe: probe[1])[:most]
        return [(label, now - started) for label, started in oldest]


class Quiet:
    """No progress at all."""

    def notice(self, event: Event) -> None:
        """Ignores the event."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing to put in order."""


class Lines:
    """One line each 10 % or each minute, whichever comes first: for logs and pipes.

    Lines are written when something happens; a run in which nothing happens at all stays silent.
    """

    def __init__(self, console: Console, count: Count) -> None:
        self._console = console
        self._count = count
        self._tenth = 0
        self._said = 0.0

    def notice(self, event: Event) -> None:
        self._count.notice(event)
        tenth = 10 * self._count.done // max(1, self._count.planned)
        elapsed = self._count.elapsed_seconds
        if tenth > self._tenth or elapsed - self._said >= LINE_SECONDS:
            self._tenth, self._said = max(tenth, self._tenth), elapsed
            self._console.print(counts_text(self._count), soft_wrap=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Every line is whole already."""


class Block:
    """A live block: bar, counts, rate, time left, and the probes that take longest. It vanishes at the end.

    Events are counted only; rich draws in its own thread, a few times a second, however many events come.
    """

    def __init__(self, console: Console, count: Count) -> None:
        self._count = count
        self._marks = alphabet(console.options)
        self._live = Live(
            console=console,
            get_renderable=self._draw,
            refresh_per_second=REFRESHES_PER_SECOND,
            transient=True,
            redirect_stdout=False,  # stdout is the result: rich would send it to this console, which is stderr
        )

    def notice(self, event: Event) -> None:
        self._count.notice(event)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def _draw(self) -> Group:
        count = self._count
        head = Table.grid(padding=(0, 1))
        head.add_row(ProgressBar(max(1, count.planned), count.done, width=24), counts_text(count))
        return Group(head, *_slowest(count, self._marks))


def counts_text(count: Count) -> Text:
    """ "12 of 24, 2 failed, 8 in flight, 3.1/s, 4 s left"."""
    text = Text.assemble((f"{count.done:,} of {count.planned:,}", "bold"))
    for outcome, word in _OUTCOME_WORDS.items():
        if count.outcomes[outcome]:
            text.append(f", {count.outcomes[outcome]:,} {word}", STYLES[CellState(outcome.value)])
    text.append(f", {count.in_flight:,} in flight, {count.rate:.1f}/s")
    left_seconds = count.left_seconds
    if left_seconds is not None and left_seconds >= SOON_SECONDS:
        text.append(f", about {duration_text(left_seconds)} left")
    return text


def _slowest(count: Count, marks: Alphabet) -> list[Text]:
    return [
        Text(f"  {duration_text(seconds):>12}  {marks.clean(label, 100)}", "dim", no_wrap=True, overflow="ellipsis")
        for label, seconds in count.slowest(_SLOWEST)
    ]
