"""What gfal2 says when a copy fails: an errno and a text, from which the storages' words are won back.

davix, which copies by WebDAV for it, throws the body of a refusal away and keeps the status (http-tpc 4.1), so that
causes which the https probes tell apart are one here; then all are named. A failure line and XRootD's texts come
through whole, and mean what they mean elsewhere. Plug-ins without a table of their own are judged by errno.
"""

from __future__ import annotations

import errno
import re
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlsplit

from tpcharness.diagnosis.copy_verdict import CopySeen, Stall, judge_copy
from tpcharness.diagnosis.patterns import without_names
from tpcharness.diagnosis.verdict import Party, Verdict, blamed
from tpcharness.diagnosis.xroot_verdict import RootSeen, Step, judge_root_copy
from tpcharness.model.reason import Reason
from tpcharness.model.result import Alternative
from tpcharness.model.variant import Blame
from tpcharness.wire.copy_request import CopyAnswer, Mode
from tpcharness.wire.fingerprint import Implementation, Server
from tpcharness.wire.markers import Terminal, TerminalKind
from tpcharness.wire.xroot.answers import Refusal


class Scheme(StrEnum):
    """The protocol at both ends of a copy."""

    DAVS = "davs"
    ROOT = "root"
    GSIFTP = "gsiftp"
    SRM = "srm"


@dataclass(frozen=True, slots=True)
class GfalSeen:
    """How gfal2's copy ended: `code` is its errno, 0 a success; or which of our clocks ended the wait for it.

    `server` is the destination's software, where it has said so before. `markers`: how often bytes were reported.
    `source` and `destination` are the URLs: Globus names in its texts what failed it, and seldom whose it is.
    """

    scheme: Scheme
    server: Server
    code: int = 0
    text: str = ""
    stall: Stall | None = None
    markers: int = 0
    source: str = ""
    destination: str = ""


_R, _P = Reason, Party
_Cause = tuple[Reason, Party]

_STATUS = re.compile(r"\bcopy HTTP (\d{3})\b")
_TERMINAL = re.compile(r"\bTransfer (failure|aborted):? *(.*)", re.DOTALL | re.IGNORECASE)

# davix about its own connection to the destination, which is asked to pull; the first row that fits wins.
# fmt: off
_DAVIX: tuple[tuple[re.Pattern[str], tuple[_Cause, ...], str], ...] = tuple(
    (re.compile(expression, re.IGNORECASE), causes, source) for expression, causes, source in (
        (r"name resolution failed|could not resolve", ((_R.DNS_FAILURE, _P.DESTINATION),), "gfal2 2.21.3: errno 113"),
        (r"could not connect|connection refused",
         ((_R.CONNECTION_REFUSED, _P.DESTINATION), (_R.CONNECT_TIMEOUT, _P.DESTINATION),
          (_R.UNREACHABLE, _P.DESTINATION)), "davix's one text for all, errno 112"),
        (r"issuer is not trusted|bad certificate chain", ((_R.TLS_UNTRUSTED, _P.DESTINATION),), "neon"),
        (r"certificate has expired|not yet valid", ((_R.TLS_EXPIRED, _P.DESTINATION),), "neon"),
        (r"different hostname", ((_R.TLS_HOSTNAME, _P.DESTINATION),), "neon"),
        (r"certificate|\bSSL\b|\bTLS\b", ((_R.TLS_HANDSHAKE, _P.DESTINATION),), "neon"),
        # XRootD 5 says nothing at all while it waits for the source (xrootd 5).
        (r"time-?d? ?out",
         ((_R.NO_RESPONSE, _P.ACTIVE), (_R.NO_RESPONSE, _P.PASSIVE), (_R.NO_RESPONSE, _P.PATH),
          (_R.NO_VERDICT, _P.ACTIVE)), "davix: its own clock"),
        (r"could not read|connection (?:was )?(?:closed|reset|terminated|lost)|terminated|truncated|unexpected",
         ((_R.NO_VERDICT, _P.ACTIVE), (_R.CONNECTION_LOST, _P.ACTIVE), (_R.MARKERS_GARBLED, _P.ACTIVE)),
         "neon; davix's end of a stream without a verdict"),
        (r"redirect", ((_R.REDIRECT_LOOP, _P.ACTIVE), (_R.REDIRECT_INVALID, _P.ACTIVE)), "davix"),
    )
)

