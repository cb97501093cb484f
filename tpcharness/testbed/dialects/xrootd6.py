"""XRootD 6.1: asks the source first and relays its status; else 202, and failures that name both sides.

From the recordings xrootd-6.1 (with `tpc.allow local private`), and xrootd 5b where they are silent.
"""

from __future__ import annotations

import base64
from typing import ClassVar

from tpcharness.testbed.dialects.vocabulary import Cause, Line, Lines, Pairs, Reply, Trouble
from tpcharness.testbed.dialects.xrootd import XrootdDialect
from tpcharness.testbed.dialects.xrootd5 import one_line
from tpcharness.testbed.stream import Fields

_HTTP_ERROR = "HTTP response code said error"


class Xrootd6(XrootdDialect):
    name = "xrootd6"
    server = "XRootD"
    user_agent = "xrootd-tpc/v6.1.0"

    plain_resourcetype = "<lp1:resourcetype/>\n"
    heeds_head = True
    copy_makes_parents = True

    # one status for nearly everything that befalls the local file (recordings pull-onto-directory, pull-overwrite-F)
    before_stream: ClassVar[Lines] = {
        Cause.TOKEN_REFUSED: Line(403, "Unable to {verb} {path}; permission denied"),
        Cause.FORBIDDEN: Line(403, "Unable to {verb} {path}; permission denied"),
        Cause.EXISTS: Line(500, "Unable to {verb} {path}; file exists"),
        Cause.IS_DIRECTORY: Line(500, "Unable to {verb} {path}; is a directory"),
        Cause.MISSING: Line(500, "Unable to {verb} {path}; no such file or directory"),
        Cause.PARENT_MISSING: Line(500, "Unable to {verb} {path}; no such file or directory"),
        Cause.PASSIVE_STATUS: Line(
            0, _HTTP_ERROR + ": remote host returned '{status} {phrase}' while fetching file size"
        ),
        Cause.PASSIVE_REFUSED: Line(500, "Couldn't connect to server: internal server failure"),
        Cause.PASSIVE_DNS: Line(500, "Couldn't resolve host name: internal server failure"),
        Cause.PASSIVE_TLS: Line(500, "SSL peer certificate or SSH remote key was not OK"),
        Cause.PASSIVE_UNREACHABLE: Line(500, "Couldn't connect to server: internal server failure"),
        Cause.PASSIVE_CRL: Line(500, "Failed to load CRL file (path? access rights?, format?)"),
        Cause.PASSIVE_HANDSHAKE: Line(500, "SSL connect error"),
        Cause.PASSIVE_SILENT: Line(500, "Timeout was reached"),
        Cause.CHECKSUM_DIFFERS: Line(412, "Mismatch between client-provided and remote server checksums: {text}"),
        Cause.LOCAL_ADDRESS: Line(403, "connection to local/private addresses is forbidden"),
    }
    _bare: ClassVar[Lines] = {
        Cause.NO_PEER: Line(400, "No Source or Destination specified"),
        Cause.SCHEME: Line(400, "COPY rejected: disallowed scheme in {side} URL"),
        Cause.CREDENTIAL: Line(400, "COPY requested a third-party copy with an unsupported credential"),
    }

    def copy_refusal(self, trouble: Trouble) -> Reply:
        bare = self._bare.get(trouble.cause)
        if bare is not None:
            side = "source" if trouble.pull else "destination"
            return Reply(bare.status, bare.text.format(side=side).encode())
        line = self.before_stream.get(trouble.cause)
        if line is None and self.curl_text(trouble):
            line = Line(500, self.curl_text(trouble))
        if line is None:
            return super().copy_refusal(trouble)
        text = self._tailed(self._fill(line.text, trouble), trouble)
        return Reply(line.status or trouble.status, self._line(text))

    def failure(self, trouble: Trouble) -> bytes:
        return self._line(self._tailed(self._text(trouble), trouble))

    def file_fields(self, method: str, modified: float) -> Pairs:
        """Only HEAD says so (recordings head-digest-adler32, get-digest-adler32)."""
        return (("Accept-Ranges", "bytes"),) if method == "HEAD" else ()

    def upload_fields(self, length: int) -> Pairs:
        return (*self._expect(length), ("Content-Length", str(length)))

    def wanted_digest(self, fields: Fields) -> str:
        """Want-Digest goes before Want-Repr-Digest, where adler32 is called adler (http-tpc 1.7)."""
        found = super().wanted_digest(fields)
        return found or ("adler32" if fields.has("Want-Repr-Digest") else "")

    def digest(self, algorithm: str, raw: bytes, fields: Fields) -> tuple[str, str]:
        if fields.has("Want-Digest"):
            return super().digest(algorithm, raw, fields)
        return "Repr-Digest", f"adler=:{base64.b64encode(raw).decode()}:"

    def _text(self, trouble: Trouble) -> str:
        match trouble.cause:
            case Cause.PASSIVE_STATUS:
                return (
                    f'Remote side failed with status code {trouble.status}; error message: "{one_line(trouble.text)}"'
                )
            case Cause.PASSIVE_STALLED:
                side = "received from the source (pull mode)"
                if not trouble.pull:
                    side = "transmitted to the destination (push mode)"
                return (
                    "Error when interacting with local filesystem: "
                    f"Transfer failed because no bytes have been {side} in {trouble.seconds:g} seconds."
                )
            case Cause.NO_SPACE:
                return (
                    "Error when interacting with local filesystem: "
                    f"Unable to write {trouble.path}; no space left on device (code=-28)"
                )
            case Cause.LOCAL_IO:
                return (
                    "Error when interacting with local filesystem: "
                    f"Unable to write {trouble.path}; input/output error (code=-5)"
                )
            case _:
                return "Internal transfer failure"

    def _tailed(self, text: str, trouble: Trouble) -> str:
        library = self.curl_text(trouble)
        if text.startswith(_HTTP_ERROR):
            library = _HTTP_ERROR
        tail = f", HTTP library failure={library}" if library else ""
        return f"{text}, local={trouble.path}, remote={trouble.url}{tail}"
