"""Performance markers and the terminal line: the body of the answer to a COPY (http-tpc 1.4 and 1.5).

The grammar is the union of what servers write: LF or CRLF lines; zero or more blocks `Perf Marker` ... `End` of
`Key: value` lines in any indentation; then one terminal line, often without a line end, after which nothing counts.
Keys are compared without case and blanks, because Reva writes `Strip Index` and the draft itself `Total Strip Count`.

A block without its `End` is no marker: its last number may be half a number.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

MAX_STRIPES = 8192  # davix drops markers that claim more
MAX_CONNECTIONS = 64
MAX_CONNECTION_CHARACTERS = 100
JUNK_CHARACTERS = 1024
_MAX_DIGITS = 19


class TerminalKind(StrEnum):
    """What the active party says in the end; only SUCCESS lets a copy be verified at all."""

    SUCCESS = "success"
    FAILURE = "failure"
    ABORTED = "aborted"


@dataclass(frozen=True, slots=True)
class Marker:
    """One block. Times are Unix seconds; bytes are cumulative claims; None is absent or no number.

    `bytes_transferred` is absent at dCache until the mover runs. `state` is a word, or a number at old dCaches.
    `remote_connections` are `tcp:address:port`, the only place where the address family of the data path shows.
    """

    timestamp: int | None = None
    stripe_index: int = 0
    stripe_count: int = 1
    bytes_transferred: int | None = None
    last_transferred: int | None = None
    state: str = ""
    state_description: str = ""
    stripe_status: str = ""
    remote_connections: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Terminal:
    """The verdict: its kind, the text after `success:` and the like, and the whole line as it came."""

    kind: TerminalKind
    text: str
    line: str


class MarkerStream:
    """Reads one body piece by piece; how the pieces are cut never changes what is read.

    Of a line longer than `max_line_bytes` the beginning is kept: XRootD embeds a KiB of the passive party's page in
    its failure line, and the verdict stands in front.
    """

    def __init__(self, max_line_bytes: int = 8192) -> None:
        self._max_line_bytes = max_line_bytes
        self._line = bytearray()
        self._block: dict[str, Any] | None = None
        self._terminal: Terminal | None = None
        self._junk = ""
        self._junk_lines = 0
        self._marker_count = 0
        self._overlong = False

    @property
    def terminal(self) -> Terminal | None:
        """The verdict, once it was read."""
        return self._terminal

    @property
    def marker_count(self) -> int:
        """Complete markers so far."""
        return self._marker_count

    @property
    def junk(self) -> str:
        """The first lines that are not of the grammar, at most JUNK_CHARACTERS of them."""
        return self._junk

    @property
    def junk_lines(self) -> int:
        """How many lines were not of the grammar."""
        return self._junk_lines

    @property
    def overlong(self) -> bool:
        """Whether a line was longer than the limit."""
        return self._overlong

    def feed(self, data: bytes) -> list[Marker | Terminal]:
        """The markers that these bytes complete, and the verdict if it is among them."""
        events: list[Marker | Terminal] = []
        if self._terminal:
            return events
        *complete, rest = data.split(b"\n")
        for line in complete:
            if self._line or len(line) > self._max_line_bytes:
                self._keep(line)
                event = self._take(self._kept_line())
            else:
                event = self._take(line.strip())
            if event:
                events.append(event)
                if self._terminal:
                    return events
        if rest:
            self._keep(rest)
        return events

    def finish(self) -> Terminal | None:
        """The verdict at the end of the body; None means that there is none, which is never success.

        StoRM and XRootD end the last line with the body.
        """
        if not self._terminal:
            line = self._kept_line()
            self._terminal = _terminal(line)
            if line and not self._terminal and self._block is None:
                self._take_junk(line)
        return self._terminal

    def _keep(self, piece: bytes) -> None:
        room = self._max_line_bytes - len(self._line)
        if len(piece) > room:
            self._overlong = True
            piece = piece[:room]
        self._line += piece

    def _kept_line(self) -> bytes:
        line = bytes(self._line).strip()
        self._line.clear()
        return line

    def _take(self, line: bytes) -> Marker | Terminal | None:
        """One whole line, already stripped."""
        if not line:
            return None
        block = self._block
        key, colon, value = line.partition(b":")
        word = key.translate(_LOWER, _BLANKS)
        if block is not None:
            if colon and (field := _FIELDS.get(word)):
                name, read = field
                block[name] = read(value)
                return None
            if word == b"end":
                self._block = None
                self._marker_count += 1
                return Marker(**block)
        if word == b"perfmarker":
            self._block = {}
        elif terminal := _terminal(line):
            self._terminal = terminal
            return terminal
        elif block is None or not colon:
            self._take_junk(line)
        return None

    def _take_junk(self, line: bytes) -> None:
        self._junk_lines += 1
        if len(self._junk) < JUNK_CHARACTERS:
            separator = "\n" if self._junk else ""
            self._junk = (self._junk + separator + _text(line))[:JUNK_CHARACTERS]


class Progress:
    """What all markers of one copy claim together."""

    def __init__(self) -> None:
        self._bytes: dict[int, int] = {}
        self._connections: dict[str, None] = {}

    def add(self, marker: Marker) -> None:
        """Takes the marker's bytes as the latest of its stripe; stripes beyond MAX_STRIPES do not count."""
        if marker.bytes_transferred is not None and marker.stripe_index < MAX_STRIPES:
            self._bytes[marker.stripe_index] = marker.bytes_transferred
        for connection in marker.remote_connections:
            if len(self._connections) < MAX_CONNECTIONS:
                self._connections[connection] = None

    @property
    def bytes_claimed(self) -> int | None:
        """The sum over the stripes; None as long as no marker named any bytes."""
        return sum(self._bytes.values()) if self._bytes else None

    @property
    def remote_connections(self) -> tuple[str, ...]:
        """Every connection named so far, in order of appearance, at most MAX_CONNECTIONS."""
        return tuple(self._connections)


