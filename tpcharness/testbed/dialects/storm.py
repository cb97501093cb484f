"""StoRM WebDAV: the answer's head waits for the first marker, nothing is verified, and it goes on without its client.

From http-tpc 1.3 to 1.9 and 6.2, which read TransferFilter, HttpTransferClient and TransferStatus.
"""

from __future__ import annotations

from typing import ClassVar

from tpcharness.testbed.dialects.dialect import Dialect
from tpcharness.testbed.dialects.vocabulary import Cause, Line, Lines, Pairs, Trouble

_JAVA = {
    Cause.PASSIVE_DNS: "UnknownHostException while {doing} {url}: {host}: Name or service not known",
    Cause.PASSIVE_REFUSED: "HttpHostConnectException while {doing} {url}: Connect to {authority} [{host}/127.0.0.1]"
    " failed: Connection refused",
    Cause.PASSIVE_TLS: "SSLHandshakeException while {doing} {url}: PKIX path building failed:"
    " unable to find valid certification path to requested target",
    Cause.PASSIVE_UNREACHABLE: "NoRouteToHostException while {doing} {url}: No route to host (Host unreachable)",
    Cause.PASSIVE_CRL: "SSLHandshakeException while {doing} {url}: General SSLEngine problem: CRL has expired",
    Cause.PASSIVE_HANDSHAKE: "SSLHandshakeException while {doing} {url}: Received fatal alert: handshake_failure",
    Cause.LOCAL_IO: "IOException while {doing} {url}: Input/output error",
    Cause.PASSIVE_SILENT: "SocketTimeoutException while {doing} {url}: Read timed out",
    Cause.PASSIVE_STALLED: "SocketTimeoutException while {doing} {url}: Read timed out",
    Cause.PASSIVE_CUT: "ConnectionClosedException while {doing} {url}: Premature end of Content-Length delimited"
    " message body (expected: {size}; received: {moved})",
    Cause.PASSIVE_EMPTY: "NoHttpResponseException while {doing} {url}: {authority} failed to respond",
    Cause.PASSIVE_GARBLED: "Error {doing} {url}: null",
    Cause.PASSIVE_REDIRECTS: "Error {doing} {url}: Maximum redirects (50) exceeded",
    Cause.PASSIVE_STATUS: "Error {doing} {url}: {status} {phrase}",
    Cause.PASSIVE_EXISTS: "Remote file exists and overwrite is false",
    Cause.NO_SPACE: "IOException while {doing} {url}: No space left on device",
}


class Storm(Dialect):
    name = "storm"
    server = "StoRM-WebDAV/1.8.0 (instance=7f3a)"
    user_agent = "StoRM-WebDAV/1.8.0"

    put_replaced = 204
    writes_in_place = True
    dav = "1"
    digest_unasked = True
    schemes = frozenset({"https", "http", "dav", "davs"})
    copy_type = ""
    head_with_first_flush = True
    runs_on_without_client = True
    checks_peer_exists = True
    stall_seconds = 30.0
    success = b"success: Created"
    line_end = ""

    before_stream: ClassVar[Lines] = {
        Cause.EXISTS: Line(412, "Destination exists and overwrite is false"),
        Cause.PARENT_MISSING: Line(409, "Parent directory does not exist"),
        Cause.IS_DIRECTORY: Line(409, "Resource is a collection"),
        Cause.NO_PEER: Line(400, "Destination header missing"),
        Cause.SCHEME: Line(400, "Invalid URI scheme"),
        Cause.CREDENTIAL: Line(400, "Unsupported Credential header value"),
        Cause.BOTH_PEERS: Line(400, "Source and Destination headers are both present!"),
    }

    def failure(self, trouble: Trouble) -> bytes:
        template = _JAVA.get(trouble.cause)
        if template is None:
            return super().failure(trouble)
        doing = "fetching" if trouble.pull else "pushing"
        return self._line(self._fill(template.replace("{doing}", doing), trouble))

    def passive_fields(self, method: str, host: str, extra: Pairs, length: int | None) -> Pairs:
        body: Pairs = () if length is None else (("Content-Length", str(length)),)
        return (*extra, *body, ("Host", host), ("Connection", "Keep-Alive"), ("User-Agent", self.user_agent))
