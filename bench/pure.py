"""What costs no socket: reading markers, planning a full mesh, writing documents; each beside the bare deed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from statistics import median

from bench.measure import Measure, interleaved, median_ratio
from tpcharness.engine.plan import make_plan
from tpcharness.export.document import result_document, to_json
from tpcharness.model.endpoint import AddressFamily, Endpoint, LinkSubject
from tpcharness.model.reason import Reason
from tpcharness.model.result import Checksum, Evidence, Exchange, Hop, Implementation, Markers, Result, VerifiedBy
from tpcharness.model.settings import MIB, ProbeSelection
from tpcharness.model.variant import DEFAULT_VARIANTS, Blame, Outcome, Phase, Variant
from tpcharness.wire.markers import MarkerStream

ENDPOINTS = 170  # the size of WLCG
MARKERS = 5000
RESULTS = 2000


def pure_measures(runs: int) -> Iterator[Measure]:
    """All of them; CPU of this process."""
    yield from _markers(runs)
    yield _plan(runs)
    yield _documents(runs)


def _markers(runs: int) -> Iterator[Measure]:
    """Markers as they come from XRootD, one piece each."""
    pieces = [
        f"Perf Marker\nTimestamp: {1795353078 + 5 * number}\nStripe Index: 0\n"
        f"Stripe Bytes Transferred: {number * MIB}\nTotal Stripe Count: 1\n"
        f"RemoteConnections: tcp:192.0.2.1:2880\nEnd\n".encode()
        for number in range(MARKERS)
    ]

    def read() -> None:
        stream = MarkerStream()
        for piece in pieces:
            stream.feed(piece)

    def split() -> None:
        for piece in pieces:
            for line in piece.split(b"\n"):
                line.partition(b":")

    ours, bare = interleaved(runs, read, split)
    megabytes = sum(map(len, pieces)) / 1e6
    yield Measure("markers_vs_split", median_ratio(ours, bare), "x", "bytes.split and partition", 10)
    yield Measure("markers_speed", megabytes / median(ours), "MB/s")


def _plan(runs: int) -> Measure:
    """Every link of a full mesh in both modes, in the order that spreads the load."""
    endpoints = [Endpoint(f"SITE-{number}", f"https://site-{number}.example/vo") for number in range(ENDPOINTS)]
    names = [endpoint.name for endpoint in endpoints]

    def pairs() -> list[tuple[LinkSubject, Variant, int]]:
        return [
            (LinkSubject(source, destination), variant, MIB)
            for source in names
            for destination in names
            if source != destination
            for variant in DEFAULT_VARIANTS
        ]

    ours, bare = interleaved(runs, lambda: make_plan(endpoints, [ProbeSelection()]), pairs)
    return Measure("plan_vs_pairs", median_ratio(ours, bare), "x", "a loop over all pairs", 10)


def _documents(runs: int) -> Measure:
    """Results to lines of JSON."""
    result = _result()
    document = result_document(result)
    ours, bare = interleaved(
        runs,
        lambda: [to_json(result_document(result)) for _ in range(RESULTS)],
        lambda: [json.dumps(document) for _ in range(RESULTS)],
    )
    return Measure("document_vs_json", median_ratio(ours, bare), "x", "json.dumps of a ready document", 2)


def _result() -> Result:
    """A copy that arrived."""
    url = "https://site-b.example:2880/vo/tpcharness/bench/20261122T120000Z-5f2a1c-00001-1"
    headers = (("Authorization", "Bearer <redacted>"), ("Source", url), ("Credential", "none"), ("Overwrite", "F"))
    hops = (Hop("site-b.example:2880", 202, "XRootD", "192.0.2.2"),)
    copy = Exchange(Phase.REQUEST, "COPY", url, headers, 202, "Accepted", "XRootD", hops, "success: Created")
    look = Exchange(Phase.VERIFY, "HEAD", url, headers[:1], 200, "OK", "XRootD", hops)
    return Result(
        run_id="20261122T120000Z-5f2a1c",
        probe_id="00001",
        subject=LinkSubject("SITE-A", "SITE-B"),
        variant=Variant.HTTPS_PULL,
        size_bytes=MIB,
        started_at=datetime(2026, 11, 22, 12, tzinfo=UTC),
        attempt=1,
        outcome=Outcome.OK,
        reason=Reason.OK,
        blame=Blame.NOBODY,
        phases=dict.fromkeys(Phase, 0.0123456),
        bytes=MIB,
        transfer_seconds=0.3,
        throughput=MIB / 0.3,
        markers=Markers(1, MIB, 0.1, 0.2, ("tcp:192.0.2.1:2880",)),
        address_family=AddressFamily.IPV4,
        checksum=Checksum("adler32", "0a1b2c3d", "0a1b2c3d", VerifiedBy.DIGEST),
        evidence=Evidence((copy, look)),
        implementation=Implementation(("dCache/9.2.6",), ("XRootD",)),
    )
