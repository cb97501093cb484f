"""What gfal2's errno and text mean; the texts are those of gfal2 2.21.3 with davix 0.8.4 and XrdCl 5.5.3."""

from __future__ import annotations

import errno

import pytest

from tpcharness.diagnosis.copy_verdict import Stall
from tpcharness.diagnosis.gfal_verdict import GfalSeen, Scheme, judge_gfal
from tpcharness.diagnosis.verdict import Verdict
from tpcharness.model.reason import Reason
from tpcharness.model.variant import Blame
from tpcharness.wire.fingerprint import Implementation, Server, identify

R, B = Reason, Blame

XROOTD5 = identify("XrootD/v5.5.3")
XROOTD6 = Server(Implementation.XROOTD, (6, 1), "XrootD")
DCACHE = identify("dCache/9.2.6")
NOBODY_KNOWS = identify("")

PULL = "TRANSFER ERROR: Copy failed (3rd pull). Last attempt: "
TURNED_AWAY = (
    "globus_ftp_client: the server responded with an error 530 530-globus_xio: Authentication Error 530-OpenSSL Error: "
    "certificate verify failed 530-globus_gsi_callback_module: Could not verify credential "
    "530-globus_gsi_callback_module"
)
NO_HOST_CERTIFICATE = (
    "globus_ftp_client: the server responded with an error 530 530-globus_xio: Server side credential failure "
    "530-globus_credential"
)
XRDCL = "Error on XrdCl::CopyProcess::Run(): "


def judge(scheme: Scheme, code: int, text: str, server: Server = XROOTD5) -> Verdict:
    verdict = judge_gfal(GfalSeen(scheme, server, code, text))
    assert verdict is not None
    return verdict


def causes(verdict: Verdict) -> set[tuple[Reason, Blame]]:
    return {(cause.reason, cause.blame) for cause in verdict.alternatives} or {(verdict.reason, verdict.blame)}


def test_a_success_is_no_verdict_yet() -> None:
    assert judge_gfal(GfalSeen(Scheme.DAVS, XROOTD5)) is None


@pytest.mark.parametrize(
    ("code", "text", "reason", "blame"),
    [
        (5, 'Transfer failure: Remote side failed with status code 403; error message: "Unable to open it"',
         R.PASSIVE_FORBIDDEN, B.SOURCE),
        (5, 'Transfer failure: Remote side failed with status code 404; error message: "no such file"',
         R.PASSIVE_NOT_FOUND, B.SOURCE),
        (5, "Transfer failure: Couldn't resolve host name", R.PASSIVE_DNS_FAILURE, B.DESTINATION),
        (5, "Transfer aborted", R.ABORTED, B.DESTINATION),
        (13, "copy HTTP 401 : Authentication Error ", R.FORBIDDEN, B.DESTINATION),
        (113, "copy Domain name resolution failed", R.DNS_FAILURE, B.DESTINATION),
        (112, "copy Could not connect to server", R.CONNECTION_REFUSED, B.DESTINATION),
        (112, "copy (Neon): Server certificate verification failed: issuer is not trusted", R.TLS_UNTRUSTED,
         B.DESTINATION),
        (112, "copy (Neon): Server certificate verification failed: certificate has expired", R.TLS_EXPIRED,
         B.DESTINATION),
        # names and paths say nothing
        (5, "copy davs://tls.example.org/redirect/x: something new", R.TRANSFER_FAILED, B.UNDETERMINED),
    ],
)  # fmt: skip
def test_davs(code: int, text: str, reason: Reason, blame: Blame) -> None:
    verdict = judge(Scheme.DAVS, code, PULL + text)
    assert (verdict.reason, verdict.blame) == (reason, blame)


def test_a_refusal_between_two_says_what_was_said() -> None:
    verdict = judge(Scheme.DAVS, 5, PULL + "Transfer failure: Couldn't connect to server")
    assert causes(verdict) == {(R.PASSIVE_REFUSED, B.SOURCE), (R.PASSIVE_REFUSED, B.PATH)}
    assert verdict.hint.startswith("gfal2: error 5: ")


def test_a_status_without_its_text_leaves_all_its_causes_open() -> None:
    verdict = judge(Scheme.DAVS, 112, PULL + "copy HTTP 400 : Server Error ")
    assert {R.BAD_REQUEST, R.PARENT_MISSING, R.IS_DIRECTORY, R.TPC_UNSUPPORTED} <= {r for r, _ in causes(verdict)}
    assert verdict.blame is B.DESTINATION, "whatever it is, the destination said it"


