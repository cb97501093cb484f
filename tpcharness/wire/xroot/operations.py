"""Requests on paths and on open files, byte by byte (xroot 5, 14).

A request on a path can be sent again to another server after a redirect, with what the redirect adds to its opaque
part; a request on a handle belongs to the one server that gave the handle.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass, replace

from tpcharness.wire.xroot.codes import HANDLE_BYTES, Ask, OpenFlag, PrepareFlag, Query
from tpcharness.wire.xroot.frames import BODY_BYTES, Request
from tpcharness.wire.xroot.opaque import NO_OPAQUE, Opaque, path_and_opaque

MAX_STAT = 4 * 1024
MAX_QUERY = 1024 * 1024

FILE_MODE = 0o644
DIRECTORY_MODE = 0o755

CANCEL_COPY = b"ofs.tpc cancel\x00"
"""With its NUL: 14 bytes are refused with 3013 (xroot 11)."""


@dataclass(frozen=True, slots=True)
class PathRequest:
    """A request on a path. `verb` is how it is called in evidence."""

    verb: str
    ask: Ask
    path: str
    opaque: Opaque = NO_OPAQUE
    body: bytes = bytes(BODY_BYTES)
    max_reply: int = 0

    def request(self) -> Request:
        """The frame's content. Raises ValueError for a path or value that cannot be sent: a bug of ours."""
        data = path_and_opaque(self.path, self.opaque)
        return Request(self.ask, self.body, data, self.max_reply, self.opaque.secret)

    def redirected(self, opaque: Opaque, path: str = "") -> PathRequest:
        """The same request for the server that a redirect names."""
        return replace(self, opaque=self.opaque.merged(opaque), path=path or self.path)

    def without_secrets(self) -> PathRequest:
        return replace(self, opaque=self.opaque.without_secrets())


def stat(path: str, opaque: Opaque = NO_OPAQUE) -> PathRequest:
    """Size, flags and time of a path: `answers.read_stat`."""
    return PathRequest("stat", Ask.STAT, path, opaque, max_reply=MAX_STAT)


def mkdir(path: str, opaque: Opaque = NO_OPAQUE, *, parents: bool = True) -> PathRequest:
    """Makes a directory; one that is there already is fine with a plain server, and 3018 with a manager."""
    return PathRequest("mkdir", Ask.MKDIR, path, opaque, struct.pack(">B13xH", parents, DIRECTORY_MODE))


def open_file(path: str, flags: OpenFlag, opaque: Opaque = NO_OPAQUE) -> PathRequest:
    """Opens a file; `answers.read_handle` reads the answer."""
    body = struct.pack(">HH12x", FILE_MODE, flags)
    return PathRequest("open", Ask.OPEN, path, opaque, body, max_reply=MAX_STAT)


def rm(path: str, opaque: Opaque = NO_OPAQUE) -> PathRequest:
    """Removes a file."""
    return PathRequest("rm", Ask.RM, path, opaque)


def query_checksum(path: str, algorithm: str, opaque: Opaque = NO_OPAQUE) -> PathRequest:
    """Asks for a checksum: `answers.read_checksum`. One at a time per path, or an answer may never come (xroot 1)."""
    asked = opaque.followed_by([("cks.type", algorithm)])
    return PathRequest("query checksum", Ask.QUERY, path, asked, struct.pack(">H14x", Query.CHECKSUM), MAX_STAT)


def query_space(path: str, opaque: Opaque = NO_OPAQUE) -> PathRequest:
    """Asks how much room there is: `answers.read_space`."""
    return PathRequest("query space", Ask.QUERY, path, opaque, struct.pack(">H14x", Query.SPACE), MAX_STAT)


def query_config(*words: str) -> Request:
    """Asks for settings by name: `answers.read_config` with the same words."""
    return Request(Ask.QUERY, struct.pack(">H14x", Query.CONFIG), " ".join(words).encode(), MAX_QUERY)


def stat_handle(handle: bytes) -> Request:
    """Size and flags of an open file."""
    return Request(Ask.STAT, bytes(12) + _checked(handle), max_reply=MAX_STAT)


def read(handle: bytes, offset: int, length: int) -> Request:
    """At most `length` bytes; fewer mean the end of the file."""
    return Request(Ask.READ, struct.pack(">4sqi", _checked(handle), offset, length), max_reply=length)


def write(handle: bytes, offset: int, data: bytes) -> Request:
    """All the bytes, at most `frames.MAX_DATA`; an answer says that the server took them."""
    return Request(Ask.WRITE, struct.pack(">4sq4x", _checked(handle), offset), data, max_reply=0)


def sync(handle: bytes) -> Request:
    """Puts a file on disk; of a file opened for a third-party copy it starts the copy, and then waits for its end."""
    return Request(Ask.SYNC, _checked(handle) + bytes(12), max_reply=0)


def close(handle: bytes) -> Request:
    """Closes a file; ends a third-party copy into it."""
    return Request(Ask.CLOSE, _checked(handle) + bytes(12), max_reply=0)


def truncate(handle: bytes, size: int) -> Request:
    """Sets the size of an open file."""
    return Request(Ask.TRUNCATE, struct.pack(">4sq4x", _checked(handle), size), max_reply=0)


def cancel_copy(handle: bytes) -> Request:
    """Ends the third-party copy into a file; EOS and XRootD know it, others answer 3013."""
    return Request(Ask.QUERY, struct.pack(">HH4s8x", Query.OPAQUE_HANDLE, 0, _checked(handle)), CANCEL_COPY)


def ping() -> Request:
    """Asks for a sign of life."""
    return Request(Ask.PING, max_reply=0)


def prepare(
    lines: Iterable[tuple[str, Opaque]], flags: PrepareFlag, *, priority: int = 0, request_id: str = ""
) -> Request:
    """Stages, cancels or evicts files; a stage request is answered by an id, which proves nothing (xroot 14).

    `request_id` is the first line of a cancel request. Raises ValueError without a path.
    """
    files = list(lines)
    if not files:
        raise ValueError("a prepare request without a path")
    pieces = [path_and_opaque(path, opaque) for path, opaque in files]
    if request_id:
        pieces.insert(0, _word(request_id))
    option_x = 1 if PrepareFlag.EVICT in flags else 0
    body = struct.pack(">BBHH10x", flags & 0xFF, priority, 0, option_x)
    return Request(Ask.PREPARE, body, b"\n".join(pieces), secret=any(opaque.secret for _, opaque in files))


def query_prepare(request_id: str, paths: Iterable[str]) -> Request:
    """Asks what became of a stage request: JSON at EOS and CTA, whatever the site's script says at XRootD."""
    pieces = [_word(request_id), *(path_and_opaque(path, NO_OPAQUE) for path in paths)]
    return Request(Ask.QUERY, struct.pack(">H14x", Query.PREPARE), b"\n".join(pieces), MAX_QUERY)


def _checked(handle: bytes) -> bytes:
    if len(handle) != HANDLE_BYTES:
        raise ValueError("a file handle has 4 bytes")
    return handle


def _word(request_id: str) -> bytes:
    if not request_id.isprintable() or not request_id:
        raise ValueError("a request id is one line")
    return request_id.encode()
