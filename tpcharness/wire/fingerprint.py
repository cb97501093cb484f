"""Which software answered, and in which version, by what its answers give away (storage-extras 4).

Per hop: a data server behind a redirect may run another release than its door.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

MAX_TEXT = 120


class Implementation(StrEnum):
    """The storage systems that speak HTTP-TPC. The values are those of an endpoint's `implementation` setting."""

    DCACHE = "dcache"
    XROOTD = "xrootd"
    STORM = "storm"
    EOS = "eos"
    PELICAN = "pelican"
    DPM = "dpm"
    UNKNOWN = "unknown"


Version = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Server:
    """One server's software. `text` is what it called itself, without control characters and cut to MAX_TEXT.

    `version` None is unknown. An XRootD that names none is given the least that it can be: (6, 0), because the
    version left the header with 6.0.0, or (5,) if it accepted a COPY in the manner of 5.
    """

    implementation: Implementation
    version: Version | None
    text: str


def identify(
    server_header: str, *, header: Callable[[str], str] = lambda _name: "", copy_status: int | None = None
) -> Server:
    """What a hop runs, from its Server header and further hints of the same answer.

    `header` gives the first value of another header, or "". `copy_status` is the status of an accepted COPY:
    201 before XRootD 6.0.0, 202 from there on. A dCache whose admin changed its Server header stays unknown.
    """
    text = _UNPRINTABLE.sub("", server_header).strip()[:MAX_TEXT]
    name, _, rest = text.partition("/")
    if version := header("X-Eos-Mgm-Version"):
        return Server(Implementation.EOS, _version(version), text)
    if header("X-Eos-Inode") or header("X-Eos-Checksum"):
        return Server(Implementation.EOS, None, text)
    implementation = next((kind for word, kind in _NAMES if word in name.lower()), Implementation.UNKNOWN)
    version_seen = None if implementation is Implementation.UNKNOWN else _version(rest)
    if implementation is Implementation.XROOTD and not rest:
        version_seen = (5,) if copy_status == 201 else (6, 0)
    return Server(implementation, version_seen, text)


_NAMES = (
    ("dcache", Implementation.DCACHE),
    ("pelican", Implementation.PELICAN),
    ("xrootd", Implementation.XROOTD),
    ("storm", Implementation.STORM),
    ("eos", Implementation.EOS),
    ("lcgdm", Implementation.DPM),
    ("dpm", Implementation.DPM),
)
_UNPRINTABLE = re.compile(r"[^\x20-\x7e]")
# Four digits at most: a build of the day is called v20260624 and is no version.
_VERSION = re.compile(r"v?(\d{1,4}(?:\.\d{1,4}){0,3})(?!\d)", re.ASCII)


def _version(text: str) -> Version | None:
    match = _VERSION.match(text.strip())
    return tuple(int(part) for part in match[1].split(".")) if match else None
