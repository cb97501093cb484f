"""What most dialects have in common.

A storage knows *why* it cannot do something (a Trouble); its dialect knows how that is said there: which status and
text before the stream, which last line within it. Tables of templates do most of it: `{path}` is the local path,
`{verb}` what it was opened for; `{url}`, `{authority}` and `{host}` are the passive party's; `{status}`, `{phrase}`
and `{text}` what the passive party answered; `{size}`, `{moved}`, `{pending}` and `{seconds}` numbers of the copy.
"""

from __future__ import annotations

import base64
from email.utils import formatdate
from http import HTTPStatus
from typing import ClassVar

from tpcharness.testbed.dialects.multipart import APACHE
from tpcharness.testbed.dialects.vocabulary import (
    Cause,
    Entry,
    Line,
    Lines,
    Pairs,
    Progress,
    Reply,
    Texts,
    Trouble,
)
from tpcharness.testbed.stream import Fields, head


class Dialect:
    """What dialects have in common, with the manners of a plain WebDAV server where they differ. Stateless."""

    name = ""
    server = ""
    user_agent = ""

    # direct requests
    put_created = 201
    put_replaced = 201
    put_body = b""
    put_makes_parents = False
    writes_in_place = False
    deleted = 204
    stats_before_delete = False
    mkcol_again = 405
    mkcol_makes_parents = False
    done_body = b""
    dav = "1, 2"
    allow = "OPTIONS, GET, HEAD, PUT, DELETE, PROPFIND, MKCOL, MOVE, COPY"
    directory_length = 0
    slashes_collections = True
    digest_unasked = False
    digest_queued = False
    base64_digests: frozenset[str] = frozenset({"md5"})
    closes_when_full = False
    closes_on_errors = False
    redirects: frozenset[str] = frozenset()
    multipart = APACHE

    # third-party copies
    copy_status = 202
    copy_type = "text/plain"
    copy_makes_parents = False
    schemes: frozenset[str] = frozenset({"https", "http"})  # empty: any
    head_first = False
    heeds_head = False
    get_before_answer = False
    resolves_first = False
    pulls_only = False
    refuses_both_peers = True
    head_with_first_flush = False
    marker_at_once = False
    marker_only_on_change = False
    final_marker = False
    claims_scheduled_bytes = False
    space_before_answer = False
    keeps_debris = True
    checks_before_source = True
    digest_of_copy = False
    waits_for_head_forever = False
    runs_on_without_client = False
    verifies = False
    checks_peer_exists = False
    stall_seconds = 60.0

    # words
    direct: ClassVar[Lines] = {}
    before_stream: ClassVar[Lines] = {}
    in_stream: ClassVar[Texts] = {}
    success = b"success: Created\n"
    line_end = "\n"

    def phrase(self, status: int) -> str:
        """The words of the status line."""
        return HTTPStatus(status).phrase

    def head(self, status: int, *, length: int | None, fields: Pairs, keep_alive: bool, phrase: str = "") -> bytes:
        """The head of an answer; `length` None means a chunked body."""
        framing: Pairs = (("Transfer-Encoding", "chunked"),) if length is None else (("Content-Length", str(length)),)
        if status in (204, 304):
            framing = ()
        pairs = (("Date", http_date()), ("Server", self.server), *fields, *framing)
        if not keep_alive:
            pairs += (("Connection", "close"),)
        return head(f"HTTP/1.1 {status} {phrase or self.phrase(status)}", pairs)

    def interim(self) -> bytes:
        """The invitation to send a body."""
        return b"HTTP/1.1 100 Continue\r\n\r\n"

    def keeps_connection(self, method: str, *, wanted: bool, refused: bool) -> bool:
        """Whether the connection stays open after the answer, and is said to."""
        return wanted and not (refused and self.closes_on_errors)

    def refusal(self, trouble: Trouble) -> Reply:
        """The answer to a direct request that failed."""
        line = self.direct.get(trouble.cause, _PLAIN[trouble.cause])
        return self._reply(line, trouble)

    def copy_refusal(self, trouble: Trouble) -> Reply:
        """The answer to a COPY that failed before its stream began."""
        line = self.before_stream.get(trouble.cause) or self.direct.get(trouble.cause, _PLAIN[trouble.cause])
        return self._reply(line, trouble)

    def failure(self, trouble: Trouble) -> bytes:
        """The last line of a stream whose copy failed."""
        return self._line(self._fill(self.in_stream.get(trouble.cause, _PLAIN[trouble.cause].text), trouble))

    def aborted(self) -> bytes:
        """The last line of a stream whose copy was aborted by the storage itself."""
        return f"aborted: transfer aborted{self.line_end}".encode()

    def marker(self, progress: Progress) -> bytes:
        """One performance marker."""
        lines = (
            "Perf Marker",
            f"Timestamp: {progress.now:.0f}",
            "Stripe Index: 0",
            f"Stripe Bytes Transferred: {progress.moved}",
            "Total Stripe Count: 1",
            "End",
        )
        return ("\n".join(lines) + "\n").encode()

    def wanted_digest(self, fields: Fields) -> str:
        """The algorithm of the digest that goes into the answer to this request; empty for none."""
        if self.digest_unasked:
            return "adler32"
        return best_of(fields.get("Want-Digest"), ("adler32", "md5"))

    def digest(self, algorithm: str, raw: bytes, fields: Fields) -> tuple[str, str]:
        """The digest's header; RFC 3230: adler32 in hex, md5 in base64."""
        encoded = base64.b64encode(raw).decode() if algorithm in self.base64_digests else raw.hex()
        return "Digest", f"{algorithm}={encoded}"

    def file_fields(self, method: str, modified: float) -> Pairs:
        """What else the head of an answer to HEAD or GET of a file says, after length and digest."""
        return (("Accept-Ranges", "bytes"), ("Last-Modified", http_date(modified)))

    def options_fields(self) -> Pairs:
        return (("DAV", self.dav), ("Allow", self.allow))

    def passive_fields(self, method: str, host: str, extra: Pairs, length: int | None) -> Pairs:
        """The headers of a request to the passive party; `extra` came as TransferHeaders."""
        body: Pairs = () if length is None else (("Content-Length", str(length)), *self._expect(length))
        return (("Host", host), ("User-Agent", self.user_agent), *extra, *body)

    def multistatus(self, entries: tuple[Entry, ...]) -> bytes:
        """The document that answers PROPFIND."""
        responses = "".join(
            "<D:response>"
            f"<D:href>{xml_text(entry.href)}</D:href><D:propstat><D:prop>"
            f"<D:getlastmodified>{http_date(entry.modified)}</D:getlastmodified>"
            + (
                "<D:resourcetype><D:collection/></D:resourcetype>"
                if entry.directory
                else f"<D:resourcetype/><D:getcontentlength>{entry.size}</D:getcontentlength>"
            )
            + "</D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat></D:response>"
            for entry in entries
        )
        return (
            f'<?xml version="1.0" encoding="utf-8"?>\n<D:multistatus xmlns:D="DAV:">{responses}</D:multistatus>\n'
        ).encode()

    multistatus_type = "application/xml; charset=utf-8"

    def _expect(self, length: int) -> Pairs:
        return (("Expect", "100-continue"),) if length else ()

    def _reply(self, line: Line, trouble: Trouble) -> Reply:
        return Reply(line.status or trouble.status, self._fill(line.text, trouble).encode())

    def _line(self, text: str) -> bytes:
        return f"failure: {text}{self.line_end}".encode()

    def _fill(self, template: str, trouble: Trouble) -> str:
        return template.format(
            path=trouble.path,
            url=trouble.url,
            authority=trouble.authority,
            host=trouble.authority.rpartition(":")[0] or trouble.authority,
            verb="create" if trouble.pull else "open",
            status=trouble.status,
            phrase=trouble.phrase,
            text=trouble.text,
            size=trouble.size,
            moved=trouble.moved,
            pending=trouble.size - trouble.moved,
            seconds=f"{trouble.seconds:g}",
        )


