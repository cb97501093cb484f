"""The words of the faults: who is met (Occasion), what happens (Effect), and what is to be made of it (Fault).

An Effect's type is the place where it bites: a storage asks its FaultSet "is there a Hang on this occasion?" at the
one spot where hanging is done. No code knows a fault's name, and nothing outside the testbed ever sees one: a client
has to find out from the wire.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TypeVar

from tpcharness.model.reason import Reason
from tpcharness.testbed.dialects.vocabulary import Cause


class Party(StrEnum):
    """Who asks a storage."""

    CLIENT = "client"
    PEER = "peer"  # another storage, as the active party of a copy


class Culprit(StrEnum):
    """Whom the harness must blame; which endpoint that is depends on the link's direction."""

    THIS = "this"  # the storage that has the fault
    OTHER = "other"
    PATH = "path"
    NOBODY = "nobody"
    UNDETERMINED = "undetermined"


class Spoiled(StrEnum):
    """What becomes of bytes that a copy, a GET or a PUT is called a success for."""

    FLIPPED = "flipped"
    EMPTY = "empty"
    SHORT = "short"


class Ranged(StrEnum):
    """What is wrong with the answer to a GET for ranges."""

    IGNORED = "ignored"  # the whole file comes
    REFUSED = "refused"
    ONE_ONLY = "one_only"  # several are refused
    FIRST_ONLY = "first_only"  # of several the first comes, as if it alone had been asked for
    MISSING = "missing"  # of several the last does not come
    MISLABELLED = "mislabelled"  # Content-Range names its neighbours
    AS_WHOLE = "as_whole"  # the range alone comes as if it were the whole file
    OTHER_BYTES = "other_bytes"
    SHORT = "short"  # a byte fewer than Content-Range says
    UNENDED = "unended"  # the last boundary does not come


class Digests(StrEnum):
    """What is wrong with the checksum that is told."""

    WRONG = "wrong"
    ABSENT = "absent"
    OTHER = "other"  # of another algorithm than the one that was asked for
    GARBLED = "garbled"


class Whither(StrEnum):
    """Where a redirect leads that leads nowhere good."""

    ITSELF = "itself"
    HTTP = "http"
    NO_LOCATION = "no_location"
    NO_URL = "no_url"
    ANOTHER_NAME = "another_name"  # the same storage by another name: credentials stay behind
    DEAD_PORT = "dead_port"


class Misframed(StrEnum):
    """What is wrong with the chunks or lines of a marker stream."""

    BAD_SIZE = "bad_size"  # a chunk's size is no number
    RAW_SIZES = "raw_sizes"  # chunk sizes once more, as lines of the body
    PAGE = "page"  # a web page instead of markers
    CRLF = "crlf"
    LONG_LINE = "long_line"
    TOO_MANY_BYTES = "too_many_bytes"  # markers claim more than the file has


class Shown(StrEnum):
    """Which certificate a storage shows."""

    EXPIRED = "expired"
    UNTRUSTED = "untrusted"
    HOSTNAME = "hostname"


class Ending(StrEnum):
    """How a marker stream ends that does not end with a verdict."""

    CUT = "cut"  # the connection is dropped
    EOF = "eof"  # the last chunk comes, the verdict does not
    ABORTED = "aborted"  # a line that says so


@dataclass(frozen=True, slots=True)
class Occasion:
    """A request that a fault may bite on."""

    method: str
    party: Party


class Effect:
    """What happens. A subclass with a number can be given another one."""

    __slots__ = ()

    def with_number(self, number: int) -> Effect:
        """The same effect with its one number changed; raises TypeError when it has none."""
        raise TypeError(f"{type(self).__name__} takes no number, so not {number}")


E = TypeVar("E", bound=Effect)


@dataclass(frozen=True, slots=True)
class Closed(Effect):
    """Nothing listens on the port."""


@dataclass(frozen=True, slots=True)
class Say(Effect):
    """The request is refused for that cause in the dialect's words; `status` overrides the dialect's choice."""

    cause: Cause
    status: int = 0


@dataclass(frozen=True, slots=True)
class Answer(Effect):
    """The request is answered with that status and text, as something in front of the storage would."""

    status: int
    text: str = ""
    media_type: str = "text/plain"


@dataclass(frozen=True, slots=True)
class Gibberish(Effect):
    """The request is answered with bytes that are not HTTP."""


@dataclass(frozen=True, slots=True)
class Redirected(Effect):
    """The request is redirected to no good place."""

    whither: Whither


@dataclass(frozen=True, slots=True)
class Certificate(Effect):
    """Another certificate is shown to everybody who connects from now on."""

    which: Shown


