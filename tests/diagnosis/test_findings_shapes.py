"""Findings that tell more than a bad row or column: parties, trust, tokens, implementations, blocks, paths."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from tests.support.matrices import BOTH, DESTINATION, PULL, PUSH, SOURCE, VAGUE, Matrix
from tpcharness.diagnosis.findings import find
from tpcharness.model.finding import FindingKind
from tpcharness.model.reason import Reason
from tpcharness.model.variant import Blame

K, R = FindingKind, Reason
ISSUER = "https://iam.example:8443/"


def test_a_fault_as_the_active_party_is_one_finding() -> None:
    (finding,) = find(Matrix("ABCDE").spoil_party("D", R.CHECKSUM_MISMATCH, active=True).results)
    assert (finding.kind, finding.culprits, finding.blame) == (K.BAD_AS_ACTIVE, ("D",), DESTINATION)
    assert (finding.cells, finding.of, finding.variants, finding.probe_id) == (8, 8, BOTH, "AD-https-pull")
    assert finding.sentence == (
        "D fails whenever it is the active party, with 4 of 4 partners (pull into it, push out of it): "
        "checksum_mismatch - the file has another checksum than what was sent."
    )


def test_a_fault_as_the_passive_party_is_one_finding() -> None:
    (finding,) = find(Matrix("ABCDE").spoil_party("D", R.PASSIVE_ERROR, active=False).results)
    assert (finding.kind, finding.culprits) == (K.BAD_AS_PASSIVE, ("D",))
    assert "(pull from it, push into it)" in finding.sentence


def test_an_endpoint_that_fails_with_everybody_always_is_one_finding() -> None:
    matrix = Matrix("ABCDE").spoil("D", "*", R.NO_PROGRESS, VAGUE, alternatives=(SOURCE, DESTINATION, Blame.PATH))
    matrix.spoil("*", "D", R.PASSIVE_STALLED, VAGUE, alternatives=(SOURCE, DESTINATION, Blame.PATH))
    (finding,) = find(matrix.results)
    assert (finding.kind, finding.culprits, finding.cells) == (K.BAD_BOTH_WAYS, ("D",), 16)
    assert finding.blame is DESTINATION
    assert "D fails as source and as destination, with 4 of 4 partners" in finding.sentence


def test_a_cell_of_two_culprits_goes_to_the_one_whose_trouble_it_shows() -> None:
    matrix = Matrix("ABCDEF").spoil_party("A", R.CHECKSUM_MISMATCH, active=True)
    matrix.spoil_party("B", R.PASSIVE_NOT_FOUND, active=False).spoil_party("C", R.TPC_UNSUPPORTED, active=True)
    found = {finding.culprits: finding for finding in find(matrix.results)}
    assert [found[name,].cells for name in "ABC"] == [8, 8, 10]
    assert not any("also" in finding.sentence for finding in found.values())


@pytest.mark.parametrize("reason", [R.PASSIVE_REFUSED, R.PASSIVE_TIMEOUT, R.PASSIVE_UNREACHABLE])
def test_an_endpoint_behind_a_firewall_cannot_be_reached(reason: Reason) -> None:
    (finding,) = find(Matrix("ABCDE").spoil_party("C", reason, active=False, blames="", path_too=True).results)
    assert (finding.kind, finding.culprits, finding.blame) == (K.NOT_REACHABLE, ("C",), DESTINATION)
    assert finding.sentence.startswith("C cannot be reached by 4 of 4 other storages (pull from it, push into it)")
    assert "its door is open to us" in finding.sentence


def test_an_endpoint_whose_way_out_is_closed_reaches_nobody() -> None:
    matrix = Matrix("ABCDE")
    for other in "ABDE":
        matrix.spoil(other, "C", R.PASSIVE_TIMEOUT, VAGUE, variants=[PULL], alternatives=(SOURCE, Blame.PATH))
        matrix.spoil("C", other, R.PASSIVE_TIMEOUT, VAGUE, variants=[PUSH], alternatives=(DESTINATION, Blame.PATH))
    (finding,) = find(matrix.results)
    assert (finding.kind, finding.culprits, finding.blame) == (K.REACHES_NOBODY, ("C",), DESTINATION)


def test_a_certificate_that_nobody_takes_is_its_owners_trouble_though_every_cell_blames_the_other() -> None:
    (finding,) = find(Matrix("ABCDE").spoil_party("C", R.PASSIVE_TLS_FAILED, active=False, blames="other").results)
    assert (finding.kind, finding.culprits, finding.blame) == (K.NOT_TRUSTED, ("C",), DESTINATION)
    assert "look at its chain" in finding.sentence


def test_an_endpoint_that_trusts_nobody() -> None:
    (finding,) = find(Matrix("ABCDE").spoil_party("C", R.PASSIVE_TLS_FAILED, active=True).results)
    assert (finding.kind, finding.culprits) == (K.DOES_NOT_TRUST, ("C",))


def test_an_endpoint_that_does_not_trust_one_authority() -> None:
    matrix = Matrix("ABCDEFGH").issue("ABC", authority="CN=Small CA").issue("DEFGH", authority="CN=Big CA")
    for passive in "ABC":
        matrix.spoil(passive, "H", R.PASSIVE_TLS_FAILED, DESTINATION, variants=[PULL])
        matrix.spoil("H", passive, R.PASSIVE_TLS_FAILED, SOURCE, variants=[PUSH])
    (finding,) = find(matrix.results)
    assert (finding.kind, finding.culprits, finding.cells, finding.of) == (K.DOES_NOT_TRUST, ("H",), 6, 14)
    assert finding.destinations == ("A", "B", "C", "H")
    assert "all of them were issued by CN=Small CA" in finding.sentence
    assert "H does not trust the certificates of 3 of 7 other storages" in finding.sentence


def test_a_certificate_that_half_of_all_refuse_accuses_none_of_them() -> None:
    matrix = Matrix("ABCDEFGH")
    for active in "CDEF":
        for passive in "AB":
            matrix.spoil(passive, active, R.PASSIVE_TLS_FAILED, DESTINATION, variants=[PULL])
    (finding,) = find(matrix.results)
    assert (finding.kind, finding.blame) == (K.BLOCK, VAGUE)


def test_an_active_party_that_loses_the_passive_token_is_found_though_every_cell_blames_the_other() -> None:
    (finding,) = find(Matrix("ABCDE").spoil_party("C", R.PASSIVE_FORBIDDEN, active=True, blames="other").results)
    assert (finding.kind, finding.culprits) == (K.BAD_AS_ACTIVE, ("C",))


@pytest.mark.parametrize(
    ("reason", "active"), [(R.UNAUTHENTICATED, True), (R.FORBIDDEN, True), (R.PASSIVE_UNAUTHENTICATED, False)]
)
def test_tokens_are_refused_in_one_party(reason: Reason, active: bool) -> None:
    matrix = Matrix("ABCDE").issue("ABCDE", tokens=ISSUER).spoil_party("C", reason, active=active)
    (finding,) = find(matrix.results)
    assert (finding.kind, finding.culprits) == (K.REFUSES_TOKENS, ("C",))
    assert "4 other doors accept tokens of the same issuer" in finding.sentence


def test_a_door_that_refuses_an_issuer_whom_others_accept() -> None:
    matrix = Matrix("ABCDE").issue("ABCDE", tokens=ISSUER).close("C", R.UNAUTHENTICATED)
    (finding,) = find(matrix.results)
    assert (finding.kind, finding.culprits, finding.cells) == (K.REFUSES_TOKENS, ("C",), 16)
    assert f"C refuses tokens of {ISSUER} at its door, 4 other endpoints accept them" in finding.sentence


def test_an_issuer_that_no_endpoint_accepts_is_one_finding() -> None:
    matrix = Matrix("ABCDE").issue("AB", tokens=ISSUER).issue("CDE", tokens="https://other/")
    matrix.close("A", R.FORBIDDEN).close("B", R.FORBIDDEN)
    (finding,) = find(matrix.results)
    assert (finding.kind, finding.culprits, finding.blame) == (K.ISSUER_NOT_ACCEPTED, (ISSUER,), VAGUE)
    assert (finding.destinations, finding.cells, finding.of) == (("A", "B"), 28, 28)


@pytest.mark.parametrize("blame", [Blame.ISSUER, Blame.CLIENT])
def test_an_issuer_that_gives_no_tokens_is_one_finding_however_many_endpoints_want_them(blame: Blame) -> None:
    matrix = Matrix("ABCDE")
    for name in "ABC":
        matrix.close(name, R.ISSUER_REFUSED, blame)
        hint = f"https://iam.example:8443/token{name}: 400 invalid_client"
        matrix.doors[name] = replace(matrix.doors[name], hint=hint)
    (finding,) = find(matrix.results)
    assert (finding.kind, finding.culprits, finding.blame) == (K.NO_TOKENS, ("https://iam.example:8443",), blame)
    assert (finding.destinations, finding.cells) == (("A", "B", "C"), 36)


def test_two_issuers_are_two_findings() -> None:
    matrix = Matrix("ABCDE")
    for name in "ABCD":
        matrix.close(name, R.ISSUER_UNREACHABLE, Blame.ISSUER)
        matrix.doors[name] = replace(matrix.doors[name], hint=f"https://iam-{name in 'AB'}.example: 503")
    assert [finding.destinations for finding in find(matrix.results)] == [("C", "D"), ("A", "B")]


def test_our_own_network_is_not_n_endpoints_trouble() -> None:
    matrix = Matrix("ABC")
    for name in "AB":
        matrix.close(name, R.LOCAL_NETWORK, Blame.CLIENT)
    (finding,) = find(matrix.results)
    assert (finding.kind, finding.culprits) == (K.OUR_SIDE, ("client",))


@pytest.mark.parametrize("reason", [R.DNS_FAILURE, R.UNREACHABLE])
def test_where_nobody_is_reached_nobody_is_accused(reason: R) -> None:
    matrix = Matrix("ABC")
    for name in "ABC":
        matrix.close(name, reason)
    (finding,) = find(matrix.results)
    assert (finding.kind, finding.culprits, finding.blame) == (K.OUR_SIDE, ("client",), Blame.UNDETERMINED)
    assert (finding.destinations, finding.cells, finding.of) == (("A", "B", "C"), 12, 12)
    assert finding.sentence.startswith(f"None of 3 endpoints is reached (A, B, C): {reason} - ")
    assert "; most likely our own network or name server has to act; 12 of 12 " in finding.sentence


def test_one_door_that_answers_clears_our_network() -> None:
    matrix = Matrix("ABC").close("A", R.DNS_FAILURE).close("B", R.DNS_FAILURE)
    assert [(finding.kind, finding.culprits) for finding in find(matrix.results)] == [
        (K.ENDPOINT_DOWN, ("A",)),
        (K.ENDPOINT_DOWN, ("B",)),
    ]


def test_tokens_that_run_out_in_the_middle_accuse_no_storage() -> None:
    matrix = Matrix("ABCDE").spoil("B", "*", R.ISSUER_UNREACHABLE, Blame.ISSUER)
    (finding,) = find(matrix.results)
    assert (finding.kind, finding.blame, finding.cells) == (K.NO_TOKENS, Blame.ISSUER, 8)


def test_two_implementations_that_do_not_get_on() -> None:
    matrix = Matrix("ABCDEFGH").install("dCache/9.2.21", "ABC").install("StoRM/1.11", "DE").install("XrootD/6.1", "FGH")
    for one in "ABC":
        for other in "DE":
            matrix.spoil(one, other, R.PASSIVE_ERROR, DESTINATION, variants=[PUSH])
            matrix.spoil(other, one, R.PASSIVE_ERROR, SOURCE, variants=[PULL])
    (finding,) = find(matrix.results)
    assert (finding.kind, finding.culprits) == (K.IMPLEMENTATION_PAIR, ("dCache/9.2.21", "StoRM/1.11"))
    assert (finding.blame, finding.cells, finding.of) == (VAGUE, 12, 12)
    assert finding.sentence.startswith(
        "dCache/9.2.21 as the active party fails with StoRM/1.11 as the passive one (3 and 2 endpoints): passive_error"
    )


def test_most_of_all_running_one_implementation_does_not_make_its_partners_bad() -> None:
    matrix = Matrix("ABCDEFGHIJ").install("StoRM/1.11", "AB").install("dCache/9.2.21", "CDEFGHIJ")
    for one in "AB":
        for other in "CDEFGHIJ":
            matrix.spoil(one, other, R.PASSIVE_ERROR, SOURCE, variants=[PULL])
    (finding,) = find(matrix.results)
    assert (finding.kind, finding.cells) == (K.IMPLEMENTATION_PAIR, 16)


def test_all_endpoints_of_one_implementation_being_bad_is_about_the_endpoints() -> None:
    matrix = Matrix("ABCDEFGH").install("StoRM/1.11", "AB").install("dCache/9.2.21", "CDEFGH")
    matrix.spoil("*", "A", R.NO_SPACE, DESTINATION).spoil("*", "B", R.NO_SPACE, DESTINATION)
    assert {(finding.kind, finding.culprits) for finding in find(matrix.results)} == {
        (K.BAD_AS_DESTINATION, ("A",)),
        (K.BAD_AS_DESTINATION, ("B",)),
    }


def test_a_product_that_works_with_nobody_is_no_pair() -> None:
    matrix = Matrix("ABCDEF").install("StoRM/1.11", "AB").install("XrootD", "CDEF")
    for one in "AB":
        matrix.spoil(one, "*", R.PASSIVE_ERROR, SOURCE, variants=[PULL])
    assert {finding.culprits for finding in find(matrix.results)} == {("A",), ("B",)}


def test_one_lucky_cell_does_not_make_a_pair_of_bad_endpoints() -> None:
    matrix = Matrix("ABCDEFGHIJKL", (PULL,)).install("XrootD", "AB").install("StoRM/1.11", "CDEFGHIJKL")
    matrix.spoil("*", "A", R.PASSIVE_ERROR, DESTINATION).spoil("*", "B", R.PASSIVE_ERROR, DESTINATION)
    matrix.cells["L", "B", PULL] = Matrix("BL").cells["L", "B", PULL]
    matrix.install("XrootD", "AB").install("StoRM/1.11", "CDEFGHIJKL")
    assert {finding.culprits for finding in find(matrix.results)} == {("A",), ("B",)}


def test_endpoints_that_explain_more_than_their_implementations_come_first() -> None:
    matrix = Matrix("ABCDEFGHIJKL").install("StoRM/1.11", "AB").install("dCache/9.2.21", "CD")
    matrix.install("XrootD/6.1", "EFGHIJKL")
    for one in "AB":
        for other in "ABCDEFGHIJK":
            matrix.spoil(one, other, R.PASSIVE_ERROR, SOURCE)
    assert {(finding.kind, finding.culprits) for finding in find(matrix.results)} == {
        (K.BAD_AS_SOURCE, ("A",)),
        (K.BAD_AS_SOURCE, ("B",)),
    }


def test_releases_of_one_product_fail_alike() -> None:
    matrix = Matrix("ABCDEFGH").install("dCache/9.2.21", "AB").install("dCache/10.2.1", "C")
    matrix.install("StoRM/1.11", "DE").install("XrootD/6.1", "FGH")
    for one in "ABC":
        for other in "DE":
            matrix.spoil(one, other, R.PASSIVE_ERROR, DESTINATION, variants=[PUSH])
    (finding,) = find(matrix.results)
    assert finding.culprits == ("dCache", "StoRM")
    assert "source" not in finding.sentence


def test_two_groups_that_the_network_separates_are_one_block() -> None:
    matrix = Matrix("ABCDEFGHIJ")
    for one in "ABC":
        for other in "DE":
            matrix.spoil_passive(one, other, R.PASSIVE_TIMEOUT).spoil_passive(other, one, R.PASSIVE_TIMEOUT)
    (finding,) = find(matrix.results)
    assert (finding.kind, finding.blame) == (K.BLOCK, Blame.PATH)
    assert (finding.culprits, finding.cells, finding.of) == (("A", "B", "C", "D", "E"), 24, 24)
    assert finding.sentence.startswith(
        "A, B, C on one side and D, E on the other fail both ways (https-pull, https-push)"
    )


def test_a_group_whose_members_fail_with_each_other_is_one_block() -> None:
    matrix = Matrix("ABCDEFGHIJ")
    for one in "ABC":
        for other in "ABC":
            matrix.spoil_passive(one, other, R.PASSIVE_UNREACHABLE)
    (finding,) = find(matrix.results)
    assert (finding.kind, finding.culprits, finding.cells) == (K.BLOCK, ("A", "B", "C"), 12)
    assert finding.sentence.startswith("A, B, C fail with each other")


def test_random_failures_make_no_patterns() -> None:
    chance = random.Random(7)
    wide = total = 0
    for _ in range(20):
        matrix = Matrix("ABCDEFGHIJKLMN")
        for source, destination, variant in matrix.cells:
            if chance.random() < 0.1:
                matrix.spoil(source, destination, R.PASSIVE_CUT, VAGUE, variants=[variant], alternatives=(Blame.PATH,))
        findings = find(matrix.results)
        total += len(findings)
        wide += sum(not finding.kind.narrow for finding in findings)
    assert total > 200
    assert wide <= 5


def test_an_endpoint_that_fails_now_and_then_is_found_but_not_judged() -> None:
    matrix = Matrix("ABCDEFGHIJKL")
    for source in "ACEGI":
        matrix.spoil(source, "L", R.NO_PROGRESS, VAGUE, variants=[PULL])
    (finding,) = find(matrix.results)
    assert (finding.kind, finding.culprits, finding.blame) == (K.BAD_AS_DESTINATION, ("L",), DESTINATION)
    assert (finding.cells, finding.of) == (5, 11)


def test_one_pair_in_both_directions_is_one_path() -> None:
    matrix = Matrix("ABCDE")
    matrix.spoil_passive("B", "D", R.PASSIVE_TIMEOUT).spoil_passive("D", "B", R.PASSIVE_TIMEOUT)
    (finding,) = find(matrix.results)
    assert (finding.kind, finding.culprits, finding.blame) == (K.BAD_PATH, ("B", "D"), Blame.PATH)
    assert (finding.cells, finding.of) == (4, 4)
    assert finding.sentence.startswith("B <-> D fails both ways (https-pull, https-push): passive_timeout")
    assert finding.sentence.endswith("the network between has to act.")


def test_one_direction_of_which_both_variants_suspect_the_path_is_the_paths() -> None:
    (finding,) = find(Matrix("ABCDE").spoil_passive("B", "D", R.PASSIVE_TIMEOUT).results)
    assert (finding.kind, finding.culprits, finding.blame) == (K.SINGLE_LINK, ("B", "D"), Blame.PATH)


def test_when_nothing_works_it_is_said_once() -> None:
    (finding,) = find(Matrix("ABCDE").spoil("*", "*", R.PASSIVE_TIMEOUT, VAGUE).results)
    assert (finding.kind, finding.culprits, finding.cells) == (K.EVERYTHING, (), 40)
    assert finding.sentence.startswith("Nothing works between any of the 5 endpoints (https-pull, https-push)")


def test_when_nothing_works_by_certain_faults_each_is_named() -> None:
    findings = find(Matrix("ABCD").spoil("*", "*", R.SERVER_ERROR, SOURCE).results)
    assert {(finding.kind, finding.culprits) for finding in findings} == {(K.BAD_AS_SOURCE, (name,)) for name in "ABCD"}


def test_what_else_an_endpoint_does_wrong_decides_between_two_explanations() -> None:
    matrix = Matrix("ABC").spoil_party("A", R.PASSIVE_CUT, active=False, blames="")
    matrix.spoil("B", "C", R.PASSIVE_CUT, VAGUE, variants=[PULL])
    assert {(finding.kind, finding.culprits) for finding in find(matrix.results)} == {
        (K.BAD_AS_PASSIVE, ("A",)),
        (K.SINGLE_LINK, ("B", "C")),
    }


def test_when_two_explain_it_equally_well_both_are_named() -> None:
    matrix = Matrix("ABC", (PULL,)).spoil("A", "*", R.PASSIVE_CUT, VAGUE).spoil("B", "C", R.PASSIVE_CUT, VAGUE)
    (finding,) = find(matrix.results)
    assert (finding.kind, finding.culprits, finding.blame) == (K.UNCLEAR, ("A", "C"), VAGUE)
    assert (finding.cells, finding.of) == (3, 3)
    assert finding.sentence.startswith("A as source or C as destination fails (https-pull): passive_cut")
    assert finding.sentence.endswith("the matrix cannot tell which has to act.")
