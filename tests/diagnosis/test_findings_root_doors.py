"""Findings about root doors: told once, and only for what goes through them."""

from __future__ import annotations

from dataclasses import replace

from tests.support.matrices import DESTINATION, GOOD, SOURCE, Matrix
from tpcharness.diagnosis.findings import find
from tpcharness.model.endpoint import EndpointSubject
from tpcharness.model.finding import FindingKind
from tpcharness.model.reason import Reason
from tpcharness.model.result import Evidence, Result, TokenFacts
from tpcharness.model.variant import Outcome, Variant

ALL = (Variant.HTTPS_PULL, Variant.HTTPS_PUSH, Variant.ROOT_PULL)
ROOT = Variant.ROOT_PULL
ISSUER = "https://iam.example/"


def root_door(name: str, reason: Reason = Reason.OK) -> Result:
    good = reason is Reason.OK
    return replace(
        GOOD,
        probe_id=f"{name}-root-door",
        subject=EndpointSubject(name),
        variant=Variant.ROOT_DOOR,
        outcome=Outcome.OK if good else Outcome.FAILURE,
        reason=reason,
        blame=GOOD.blame if good else DESTINATION,
        evidence=Evidence(tokens=(TokenFacts("seed", ISSUER),)),
    )


def skipped(matrix: Matrix, name: str) -> Matrix:
    """Root links of this endpoint were not tried."""
    for ends, role in (((name, "*"), SOURCE), (("*", name), DESTINATION)):
        matrix.spoil(*ends, Reason.ENDPOINT_DOWN, role, variants=[ROOT], outcome=Outcome.SKIPPED)
    return matrix


def test_a_root_door_that_fails_is_one_finding_about_root_links() -> None:
    doors = [root_door(name, Reason.TLS_EXPIRED if name == "B" else Reason.OK) for name in "ABCD"]
    (finding,) = find([*skipped(Matrix("ABCD", ALL), "B").results, *doors])
    assert (finding.kind, finding.culprits, finding.reason) == (FindingKind.ENDPOINT_DOWN, ("B",), Reason.TLS_EXPIRED)
    assert (finding.cells, finding.of, finding.variants, finding.probe_id) == (6, 6, (ROOT,), "B-root-door")
    assert finding.sentence.startswith("B fails its root-door check: tls_expired - ")


def test_a_root_door_alone_is_told_as_well() -> None:
    (finding,) = find([root_door("A"), root_door("B", Reason.CONNECTION_REFUSED)])
    assert finding.sentence.startswith("B fails its root-door check: connection_refused - ")


def test_where_both_doors_fail_the_endpoint_is_told_once() -> None:
    doors = [root_door(name, Reason.CONNECTION_REFUSED if name == "B" else Reason.OK) for name in "ABCD"]
    (finding,) = find([*Matrix("ABCD", ALL).close("B").results, *doors])
    assert finding.probe_id == "B-door"


def test_a_root_door_that_refuses_tokens_which_others_take() -> None:
    doors = [root_door(name, Reason.UNAUTHENTICATED if name == "B" else Reason.OK) for name in "ABCD"]
    (finding,) = find([*skipped(Matrix("ABCD", ALL), "B").results, *doors])
    assert finding.kind is FindingKind.REFUSES_TOKENS
    assert finding.sentence.startswith(f"B refuses tokens of {ISSUER} at its root-door, 3 other endpoints accept them")


def test_what_fails_over_https_is_another_finding() -> None:
    doors = [root_door(name, Reason.CONNECTION_REFUSED if name == "B" else Reason.OK) for name in "ABCD"]
    matrix = skipped(Matrix("ABCD", ALL), "B")
    matrix.spoil("*", "C", Reason.NO_SPACE, DESTINATION, variants=ALL[:2])
    found = find([*matrix.results, *doors])
    assert {(finding.kind, finding.culprits, finding.cells) for finding in found} == {
        (FindingKind.ENDPOINT_DOWN, ("B",), 6),
        (FindingKind.BAD_AS_DESTINATION, ("C",), 6),
    }
