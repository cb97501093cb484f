"""XRootD 5.5.3: says 201 whatever comes, and everything about the passive party in the last line.

From the recordings xrootd-5.5.3, and xrootd 5 where they are silent.
"""

from __future__ import annotations

from typing import ClassVar

from tpcharness.testbed.dialects.vocabulary import Cause, Line, Lines, Trouble
from tpcharness.testbed.dialects.xrootd import XrootdDialect

_PHRASES = {
    200: "OK",
    206: "Partial Content",
    207: "Multi-Status",
    307: "Temporary Redirect",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    416: "Range Not Satisfiable",
    500: "Internal Server Error",
}


class Xrootd5(XrootdDialect):
    name = "xrootd5"
    server = "XrootD/v5.5.3"
    user_agent = "xrootd-tpc/v5.5.3"

    put_created = 200
    put_replaced = 200
    closes_when_full = True
    stats_before_delete = (
        True  # 5.5.3 from Debian: DELETE with storage.modify alone is "Unable to locate ...; permission denied"
    )
    copy_status = 201
    collection_twice = True
    waits_for_head_forever = True  # xrootd 5: no response byte while the source does not answer its HEAD
    schemes = frozenset()  # any: libcurl refuses in the stream (recording pull-root-scheme)
    base64_digests = frozenset({"md5", "crc32c"})  # hex in 6 (recordings head-digest-crc32c)

    # the status phrases of 5.5.3 (XrdHttpProtocol::StartSimpleResp): what it does not know is "Unknown"
    before_stream: ClassVar[Lines] = {
        Cause.TOKEN_REFUSED: Line(401, "Unable to {verb} {path}; permission denied"),
        Cause.FORBIDDEN: Line(401, "Unable to {verb} {path}; permission denied"),
        Cause.EXISTS: Line(412, "Unable to {verb} {path}; file exists"),
        Cause.IS_DIRECTORY: Line(400, "Unable to {verb} {path}; is a directory"),
        Cause.PARENT_MISSING: Line(400, "Unable to {verb} {path}; no such file or directory"),
        Cause.MISSING: Line(400, "Unable to {verb} {path}; no such file or directory"),
        Cause.NO_PEER: Line(400, "No Source or Destination specified"),
        Cause.CREDENTIAL: Line(400, "COPY requested a third-party copy with an unsupported credential"),
    }

    def phrase(self, status: int) -> str:
        return _PHRASES.get(status, "Unknown")

    def failure(self, trouble: Trouble) -> bytes:
        return self._line(self._text(trouble))

    def _text(self, trouble: Trouble) -> str:
        match trouble.cause:
            case Cause.PASSIVE_STATUS:
                said = f'; error message: "{one_line(trouble.text)}"' if trouble.pull else ""
                return f"Remote side failed with status code {trouble.status}{said}"
            case Cause.PASSIVE_STALLED:
                return (
                    "Error when interacting with local filesystem: "
                    f"Transfer failed because no bytes have been received in {trouble.seconds:g} seconds."
                )
            case Cause.NO_SPACE:
                return (
                    "Error when interacting with local filesystem: "
                    f"Unable to write {trouble.path}; no space left on device (code=28)"
                )
            case Cause.LOCAL_IO:
                return (
                    "Error when interacting with local filesystem: "
                    f"Unable to write {trouble.path}; input/output error (code=5)"
                )
            case Cause.SCHEME:
                return "Unsupported protocol"
            case _:
                return self.curl_text(trouble) or "Internal transfer failure"


def one_line(text: str) -> str:
    """A remote server's text as XRootD quotes it."""
    return text.replace("\n", " ").replace("\r", " ")