# What else a status may mean once its text is lost.
_BEHIND_STATUS: dict[int, tuple[_Cause, ...]] = {
    400: ((_R.PARENT_MISSING, _P.ACTIVE), (_R.IS_DIRECTORY, _P.ACTIVE), (_R.TPC_UNSUPPORTED, _P.ACTIVE),
          (_R.LOCAL_IO_ERROR, _P.ACTIVE)),  # recordings pull-onto-directory; XRootD 5.5.3 (xrootd 5)
    401: ((_R.FORBIDDEN, _P.ACTIVE), (_R.DESTINATION_EXISTS, _P.ACTIVE)),  # http-tpc 1.8
    409: ((_R.PARENT_MISSING, _P.ACTIVE), (_R.DESTINATION_EXISTS, _P.ACTIVE)),  # http-tpc 1.8
    412: ((_R.CHECKSUM_MISMATCH, _P.SOURCE),),  # XRootD 6, http-tpc 1.7
    500: ((_R.LOCAL_IO_ERROR, _P.ACTIVE), (_R.DESTINATION_EXISTS, _P.ACTIVE), (_R.IS_DIRECTORY, _P.ACTIVE),
          (_R.OVERLOADED, _P.ACTIVE)),  # XRootD 6.1 (xrootd 5b); dCache (http-tpc 1.8)
}

# The same of a storage that passes on what the source answered as its own status (XRootD 6, Pelican; xrootd 5b).
_RELAYED: dict[int, tuple[_Cause, ...]] = {
    401: ((_R.PASSIVE_UNAUTHENTICATED, _P.PASSIVE),),
    403: ((_R.PASSIVE_FORBIDDEN, _P.PASSIVE), (_R.PASSIVE_ADDRESS_FORBIDDEN, _P.ACTIVE)),
    404: ((_R.PASSIVE_NOT_FOUND, _P.PASSIVE),),
    410: ((_R.PASSIVE_NOT_FOUND, _P.PASSIVE),),
    429: ((_R.PASSIVE_OVERLOADED, _P.PASSIVE),),
    500: ((_R.PASSIVE_ERROR, _P.PASSIVE), (_R.PASSIVE_REFUSED, _P.PASSIVE), (_R.PASSIVE_REFUSED, _P.PATH),
          (_R.PASSIVE_TIMEOUT, _P.PASSIVE), (_R.PASSIVE_DNS_FAILURE, _P.ACTIVE), (_R.PASSIVE_TLS_FAILED, _P.ACTIVE),
          (_R.PASSIVE_TLS_FAILED, _P.PASSIVE)),
    503: ((_R.PASSIVE_OVERLOADED, _P.PASSIVE),),
}
_BEHIND_SILENCE: tuple[_Cause, ...] = (
    (_R.NO_RESPONSE, _P.ACTIVE), (_R.NO_RESPONSE, _P.PASSIVE), (_R.NO_RESPONSE, _P.PATH),
    (_R.NO_FIRST_BYTE, _P.SOURCE), (_R.NO_FIRST_BYTE, _P.DESTINATION), (_R.NO_FIRST_BYTE, _P.PATH),
    (_R.NO_FIRST_MARKER, _P.ACTIVE), (_R.MARKER_SILENCE, _P.ACTIVE),
)
_NEVER_RELAY = frozenset({Implementation.DCACHE, Implementation.STORM, Implementation.DPM})

# XrdCl about its own connections. It opens the source first and does not name it, then the destination, which it does;
# of the end of the copy it says nothing either, where a connection may have been lost or been silent at any place.
_XRDCL: tuple[tuple[re.Pattern[str], Reason, str], ...] = tuple(
    (re.compile(expression, re.IGNORECASE), reason, source) for expression, reason, source in (
        (r"auth failed|no protocols left|login failed", _R.UNAUTHENTICATED, "XrdCl errAuthFailed, errLoginFailed"),
        (r"not configured to support encryption", _R.TLS_HANDSHAKE, "XrdCl 5.5.3 at a door without TLS"),
        (r"tls error", _R.TLS_UNTRUSTED, "XrdCl errTlsError"),
        (r"invalid address|unknown host", _R.DNS_FAILURE, "XrdCl errInvalidAddr"),
        (r"connection (?:refused|error)", _R.CONNECTION_REFUSED, "XrdCl errConnectionError"),
        (r"redirect limit", _R.REDIRECT_LOOP, "XrdCl errRedirectLimit"),
        (r"expired|timeout", _R.NO_RESPONSE, "XrdCl errOperationExpired, errSocketTimeout"),
        (r"socket|stream disconnect|hand ?shake", _R.CONNECTION_LOST, "XrdCl errSocketError, errStreamDisconnect"),
    )
)

