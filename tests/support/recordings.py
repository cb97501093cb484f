"""Recorded exchanges with real servers (tests/recordings), read back as values.

`reads` keeps the borders of TLS records, so that a test can feed a parser exactly what came, piece by piece.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

RECORDINGS = Path(__file__).parent.parent / "recordings"

_READ = re.compile(r"# \+(?P<seconds>[\d.]+) recv (?P<length>\d+) bytes")
_AFTERWARDS = re.compile(r"# afterwards: HEAD (?P<url>\S+) -> (?P<status>\d+) length (?P<length>\d+)")

Header = tuple[str, str]


@dataclass(frozen=True, slots=True)
class RecordedRequest:
    """A request: its first line and its headers, in order; a token stands as "<token>"."""

    line: str
    headers: tuple[Header, ...]

    @property
    def method(self) -> str:
        return self.line.split(" ")[0]

    @property
    def path(self) -> str:
        return self.line.split(" ")[1]

    def header(self, name: str) -> str:
        """The first header of that name, in any case of letters; empty when there is none."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), "")


@dataclass(frozen=True, slots=True)
class Afterwards:
    """What a HEAD of the destination said when all was over."""

    url: str
    status: int
    length: int


@dataclass(frozen=True, slots=True)
class Recording:
    """One exchange. `reads` are (seconds since the request, bytes of one read)."""

    version: str
    name: str
    about: str
    request: RecordedRequest
    reads: tuple[tuple[float, bytes], ...]
    afterwards: Afterwards | None
    passive_requests: tuple[RecordedRequest, ...]

    @property
    def request_head(self) -> str:
        return self.request.line

    @property
    def request_headers(self) -> tuple[Header, ...]:
        return self.request.headers

    @property
    def response(self) -> bytes:
        """The whole answer as it came, chunk framing included."""
        return b"".join(data for _, data in self.reads)

    @property
    def status(self) -> int:
        return int(self.response.split(b" ", 2)[1])


def names(version: str) -> tuple[str, ...]:
    """The names of all recordings of "xrootd-5.5.3" or "xrootd-6.1"."""
    return tuple(sorted(path.stem for path in (RECORDINGS / version).glob("*.txt")))


@cache
def load(version: str, name: str) -> Recording:
    """One recording; raises FileNotFoundError for an unknown one, ValueError for one that is spoilt."""
    text = (RECORDINGS / version / f"{name}.txt").read_text(encoding="utf-8")
    preamble, _, rest = text.partition("# ---- request\n")
    request, _, response = rest.partition("# ---- response, raw\n")
    found = _AFTERWARDS.search(preamble)
    passive = "\n".join(line[4:] for line in preamble.splitlines() if line.startswith("# |"))
    return Recording(
        version=version,
        name=name,
        about=preamble.splitlines()[0].partition(": ")[2],
        request=_request(request),
        reads=_reads(response),
        afterwards=Afterwards(found["url"], int(found["status"]), int(found["length"])) if found else None,
        passive_requests=tuple(_request(block) for block in passive.split("\n\n") if block.strip()),
    )


def _request(block: str) -> RecordedRequest:
    line, *headers = block.strip().splitlines()
    pairs = (header.partition(": ") for header in headers)
    return RecordedRequest(line, tuple((name, value) for name, _, value in pairs))


def _reads(section: str) -> tuple[tuple[float, bytes], ...]:
    marks = list(_READ.finditer(section))
    ends = [mark.start() for mark in marks[1:]] + [len(section)]
    reads = []
    for mark, end in zip(marks, ends, strict=True):
        # The recorder writes CR LF out and ends every read with a newline of its own where there was none.
        data = section[mark.end() + 1 : end].replace("\\r\\n\n", "\r\n").encode()
        length = int(mark["length"])
        if len(data) not in (length, length + 1):
            raise ValueError(f"a read of {length} bytes stands with {len(data)}: {data[:80]!r}")
        reads.append((float(mark["seconds"]), data[:length]))
    return tuple(reads)
