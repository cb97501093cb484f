"""How a subject is probed, and the steps of a probe."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Variant(StrEnum):
    """One way to probe. Names are public: they stand in results, metrics and configuration."""

    DOOR = "door"
    ROOT_DOOR = "root-door"
    HTTPS_PULL = "https-pull"
    HTTPS_PUSH = "https-push"
    ROOT_PULL = "root-pull"
    TAPE_INFO = "tape-info"
    TAPE_STAGE = "tape-stage"
    TAPE_RECALL = "tape-recall"
    TAPE_ARCHIVE = "tape-archive"
    WEBDAV_UPLOAD = "webdav-upload"
    WEBDAV_DOWNLOAD = "webdav-download"
    ROOT_UPLOAD = "root-upload"
    ROOT_DOWNLOAD = "root-download"
    CACHE_READ = "cache-read"
    GSIFTP_DOOR = "gsiftp-door"
    SRM_DOOR = "srm-door"
    GFAL_DAVS_DAVS = "gfal-davs-davs"
    GFAL_ROOT_ROOT = "gfal-root-root"
    GFAL_GSIFTP_GSIFTP = "gfal-gsiftp-gsiftp"
    GFAL_SRM_SRM = "gfal-srm-srm"

    @property
    def of_link(self) -> bool:
        """Whether the variant is about a pair of endpoints (a door is about one)."""
        return self not in ENDPOINT_VARIANTS

    @property
    def doors(self) -> tuple[Variant, ...]:
        """Which doors must be open at every end before this is tried; none for what is asked regardless.

        All copies need the https door, where seeds are put and files are looked at last. Tape services and legacy
        doors are servers of their own.
        """
        if not self.of_link and self not in DIRECT_VARIANTS:
            return ()
        return (Variant.DOOR, Variant.ROOT_DOOR) if "root" in self.needs.destination else (Variant.DOOR,)

    @property
    def needs(self) -> Needs:
        """What the endpoints must have beyond an https door."""
        return _NEEDS.get(self, Needs())


class Needs(NamedTuple):
    """Fields of Endpoint that must not be empty, by role; for an endpoint alone its role is `destination`."""

    source: tuple[str, ...] = ()
    destination: tuple[str, ...] = ()


def _both(field: str) -> Needs:
    return Needs((field,), (field,))


def _alone(field: str) -> Needs:
    return Needs(destination=(field,))


_NEEDS: dict[Variant, Needs] = {
    Variant.ROOT_DOOR: _alone("root"),
    Variant.ROOT_PULL: _both("root"),
    Variant.TAPE_INFO: _alone("tape_files"),
    Variant.TAPE_STAGE: _alone("tape_files"),
    Variant.TAPE_RECALL: Needs(source=("tape_files",)),
    Variant.TAPE_ARCHIVE: _alone("tape_archive"),
    Variant.ROOT_UPLOAD: _alone("root"),
    Variant.ROOT_DOWNLOAD: _alone("root"),
    Variant.CACHE_READ: _alone("cache"),
    Variant.GSIFTP_DOOR: _alone("gsiftp"),
    Variant.SRM_DOOR: _alone("srm"),
    Variant.GFAL_ROOT_ROOT: _both("root"),
    Variant.GFAL_GSIFTP_GSIFTP: _both("gsiftp"),
    Variant.GFAL_SRM_SRM: _both("srm"),
}


DOOR_VARIANTS: tuple[Variant, ...] = (Variant.DOOR, Variant.ROOT_DOOR)
"""Checks of one endpoint alone, by which its links are judged."""

TAPE_VARIANTS: tuple[Variant, ...] = (Variant.TAPE_INFO, Variant.TAPE_STAGE)
"""What is asked of an endpoint's tape service; it says nothing about links."""

DIRECT_VARIANTS: tuple[Variant, ...] = (
    Variant.WEBDAV_UPLOAD,
    Variant.WEBDAV_DOWNLOAD,
    Variant.ROOT_UPLOAD,
    Variant.ROOT_DOWNLOAD,
    Variant.CACHE_READ,
)
"""Bytes between us and one endpoint: the halves of a link."""

LEGACY_VARIANTS: tuple[Variant, ...] = (Variant.GSIFTP_DOOR, Variant.SRM_DOOR)
"""Whether doors that should be gone still answer; they say nothing about links."""

ENDPOINT_VARIANTS: tuple[Variant, ...] = (*DOOR_VARIANTS, *TAPE_VARIANTS, *DIRECT_VARIANTS, *LEGACY_VARIANTS)

GFAL_VARIANTS: tuple[Variant, ...] = (
    Variant.GFAL_DAVS_DAVS,
    Variant.GFAL_ROOT_ROOT,
    Variant.GFAL_GSIFTP_GSIFTP,
    Variant.GFAL_SRM_SRM,
)
"""Copies that gfal2 makes for us, as FTS does."""

TAPE_LINK_VARIANTS: tuple[Variant, ...] = (Variant.TAPE_RECALL, Variant.TAPE_ARCHIVE)
"""Copies from tape and to tape."""

ROBOT_VARIANTS: tuple[Variant, ...] = (Variant.TAPE_STAGE, *TAPE_LINK_VARIANTS)
"""What moves a tape robot: probed only where it is called by its name, never by `all` or a glob, as tape is dear."""

LINK_VARIANTS: tuple[Variant, ...] = tuple(variant for variant in Variant if variant.of_link)

DEFAULT_VARIANTS: tuple[Variant, ...] = (Variant.HTTPS_PULL, Variant.HTTPS_PUSH)
"""What is probed where nothing else is asked for: every endpoint can do it."""


class Phase(StrEnum):
    """Steps of a probe in the order of time. The names are frozen (design 4)."""

    QUEUED = "queued"
    TOKEN = "token"
    RESOLVE = "resolve"
    CONNECT = "connect"
    TLS = "tls"
    PREPARE = "prepare"
    REQUEST = "request"
    TRANSFER = "transfer"
    VERIFY = "verify"
    CLEANUP = "cleanup"


class Blame(StrEnum):
    """Who has to act. For a subject that is one endpoint, that endpoint is `destination`: we are its client."""

    NOBODY = "nobody"
    SOURCE = "source"
    DESTINATION = "destination"
    PATH = "path"
    ISSUER = "issuer"
    CLIENT = "client"
    UNDETERMINED = "undetermined"

    @property
    def digit(self) -> int:
        """The last digit of a result code. Frozen."""
        return _DIGITS[self]


_DIGITS = {
    Blame.NOBODY: 0,
    Blame.SOURCE: 1,
    Blame.DESTINATION: 2,
    Blame.PATH: 3,
    Blame.ISSUER: 4,
    Blame.CLIENT: 5,
    Blame.UNDETERMINED: 6,
}


class Outcome(StrEnum):
    """What came of a probe."""

    OK = "ok"
    FAILURE = "failure"
    ERROR = "error"
    SKIPPED = "skipped"
