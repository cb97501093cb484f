"""The result record as JSON (design 4), and back again.

Written out by hand, field by field: a document is built for every result of a run, and the field names are public.
`export.schema` derives the same shape from the types; a test holds both together.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from tpcharness.model.endpoint import AddressFamily, EndpointSubject, LinkSubject, Subject, SubjectKind
from tpcharness.model.reason import Reason
from tpcharness.model.result import (
    Alternative,
    Checksum,
    Evidence,
    Exchange,
    Hop,
    Implementation,
    Markers,
    Result,
    TlsFacts,
    TokenFacts,
    VerifiedBy,
)
from tpcharness.model.variant import Blame, Outcome, Phase, Variant
from tpcharness.results.fields import DocumentError, Fields

Document = dict[str, Any]

# ASCII only: no text of a server can reach a terminal or a log as anything but an escape.
to_json: Callable[[object], str] = json.JSONEncoder(allow_nan=False, separators=(",", ":")).encode


def result_document(result: Result) -> Document:
    """One result. Times are ISO 8601 in UTC, durations seconds to the microsecond, everything JSON's own types."""
    markers, checksum, evidence = result.markers, result.checksum, result.evidence
    return {
        "run_id": result.run_id,
        "probe_id": result.probe_id,
        "subject": subject_document(result.subject),
        "variant": result.variant.value,
        "size_bytes": result.size_bytes,
        "started_at": moment_text(result.started_at),
        "attempt": result.attempt,
        "outcome": result.outcome.value,
        "reason": result.reason.value,
        "code": result.code,
        "phase": result.phase.value,
        "blame": result.blame.value,
        "alternatives": [{"reason": other.reason.value, "blame": other.blame.value} for other in result.alternatives],
        "hint": result.hint,
        "warnings": list(result.warnings),
        "phases": {phase.value: round(seconds, 6) for phase, seconds in result.phases.items()},
        "bytes": result.bytes,
        "transfer_seconds": _rounded(result.transfer_seconds),
        "throughput": _rounded(result.throughput),
        "markers": {
            "count": markers.count,
            "bytes_claimed": markers.bytes_claimed,
            "first_byte_seconds": _rounded(markers.first_byte_seconds),
            "longest_silence_seconds": _rounded(markers.longest_silence_seconds),
            "remote_connections": list(markers.remote_connections),
        },
        "address_family": None if result.address_family is None else result.address_family.value,
        "checksum": {
            "algorithm": checksum.algorithm,
            "expected": checksum.expected,
            "found": checksum.found,
            "verified_by": checksum.verified_by.value,
        },
        "evidence": {
            "exchanges": [_exchange(exchange) for exchange in evidence.exchanges],
            "tokens": [_token(facts) for facts in evidence.tokens],
            "tls": [_tls(facts) for facts in evidence.tls],
        },
        "implementation": {
            "source": list(result.implementation.source),
            "destination": list(result.implementation.destination),
        },
        "clock_offset_seconds": _rounded(result.clock_offset_seconds),
    }


def subject_document(subject: Subject) -> Document:
    if isinstance(subject, LinkSubject):
        return {"kind": subject.kind.value, "source": subject.source, "destination": subject.destination}
    return {"kind": subject.kind.value, "endpoint": subject.endpoint}


