"""Findings: what was planted in a matrix is found, and nobody innocent is accused."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from tests.support.matrices import BOTH, DESTINATION, GOOD, PULL, PUSH, SOURCE, START, VAGUE, Matrix
from tpcharness.diagnosis.findings import find
from tpcharness.model.endpoint import LinkSubject
from tpcharness.model.finding import FindingKind
from tpcharness.model.reason import Reason
from tpcharness.model.variant import Blame, Outcome, Variant

DOWN, SINGLE = FindingKind.ENDPOINT_DOWN, FindingKind.SINGLE_LINK
BAD_SOURCE, BAD_DESTINATION = FindingKind.BAD_AS_SOURCE, FindingKind.BAD_AS_DESTINATION


def test_nothing_failed_nothing_found() -> None:
    assert find([]) == ()
    assert find(Matrix("ABCD").results) == ()


def test_a_bad_destination_is_one_sentence() -> None:
    (finding,) = find(Matrix("ABCDE").spoil("*", "C", Reason.NO_SPACE, DESTINATION).results)
    assert (finding.kind, finding.culprits, finding.blame) == (BAD_DESTINATION, ("C",), DESTINATION)
    assert (finding.reason, finding.cells, finding.of, finding.variants) == (Reason.NO_SPACE, 8, 8, BOTH)
    assert finding.probe_id == "AC-https-pull"
    assert finding.sentence == (
        "C fails as destination from 4 of 4 sources (https-pull, https-push): "
        "no_space - the destination has no space left, or a quota is reached."
    )


def test_a_source_that_is_bad_only_where_it_is_active_is_said_to_be() -> None:
    (finding,) = find(Matrix("ABCD").spoil("B", "*", Reason.TPC_UNSUPPORTED, SOURCE, variants=[PUSH]).results)
    assert (finding.kind, finding.culprits, finding.variants) == (BAD_SOURCE, ("B",), (PUSH,))
    assert finding.sentence.startswith(
        "B fails as source to 3 of 3 destinations (https-push only, where it is the active party): tpc_unsupported - "
    )


def test_a_passive_destination_is_said_to_be_passive() -> None:
    (finding,) = find(Matrix("ABCD").spoil("*", "B", Reason.PASSIVE_FORBIDDEN, DESTINATION, variants=[PUSH]).results)
    assert "(https-push only, where it is the passive party)" in finding.sentence


def test_different_reasons_of_one_endpoint_are_one_finding() -> None:
    matrix = Matrix("ABCD").spoil("B", "*", Reason.PASSIVE_FORBIDDEN, SOURCE, variants=[PULL])
    matrix.spoil("B", "*", Reason.FORBIDDEN, SOURCE, variants=[PUSH])
    (finding,) = find(matrix.results)
    assert (finding.reason, finding.cells) == (Reason.PASSIVE_FORBIDDEN, 6)
    assert "; also forbidden" in finding.sentence


def test_an_endpoint_that_is_bad_in_both_roles_is_two_findings() -> None:
    matrix = Matrix("ABCDE").spoil("C", "*", Reason.TRANSFER_FAILED, VAGUE).spoil("*", "C", Reason.NO_SPACE, VAGUE)
    assert [(finding.kind, finding.culprits, finding.blame) for finding in find(matrix.results)] == [
        (BAD_SOURCE, ("C",), SOURCE),
        (BAD_DESTINATION, ("C",), DESTINATION),
    ]


def test_a_door_that_failed_explains_what_was_skipped_for_it() -> None:
    (finding,) = find(Matrix("ABCD").close("B").results)
    assert (finding.kind, finding.culprits) == (DOWN, ("B",))
    assert (finding.reason, finding.blame) == (Reason.CONNECTION_REFUSED, DESTINATION)
    assert (finding.cells, finding.of, finding.probe_id) == (12, 12, "B-door")
    assert finding.sentence == (
        "B fails its door check: connection_refused - the endpoint's port refuses connections; "
        "12 of 12 link probes there fail or were not tried for it."
    )


def test_a_door_that_failed_explains_failing_links_unless_they_blame_the_other_end() -> None:
    matrix = Matrix("ABCD").spoil("*", "B", Reason.CONNECTION_REFUSED, DESTINATION)
    matrix.spoil("A", "B", Reason.SEED_REFUSED, SOURCE)
    matrix.doors["B"] = replace(
        matrix.doors["B"], outcome=Outcome.FAILURE, reason=Reason.CONNECTION_REFUSED, blame=DESTINATION
    )
    down, single = find(matrix.results)
    assert (down.kind, down.cells, down.of) == (DOWN, 4, 12)
    assert (single.kind, single.culprits, single.blame) == (SINGLE, ("A", "B"), SOURCE)


def test_without_a_token_an_endpoint_is_not_called_down() -> None:
    (finding,) = find(Matrix("ABC").close("B", Reason.TOKEN_SOURCE_FAILED, Blame.CLIENT).results)
    assert finding.blame is Blame.CLIENT
    assert finding.sentence.startswith("B cannot be tested: token_source_failed - no token: ")
    assert "our own side has to act" in finding.sentence


def test_two_doors_that_fail_are_two_findings() -> None:
    matrix = Matrix("ABCD").close("B").close("C", Reason.TLS_EXPIRED)
    assert [(finding.culprits, finding.cells) for finding in find(matrix.results)] == [(("B",), 12), (("C",), 12)]


def test_a_single_link_keeps_its_own_blame() -> None:
    (finding,) = find(Matrix("ABCD").spoil("A", "B", Reason.CHECKSUM_MISMATCH, DESTINATION).results)
    assert (finding.kind, finding.culprits, finding.blame) == (SINGLE, ("A", "B"), DESTINATION)
    assert (finding.cells, finding.of, finding.variants) == (2, 2, BOTH)
    assert finding.sentence.startswith("A -> B fails (https-pull, https-push): checksum_mismatch - ")
    assert finding.sentence.endswith("; B has to act.")


def test_a_single_link_names_everybody_who_may_have_to_act() -> None:
    matrix = Matrix("ABCD").spoil(
        "A", "B", Reason.PASSIVE_TIMEOUT, VAGUE, variants=[PULL], alternatives=(SOURCE, Blame.PATH)
    )
    (finding,) = find(matrix.results)
    assert (finding.blame, finding.cells, finding.of) == (VAGUE, 1, 2)
    assert finding.sentence.startswith("A -> B fails (https-pull only): passive_timeout - ")
    assert finding.sentence.endswith("; A or the network between has to act.")


def test_contradicting_blames_on_one_link_are_two_findings() -> None:
    matrix = Matrix("ABCD").spoil("A", "B", Reason.SEED_CORRUPT, SOURCE, variants=[PULL])
    matrix.spoil("A", "B", Reason.NO_SPACE, DESTINATION, variants=[PUSH])
    assert [(finding.culprits, finding.blame) for finding in find(matrix.results)] == [
        (("A", "B"), SOURCE),
        (("A", "B"), DESTINATION),
    ]


def test_with_two_endpoints_nobody_is_accused_by_a_pattern() -> None:
    matrix = Matrix("AB").spoil("*", "*", Reason.TRANSFER_FAILED, VAGUE)
    findings = find(matrix.results)
    assert [(finding.kind, finding.blame) for finding in findings] == [(SINGLE, VAGUE), (SINGLE, VAGUE)]
    assert all("it is not certain who has to act" in finding.sentence for finding in findings)


def test_with_three_endpoints_one_failing_link_is_one_failing_link() -> None:
    (finding,) = find(Matrix("ABC").spoil("A", "B", Reason.TRANSFER_FAILED, VAGUE).results)
    assert (finding.kind, finding.blame) == (SINGLE, VAGUE)


def test_a_certain_blame_is_never_turned_against_the_other_end() -> None:
    matrix = Matrix("ABCDE").spoil("A", "*", Reason.NO_SPACE, DESTINATION)
    assert {(finding.kind, finding.blame) for finding in find(matrix.results)} == {(SINGLE, DESTINATION)}


def test_failures_that_do_not_agree_make_no_culprit() -> None:
    matrix = Matrix("ABCDE")
    reasons = (Reason.NO_VERDICT, Reason.CHECKSUM_MISMATCH, Reason.PASSIVE_CUT, Reason.DEADLINE)
    for destination, reason in zip("BCDE", reasons, strict=True):
        matrix.spoil("A", destination, reason, VAGUE)
    assert {finding.kind for finding in find(matrix.results)} == {SINGLE}


def test_many_bad_sources_do_not_make_a_bad_destination() -> None:
    matrix = Matrix("ABCDE")
    for source in "ABCD":
        matrix.spoil(source, "*", Reason.PASSIVE_TIMEOUT, VAGUE)
    assert [(finding.kind, finding.culprits) for finding in find(matrix.results)] == [
        (BAD_SOURCE, (name,)) for name in "ABCD"
    ]


def test_a_line_without_exceptions_explains_better_than_a_longer_one_with_some() -> None:
    matrix = Matrix("ABCDEFWXYZ", (PULL,)).only("ABCDEF", "WXYZ")
    for source in "ABCDE":
        matrix.spoil(source, "*", Reason.PASSIVE_TIMEOUT, VAGUE)
    assert [finding.culprits for finding in find(matrix.results)] == [(name,) for name in "ABCDE"]


def test_a_line_all_of_whose_cells_others_explain_is_not_accused() -> None:
    matrix = Matrix("ABCDEFGXYZ", (PULL,)).only("ABCDEFG", "XYZ")
    for source in "ABCDE":
        matrix.spoil(source, "*", Reason.PASSIVE_TIMEOUT, VAGUE)
    del matrix.cells["F", "X", PULL], matrix.cells["G", "X", PULL]
    assert [finding.culprits for finding in find(matrix.results)] == [(name,) for name in "ABCDE"]


def test_when_everything_fails_everywhere_no_storage_is_blamed() -> None:
    for blame in (VAGUE, Blame.ISSUER, Blame.PATH):
        findings = find(Matrix("ABCDE").spoil("*", "*", Reason.ISSUER_REFUSED, blame).results)
        assert len(findings) <= 5
        assert {finding.blame for finding in findings} == {blame}


def test_when_one_variant_fails_everywhere_no_storage_is_blamed_for_it() -> None:
    findings = find(Matrix("ABCDE").spoil("*", "*", Reason.NO_RESPONSE, VAGUE, variants=[PULL]).results)
    assert {(finding.blame, finding.variants) for finding in findings} == {(VAGUE, (PULL,))}


def test_one_good_partner_of_six_does_not_acquit() -> None:
    matrix = Matrix("ABCDEFG", (PULL,)).spoil("*", "C", Reason.NO_SPACE, DESTINATION)
    matrix.cells["A", "C", PULL] = Matrix("AC").cells["A", "C", PULL]
    (finding,) = find(matrix.results)
    assert (finding.kind, finding.cells, finding.of) == (BAD_DESTINATION, 5, 6)
    assert "from 5 of 6 sources" in finding.sentence


def test_what_was_not_tried_proves_nothing() -> None:
    matrix = Matrix("ABCD").spoil("*", "*", Reason.NOT_REACHED, Blame.NOBODY, outcome=Outcome.SKIPPED)
    matrix.spoil("A", "B", Reason.NO_SPACE, DESTINATION, variants=[PULL])
    (finding,) = find(matrix.results)
    assert (finding.kind, finding.of) == (SINGLE, 1)


def test_the_last_attempt_decides() -> None:
    matrix = Matrix("ABC").spoil("A", "B", Reason.NO_SPACE, DESTINATION, variants=[PULL])
    bad = matrix.cells["A", "B", PULL]
    better = replace(GOOD, subject=bad.subject, attempt=2)
    assert find([better, *matrix.results]) == ()
    later = replace(bad, started_at=START + timedelta(hours=1))
    assert len(find([later, better, *matrix.results])) == 1


def test_a_cell_is_as_bad_as_its_worst_size() -> None:
    matrix = Matrix("ABC")
    bad = matrix.spoil("A", "B", Reason.NO_SPACE, DESTINATION, variants=[PULL]).cells["A", "B", PULL]
    large = replace(bad, size_bytes=1 << 30)
    (finding,) = find([*Matrix("ABC").results, large])
    assert (finding.culprits, finding.cells, finding.of) == (("A", "B"), 1, 2)


def test_the_worst_comes_first() -> None:
    matrix = Matrix("ABCDEFGH").spoil("A", "B", Reason.NO_SPACE, DESTINATION)
    matrix.spoil("*", "C", Reason.NO_SPACE, DESTINATION, variants=[PULL])
    matrix.spoil("*", "D", Reason.NO_SPACE, DESTINATION).close("E")
    findings = find(matrix.results)
    assert [finding.culprits for finding in findings] == [("E",), ("D",), ("C",), ("A", "B")]


def test_an_endpoint_comes_before_a_link_that_fails_as_often() -> None:
    matrix = Matrix("ABC").spoil("*", "C", Reason.NO_SPACE, DESTINATION, variants=[PULL])
    matrix.spoil("A", "B", Reason.NO_SPACE, DESTINATION)
    assert [(finding.culprits, finding.cells) for finding in find(matrix.results)] == [(("C",), 2), (("A", "B"), 2)]


def test_the_largest_mesh_all_red_is_judged_in_a_moment() -> None:
    size = 170
    names = "".join(chr(0x4E00 + number) for number in range(size))
    findings = find(Matrix(names, (PULL,)).spoil("*", "*", Reason.DEADLINE, VAGUE).results)
    assert len(findings) <= size


Plant = tuple[FindingKind, str, tuple[Variant, ...], bool]


@st.composite
def plants(draw: st.DrawFn) -> tuple[str, list[Plant], list[tuple[str, str, Blame]]]:
    """A mesh, culprits (at most a third of it: with more, a bad row and a bad column look alike), and single links."""
    names = "ABCDEFGHIJKL"[: draw(st.integers(3, 12))]
    kinds = st.tuples(st.sampled_from([DOWN, BAD_SOURCE, BAD_DESTINATION]), st.sampled_from(names))
    culprits = draw(st.lists(kinds, max_size=len(names) // 3, unique=True))
    down = {name for kind, name in culprits if kind is DOWN}
    chosen: list[Plant] = []
    for kind, name in culprits:
        if kind is DOWN or name not in down:
            variants = draw(st.sampled_from([BOTH, (PULL,), (PUSH,)]))
            chosen.append((kind, name, variants, draw(st.booleans())))
    innocent = [name for name in names if name not in {plant[1] for plant in chosen}]
    singles = []
    if len(names) >= 6 or not chosen:
        shuffled = draw(st.permutations(innocent))
        for source, destination in zip(shuffled[::2], shuffled[1::2], strict=False):
            if draw(st.booleans()):
                singles.append((source, destination, draw(st.sampled_from([SOURCE, DESTINATION, VAGUE]))))
    return names, chosen, singles


@given(plants(), st.randoms(use_true_random=False))
def test_exactly_what_was_planted_is_found(
    planted: tuple[str, list[Plant], list[tuple[str, str, Blame]]], chance: random.Random
) -> None:
    names, culprits, singles = planted
    matrix = Matrix(names)
    expected: dict[tuple[FindingKind, tuple[str, ...]], tuple[Blame, tuple[Variant, ...]]] = {}
    for source, destination, blame in singles:
        matrix.spoil(source, destination, Reason.CHECKSUM_MISMATCH, blame)
        expected[SINGLE, (source, destination)] = blame, BOTH
    for kind, name, variants, certain in culprits:
        if kind is BAD_SOURCE:
            matrix.spoil(name, "*", Reason.PASSIVE_ERROR, SOURCE if certain else VAGUE, variants=variants)
            expected[kind, (name,)] = SOURCE, variants
        elif kind is BAD_DESTINATION:
            matrix.spoil("*", name, Reason.NO_SPACE, DESTINATION if certain else Blame.PATH, variants=variants)
            expected[kind, (name,)] = DESTINATION, variants
    for kind, name, *_ in culprits:
        if kind is DOWN:
            matrix.close(name)
            expected[kind, (name,)] = DESTINATION, BOTH

    results = matrix.results
    chance.shuffle(results)
    findings = find(results)
    found = {(finding.kind, finding.culprits): (finding.blame, finding.variants) for finding in findings}
    assert found == expected
    assert len(findings) == len(found)
    assert findings == find(matrix.results)


cells = st.sampled_from([SOURCE, DESTINATION, VAGUE, Blame.PATH, Blame.ISSUER, None])


@given(st.integers(2, 6), st.data())
def test_no_failure_is_forgotten_and_no_certain_blame_is_contradicted(size: int, data: st.DataObject) -> None:
    matrix = Matrix("ABCDEF"[:size])
    for source, destination, variant in matrix.cells:
        if blame := data.draw(cells):
            reason = data.draw(st.sampled_from([Reason.NO_SPACE, Reason.SERVER_ERROR]))
            matrix.spoil(source, destination, reason, blame, variants=[variant])
    findings = find(matrix.results)
    failing = [result for result in matrix.cells.values() if not result.ok]
    assert sum(finding.cells for finding in findings) == len(failing)
    for finding in findings:
        assert 0 < finding.cells <= finding.of
        assert finding.sentence.endswith(".")
        assert finding.probe_id in {result.probe_id for result in failing}
        if finding.kind in (BAD_SOURCE, BAD_DESTINATION) and finding.blame in (SOURCE, DESTINATION):
            (culprit,) = finding.culprits
            role = SOURCE if finding.kind is BAD_SOURCE else DESTINATION
            assert finding.blame is role
            line = [r for r in failing if isinstance(r.subject, LinkSubject) and culprit == getattr(r.subject, role)]
            assert any(result.blame in (role, VAGUE, Blame.PATH) for result in line)
