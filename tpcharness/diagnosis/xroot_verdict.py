"""What the steps of an xroot third-party copy mean when they fail (xroot 12, 16).

A refusal of our own request is the matter of whoever we asked. What the destination says of its copy is hearsay: it
runs a client of its own, whose last words stand in the text and tell which end it was about. Numbers alone say
little there: XRootD gives 3005 for nearly everything.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from tpcharness.diagnosis.copy_verdict import Stall
from tpcharness.diagnosis.patterns import without_names
from tpcharness.diagnosis.verdict import Party, Verdict, blamed, of_failure
from tpcharness.model.failure import Failure
from tpcharness.model.reason import Reason
from tpcharness.model.variant import Phase
from tpcharness.wire.copy_request import Mode
from tpcharness.wire.xroot.answers import Refusal
from tpcharness.wire.xroot.codes import ErrorNumber as Number


class Step(StrEnum):
    """What was done when it failed, in the order of a copy."""

    PLACEMENT = "placement"  # the source is opened: who has the file?
    ABILITY = "ability"  # both are asked whether they do third-party copies
    DESTINATION = "destination"  # the new file is opened
    START = "start"  # the first sync
    GRANT = "grant"  # the source is opened again, with the key
    COPY = "copy"  # the second sync, which waits for the end


@dataclass(frozen=True, slots=True)
class RootSeen:
    """How a copy ended. `party` is whom the step was about; `None` for all of the rest means that it went well.

    `arrived` are the bytes that the destination had when it was last looked at. `able` False: the server said itself
    that it does no third-party copies. `queued_seconds` is how long the destination let the copy wait. `where` is the
    server that a redirect led to, as host:port, and empty for the endpoint's own.
    """

    step: Step
    party: Party
    refusal: Refusal | None = None
    failure: Failure | None = None
    stall: Stall | None = None
    at_login: bool = False
    able: bool = True
    arrived: int = 0
    queued_seconds: float = 0.0
    where: str = ""


_R, _P = Reason, Party

# What a number means in an answer to a request of our own.
_NUMBERS: dict[int, Reason] = {
    Number.FILE_LOCKED: _R.DESTINATION_EXISTS,
    Number.IO_ERROR: _R.LOCAL_IO_ERROR,
    Number.NO_SPACE: _R.NO_SPACE,
    Number.OVER_QUOTA: _R.NO_SPACE,
    Number.NOT_AUTHORIZED: _R.FORBIDDEN,
    Number.READ_ONLY: _R.FORBIDDEN,
    Number.NOT_FOUND: _R.NOT_FOUND,
    Number.UNSUPPORTED: _R.TPC_UNSUPPORTED,
    Number.IS_DIRECTORY: _R.IS_DIRECTORY,
    Number.NOT_FILE: _R.IS_DIRECTORY,
    Number.IT_EXISTS: _R.DESTINATION_EXISTS,
    Number.OVERLOADED: _R.OVERLOADED,
    Number.IN_PROGRESS: _R.OVERLOADED,
    Number.AUTH_FAILED: _R.UNAUTHENTICATED,
    Number.ARG_INVALID: _R.BAD_REQUEST,
    Number.ARG_MISSING: _R.BAD_REQUEST,
    Number.ARG_TOO_LONG: _R.BAD_REQUEST,
    Number.INVALID_REQUEST: _R.BAD_REQUEST,
    Number.BAD_PAYLOAD: _R.BAD_REQUEST,
    Number.CONFLICT: _R.BAD_REQUEST,
    Number.SIGNATURE_ERROR: _R.BAD_REQUEST,
    Number.CANCELLED: _R.ABORTED,
    Number.CHECKSUM_ERROR: _R.CHECKSUM_MISMATCH,
}

# What the source told the destination's client: the number in brackets in its text.
_RELAYED: dict[int, Reason] = {
    Number.NOT_AUTHORIZED: _R.PASSIVE_FORBIDDEN,
    Number.AUTH_FAILED: _R.PASSIVE_UNAUTHENTICATED,
    Number.NOT_FOUND: _R.PASSIVE_NOT_FOUND,
    Number.OVERLOADED: _R.PASSIVE_OVERLOADED,
    Number.IO_ERROR: _R.PASSIVE_ERROR,
}

_RELAYED_NUMBER = re.compile(r"server responded with an error: \[(3\d\d\d)\]", re.IGNORECASE)
_EXPIRED = re.compile(r"authorization expired|ttl expired|tpc key (?:not valid|expired)|tpc rendezvous", re.IGNORECASE)
_AT_DESTINATION = re.compile(r"\(destination\)\s*$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Row:
    expression: re.Pattern[str]
    reason: Reason
    parties: tuple[Party, ...]
    source: str


def _row(expression: str, reason: Reason, *parties: Party, source: str) -> _Row:
    return _Row(re.compile(expression, re.IGNORECASE), reason, parties, source)


# What the destination's client writes in the end; the first row that fits wins.
# fmt: off
_TEXTS = (
    _row(r"no space left|disk quota|quota exceeded", _R.NO_SPACE, _P.DESTINATION,
         source="5.5.3: a full disk (xroot 12)"),
    _row(r"duplicate tpc auth|tpc key replayed", _R.PASSIVE_CUT, _P.SOURCE, _P.PATH,
         source="xrootd#1835: it has lost its connection and comes again with a key that was used"),
    _row(r"certificate has expired|certificate is not yet valid|hostname mismatch|host ?name.*not match",
         _R.PASSIVE_TLS_FAILED, _P.SOURCE, source="OpenSSL on the source's certificate"),
    _row(r"tls error: connection refused|not configured to support encryption", _R.PASSIVE_TLS_FAILED, _P.SOURCE,
         source="XrdCl: a source without TLS (xroot 11)"),
    _row(r"\btls error\b|certificate|\bssl\b", _R.PASSIVE_TLS_FAILED, _P.DESTINATION,
         source="XrdCl; whom it trusts is the destination's matter, and we trust the source (xroot 12)"),
    _row(r"auth failed|authentication .*failed|no protocols left|login failed", _R.PASSIVE_UNAUTHENTICATED,
         _P.SOURCE, _P.DESTINATION, source="XrdCl, dCache: the destination's own credential, or the source's rules"),
    _row(r"invalid address|unknown host|could ?n.t resolve|name or service not known", _R.PASSIVE_DNS_FAILURE,
         _P.DESTINATION, source="5.5.3: a name that its machine does not know (xroot 12)"),
    _row(r"redirect limit", _R.PASSIVE_REDIRECT, _P.SOURCE, source="XrdCl errRedirectLimit"),
    _row(r"connection refused|connection error", _R.PASSIVE_REFUSED, _P.SOURCE, _P.PATH,
         source="5.5.3: a closed port, after 480 s (xroot 12)"),
    _row(r"socket timeout|operation expired|timed? ?out", _R.PASSIVE_STALLED, _P.SOURCE, _P.PATH,
         source="5.5.3: a source that says nothing, after 660 s (xroot 12)"),
    _row(r"socket error|stream disconnect|hand ?shake failed|remote read failed|connection (?:lost|reset)",
         _R.PASSIVE_CUT, _P.SOURCE, _P.PATH, source="XrdCl; EOS 'TPC remote read failed' (xroot 12, 13)"),
    _row(r"checksum error|checksum mismatch", _R.CHECKSUM_MISMATCH, _P.SOURCE, _P.DESTINATION,
         source="XrdCl errCheckSumError"),
    _row(r"local write failed|local error", _R.LOCAL_IO_ERROR, _P.DESTINATION,
         source="XrdCl 'Local error'; EOS 'TPC local write failed' (xroot 12, 13)"),
    _row(r"tpc open failed for src_url", _R.PASSIVE_ERROR, _P.SOURCE, _P.PATH, source="EOS (xroot 13)"),
    _row(r"prematurely closed|\bcancell?ed\b", _R.ABORTED, _P.DESTINATION, source="5.5.3: 3017 (xroot 11)"),
    _row(r"shared librar|return code|not found in|\bexecv?e?\b", _R.SERVER_ERROR,
         _P.DESTINATION, source="5.5.3: a copy program that does not run (xroot 12)"),
)
# fmt: on

_STALLS: dict[Stall, tuple[Reason, tuple[Party, ...]]] = {
    # A source that is refused, mute or stalled shows as silence only, for many minutes (xroot 1).
    Stall.FIRST_BYTE: (_R.NO_FIRST_BYTE, (_P.SOURCE, _P.DESTINATION, _P.PATH)),
    Stall.PROGRESS: (_R.NO_PROGRESS, (_P.SOURCE, _P.DESTINATION, _P.PATH)),
    Stall.DEADLINE: (_R.DEADLINE, (_P.SOURCE, _P.DESTINATION, _P.PATH, _P.CLIENT)),
}

_QUEUE_SECONDS = 5.0


def judge_root_copy(seen: RootSeen) -> Verdict | None:
    """The verdict on a copy; None when it was called a success, which is then still to be verified."""
    if not seen.able:
        return blamed(_R.TPC_UNSUPPORTED, Mode.PULL, seen.party).with_hint(
            "it says that it does no xroot copies (ofs.tpc)"
        )
    if seen.stall is not None:
        reason, parties = _STALLS[seen.stall]
        return blamed(reason, Mode.PULL, *parties)
    if seen.failure is not None:
        return of_failure(seen.failure, seen.party.blame(Mode.PULL))
    if seen.refusal is None:
        return None
    if seen.step is Step.COPY and not seen.at_login:
        return _judge_copy(seen, seen.refusal)
    return _judge_refusal(seen, seen.refusal)


def judge_own(refusal: Refusal, *, at_login: bool = False, where: str = "") -> Failure:
    """What a server's refusal of a plain request of ours means; whose it is, the caller knows.

    `where` is the server that a redirect led to.
    """
    reason = _R.UNAUTHENTICATED if at_login else _NUMBERS.get(refusal.number, _R.SERVER_ERROR)
    if reason is _R.TPC_UNSUPPORTED:
        reason = _R.SERVER_ERROR
    return Failure(reason, told(refusal, where))


def told(refusal: Refusal, where: str = "") -> str:
    """A refusal in one line for people; `where` is the server, if it is not the endpoint's own."""
    text = f"error {refusal.number}: {refusal.text}" if refusal.text else f"error {refusal.number}"
    return f"{where}: {text}" if where else text


