"""What XRootD 5 and 6 have in common (recordings xrootd-5.5.3 and xrootd-6.1; http-tpc 1, xrootd 5 and 5b)."""

from __future__ import annotations

from typing import ClassVar

from tpcharness.testbed.dialects.dialect import Dialect, best_of, http_date, xml_text
from tpcharness.testbed.dialects.multipart import XROOTD
from tpcharness.testbed.dialects.vocabulary import Cause, Entry, Line, Lines, Pairs, Progress, Reply, Trouble
from tpcharness.testbed.stream import Fields, head

_VERBS = {
    "GET": "open",
    "PUT": "create",
    "DELETE": "remove",
    "MKCOL": "create directory",
    "MOVE": "rename",
    "PROPFIND": "locate",
}
_CURL = {
    Cause.PASSIVE_DNS: "Couldn't resolve host name",
    Cause.PASSIVE_REFUSED: "Couldn't connect to server",
    Cause.PASSIVE_TLS: "SSL peer certificate or SSH remote key was not OK",
    Cause.PASSIVE_UNREACHABLE: "Couldn't connect to server",  # libcurl has one word for all that connect() says
    Cause.PASSIVE_CRL: "Failed to load CRL file (path? access rights?, format?)",
    Cause.PASSIVE_HANDSHAKE: "SSL connect error",
    Cause.PASSIVE_SILENT: "Timeout was reached",
    Cause.PASSIVE_CUT: "Transferred a partial file",
    Cause.PASSIVE_EMPTY: "Server returned nothing (no headers, no data)",
    Cause.PASSIVE_GARBLED: "Weird server reply",
    Cause.PASSIVE_REDIRECTS: "Number of redirects hit maximum amount",
}


