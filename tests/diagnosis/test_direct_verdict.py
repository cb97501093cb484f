"""Direct transfers: who has to act when the bytes stop, and what an answer to a Range means."""

from __future__ import annotations

import pytest

from tpcharness.diagnosis.direct_verdict import RangesSeen, Stream, judge_ranges, judge_stream
from tpcharness.model.failure import Failure
from tpcharness.model.reason import Reason
from tpcharness.model.variant import Blame
from tpcharness.wire.fingerprint import identify
from tpcharness.wire.ranges import Span

R, B = Reason, Blame
SIZE = 1000
ONE = (Span(500, 600),)
MANY = (Span(0, 10), Span(500, 510), Span(990, 1000))


@pytest.mark.parametrize("upload", [True, False])
@pytest.mark.parametrize(
    ("failure", "moved", "begun", "reason", "blames"),
    [
        (Failure(R.CONNECTION_LOST, "reset"), 10, True, R.TRANSFER_CUT, {B.DESTINATION, B.PATH}),
        (Failure(R.CONNECTION_LOST, "reset"), 0, True, R.TRANSFER_CUT, {B.DESTINATION, B.PATH}),
        (Failure(R.CONNECTION_LOST, "reset"), 0, False, R.CONNECTION_LOST, {B.DESTINATION}),
        (Failure(R.STREAM_STALLED, "0 bytes"), 10, True, R.STREAM_STALLED, {B.DESTINATION, B.PATH}),
        (Failure(R.STREAM_STALLED, "acked", B.DESTINATION), 10, True, R.STREAM_STALLED, {B.DESTINATION}),
        (Failure(R.DEADLINE, "slow"), 10, True, R.DEADLINE, {B.DESTINATION, B.PATH, B.CLIENT}),
        (Failure(R.NO_RESPONSE), SIZE, True, R.NO_RESPONSE, {B.DESTINATION}),
        (Failure(R.CONNECTION_REFUSED), 0, False, R.CONNECTION_REFUSED, {B.DESTINATION}),
        (Failure(R.LOCAL_NETWORK, "files", B.CLIENT), 0, False, R.LOCAL_NETWORK, {B.CLIENT}),
        (Failure(R.ISSUER_REFUSED), 0, False, R.ISSUER_REFUSED, {B.ISSUER}),
    ],
)
def test_a_transfer_that_came_to_no_end(
    failure: Failure, moved: int, begun: bool, reason: Reason, blames: set[Blame], upload: bool
) -> None:
    verdict = judge_stream(Stream(failure, moved, SIZE, begun, upload=upload))
    assert verdict.reason is reason
    assert ({each.blame for each in verdict.alternatives} or {verdict.blame}) == blames
    assert (verdict.blame is B.UNDETERMINED) is (len(blames) > 1)
    assert {each.reason for each in verdict.alternatives} <= {reason}
    assert failure.detail in verdict.hint


def test_what_all_has_come_of_cannot_be_cut_but_what_was_only_sent_can() -> None:
    lost = Failure(R.CONNECTION_LOST, "reset")
    read = judge_stream(Stream(lost, SIZE, SIZE, begun=True))
    sent = judge_stream(Stream(lost, SIZE, SIZE, begun=True, upload=True))
    assert (read.reason, read.blame) == (R.CONNECTION_LOST, B.DESTINATION)
    assert (sent.reason, sent.blame) == (R.TRANSFER_CUT, B.UNDETERMINED)


@pytest.mark.parametrize(
    ("server", "upload", "full"),
    [
        ("XrootD/v5.5.3", True, True),
        ("XrootD/v5.5.3", False, False),
        ("XRootD", True, False),
        ("dCache/9.2.21", True, False),
        ("", True, False),
    ],
)
def test_only_xrootd_5_may_have_a_full_disk_when_it_cuts_an_upload(server: str, upload: bool, full: bool) -> None:
    lost = Failure(R.CONNECTION_LOST, "reset")
    verdict = judge_stream(Stream(lost, 10, SIZE, begun=True, upload=upload, server=identify(server)))
    assert (R.NO_SPACE in {each.reason for each in verdict.alternatives}) is full
    assert verdict.reason is R.TRANSFER_CUT