def best_of(want: str, known: tuple[str, ...]) -> str:
    """The known algorithm that a Want-Digest header prefers (RFC 3230 4.3.1); the earlier one of two equals."""
    best, weight = "", 0.0
    for item in want.split(","):
        name, _, parameter = item.strip().partition(";")
        quality = _quality(parameter)
        if name.strip().lower() in known and quality > weight:
            best, weight = name.strip().lower(), quality
    return best


def _quality(parameter: str) -> float:
    _, equals, value = parameter.partition("=")
    try:
        return float(value) if equals else 1.0
    except ValueError:
        return 1.0


def http_date(moment: float | None = None) -> str:
    """RFC 9110 5.6.7; now, when no moment is given."""
    return formatdate(moment, usegmt=True)


def xml_text(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


_PLAIN: dict[Cause, Line] = {
    Cause.TOKEN_REFUSED: Line(401, "Unauthorized"),
    Cause.FORBIDDEN: Line(403, "Forbidden"),
    Cause.MISSING: Line(404, "Not Found"),
    Cause.EXISTS: Line(412, "Precondition Failed"),
    Cause.IS_DIRECTORY: Line(409, "Conflict"),
    Cause.NOT_EMPTY: Line(409, "Conflict"),
    Cause.COLLECTION_EXISTS: Line(405, "Method Not Allowed"),
    Cause.PARENT_MISSING: Line(409, "Conflict"),
    Cause.NO_SPACE: Line(507, "Insufficient Storage"),
    Cause.RANGE: Line(416, "Range Not Satisfiable"),
    Cause.BAD_REQUEST: Line(400, "Bad Request"),
    Cause.METHOD: Line(405, "Method Not Allowed"),
    Cause.NO_PEER: Line(400, "No Source or Destination specified"),
    Cause.BOTH_PEERS: Line(400, "Source and Destination specified"),
    Cause.PUSH_UNSUPPORTED: Line(501, "Not Implemented"),
    Cause.CREDENTIAL: Line(400, "Unsupported Credential"),
    Cause.SCHEME: Line(400, "Unsupported URL scheme"),
    Cause.LOCAL_ADDRESS: Line(403, "connection to local/private addresses is forbidden"),
    Cause.SERVER_ERROR: Line(500, "Internal Server Error"),
    Cause.OVERLOADED: Line(503, "Service Unavailable"),
    Cause.LOCAL_IO: Line(500, "Input/output error"),
    Cause.RESTARTED: Line(503, "the service is shutting down"),
    Cause.SOURCE_BUSY: Line(409, "File upload in progress"),
    Cause.DELEGATION: Line(401, "client failed to delegate a credential"),
    Cause.PASSIVE_STATUS: Line(502, "{status} {phrase}"),
    Cause.PASSIVE_DNS: Line(502, "unknown host {host}"),
    Cause.PASSIVE_REFUSED: Line(502, "Connection refused"),
    Cause.PASSIVE_UNREACHABLE: Line(502, "No route to host"),
    Cause.PASSIVE_TLS: Line(502, "certificate verify failed"),
    Cause.PASSIVE_CRL: Line(502, "certificate verify failed: unable to get certificate CRL"),
    Cause.PASSIVE_HANDSHAKE: Line(502, "SSL handshake failed"),
    Cause.PASSIVE_SILENT: Line(504, "timeout"),
    Cause.PASSIVE_STALLED: Line(504, "no bytes for {seconds} seconds"),
    Cause.PASSIVE_CUT: Line(502, "connection lost after {moved} of {size} bytes"),
    Cause.PASSIVE_EMPTY: Line(502, "connection closed without an answer"),
    Cause.PASSIVE_GARBLED: Line(502, "not an HTTP answer"),
    Cause.PASSIVE_REDIRECTS: Line(502, "too many redirects"),
    Cause.PASSIVE_EXISTS: Line(412, "Remote file exists and overwrite is false"),
    Cause.SIZE_DIFFERS: Line(502, "size {moved} differs from {size}"),
    Cause.CHECKSUM_DIFFERS: Line(502, "checksum differs: {text}"),
    Cause.CHECKSUM_MISSING: Line(502, "no checksum: {text}"),
}