@pytest.mark.parametrize("server", [XROOTD6, NOBODY_KNOWS])
def test_a_status_may_be_the_sources_where_it_is_passed_on(server: Server) -> None:
    verdict = judge(Scheme.DAVS, 13, PULL + "copy HTTP 403 : Permission refused ", server)
    assert {(R.FORBIDDEN, B.DESTINATION), (R.PASSIVE_FORBIDDEN, B.SOURCE)} <= causes(verdict)
    assert verdict.blame is B.UNDETERMINED


def test_it_is_the_destinations_own_where_none_is() -> None:
    verdict = judge(Scheme.DAVS, 13, PULL + "copy HTTP 403 : Permission refused ", DCACHE)
    assert causes(verdict) == {(R.FORBIDDEN, B.DESTINATION)}


@pytest.mark.parametrize(
    ("code", "text", "reason", "blame"),
    [
        (13, "[ERROR] Server responded with an error: [3010] Unable to open /wlcg/seed; permission denied", R.FORBIDDEN,
         B.SOURCE),
        (13, "[ERROR] Server responded with an error: [3010] Unable to create /wlcg/d; permission denied (destination)",
         R.FORBIDDEN, B.DESTINATION),
        (2, "[ERROR] Server responded with an error: [3011] Unable to open /wlcg/none; no such file or directory",
         R.NOT_FOUND, B.SOURCE),
        (95, "[ERROR] Server responded with an error: [3013] Unable to open /wlcg/d; tpc not supported (destination)",
         R.TPC_UNSUPPORTED, B.DESTINATION),
        (52, "[FATAL] Auth failed: No protocols left to try (destination)", R.UNAUTHENTICATED, B.DESTINATION),
        (112, "[FATAL] TLS error: connection refused: Server was not configured to support encryption. (destination)",
         R.TLS_HANDSHAKE, B.DESTINATION),
        (112, "[FATAL] TLS error: Unable to use CA cert directory /etc/grid-security/certificates; does not exist.",
         R.WORKER_UNAVAILABLE, B.CLIENT),
        # From here on by the destination's copy program, between two XRootD 5.5.3.
        (1, "[ERROR] Server responded with an error: [3010] Copy failed with return code 1\0", R.SERVER_ERROR,
         B.DESTINATION),
        (5, "[ERROR] Server responded with an error: [3005] [FATAL] TLS error: Unable to use CA cert. (source)\0",
         R.PASSIVE_TLS_FAILED, B.DESTINATION),
        (13, "[ERROR] Server responded with an error: [3010] Unable to create /d; permission denied (destination)\0",
         R.FORBIDDEN, B.DESTINATION),
    ],
)  # fmt: skip
def test_root(code: int, text: str, reason: Reason, blame: Blame) -> None:
    verdict = judge(Scheme.ROOT, code, f"{XRDCL}{text}\n")
    assert (verdict.reason, verdict.blame) == (reason, blame)


@pytest.mark.parametrize(
    ("text", "reasons", "blames"),
    [
        # What is said in the end of a copy may be said of either end; opened is the source first, and the same words.
        ("[ERROR] Operation expired", {R.NO_RESPONSE}, {B.SOURCE, B.DESTINATION, B.PATH}),
        ("[FATAL] Connection error", {R.CONNECTION_REFUSED}, {B.SOURCE, B.DESTINATION, B.PATH}),
        ("[FATAL] Connection error (source)", {R.CONNECTION_REFUSED}, {B.SOURCE}),
        ("[FATAL] Auth failed: No protocols left to try", {R.UNAUTHENTICATED}, {B.SOURCE}),  # before the copy began
        ("[ERROR] Server responded with an error: [3009] no space left on device", {R.NO_SPACE}, {B.DESTINATION}),
        ("[ERROR] Server responded with an error: [3007] TPC local write failed", {R.LOCAL_IO_ERROR}, {B.DESTINATION}),
        ("[ERROR] Server responded with an error: [3011] No such file", {R.NOT_FOUND, R.TRANSFER_FAILED},
         {B.SOURCE, B.DESTINATION}),
        ("[ERROR] Server responded with an error: [3024] too busy (source)", {R.OVERLOADED}, {B.SOURCE}),
    ],
)  # fmt: skip
def test_root_without_a_name_for_the_end(text: str, reasons: set[Reason], blames: set[Blame]) -> None:
    verdict = judge(Scheme.ROOT, 5, f"{XRDCL}{text}\n")
    seen = causes(verdict) or {(verdict.reason, verdict.blame)}
    assert ({reason for reason, _ in seen}, {blame for _, blame in seen}) == (reasons, blames)