# errno of a plug-in without a table of its own (gsiftp, srm).
_ERRNO: dict[int, Reason] = {
    errno.ENOENT: _R.NOT_FOUND, errno.EACCES: _R.FORBIDDEN, errno.EPERM: _R.FORBIDDEN,
    errno.EEXIST: _R.DESTINATION_EXISTS, errno.ENOSPC: _R.NO_SPACE, errno.EDQUOT: _R.NO_SPACE,
    errno.EISDIR: _R.IS_DIRECTORY, errno.ECONNREFUSED: _R.CONNECTION_REFUSED, errno.EHOSTDOWN: _R.CONNECTION_REFUSED,
    errno.EHOSTUNREACH: _R.UNREACHABLE, errno.ENETUNREACH: _R.UNREACHABLE, errno.ETIMEDOUT: _R.NO_RESPONSE,
    errno.ECONNRESET: _R.CONNECTION_LOST, errno.EPIPE: _R.CONNECTION_LOST, errno.EINVAL: _R.BAD_REQUEST,
    errno.ENOSYS: _R.TPC_UNSUPPORTED, errno.EOPNOTSUPP: _R.TPC_UNSUPPORTED, errno.EBUSY: _R.OVERLOADED,
    errno.EAGAIN: _R.OVERLOADED, errno.ECANCELED: _R.ABORTED,
}
# The Globus texts say more than errno (ECOMM for most).
_GLOBUS: tuple[tuple[re.Pattern[str], Reason, str], ...] = tuple(
    (re.compile(expression, re.IGNORECASE), reason, source) for expression, reason, source in (
        (r"server side credential failure", _R.TLS_HANDSHAKE, "gridftp server without a host certificate: 530"),
        (r"\b530\b.*could not verify credential", _R.UNAUTHENTICATED, "gridftp server: 530, of our certificate"),
        (r"no space left|quota", _R.NO_SPACE, "gridftp server: 552, 553"),
        (r"is a directory", _R.IS_DIRECTORY, "gridftp server: 500"),
        (r"certificate .*expired|credential .*expired", _R.TLS_EXPIRED, "Globus GSI"),
        (r"can'?t get the issuer|untrusted|trusted ca|signing policy", _R.TLS_UNTRUSTED, "Globus GSI"),
        (r"530 |login (?:incorrect|denied)|gridmap|authorization", _R.UNAUTHENTICATED, "gridftp server: 530"),
        (r"gss|authentication|credential", _R.UNAUTHENTICATED, "Globus GSI"),
        (r"no such file|does not exist|not found", _R.NOT_FOUND, "gridftp server: 550"),
        (r"permission denied|access denied", _R.FORBIDDEN, "gridftp server: 550"),
        (r"file exists|already exists", _R.DESTINATION_EXISTS, "gridftp server: 553"),
        (r"unable to connect|connection refused", _R.CONNECTION_REFUSED, "globus_xio"),
        (r"resolve|unknown host|name or service", _R.DNS_FAILURE, "globus_xio"),
        (r"timed? ?out", _R.NO_RESPONSE, "globus_xio"),
        (r"reset by peer|broken pipe|end-of-file", _R.CONNECTION_LOST, "globus_xio"),
    )
)
# fmt: on

_ROOT_NUMBER = re.compile(r"server responded with an error: \[(\d{4})\] *(.*)", re.IGNORECASE | re.DOTALL)
_AT_DESTINATION = re.compile(r"\(destination\)\s*$", re.IGNORECASE)
_AT_SOURCE = re.compile(r"\(source\)\s*$", re.IGNORECASE)
# What the network between two storages can do as well as either of them.
_ON_THE_WAY = frozenset({_R.CONNECTION_REFUSED, _R.UNREACHABLE, _R.NO_RESPONSE, _R.CONNECTION_LOST})
_NO_AUTHORITIES = re.compile(r"unable to use CA cert", re.IGNORECASE)
# The destination's copy program speaks through the destination, with XrdCl's words or its exit code (5.5.3).
_BY_COPIER = re.compile(r"\[(?:ERROR|FATAL)\]|copy failed with return code", re.IGNORECASE)
_ENDING = re.compile(r"(?:\\x00|[\s\0])+$")  # XRootD ends a late answer by a NUL
_AT_OPEN = re.compile(r"unable to (?:open|create|access)|tpc not supported", re.IGNORECASE)
# What is the matter with our own X.509 credential; a server may have none either, and says so in the same words.
_SAID_BY_SERVER = re.compile(r"server responded with an error", re.IGNORECASE)
_NO_CREDENTIAL = re.compile(
    r"valid credentials could not be found|could not (?:open|load|read) the user|proxy credential.* expired",
    re.IGNORECASE,
)
_OURS_EXPIRED = re.compile(r"\b530\b.*could not verify credential.*expired", re.IGNORECASE)
_CREDENTIAL = (
    "gfal2 has no good X.509 credential: set X509_USER_PROXY, or X509_USER_CERT and X509_USER_KEY, and see that it "
    "has not expired"
)
_ROLE = re.compile(r"\b(SOURCE|DESTINATION)\b")


