"""What answers say, as values. Texts end at their first NUL: what follows is garbage (xroot 1, 6)."""

from __future__ import annotations

import re
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from tpcharness.wire.errors import WireError
from tpcharness.wire.xroot.codes import DEFAULT_PORT, HANDLE_BYTES, StatFlag
from tpcharness.wire.xroot.opaque import NO_OPAQUE, Opaque, RootUrl, is_plain_path, usable_host

MAX_SHOWN = 300
MAX_WAIT_SECONDS = 3600
_STAT_AFTER_HANDLE = HANDLE_BYTES + 8
_DIGITS = re.compile(r"[0-9]{1,19}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]+")
_ALGORITHM = re.compile(r"[a-z0-9._-]{1,32}")


def text_of(data: bytes) -> str:
    """A server's text up to its first NUL, without control characters, cut to what people read."""
    text = data.partition(b"\x00")[0].decode("utf-8", "replace")
    return _CONTROL.sub(" ", text[: 4 * MAX_SHOWN]).strip()[:MAX_SHOWN]


@dataclass(frozen=True, slots=True)
class FileStat:
    """What a server says of a file; `modified` is in seconds of the epoch."""

    size: int
    flags: StatFlag
    modified: int

    @property
    def offline(self) -> bool:
        """Whether it is on tape only."""
        return StatFlag.OFFLINE in self.flags


def read_stat(data: bytes) -> FileStat:
    """`id size flags mtime` and perhaps more (XRootD 5 and later). Raises WireError."""
    fields = data.partition(b"\x00")[0].decode("ascii", "replace").split()
    numbers = [int(text) for text in fields[1:4] if _DIGITS.fullmatch(text)]
    if len(numbers) < 3:
        raise WireError("not what stat answers")
    size, flags, modified = numbers
    return FileStat(size, StatFlag(flags & 0xFF), modified)


def stat_identity(data: bytes) -> str:
    """Under which number a server's own file system knows a file, from the answer to an open or a stat; for comparing.

    A cache shows its origin's number while it has no copy, and its copy's own from then on (seen on 5.5.3). Empty
    where there is none.
    """
    first, _, rest = data.partition(b"\x00")[0].decode("ascii", "replace").partition(" ")
    return first if rest and _DIGITS.fullmatch(first) else ""


def read_handle(data: bytes) -> tuple[bytes, FileStat | None]:
    """The handle of an opened file, and its stat if it was asked for and sent. Raises WireError."""
    if len(data) < HANDLE_BYTES:
        raise WireError("an open file without a handle")
    handle, text = data[:HANDLE_BYTES], data[_STAT_AFTER_HANDLE:]
    return handle, read_stat(text) if text.strip(b"\x00") else None


@dataclass(frozen=True, slots=True)
class Refusal:
    """An error answer: a number of `codes.ErrorNumber`, or one that is not known; `text` is the server's."""

    number: int
    text: str


def read_refusal(data: bytes) -> Refusal:
    """Raises WireError when there is not even a number."""
    if len(data) < 4:
        raise WireError("an error without a number")
    return Refusal(struct.unpack_from(">i", data)[0], text_of(data[4:]))


def read_seconds(data: bytes) -> int:
    """How long a server asks us to wait, from 0 to an hour. Raises WireError."""
    if len(data) < 4:
        raise WireError("a wait without a time")
    seconds: int = struct.unpack_from(">i", data)[0]
    return min(max(0, seconds), MAX_WAIT_SECONDS)


@dataclass(frozen=True, slots=True)
class Redirect:
    """Where to go on. `path` is set only by a redirect that is a whole URL; `secure` when that URL says roots."""

    host: str
    port: int
    opaque: Opaque = NO_OPAQUE
    login_token: str = field(default="", repr=False)
    path: str = ""
    secure: bool = False


def read_redirect(data: bytes) -> Redirect:
    """`host[?opaque[?login token]]`, or a URL where the port is negative (xroot 8). Raises WireError."""
    if len(data) < 4:
        raise WireError("a redirect without a port")
    port: int = struct.unpack_from(">i", data)[0]
    try:
        text = data[4:].partition(b"\x00")[0].decode("ascii")
    except UnicodeDecodeError:
        raise WireError("a redirect to a host that is no ASCII") from None
    if _CONTROL.search(text):
        raise WireError("control characters in a redirect")
    target, _, rest = text.partition("?")
    opaque, _, login_token = rest.partition("?")
    if port < 0:
        url = RootUrl.parse(target)
        if not is_plain_path(url.path):
            raise WireError("a redirect to a path that servers read in different ways")
        return Redirect(url.host, url.port, Opaque.parse(opaque), login_token, url.path, url.secure)
    host = usable_host(target)
    if host is None or port > 0xFFFF:
        raise WireError("a redirect to a place that is none")
    return Redirect(host, port or DEFAULT_PORT, Opaque.parse(opaque), login_token)


@dataclass(frozen=True, slots=True)
class ToldChecksum:
    """A checksum as the server says it; its algorithm need not be the one that was asked for (xroot 1, 13)."""

    algorithm: str
    hex: str


def read_checksum(data: bytes) -> ToldChecksum:
    """`adler32 1ecd0474`. Raises WireError."""
    words = text_of(data).lower().split()
    if len(words) < 2 or not _ALGORITHM.fullmatch(words[0]) or not re.fullmatch(r"[0-9a-f]{1,128}", words[1]):
        raise WireError("not what a checksum query answers")
    return ToldChecksum(words[0], words[1])


def read_config(data: bytes, words: Sequence[str]) -> dict[str, str]:
    """The settings that are set, by their words: a line for each word, an unknown one is answered by itself."""
    lines = data.partition(b"\x00")[0].decode("utf-8", "replace").splitlines()
    return {
        word: text_of(line.encode()) for word, line in zip(words, lines, strict=False) if line.strip() not in {word, ""}
    }


def does_tpc(config: dict[str, str]) -> bool:
    """Whether the answer to `tpc` means that third-party copy is on: a number above 0, `+1` is encrypted only."""
    told = config.get("tpc", "").strip().lstrip("+")
    return bool(_DIGITS.fullmatch(told)) and int(told) > 0


@dataclass(frozen=True, slots=True)
class Space:
    """Bytes in all, free, and in the largest free piece; None where the server does not say."""

    total: int | None = None
    free: int | None = None
    largest: int | None = None


def read_space(data: bytes) -> Space:
    """`oss.space=N&oss.free=N&oss.maxf=N` and more; what is no number is not told."""
    try:
        told = dict(parse_qsl(data.partition(b"\x00")[0].decode("utf-8", "replace"), max_num_fields=64))
    except ValueError:  # more fields than anybody means
        return Space()
    numbers = [int(text) if _DIGITS.fullmatch(text := told.get(f"oss.{name}", "")) else None for name in _SPACES]
    return Space(*numbers)


_SPACES = ("space", "free", "maxf")
