"""The clocks that watch a COPY, each alone, and what is made of answers that no storage should give."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace

import pytest

from tests.probes.piecemeal import LIMITS, Script, ask_for_copy, at_once
from tpcharness.diagnosis.copy_verdict import Stall
from tpcharness.model.reason import Reason
from tpcharness.model.settings import TimeLimits
from tpcharness.model.variant import Blame
from tpcharness.wire.copy_request import CopyAnswer, Mode

R = Reason
BEAT_SECONDS = 0.05
PATIENCE_SECONDS = 0.4
SIZE = 1000
HEAD = b"HTTP/1.1 202 Accepted\r\nServer: XRootD\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n"
LENGTHY = "\r\nContent-Length: "


def chunk(text: str) -> bytes:
    return b"%x\r\n%s\r\n" % (len(text), text.encode())


def marker(claimed: int) -> bytes:
    return chunk(f"Perf Marker\nTimestamp: 1\nStripe Bytes Transferred: {claimed}\nTotal Stripe Count: 1\nEnd\n")


SUCCESS = chunk("success: Created") + b"0\r\n\r\n"


def beating(claims: Callable[[int], bytes], *, beats: int = 1_000_000, then: bytes = b"") -> Script:
    """A storage that says something every 50 ms, and in the end something else; then it waits."""

    async def script() -> AsyncIterator[bytes]:
        yield HEAD
        for beat in range(beats):
            yield claims(beat)
            await asyncio.sleep(BEAT_SECONDS)
        if then:
            yield then
        await asyncio.Event().wait()

    return script


def only(**seconds: float) -> TimeLimits:
    """Every other clock has all the time of the world."""
    return replace(LIMITS, **seconds)


EITHER = {Blame.SOURCE, Blame.DESTINATION, Blame.PATH}


@pytest.mark.parametrize(
    ("clock", "limits", "script", "reason", "suspects"),
    [
        (
            Stall.FIRST_MARKER,
            only(first_marker_seconds=PATIENCE_SECONDS),
            beating(lambda _: chunk("\n")),  # anything but a marker
            R.NO_FIRST_MARKER,
            set(),
        ),
        (
            Stall.FIRST_BYTE,
            only(first_byte_seconds=PATIENCE_SECONDS),
            beating(lambda _: marker(0)),
            R.NO_FIRST_BYTE,
            EITHER,
        ),
        (
            Stall.PROGRESS,
            only(no_progress_seconds=PATIENCE_SECONDS),
            beating(lambda beat: marker(min(beat, 4) * 10)),
            R.NO_PROGRESS,
            EITHER,
        ),
        (
            Stall.SILENCE,
            only(marker_silence_seconds=PATIENCE_SECONDS),
            beating(marker, beats=4),
            R.MARKER_SILENCE,
            set(),
        ),
        (
            Stall.DEADLINE,
            only(transfer_seconds=PATIENCE_SECONDS),
            beating(marker),
            R.DEADLINE,
            EITHER | {Blame.CLIENT},
        ),
    ],
    ids=[clock.value for clock in Stall],
)
async def test_each_clock_runs_out_alone(
    clock: Stall, limits: TimeLimits, script: Script, reason: Reason, suspects: set[Blame]
) -> None:
    run, verdict = await ask_for_copy(script, Mode.PULL, size=SIZE, limits=limits)
    assert run.stall is clock
    assert run.may_run_on
    assert run.seconds >= PATIENCE_SECONDS
    assert verdict is not None
    assert verdict.reason is reason
    assert verdict.blame is (Blame.UNDETERMINED if suspects else Blame.DESTINATION)
    assert {alternative.blame for alternative in verdict.alternatives} == suspects


@pytest.mark.parametrize(
    ("limits", "script"),
    [
        # A clock that was satisfied does not come back.
        (only(first_marker_seconds=PATIENCE_SECONDS), beating(lambda _: marker(0), beats=12, then=SUCCESS)),
        (only(first_byte_seconds=PATIENCE_SECONDS), beating(lambda _: marker(1), beats=12, then=SUCCESS)),
        # Once all bytes are claimed only closing the file is left, which may take its time.
        (only(no_progress_seconds=PATIENCE_SECONDS), beating(lambda _: marker(SIZE), beats=12, then=SUCCESS)),
        (only(first_byte_seconds=PATIENCE_SECONDS), beating(lambda _: marker(SIZE), beats=12, then=SUCCESS)),
        (only(no_progress_seconds=PATIENCE_SECONDS), beating(marker, beats=12, then=SUCCESS)),
        (only(marker_silence_seconds=PATIENCE_SECONDS), beating(lambda _: marker(0), beats=12, then=SUCCESS)),
        (only(marker_silence_seconds=0.0), beating(lambda _: marker(0), beats=1, then=SUCCESS)),
    ],
    ids=["first-marker", "first-byte", "all-claimed", "all-claimed-at-once", "progress", "silence", "silence-off"],
)
async def test_a_clock_that_is_kept_content_never_runs_out(limits: TimeLimits, script: Script) -> None:
    run, verdict = await ask_for_copy(script, Mode.PULL, size=SIZE, limits=limits)
    assert (run.stall, verdict) == (None, None)
    assert not run.may_run_on


async def test_a_verdict_ends_the_copy_although_the_connection_stays_open() -> None:
    """XRootD 5.5.3 keeps it after a COPY, whatever it is asked."""
    run, verdict = await ask_for_copy(beating(lambda _: marker(1), beats=1, then=chunk("failure: x\n")), Mode.PUSH)
    assert run.terminal is not None
    assert verdict is not None
    assert (verdict.reason, verdict.blame, run.markers.count) == (R.TRANSFER_FAILED, Blame.UNDETERMINED, 1)


async def test_a_last_line_that_never_ends_is_no_verdict() -> None:
    """Not even "success: Created": who knows what the rest of the line would have been."""
    limits = only(marker_silence_seconds=PATIENCE_SECONDS)
    run, verdict = await ask_for_copy(
        beating(lambda _: marker(1), beats=1, then=chunk("success: Created")), Mode.PULL, size=SIZE, limits=limits
    )
    assert run.terminal is None
    assert verdict is not None
    assert verdict.reason is R.MARKER_SILENCE


async def test_markers_are_counted_and_added_up() -> None:
    stripes = chunk(
        "Perf Marker\nStripe Index: 0\nStripe Bytes Transferred: 300\nTotal Stripe Count: 2\n"
        "RemoteConnections: tcp:[2001:db8::1]:443,tcp:192.0.2.1:443\nEnd\n"
        "Perf Marker\nStripe Index: 1\nStripe Bytes Transferred: 200\nTotal Stripe Count: 2\nEnd\n"
    )
    run, verdict = await ask_for_copy(at_once([HEAD, marker(0), stripes, SUCCESS]), Mode.PULL)
    assert verdict is None
    assert (run.markers.count, run.markers.bytes_claimed) == (3, 500)
    assert run.markers.remote_connections == ("tcp:[2001:db8::1]:443", "tcp:192.0.2.1:443")
    assert run.markers.first_byte_seconds is not None


def page(status: str, content_type: str, body: str = "<html>hello</html>") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Type: {content_type}{LENGTHY}{len(body)}\r\n\r\n{body}".encode()


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (page("200 OK", "text/html"), R.TPC_UNSUPPORTED),
        (page("204 No Content", "text/plain", ""), R.TPC_UNSUPPORTED),
        (page("207 Multi-Status", "application/xml"), R.TPC_UNSUPPORTED),
        (page("202 Accepted", "text/plain", "hello\nworld\n"), R.MARKERS_GARBLED),
        (page("202 Accepted", "text/plain", ""), R.NO_VERDICT),
        (page("201 Created", "text/plain", ""), R.NO_VERDICT),
        (page("202 Accepted", "text/plain", "Perf Marker\nStripe Index: 0\nEnd\nSuccessor: none\n"), R.NO_VERDICT),
        (page("418 I'm a teapot", "text/plain", "short and stout"), R.BAD_REQUEST),
        (page("599 Odd", "text/plain", "?"), R.SERVER_ERROR),
        (page("307 Temporary Redirect", "text/plain", ""), R.REDIRECT_INVALID),
        (b"", R.CONNECTION_LOST),
        (b"HTTP/1.1 202 Acc", R.CONNECTION_LOST),
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", R.MALFORMED_RESPONSE),
        (HEAD + b"zz\r\nfailure", R.MALFORMED_RESPONSE),
        (HEAD + marker(1) + b"7fffffff\r\nsuc", R.NO_VERDICT),
    ],
    ids=[
        *("page", "nothing", "multistatus", "prose", "empty", "created", "no-grammar", "teapot", "odd", "nowhere"),
        *("hung-up", "half-a-head", "ssh", "bad-chunk", "cut-chunk"),
    ],
)
async def test_what_is_no_answer_to_a_copy_is_the_active_partys(raw: bytes, reason: Reason, mode: Mode) -> None:
    _, verdict = await ask_for_copy(at_once([raw]), mode)
    assert verdict is not None
    active = Blame.DESTINATION if mode is Mode.PULL else Blame.SOURCE
    assert (verdict.reason, verdict.blame, verdict.alternatives) == (reason, active, ())


@pytest.mark.parametrize("mode", Mode)
async def test_framing_that_breaks_under_way_is_seen_at_once(mode: Mode) -> None:
    """And not when the patience with a silent storage is over."""

    async def script() -> AsyncIterator[bytes]:
        yield HEAD
        for beat in range(3):
            yield marker(beat)
            await asyncio.sleep(BEAT_SECONDS)
        yield b"zz\r\nfailure: x\r\n"
        await asyncio.Event().wait()

    run, verdict = await ask_for_copy(script, mode)
    assert (run.markers.count, run.stall) == (3, None)
    assert verdict is not None
    assert (verdict.reason, verdict.alternatives) == (R.MALFORMED_RESPONSE, ())


async def test_a_storage_that_never_answers_may_be_at_work() -> None:
    async def script() -> AsyncIterator[bytes]:
        await asyncio.Event().wait()
        yield b""

    run, verdict = await ask_for_copy(script, Mode.PUSH, limits=only(response_seconds=PATIENCE_SECONDS))
    assert run.may_run_on
    assert not run.never_sent
    assert verdict is not None
    assert (verdict.reason, verdict.blame) == (R.NO_RESPONSE, Blame.SOURCE)


async def test_the_text_of_a_refusal_that_never_ends_is_read_for_a_while_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tpcharness.probes.copying.REFUSAL_SECONDS", PATIENCE_SECONDS)

    async def script() -> AsyncIterator[bytes]:
        yield b"HTTP/1.1 403 Forbidden\r\nServer: dCache/9.2\r\nContent-Length: 500\r\n\r\nPermission denied"
        await asyncio.Event().wait()

    run, verdict = await ask_for_copy(script, Mode.PULL)
    assert (run.answer, run.text) == (CopyAnswer.REFUSED, "Permission denied")
    assert not run.may_run_on
    assert verdict is not None
    assert (verdict.reason, verdict.blame) == (R.FORBIDDEN, Blame.DESTINATION)


async def test_an_endless_refusal_is_cut() -> None:
    async def script() -> AsyncIterator[bytes]:
        yield b"HTTP/1.1 500 Oh\r\nTransfer-Encoding: chunked\r\n\r\n"
        while True:
            yield chunk("no such luck\n" * 500)

    run, verdict = await ask_for_copy(script, Mode.PULL)
    assert len(run.text) == 16 * 1024
    assert verdict is not None
    assert verdict.reason is R.SERVER_ERROR
