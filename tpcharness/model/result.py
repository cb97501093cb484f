"""One frozen result per probe: the public, versioned record (design 4)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from tpcharness.model.endpoint import AddressFamily, Subject
from tpcharness.model.reason import Reason
from tpcharness.model.variant import Blame, Outcome, Phase, Variant

SCHEMA_VERSION = 1


class VerifiedBy(StrEnum):
    """How the checksum of the copy was found."""

    DIGEST = "digest"
    READBACK = "readback"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Alternative:
    """Another cause that would look the same on the wire."""

    reason: Reason
    blame: Blame


@dataclass(frozen=True, slots=True)
class Markers:
    """What the active party's performance markers said. Bytes are claims, never measurements."""

    count: int = 0
    bytes_claimed: int | None = None
    first_byte_seconds: float | None = None
    longest_silence_seconds: float | None = None
    remote_connections: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Checksum:
    """The checksum of the source file, and the one found at the destination; lower-case hex without a prefix."""

    algorithm: str = "adler32"
    expected: str = ""
    found: str = ""
    verified_by: VerifiedBy = VerifiedBy.NONE


@dataclass(frozen=True, slots=True)
class Hop:
    """One server that answered on the way of a request; the last one is who did the work."""

    host: str
    status: int | None
    server: str = ""
    address: str = ""
    location: str = ""


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request of ours and its answer, without secrets and cut to a readable length."""

    phase: Phase
    method: str
    url: str
    request_headers: tuple[tuple[str, str], ...] = ()
    status: int | None = None
    status_text: str = ""
    server: str = ""
    hops: tuple[Hop, ...] = ()
    body_excerpt: str = ""
    error: str = ""


@dataclass(frozen=True, slots=True)
class TokenFacts:
    """Claims of a token that was used: never the token, and the subject only as a hash."""

    role: str
    issuer: str = ""
    subject_hash: str = ""
    audience: tuple[str, ...] = ()
    scope: str = ""
    expires: datetime | None = None


@dataclass(frozen=True, slots=True)
class TlsFacts:
    """The certificate that an address presented, trusted or not."""

    address: str
    version: str = ""
    subject: str = ""
    issuer: str = ""
    names: tuple[str, ...] = ()
    not_before: datetime | None = None
    not_after: datetime | None = None
    chain_length: int = 0


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was seen: the ground of the verdict, enough for a ticket."""

    exchanges: tuple[Exchange, ...] = ()
    tokens: tuple[TokenFacts, ...] = ()
    tls: tuple[TlsFacts, ...] = ()


@dataclass(frozen=True, slots=True)
class Implementation:
    """What the two storages run, as their servers say, hop by hop ("dCache/9.2.6"); a door fills destination only."""

    source: tuple[str, ...] = ()
    destination: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Result:
    """What one probe found. Durations are seconds; `throughput` is verified bytes per second of transfer."""

    run_id: str
    probe_id: str
    subject: Subject
    variant: Variant
    size_bytes: int
    started_at: datetime
    attempt: int
    outcome: Outcome
    reason: Reason
    blame: Blame
    alternatives: tuple[Alternative, ...] = ()
    hint: str = ""
    warnings: tuple[str, ...] = ()
    phases: dict[Phase, float] = field(default_factory=dict)
    bytes: int | None = None
    transfer_seconds: float | None = None
    throughput: float | None = None
    markers: Markers = Markers()
    address_family: AddressFamily | None = None
    checksum: Checksum = Checksum()
    evidence: Evidence = Evidence()
    implementation: Implementation = Implementation()
    clock_offset_seconds: float | None = None

    @property
    def phase(self) -> Phase:
        """The phase in which the reason shows."""
        return self.reason.phase

    @property
    def code(self) -> int:
        """The number that stands for (reason, blame)."""
        return self.reason.code(self.blame)

    @property
    def ok(self) -> bool:
        return self.outcome is Outcome.OK


def without_exchanges(result: Result) -> Result:
    """The same without what was said on the wire: a few hundred bytes, whatever happened."""
    if not result.evidence.exchanges:
        return result
    return replace(result, evidence=replace(result.evidence, exchanges=()))
