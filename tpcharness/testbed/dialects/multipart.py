"""How implementations write several ranges of a file into one answer (RFC 9110 14.6)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Multipart:
    """Templates: `{start}`, `{last}` and `{length}` are of a part, `{size}` is the whole file's.

    With `begins_line` the first boundary has a line end before it as well. Without `tells_length` the answer is
    chunked.
    """

    content_type: str
    boundary: str
    fields: tuple[str, ...]
    begins_line: bool = True
    tells_length: bool = True

    def head(self, start: int, stop: int, size: int, *, first: bool) -> bytes:
        """What stands before a part's bytes."""
        lines = [f"--{self.boundary}", *self.fields, "", ""]
        text = "\r\n".join(lines).format(start=start, last=stop - 1, length=stop - start, size=size)
        return (text if first and not self.begins_line else f"\r\n{text}").encode()

    @property
    def end(self) -> bytes:
        """What stands after the last part."""
        return f"\r\n--{self.boundary}--\r\n".encode()


XROOTD = Multipart(
    "multipart/byteranges; boundary=123456",
    "123456",
    ("Content-type: text/plain; charset=UTF-8", "Content-range: bytes {start}-{last}/{size}"),
)
"""As XRootD 5.5.3 answered on loopback."""

DCACHE = Multipart(
    'multipart/byteranges; boundary="__AAAAAAAAAAAAAAAA__"',
    "__AAAAAAAAAAAAAAAA__",
    ("Content-Length: {length}", "Content-Range: bytes {start}-{last}/{size}"),
    tells_length=False,
)
"""A pool's mover (dCache/dcache: HttpPoolRequestHandler.java and its test)."""

GO = Multipart(
    "multipart/byteranges; boundary=5bd3b1a1a54ce4f1c8b4e92b2c3c2b2a7b2f6a0b4f1e0d9c8b7a6958473625",
    "5bd3b1a1a54ce4f1c8b4e92b2c3c2b2a7b2f6a0b4f1e0d9c8b7a6958473625",
    ("Content-Range: bytes {start}-{last}/{size}", "Content-Type: application/octet-stream"),
    begins_line=False,
)
"""Go's net/http: serveContent with mime/multipart."""

APACHE = Multipart(
    "multipart/byteranges; boundary=53c1f8c6a0b2d",
    "53c1f8c6a0b2d",
    ("Content-type: application/octet-stream", "Content-range: bytes {start}-{last}/{size}"),
)
"""Apache's filter for ranges, which stands before DPM (httpd: byterange_filter.c)."""
