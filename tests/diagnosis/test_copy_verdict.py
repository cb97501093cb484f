"""Verdicts on a COPY: by implementation, mode, status and text together; nobody is blamed for what nobody can know."""

from __future__ import annotations

import itertools

import pytest

from tpcharness.diagnosis.copy_verdict import CopySeen, Stall, judge_copy
from tpcharness.diagnosis.verdict import Party, Verdict, blamed, of_failure
from tpcharness.model.failure import Failure
from tpcharness.model.reason import Reason
from tpcharness.model.variant import Blame
from tpcharness.wire.copy_request import CopyAnswer, Mode
from tpcharness.wire.fingerprint import Implementation, Server
from tpcharness.wire.markers import Terminal, TerminalKind

R, B = Reason, Blame
PULL, PUSH = Mode.PULL, Mode.PUSH
SERVERS = {kind: Server(kind, None, kind.value) for kind in Implementation}
NOBODY_KNOWS = SERVERS[Implementation.UNKNOWN]
EVERYTHING = {B.SOURCE, B.DESTINATION, B.PATH}


def active(mode: Mode) -> Blame:
    return B.DESTINATION if mode is PULL else B.SOURCE


def refused(status: int, mode: Mode, *, kind: Implementation = Implementation.UNKNOWN, text: str = "") -> Verdict:
    verdict = judge_copy(CopySeen(mode, SERVERS[kind], CopyAnswer.REFUSED, status, text))
    assert verdict is not None
    return verdict


def ended(kind: TerminalKind, text: str, mode: Mode) -> Verdict | None:
    terminal = Terminal(kind, text, f"{kind}: {text}")
    return judge_copy(CopySeen(mode, NOBODY_KNOWS, CopyAnswer.ACCEPTED, 202, terminal=terminal, markers=1))


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (400, R.BAD_REQUEST),
        (401, R.UNAUTHENTICATED),
        (403, R.FORBIDDEN),
        (404, R.NOT_FOUND),
        (410, R.NOT_FOUND),
        (429, R.OVERLOADED),
        (451, R.BAD_REQUEST),
        (500, R.SERVER_ERROR),
        (502, R.SERVER_ERROR),
        (503, R.OVERLOADED),
        (504, R.SERVER_ERROR),
        (599, R.SERVER_ERROR),
    ],
)
def test_a_bare_status_of_an_unknown_server_blames_who_was_asked(status: int, reason: Reason, mode: Mode) -> None:
    assert refused(status, mode) == Verdict(reason, active(mode))


@pytest.mark.parametrize(("kind", "mode"), list(itertools.product(Implementation, Mode)))
def test_permission_denied_with_401_may_be_a_missing_right(kind: Implementation, mode: Mode) -> None:
    """dCache, XRootD and EOS say 401 to a token that is good but does not reach (http-tpc 6.3, rule 3)."""
    says_so = kind in (Implementation.DCACHE, Implementation.XROOTD, Implementation.EOS)
    assert refused(401, mode, kind=kind) == Verdict(R.FORBIDDEN if says_so else R.UNAUTHENTICATED, active(mode))


@pytest.mark.parametrize("kind", Implementation)
def test_409_and_412_are_the_receivers_words(kind: Implementation) -> None:
    exists = kind in (Implementation.XROOTD, Implementation.EOS)
    assert refused(409, PULL, kind=kind).reason is (R.DESTINATION_EXISTS if exists else R.PARENT_MISSING)
    assert refused(412, PULL, kind=kind) == Verdict(R.DESTINATION_EXISTS, B.DESTINATION)
    for status in (409, 412):  # a sender has no destination to look at
        assert refused(status, PUSH, kind=kind) == Verdict(R.BAD_REQUEST, B.SOURCE)


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("status", [413, 507])
def test_no_space_is_always_the_destinations(status: int, mode: Mode) -> None:
    assert refused(status, mode) == Verdict(R.NO_SPACE, B.DESTINATION)


