"""Results to try the outputs on: one of each kind, and whole matrices."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache

from tpcharness.model.endpoint import AddressFamily, EndpointSubject, LinkSubject
from tpcharness.model.finding import Finding, FindingKind
from tpcharness.model.plan import Dropped, DropReason
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
from tpcharness.results.run import EndpointFacts, RunEnd, RunFacts
from tpcharness.results.store import MatrixStore

NOON = datetime(2026, 11, 22, 12, 0, 0, 250_000, tzinfo=UTC)
MIB = 1024 * 1024


def good(
    source: str = "SITE-A",
    destination: str = "SITE-B",
    variant: Variant = Variant.HTTPS_PULL,
    *,
    size: int = MIB,
    attempt: int = 1,
    probe_id: str = "",
    started_at: datetime = NOON,
) -> Result:
    """A copy that arrived, with every field filled in."""
    return Result(
        run_id="r1",
        probe_id=probe_id or f"{source}-{destination}-{variant.value}-{size}",
        subject=LinkSubject(source, destination),
        variant=variant,
        size_bytes=size,
        started_at=started_at,
        attempt=attempt,
        outcome=Outcome.OK,
        reason=Reason.OK,
        blame=Blame.NOBODY,
        warnings=("no marker for 7 s",),
        phases={Phase.QUEUED: 0.001, Phase.TOKEN: 0.0123456789, Phase.REQUEST: 0.08, Phase.TRANSFER: 0.3},
        bytes=size,
        transfer_seconds=0.3,
        throughput=size / 0.3,
        markers=Markers(2, size, 0.1, 0.2, ("tcp:192.0.2.1:2880",)),
        address_family=AddressFamily.IPV4,
        checksum=Checksum("adler32", "0a1b2c3d", "0a1b2c3d", VerifiedBy.DIGEST),
        evidence=Evidence(
            exchanges=(copy_exchange(destination, 202, "Accepted"),),
            tokens=(
                TokenFacts(
                    "write",
                    "https://iam.example.org/",
                    "5f2a",
                    (f"https://{destination.lower()}.example",),
                    f"storage.create:/tpcharness/x/{source}",
                    NOON + timedelta(minutes=20),
                ),
            ),
        ),
        implementation=Implementation(("dCache/9.2.6",), ("XRootD/5.7.1",)),
    )


def failed(
    source: str = "SITE-A",
    destination: str = "SITE-B",
    variant: Variant = Variant.HTTPS_PULL,
    *,
    reason: Reason = Reason.FORBIDDEN,
    blame: Blame = Blame.DESTINATION,
    body: str = "no matching mapping for issuer",
    **changes: object,
) -> Result:
    """A copy that the destination refused."""
    result = replace(
        good(source, destination, variant),
        outcome=Outcome.FAILURE,
        reason=reason,
        blame=blame,
        alternatives=(Alternative(Reason.UNAUTHENTICATED, Blame.ISSUER),),
        hint="the token's issuer is not mapped at the destination",
        bytes=None,
        transfer_seconds=None,
        throughput=None,
        checksum=Checksum(),
        evidence=Evidence(
            exchanges=(copy_exchange(destination, 403, "Forbidden", body),),
            tokens=(TokenFacts("write", "https://iam.example.org/", scope="storage.create:/tpcharness/x"),),
        ),
    )
    return replace(result, **changes)  # type: ignore[arg-type]


def ended(result: Result, outcome: Outcome, reason: Reason, blame: Blame = Blame.NOBODY) -> Result:
    """The same probe with another end."""
    return replace(result, outcome=outcome, reason=reason, blame=blame)


def door(name: str = "SITE-A", *, reason: Reason = Reason.OK, days: float = 100.0) -> Result:
    """One endpoint's own check."""
    ok = reason is Reason.OK
    return Result(
        run_id="r1",
        probe_id=f"door-{name}",
        subject=EndpointSubject(name),
        variant=Variant.DOOR,
        size_bytes=1024,
        started_at=NOON,
        attempt=1,
        outcome=Outcome.OK if ok else Outcome.FAILURE,
        reason=reason,
        blame=Blame.NOBODY if ok else Blame.DESTINATION,
        address_family=AddressFamily.IPV6,
        evidence=Evidence(
            exchanges=(
                Exchange(
                    Phase.REQUEST, "PUT", f"https://{name.lower()}.example:2880/x", status=201, server="dCache/9.2.6"
                ),
            ),
            tls=(
                TlsFacts(
                    "2001:db8::1", "TLSv1.3", f"CN={name}", "CN=Grid CA", (name.lower(),), None, NOON + timedelta(days)
                ),
            ),
        ),
        implementation=Implementation(destination=("dCache/9.2.6",)),
        clock_offset_seconds=-0.25,
    )


