"""What it means how bytes went over HTTP between us and one endpoint: whole files, and parts of them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from tpcharness.diagnosis.plain_verdict import judge_plain
from tpcharness.diagnosis.verdict import Verdict, of_failure
from tpcharness.model.failure import Failure
from tpcharness.model.reason import Reason
from tpcharness.model.result import Alternative
from tpcharness.model.variant import Blame, Phase
from tpcharness.wire.fingerprint import Implementation, Server
from tpcharness.wire.ranges import Span, uncovered

_WHOLE, _PART = 200, 206
# How servers say that they do not do it; dCache's doors said 500 to several ranges (dCache#4493).
_NO_RANGES = frozenset({400, 405, 416, 501})
_NO_VECTORS = _NO_RANGES | {500}

_EITHER = (Blame.DESTINATION, Blame.PATH)
_ANYBODY = (*_EITHER, Blame.CLIENT)


@dataclass(frozen=True, slots=True)
class Stream:
    """How far the bytes of a file had come when something went wrong; `size` is all of them.

    A download is `begun` when the answer's head has come, an upload with its first byte. What was sent has been taken
    by the connection, which says nothing of the server: an upload without an answer may be cut although all has gone.
    """

    failure: Failure
    moved: int
    size: int
    begun: bool
    upload: bool = False
    server: Server | None = None


def judge_stream(seen: Stream) -> Verdict:
    """The verdict on an upload or a download that came to no end.

    Between us and one endpoint a cut, and most stalls, look the same whether the storage or something on the way
    brings them about; slow is slow, or our own limit short. What is known better has a blame already.
    """
    failure = seen.failure
    if failure.blame is not None or failure.reason.phase is Phase.TOKEN:
        return of_failure(failure, Blame.ISSUER)
    if failure.reason is Reason.CONNECTION_LOST and seen.begun and (seen.upload or seen.moved < seen.size):
        return _cut(seen)
    if failure.reason is Reason.STREAM_STALLED:
        return _open(failure, *_EITHER)
    if failure.reason is Reason.DEADLINE:
        return _open(failure, *_ANYBODY)
    return of_failure(failure, Blame.DESTINATION)


def _cut(seen: Stream) -> Verdict:
    what = "sent" if seen.upload else "received"
    detail = f"{seen.failure.detail}, after {seen.moved} of {seen.size} bytes {what}"
    verdict = _open(Failure(Reason.TRANSFER_CUT, detail), *_EITHER)
    server = seen.server
    if seen.upload and server is not None and server.implementation is Implementation.XROOTD and _is_five(server):
        # It closes without a word when its disk is full (xrootd 5; recording put-disk-full).
        full = Alternative(Reason.NO_SPACE, Blame.DESTINATION)
        return replace(verdict, alternatives=(full, *verdict.alternatives))
    return verdict


def _is_five(server: Server) -> bool:
    return server.version is not None and server.version[0] == 5


def _open(failure: Failure, *blames: Blame) -> Verdict:
    causes = tuple(Alternative(failure.reason, blame) for blame in blames)
    return Verdict(failure.reason, Blame.UNDETERMINED, causes, failure.detail)


@dataclass(frozen=True, slots=True)
class RangesSeen:
    """What came of one request for parts of a file of `size` bytes.

    `failure` is of the connection; `flaw` what is wrong with the answer's form. `got` are the parts that came whole,
    where the storage says that they belong; `wrong_at` is the place of the first byte that is not the file's.
    `told_size` is the Content-Length.
    """

    wanted: tuple[Span, ...]
    size: int
    status: int | None
    text: str = ""
    failure: Failure | None = None
    flaw: str = ""
    got: tuple[Span, ...] = ()
    wrong_at: int | None = None
    told_size: int | None = None
    received: int = 0


@dataclass(frozen=True, slots=True)
class RangesMean:
    """What is to be said of it: a verdict against somebody, or a warning, or nothing."""

    verdict: Verdict | None = None
    warning: str = ""


def judge_ranges(seen: RangesSeen) -> RangesMean:
    """What an answer to a Range means for jobs that read so.

    The whole file in place of a part, and no more than one part at a time, are what a server may do (RFC 9110 14.2):
    warnings. Another part than it says, or than was asked for, is a failure.
    """
    many = len(seen.wanted) > 1
    what = f"{len(seen.wanted)} ranges in one request" if many else "a range"
    if seen.failure is not None and not seen.flaw:
        return RangesMean(judge_stream(Stream(seen.failure, seen.received, seen.size, begun=seen.status is not None)))
    if seen.status == _WHOLE and not seen.flaw:
        return _judge_whole(seen, what)
    if seen.status == _PART:
        return _judge_parts(seen, what)
    if seen.status in (_NO_VECTORS if many else _NO_RANGES):
        said = f"{what}: answered {seen.status}"
        if many:
            return RangesMean(warning=f"{said}; vector reads of analysis jobs become many requests")
        return RangesMean(_against(Reason.RANGE_REFUSED, said))
    plain = judge_plain("GET", seen.status, seen.text, None)
    return RangesMean(of_failure(plain or Failure(Reason.RANGE_WRONG, f"{what}: {seen.flaw}"), Blame.DESTINATION))


def _judge_whole(seen: RangesSeen, what: str) -> RangesMean:
    if seen.told_size is not None and seen.told_size != seen.size:
        said = f"{what}: answered 200, which is the whole file, with {seen.told_size} of {seen.size} bytes"
        return RangesMean(_against(Reason.RANGE_WRONG, said))
    if seen.wrong_at is not None:
        return RangesMean(_against(Reason.CONTENT_MISMATCH, f"{what}: byte {seen.wrong_at} is not the file's"))
    return RangesMean(warning=f"{what}: answered with the whole file (200); analysis jobs would read all of it")


def _judge_parts(seen: RangesSeen, what: str) -> RangesMean:
    if seen.flaw:
        return RangesMean(_against(Reason.RANGE_WRONG, f"{what}: {seen.flaw}"))
    missing = uncovered(seen.wanted, seen.got)
    if missing:
        got = ", ".join(map(str, seen.got[:8])) or "nothing"
        said = f"{what}: asked for {', '.join(map(str, missing[:8]))}, got {got}"
        return RangesMean(_against(Reason.RANGE_WRONG, said))
    if seen.wrong_at is not None:
        return RangesMean(_against(Reason.CONTENT_MISMATCH, f"{what}: byte {seen.wrong_at} is not the file's"))
    return RangesMean()


def _against(reason: Reason, detail: str) -> Verdict:
    return Verdict(reason, Blame.DESTINATION, hint=detail)
