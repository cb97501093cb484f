import itertools
from dataclasses import replace

from tests.export.samples import copy_exchange, failed, good
from tests.export.screen import Screen
from tpcharness.export.story import Story
from tpcharness.model.progress import (
    ExchangeSeen,
    MarkerSeen,
    PhaseEntered,
    ProbeEnded,
    ProbeStarted,
    Remark,
    TerminalSeen,
)
from tpcharness.model.variant import Phase

EVENTS = (
    ProbeStarted("p7", "SITE-A -> SITE-B https-pull"),
    PhaseEntered("p7", Phase.TOKEN),
    Remark("p7", "token write: storage.create:/tpcharness/x"),
    PhaseEntered("p7", Phase.REQUEST),
    ExchangeSeen("p7", copy_exchange("SITE-B", 202, "Accepted"), 0.08),
    MarkerSeen("p7", 524288, "", 0.1),
    MarkerSeen("p7", None, "Stalled", 0.2),
    TerminalSeen("p7", "success: Created", 0.3),
    PhaseEntered("p7", Phase.VERIFY),
    ProbeEnded(good()),
)

WHOLE = """\
SITE-A -> SITE-B https-pull  (probe p7)
   0.100 * token
   0.200 * token write: storage.create:/tpcharness/x
   0.300 * request
   0.320 > COPY /data/tpcharness/x/file
   0.320 > Host: site-b.example:2880
   0.320 > Source: https://site-a.example:2880/seed
   0.320 > Authorization: <redacted>
   0.500 < 307 from site-b.example:2880 XRootD/5.7.1, on to https://pool.site-b.example:2880/
   0.600 < 202 Accepted (XRootD/5.7.1, 80 ms)
   0.700 < marker: 512 KiB
   0.800 < marker: no byte count Stalled
   0.900 < success: Created
   1.000 * verify

queued 1 ms · token 12 ms · request 80 ms · transfer 300 ms
✓ SITE-A → SITE-B https-pull: ok, 1 MiB in 300 ms (3.5 MB/s), adler32 0a1b2c3d by digest
warning: no marker for 7 s"""


def told(events, *, width=120, encoding="utf-8", **options):
    ticks = itertools.count()
    screen = Screen(width, encoding=encoding)
    story = Story(screen.console, lambda: next(ticks) / 10, **options)
    for event in events:
        story.notice(event)
    return screen


def test_a_whole_story():
    assert told(EVENTS).text == WHOLE


def test_what_is_no_probes_own_has_a_title_of_its_own():
    lines = told([*EVENTS, ExchangeSeen("cleanup", copy_exchange("SITE-A", 204, ""), 0.01)], heads=False).lines
    at = lines.index("cleanup")
    assert lines[at - 1] == ""
    assert " > COPY " in lines[at + 1]


def test_lines_come_as_things_happen():
    for number in range(1, len(EVENTS)):
        assert WHOLE.startswith(told(EVENTS[:number]).text)


def test_heads_and_markers_can_be_left_out():
    text = told(EVENTS, heads=False, markers=False).text
    assert "> COPY https://site-b.example:2880/data/tpcharness/x/file" in text
    assert "Host:" not in text
    assert "marker:" not in text
    assert "< success: Created" in text


def test_a_failure_ends_with_the_whole_block():
    text = told([*EVENTS[:5], ProbeEnded(failed())], width=200).text
    assert "failure: SITE-A → SITE-B https-pull:" in text
    assert text.splitlines()[-1].startswith("  hint:")


def test_an_exchange_without_an_answer_says_why():
    exchange = replace(copy_exchange("B", 0, ""), status=None, error="connection refused", hops=())
    assert told([ExchangeSeen("p", exchange, 1.5)]).lines[-1].endswith("< connection refused (1.5 s)")


def test_an_ascii_terminal_gets_ascii():
    assert told([*EVENTS, ProbeEnded(failed(body="señor"))], encoding="ascii").raw.isascii()


def test_hostile_text_stays_on_its_line():
    body = "a\r\n   9.999 < 200 OK\x1b[1A"
    screen = told(
        [ExchangeSeen("p", copy_exchange("B", 500, "[/x]\x1b[2K", body), 0.1), TerminalSeen("p", "[b]\x07", 1)]
    )
    assert "\x1b" not in screen.raw
    assert sum(line.strip().startswith("9.999") for line in screen.lines) == 0
    assert "500 [/x]" in screen.text
    assert screen.lines[-1].endswith("< [b]")


def test_a_url_that_is_broken_does_not_break_the_story():
    exchange = replace(copy_exchange("B", 404, "Not Found"), url="https://[half/x")
    assert "> Host: [half" in told([ExchangeSeen("p", exchange, 0.1)]).text