def test_pelican_cannot_push() -> None:
    assert refused(502, PUSH, kind=Implementation.PELICAN) == Verdict(R.TPC_UNSUPPORTED, B.SOURCE)
    assert refused(502, PULL, kind=Implementation.PELICAN) == Verdict(R.SERVER_ERROR, B.DESTINATION)


@pytest.mark.parametrize("status", [401, 403, 404, 500, 503])
def test_a_relayed_status_is_the_passive_partys(status: int) -> None:
    """XRootD 6 gives the source's status as its own."""
    text = f"failure: HTTP response code said error: remote host returned '{status} X' while fetching file size"
    verdict = refused(status, PULL, kind=Implementation.XROOTD, text=text)
    assert verdict.blame is B.SOURCE
    assert verdict.reason.value.startswith("passive_")


@pytest.mark.parametrize("mode", Mode)
def test_terminal_lines(mode: Mode) -> None:
    assert ended(TerminalKind.SUCCESS, "Created", mode) is None
    assert ended(TerminalKind.FAILURE, "who knows", mode) == Verdict(R.TRANSFER_FAILED, B.UNDETERMINED)
    assert ended(TerminalKind.ABORTED, "who knows", mode) == Verdict(R.ABORTED, active(mode))
    told = ended(TerminalKind.ABORTED, "Connection refused", mode)
    assert told is not None
    assert told.reason is R.PASSIVE_REFUSED


@pytest.mark.parametrize("mode", Mode)
def test_a_success_is_not_doubted_for_what_stands_beside_it(mode: Mode) -> None:
    """What is wrong with it, the verification finds."""
    terminal = Terminal(TerminalKind.SUCCESS, "Created", "success: Created")
    lost = Failure(R.CONNECTION_LOST)
    seen = CopySeen(mode, NOBODY_KNOWS, CopyAnswer.ACCEPTED, 202, "permission denied", terminal, 3, lost)
    assert judge_copy(seen) is None


STALLS = {
    Stall.FIRST_MARKER: (R.NO_FIRST_MARKER, None),
    Stall.SILENCE: (R.MARKER_SILENCE, None),
    Stall.FIRST_BYTE: (R.NO_FIRST_BYTE, EVERYTHING),
    Stall.PROGRESS: (R.NO_PROGRESS, EVERYTHING),
    Stall.DEADLINE: (R.DEADLINE, EVERYTHING | {B.CLIENT}),
}


@pytest.mark.parametrize(("stall", "mode", "kind"), list(itertools.product(Stall, Mode, Implementation)))
def test_stalls(stall: Stall, mode: Mode, kind: Implementation) -> None:
    verdict = judge_copy(CopySeen(mode, SERVERS[kind], CopyAnswer.ACCEPTED, 202, markers=1, stall=stall))
    assert verdict is not None
    reason, suspects = STALLS[stall]
    if kind is Implementation.PELICAN and stall is not Stall.DEADLINE:  # it is silent as long as no bytes come
        suspects = EVERYTHING
    assert verdict.reason is reason
    assert {alternative.blame for alternative in verdict.alternatives} == (suspects or set())
    assert verdict.blame is (B.UNDETERMINED if suspects else active(mode))


def test_silence_after_a_pull_is_anybodys() -> None:
    """XRootD answers nothing while the source does not answer its HEAD (xrootd 5)."""
    waiting = Failure(R.NO_RESPONSE, "no answer within 90 s")
    pull = judge_copy(CopySeen(PULL, NOBODY_KNOWS, None, None, failure=waiting))
    push = judge_copy(CopySeen(PUSH, NOBODY_KNOWS, None, None, failure=waiting))
    assert pull is not None
    assert pull.blame is B.UNDETERMINED
    assert {alternative.blame for alternative in pull.alternatives} == EVERYTHING
    assert push == Verdict(R.NO_RESPONSE, B.SOURCE, hint="no answer within 90 s")


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize(
    "reason",
    [R.DNS_FAILURE, R.CONNECTION_REFUSED, R.TLS_EXPIRED, R.CONNECTION_LOST, R.MALFORMED_RESPONSE, R.REDIRECT_LOOP],
)
def test_our_own_connection_ends_at_the_active_party(reason: Reason, mode: Mode) -> None:
    verdict = judge_copy(CopySeen(mode, NOBODY_KNOWS, None, None, failure=Failure(reason, "detail")))
    assert verdict == Verdict(reason, active(mode), hint="detail")