def _number(value: bytes) -> int | None:
    """A count of at most 19 digits; None for what is absent, signed, broken or absurd."""
    digits = value.strip()
    return int(digits) if digits.isdigit() and len(digits) <= _MAX_DIGITS else None


def _index(value: bytes) -> int:
    return _number(value) or 0


def _total(value: bytes) -> int:
    return _number(value) or 1


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace").strip()


def _connections(value: bytes) -> tuple[str, ...]:
    names = (name.strip() for name in _text(value).split(",", MAX_CONNECTIONS)[:MAX_CONNECTIONS])
    return tuple([name for name in names if 0 < len(name) <= MAX_CONNECTION_CHARACTERS])


_BLANKS = b" \t_-"
_LOWER = bytes.maketrans(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ", b"abcdefghijklmnopqrstuvwxyz")
_FIELDS: dict[bytes, tuple[str, Callable[[bytes], object]]] = {
    b"timestamp": ("timestamp", _number),
    b"stripeindex": ("stripe_index", _index),
    b"stripindex": ("stripe_index", _index),
    b"totalstripecount": ("stripe_count", _total),
    b"totalstripcount": ("stripe_count", _total),
    b"stripebytestransferred": ("bytes_transferred", _number),
    b"stripbytestransferred": ("bytes_transferred", _number),
    b"stripelasttransferred": ("last_transferred", _number),
    b"striplasttransferred": ("last_transferred", _number),
    b"state": ("state", _text),
    b"statedescription": ("state_description", _text),
    b"stripestatus": ("stripe_status", _text),
    b"stripstatus": ("stripe_status", _text),
    b"remoteconnections": ("remote_connections", _connections),
}
_VERDICTS = (
    (b"success", TerminalKind.SUCCESS),
    (b"failure", TerminalKind.FAILURE),
    (b"failed", TerminalKind.FAILURE),
    (b"aborted", TerminalKind.ABORTED),
)


def _terminal(line: bytes) -> Terminal | None:
    start = line[:7].lower()
    for word, kind in _VERDICTS:
        if start.startswith(word):
            rest = line[len(word) :]
            if rest[:1].isalnum() or rest[:1] == b"_":
                return None  # `Successor: none` is no success
            return Terminal(kind, _text(rest).lstrip(": \t"), _text(line))
    return None
