"""What reads through a cache say: whether the second came from the cache itself, and whose a failure is.

xroot has no header for hits and misses (xrootd 8); what is left are two signs, an identity and a time.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from tpcharness.diagnosis.stream_verdict import Broken, judge_root_stream
from tpcharness.diagnosis.verdict import Verdict
from tpcharness.model.reason import Reason
from tpcharness.model.result import Alternative
from tpcharness.model.variant import Blame, Phase

FASTER = 2 / 3
"""A warm read in no more than this share of the cold one's time is called a hit..."""
SAVED_SECONDS = 0.005
"""...if it saves as much at least: less may be chance."""


class Warmth(StrEnum):
    """Where the bytes of a second read came from."""

    OWN_COPY = "a hit: the cache shows a copy of its own"
    FASTER = "a hit by its time"
    UNKNOWN = "hit or miss cannot be told"


@dataclass(frozen=True, slots=True)
class ReadSeen:
    """One whole read: which server gave it, and under which number that server knows the file.

    `seconds` is the time of the bytes once the file was open: to open it, a proxy without a memory may need longer the
    first time as well, for its connection to the origin.
    """

    seconds: float
    server: str = ""
    identity: str = ""


def judge_warmth(cold: ReadSeen, warm: ReadSeen) -> Warmth:
    """What the second read of a file that was new to the cache was.

    XCache shows the origin's number of a file in the first read and that of its own copy afterwards (seen on 5.5.3);
    numbers and times of different servers are not compared.
    """
    if cold.server != warm.server:
        return Warmth.UNKNOWN
    if cold.identity and warm.identity and cold.identity != warm.identity:
        return Warmth.OWN_COPY
    if warm.seconds <= FASTER * cold.seconds and cold.seconds - warm.seconds >= SAVED_SECONDS:
        return Warmth.FASTER
    return Warmth.UNKNOWN


def why_unknown(cold: ReadSeen, warm: ReadSeen) -> str:
    """The warning for a result that cannot tell."""
    if cold.server != warm.server:
        return f"cold read at {cold.server}, warm read at {warm.server}: {Warmth.UNKNOWN}"
    return (
        f"warm read not faster than cold: {Warmth.UNKNOWN} (bytes in {warm.seconds:.4f} s after {cold.seconds:.4f} s)"
    )


# No origin speaks through these: the bytes were right there, and the protocol is the cache's own.
_SAID_BY_THE_CACHE = frozenset(
    {Reason.CONTENT_MISMATCH, Reason.MALFORMED_RESPONSE, Reason.REDIRECT_LOOP, Reason.REDIRECT_INVALID}
)

_BEFORE_ASKING = (Phase.RESOLVE, Phase.CONNECT, Phase.TLS)
"""Failures of our own connection: a cache of several servers sends us from one to the next."""


@dataclass(frozen=True, slots=True)
class CacheFailure:
    """A read through a cache that failed while the origin gave us the file.

    `cache` is its host and port; `own`: it stands on one of the endpoint's own hosts. `inside`: it had let us in, so
    that it may have failed at its origin. `cold`: the cache had to ask its origin.
    """

    broken: Broken
    cache: str
    own: bool
    inside: bool
    cold: bool
    witness: str


def judge_cache(seen: CacheFailure) -> Verdict:
    """The verdict for the endpoint that is the origin.

    A cache on other hosts is part of the way to the endpoint: `path`. One on the endpoint's own is the endpoint's. What
    a cache refuses while it needs its origin may be its own fault, or the origin's towards the cache: the same words.
    """
    failure = seen.broken.failure
    hint = f"cache {seen.cache}: {failure.detail or failure.reason}; {seen.witness}"
    if failure.blame is not None:
        return Verdict(failure.reason, failure.blame, hint=hint)
    if seen.own:
        return judge_root_stream(seen.broken).with_hint(hint)
    own_words = failure.reason in _SAID_BY_THE_CACHE or failure.reason.phase in _BEFORE_ASKING
    relayed = seen.inside and seen.cold and not own_words
    if not relayed:
        return Verdict(failure.reason, Blame.PATH, hint=hint)
    if failure.reason is Reason.NOT_FOUND:
        hint += "; is the path in `cache` right?"
    either = tuple(Alternative(failure.reason, blame) for blame in (Blame.PATH, Blame.DESTINATION))
    return Verdict(failure.reason, Blame.UNDETERMINED, either, hint)
