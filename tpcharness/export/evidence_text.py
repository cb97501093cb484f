"""The evidence of one result in words: enough for a ticket, one label and one clean line of text at a time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from tpcharness.export.alphabet import Alphabet
from tpcharness.export.failure_text import deciding_exchange, failure_rows
from tpcharness.export.quantities import count_text, duration_text, size_text
from tpcharness.model.endpoint import LinkSubject
from tpcharness.model.result import Exchange, Hop, Result, TlsFacts
from tpcharness.model.variant import Phase

_UNSAID = frozenset({"authorization", "transferheaderauthorization"})
_LIMIT = 1000


def evidence_rows(result: Result, marks: Alphabet) -> Iterator[tuple[str, str]]:
    """What `failure_rows` says, its remedy excepted, and what a remote admin may want to look up."""
    yield "when", f"{utc_text(result.started_at)}, {_probe(result, marks)}"
    exchange = deciding_exchange(result)
    for label, text in failure_rows(result, marks):
        if label != "hint":
            yield label, text
        if label == "asked" and exchange is not None and (sent := _headers(exchange, marks)):
            yield "headers", sent
    if exchange is not None and any(hop.address for hop in exchange.hops):
        yield "servers on the way", marks.clean("; ".join(_hop(hop) for hop in exchange.hops), _LIMIT)
    for part, versions in _implementations(result):
        yield part, marks.clean(", ".join(dict.fromkeys(versions)), _LIMIT)
    if result.markers.remote_connections:
        yield "data connections", marks.clean(", ".join(result.markers.remote_connections), _LIMIT)
    if result.markers.count:
        claimed = result.markers.bytes_claimed
        moved = "" if claimed is None else f", {size_text(claimed)} moved, as it says"
        yield "markers", count_text(result.markers.count, "marker") + moved
    if result.checksum.found and result.checksum.found != result.checksum.expected:
        sums = result.checksum
        yield "checksum", marks.clean(f"{sums.algorithm} {sums.found}, expected {sums.expected or 'unknown'}")
    if result.phase is Phase.TLS:
        for facts in result.evidence.tls:
            yield "certificate", marks.clean(_certificate(facts), _LIMIT)
    if result.phases:
        yield (
            "took",
            ", ".join(f"{each} {duration_text(result.phases[each])}" for each in Phase if each in result.phases),
        )


def advice(result: Result, marks: Alphabet) -> str:
    """What to do about it, in one line."""
    return next((text for label, text in failure_rows(result, marks) if label == "hint"), "")


def utc_text(moment: datetime) -> str:
    """ "2026-11-22 12:00:00 UTC"."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def _probe(result: Result, marks: Alphabet) -> str:
    size = f"{size_text(result.size_bytes)}, " if isinstance(result.subject, LinkSubject) else ""
    family = "" if result.address_family is None else f", over {result.address_family.value}"
    return marks.clean(f"{size}attempt {result.attempt}, probe {result.probe_id} of run {result.run_id}{family}")


def _headers(exchange: Exchange, marks: Alphabet) -> str:
    said = [f"{name}: {value}" for name, value in exchange.request_headers if name.lower() not in _UNSAID]
    return marks.clean("; ".join(said), _LIMIT)


def _hop(hop: Hop) -> str:
    status = "no status" if hop.status is None else str(hop.status)
    parts = [hop.host, f"[{hop.address}]" if hop.address else "", hop.server, status]
    return " ".join(part for part in parts if part)


def _implementations(result: Result) -> Iterator[tuple[str, tuple[str, ...]]]:
    runs = result.implementation
    if isinstance(result.subject, LinkSubject):
        if runs.source:
            yield "source runs", runs.source
        if runs.destination:
            yield "destination runs", runs.destination
    elif runs.destination:
        yield "endpoint runs", runs.destination


def _certificate(facts: TlsFacts) -> str:
    until = "" if facts.not_after is None else f", until {utc_text(facts.not_after)}"
    return f"{facts.address}: {facts.subject or 'no subject'}, by {facts.issuer or 'nobody'}{until}"
