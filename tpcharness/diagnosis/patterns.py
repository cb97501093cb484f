"""What servers write when a copy fails, as data: one row per text, with what it means and who has to act.

A text may match several rows; the first row in the table wins, so that the particular stands before the general
(an XRootD prefixes "Error when interacting with local filesystem" to almost anything: XRootD issue 2878). Rows with
`implementations` apply to those only; the others apply to everybody, an unknown server included. Matching is on
text with white space folded, ignoring case. Where a row comes from stands in `source`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from tpcharness.diagnosis.verdict import Party
from tpcharness.model.reason import Reason
from tpcharness.wire.fingerprint import Implementation

XROOTD = (Implementation.XROOTD, Implementation.EOS)


@dataclass(frozen=True, slots=True)
class Pattern:
    """One text and its meaning; several parties mean that the text cannot tell them apart."""

    expression: re.Pattern[str]
    reason: Reason
    parties: tuple[Party, ...]
    source: str
    implementations: tuple[Implementation, ...] = ()
    push: bool | None = None

    def applies(self, implementation: Implementation, *, push: bool) -> bool:
        """Whether the row speaks of such a server in this mode."""
        return (not self.implementations or implementation in self.implementations) and self.push in (None, push)


def _row(
    expression: str,
    reason: Reason,
    *parties: Party,
    source: str,
    only: tuple[Implementation, ...] = (),
    push: bool | None = None,
) -> Pattern:
    return Pattern(re.compile(expression, re.IGNORECASE), reason, parties, source, only, push)


# The passive party's own status, as the active one passes it on; the group is the status.
RELAYED_STATUS: tuple[re.Pattern[str], ...] = (
    re.compile(r"remote host returned '(\d{3})\b", re.IGNORECASE),  # XRootD 6.1 recordings pull-404, pull-passive-*
    re.compile(r"remote side failed with status code (\d{3})\b", re.IGNORECASE),  # XRootD 5.5.3, 6.1 push-passive-*
    re.compile(r"rejected (?:GET|PUT|HEAD|DELETE|POST): (\d{3})\b", re.IGNORECASE),  # dCache, http-tpc 6.2
    re.compile(r"error (?:fetching|pushing) \S+: (\d{3})\b", re.IGNORECASE),  # StoRM, http-tpc 6.2
    re.compile(r"requested URL returned error: (\d{3})\b", re.IGNORECASE),  # curl 22
    # DPM; Pelican's origin_serve/tpc_handler.go
    re.compile(r"(?:server|remote|source) returned (?:http )?(?:status )?(?:code )?(\d{3})\b", re.IGNORECASE),
)

_R, _P = Reason, Party

# fmt: off
PATTERNS: tuple[Pattern, ...] = (
    _row(r"connection to (?:local|private)\S* addresses? is forbidden|local/private address",
         _R.PASSIVE_ADDRESS_FORBIDDEN, _P.ACTIVE, source="http-tpc 1.1, XRootD 5.9.3"),
    _row(r"no space left|disk quota|quota exceeded|quota-not-exceeded|code=-?28\b|insufficient storage|out of space",
         _R.NO_SPACE, _P.DESTINATION, source="recordings pull-disk-full; http-tpc 6.2"),
    _row(r"no useful checksum|no checksum in HEAD|file has no checksum",
         _R.CHECKSUM_UNAVAILABLE, _P.PASSIVE, source="dCache, http-tpc 6.2"),
    _row(r"mismatch between client-provided", _R.CHECKSUM_MISMATCH, _P.SOURCE,
         source="XRootD 6's 412 before any byte has moved, http-tpc 1.7"),
    _row(r"verification failed|checksum (?:mismatch|differ|does not match|verification)",
         _R.CHECKSUM_MISMATCH, _P.SOURCE, _P.DESTINATION, _P.PATH, source="dCache, XRootD 6, http-tpc 6.2"),
    _row(r"targetsize|file size mismatch", _R.SIZE_MISMATCH, _P.SOURCE, _P.DESTINATION, _P.PATH,
         source="EOS, when it closes what came too short; dCache#7511; http-tpc 6.2"),
    _row(r"does not match file size|provided size",
         _R.SIZE_MISMATCH, _P.SOURCE, _P.DESTINATION, source="dCache, http-tpc 6.2"),
    _row(r"could(?: not|n't) resolve host|unknownhostexception|unknown (?:source|destination) hostname|no such host"
         r"|resolving timed out",
         _R.PASSIVE_DNS_FAILURE, _P.ACTIVE, source="curl 6; Java; dCache, http-tpc 6.2"),
    _row(r"\bSSL_(?:read|write)\b|unexpected eof while reading|\bSSL\w*\b.*connection reset|SSL_ERROR_SYSCALL"
         r"|terminated the handshake",
         _R.PASSIVE_CUT, _P.PASSIVE, _P.PATH, source="libcurl over OpenSSL; Java: a connection that ends within TLS"),
    _row(r"SSL connection time-?out|handshake timed out", _R.PASSIVE_TIMEOUT, _P.PASSIVE, _P.PATH,
         source="libcurl 28; Go's crypto/tls"),
    _row(r"certificate has expired|certificate is not yet valid|notafter"
         r"|subject alternative (?:DNS |IP )?names?|subject name matches",
         _R.PASSIVE_TLS_FAILED, _P.PASSIVE, source="OpenSSL, Java and libcurl 60, on the passive party's certificate"),
    _row(r"\bSSL|certificate|\bPKIX\b|\bCRL\b|\bTLS\b|x509|handshake",
         _R.PASSIVE_TLS_FAILED, _P.ACTIVE, source="recordings pull-untrusted; http-tpc 6.2"),
    _row(r"no bytes (?:have been )?(?:received|transmitted)|operation too slow|socket timeout on (?:GET|PUT)"
         r"|sockettimeoutexception|read timed out",
         _R.PASSIVE_STALLED, _P.PASSIVE, _P.PATH, source="recordings pull-stall; http-tpc 6.2"),
    _row(r"timeout was reached|connecttimeoutexception|connect(?:ion)? timed out|i/o timeout|timeout awaiting response",
         _R.PASSIVE_TIMEOUT, _P.PASSIVE, _P.PATH, source="XRootD 6.1, StoRM; Go's net/http at Pelican; http-tpc 6.2"),
    _row(r"no route to host|host unreachable|network is unreachable",
         _R.PASSIVE_UNREACHABLE, _P.PATH, source="dCache, http-tpc 6.2"),
    _row(r"could(?: not|n't) connect to server|connection refused|httphostconnectexception|connection failed for",
         _R.PASSIVE_REFUSED, _P.PASSIVE, _P.PATH, source="recordings pull-refused; http-tpc 6.2"),
    _row(r"maximum number of redirect|too many redirects|number of redirects hit|maximum redirects"
         r"|stopped after \d+ redirects"
         r"|maximum \(\d+\) redirects",
         _R.PASSIVE_REDIRECT, _P.PASSIVE, source="dCache; curl 47; HttpClient at StoRM; Go; http-tpc 6.2"),
    _row(r"valid HTTP response|weird server reply|malformed HTTP",
         _R.PASSIVE_ERROR, _P.PASSIVE, source="HttpClient at dCache; curl 8; Go's net/http"),
    _row(r"transferred a partial file|premature end|connection ?closed|connection reset|failure when receiving data"
         r"|server returned nothing|failed to respond|failed to send PUT request|problem sending data"
         r"|failed sending data|connection lost|\bEOF\b|bytes remaining to read|broken pipe|empty reply from server"
         r"|not closed cleanly",
         _R.PASSIVE_CUT, _P.PASSIVE, _P.PATH, source="XRootD, dCache, StoRM, Pelican; http-tpc 6.2"),
    _row(r"access denied to remote resource", _R.PASSIVE_FORBIDDEN, _P.PASSIVE, source="curl 9"),
    _row(r"login denied", _R.PASSIVE_UNAUTHENTICATED, _P.PASSIVE, source="curl 67"),
    _row(r"failed writing body|failed writing received data|no (?:read|write) pools?\b|pool (?:is )?disabled",
         _R.LOCAL_IO_ERROR, _P.ACTIVE, source="curl 23; dCache's pool manager"),
    _row(r"(?:mover|transfer) (?:was )?(?:forcefully )?killed", _R.ABORTED, _P.ACTIVE, source="dCache's movers"),
    _row(r"waiting for connection from pool|connectionpooltimeout|connectionrequesttimeout",
         _R.OVERLOADED, _P.ACTIVE, source="HttpClient at StoRM: 25 connections per host, http-tpc 1.11"),
    _row(r"remotetransfermanager restarted|is shutting down", _R.ABORTED, _P.ACTIVE, source="dCache, http-tpc 6.2"),
    _row(r"transfer service unavailable|transfer not accepted",
         _R.OVERLOADED, _P.ACTIVE, source="dCache's 500, http-tpc 1.8"),
    _row(r"upload in progress", _R.LOCAL_IO_ERROR, _P.ACTIVE, source="dCache's 409 to a push, http-tpc 1.8"),
    _row(r"failed to delegate|delegat\w+ .*credential", _R.DELEGATION_REQUIRED, _P.ACTIVE, source="http-tpc 1.8, 2.3"),
    _row(r"disallowed scheme|unsupported (?:protocol|scheme|ur[il])|not a valid uri|invalid (?:uri|source url)",
         _R.BAD_REQUEST, _P.CLIENT, source="recordings pull-root-scheme; dCache, StoRM, Pelican"),
    _row(r"exists and overwrite is false", _R.DESTINATION_EXISTS, _P.DESTINATION, source="StoRM, http-tpc 6.2"),
    _row(r"; file exists|already exists", _R.DESTINATION_EXISTS, _P.ACTIVE, source="recordings pull-overwrite-F"),
    _row(r"is a directory|not a file\b|is a collection",
         _R.IS_DIRECTORY, _P.ACTIVE, source="recordings pull-onto-directory; http-tpc 1.8"),
    _row(r"permission denied|access denied|operation not permitted",
         _R.FORBIDDEN, _P.ACTIVE, source="recordings pull-active-403-*, push-active-403; http-tpc 1.8"),
    _row(r"no such file or directory|does not exist|not found|no entry",
         _R.NOT_FOUND, _P.ACTIVE, source="xrootd 5b; http-tpc 1.8", push=True),
    _row(r"no such file or directory|\bparent\b|no such directory",
         _R.PARENT_MISSING, _P.ACTIVE, source="xrootd 5; http-tpc 1.8", push=False),
    _row(r"failed to open local resource", _R.LOCAL_IO_ERROR, _P.ACTIVE, only=XROOTD,
         source="XRootD 5.5.3: a manager of a cluster that has to look for the name first"),
    _row(r"read-only file system", _R.LOCAL_IO_ERROR, _P.ACTIVE, source="XRootD 5.5.3's 400 where it may not write"),
    _row(r"\brequest unknown\b", _R.TPC_UNSUPPORTED, _P.ACTIVE, only=XROOTD,
         source="XRootD 5.5.3's 400 to a COPY where libXrdHttpTPC.so is not loaded"),
    _row(r"error when interacting with local filesystem|unable to (?:write|read|close)|failure when closing|i/o error"
         r"|input/output error",
         _R.LOCAL_IO_ERROR, _P.ACTIVE, source="XRootD issue 2878"),
)
# fmt: on

# URLs; XRootD's tail; host names (but not a Java class: what it is called says what happened); paths.
_NAMES = re.compile(
    r"""
    https?://[^\s,;"']+?(?=[\s,;"']|:\s|:?$)
    | (?:local|remote)=[^\s,]+
    | (?<![\w.-])(?:[\w-]+\.)+(?![\w-]*(?:exception|error)\b)[a-z][\w-]*(?!\.?[\w-])
    | (?<![\w.])/[^\s,;:"']+
    """,
    re.IGNORECASE | re.VERBOSE,
)

# dCache's, when it could not delete what it had sent: the cause stands in brackets, what follows is the aftermath.
_AFTERMATH = re.compile(r"delete of remote file \(triggered by (.*)\) failed:.*", re.IGNORECASE)


def without_names(text: str) -> str:
    """The text without the names of hosts and files: a host called `tls-door` or a directory `crl` means nothing."""
    return _AFTERMATH.sub(r"\1", " ".join(_NAMES.sub("~", text).split()))
