"""What the answer to a COPY means: by implementation, version, status, text and phase together (design 5.3)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from tpcharness.diagnosis.patterns import PATTERNS, RELAYED_STATUS, without_names
from tpcharness.diagnosis.verdict import Party, Verdict, blamed, of_failure
from tpcharness.model.failure import Failure
from tpcharness.model.reason import Reason
from tpcharness.wire.copy_request import CopyAnswer, Mode
from tpcharness.wire.fingerprint import Implementation, Server
from tpcharness.wire.markers import Terminal, TerminalKind


class Stall(StrEnum):
    """Which of our clocks ended the wait for a verdict (http-tpc 6.3, rule 6)."""

    FIRST_MARKER = "first_marker"
    FIRST_BYTE = "first_byte"
    PROGRESS = "progress"
    SILENCE = "silence"
    DEADLINE = "deadline"


@dataclass(frozen=True, slots=True)
class CopySeen:
    """Everything that was seen of one COPY, from the request to the last byte of its answer.

    `text` is the body of a refusal, or the lines that fit no marker grammar. `state` are the words of the last marker
    on what the storage is doing. `without_tokens`: a redirect led to a host that may not have them. `failure` is what
    broke the exchange on our side of it; `stall` which of our clocks did.
    """

    mode: Mode
    server: Server
    answer: CopyAnswer | None
    status: int | None
    text: str = ""
    terminal: Terminal | None = None
    markers: int = 0
    state: str = ""
    without_tokens: bool = False
    failure: Failure | None = None
    stall: Stall | None = None


_STALLS: dict[Stall, tuple[Reason, tuple[Party, ...]]] = {
    Stall.FIRST_MARKER: (Reason.NO_FIRST_MARKER, (Party.ACTIVE,)),
    Stall.SILENCE: (Reason.MARKER_SILENCE, (Party.ACTIVE,)),
    # A storage that waits for its own disks shows the same markers as one that waits for the other end.
    Stall.FIRST_BYTE: (Reason.NO_FIRST_BYTE, (Party.SOURCE, Party.DESTINATION, Party.PATH)),
    Stall.PROGRESS: (Reason.NO_PROGRESS, (Party.SOURCE, Party.DESTINATION, Party.PATH)),
    # Bytes still moved: it is slow, or the time that we gave it was short.
    Stall.DEADLINE: (Reason.DEADLINE, (Party.SOURCE, Party.DESTINATION, Party.PATH, Party.CLIENT)),
}

# They write a marker only when bytes have moved (Pelican's origin_serve/tpc_handler.go).
_SILENT_WHILE_BYTES_STAND = frozenset({Implementation.PELICAN})

_WANTS_A_TOKEN = frozenset(
    {Reason.UNAUTHENTICATED, Reason.FORBIDDEN, Reason.PASSIVE_UNAUTHENTICATED, Reason.PASSIVE_FORBIDDEN}
)

# dCache's State words while no mover runs: it has not even asked the passive party (http-tpc 1.4, 6.2).
_QUEUED = re.compile(r"queued|selecting pool|waiting for", re.IGNORECASE)

_PASSIVE_STATUS: dict[int, Reason] = {
    401: Reason.PASSIVE_UNAUTHENTICATED,
    403: Reason.PASSIVE_FORBIDDEN,
    404: Reason.PASSIVE_NOT_FOUND,
    410: Reason.PASSIVE_NOT_FOUND,
    429: Reason.PASSIVE_OVERLOADED,
    503: Reason.PASSIVE_OVERLOADED,
}

_ACTIVE_STATUS: dict[int, Reason] = {
    400: Reason.BAD_REQUEST,
    401: Reason.UNAUTHENTICATED,
    403: Reason.FORBIDDEN,
    404: Reason.NOT_FOUND,
    405: Reason.TPC_UNSUPPORTED,
    410: Reason.NOT_FOUND,
    413: Reason.NO_SPACE,
    429: Reason.OVERLOADED,
    501: Reason.TPC_UNSUPPORTED,
    503: Reason.OVERLOADED,
    507: Reason.NO_SPACE,
}

# Of a storage that receives, for everybody who has nothing else to say (RFC 4918 9.8.5).
_RECEIVING_STATUS: dict[int, Reason] = {409: Reason.PARENT_MISSING, 412: Reason.DESTINATION_EXISTS}

# The same status means different things at different implementations (http-tpc 1.8).
_STATUS_OF: dict[tuple[Implementation, Mode, int], Reason] = {
    (Implementation.DCACHE, Mode.PULL, 401): Reason.FORBIDDEN,
    (Implementation.DCACHE, Mode.PUSH, 401): Reason.FORBIDDEN,
    (Implementation.XROOTD, Mode.PULL, 401): Reason.FORBIDDEN,
    (Implementation.XROOTD, Mode.PUSH, 401): Reason.FORBIDDEN,
    (Implementation.EOS, Mode.PULL, 401): Reason.FORBIDDEN,
    (Implementation.EOS, Mode.PUSH, 401): Reason.FORBIDDEN,
    (Implementation.XROOTD, Mode.PULL, 409): Reason.DESTINATION_EXISTS,
    (Implementation.EOS, Mode.PULL, 409): Reason.DESTINATION_EXISTS,
    # Its origin only pulls; it takes a push for a WebDAV COPY to another host (origin_serve/tpc_handler.go).
    (Implementation.PELICAN, Mode.PUSH, 502): Reason.TPC_UNSUPPORTED,
}


def judge_copy(seen: CopySeen) -> Verdict | None:
    """The verdict on a COPY; None when it was called a success, which is then still to be verified."""
    verdict = _judge(seen)
    if verdict is not None and seen.without_tokens and verdict.reason in _WANTS_A_TOKEN:
        hint = "the active party redirects to another host, where no token may follow: see redirect_auth"
        return blamed(Reason.UNAUTHENTICATED, seen.mode, Party.ACTIVE).with_hint(hint)
    return verdict


def _judge(seen: CopySeen) -> Verdict | None:
    if seen.terminal is not None:
        return _judge_terminal(seen, seen.terminal)
    if seen.stall is not None:
        reason, parties = _STALLS[seen.stall]
        if seen.server.implementation in _SILENT_WHILE_BYTES_STAND and seen.stall is not Stall.DEADLINE:
            parties = _STALLS[Stall.PROGRESS][1]
        if seen.stall is Stall.FIRST_BYTE and _QUEUED.search(seen.state):
            parties = (Party.ACTIVE,)
        return blamed(reason, seen.mode, *parties)
    # Broken framing has one name, whether the head came before it or with it.
    broken = seen.failure is not None and seen.failure.reason is Reason.MALFORMED_RESPONSE
    if seen.status is None or broken or (seen.failure is not None and seen.answer is CopyAnswer.REDIRECT):
        return _judge_silence(seen)
    # 405 and 501 as well: XRootD 6 relays what the source says of itself.
    if seen.answer is CopyAnswer.REFUSED or seen.status >= 400:
        return _judge_refusal(seen, seen.status)
    if seen.answer is CopyAnswer.UNSUPPORTED:
        return blamed(Reason.TPC_UNSUPPORTED, seen.mode, Party.ACTIVE)
    if seen.markers == 0 and seen.text.strip() and seen.failure is None:
        # A 2xx with a whole body in which nothing is of the grammar: something else answers here.
        return blamed(Reason.MARKERS_GARBLED, seen.mode, Party.ACTIVE)
    return blamed(Reason.NO_VERDICT, seen.mode, Party.ACTIVE)


def _judge_terminal(seen: CopySeen, terminal: Terminal) -> Verdict | None:
    if terminal.kind is TerminalKind.SUCCESS:
        return None
    told = judge_text(terminal.text, seen.server.implementation, seen.mode)
    if told is not None:
        return told
    if terminal.kind is TerminalKind.ABORTED:
        return blamed(Reason.ABORTED, seen.mode, Party.ACTIVE)
    return blamed(Reason.TRANSFER_FAILED, seen.mode, Party.UNKNOWN)


def _judge_silence(seen: CopySeen) -> Verdict:
    """No head came, or a redirect led nowhere."""
    failure = seen.failure or Failure(Reason.NO_RESPONSE)
    waits = seen.mode is Mode.PULL and not _answers_by_itself(seen.server)
    if waits and failure.reason is Reason.NO_RESPONSE and failure.blame is None:
        # XRootD 5 says nothing while it waits for the source's HEAD (xrootd 5): silence has many causes.
        return blamed(Reason.NO_RESPONSE, seen.mode, Party.ACTIVE, Party.PASSIVE, Party.PATH)
    return of_failure(failure, Party.ACTIVE.blame(seen.mode))


# A proxy's "no SSL certificate was sent" or a database's "connection refused" are the active party's own troubles: a
# refusal concerns the passive one only if it names another server.
_OF_THE_PASSIVE = frozenset(reason for reason in Reason if reason.value.startswith("passive_"))
_SPEAKS_OF_ANOTHER = re.compile(r"\b(?:remote|source|destination|passive|peer|third.party)\b|https?://", re.IGNORECASE)


def _answers_by_itself(server: Server) -> bool:
    """Whether it answers a pull in time whatever the source does.

    dCache and StoRM do not ask the source before; XRootD 6 does, and gives up after 60 s (http-tpc 1.3, 1.11).
    """
    match server.implementation:
        case Implementation.DCACHE | Implementation.STORM | Implementation.EOS:
            return True
        case Implementation.XROOTD:
            return server.version is not None and server.version >= (6,)
        case _:
            return False


def _judge_refusal(seen: CopySeen, status: int) -> Verdict:
    implementation = seen.server.implementation
    told = judge_text(seen.text, implementation, seen.mode)
    if told is not None and (told.reason not in _OF_THE_PASSIVE or _SPEAKS_OF_ANOTHER.search(seen.text)):
        return told
    reason = _STATUS_OF.get((implementation, seen.mode, status)) or _ACTIVE_STATUS.get(status)
    if reason is None and seen.mode is Mode.PULL:
        reason = _RECEIVING_STATUS.get(status)
    if reason is None:
        reason = Reason.SERVER_ERROR if status >= 500 else Reason.BAD_REQUEST
    if reason is Reason.NO_SPACE:
        return blamed(reason, seen.mode, Party.DESTINATION)
    return blamed(reason, seen.mode, Party.ACTIVE)


def judge_text(text: str, implementation: Implementation, mode: Mode) -> Verdict | None:
    """What a failure text means, or None when no row of the table knows it.

    A passive party's status that is passed on comes first: what the passive party says of itself in the quoted
    message behind it must not be read as the active one's words.
    """
    folded = without_names(text)
    for expression in RELAYED_STATUS:
        found = expression.search(folded)
        if found:
            return _judge_relayed(int(found.group(1)), folded[found.end() :], mode)
    push = mode is Mode.PUSH
    for pattern in PATTERNS:
        if pattern.applies(implementation, push=push) and pattern.expression.search(folded):
            return blamed(pattern.reason, mode, *pattern.parties)
    return None


def _judge_relayed(status: int, quoted: str, mode: Mode) -> Verdict:
    space = "no space" in quoted.lower() or "quota" in quoted.lower()
    if mode is Mode.PUSH and (status in (413, 507) or space):
        return blamed(Reason.NO_SPACE, mode, Party.DESTINATION)
    if 300 <= status < 400:
        return blamed(Reason.PASSIVE_REDIRECT, mode, Party.PASSIVE)
    return blamed(_PASSIVE_STATUS.get(status, Reason.PASSIVE_ERROR), mode, Party.PASSIVE)
