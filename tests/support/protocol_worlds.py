"""Meshes in which all variants were probed: what works over which protocol, and how fast, is planted."""

from __future__ import annotations

import itertools
import random
from dataclasses import replace

from tests.support.matrices import DESTINATION, GOOD, SOURCE, START
from tpcharness.diagnosis.findings import find
from tpcharness.model.endpoint import EndpointSubject, LinkSubject
from tpcharness.model.finding import Finding
from tpcharness.model.reason import Reason
from tpcharness.model.result import Result
from tpcharness.model.variant import DIRECT_VARIANTS, DOOR_VARIANTS, Blame, Outcome, Variant
from tpcharness.results.run import EndpointFacts, RunEnd, RunFacts
from tpcharness.results.store import MatrixStore

SIZE = 10**9
LINKS = (Variant.HTTPS_PULL, Variant.HTTPS_PUSH, Variant.ROOT_PULL, Variant.GFAL_DAVS_DAVS, Variant.GFAL_ROOT_ROOT)
ALONE = (*DIRECT_VARIANTS, Variant.TAPE_INFO, Variant.GSIFTP_DOOR)


class ProtocolWorld:
    """`count` endpoints. The second refuses pulls, the third has no working root, from first to last is slow."""

    def __init__(self, count: int) -> None:
        self.names = [f"SITE-{chr(65 + n)}" if count < 27 else f"STORAGE_{n:03}_DATADISK" for n in range(count)]
        self.store = MatrixStore(self.names)
        dice = random.Random(count)
        for name in self.names:
            for variant in (*DOOR_VARIANTS, *ALONE):
                self.store.add(self._alone(name, variant, dice))
        for (source, destination), variant in itertools.product(itertools.permutations(self.names, 2), LINKS):
            self.store.add(self._link(source, destination, variant, dice))
        self.run = RunFacts(
            run_id="20261122T060000Z-5e1f0a",
            started_at=START,
            version="0.1.0",
            harness="dteam-ops",
            endpoints=tuple(EndpointFacts(name, name.title(), f"{name.lower()}.example:2880") for name in self.names),
            planned_doors=2 * count,
            planned_links=len(LINKS) * count * (count - 1),
            planned_alone=len(ALONE) * count,
            ended_at=START,
            ended=RunEnd.COMPLETE,
        )
        self.findings: tuple[Finding, ...] = find(self.store.results())

    def _alone(self, name: str, variant: Variant, dice: random.Random) -> Result:
        result = replace(GOOD, probe_id=f"{name}-{variant}", subject=EndpointSubject(name), variant=variant)
        if variant is Variant.CACHE_READ and name == self.names[3]:
            return _spoilt(result, Reason.CHECKSUM_MISMATCH, Blame.PATH)
        return _fast(result, dice.uniform(80, 120)) if variant in DIRECT_VARIANTS else result

    def _link(self, source: str, destination: str, variant: Variant, dice: random.Random) -> Result:
        probe = f"{source}-{destination}-{variant}"
        result = replace(GOOD, probe_id=probe, subject=LinkSubject(source, destination), variant=variant)
        if destination == self.names[1] and variant is Variant.HTTPS_PULL:
            return _spoilt(result, Reason.FORBIDDEN, DESTINATION)
        if self.names[2] in (source, destination) and variant is Variant.ROOT_PULL:
            return _spoilt(result, Reason.NO_FIRST_BYTE, SOURCE if source == self.names[2] else DESTINATION)
        slow = (source, destination) == (self.names[0], self.names[-1])
        return _fast(result, 10 if slow else dice.uniform(80, 120))


def _spoilt(result: Result, reason: Reason, blame: Blame) -> Result:
    return replace(result, outcome=Outcome.FAILURE, reason=reason, blame=blame)


def _fast(result: Result, megabytes_per_second: float) -> Result:
    seconds = SIZE / 1e6 / megabytes_per_second
    return replace(result, size_bytes=SIZE, bytes=SIZE, throughput=SIZE / seconds, transfer_seconds=seconds)