def judge_gfal(seen: GfalSeen) -> Verdict | None:
    """The verdict on a copy that gfal2 made; None when it was called a success, which is then still to be verified."""
    if seen.stall is not None:
        return _judge_stall(seen, seen.stall)
    if seen.code == 0:
        return None
    verdict = _judge(seen)
    return verdict if verdict.hint else verdict.with_hint(f"gfal2: error {seen.code}: {seen.text.strip()}")


def _judge_stall(seen: GfalSeen, stall: Stall) -> Verdict | None:
    """Our clock ended it. Where gfal2 told no bytes, nobody knows whether the storage answered at all."""
    verdict = judge_copy(CopySeen(Mode.PULL, seen.server, None, None, stall=stall))
    if verdict is None or stall is not Stall.DEADLINE or seen.markers:
        return verdict
    return _of_several((*verdict.alternatives, *_alternatives(_BEHIND_SILENCE)))


def _judge(seen: GfalSeen) -> Verdict:
    if seen.code == errno.EPROTONOSUPPORT:
        return Verdict(_R.WORKER_UNAVAILABLE, Blame.CLIENT, hint=f"gfal2 here has no plug-in for {seen.scheme}")
    match seen.scheme:
        case Scheme.DAVS:
            return _judge_davs(seen)
        case Scheme.ROOT:
            return _judge_root(seen)
        case Scheme.GSIFTP | Scheme.SRM:
            return _judge_errno(seen)


def _judge_davs(seen: GfalSeen) -> Verdict:
    terminal = _TERMINAL.search(seen.text)
    if terminal is not None:
        kind = TerminalKind.FAILURE if terminal[1].lower() == "failure" else TerminalKind.ABORTED
        end = Terminal(kind, terminal[2], terminal[0])
        told = judge_copy(CopySeen(Mode.PULL, seen.server, CopyAnswer.ACCEPTED, 201, terminal=end))
        return told or blamed(_R.TRANSFER_FAILED, Mode.PULL, _P.UNKNOWN)
    status = _STATUS.search(seen.text)
    if status is not None:
        return _judge_status(seen.server, int(status[1]))
    text = without_names(seen.text)
    for expression, causes, _ in _DAVIX:
        if expression.search(text):
            return _one_of(causes)
    return blamed(_R.TRANSFER_FAILED, Mode.PULL, _P.UNKNOWN)


def _judge_status(server: Server, status: int) -> Verdict:
    """A refusal without its words: what the status means by itself, and all that it may mean besides."""
    plain = judge_copy(CopySeen(Mode.PULL, server, CopyAnswer.REFUSED, status))
    others = _BEHIND_STATUS.get(status, ())
    if _may_relay(server):
        others += _RELAYED.get(status, ())
    if plain is None or not others:
        return plain or blamed(_R.TRANSFER_FAILED, Mode.PULL, _P.UNKNOWN)
    return _of_several((Alternative(plain.reason, plain.blame), *_alternatives(others)))


def _may_relay(server: Server) -> bool:
    """Whether a status may be the source's: XRootD did not ask it before it answered until 6.0 (xrootd 5b)."""
    if server.implementation in (Implementation.XROOTD, Implementation.EOS):
        return server.version is None or server.version >= (6,)
    return server.implementation not in _NEVER_RELAY


