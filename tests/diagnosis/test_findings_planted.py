"""Generated matrices with planted causes: each of them is found, by its name, and nobody innocent is accused."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from tests.support.matrices import DESTINATION, PULL, PUSH, SOURCE, VAGUE, Matrix
from tpcharness.diagnosis.findings import find
from tpcharness.model.finding import Finding, FindingKind
from tpcharness.model.reason import Reason
from tpcharness.model.variant import Blame

K, R = FindingKind, Reason
ISSUER = "https://iam.example:8443"
NAMES = "ABCDEFGHIJKLMN"

SINGLES = (
    "down",
    "source",
    "source unsure",
    "destination",
    "active",
    "active unsure",
    "passive",
    "everywhere",
    "firewall",
    "no way out",
    "trusts nobody",
    "bad chain",
    "refuses tokens",
)
PAIRS = ("path", "issuer")
"""Causes that take two endpoints."""


@dataclass
class Planted:
    """A matrix, and the findings that it must give: kind and culprits."""

    matrix: Matrix
    expected: set[tuple[FindingKind, tuple[str, ...]]]

    def plant(self, cause: str, name: str) -> None:
        """One culprit with one cause."""
        self.expected.add((self._spoil(cause, name), (name,)))

    def _spoil(self, cause: str, name: str) -> FindingKind:
        matrix = self.matrix
        match cause:
            case "down":
                matrix.close(name)
                return K.ENDPOINT_DOWN
            case "source":
                matrix.spoil(name, "*", R.PASSIVE_ERROR, SOURCE)
                return K.BAD_AS_SOURCE
            case "source unsure":
                matrix.spoil(name, "*", R.NO_PROGRESS, VAGUE, alternatives=(SOURCE, DESTINATION, Blame.PATH))
                return K.BAD_AS_SOURCE
            case "destination":
                matrix.spoil("*", name, R.NO_SPACE, DESTINATION)
                return K.BAD_AS_DESTINATION
            case "active":
                matrix.spoil_party(name, R.CHECKSUM_MISMATCH, active=True)
                return K.BAD_AS_ACTIVE
            case "active unsure":
                matrix.spoil_party(name, R.TRANSFER_FAILED, active=True, blames="")
                return K.BAD_AS_ACTIVE
            case "passive":
                matrix.spoil_party(name, R.PASSIVE_OVERLOADED, active=False)
                return K.BAD_AS_PASSIVE
            case "everywhere":
                matrix.spoil(name, "*", R.DEADLINE, VAGUE).spoil("*", name, R.NO_PROGRESS, VAGUE)
                return K.BAD_BOTH_WAYS
            case "firewall":
                matrix.spoil_party(name, R.PASSIVE_TIMEOUT, active=False, blames="", path_too=True)
                return K.NOT_REACHABLE
            case "no way out":
                matrix.spoil_party(name, R.PASSIVE_REFUSED, active=True, blames="")
                return K.REACHES_NOBODY
            case "trusts nobody":
                matrix.spoil_party(name, R.PASSIVE_TLS_FAILED, active=True)
                return K.DOES_NOT_TRUST
            case "bad chain":
                matrix.spoil_party(name, R.PASSIVE_TLS_FAILED, active=False, blames="other")
                return K.NOT_TRUSTED
            case "refuses tokens":
                matrix.spoil_party(name, R.PASSIVE_UNAUTHENTICATED, active=False)
                return K.REFUSES_TOKENS
        raise AssertionError(cause)

    def plant_pair(self, cause: str, one: str, other: str) -> None:
        """A cause that takes two endpoints."""
        if cause == "path":
            self.matrix.spoil_passive(one, other, R.PASSIVE_CUT).spoil_passive(other, one, R.PASSIVE_CUT)
            self.expected.add((K.BAD_PATH, tuple(sorted((one, other)))))
        else:
            for name in (one, other):
                self.matrix.close(name, R.ISSUER_UNREACHABLE, Blame.ISSUER)
                self.matrix.doors[name] = replace(self.matrix.doors[name], hint=f"{ISSUER}/token: 503")
            self.expected.add((K.NO_TOKENS, (ISSUER,)))

    def plant_noise(self, source: str, destination: str) -> None:
        """One link that fails once, for whatever reason."""
        self.matrix.spoil(source, destination, R.NO_VERDICT, DESTINATION, variants=[PULL])
        self.expected.add((K.SINGLE_LINK, (source, destination)))


@st.composite
def plantings(draw: st.DrawFn) -> Planted:
    """Up to five causes, by culprits that are at most a third of the mesh: with more, rows and columns look alike."""
    names = NAMES[: draw(st.integers(3, len(NAMES)))]
    planted = Planted(Matrix(names), set())
    rest = list(draw(st.permutations(names)))
    room = len(names) // 3
    causes = draw(st.lists(st.sampled_from(SINGLES), min_size=1, max_size=min(5, room)))
    room -= len(causes)
    pair = draw(st.sampled_from((None, *PAIRS))) if room >= 2 and len(causes) < 5 else None
    noise = draw(st.booleans()) and len(names) > 3
    chosen = [(cause, rest.pop()) for cause in causes]
    if pair == "path":
        planted.plant_pair(pair, rest.pop(), rest.pop())
    for cause, name in sorted(chosen, key=lambda each: each[0] == "down"):
        planted.plant(cause, name)
    if pair == "issuer":
        planted.plant_pair(pair, rest.pop(), rest.pop())
    if noise and len(rest) >= 2:
        planted.plant_noise(rest.pop(), rest.pop())
    event(f"{len(planted.expected)} causes")
    return planted


def found(planted: Planted) -> set[tuple[FindingKind, tuple[str, ...]]]:
    return {(finding.kind, finding.culprits) for finding in find(planted.matrix.results)}


@given(plantings(), st.randoms(use_true_random=False))
def test_every_planted_cause_is_found_and_nothing_else(planted: Planted, chance: random.Random) -> None:
    results = planted.matrix.results
    chance.shuffle(results)
    findings = find(results)
    assert {(finding.kind, finding.culprits) for finding in findings} == planted.expected
    assert len(findings) == len(planted.expected)
    _check_evidence(planted.matrix, findings)


def _check_evidence(matrix: Matrix, findings: tuple[Finding, ...]) -> None:
    """Each finding shows a probe that fails for its reason, and blames its culprit."""
    probes = {result.probe_id: result for result in matrix.results}
    for finding in findings:
        assert probes[finding.probe_id].reason is finding.reason
        assert 0 < finding.cells <= finding.of
        assert finding.blame not in (Blame.NOBODY, VAGUE)


@pytest.mark.parametrize("cause", SINGLES)
@pytest.mark.parametrize("size", [3, 4, 14])
def test_one_culprit_in_meshes_of_every_size(cause: str, size: int) -> None:
    planted = Planted(Matrix(NAMES[:size]), set())
    planted.plant(cause, "B")
    assert found(planted) == planted.expected


@pytest.mark.parametrize("cause", SINGLES)
def test_a_small_mesh_with_an_unrelated_failure_accuses_nobody_else(cause: str) -> None:
    planted = Planted(Matrix("ABCD"), set())
    planted.plant(cause, "B")
    planted.plant_noise("C", "A")
    assert found(planted) == planted.expected


@given(st.integers(2, 4), st.integers(2, 4), st.sampled_from([(), ("active",), ("destination", "firewall")]))
def test_two_implementations_are_found_beside_culprits(one: int, other: int, causes: tuple[str, ...]) -> None:
    left, right, rest = NAMES[:one], NAMES[one : one + other], NAMES[one + other :]
    planted = Planted(Matrix(NAMES), set())
    planted.matrix.install("dCache/9.2.21", left).install("StoRM/1.11", right).install("XrootD/6.1", rest)
    for active in left:
        for passive in right:
            planted.matrix.spoil(active, passive, R.PASSIVE_CUT, VAGUE, variants=[PUSH], alternatives=(DESTINATION,))
            planted.matrix.spoil(passive, active, R.PASSIVE_CUT, VAGUE, variants=[PULL], alternatives=(SOURCE,))
    planted.expected.add((K.IMPLEMENTATION_PAIR, ("dCache/9.2.21", "StoRM/1.11")))
    for cause, name in zip(causes, rest, strict=False):
        planted.plant(cause, name)
    assert found(planted) == planted.expected


@given(st.integers(2, 4), st.integers(2, 4), st.sampled_from([(), ("active",), ("destination", "firewall")]))
def test_a_network_in_two_parts_is_found_beside_culprits(one: int, other: int, causes: tuple[str, ...]) -> None:
    left, right, rest = NAMES[:one], NAMES[one : one + other], NAMES[one + other :]
    planted = Planted(Matrix(NAMES), set())
    for source in left:
        for destination in right:
            planted.matrix.spoil_passive(source, destination, R.PASSIVE_UNREACHABLE)
    planted.expected.add((K.BLOCK, tuple(left + right)))
    for cause, name in zip(causes, rest, strict=False):
        planted.plant(cause, name)
    assert found(planted) == planted.expected


@given(st.integers(2, 6), st.integers(6, 14))
def test_one_authority_that_is_not_trusted(count: int, size: int) -> None:
    names = NAMES[:size]
    planted = Planted(Matrix(names), {(K.DOES_NOT_TRUST, (names[-1],))})
    for passive in names[: min(count, size - 2)]:
        planted.matrix.spoil(passive, names[-1], R.PASSIVE_TLS_FAILED, DESTINATION, variants=[PULL])
        planted.matrix.spoil(names[-1], passive, R.PASSIVE_TLS_FAILED, SOURCE, variants=[PUSH])
    assert found(planted) == planted.expected