@dataclass(frozen=True, slots=True)
class Cannot(Effect):
    """As the active party: the passive one cannot be reached, for that cause."""

    cause: Cause


@dataclass(frozen=True, slots=True)
class Fails(Effect):
    """As the active party: the copy fails for that cause after so many bytes."""

    cause: Cause
    after_bytes: int = 1

    def with_number(self, number: int) -> Effect:
        return replace(self, after_bytes=number)


@dataclass(frozen=True, slots=True)
class Misframe(Effect):
    """As the active party: the marker stream is not written as it should be."""

    how: Misframed


@dataclass(frozen=True, slots=True)
class Queued(Effect):
    """As the active party: the copy waits for a mover of its own for ever, and markers say so."""


@dataclass(frozen=True, slots=True)
class RunsOn(Effect):
    """As the active party: the copy goes on when the client has gone."""


@dataclass(frozen=True, slots=True)
class Hidden(Effect):
    """A file is not shown to clients for so many milliseconds after it was written; 0 is for ever."""

    milliseconds: int = 0

    def with_number(self, number: int) -> Effect:
        return replace(self, milliseconds=number)


@dataclass(frozen=True, slots=True)
class Kept(Effect):
    """A DELETE is called a success, and the file stays."""


@dataclass(frozen=True, slots=True)
class BrokenUpload(Effect):
    """A PUT's connection is reset after so many bytes of its body."""

    after_bytes: int = 1000

    def with_number(self, number: int) -> Effect:
        return replace(self, after_bytes=number)


@dataclass(frozen=True, slots=True)
class Hang(Effect):
    """The request is taken and never answered."""


@dataclass(frozen=True, slots=True)
class Dropped(Effect):
    """The connection is dropped instead of an answer."""


@dataclass(frozen=True, slots=True)
class Freeze(Effect):
    """As the active party: markers go on, bytes stand still from there on."""

    after_bytes: int = 1

    def with_number(self, number: int) -> Effect:
        return replace(self, after_bytes=number)


@dataclass(frozen=True, slots=True)
class Silence(Effect):
    """As the active party: after so many markers nothing more is said."""

    after_markers: int = 1

    def with_number(self, number: int) -> Effect:
        return replace(self, after_markers=number)


@dataclass(frozen=True, slots=True)
class NoVerdict(Effect):
    """The stream of a copy ends without success or failure."""

    ending: Ending


@dataclass(frozen=True, slots=True)
class Spoil(Effect):
    """A copy or a PUT is called a success, and the storage holds something else; or a GET sends something else."""

    how: Spoiled


@dataclass(frozen=True, slots=True)
class Full(Effect):
    """The disk is full after so many bytes of a file."""

    after_bytes: int = 0

    def with_number(self, number: int) -> Effect:
        return replace(self, after_bytes=number)


@dataclass(frozen=True, slots=True)
class ShortBody(Effect):
    """The body of a GET is cut after so many bytes, the connection dropped."""

    after_bytes: int = 1000

    def with_number(self, number: int) -> Effect:
        return replace(self, after_bytes=number)


@dataclass(frozen=True, slots=True)
class Stall(Effect):
    """The body of a GET stops after so many bytes, the connection stays open."""

    after_bytes: int = 1000

    def with_number(self, number: int) -> Effect:
        return replace(self, after_bytes=number)


@dataclass(frozen=True, slots=True)
class Drip(Effect):
    """The body of a GET comes slowly."""

    bytes_per_second: int = 1000

    def with_number(self, number: int) -> Effect:
        return replace(self, bytes_per_second=number)


@dataclass(frozen=True, slots=True)
class Ranging(Effect):
    """A GET for ranges is answered in a way in which no job can read."""

    how: Ranged


@dataclass(frozen=True, slots=True)
class Unread(Effect):
    """After so many bytes the body of a PUT is not read any more, the connection stays open."""

    after_bytes: int = 1000

    def with_number(self, number: int) -> Effect:
        return replace(self, after_bytes=number)


@dataclass(frozen=True, slots=True)
class Digest(Effect):
    """The checksum in answers to HEAD and GET is wrong, or missing."""

    what: Digests


@dataclass(frozen=True, slots=True)
class Fault:
    """One entry of the catalogue.

    Bites on `methods` (empty: any) of `party` (None: anybody). `reason` and `blame` are what the harness must find.
    `dialects` limits it to those that can fail so; empty means all. `citation` is where its bytes come from.
    """

    name: str
    sentence: str
    effect: Effect
    methods: frozenset[str]
    party: Party | None
    reason: Reason
    blame: Culprit
    citation: str
    dialects: frozenset[str] = frozenset()

    def bites(self, occasion: Occasion) -> bool:
        return (not self.methods or occasion.method in self.methods) and self.party in (None, occasion.party)
