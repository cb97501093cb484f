"""The marker grammar: every dialect, every way to cut the bytes, every kind of rubbish."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.marker_reading import Reading
from tpcharness.wire.markers import (
    JUNK_CHARACTERS,
    MAX_CONNECTIONS,
    MAX_STRIPES,
    Marker,
    MarkerStream,
    Progress,
    Terminal,
    TerminalKind,
)

SUCCESS, FAILURE, ABORTED = TerminalKind.SUCCESS, TerminalKind.FAILURE, TerminalKind.ABORTED

XROOTD = b"""\
Perf Marker
Timestamp: 1795352284
Stripe Index: 0
Stripe Bytes Transferred: 480000
Total Stripe Count: 1
RemoteConnections: tcp:127.0.0.1:51771
End
success: Created"""

DCACHE = b"""\
Perf Marker
    Timestamp: 1795352284
    State: Queued on pool
    State description: Mover created
    Stripe Index: 0
    Total Stripe Count: 1
End
Perf Marker
    Timestamp: 1795352289
    State: Running
    State description: Mover created
    Stripe Index: 0
    Stripe Start Time: 1795352285
    Stripe Last Transferred: 1795352288
    Stripe Transfer Time: 4
    Stripe Bytes Transferred: 970000
    Stripe Status: RUNNING
    Total Stripe Count: 1
    RemoteConnections: tcp:192.0.2.1:2880,tcp:[2001:db8::1]:2880
