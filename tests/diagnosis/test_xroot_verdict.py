"""What the steps of an xroot copy mean: texts of XRootD 5.5.3 and 6.1, EOS and dCache (reference xroot 12, 13)."""

from __future__ import annotations

import pytest

from tpcharness.diagnosis.copy_verdict import Stall
from tpcharness.diagnosis.verdict import Party
from tpcharness.diagnosis.xroot_verdict import RootSeen, Step, judge_own, judge_root_copy
from tpcharness.model.failure import Failure
from tpcharness.model.reason import Reason
from tpcharness.model.variant import Blame
from tpcharness.wire.xroot.answers import Refusal

S, D, P, C = Blame.SOURCE, Blame.DESTINATION, Blame.PATH, Blame.CLIENT


def judged(seen: RootSeen) -> tuple[Reason, set[Blame]]:
    """The reason, and everybody who may have to act."""
    verdict = judge_root_copy(seen)
    assert verdict is not None
    return verdict.reason, {each.blame for each in verdict.alternatives} or {verdict.blame}


def copied(text: str, number: int = 3005, **more: object) -> RootSeen:
    return RootSeen(Step.COPY, Party.DESTINATION, Refusal(number, text), **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "reason", "blames"),
    [
        ("[FATAL] Invalid address:  (source)", Reason.PASSIVE_DNS_FAILURE, {D}),
        ("[FATAL] Connection error:  (source)", Reason.PASSIVE_REFUSED, {S, P}),
        ("[FATAL] Socket timeout:  (source)", Reason.PASSIVE_STALLED, {S, P}),
        ("[FATAL] Socket error: resource temporarily unavailable:  (source)", Reason.PASSIVE_CUT, {S, P}),
        ("[FATAL] Auth failed: No protocols left to try (source)", Reason.PASSIVE_UNAUTHENTICATED, {S, D}),
        (
            "[FATAL] TLS error: connection refused: Server was not configured to support encryption. (source)",
            Reason.PASSIVE_TLS_FAILED,
            {S},
        ),
        (
            "[FATAL] TLS error: error:0A000086:SSL routines::certificate verify failed (source)",
            Reason.PASSIVE_TLS_FAILED,
            {D},
        ),
        ("[FATAL] TLS error: certificate has expired (source)", Reason.PASSIVE_TLS_FAILED, {S}),
        (
            "[ERROR] Server responded with an error: [3010] Unable to open /x; permission denied",
            Reason.PASSIVE_FORBIDDEN,
            {S},
        ),
        (
            "[ERROR] Server responded with an error: [3011] Unable to open /x; no such file or directory (source)",
            Reason.PASSIVE_NOT_FOUND,
            {S},
        ),
        (
            "[ERROR] Server responded with an error: [3010] Unable to open /x; duplicate tpc auth request",
            Reason.PASSIVE_CUT,
            {S, P},
        ),
        ("[ERROR] Server responded with an error: [3024] too busy", Reason.PASSIVE_OVERLOADED, {S}),
        ("[ERROR] Server responded with an error: [3099] what is this", Reason.PASSIVE_ERROR, {S}),
        ("[ERROR] Local error: no space left on device:  (destination)", Reason.NO_SPACE, {D}),
        ("[ERROR] OS Error: input/output error (destination)", Reason.LOCAL_IO_ERROR, {D}),
        ("[ERROR] CheckSum error (destination)", Reason.CHECKSUM_MISMATCH, {S, D}),
        ("xrdcp: error while loading shared libraries: libXrdCl.so.3", Reason.SERVER_ERROR, {D}),
        ("Copy failed with return code 127", Reason.SERVER_ERROR, {D}),
        ("[ERROR] Operation expired (source)", Reason.PASSIVE_STALLED, {S, P}),
        ("something new (source)", Reason.PASSIVE_ERROR, {S, P}),
        ("something new (destination)", Reason.LOCAL_IO_ERROR, {D}),
        # Behind a proxy or in a cluster the end that is written to is a server as well.
        (
            "[ERROR] Server responded with an error: [3010] Unable to create /x; permission denied (destination)",
            Reason.FORBIDDEN,
            {D},
        ),
        (
            "[ERROR] Server responded with an error: [3011] Unable to open /x; no such file or directory (destination)",
            Reason.PARENT_MISSING,
            {D},
        ),
        ("[FATAL] TLS error: certificate has expired (destination)", Reason.LOCAL_IO_ERROR, {D}),
        ("[FATAL] Redirect limit has been reached (destination)", Reason.LOCAL_IO_ERROR, {D}),
        ("[FATAL] Connection error:  (destination)", Reason.LOCAL_IO_ERROR, {D}),
        ("[ERROR] Operation expired (destination)", Reason.LOCAL_IO_ERROR, {D}),
        ("something new", Reason.TRANSFER_FAILED, {Blame.UNDETERMINED}),
        ("", Reason.TRANSFER_FAILED, {Blame.UNDETERMINED}),
    ],
)
def test_what_the_destinations_client_says(text: str, reason: Reason, blames: set[Blame]) -> None:
    assert judged(copied(text)) == (reason, blames)


