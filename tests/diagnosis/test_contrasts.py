"""What findings make of contrasts; and, whatever comes, nobody is accused whom no result implicates."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from tests.support.matrices import DESTINATION, SOURCE, VAGUE, Matrix
from tests.support.protocol_results import alone, fast, link
from tpcharness.diagnosis.contrasts import contrasts
from tpcharness.diagnosis.findings import find
from tpcharness.model.contrast import ContrastKind
from tpcharness.model.endpoint import EndpointSubject, LinkSubject
from tpcharness.model.finding import FindingKind
from tpcharness.model.reason import Reason
from tpcharness.model.result import Result
from tpcharness.model.variant import ENDPOINT_VARIANTS, LINK_VARIANTS, Blame, Variant

V, K = Variant, ContrastKind
PULL = V.HTTPS_PULL
UP, DOWN = V.WEBDAV_UPLOAD, V.WEBDAV_DOWNLOAD
EITHER = (SOURCE, DESTINATION)


def test_a_finding_says_that_direct_upload_works_and_pull_is_refused() -> None:
    matrix = Matrix("ABCD").spoil("*", "C", Reason.FORBIDDEN, DESTINATION, variants=[PULL])
    (finding,) = find([*matrix.results, alone("C", UP)])
    assert (finding.culprits, finding.blame) == (("C",), DESTINATION)
    assert finding.sentence.endswith("; direct upload works, pull is refused.")
    assert [each.kind for each in finding.contrasts] == [K.THIRD_PARTY_REFUSED]


def test_the_typical_cell_of_a_finding_is_not_that_of_gfal2() -> None:
    """gfal2 keeps few of the words that a storage refuses with."""
    gfal = [link(f"{source}D", V.GFAL_DAVS_DAVS, Reason.FORBIDDEN, DESTINATION) for source in "ABC"]
    ours = [link(f"{source}D", PULL, Reason.FORBIDDEN, DESTINATION) for source in "ABC"]
    (finding,) = find([*Matrix("ABCD", variants=[V.HTTPS_PUSH]).results, *gfal, *ours])
    assert finding.variants == (PULL, V.GFAL_DAVS_DAVS)
    assert finding.probe_id.endswith(PULL)


def test_an_open_blame_is_settled_by_our_own_download() -> None:
    copy = link("AB", PULL, Reason.TRANSFER_FAILED, VAGUE, EITHER)
    (before,) = find([copy])
    assert before.blame is VAGUE
    (finding,) = find([copy, alone("A", DOWN, Reason.SERVER_ERROR)])
    assert (finding.culprits, finding.blame) == (("A", "B"), SOURCE)
    assert finding.sentence.endswith("A has to act; direct download from A fails as well.")


def test_a_certain_verdict_is_never_overridden() -> None:
    copy = link("AB", PULL, Reason.NO_SPACE, DESTINATION)
    finding = next(
        each for each in find([copy, alone("A", DOWN, Reason.SERVER_ERROR)]) if each.probe_id == "AB-https-pull"
    )
    assert (finding.blame, finding.contrasts) == (DESTINATION, ())


def test_contrasts_that_contradict_each_other_settle_nothing() -> None:
    copy = link("AB", PULL, Reason.TRANSFER_FAILED, VAGUE, EITHER)
    ends = [alone("A", DOWN, Reason.SERVER_ERROR), alone("B", UP, Reason.SERVER_ERROR)]
    finding = next(each for each in find([copy, *ends]) if each.kind is FindingKind.SINGLE_LINK)
    assert finding.blame is VAGUE
    assert {each.culprit for each in finding.contrasts} == {"A", "B"}


def test_an_endpoint_that_fails_alone_is_one_finding() -> None:
    results = [alone("A", V.ROOT_UPLOAD, Reason.NO_SPACE), alone("A", UP, Reason.NO_SPACE), alone("A", DOWN)]
    (finding,) = find([*Matrix("ABC").results, *results])
    assert (finding.kind, finding.culprits, finding.cells, finding.of) == (FindingKind.FAILS_ALONE, ("A",), 2, 3)
    assert finding.variants == (UP, V.ROOT_UPLOAD)
    assert finding.sentence.startswith("A fails webdav-upload, root-upload, asked alone: no_space - ")


def test_an_endpoint_that_fails_alone_as_in_its_links_is_told_once() -> None:
    matrix = Matrix("ABCD").spoil("*", "C", Reason.NO_SPACE, DESTINATION)
    (finding,) = find([*matrix.results, alone("C", UP, Reason.NO_SPACE)])
    assert finding.kind is FindingKind.BAD_AS_DESTINATION


def test_a_legacy_door_is_told_only_where_it_still_answers() -> None:
    open_, hidden = (
        alone("A", V.GSIFTP_DOOR, Reason.LEGACY_ANSWERS),
        alone("B", V.SRM_DOOR, Reason.CONNECT_TIMEOUT, VAGUE),
    )
    (finding,) = find([open_, hidden, alone("C", V.GSIFTP_DOOR)])
    assert (finding.kind, finding.culprits, finding.blame) == (FindingKind.FAILS_ALONE, ("A",), DESTINATION)
    assert finding.sentence.startswith("A still has what should be gone (gsiftp-door): legacy_answers - ")


# ---- whatever comes

NAMES = "ABCD"
REASONS = [Reason.FORBIDDEN, Reason.TPC_UNSUPPORTED, Reason.PASSIVE_TIMEOUT, Reason.TRANSFER_FAILED, Reason.NO_SPACE]
BLAMES = [SOURCE, DESTINATION, Blame.PATH, Blame.ISSUER, Blame.CLIENT, VAGUE]


@st.composite
def worlds(draw: st.DrawFn) -> list[Result]:
    """Any results of four endpoints, one per subject and variant."""
    results = []
    for _ in range(draw(st.integers(0, 40))):
        reason = draw(st.sampled_from([Reason.OK, Reason.OK, *REASONS]))
        if draw(st.booleans()):
            variant = draw(st.sampled_from(ENDPOINT_VARIANTS))
            result = alone(draw(st.sampled_from(NAMES)), variant, reason, draw(st.sampled_from(BLAMES[1:])))
        else:
            ends = "".join(draw(st.permutations(NAMES))[:2])
            others = draw(st.lists(st.sampled_from(BLAMES[:3]), max_size=2, unique=True))
            variant = draw(st.sampled_from(LINK_VARIANTS[:6]))
            result = link(
                ends, variant, reason, draw(st.sampled_from(BLAMES)), others if reason is not Reason.OK else ()
            )
        if result.ok:
            result = fast(result, draw(st.sampled_from([5.0, 10.0, 50.0])))
        results.append(result)
    return list({result.probe_id: result for result in results}.values())


def implicated(name: str, result: Result) -> bool:
    """Whether the result names this endpoint among those who may have to act, or measured it alone."""
    named = {result.blame, *(each.blame for each in result.alternatives)}
    if isinstance(result.subject, EndpointSubject):
        return result.subject.endpoint == name and (result.ok or DESTINATION in named)
    role = SOURCE if result.subject.source == name else DESTINATION
    return name in (result.subject.source, result.subject.destination) and role in named


@given(worlds())
def test_nobody_is_accused_whom_no_result_implicates(results: list[Result]) -> None:
    by_probe = {result.probe_id: result for result in results}
    for found in contrasts(results):
        ground = [by_probe[probe] for probe in found.probe_ids]
        slow = found.kind in (K.SLOW_SOURCE, K.SLOW_DESTINATION)
        judges = [result for result in ground if slow or not result.ok]
        assert not found.culprit or any(implicated(found.culprit, result) for result in judges)


@given(worlds(), st.randoms(use_true_random=False))
def test_the_order_of_results_changes_nothing(results: list[Result], dice: random.Random) -> None:
    shuffled = list(results)
    dice.shuffle(shuffled)
    assert contrasts(shuffled) == contrasts(results)


@given(worlds())
def test_findings_keep_what_is_certain(results: list[Result]) -> None:
    """With contrasts, a single link whose result is certain keeps its blame."""
    certain = {
        result.probe_id: result.blame
        for result in results
        if not result.alternatives and result.blame in (SOURCE, DESTINATION) and isinstance(result.subject, LinkSubject)
    }
    for finding in find(results):
        if finding.kind is FindingKind.SINGLE_LINK and finding.probe_id in certain:
            assert finding.blame is certain[finding.probe_id]
