"""dCache: 202 at once, indented markers with the mover's state, its own checksum verification, no debris.

From http-tpc 1.3 to 1.9 and 6.2, which read RemoteTransferHandler and RemoteHttpDataTransferProtocol.
"""

from __future__ import annotations

from typing import ClassVar

from tpcharness.testbed.dialects.dialect import Dialect
from tpcharness.testbed.dialects.multipart import DCACHE
from tpcharness.testbed.dialects.vocabulary import Cause, Line, Lines, Pairs, Progress, Reply, Texts, Trouble

_QUOTA = (
    '<?xml version="1.0" encoding="utf-8"?>\n<D:error xmlns:D="DAV:"><D:quota-not-exceeded/></D:error>\n'  # RFC 4331 6
)


class Dcache(Dialect):
    name = "dcache"
    server = "dCache/9.2.21"
    user_agent = "dCache/9.2.21"

    put_makes_parents = True
    multipart = DCACHE
    copy_type = "text/perf-marker-stream"
    resolves_first = True
    space_before_answer = True
    keeps_debris = False
    verifies = True
    digest_of_copy = True

    direct: ClassVar[Lines] = {
        Cause.TOKEN_REFUSED: Line(401, "Permission denied\n"),
        Cause.FORBIDDEN: Line(403, "Permission denied\n"),
        Cause.MISSING: Line(404, "The requested resource was not found.\n"),
        Cause.IS_DIRECTORY: Line(409, "Not a file\n"),
        Cause.NOT_EMPTY: Line(409, "Directory is not empty\n"),
        Cause.NO_SPACE: Line(507, _QUOTA),
    }
    before_stream: ClassVar[Lines] = {
        Cause.TOKEN_REFUSED: Line(401, "Permission denied"),
        Cause.FORBIDDEN: Line(401, "Permission denied"),
        Cause.EXISTS: Line(500, "Internal problem with server"),
        Cause.PARENT_MISSING: Line(400, "No such file or directory: {path}"),
        Cause.IS_DIRECTORY: Line(400, "Not a file"),
        Cause.MISSING: Line(404, "no such file"),
        Cause.NO_SPACE: Line(507, _QUOTA),
        Cause.PASSIVE_DNS: Line(400, "Unknown {side} hostname"),
        Cause.BOTH_PEERS: Line(400, "Source and Destination headers are mutually exclusive"),
        Cause.NO_PEER: Line(400, "Missing Source or Destination header"),
        Cause.SCHEME: Line(400, "Unsupported URI scheme"),
        Cause.CREDENTIAL: Line(400, "Unknown credential source"),
        Cause.OVERLOADED: Line(500, "transfer service unavailable"),
        Cause.SOURCE_BUSY: Line(409, "File upload in progress"),
        Cause.DELEGATION: Line(401, "client failed to delegate a credential"),
    }
    in_stream: ClassVar[Texts] = {
        Cause.PASSIVE_STATUS: "rejected {method}: {status} {phrase}",
        Cause.PASSIVE_DNS: "No address associated with hostname {host}",
        Cause.PASSIVE_TLS: "General SSLEngine problem: PKIX path validation failed",
        Cause.PASSIVE_UNREACHABLE: "failed to connect to server: java.net.NoRouteToHostException: No route to host"
        " (Host unreachable)",
        Cause.PASSIVE_CRL: "General SSLEngine problem: PKIX path validation failed: CRL of the issuer has expired",
        Cause.PASSIVE_HANDSHAKE: "javax.net.ssl.SSLHandshakeException: Received fatal alert: handshake_failure",
        Cause.LOCAL_IO: "Input/output error",
        Cause.RESTARTED: "RemoteTransferManager restarted",
        Cause.PASSIVE_SILENT: "socket timeout on {method} (received 0 B of data; {size} B pending)",
        Cause.PASSIVE_CUT: "Premature end of Content-Length delimited message body"
        " (expected: {size}; received: {moved})",
        Cause.PASSIVE_EMPTY: "{authority} failed to respond",
        Cause.PASSIVE_GARBLED: "The server failed to respond with a valid HTTP response",
        Cause.PASSIVE_REDIRECTS: "exceeded maximum number of redirections",
        Cause.SIZE_DIFFERS: "HEAD Content-Length ({moved}) does not match file size ({size})",
        Cause.NO_SPACE: "No space left on device",
    }
    _refused = "Connect to {authority} [{host}/127.0.0.1] failed: Connection refused (Connection refused)"

    def refusal(self, trouble: Trouble) -> Reply:
        reply = super().refusal(trouble)
        if trouble.cause is not Cause.TOKEN_REFUSED:
            return reply
        return Reply(reply.status, reply.body, (("WWW-Authenticate", 'Basic realm=""'),))

    def copy_refusal(self, trouble: Trouble) -> Reply:
        if trouble.cause is Cause.PASSIVE_DNS:
            return Reply(400, f"Unknown {'source' if trouble.pull else 'destination'} hostname".encode())
        return super().copy_refusal(trouble)

    def failure(self, trouble: Trouble) -> bytes:
        """GET and PUT fail in different words (http-tpc 6.2)."""
        template = self.in_stream.get(trouble.cause, "")
        match trouble.cause, trouble.pull:
            case Cause.PASSIVE_REFUSED, True:
                template = (
                    "failed to connect to server: org.apache.http.conn.HttpHostConnectException: " + self._refused
                )
            case Cause.PASSIVE_REFUSED, False:
                template = "connection failed for PUT: " + self._refused
            case Cause.PASSIVE_STALLED, True:
                template = "socket timeout on GET (received {moved} B of data; {pending} B pending)"
            case Cause.PASSIVE_STALLED, False:
                template = "failed to send PUT request: Read timed out; after sending {moved} B"
            case Cause.PASSIVE_CUT, False:
                template = "failed to send PUT request: Broken pipe (Write failed); after sending {moved} B"
            case Cause.CHECKSUM_DIFFERS, True:
                template = "Checksum mismatch ({text})"
            case Cause.CHECKSUM_DIFFERS, False:
                template = "verification failed: {text}"
            case Cause.CHECKSUM_MISSING, True:
                template = "checksum verification failed: file has no checksum"
            case Cause.CHECKSUM_MISSING, False:
                template = "no useful checksum in HEAD response: {{{text}}}"
        if not template:
            return super().failure(trouble)
        return self._line(self._fill(template.replace("{method}", trouble.method), trouble))

    def marker(self, progress: Progress) -> bytes:
        """The first blocks have no bytes: no mover runs yet (http-tpc 1.4)."""
        mover = (
            (
                f"Stripe Start Time: {progress.started:.0f}",
                f"Stripe Last Transferred: {progress.last_byte:.0f}",
                f"Stripe Transfer Time: {progress.now - progress.started:.0f}",
                f"Stripe Bytes Transferred: {progress.moved}",
                "Stripe Status: RUNNING",
            )
            if progress.running
            else ()
        )
        inner = (
            f"Timestamp: {progress.now:.0f}",
            f"State: {'Running' if progress.running else 'Queued on pool'}",
            f"State description: {'Mover created' if progress.running else 'Selecting pool'}",
            "Stripe Index: 0",
            *mover,
            "Total Stripe Count: 1",
            *((f"RemoteConnections: tcp:{progress.peer}",) if progress.running and progress.peer else ()),
        )
        return "\n".join(("Perf Marker", *(f"    {line}" for line in inner), "End\n")).encode()

    def passive_fields(self, method: str, host: str, extra: Pairs, length: int | None) -> Pairs:
        """Every GET and HEAD asks for a digest, every PUT asks first (http-tpc 1.7, 1.10)."""
        body: Pairs = ()
        if length is not None:
            # None for an empty body: Apache HttpClient's RequestExpectContinue leaves it out then, and XRootD 5.5.3
            # never answers an empty PUT that has it.
            body = (("Content-Length", str(length)), *self._expect(length))
        digest: Pairs = (("Want-Digest", "adler32,md5;q=0.8"),) if method in ("GET", "HEAD") else ()
        fixed = (("Host", host), ("Connection", "Keep-Alive"), ("User-Agent", self.user_agent))
        return (*fixed, *digest, *extra, *body)