def _judge_refusal(seen: RootSeen, refusal: Refusal) -> Verdict:
    """A request of ours was refused by whom we sent it to."""
    if seen.at_login:
        reason = _R.OVERLOADED if refusal.number == Number.OVERLOADED else _R.UNAUTHENTICATED
        return blamed(reason, Mode.PULL, seen.party).with_hint(told(refusal, seen.where))
    reason = _NUMBERS.get(refusal.number, _R.SERVER_ERROR)
    text = refusal.text.lower()
    if "tpc not supported" in text:
        reason = _R.TPC_UNSUPPORTED
    elif "no space left" in text:
        reason = _R.NO_SPACE
    elif reason is _R.NOT_FOUND and seen.step is Step.DESTINATION:
        reason = _R.PARENT_MISSING
    elif reason is _R.DESTINATION_EXISTS and seen.party is Party.SOURCE:
        reason = _R.OVERLOADED  # somebody has the file open for writing; it passes
    return blamed(reason, Mode.PULL, seen.party).with_hint(told(refusal, seen.where))


def _judge_copy(seen: RootSeen, refusal: Refusal) -> Verdict:
    """The destination says why its copy failed."""
    text = without_names(refusal.text)
    verdict = _judge_words(seen, refusal, text)
    return verdict if verdict.hint else verdict.with_hint(told(refusal))


