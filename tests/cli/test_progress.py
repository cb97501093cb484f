import itertools

import pytest

from tests.export.samples import failed, good
from tests.export.screen import Screen
from tpcharness.cli.progress import Block, Count, Lines, Quiet, counts_text, make_progress
from tpcharness.model.progress import PhaseEntered, ProbeEnded, ProbeStarted
from tpcharness.model.variant import Outcome, Phase


class Watch:
    """A clock that is set by hand."""

    def __init__(self):
        self.seconds = 0.0

    def __call__(self):
        return self.seconds


def finish(progress, number, *, attempt=1, fine=True):
    probe_id = f"p{number}"
    progress.notice(ProbeStarted(probe_id, f"A -> B{number}"))
    make = good if fine else failed
    progress.notice(ProbeEnded(make(probe_id=probe_id, attempt=attempt)))


def test_counts_rate_and_time_left():
    watch = Watch()
    count = Count(20, watch)
    assert count.rate == 0
    assert count.left_seconds is None
    for number in range(5):
        finish(count, number, fine=number != 0)
    count.notice(ProbeStarted("x", "slow one"))
    watch.seconds = 2.5
    assert (count.done, count.in_flight, count.rate, count.left_seconds) == (5, 1, 2.0, 7.5)
    assert counts_text(count).plain == "5 of 20, 1 failed, 1 in flight, 2.0/s, about 7.5 s left"
    assert count.slowest(3) == [("slow one", 2.5)]


def test_a_retried_probe_counts_once_as_its_last_attempt():
    count = Count(2, Watch())
    finish(count, 1, fine=False)
    finish(count, 1, attempt=2)
    assert count.done == 1
    assert count.outcomes[Outcome.OK] == 1
    assert count.outcomes[Outcome.FAILURE] == 0


def test_a_result_without_a_start_counts_too():
    count = Count(1, Watch())
    count.notice(ProbeEnded(good(probe_id="skipped")))
    assert (count.done, count.in_flight) == (1, 0)


def test_the_slowest_come_first_and_are_few():
    watch = Watch()
    count = Count(9, watch)
    for number in range(9):
        watch.seconds = number
        count.notice(ProbeStarted(str(number), f"label {number}"))
    assert [label for label, _ in count.slowest(2)] == ["label 0", "label 1"]


def test_a_log_gets_a_line_each_tenth():
    screen = Screen()
    with Lines(screen.console, Count(100, Watch())) as lines:
        for number in range(100):
            finish(lines, number)
    assert [line.split()[0] for line in screen.lines] == ["10", "20", "30", "40", "50", "60", "70", "80", "90", "100"]


def test_a_log_gets_a_line_each_minute_while_probes_are_slow():
    screen, watch = Screen(), Watch()
    lines = Lines(screen.console, Count(1000, watch))
    for second in range(0, 181, 10):
        watch.seconds = second
        lines.notice(PhaseEntered("p", Phase.TRANSFER))
    assert len(screen.lines) == 3
    assert screen.lines[0].startswith("0 of 1,000")


def test_no_planned_probes_divide_nothing():
    screen = Screen()
    finish(Lines(screen.console, Count(0, Watch())), 1)
    assert len(screen.lines) == 1


@pytest.mark.parametrize(
    ("colour", "quiet", "kind"),
    [(True, False, Block), (False, False, Lines), (True, True, Quiet), (False, True, Quiet)],
)
def test_the_progress_suits_the_console(colour, quiet, kind, monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    assert type(make_progress(Screen(colour=colour).console, 1, Watch(), quiet=quiet)) is kind


def test_a_dumb_terminal_gets_lines(monkeypatch):
    monkeypatch.setenv("TERM", "dumb")
    assert type(make_progress(Screen(colour=True).console, 1, Watch())) is Lines


def test_quiet_says_nothing():
    screen = Screen()
    with make_progress(screen.console, 1, Watch(), quiet=True) as quiet:
        finish(quiet, 1)
    assert screen.raw == ""


def test_the_block_shows_counts_and_what_takes_long_and_vanishes(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    screen, watch = Screen(100, colour=True), Watch()
    block = Block(screen.console, Count(4, watch))
    with block:
        finish(block, 1)
        block.notice(ProbeStarted("x", "A -> \x1b]0;title\x07C"))
        watch.seconds = 2.0
    drawn = screen.raw
    assert "1 of 4" in drawn
    assert "A -> C" in drawn
    assert "title" not in drawn
    assert drawn.count("\x1b[?25l") == drawn.count("\x1b[?25h") == 1


def test_the_cursor_comes_back_after_an_exception(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    screen = Screen(colour=True)
    with pytest.raises(KeyboardInterrupt), Block(screen.console, Count(4, Watch())):
        raise KeyboardInterrupt
    assert screen.raw.rstrip().rpartition("\x1b[?25h")[1]


def test_events_draw_nothing_themselves(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    screen = Screen(colour=True)
    block = Block(screen.console, Count(10_000, Watch()))
    for number in itertools.islice(itertools.count(), 10_000):
        finish(block, number)
    assert screen.raw == ""