@pytest.mark.parametrize(
    ("number", "text", "reason", "blames"),
    [
        (3012, "sync - TPC open failed for src_url=root://fst.cern.ch:1095//x", Reason.PASSIVE_ERROR, {S, P}),
        (3007, "TPC remote read failed", Reason.PASSIVE_CUT, {S, P}),
        (3007, "TPC local write failed", Reason.LOCAL_IO_ERROR, {D}),
        (3010, "Authentication to h failed; all protocols have been tried.", Reason.PASSIVE_UNAUTHENTICATED, {S, D}),
        (3017, "destination file prematurely closed", Reason.ABORTED, {D}),
        (3010, "tpc key not valid", Reason.PASSIVE_FORBIDDEN, {S, P, C}),
        (3006, "tpc rendezvous for KEY: dst, path or org did not match", Reason.PASSIVE_FORBIDDEN, {S, P, C}),
        (3009, "full up", Reason.TRANSFER_FAILED, {S, D}),
    ],
)
def test_eos_and_dcache_give_numbers_of_their_own(number: int, text: str, reason: Reason, blames: set[Blame]) -> None:
    assert judged(copied(text, number)) == (reason, blames)


EXPIRED = "[ERROR] Server responded with an error: [3010] tpc authorization expired"


def test_an_expired_rendezvous_has_three_stories() -> None:
    assert judged(copied(EXPIRED)) == (Reason.PASSIVE_FORBIDDEN, {S, P, C})
    assert judged(copied(EXPIRED, arrived=8_388_608)) == (Reason.PASSIVE_CUT, {S, P})
    assert judged(copied(EXPIRED, queued_seconds=70.0)) == (Reason.OVERLOADED, {D})


def test_names_of_files_and_hosts_mean_nothing() -> None:
    text = "[ERROR] Server responded with an error: [3011] Unable to open /tls/no-space/x; no such file (source)"
    assert judged(copied(text)) == (Reason.PASSIVE_NOT_FOUND, {S})