def moment_text(moment: datetime) -> str:
    """ISO 8601 in UTC, "2026-11-22T14:00:00.000000Z"."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def parse_json(text: str, place: str) -> object:
    """The value of a JSON text. Raises DocumentError that names the place, also for NaN and for absurd nesting."""
    try:
        value: object = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise DocumentError(f"{place}: not JSON: {error}") from None
    return value


def read_result(document: object, place: str = "result") -> Result:
    """The result of a document. Raises DocumentError naming what is wrong; unknown fields are ignored."""
    return read_result_fields(Fields(document, place))


def read_result_fields(fields: Fields) -> Result:
    """The same, of an object within a document."""
    markers, checksum, evidence = fields.child("markers"), fields.child("checksum"), fields.child("evidence")
    implementation = fields.child("implementation")
    return Result(
        run_id=fields.text("run_id"),
        probe_id=fields.text("probe_id"),
        subject=read_subject(fields.child("subject")),
        variant=fields.choice("variant", Variant),
        size_bytes=fields.integer("size_bytes"),
        started_at=fields.moment("started_at"),
        attempt=fields.integer("attempt"),
        outcome=fields.choice("outcome", Outcome),
        reason=fields.choice("reason", Reason),
        blame=fields.choice("blame", Blame),
        alternatives=tuple(
            Alternative(each.choice("reason", Reason), each.choice("blame", Blame))
            for each in fields.children("alternatives")
        ),
        hint=fields.text("hint", ""),
        warnings=fields.texts("warnings"),
        phases=fields.numbers("phases", Phase),
        bytes=fields.integer_or_none("bytes"),
        transfer_seconds=fields.number_or_none("transfer_seconds"),
        throughput=fields.number_or_none("throughput"),
        markers=Markers(
            count=markers.integer("count", 0),
            bytes_claimed=markers.integer_or_none("bytes_claimed"),
            first_byte_seconds=markers.number_or_none("first_byte_seconds"),
            longest_silence_seconds=markers.number_or_none("longest_silence_seconds"),
            remote_connections=markers.texts("remote_connections"),
        ),
        address_family=fields.choice_or_none("address_family", AddressFamily),
        checksum=Checksum(
            algorithm=checksum.text("algorithm", Checksum().algorithm),
            expected=checksum.text("expected", ""),
            found=checksum.text("found", ""),
            verified_by=checksum.choice("verified_by", VerifiedBy, VerifiedBy.NONE),
        ),
        evidence=Evidence(
            exchanges=tuple(_read_exchange(each) for each in evidence.children("exchanges")),
            tokens=tuple(_read_token(each) for each in evidence.children("tokens")),
            tls=tuple(_read_tls(each) for each in evidence.children("tls")),
        ),
        implementation=Implementation(implementation.texts("source"), implementation.texts("destination")),
        clock_offset_seconds=fields.number_or_none("clock_offset_seconds"),
    )


def read_subject(fields: Fields) -> Subject:
    """The subject of a result or of what was dropped."""
    if fields.choice("kind", SubjectKind) is SubjectKind.LINK:
        return LinkSubject(fields.text("source"), fields.text("destination"))
    return EndpointSubject(fields.text("endpoint"))


def _exchange(exchange: Exchange) -> Document:
    return {
        "phase": exchange.phase.value,
        "method": exchange.method,
        "url": exchange.url,
        "request_headers": [list(header) for header in exchange.request_headers],
        "status": exchange.status,
        "status_text": exchange.status_text,
        "server": exchange.server,
        "hops": [
            {
                "host": hop.host,
                "status": hop.status,
                "server": hop.server,
                "address": hop.address,
                "location": hop.location,
            }
            for hop in exchange.hops
        ],
        "body_excerpt": exchange.body_excerpt,
        "error": exchange.error,
    }


def _read_exchange(fields: Fields) -> Exchange:
    return Exchange(
        phase=fields.choice("phase", Phase),
        method=fields.text("method"),
        url=fields.text("url"),
        request_headers=fields.pairs("request_headers"),
        status=fields.integer_or_none("status"),
        status_text=fields.text("status_text", ""),
        server=fields.text("server", ""),
        hops=tuple(
            Hop(
                host=each.text("host"),
                status=each.integer_or_none("status"),
                server=each.text("server", ""),
                address=each.text("address", ""),
                location=each.text("location", ""),
            )
            for each in fields.children("hops")
        ),
        body_excerpt=fields.text("body_excerpt", ""),
        error=fields.text("error", ""),
    )


def _token(facts: TokenFacts) -> Document:
    return {
        "role": facts.role,
        "issuer": facts.issuer,
        "subject_hash": facts.subject_hash,
        "audience": list(facts.audience),
        "scope": facts.scope,
        "expires": None if facts.expires is None else moment_text(facts.expires),
    }


def _read_token(fields: Fields) -> TokenFacts:
    return TokenFacts(
        role=fields.text("role"),
        issuer=fields.text("issuer", ""),
        subject_hash=fields.text("subject_hash", ""),
        audience=fields.texts("audience"),
        scope=fields.text("scope", ""),
        expires=fields.moment_or_none("expires"),
    )


def _tls(facts: TlsFacts) -> Document:
    return {
        "address": facts.address,
        "version": facts.version,
        "subject": facts.subject,
        "issuer": facts.issuer,
        "names": list(facts.names),
        "not_before": None if facts.not_before is None else moment_text(facts.not_before),
        "not_after": None if facts.not_after is None else moment_text(facts.not_after),
        "chain_length": facts.chain_length,
    }


def _read_tls(fields: Fields) -> TlsFacts:
    return TlsFacts(
        address=fields.text("address"),
        version=fields.text("version", ""),
        subject=fields.text("subject", ""),
        issuer=fields.text("issuer", ""),
        names=fields.texts("names"),
        not_before=fields.moment_or_none("not_before"),
        not_after=fields.moment_or_none("not_after"),
        chain_length=fields.integer("chain_length", 0),
    )


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 6)


def _no_constant(name: str) -> object:
    raise ValueError(f"{name} is not JSON")