End
success: Created
"""

PELICAN = b"Perf Marker\nStripe Index: 0\nStripe Bytes Transferred: 7\nTotal Stripe Count: 1\nEnd\nsuccess: Created\n"

MISSPELT = (
    b"perf marker\r\n\ttimestamp:1\r\n\tStrip Index: 2\r\n\tStrip Bytes Transferred:  9 \r\n"
    b"\tTotal Strip Count: 3\r\nend\r\nSuccess\r\n"
)

TWO_STRIPES = b"".join(
    b"Perf Marker\nStripe Index: %d\nStripe Bytes Transferred: %d\nTotal Stripe Count: 2\nEnd\n" % stripe
    for stripe in ((0, 10), (1, 5), (0, 30))
)

BODIES = {
    "xrootd": XROOTD,
    "dcache": DCACHE,
    "dcache-crlf": DCACHE.replace(b"\n", b"\r\n"),
    "pelican": PELICAN,
    "misspelt": MISSPELT,
    "two-stripes": TWO_STRIPES + b"failure: no\n",
    "garbled": b"8f\r\n" + XROOTD + b"\r\n0\r\n\r\n",
    "broken-utf8": b"\xff\xfe\nfailure: \xe2\x82 \xc3\xa9\n",
    "nothing": b"",
    "page": b"<html>\n<body>It works!</body>\n</html>\n",
}


def test_xrootd_marker_and_verdict_without_line_end() -> None:
    reading = Reading(XROOTD)
    assert reading.markers == [
        Marker(
            timestamp=1795352284,
            stripe_index=0,
            stripe_count=1,
            bytes_transferred=480000,
            remote_connections=("tcp:127.0.0.1:51771",),
        )
    ]
    assert reading.terminal == Terminal(SUCCESS, "Created", "success: Created")
    assert reading.stream.junk_lines == 0


def test_dcache_first_block_has_no_bytes_and_second_has_everything() -> None:
    queued, running = Reading(DCACHE).markers
    assert queued.bytes_transferred is None
    assert (queued.state, queued.state_description) == ("Queued on pool", "Mover created")
    assert running == Marker(
        timestamp=1795352289,
        bytes_transferred=970000,
        last_transferred=1795352288,
        state="Running",
        state_description="Mover created",
        stripe_status="RUNNING",
        remote_connections=("tcp:192.0.2.1:2880", "tcp:[2001:db8::1]:2880"),
    )


def test_crlf_reads_as_lf() -> None:
    assert Reading(BODIES["dcache-crlf"]).everything == Reading(DCACHE).everything


def test_pelican_has_no_timestamp() -> None:
    (marker,) = Reading(PELICAN).markers
    assert marker == Marker(bytes_transferred=7)


def test_misspelt_keys_in_any_case() -> None:
    reading = Reading(MISSPELT)
    assert reading.markers == [Marker(timestamp=1, stripe_index=2, stripe_count=3, bytes_transferred=9)]
    assert reading.terminal == Terminal(SUCCESS, "", "Success")


def test_old_dcache_has_numbers_for_states() -> None:
    (marker,) = Reading(b"Perf Marker\n State: 10\n State description: querying job\nEnd\n").markers
    assert (marker.state, marker.state_description) == ("10", "querying job")


def test_newer_storm_has_a_connection_key_that_is_ignored() -> None:
    reading = Reading(b"Perf Marker\nConnection: tcp:192.0.2.1:1:192.0.2.2:2\nRemoteConnections:\nEnd\n")
    assert reading.markers == [Marker()]
    assert reading.stream.junk_lines == 0


@pytest.mark.parametrize(
    ("line", "kind", "text"),
    [
        ("Success", SUCCESS, ""),
        ("success: Created", SUCCESS, "Created"),
        ("SUCCESS:Created", SUCCESS, "Created"),
        ("   success", SUCCESS, ""),
        ("\tsuccess: Created\r", SUCCESS, "Created"),
        ("success - done", SUCCESS, "- done"),
        ("Failed: no such file", FAILURE, "no such file"),
        ("failed", FAILURE, ""),
        ("failure: rejected GET: 404 Not Found", FAILURE, "rejected GET: 404 Not Found"),
        ("Failure:", FAILURE, ""),
        ("failure: success: Created", FAILURE, "success: Created"),
        ("aborted: client went away", ABORTED, "client went away"),
        ("Aborted", ABORTED, ""),
    ],
)
@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
@pytest.mark.parametrize("before", [b"", b"Perf Marker\nStripe Index: 0\n", XROOTD[: XROOTD.index(b"success")]])
def test_terminal_lines(line: str, kind: TerminalKind, text: str, end: str, before: bytes) -> None:
    reading = Reading(before + (line + end).encode())
    assert reading.terminal == Terminal(kind, text, line.strip())


@pytest.mark.parametrize(
    "line",
    [
        "",
        "succ",
        "Successor: none",
        "successfully",
        "success_rate: 1",
        "unsuccessful",
        "abort",
        "fail",
        "ok",
        "OK: success",
    ],
)
@pytest.mark.parametrize("end", ["", "\n"])
def test_no_verdict(line: str, end: str) -> None:
    reading = Reading((line + end).encode())
    assert reading.terminal is None
    assert reading.stream.junk == line


@pytest.mark.parametrize(
    "body", [b"", b"\n\n \r\n", XROOTD[: XROOTD.index(b"success")], XROOTD[: -len(b"ess: Created")]]
)
def test_end_of_body_without_verdict(body: bytes) -> None:
    assert Reading(body).terminal is None


def test_nothing_counts_after_the_terminal_line() -> None:
    reading = Reading(b"failure: x\nsuccess: Created\nrubbish\n", XROOTD, b"more")
    assert reading.terminal == Terminal(FAILURE, "x", "failure: x")
    assert (reading.markers, reading.stream.junk_lines) == ([], 0)


def test_verdict_is_there_as_soon_as_it_is_read_and_stays() -> None:
    stream = MarkerStream()
    assert stream.feed(b"success: Created") == []
    (event,) = stream.feed(b"\n")
    assert stream.terminal is event
    assert stream.finish() is event
    assert stream.finish() is event


def test_finish_twice_counts_rubbish_once() -> None:
    stream = MarkerStream()
    stream.feed(b"No Source or Destination specified")
    assert stream.finish() is None
    assert stream.finish() is None
    assert (stream.junk, stream.junk_lines) == ("No Source or Destination specified", 1)


@pytest.mark.parametrize(
    "body",
    [
        b"Perf Marker\nStripe Bytes Transferred: 12",
        b"Perf Marker\nStripe Bytes Transferred: 12\n",
        b"Perf Marker\nStripe Bytes Transferred: 12\nsuccess: Created\n",
    ],
)
def test_a_block_without_end_is_no_marker(body: bytes) -> None:
    reading = Reading(body)
    assert (reading.markers, reading.stream.marker_count, reading.stream.junk_lines) == ([], 0, 0)


def test_a_new_block_replaces_one_that_was_cut() -> None:
    reading = Reading(b"Perf Marker\nState: Running\nStripe Bytes Trans\nPerf Marker\nTimestamp: 2\nEnd\n")
    assert reading.markers == [Marker(timestamp=2)]
    assert reading.stream.junk == "Stripe Bytes Trans"


@pytest.mark.parametrize(
    "number",
    ["", "-1", "+1", "1e3", "1.5", "0x10", "1_000", "nan", "9" * 400, "9" * 20, "١٢", "1 2"],
)
def test_absurd_numbers_are_none(number: str) -> None:
    body = f"Perf Marker\nTimestamp: {number}\nStripe Bytes Transferred: {number}\nStripe Index: {number}\nEnd\n"
    (marker,) = Reading(body.encode()).markers
    assert (marker.timestamp, marker.bytes_transferred, marker.stripe_index) == (None, None, 0)


def test_unknown_keys_are_ignored_inside_a_block_and_rubbish_outside() -> None:
    reading = Reading(b"Perf Marker\nState: x\nColour: blue\n: \nState\nEnd\nColour: blue\nEnd\n")
    assert reading.markers == [Marker(state="x")]
    assert reading.stream.junk.splitlines() == ["State", "Colour: blue", "End"]
    assert reading.stream.junk_lines == 3


def test_raw_chunk_sizes_in_the_body_are_rubbish_beside_the_markers() -> None:
    reading = Reading(BODIES["garbled"])
    assert (reading.stream.junk, len(reading.markers)) == ("8f", 1)
    assert reading.terminal is not None


def test_rubbish_is_counted_and_its_excerpt_bounded() -> None:
    reading = Reading(b"some rubbish\n" * 10_000)
    assert reading.stream.junk_lines == 10_000
    assert len(reading.stream.junk) == JUNK_CHARACTERS
    assert reading.terminal is None


def test_invalid_utf8_is_replaced() -> None:
    terminal = Reading(BODIES["broken-utf8"]).terminal
    assert terminal is not None
    assert terminal.text == "\N{REPLACEMENT CHARACTER} é"


@pytest.mark.parametrize("pieces", [1, 7, 64, 10_000])
def test_overlong_lines_keep_their_beginning(pieces: int) -> None:
    line = b"failure: " + b"x" * 5000
    body = b"y" * 3000 + b"\n" + line + b"\nsuccess\n"
    reading = Reading(*(body[i : i + pieces] for i in range(0, len(body), pieces)), max_line_bytes=1000)
    assert reading.terminal is not None
    assert (reading.terminal.kind, len(reading.terminal.line)) == (FAILURE, 1000)
    assert (reading.stream.overlong, reading.stream.junk_lines) == (True, 1)


def test_a_line_of_exactly_the_limit_is_not_overlong() -> None:
    reading = Reading(b"x" * 100 + b"\n" + b"y" * 100, max_line_bytes=100)
    assert (reading.stream.overlong, reading.stream.junk_lines) == (False, 2)


def test_an_endless_line_takes_bounded_memory() -> None:
    stream = MarkerStream()
    for _ in range(1000):
        stream.feed(b"z" * 65536)
    assert len(stream._line) == 8192
    stream.feed(b"\nsuccess: Created\n")
    assert stream.terminal is not None
    assert stream.overlong


def test_connections_of_one_marker_are_bounded() -> None:
    names = b",".join(b"tcp:%d" % i for i in range(500))
    (marker,) = Reading(b"Perf Marker\nRemoteConnections: " + names + b",,\nEnd\n").markers
    assert len(marker.remote_connections) == MAX_CONNECTIONS


@pytest.mark.parametrize("name", BODIES)
def test_every_split_in_two_reads_the_same(name: str) -> None:
    body = BODIES[name]
    whole = Reading(body).everything
    for cut in range(len(body) + 1):
        assert Reading(body[:cut], body[cut:]).everything == whole, cut


@pytest.mark.parametrize("name", BODIES)
def test_byte_by_byte_reads_the_same(name: str) -> None:
    body = BODIES[name]
    assert Reading(*(bytes([byte]) for byte in body)).everything == Reading(body).everything


_LINES = st.lists(
    st.one_of(
        st.sampled_from(
            [b"Perf Marker", b"End", b"  Timestamp: 12", b"Stripe Bytes Transferred: 5", b"success", b"failure: x", b""]
        ),
        st.binary(max_size=40),
    ),
    max_size=30,
)


@given(
    lines=_LINES, end=st.sampled_from([b"\n", b"\r\n"]), cuts=st.lists(st.integers(0, 400)), limit=st.integers(1, 60)
)
def test_any_body_in_any_pieces_reads_the_same(lines: list[bytes], end: bytes, cuts: list[int], limit: int) -> None:
    body = end.join(lines)
    borders = [0, *sorted(min(cut, len(body)) for cut in cuts), len(body)]
    pieces = [body[start:stop] for start, stop in pairwise(borders)]
    assert Reading(*pieces, max_line_bytes=limit).everything == Reading(body, max_line_bytes=limit).everything


@given(st.binary(max_size=400))
def test_nothing_raises_and_success_is_never_made_up(body: bytes) -> None:
    terminal = Reading(body).terminal
    if terminal and terminal.kind is SUCCESS:
        assert b"success" in body.lower()


def test_progress_sums_the_latest_of_each_stripe() -> None:
    progress = Progress()
    assert progress.bytes_claimed is None
    seen: list[int | None] = []
    for marker in Reading(TWO_STRIPES).markers:
        progress.add(marker)
        seen.append(progress.bytes_claimed)
    assert seen == [10, 15, 35]


def test_progress_without_bytes_is_not_zero_bytes() -> None:
    progress = Progress()
    progress.add(Marker(state="Queued on pool"))
    assert progress.bytes_claimed is None
    progress.add(Marker(bytes_transferred=0))
    assert progress.bytes_claimed == 0


def test_progress_remembers_a_bounded_number_of_stripes_and_connections() -> None:
    progress = Progress()
    for index in range(MAX_STRIPES + 100):
        progress.add(Marker(stripe_index=index, bytes_transferred=1, remote_connections=(f"tcp:{index}", "tcp:0")))
    assert progress.bytes_claimed == MAX_STRIPES
    assert len(progress.remote_connections) == MAX_CONNECTIONS
    assert progress.remote_connections[:2] == ("tcp:0", "tcp:1")