def _judge_root(seen: GfalSeen) -> Verdict:
    """XrdCl's words; it is the client of both ends until the destination copies by itself."""
    text = _ENDING.sub("", seen.text)
    relayed = _ROOT_NUMBER.search(text)
    if relayed is None and _NO_AUTHORITIES.search(text):
        hint = f"gfal2's XrdCl knows no authorities: set ca_path or X509_CERT_DIR: {text}"
        return Verdict(_R.WORKER_UNAVAILABLE, Blame.CLIENT, hint=hint)
    if relayed is not None:
        return _judge_root_answer(Refusal(int(relayed[1]), relayed[2].strip()))
    for expression, reason, _ in _XRDCL:
        if expression.search(text):
            if _AT_DESTINATION.search(text):
                return blamed(reason, Mode.PULL, _P.DESTINATION)
            if _AT_SOURCE.search(text) or reason not in _ON_THE_WAY:
                return blamed(reason, Mode.PULL, _P.SOURCE)
            return blamed(reason, Mode.PULL, _P.SOURCE, _P.DESTINATION, _P.PATH)
    return blamed(_R.TRANSFER_FAILED, Mode.PULL, _P.UNKNOWN)


def _judge_root_answer(refusal: Refusal) -> Verdict:
    """What a server answered to XrdCl. Without a name for the end it is the source's refusal to open, or the end of the
    copy at the destination: XrdCl names no end after the second sync (XrdClThirdPartyCopyJob.cc).
    """
    copying = _judge_step(Step.COPY, _P.DESTINATION, refusal)
    if _BY_COPIER.match(refusal.text):
        return copying
    if _AT_DESTINATION.search(refusal.text):
        return _judge_step(Step.DESTINATION, _P.DESTINATION, refusal) if _AT_OPEN.search(refusal.text) else copying
    opening = _judge_step(Step.PLACEMENT, _P.SOURCE, refusal)
    if _AT_SOURCE.search(refusal.text) or _AT_OPEN.search(refusal.text):
        return opening
    if not copying.alternatives and copying.blame is not Blame.UNDETERMINED:
        return copying
    return _of_several((Alternative(opening.reason, opening.blame), *copying.alternatives))


def _judge_step(step: Step, party: Party, refusal: Refusal) -> Verdict:
    return judge_root_copy(RootSeen(step, party, refusal)) or blamed(_R.TRANSFER_FAILED, Mode.PULL, _P.UNKNOWN)


def _judge_errno(seen: GfalSeen) -> Verdict:
    said_by_server = _SAID_BY_SERVER.search(seen.text) is not None
    if (_OURS_EXPIRED if said_by_server else _NO_CREDENTIAL).search(seen.text):
        return Verdict(_R.TOKEN_SOURCE_FAILED, Blame.CLIENT, hint=f"{_CREDENTIAL}: {seen.text.strip()}")
    text = without_names(seen.text)
    reason = next((reason for expression, reason, _ in _GLOBUS if expression.search(text)), None)
    reason = reason or _ERRNO.get(seen.code)
    if reason is None:
        return blamed(_R.TRANSFER_FAILED, Mode.PULL, _P.UNKNOWN)
    if reason in (_R.NO_SPACE, _R.DESTINATION_EXISTS):
        return blamed(reason, Mode.PULL, _P.DESTINATION)
    party = _spoken_of(seen)
    if party is None:
        path = (_P.PATH,) if reason in _ON_THE_WAY else ()  # a firewall before the data ports, say
        return blamed(reason, Mode.PULL, _P.SOURCE, _P.DESTINATION, *path)
    if reason is _R.NOT_FOUND and party is _P.DESTINATION:
        reason = _R.PARENT_MISSING
    return blamed(reason, Mode.PULL, party)


def _spoken_of(seen: GfalSeen) -> Party | None:
    """Whose door or file a text names, or which role; None for both or neither.

    The files of a copy have different names, the doors of two endpoints different ports or hosts.
    """
    named = {
        party
        for party, url in ((_P.SOURCE, seen.source), (_P.DESTINATION, seen.destination))
        if url and any(part and part in seen.text for part in (urlsplit(url).netloc, urlsplit(url).path))
    }
    roles = named or {Party(role.lower()) for role in _ROLE.findall(seen.text)}
    return roles.pop() if len(roles) == 1 else None


def _one_of(causes: tuple[_Cause, ...]) -> Verdict:
    return _of_several(_alternatives(causes))


def _alternatives(causes: tuple[_Cause, ...]) -> tuple[Alternative, ...]:
    return tuple(Alternative(reason, party.blame(Mode.PULL)) for reason, party in causes)


def _of_several(causes: tuple[Alternative, ...]) -> Verdict:
    """The first reason, the likeliest; whose it is, if all of the causes are one party's."""
    distinct = tuple(dict.fromkeys(causes))
    if len(distinct) == 1:
        return Verdict(distinct[0].reason, distinct[0].blame)
    blames = {cause.blame for cause in distinct}
    return Verdict(distinct[0].reason, blames.pop() if len(blames) == 1 else Blame.UNDETERMINED, distinct)