@pytest.mark.parametrize(
    ("step", "party", "number", "text", "reason"),
    [
        (Step.PLACEMENT, Party.SOURCE, 3011, "Unable to open /x; no such file or directory", Reason.NOT_FOUND),
        (Step.PLACEMENT, Party.SOURCE, 3010, "Unable to open /x; permission denied", Reason.FORBIDDEN),
        (Step.PLACEMENT, Party.SOURCE, 3003, "already opened by 1 writer", Reason.OVERLOADED),
        (Step.GRANT, Party.SOURCE, 3013, "Unable to open /x; tpc not supported", Reason.TPC_UNSUPPORTED),
        (Step.DESTINATION, Party.DESTINATION, 3013, "Unable to open /x; tpc not supported", Reason.TPC_UNSUPPORTED),
        (Step.DESTINATION, Party.DESTINATION, 3005, "Unable to open /x; tpc not supported", Reason.TPC_UNSUPPORTED),
        (Step.DESTINATION, Party.DESTINATION, 3018, "Unable to create /x; file exists", Reason.DESTINATION_EXISTS),
        (Step.DESTINATION, Party.DESTINATION, 3003, "already opened by 1 writer", Reason.DESTINATION_EXISTS),
        (Step.DESTINATION, Party.DESTINATION, 3011, "no such file or directory", Reason.PARENT_MISSING),
        (Step.DESTINATION, Party.DESTINATION, 3009, "no space left on device", Reason.NO_SPACE),
        (Step.DESTINATION, Party.DESTINATION, 3021, "", Reason.NO_SPACE),
        (Step.DESTINATION, Party.DESTINATION, 3000, "conflicting tpc cgi", Reason.BAD_REQUEST),
        (Step.DESTINATION, Party.DESTINATION, 3024, "", Reason.OVERLOADED),
        (Step.START, Party.DESTINATION, 3012, "", Reason.SERVER_ERROR),
        (Step.START, Party.DESTINATION, 9999, "a number of tomorrow", Reason.SERVER_ERROR),
    ],
)
def test_a_refusal_of_our_own_request_is_whose_we_asked(
    step: Step, party: Party, number: int, text: str, reason: Reason
) -> None:
    blame = S if party is Party.SOURCE else D
    assert judged(RootSeen(step, party, Refusal(number, text))) == (reason, {blame})


def test_refused_at_the_door() -> None:
    seen = RootSeen(Step.PLACEMENT, Party.SOURCE, Refusal(3030, "invalid token supplied"), at_login=True)
    assert judged(seen) == (Reason.UNAUTHENTICATED, {S})
    seen = RootSeen(Step.DESTINATION, Party.DESTINATION, Refusal(3024, "wait: busy"), at_login=True)
    assert judged(seen) == (Reason.OVERLOADED, {D})


def test_a_server_that_says_itself_that_it_does_no_copies() -> None:
    assert judged(RootSeen(Step.ABILITY, Party.SOURCE, able=False)) == (Reason.TPC_UNSUPPORTED, {S})


@pytest.mark.parametrize(
    ("stall", "reason", "blames"),
    [
        (Stall.FIRST_BYTE, Reason.NO_FIRST_BYTE, {S, D, P}),
        (Stall.PROGRESS, Reason.NO_PROGRESS, {S, D, P}),
        (Stall.DEADLINE, Reason.DEADLINE, {S, D, P, C}),
    ],
)
def test_silence(stall: Stall, reason: Reason, blames: set[Blame]) -> None:
    assert judged(RootSeen(Step.COPY, Party.DESTINATION, stall=stall)) == (reason, blames)


def test_transport_failures_are_whose_connection_it_was() -> None:
    lost = Failure(Reason.CONNECTION_LOST, "gone")
    assert judged(RootSeen(Step.COPY, Party.DESTINATION, failure=lost)) == (Reason.CONNECTION_LOST, {D})
    ours = Failure(Reason.LOCAL_NETWORK, "no CA files", Blame.CLIENT)
    assert judged(RootSeen(Step.PLACEMENT, Party.SOURCE, failure=ours)) == (Reason.LOCAL_NETWORK, {C})
    silent = Failure(Reason.DNS_FAILURE, "no answer from the resolver within 5 s", perhaps_ours=True)
    assert judged(RootSeen(Step.PLACEMENT, Party.SOURCE, failure=silent)) == (Reason.DNS_FAILURE, {S, C})


def test_success_is_no_verdict_yet() -> None:
    assert judge_root_copy(RootSeen(Step.COPY, Party.DESTINATION)) is None


def test_plain_requests() -> None:
    assert judge_own(Refusal(3010, "denied")) == Failure(Reason.FORBIDDEN, "error 3010: denied")
    assert judge_own(Refusal(3013, "")).reason is Reason.SERVER_ERROR
    assert judge_own(Refusal(3013, ""), at_login=True).reason is Reason.UNAUTHENTICATED