@pytest.mark.parametrize("mode", Mode)
def test_what_may_be_our_own_resolver_is_nobodys_for_certain(mode: Mode) -> None:
    silent = Failure(R.DNS_FAILURE, "no answer from the resolver within 5 s", perhaps_ours=True)
    verdict = judge_copy(CopySeen(mode, NOBODY_KNOWS, None, None, failure=silent))
    assert verdict is not None
    assert (verdict.reason, verdict.blame) == (R.DNS_FAILURE, B.UNDETERMINED)
    assert {alternative.blame for alternative in verdict.alternatives} == {active(mode), B.CLIENT}


def test_what_we_bear_ourselves_is_nobody_elses() -> None:
    ours = Failure(R.LOCAL_NETWORK, "too many open files", B.CLIENT)
    verdict = judge_copy(CopySeen(PULL, NOBODY_KNOWS, None, None, failure=ours))
    assert verdict == Verdict(R.LOCAL_NETWORK, B.CLIENT, hint="too many open files")
    assert of_failure(ours, B.DESTINATION) == verdict
    assert of_failure(Failure(R.NOT_VISIBLE), B.DESTINATION) == Verdict(R.NOT_VISIBLE, B.DESTINATION)


@pytest.mark.parametrize("mode", Mode)
def test_an_end_without_a_verdict_is_never_a_success(mode: Mode) -> None:
    lost = Failure(R.CONNECTION_LOST)
    for markers, text, failure in itertools.product((0, 5), ("", "junk"), (None, lost)):
        seen = CopySeen(mode, NOBODY_KNOWS, CopyAnswer.ACCEPTED, 202, text, markers=markers, failure=failure)
        garbled = not markers and text and not failure
        assert judge_copy(seen) == Verdict(R.MARKERS_GARBLED if garbled else R.NO_VERDICT, active(mode))


def test_broken_framing_has_one_name_before_and_after_the_head() -> None:
    broken = Failure(R.MALFORMED_RESPONSE, "invalid chunk size")
    late = judge_copy(CopySeen(PULL, NOBODY_KNOWS, CopyAnswer.ACCEPTED, 202, markers=2, failure=broken))
    assert late == judge_copy(CopySeen(PULL, NOBODY_KNOWS, None, None, failure=broken))


@pytest.mark.parametrize("mode", Mode)
def test_what_is_no_third_party_copy(mode: Mode) -> None:
    verdict = judge_copy(CopySeen(mode, NOBODY_KNOWS, CopyAnswer.UNSUPPORTED, 200, "<html>permission denied</html>"))
    assert verdict == Verdict(R.TPC_UNSUPPORTED, active(mode))


@pytest.mark.parametrize("mode", Mode)
def test_parties_and_blames(mode: Mode) -> None:
    passive = B.SOURCE if mode is PULL else B.DESTINATION
    blames = [B(party.value) for party in (Party.SOURCE, Party.DESTINATION, Party.PATH, Party.CLIENT)]
    assert [party.blame(mode) for party in Party] == [active(mode), passive, *blames, B.UNDETERMINED]
    several = blamed(R.PASSIVE_CUT, mode, Party.PASSIVE, Party.PATH)
    assert several.blame is B.UNDETERMINED
    assert [alternative.blame for alternative in several.alternatives] == [passive, B.PATH]
