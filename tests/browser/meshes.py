"""Whole meshes to look at: endpoints of all implementations, planted bad rows, columns and links, honest evidence.

Everything is derived from names and numbers, so that the same mesh is the same mesh in every run.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from tpcharness.diagnosis.findings import find
from tpcharness.model.endpoint import AddressFamily, EndpointSubject, LinkSubject
from tpcharness.model.finding import Finding
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
from tpcharness.model.variant import DEFAULT_VARIANTS, Blame, Outcome, Phase, Variant
from tpcharness.results.run import EndpointFacts, RunEnd, RunFacts
from tpcharness.results.store import MatrixStore

MIB = 1024 * 1024
START = datetime(2026, 11, 22, 6, 0, tzinfo=UTC)
RUN_ID = "20261122T060000Z-5e1f0a"
CITIES = (
    "CERN", "DESY", "FZK", "IN2P3", "RAL", "TRIUMF", "BNL", "PIC", "SARA", "NDGF", "CNAF", "JINR", "Prague",
    "Glasgow", "Lancaster", "Manchester", "Wuppertal", "Freiburg", "Goettingen", "Lisbon", "Coimbra", "Valencia",
    "Madrid", "Napoli", "Roma", "Milano", "Frascati", "Krakow", "Ljubljana", "Beijing", "Tokyo", "Taipei", "Mumbai",
    "Melbourne", "Waterloo", "Victoria", "Chicago", "Arlington", "Nebraska", "Wisconsin", "Purdue", "Caltech",
    "Florida", "MIT", "Vanderbilt", "SaoPaulo",
)  # fmt: skip
SERVERS = ("dCache/9.2.21", "XRootD/5.7.1", "XRootD/6.1.0", "StoRM-WebDAV/1.8.0", "EOS/5.2.24", "Apache/2.4.62 (DPM)")
PREFIXES = ("/pnfs/{}.example/data/dteam", "/dteam", "//eos/{}/dteam", "/webdav/dteam", "/dpm/{}.example/home/dteam")


@dataclass(frozen=True, slots=True)
class Site:
    """One endpoint of a mesh."""

    number: int
    name: str

    @property
    def host(self) -> str:
        return f"webdav.{self.name.lower().replace('_', '-')}.example:{(2880, 443, 1094, 8443)[self.number % 4]}"

    @property
    def base(self) -> str:
        return (
            f"https://{self.host}{PREFIXES[self.number % len(PREFIXES)].format(self.name.lower())}/tpcharness/dteam-ops"
        )

    @property
    def server(self) -> str:
        return SERVERS[self.number % len(SERVERS)]

    @property
    def address(self) -> str:
        return f"2001:db8:{self.number:x}::{self.number % 7 + 1}"


@dataclass(slots=True)
class Mesh:
    """A run with its results and findings, ready for a report."""

    run: RunFacts
    store: MatrixStore
    findings: tuple[Finding, ...] = ()
    sites: list[Site] = field(default_factory=list)

    @property
    def bad_cells(self) -> int:
        return sum(cell.state in ("failure", "error") for cell in self.store.cells())


def names(count: int) -> list[str]:
    """As the grid has them: of all lengths, with numbers behind."""
    if count <= 8:
        return [f"SITE-{chr(65 + number)}" for number in range(count)]
    stems = [f"{city}{('', '-PROD', '-HEP', '_T2', '-DATADISK')[number % 5]}" for number, city in enumerate(CITIES)]
    return [stems[n % len(stems)] + (f"_{n // len(stems) + 1}" if n >= len(stems) else "") for n in range(count)]


def mesh(count: int, *, spread: float = 0.02, called: Callable[[int], str] | None = None) -> Mesh:
    """All pairs in both variants: bad sources, destinations, one endpoint that is down, and single links.

    `spread` is the share of links that fail by themselves, `called` gives other names than `names`.
    """
    dice = random.Random(count)
    sites = [Site(number, name) for number, name in enumerate(map(called, range(count)) if called else names(count))]
    few = max(1, count // 16)
    order = dice.sample(range(count), count)
    bad_sources, bad_destinations = set(order[:few]), set(order[few : 2 * few])
    down = set(order[2 * few : 2 * few + count // 60])
    made = _Maker(dice)
    store = MatrixStore(site.name for site in sites)
    for site in sites:
        store.add(made.door(site, Reason.CONNECT_TIMEOUT if site.number in down else Reason.OK))
    for source in sites:
        for destination in sites:
            if source is destination:
                continue
            alone = dice.random() < spread
            for variant in DEFAULT_VARIANTS:
                make: Callable[[Site, Site, Variant], Result] = made.good
                if {source.number, destination.number} & down:
                    make = made.skipped
                elif destination.number in bad_destinations:
                    make = made.refused
                elif source.number in bad_sources and variant is Variant.HTTPS_PULL:
                    make = made.missing
                elif alone and variant is Variant.HTTPS_PUSH:
                    make = made.unreachable
                elif alone and dice.random() < 0.2:
                    make = made.ours
                store.add(make(source, destination, variant))
    links = len(DEFAULT_VARIANTS) * count * (count - 1)
    dropped = [Dropped(LinkSubject(sites[0].name, "SITE-OPTED-OUT"), v, DropReason.OPTED_OUT) for v in DEFAULT_VARIANTS]
    run = RunFacts(
        run_id=RUN_ID,
        started_at=START,
        version="0.1.0",
        harness="dteam-ops",
        config_path="/etc/tpcharness/endpoints.toml",
        endpoints=tuple(EndpointFacts(site.name, site.name.split("_")[0].title(), site.host) for site in sites),
        planned_doors=count,
        planned_links=links,
        planned_bytes=links * MIB,
        dropped=tuple(dropped),
        ended_at=START + timedelta(seconds=40 + count * 9),
        ended=RunEnd.COMPLETE,
    )
    return Mesh(run, store, find(store.results()), sites)


@dataclass(slots=True)
class _Maker:
    """Results with the evidence that real storages leave."""

    dice: random.Random
    made: int = 0

    def good(self, source: Site, destination: Site, variant: Variant) -> Result:
        active, passive = (destination, source) if variant is Variant.HTTPS_PULL else (source, destination)
        self.made += 1
        probe_id = f"{self.made:05}"
        seconds = self.dice.uniform(0.05, 4.0)
        moved = f"{destination.base}/copy-{RUN_ID}-{probe_id}-1"
        copied = Exchange(
            Phase.REQUEST,
            "COPY",
            moved if active is destination else _seed(source),
            (
                ("Authorization", "Bearer <redacted>"),
                ("Source", _seed(source)) if active is destination else ("Destination", moved),
                ("Credential", "none"),
                ("Overwrite", "F"),
                ("ClientInfo", f"job-id={RUN_ID};file-id={probe_id};retry=0"),
                ("TransferHeaderAuthorization", "<redacted>"),
            ),
            202,
            "Accepted",
            active.server,
            (Hop(active.host, 202, active.server, active.address),),
            "success: Created",
        )
        started_at = START + timedelta(seconds=self.made * 0.02, milliseconds=self.dice.randrange(1000))
        expires = START + timedelta(minutes=20 * (1 + self.made // 5000))
        return Result(
            run_id=RUN_ID,
            probe_id=probe_id,
            subject=LinkSubject(source.name, destination.name),
            variant=variant,
            size_bytes=MIB,
            started_at=started_at,
            attempt=1,
            outcome=Outcome.OK,
            reason=Reason.OK,
            blame=Blame.NOBODY,
            phases={phase: self.dice.expovariate(8) for phase in Phase} | {Phase.TRANSFER: seconds},
            bytes=MIB,
            transfer_seconds=seconds,
            throughput=MIB / seconds,
            address_family=AddressFamily.IPV6,
            checksum=Checksum("adler32", "ddbb9e0f", "ddbb9e0f", VerifiedBy.DIGEST),
            evidence=Evidence(
                (_head(Phase.PREPARE, source, _seed(source), 200, "OK"), copied),
                (
                    _token("read", passive if active is destination else active, "storage.read:/tpcharness", expires),
                    _token("write", destination, f"storage.create:/tpcharness/copy-{RUN_ID}-{probe_id}-1", expires),
                ),
            ),
            implementation=Implementation((source.server,), (destination.server,)),
        )

    def refused(self, source: Site, destination: Site, variant: Variant) -> Result:
        """The destination does not let anybody write; dCache says when, so no two answers are alike."""
        result = self.good(source, destination, variant)
        head, copied = result.evidence.exchanges
        if variant is Variant.HTTPS_PULL:
            answer = replace(copied, status=403, status_text="Forbidden", body_excerpt="no matching mapping for issuer")
            result = replace(result, reason=Reason.FORBIDDEN)
        else:
            moment = result.started_at + timedelta(seconds=1.25)
            text = f"failure: rejected PUT: 403 Forbidden [{moment:%H:%M:%S}.{moment.microsecond // 1000:03}]"
            answer = replace(copied, body_excerpt=text)
            result = replace(result, reason=Reason.PASSIVE_FORBIDDEN)
        hint = f"{destination.name} does not map the token's issuer to a user who may write there"
        return self._bad(result, (head, answer), Blame.DESTINATION, hint)

    def missing(self, source: Site, destination: Site, variant: Variant) -> Result:
        """The source tells others that our file is not there."""
        result = self.good(source, destination, variant)
        head, copied = result.evidence.exchanges
        text = f"failure: GET {_seed(source)} failed with status code 404: File not found"
        again = _head(Phase.VERIFY, destination, copied.url, 404, "Not Found")
        others = (Alternative(Reason.PASSIVE_FORBIDDEN, Blame.SOURCE),)
        result = replace(result, reason=Reason.PASSIVE_NOT_FOUND, alternatives=others)
        return self._bad(result, (head, replace(copied, body_excerpt=text), again), Blame.SOURCE)

    def unreachable(self, source: Site, destination: Site, variant: Variant) -> Result:
        """The source gets no connection to the destination."""
        result = self.good(source, destination, variant)
        head, copied = result.evidence.exchanges
        text = f"failure: connect to [{destination.address}]:443 timed out after 30000 ms"
        result = replace(
            result,
            reason=Reason.PASSIVE_TIMEOUT,
            markers=Markers(6, 0, None, 5.2, (f"tcp:[{destination.address}]:443",)),
            warnings=("no byte moved for 30 s",),
        )
        return self._bad(result, (head, replace(copied, body_excerpt=text)), Blame.PATH)

    def ours(self, source: Site, destination: Site, variant: Variant) -> Result:
        """We had no token."""
        result = self.good(source, destination, variant)
        result = replace(result, outcome=Outcome.ERROR, reason=Reason.TOKEN_SOURCE_FAILED, blame=Blame.CLIENT)
        phases = {Phase.QUEUED: 0.4, Phase.TOKEN: 0.002}
        return replace(
            result, hint="client_secret_file cannot be read", evidence=Evidence(), phases=phases, throughput=None
        )

    def skipped(self, source: Site, destination: Site, variant: Variant) -> Result:
        """An end failed its door check."""
        result = self.good(source, destination, variant)
        result = replace(
            result, outcome=Outcome.SKIPPED, reason=Reason.ENDPOINT_DOWN, checksum=Checksum(), throughput=None
        )
        return replace(result, phases={}, evidence=Evidence(), implementation=Implementation(), address_family=None)

    def door(self, site: Site, reason: Reason) -> Result:
        self.made += 1
        ok = reason is Reason.OK
        path = f"{site.base}/door-{RUN_ID}-{self.made:05}"
        steps = ((Phase.PREPARE, "PUT", 201), (Phase.VERIFY, "HEAD", 200), (Phase.VERIFY, "GET", 200))
        tls = TlsFacts(
            site.address,
            "TLSv1.3",
            f"CN={site.host}",
            "CN=GEANT TLS ECC 1,O=Hellenic Academic and Research Institutions CA,C=GR",
            (site.host.split(":")[0],),
            START - timedelta(days=30 + site.number),
            START + timedelta(days=10 + site.number),
            2,
        )
        exchanges = tuple(
            Exchange(
                phase, method, path, (("Authorization", "Bearer <redacted>"),), status, "", site.server,
                (Hop(site.host, status, site.server, site.address),),
            )
            for phase, method, status in steps
        )  # fmt: skip
        silent = Exchange(Phase.CONNECT, "OPTIONS", path, error=f"no answer from [{site.address}] in 30 s")
        return Result(
            run_id=RUN_ID,
            probe_id=f"{self.made:05}",
            subject=EndpointSubject(site.name),
            variant=Variant.DOOR,
            size_bytes=1024,
            started_at=START,
            attempt=1,
            outcome=Outcome.OK if ok else Outcome.FAILURE,
            reason=reason,
            blame=Blame.NOBODY if ok else Blame.DESTINATION,
            phases={Phase.CONNECT: 0.02, Phase.TLS: 0.05, Phase.REQUEST: 0.2} if ok else {Phase.CONNECT: 30.0},
            address_family=AddressFamily.IPV6,
            evidence=Evidence(exchanges if ok else (silent,), (), (tls,) if ok else ()),
            implementation=Implementation(destination=(site.server,)) if ok else Implementation(),
            clock_offset_seconds=0.25 if ok else None,
        )

    def _bad(self, result: Result, exchanges: tuple[Exchange, ...], blame: Blame, hint: str = "") -> Result:
        evidence = replace(result.evidence, exchanges=exchanges)
        checksum = Checksum("adler32", "ddbb9e0f")
        result = replace(result, outcome=Outcome.FAILURE, blame=blame, hint=hint, evidence=evidence, checksum=checksum)
        return replace(result, bytes=None, transfer_seconds=None, throughput=None)


def _seed(site: Site) -> str:
    return f"{site.base}/seed-{RUN_ID}-{MIB}"


def _head(phase: Phase, site: Site, url: str, status: int, text: str) -> Exchange:
    hops = (Hop(site.host, status, site.server, site.address),)
    headers = (("Authorization", "Bearer <redacted>"), ("Want-Digest", "adler32"))
    return Exchange(phase, "HEAD", url, headers, status, text, site.server, hops)


def _token(role: str, site: Site, scope: str, expires: datetime) -> TokenFacts:
    return TokenFacts(role, "https://dteam-auth.example/", "5f2a91", (f"https://{site.host}",), scope, expires)
