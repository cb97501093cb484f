"""Pelican's own origin: pulls only, answers when the source has, markers without a Timestamp and only on change.

Read from PelicanPlatform/pelican:origin_serve/tpc_handler.go; direct requests are golang.org/x/net/webdav's.
"""

from __future__ import annotations

from typing import ClassVar

from tpcharness.testbed.dialects.dialect import Dialect, http_date
from tpcharness.testbed.dialects.multipart import GO
from tpcharness.testbed.dialects.vocabulary import Cause, Line, Lines, Pairs, Progress, Texts
from tpcharness.testbed.stream import head


class Pelican(Dialect):
    name = "pelican"
    server = "pelican/7.20.0"
    user_agent = "pelican-origin/7.20.0"
    multipart = GO

    copy_status = 201
    get_before_answer = True
    checks_before_source = False
    pulls_only = True
    refuses_both_peers = False
    marker_only_on_change = True
    final_marker = True
    keeps_debris = False

    before_stream: ClassVar[Lines] = {
        Cause.NO_PEER: Line(502, "Bad Gateway"),
        Cause.PUSH_UNSUPPORTED: Line(502, "Bad Gateway"),  # taken for a WebDAV COPY to another host
        Cause.SCHEME: Line(400, "Invalid Source URL: must be an http or https URL"),
        Cause.PARENT_MISSING: Line(409, "Parent directory does not exist"),
        Cause.IS_DIRECTORY: Line(500, "Failed to open destination: is a directory"),
        Cause.TOKEN_REFUSED: Line(401, "Unauthorized"),
        Cause.FORBIDDEN: Line(403, "Permission denied writing to destination"),
        Cause.PASSIVE_STATUS: Line(502, "Source returned HTTP {status}"),
        Cause.PASSIVE_DNS: Line(
            502, 'Failed to fetch object from source: Get "{url}": dial tcp: lookup {host}: no such host'
        ),
        Cause.PASSIVE_REFUSED: Line(
            502, 'Failed to fetch object from source: Get "{url}": dial tcp {authority}: connect: connection refused'
        ),
        Cause.PASSIVE_TLS: Line(
            502,
            'Failed to fetch object from source: Get "{url}": tls: failed to verify certificate:'
            " x509: certificate signed by unknown authority",
        ),
        Cause.PASSIVE_UNREACHABLE: Line(
            502, 'Failed to fetch object from source: Get "{url}": dial tcp {authority}: connect: no route to host'
        ),
        Cause.PASSIVE_HANDSHAKE: Line(
            502, 'Failed to fetch object from source: Get "{url}": remote error: tls: handshake failure'
        ),
        Cause.PASSIVE_REDIRECTS: Line(
            502, 'Failed to fetch object from source: Get "{url}": stopped after 10 redirects'
        ),
        Cause.PASSIVE_GARBLED: Line(
            502,
            'Failed to fetch object from source: Get "{url}":'
            " net/http: HTTP/1.x transport connection broken: malformed HTTP response",
        ),
        Cause.PASSIVE_SILENT: Line(
            502, 'Failed to fetch object from source: Get "{url}": net/http: timeout awaiting response headers'
        ),
        Cause.PASSIVE_EMPTY: Line(502, 'Failed to fetch object from source: Get "{url}": EOF'),
    }
    in_stream: ClassVar[Texts] = {
        Cause.PASSIVE_STALLED: "transfer stalled: no bytes received for {seconds}s (transferred {moved} bytes)",
        Cause.PASSIVE_CUT: "read from source failed: unexpected EOF",
        Cause.NO_SPACE: "write to destination failed: no space left on device",
        Cause.LOCAL_IO: "write to destination failed: input/output error",
    }

    def head(self, status: int, *, length: int | None, fields: Pairs, keep_alive: bool, phrase: str = "") -> bytes:
        """Go writes a handler's headers sorted by name, then its own (net/http Header.Write, extraHeader.Write)."""
        pairs = (*sorted((*fields, ("Server", self.server))), ("Date", http_date()))
        if length is not None and status != 204:
            pairs += (("Content-Length", str(length)),)
        if not keep_alive:
            pairs += (("Connection", "close"),)
        if length is None:
            pairs += (("Transfer-Encoding", "chunked"),)
        return head(f"HTTP/1.1 {status} {phrase or self.phrase(status)}", pairs)

    def marker(self, progress: Progress) -> bytes:
        lines = ("Perf Marker", "Stripe Index: 0", f"Stripe Bytes Transferred: {progress.moved}")
        return "\n".join((*lines, "Total Stripe Count: 1", "End\n")).encode()
