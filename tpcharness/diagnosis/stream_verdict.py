"""What it means when bytes between us and one root door stop: whether the door or the way to it has stopped them."""

from __future__ import annotations

from dataclasses import dataclass

from tpcharness.diagnosis.verdict import Party, Verdict, blamed, of_failure
from tpcharness.model.failure import Failure
from tpcharness.model.reason import Reason
from tpcharness.model.variant import Blame
from tpcharness.wire.copy_request import Mode


@dataclass(frozen=True, slots=True)
class Broken:
    """How a stream ended before its time. `stalled`: one of our clocks ran out.

    `answers`: asked on the same connection for a sign of life, the server gave one while our bytes were still owing.
    """

    failure: Failure
    stalled: bool = False
    answers: bool = False


def judge_root_stream(broken: Broken) -> Verdict:
    """The verdict for an endpoint alone: we are its client, so that it is the destination.

    A sign of life comes in the order of the connection's bytes. Whoever gives one has got all that we sent before, and
    has nothing on the way to us: then it is the server that does not go on. Silence may be the server or the network;
    so may a connection that breaks in the middle of the bytes. A deadline may be too short.
    """
    failure = broken.failure
    if failure.blame is not None:
        return of_failure(failure, failure.blame)
    if broken.stalled and broken.answers and failure.reason is not Reason.DEADLINE:
        hint = f"{failure.detail}; it still answers a ping on the same connection"
        return Verdict(failure.reason, Blame.DESTINATION, hint=hint)
    if failure.reason is Reason.DEADLINE:
        parties: tuple[Party, ...] = (Party.DESTINATION, Party.PATH, Party.CLIENT)
    elif broken.stalled or failure.reason is Reason.TRANSFER_CUT:
        parties = (Party.DESTINATION, Party.PATH)
    else:
        return of_failure(failure, Blame.DESTINATION)
    return blamed(failure.reason, Mode.PULL, *parties).with_hint(failure.detail)
