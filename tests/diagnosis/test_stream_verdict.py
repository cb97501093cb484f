"""What it means when bytes between us and a root door stop."""

from __future__ import annotations

import pytest

from tpcharness.diagnosis.stream_verdict import Broken, judge_root_stream
from tpcharness.model.failure import Failure
from tpcharness.model.reason import Reason
from tpcharness.model.variant import Blame

IT, WAY, US = Blame.DESTINATION, Blame.PATH, Blame.CLIENT


@pytest.mark.parametrize(
    ("broken", "blames"),
    [
        (Broken(Failure(Reason.STREAM_STALLED), stalled=True, answers=True), {IT}),
        (Broken(Failure(Reason.STREAM_STALLED), stalled=True), {IT, WAY}),
        (Broken(Failure(Reason.DEADLINE), stalled=True, answers=True), {IT, WAY, US}),
        (Broken(Failure(Reason.TRANSFER_CUT)), {IT, WAY}),
        (Broken(Failure(Reason.NO_SPACE)), {IT}),
        (Broken(Failure(Reason.CONNECTION_LOST)), {IT}),
        (Broken(Failure(Reason.LOCAL_NETWORK, blame=US)), {US}),
    ],
)
def test_who_has_to_act(broken: Broken, blames: set[Blame]) -> None:
    verdict = judge_root_stream(broken)
    assert verdict.reason is broken.failure.reason
    assert {each.blame for each in verdict.alternatives} | {verdict.blame} - {Blame.UNDETERMINED} == blames
    assert (verdict.blame is Blame.UNDETERMINED) is (len(blames) > 1)


def test_a_sign_of_life_is_told() -> None:
    broken = Broken(Failure(Reason.STREAM_STALLED, "nothing for 9 s"), stalled=True, answers=True)
    assert judge_root_stream(broken).hint == "nothing for 9 s; it still answers a ping on the same connection"
