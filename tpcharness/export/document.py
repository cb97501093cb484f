"""Results, runs and findings as JSON documents (design 4), and back again.

Written out by hand, field by field: a document is built for every result of a run, and the field names are public.
`schema` derives the same shape from the types; a test holds both together.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from tpcharness.export.fields import DocumentError, Fields
from tpcharness.model.endpoint import AddressFamily, EndpointSubject, LinkSubject, Subject, SubjectKind
from tpcharness.model.finding import Finding, FindingKind
from tpcharness.model.plan import Dropped, DropReason
from tpcharness.model.reason import Reason
from tpcharness.model.result import (
    SCHEMA_VERSION,
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
from tpcharness.results.run import EndpointFacts, RunEnd, RunFacts

Document = dict[str, Any]

# ASCII only: no text of a server can reach a terminal or a log as anything but an escape.
to_json: Callable[[object], str] = json.JSONEncoder(allow_nan=False, separators=(",", ":")).encode


@dataclass(frozen=True, slots=True)
class RunDocument:
    """What a JSON document holds."""

    run: RunFacts
    results: tuple[Result, ...]
    findings: tuple[Finding, ...]


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


def finding_document(finding: Finding) -> Document:
    return {
        "kind": finding.kind.value,
        "culprits": list(finding.culprits),
        "reason": finding.reason.value,
        "code": finding.reason.code(finding.blame),
        "blame": finding.blame.value,
        "cells": finding.cells,
        "of": finding.of,
        "sentence": finding.sentence,
        "variants": [variant.value for variant in finding.variants],
        "probe_id": finding.probe_id,
        "sources": list(finding.sources),
        "destinations": list(finding.destinations),
    }


def run_facts_document(run: RunFacts) -> Document:
    return {
        "run_id": run.run_id,
        "started_at": moment_text(run.started_at),
        "version": run.version,
        "harness": run.harness,
        "config_path": run.config_path,
        "endpoints": [{"name": known.name, "site": known.site, "host": known.host} for known in run.endpoints],
        "planned_doors": run.planned_doors,
        "planned_links": run.planned_links,
        "planned_bytes": run.planned_bytes,
        "dropped": [
            {
                "subject": subject_document(dropped.subject),
                "variant": dropped.variant.value,
                "why": dropped.why.value,
                "detail": dropped.detail,
            }
            for dropped in run.dropped
        ],
        "ended_at": None if run.ended_at is None else moment_text(run.ended_at),
        "ended": None if run.ended is None else run.ended.value,
        "warnings": list(run.warnings),
    }


def run_document(run: RunFacts, results: Iterable[Result], findings: Iterable[Finding]) -> Document:
    """The whole document in memory; `document_text` is for the big ones."""
    controls, asked_for = split_controls(run, results)
    return {
        "schema_version": SCHEMA_VERSION,
        "run": {**run_facts_document(run), "doors": [result_document(result) for result in controls]},
        "results": [result_document(result) for result in asked_for],
        "findings": [finding_document(finding) for finding in findings],
    }


def split_controls(run: RunFacts, results: Iterable[Result]) -> tuple[list[Result], list[Result]]:
    """The controls of a run, and what was asked for: doors are controls where links are what it is about."""
    controls: list[Result] = []
    asked_for: list[Result] = []
    for result in results:
        (controls if is_control(run, result) else asked_for).append(result)
    return controls, asked_for


def is_control(run: RunFacts, result: Result) -> bool:
    """Whether a result is there to judge others by it."""
    return run.planned_links > 0 and not result.variant.of_link


def document_text(run: RunFacts, results: Iterable[Result], findings: Iterable[Finding]) -> Iterator[str]:
    """The JSON text of a whole document piece by piece, one result a line: a mesh has tens of thousands."""
    controls, asked_for = split_controls(run, results)
    facts = {**run_facts_document(run), "doors": [result_document(result) for result in controls]}
    yield f'{{"schema_version":{SCHEMA_VERSION},\n"run":{to_json(facts)},\n"results":['
    for number, result in enumerate(asked_for):
        yield f"{',' if number else ''}\n{to_json(result_document(result))}"
    yield f'\n],\n"findings":{to_json([finding_document(finding) for finding in findings])}}}\n'


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


def read_document(document: object) -> RunDocument:
    """A whole document. Raises DocumentError naming what is wrong; unknown fields are ignored."""
    fields = Fields(document, "")
    check_version(fields)
    run = fields.child("run")
    return RunDocument(
        read_run(run),
        tuple(_read_result(each) for each in (*run.children("doors"), *fields.children("results"))),
        tuple(read_finding(each) for each in fields.children("findings")),
    )


def check_version(fields: Fields) -> None:
    """Raises DocumentError unless the document is of the one major version that there is."""
    version = fields.integer("schema_version")
    if version != SCHEMA_VERSION:
        raise DocumentError(f"schema_version is {version}; this version of tpcharness reads {SCHEMA_VERSION}")


def read_result(document: object, place: str = "result") -> Result:
    """The result of a document. Raises DocumentError naming what is wrong; unknown fields are ignored."""
    return _read_result(Fields(document, place))


def read_run(fields: Fields) -> RunFacts:
    return RunFacts(
        run_id=fields.text("run_id"),
        started_at=fields.moment("started_at"),
        version=fields.text("version"),
        harness=fields.text("harness"),
        config_path=fields.text("config_path", ""),
        endpoints=tuple(
            EndpointFacts(each.text("name"), each.text("site", ""), each.text("host", ""))
            for each in fields.children("endpoints")
        ),
        planned_doors=fields.integer("planned_doors", 0),
        planned_links=fields.integer("planned_links", 0),
        planned_bytes=fields.integer("planned_bytes", 0),
        dropped=tuple(
            Dropped(
                _read_subject(each.child("subject")),
                each.choice("variant", Variant),
                each.choice("why", DropReason),
                each.text("detail", ""),
            )
            for each in fields.children("dropped")
        ),
        ended_at=fields.moment_or_none("ended_at"),
        ended=fields.choice_or_none("ended", RunEnd),
        warnings=fields.texts("warnings"),
    )


def read_finding(fields: Fields) -> Finding:
    return Finding(
        kind=fields.choice("kind", FindingKind),
        culprits=fields.texts("culprits"),
        reason=fields.choice("reason", Reason),
        blame=fields.choice("blame", Blame),
        cells=fields.integer("cells"),
        of=fields.integer("of"),
        sentence=fields.text("sentence"),
        variants=fields.choices("variants", Variant),
        probe_id=fields.text("probe_id", ""),
        sources=fields.texts("sources"),
        destinations=fields.texts("destinations"),
    )


def _read_result(fields: Fields) -> Result:
    markers, checksum, evidence = fields.child("markers"), fields.child("checksum"), fields.child("evidence")
    implementation = fields.child("implementation")
    return Result(
        run_id=fields.text("run_id"),
        probe_id=fields.text("probe_id"),
        subject=_read_subject(fields.child("subject")),
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


def _read_subject(fields: Fields) -> Subject:
    if fields.choice("kind", SubjectKind) is SubjectKind.LINK:
        return LinkSubject(fields.text("source"), fields.text("destination"))
    return EndpointSubject(fields.text("endpoint"))


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 6)


def _no_constant(name: str) -> object:
    raise ValueError(f"{name} is not JSON")