@pytest.mark.parametrize("scheme", [Scheme.GSIFTP, Scheme.SRM])
@pytest.mark.parametrize(
    ("code", "text", "reason", "blame"),
    [
        (errno.ENOENT, "SOURCE STAT No such file or directory", R.NOT_FOUND, B.SOURCE),
        (errno.ECOMM, "DESTINATION globus_xio: Unable to connect to se.example:2811", R.CONNECTION_REFUSED,
         B.DESTINATION),
        (errno.ENOSPC, "TRANSFER 552 disk full", R.NO_SPACE, B.DESTINATION),
        (errno.EACCES, "TRANSFER permission denied", R.FORBIDDEN, B.UNDETERMINED),
        (errno.EIO, "TRANSFER something new", R.TRANSFER_FAILED, B.UNDETERMINED),
    ],
)  # fmt: skip
def test_grid_protocols(scheme: Scheme, code: int, text: str, reason: Reason, blame: Blame) -> None:
    verdict = judge(scheme, code, text, NOBODY_KNOWS)
    assert (verdict.reason, verdict.blame) == (reason, blame)


@pytest.mark.parametrize(
    ("text", "reason", "blame"),
    [
        ("globus_xio: Unable to connect to b.example:2811 globus_xio: System error in connect: Connection refused",
         R.CONNECTION_REFUSED, B.DESTINATION),
        ("globus_xio: Unable to open file /data/seed 500-globus_xio: System error in open: No such file or directory",
         R.NOT_FOUND, B.SOURCE),
        ("globus_xio: Unable to open file /data/copy 500-globus_xio: System error in open: No such file or directory",
         R.PARENT_MISSING, B.DESTINATION),
        ("globus_xio: Unable to open file /data/copy 500-globus_xio: System error in open: Is a directory",
         R.IS_DIRECTORY, B.DESTINATION),
        ("globus_credential: Valid credentials could not be found in any of the possible locations",
         R.TOKEN_SOURCE_FAILED, B.CLIENT),
        # a server without a host certificate, which names neither itself nor a file
        (f"{NO_HOST_CERTIFICATE}: Valid credentials could not be found", R.TLS_HANDSHAKE, B.UNDETERMINED),
        ("Could not open the user certificate", R.TOKEN_SOURCE_FAILED, B.CLIENT),
        ("Could not load the user credentials: an unknown error occurred  (70)", R.TOKEN_SOURCE_FAILED, B.CLIENT),
        (f"{TURNED_AWAY}: The certificate has expired: Credential wit", R.TOKEN_SOURCE_FAILED, B.CLIENT),
        (f"{TURNED_AWAY}: Can't get the local trusted CA certificate", R.UNAUTHENTICATED, B.UNDETERMINED),
        ("globus_ftp_control: gss_init_sec_context failed globus_gsi_callback_module: The certificate has expired",
         R.TLS_EXPIRED, B.UNDETERMINED),
    ],
)  # fmt: skip
def test_globus_names_the_door_or_the_file(text: str, reason: Reason, blame: Blame) -> None:
    seen = GfalSeen(Scheme.GSIFTP, NOBODY_KNOWS, 70, f"TRANSFER  {text}", source="gsiftp://a.example:2811/data/seed",
                    destination="gsiftp://b.example:2811/data/copy")  # fmt: skip
    verdict = judge_gfal(seen)
    assert verdict is not None
    assert (verdict.reason, verdict.blame) == (reason, blame)


def test_names_of_files_mean_nothing() -> None:
    verdict = judge(Scheme.GSIFTP, errno.EPERM, "550 /data/quota/seed: Operation not permitted", NOBODY_KNOWS)
    assert verdict.reason is R.FORBIDDEN


@pytest.mark.parametrize("text", ["500-globus_xio: Unable to connect to 192.0.2.7:50001", "Operation timed out"])
def test_data_ports_may_be_shut_by_a_firewall(text: str) -> None:
    verdict = judge(Scheme.GSIFTP, errno.ECOMM, f"TRANSFER {text}", NOBODY_KNOWS)
    assert {blame for _, blame in causes(verdict)} == {B.SOURCE, B.DESTINATION, B.PATH}


def test_a_missing_plug_in_is_our_own_lack() -> None:
    verdict = judge(Scheme.SRM, errno.EPROTONOSUPPORT, "Protocol not supported or path/url invalid: srm://se.example/")
    assert (verdict.reason, verdict.blame) == (R.WORKER_UNAVAILABLE, B.CLIENT)
    assert "srm" in verdict.hint


def test_silence_is_less_than_a_standstill() -> None:
    told = judge_gfal(GfalSeen(Scheme.DAVS, XROOTD5, stall=Stall.DEADLINE, markers=3))
    silent = judge_gfal(GfalSeen(Scheme.DAVS, XROOTD5, stall=Stall.DEADLINE))
    assert told is not None
    assert silent is not None
    assert {reason for reason, _ in causes(told)} == {R.DEADLINE}
    assert causes(told) < causes(silent)
    assert (R.NO_RESPONSE, B.SOURCE) in causes(silent)