class XrootdDialect(Dialect):
    """The shared part: everything that both recordings show alike."""

    put_body = b":-)"
    put_makes_parents = True
    multipart = XROOTD
    writes_in_place = True
    deleted = 200
    mkcol_again = 201
    mkcol_makes_parents = True
    done_body = b":-)"
    directory_length = 4096
    slashes_collections = False
    closes_on_errors = True
    multistatus_type = 'text/xml; charset="utf-8"'

    schemes = frozenset({"https", "http", "davs", "s3", "s3s"})
    head_first = True
    checks_before_source = False
    refuses_both_peers = False
    marker_at_once = True
    claims_scheduled_bytes = True
    success = b"success: Created"
    line_end = ""

    # a collection is said to be one twice (5.5.3); a file has an empty resourcetype (6.1)
    collection_twice = False
    plain_resourcetype = ""

    direct: ClassVar[Lines] = {
        Cause.TOKEN_REFUSED: Line(403, "Unable to {verb} {path}; permission denied\n"),
        Cause.FORBIDDEN: Line(403, "Unable to {verb} {path}; permission denied\n"),
        Cause.MISSING: Line(404, "Unable to {verb} {path}; no such file or directory\n"),
        Cause.IS_DIRECTORY: Line(409, "Unable to {verb} {path}; is a directory\n"),
        Cause.EXISTS: Line(409, "Unable to {verb} {path}; file exists\n"),
        Cause.NOT_EMPTY: Line(500, "Unable to {verb} {path}; directory not empty\n"),
        Cause.PARENT_MISSING: Line(404, "Unable to {verb} {path}; no such file or directory\n"),
        Cause.NO_SPACE: Line(507, "Unable to write {path}; no space left on device\n"),
    }

    def head(self, status: int, *, length: int | None, fields: Pairs, keep_alive: bool, phrase: str = "") -> bytes:
        framing = (("Content-Length", str(length)), *fields)
        if length is None:
            framing = (*fields, ("Transfer-Encoding", "chunked"))
        pairs = (("Connection", "Keep-Alive" if keep_alive else "Close"), ("Server", self.server), *framing)
        return head(f"HTTP/1.1 {status} {phrase or self.phrase(status)}", pairs)

    def interim(self) -> bytes:
        """XrdHttpProtocol::StartSimpleResp says "Connection: Close" in a 100, and means nothing by it."""
        return head("HTTP/1.1 100 Continue", (("Connection", "Close"), ("Server", self.server)))

    def keeps_connection(self, method: str, *, wanted: bool, refused: bool) -> bool:
        """Handlers outside XrdHttp's own code do not know what the client asked (recordings options, pull-ok)."""
        return method in ("COPY", "OPTIONS") or super().keeps_connection(method, wanted=wanted, refused=refused)

    def refusal(self, trouble: Trouble) -> Reply:
        missing = trouble.cause is Cause.MISSING and trouble.method != "GET"
        verb = "locate" if missing else _VERBS.get(trouble.method, "locate")
        line = self.direct.get(trouble.cause)
        if line is None:
            return super().refusal(trouble)
        return Reply(line.status, line.text.format(verb=verb, path=trouble.path).encode())

    def curl_text(self, trouble: Trouble) -> str:
        """How libcurl calls it; empty for what is not its business. A cut PUT has no answer (xrootd 5, full disk)."""
        cut_upload = trouble.cause is Cause.PASSIVE_CUT and not trouble.pull
        return _CURL.get(Cause.PASSIVE_EMPTY if cut_upload else trouble.cause, "")

    def marker(self, progress: Progress) -> bytes:
        connections = f"RemoteConnections: tcp:{progress.peer}\n" if progress.peer else ""
        return super().marker(progress).replace(b"End\n", f"{connections}End\n".encode())

    def wanted_digest(self, fields: Fields) -> str:
        """An algorithm that is not configured is answered with the first one that is (xrootd 5)."""
        want = fields.get("Want-Digest")
        return (best_of(want, ("adler32", "md5", "crc32c")) or "adler32") if want else ""

    def file_fields(self, method: str, modified: float) -> Pairs:
        return ()

    def options_fields(self) -> Pairs:
        return (
            ("DAV", "1"),
            ("DAV", "<http://apache.org/dav/propset/fs/1>"),
            ("Allow", "HEAD,GET,PUT,PROPFIND,DELETE,OPTIONS,COPY"),
        )

    def passive_fields(self, method: str, host: str, extra: Pairs, length: int | None) -> Pairs:
        fixed = (("Host", host), ("User-Agent", self.user_agent), ("Accept", "*/*"), *extra)
        return fixed if length is None else (*fixed, *self.upload_fields(length))

    def upload_fields(self, length: int) -> Pairs:
        """How a PUT announces its body: both versions ask first, in different order (recordings push-ok-recorded)."""
        return (("Content-Length", str(length)), *self._expect(length))

    def multistatus(self, entries: tuple[Entry, ...]) -> bytes:
        return (
            '<?xml version="1.0" encoding="utf-8"?>\n'
            '<D:multistatus xmlns:D="DAV:" xmlns:ns1="http://apache.org/dav/props/" xmlns:ns0="DAV:">\n'
            + "".join(self._response(entry) for entry in entries)
            + "</D:multistatus>\n"
        ).encode()

    def _response(self, entry: Entry) -> str:
        collection, flag = "<lp1:iscollection>1</lp1:iscollection>\n", "T"
        resource = "<lp1:resourcetype><D:collection/></lp1:resourcetype>\n" + collection
        if not entry.directory:
            resource, flag = self.plain_resourcetype + "<lp1:iscollection>0</lp1:iscollection>\n", "F"
        return (
            '<D:response xmlns:lp1="DAV:" xmlns:lp2="http://apache.org/dav/props/" xmlns:lp3="LCGDM:">\n'
            f"<D:href>{xml_text(entry.href)}</D:href>\n<D:propstat>\n<D:prop>\n"
            f"<lp1:getcontentlength>{entry.size}</lp1:getcontentlength>\n"
            f"<lp1:getlastmodified>{http_date(entry.modified)}</lp1:getlastmodified>\n"
            f"{resource}<lp1:executable>{flag}</lp1:executable>\n"
            f"{collection if entry.directory and self.collection_twice else ''}"
            "</D:prop>\n<D:status>HTTP/1.1 200 OK</D:status>\n</D:propstat>\n</D:response>\n"
        )