def meaning(seen: RangesSeen) -> tuple[Reason | None, bool]:
    """The reason, if there is one, and whether there is a warning."""
    found = judge_ranges(seen)
    if found.verdict is not None:
        assert found.verdict.blame is B.DESTINATION
        assert found.verdict.hint
    return (found.verdict and found.verdict.reason), bool(found.warning)


@pytest.mark.parametrize("wanted", [ONE, MANY])
@pytest.mark.parametrize(
    ("status", "told", "flaw", "right", "wrong_at", "reason", "warned"),
    [
        (206, None, "", True, None, None, False),
        (206, None, "", True, 500, R.CONTENT_MISMATCH, False),
        (206, None, "", False, None, R.RANGE_WRONG, False),
        (206, None, "", False, 500, R.RANGE_WRONG, False),
        (206, None, "no part at all", False, None, R.RANGE_WRONG, False),
        (200, SIZE, "", False, None, None, True),
        (200, None, "", False, None, None, True),
        (200, SIZE, "", False, 3, R.CONTENT_MISMATCH, False),
        (200, 100, "", False, 0, R.RANGE_WRONG, False),
        (200, None, "the part ends too early", False, 0, R.RANGE_WRONG, False),
        (204, 0, "", False, None, R.RANGE_WRONG, False),
        (401, None, "", False, None, R.UNAUTHENTICATED, False),
        (403, None, "", False, None, R.FORBIDDEN, False),
        (404, None, "", False, None, R.NOT_FOUND, False),
        (503, None, "", False, None, R.OVERLOADED, False),
    ],
)
def test_an_answer_to_a_range(
    wanted: tuple[Span, ...],
    status: int,
    told: int | None,
    flaw: str,
    right: bool,
    wrong_at: int | None,
    reason: Reason | None,
    warned: bool,
) -> None:
    got = wanted if right else (Span(1, 9),)
    seen = RangesSeen(wanted, SIZE, status, flaw=flaw, got=got, wrong_at=wrong_at, told_size=told)
    assert meaning(seen) == (reason, warned)


@pytest.mark.parametrize("status", [400, 405, 416, 501])
def test_to_refuse_several_is_a_warning_and_to_refuse_one_a_failure(status: int) -> None:
    assert meaning(RangesSeen(MANY, SIZE, status)) == (None, True)
    assert meaning(RangesSeen(ONE, SIZE, status)) == (R.RANGE_REFUSED, False)


def test_a_server_that_fails_at_several_ranges_only_is_warned_of() -> None:
    assert meaning(RangesSeen(MANY, SIZE, 500)) == (None, True)
    assert meaning(RangesSeen(ONE, SIZE, 500)) == (R.SERVER_ERROR, False)


def test_neighbours_may_be_joined_and_more_than_asked_for_may_come() -> None:
    assert meaning(RangesSeen(MANY, SIZE, 206, got=(Span(400, 1000), Span(0, 10)))) == (None, False)


def test_what_is_missing_is_named() -> None:
    found = judge_ranges(RangesSeen(MANY, SIZE, 206, got=(MANY[0], MANY[2])))
    assert found.verdict is not None
    assert "asked for 500-509, got 0-9, 990-999" in found.verdict.hint


def test_a_connection_that_breaks_within_parts() -> None:
    lost = Failure(R.CONNECTION_LOST, "reset")
    found = judge_ranges(RangesSeen(MANY, SIZE, 206, failure=lost, received=17))
    assert found.verdict is not None
    assert (found.verdict.reason, found.verdict.blame) == (R.TRANSFER_CUT, B.UNDETERMINED)
    before = judge_ranges(RangesSeen(MANY, SIZE, None, failure=lost))
    assert before.verdict is not None
    assert (before.verdict.reason, before.verdict.blame) == (R.CONNECTION_LOST, B.DESTINATION)