def _judge_words(seen: RootSeen, refusal: Refusal, text: str) -> Verdict:
    if _EXPIRED.search(text):
        return _judge_expired(seen, refusal)
    for row in _TEXTS[:2]:
        if row.expression.search(text):
            return blamed(row.reason, Mode.PULL, *row.parties)
    if _AT_DESTINATION.search(text):
        return _judge_own_end(text)
    relayed = _RELAYED_NUMBER.search(text)
    if relayed is not None:
        return blamed(_RELAYED.get(int(relayed.group(1)), _R.PASSIVE_ERROR), Mode.PULL, Party.SOURCE)
    for row in _TEXTS[2:]:
        if row.expression.search(text):
            return blamed(row.reason, Mode.PULL, *row.parties)
    if text.lower().endswith("(source)"):
        return blamed(_R.PASSIVE_ERROR, Mode.PULL, Party.SOURCE, Party.PATH)
    if refusal.number in _NUMBERS and refusal.number != Number.UNSUPPORTED:
        # dCache and EOS give the number of what happened, on either side.
        return blamed(_R.TRANSFER_FAILED, Mode.PULL, Party.SOURCE, Party.DESTINATION)
    return blamed(_R.TRANSFER_FAILED, Mode.PULL, Party.UNKNOWN)


def _judge_own_end(text: str) -> Verdict:
    """What the destination's client says of the end that it writes to: in no word of it the source is meant.

    Behind a proxy or in a cluster that end is a server as well, which answers by numbers.
    """
    if "checksum" in text.lower():  # of what it has read against what it has written
        return blamed(_R.CHECKSUM_MISMATCH, Mode.PULL, Party.SOURCE, Party.DESTINATION)
    relayed = _RELAYED_NUMBER.search(text)
    reason = _R.LOCAL_IO_ERROR if relayed is None else _NUMBERS.get(int(relayed.group(1)), _R.SERVER_ERROR)
    return blamed(_R.PARENT_MISSING if reason is _R.NOT_FOUND else reason, Mode.PULL, Party.DESTINATION)


def _judge_expired(seen: RootSeen, refusal: Refusal) -> Verdict:
    """The source did not find the destination's request among those that we had announced."""
    if seen.queued_seconds > _QUEUE_SECONDS:
        hint = f"{told(refusal)}; the destination let the copy wait {seen.queued_seconds:.0f} s in its own queue"
        return blamed(_R.OVERLOADED, Mode.PULL, Party.DESTINATION).with_hint(hint)
    if seen.arrived:
        # A key serves one open: after a broken connection the second one waits until the key's end (xroot 1).
        return blamed(_R.PASSIVE_CUT, Mode.PULL, Party.SOURCE, Party.PATH)
    hint = (
        f"{told(refusal)}; the source knows us or the destination by another name or address than we think, "
        "or their connection broke"
    )
    return blamed(_R.PASSIVE_FORBIDDEN, Mode.PULL, Party.SOURCE, Party.PATH, Party.CLIENT).with_hint(hint)


def is_before_asking(failure: Failure) -> bool:
    """Whether the server certainly got no request."""
    return failure.reason.phase in (Phase.RESOLVE, Phase.CONNECT, Phase.TLS)
