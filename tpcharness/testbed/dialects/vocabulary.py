"""The words that storages and dialects share: why something cannot be done, how a copy goes on, what is answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

Pairs = tuple[tuple[str, str], ...]


class Cause(StrEnum):
    """Why something cannot be done."""

    # here
    TOKEN_REFUSED = "token_refused"  # noqa: S105 - a cause, not a secret
    FORBIDDEN = "forbidden"
    MISSING = "missing"
    EXISTS = "exists"
    IS_DIRECTORY = "is_directory"
    NOT_EMPTY = "not_empty"
    COLLECTION_EXISTS = "collection_exists"
    PARENT_MISSING = "parent_missing"
    NO_SPACE = "no_space"
    RANGE = "range"
    BAD_REQUEST = "bad_request"
    METHOD = "method"
    NO_PEER = "no_peer"
    BOTH_PEERS = "both_peers"
    PUSH_UNSUPPORTED = "push_unsupported"
    CREDENTIAL = "credential"
    SCHEME = "scheme"
    LOCAL_ADDRESS = "local_address"
    SERVER_ERROR = "server_error"
    OVERLOADED = "overloaded"
    LOCAL_IO = "local_io"
    RESTARTED = "restarted"
    SOURCE_BUSY = "source_busy"
    DELEGATION = "delegation"
    # at the passive party, as the active one sees it
    PASSIVE_STATUS = "passive_status"
    PASSIVE_DNS = "passive_dns"
    PASSIVE_REFUSED = "passive_refused"
    PASSIVE_UNREACHABLE = "passive_unreachable"
    PASSIVE_TLS = "passive_tls"
    PASSIVE_CRL = "passive_crl"
    PASSIVE_HANDSHAKE = "passive_handshake"
    PASSIVE_SILENT = "passive_silent"
    PASSIVE_STALLED = "passive_stalled"
    PASSIVE_CUT = "passive_cut"
    PASSIVE_EMPTY = "passive_empty"
    PASSIVE_GARBLED = "passive_garbled"
    PASSIVE_REDIRECTS = "passive_redirects"
    PASSIVE_EXISTS = "passive_exists"
    SIZE_DIFFERS = "size_differs"
    CHECKSUM_DIFFERS = "checksum_differs"
    CHECKSUM_MISSING = "checksum_missing"


@dataclass(frozen=True, slots=True)
class Trouble:
    """One cause and what a dialect may want to say about it.

    `method` is the request that it befell. `forced_status` is a fault's: the words stay the dialect's.
    """

    cause: Cause
    method: str = ""
    path: str = ""
    url: str = ""
    pull: bool = True
    status: int = 0
    phrase: str = ""
    text: str = ""
    size: int = 0
    moved: int = 0
    seconds: float = 0.0
    forced_status: int = 0

    @property
    def authority(self) -> str:
        """Host and port of the passive party, as they stand in its URL (which may be nonsense)."""
        return self.url.partition("://")[2].partition("/")[0].rpartition("@")[2]


class RefusalError(Exception):
    """A Trouble on its way to whoever has to answer."""

    def __init__(self, trouble: Trouble) -> None:
        super().__init__(trouble.cause.value)
        self.trouble = trouble


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole answer. `length` is what the head claims where no body follows (HEAD)."""

    status: int
    body: bytes = b""
    fields: Pairs = ()
    length: int | None = None
    phrase: str = ""


class Line(NamedTuple):
    """Status and text of a refusal; status 0 is the passive party's own."""

    status: int
    text: str = ""


Lines = Mapping[Cause, Line]
Texts = Mapping[Cause, str]


@dataclass(frozen=True, slots=True)
class Progress:
    """What a performance marker can tell. Times are Unix seconds; `peer` is host and port once connected."""

    now: float
    started: float
    last_byte: float
    moved: int
    peer: str
    running: bool


@dataclass(frozen=True, slots=True)
class Entry:
    """One member of a PROPFIND answer; `href` is percent-encoded."""

    href: str
    directory: bool
    size: int
    modified: float