def copy_exchange(destination: str, status: int, status_text: str, body: str = "") -> Exchange:
    host = f"{destination.lower()}.example:2880"
    return Exchange(
        phase=Phase.REQUEST,
        method="COPY",
        url=f"https://{host}/data/tpcharness/x/file",
        request_headers=(("Source", "https://site-a.example:2880/seed"), ("Authorization", "<redacted>")),
        status=status,
        status_text=status_text,
        server="XRootD/5.7.1",
        hops=(Hop(host, 307, "XRootD/5.7.1", "192.0.2.7", f"https://pool.{host}/"), Hop(f"pool.{host}", status)),
        body_excerpt=body,
    )


def names(count: int) -> list[str]:
    """Endpoint names as the grid has them: of all lengths."""
    if count <= 4:
        return ["SITE-A", "SITE-B", "SITE-C", "SITE-D"][:count]
    stems = ("CERN-PROD", "DESY-HH", "FZK-LCG2", "IN2P3-CC", "RAL-LCG2", "TRIUMF", "BNL-ATLAS", "PIC", "SARA-MATRIX")
    return [f"{stems[i % len(stems)]}_{i // len(stems) + 1}" for i in range(count)]


@cache
def matrix(count: int, *, bad: bool = True) -> MatrixStore:
    """All pairs both ways: the third endpoint is broken as destination, one single link fails, one was not tried.

    Made once per size: not to be added to.
    """
    endpoints = names(count)
    store = MatrixStore(endpoints)
    for name in endpoints:
        store.add(door(name))
    for source in endpoints:
        for destination in endpoints:
            if source == destination:
                continue
            for variant in (Variant.HTTPS_PULL, Variant.HTTPS_PUSH):
                result = good(source, destination, variant)
                if bad and destination == endpoints[2]:
                    result = failed(source, destination, variant)
                elif bad and (source, destination) == (endpoints[0], endpoints[1]) and variant is Variant.HTTPS_PUSH:
                    result = failed(source, destination, variant, reason=Reason.PASSIVE_TIMEOUT, blame=Blame.PATH)
                elif bad and (source, destination) == (endpoints[1], endpoints[0]):
                    result = ended(result, Outcome.SKIPPED, Reason.SEED_LOST)
                elif bad and (source, destination) == (endpoints[3], endpoints[0]):
                    result = ended(result, Outcome.ERROR, Reason.TOKEN_SOURCE_FAILED, Blame.CLIENT)
                store.add(result)
    return store


def findings(count: int = 4) -> list[Finding]:
    endpoints = names(count)
    cells = 2 * (count - 1)
    return [
        Finding(
            FindingKind.BAD_AS_DESTINATION,
            (endpoints[2],),
            Reason.FORBIDDEN,
            Blame.DESTINATION,
            cells,
            cells,
            f"{endpoints[2]} fails as destination from {count - 1} of {count - 1} sources, by pull and push: "
            "it refuses the copy for lack of rights.",
            (Variant.HTTPS_PULL, Variant.HTTPS_PUSH),
            "p1",
        ),
        Finding(
            FindingKind.SINGLE_LINK,
            (endpoints[0], endpoints[1]),
            Reason.PASSIVE_TIMEOUT,
            Blame.PATH,
            1,
            2,
            f"{endpoints[0]} -> {endpoints[1]} fails by push only: no connection to {endpoints[1]}.",
            (Variant.HTTPS_PUSH,),
        ),
    ]


def run(count: int = 4, *, ended_how: RunEnd | None = RunEnd.COMPLETE) -> RunFacts:
    return RunFacts(
        run_id="r1",
        started_at=NOON,
        version="0.1.0",
        harness="example-site",
        config_path="endpoints.toml",
        endpoints=tuple(EndpointFacts(name, name.title(), f"{name.lower()}.example:2880") for name in names(count)),
        planned_doors=count,
        planned_links=2 * count * (count - 1),
        planned_bytes=2 * count * (count - 1) * MIB,
        dropped=(
            Dropped(LinkSubject("SITE-A", "SITE-E"), Variant.HTTPS_PULL, DropReason.OPTED_OUT, "asked us not to"),
        ),
        ended_at=None if ended_how is None else NOON + timedelta(seconds=3.1),
        ended=ended_how,
    )
