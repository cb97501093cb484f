"""What servers write, word for word as their sources have it, and what it means; names in it mean nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tpcharness.diagnosis.copy_verdict import judge_text
from tpcharness.diagnosis.patterns import PATTERNS, without_names
from tpcharness.diagnosis.verdict import Verdict
from tpcharness.model.reason import Reason
from tpcharness.model.variant import Blame
from tpcharness.wire.copy_request import Mode
from tpcharness.wire.fingerprint import Implementation

R, B = Reason, Blame
PULL, PUSH = Mode.PULL, Mode.PUSH
DCACHE, XROOTD, EOS, STORM = Implementation.DCACHE, Implementation.XROOTD, Implementation.EOS, Implementation.STORM
PELICAN, DPM, UNKNOWN = Implementation.PELICAN, Implementation.DPM, Implementation.UNKNOWN

SOURCE, DESTINATION, CLIENT, PATH = ({blame} for blame in (B.SOURCE, B.DESTINATION, B.CLIENT, B.PATH))
HOST = "door.site.example"
URL = f"https://{HOST}:2880/pnfs/site/file"

TEXTS: list[tuple[Implementation, Mode, str, Reason, set[Blame]]] = [
    # the passive party's status, passed on
    (DCACHE, PULL, "rejected GET: 403 Forbidden", R.PASSIVE_FORBIDDEN, SOURCE),
    (DCACHE, PUSH, "rejected PUT: 401 Unauthorized; redirects [" + URL + "]", R.PASSIVE_UNAUTHENTICATED, DESTINATION),
    (DCACHE, PULL, "rejected HEAD: 404 Not Found", R.PASSIVE_NOT_FOUND, SOURCE),
    (DCACHE, PUSH, "rejected PUT: 507 Insufficient Storage", R.NO_SPACE, DESTINATION),
    (DCACHE, PUSH, "rejected PUT: 413 Payload Too Large", R.NO_SPACE, DESTINATION),
    # A source that is full cannot mean the file that it is asked for.
    (DCACHE, PULL, "rejected GET: 507 Insufficient Storage", R.PASSIVE_ERROR, SOURCE),
    (DCACHE, PULL, "rejected GET: 308 Permanent Redirect", R.PASSIVE_REDIRECT, SOURCE),
    (STORM, PULL, f"Error fetching {URL}: 404 Not Found", R.PASSIVE_NOT_FOUND, SOURCE),
    (STORM, PUSH, f"Error pushing {URL}: 503 Service Unavailable", R.PASSIVE_OVERLOADED, DESTINATION),
    (STORM, PULL, f"Error fetching {URL}: 429 Too Many Requests", R.PASSIVE_OVERLOADED, SOURCE),
    (PELICAN, PULL, "Source returned HTTP 403", R.PASSIVE_FORBIDDEN, SOURCE),
    (PELICAN, PULL, "Source returned HTTP 500", R.PASSIVE_ERROR, SOURCE),
    (DPM, PUSH, "Remote server returned 410 Gone", R.PASSIVE_NOT_FOUND, DESTINATION),
    # What the passive party says of itself is not the active one's trouble.
    (
        XROOTD,
        PULL,
        'Remote side failed with status code 500; error message: "no route to host"',
        R.PASSIVE_ERROR,
        SOURCE,
    ),
    (XROOTD, PULL, 'Remote side failed with status code 500; error message: "no space left"', R.PASSIVE_ERROR, SOURCE),
    (XROOTD, PUSH, 'Remote side failed with status code 500; error message: "no space left"', R.NO_SPACE, DESTINATION),
    (XROOTD, PUSH, 'Remote side failed with status code 403; error message: "quota exceeded"', R.NO_SPACE, DESTINATION),
    # names that do not resolve
    (DCACHE, PULL, "Unknown source hostname", R.PASSIVE_DNS_FAILURE, DESTINATION),
    (DCACHE, PUSH, "Unknown destination hostname", R.PASSIVE_DNS_FAILURE, SOURCE),
    (
        STORM,
        PULL,
        f"UnknownHostException while fetching {URL}: {HOST}: Name or service not known",
        R.PASSIVE_DNS_FAILURE,
        DESTINATION,
    ),
    (
        XROOTD,
        PUSH,
        f"Internal transfer failure, local=/a, remote={URL}, HTTP library failure=Couldn't resolve host name",
        R.PASSIVE_DNS_FAILURE,
        SOURCE,
    ),
    (
        PELICAN,
        PULL,
        f'Failed to fetch object from source: Get "{URL}": dial tcp: lookup {HOST}: no such host',
        R.PASSIVE_DNS_FAILURE,
        DESTINATION,
    ),
    # no connection
    (
        DCACHE,
        PULL,
        f"org.apache.http.conn.HttpHostConnectException: Connect to {HOST}:2880 [{HOST}/192.0.2.1] failed",
        R.PASSIVE_REFUSED,
        SOURCE | PATH,
    ),
    (DCACHE, PUSH, f"connection failed for PUT: Connect to {HOST}:2880 failed", R.PASSIVE_REFUSED, DESTINATION | PATH),
    (DCACHE, PULL, f"Connect to {HOST}:2880 failed: No route to host (Host unreachable)", R.PASSIVE_UNREACHABLE, PATH),
    (DCACHE, PULL, f"Connect to {HOST}:2880 failed: connect timed out", R.PASSIVE_TIMEOUT, SOURCE | PATH),
    (STORM, PULL, f"ConnectTimeoutException while fetching {URL}: x", R.PASSIVE_TIMEOUT, SOURCE | PATH),
    (
        PELICAN,
        PULL,
        f'Get "{URL}": dial tcp 192.0.2.1:443: connect: connection refused',
        R.PASSIVE_REFUSED,
        SOURCE | PATH,
    ),
    (PELICAN, PULL, f'Get "{URL}": dial tcp 192.0.2.1:443: i/o timeout', R.PASSIVE_TIMEOUT, SOURCE | PATH),
    (PELICAN, PULL, f'Get "{URL}": net/http: timeout awaiting response headers', R.PASSIVE_TIMEOUT, SOURCE | PATH),
    (XROOTD, PULL, "Timeout was reached, local=/a", R.PASSIVE_TIMEOUT, SOURCE | PATH),
    # TLS: we have been through the passive party's door ourselves, so it is the active one's trust that differs
    (DCACHE, PULL, "General SSLEngine problem: PKIX path validation failed", R.PASSIVE_TLS_FAILED, DESTINATION),
    (
        STORM,
        PUSH,
        f"SSLHandshakeException while pushing {URL}: PKIX path building failed",
        R.PASSIVE_TLS_FAILED,
        SOURCE,
    ),
    (STORM, PULL, f"javax.net.ssl.SSLHandshakeException: {HOST}", R.PASSIVE_TLS_FAILED, DESTINATION),
    (
        PELICAN,
        PULL,
        f'Get "{URL}": tls: failed to verify certificate: x509: certificate signed by unknown authority',
        R.PASSIVE_TLS_FAILED,
        DESTINATION,
    ),
    (XROOTD, PULL, "Problem with the SSL CA cert (path? access rights?)", R.PASSIVE_TLS_FAILED, DESTINATION),
    (XROOTD, PULL, "Failed to load CRL file", R.PASSIVE_TLS_FAILED, DESTINATION),
    # unless they say what is wrong with the certificate itself
    (XROOTD, PULL, "SSL certificate problem: certificate has expired", R.PASSIVE_TLS_FAILED, SOURCE),
    (
        XROOTD,
        PUSH,
        f"SSL: no alternative certificate subject name matches target host name '{HOST}'",
        R.PASSIVE_TLS_FAILED,
        DESTINATION,
    ),
    (
        DCACHE,
        PULL,
        f"Certificate for <{HOST}> doesn't match any of the subject alternative names: []",
        R.PASSIVE_TLS_FAILED,
        SOURCE,
    ),
    (STORM, PULL, "CertificateExpiredException: NotAfter: Sun Nov 22 2026", R.PASSIVE_TLS_FAILED, SOURCE),
    # a connection that breaks under way is no matter of trust
    (XROOTD, PULL, "OpenSSL SSL_read: Connection reset by peer, errno 104", R.PASSIVE_CUT, SOURCE | PATH),
    (XROOTD, PULL, "SSL_read: error:0A000126:SSL routines::unexpected eof while reading", R.PASSIVE_CUT, SOURCE | PATH),
    # stalls
    (DCACHE, PULL, "socket timeout on GET (received 1 MiB of data; 2 MiB pending)", R.PASSIVE_STALLED, SOURCE | PATH),
    (STORM, PULL, f"SocketTimeoutException while fetching {URL}: Read timed out", R.PASSIVE_STALLED, SOURCE | PATH),
    (
        XROOTD,
        PUSH,
        "Transfer failed because no bytes have been transmitted to the destination (push mode) in 60 seconds.",
        R.PASSIVE_STALLED,
        DESTINATION | PATH,
    ),
    (XROOTD, PULL, "Operation too slow. Less than 10240 bytes/sec", R.PASSIVE_STALLED, SOURCE | PATH),
    (
        PELICAN,
        PULL,
        "transfer stalled: no bytes received for 60s (transferred 7 bytes)",
        R.PASSIVE_STALLED,
        SOURCE | PATH,
    ),
    # cuts
    (
        DCACHE,
        PULL,
        "Premature end of Content-Length delimited message body (expected: 9; received: 1)",
        R.PASSIVE_CUT,
        SOURCE | PATH,
    ),
    (
        DCACHE,
        PUSH,
        "failed to send PUT request: Broken pipe (Write failed); after sending 1 MiB (10%)",
        R.PASSIVE_CUT,
        DESTINATION | PATH,
    ),
    (DCACHE, PULL, f"{HOST}:2880 failed to respond", R.PASSIVE_CUT, SOURCE | PATH),
    (
        STORM,
        PULL,
        f"NoHttpResponseException while fetching {URL}: {HOST}:443 failed to respond",
        R.PASSIVE_CUT,
        SOURCE | PATH,
    ),
    (STORM, PULL, f"ConnectionClosedException while fetching {URL}: Premature end", R.PASSIVE_CUT, SOURCE | PATH),
    (
        XROOTD,
        PULL,
        "Internal transfer failure, HTTP library failure=Transferred a partial file",
        R.PASSIVE_CUT,
        SOURCE | PATH,
    ),
    (XROOTD, PUSH, "Server returned nothing (no headers, no data)", R.PASSIVE_CUT, DESTINATION | PATH),
    (PELICAN, PULL, "read from source failed: unexpected EOF", R.PASSIVE_CUT, SOURCE | PATH),
    (PELICAN, PULL, f'Failed to fetch object from source: Get "{URL}": EOF', R.PASSIVE_CUT, SOURCE | PATH),
    (DCACHE, PULL, "The server failed to respond with a valid HTTP response", R.PASSIVE_ERROR, SOURCE),
    (XROOTD, PULL, "Weird server reply", R.PASSIVE_ERROR, SOURCE),
    # redirects
    (DCACHE, PUSH, "exceeded maximum number of redirections", R.PASSIVE_REDIRECT, DESTINATION),
    (XROOTD, PULL, "Number of redirects hit maximum amount", R.PASSIVE_REDIRECT, SOURCE),
    (STORM, PULL, f"Error fetching {URL}: Maximum redirects (50) exceeded", R.PASSIVE_REDIRECT, SOURCE),
    (PELICAN, PULL, f'Get "{URL}": stopped after 10 redirects', R.PASSIVE_REDIRECT, SOURCE),
    # sizes and checksums
    (
        DCACHE,
        PUSH,
        "verification failed: adler32 01020304 != 05060708",
        R.CHECKSUM_MISMATCH,
        SOURCE | DESTINATION | PATH,
    ),
    (
        DCACHE,
        PUSH,
        "delete of remote file (triggered by verification failed: 1 != 2) failed: rejected DELETE: 403 Forbidden",
        R.CHECKSUM_MISMATCH,
        SOURCE | DESTINATION | PATH,
    ),
    (
        DCACHE,
        PULL,
        "Checksum mismatch (expected=[1:01], actual=[1:02]) (failed to remove badly transferred file)",
        R.CHECKSUM_MISMATCH,
        SOURCE | DESTINATION | PATH,
    ),
    (
        XROOTD,
        PULL,
        "Mismatch between client-provided and remote server checksums: adler32",
        R.CHECKSUM_MISMATCH,
        SOURCE,
    ),
    (DCACHE, PUSH, "no useful checksum in HEAD response: {md5=x}", R.CHECKSUM_UNAVAILABLE, DESTINATION),
    (DCACHE, PULL, "checksum verification failed: file has no checksum", R.CHECKSUM_UNAVAILABLE, SOURCE),
    (DCACHE, PUSH, "HEAD Content-Length (9) does not match file size (10)", R.SIZE_MISMATCH, SOURCE | DESTINATION),
    (
        EOS,
        PULL,
        "Failure when closing file handle: stored file does not match the provided targetsize",
        R.SIZE_MISMATCH,
        SOURCE | DESTINATION | PATH,
    ),
    # the active party's own
    (XROOTD, PULL, "connection to local/private addresses is forbidden", R.PASSIVE_ADDRESS_FORBIDDEN, DESTINATION),
    (STORM, PULL, f"IOException while fetching {URL}: No space left on device", R.NO_SPACE, DESTINATION),
    (DCACHE, PULL, '<D:error xmlns:D="DAV:"><D:quota-not-exceeded/></D:error>', R.NO_SPACE, DESTINATION),
    (XROOTD, PULL, "Unable to write /a; disk quota exceeded (code=-122)", R.NO_SPACE, DESTINATION),
    (PELICAN, PULL, "write to destination failed: no space left on device", R.NO_SPACE, DESTINATION),
    (DCACHE, PULL, "RemoteTransferManager restarted", R.ABORTED, DESTINATION),
    (DCACHE, PUSH, "dCache is shutting down", R.ABORTED, SOURCE),
    (DCACHE, PULL, "transfer service unavailable", R.OVERLOADED, DESTINATION),
    (DCACHE, PUSH, "File upload in progress", R.LOCAL_IO_ERROR, SOURCE),
    (DCACHE, PULL, "client failed to delegate a credential", R.DELEGATION_REQUIRED, DESTINATION),
    (DCACHE, PULL, "Permission denied", R.FORBIDDEN, DESTINATION),
    (PELICAN, PULL, "Permission denied writing to destination", R.FORBIDDEN, DESTINATION),
    (DCACHE, PULL, "No such file or directory: /pnfs/site/dir", R.PARENT_MISSING, DESTINATION),
    (STORM, PULL, "Parent directory does not exist", R.PARENT_MISSING, DESTINATION),
    (XROOTD, PUSH, "Unable to open /src/1k; no such file or directory", R.NOT_FOUND, SOURCE),
    (DCACHE, PULL, "Not a file", R.IS_DIRECTORY, DESTINATION),
    (STORM, PULL, "Resource is a collection", R.IS_DIRECTORY, DESTINATION),
    (STORM, PULL, "Destination exists and overwrite is false", R.DESTINATION_EXISTS, DESTINATION),
    (STORM, PUSH, "Remote file exists and overwrite is false", R.DESTINATION_EXISTS, DESTINATION),
    (
        XROOTD,
        PULL,
        "Error when interacting with local filesystem: Unable to write /a; input/output error",
        R.LOCAL_IO_ERROR,
        DESTINATION,
    ),
    # ours
    (STORM, PULL, "Invalid URI scheme", R.BAD_REQUEST, CLIENT),
    (DCACHE, PULL, "Unsupported URI scheme", R.BAD_REQUEST, CLIENT),
    (PELICAN, PULL, "Invalid Source URL: must be an http or https URL", R.BAD_REQUEST, CLIENT),
]


def _suspects(verdict: Verdict | None) -> set[Blame]:
    assert verdict is not None
    if verdict.blame is not B.UNDETERMINED:
        assert verdict.alternatives == ()
        return {verdict.blame}
    return {alternative.blame for alternative in verdict.alternatives}


def _id(value: object) -> str | None:
    return value[:60] if isinstance(value, str) and len(value) > 20 else None


@pytest.mark.parametrize(("implementation", "mode", "text", "reason", "suspects"), TEXTS, ids=_id)
def test_a_text_has_its_meaning(
    implementation: Implementation, mode: Mode, text: str, reason: Reason, suspects: set[Blame]
) -> None:
    verdict = judge_text(text, implementation, mode)
    assert verdict is not None
    assert (verdict.reason, _suspects(verdict)) == (reason, suspects)


@pytest.mark.parametrize(("implementation", "mode", "text", "reason", "suspects"), TEXTS, ids=_id)
@pytest.mark.parametrize(
    "host",
    ["tls-door.crl.example", "no-space.example", "timeout.ssl.example", "x509.certificate.example", "eof.example"],
)
def test_a_hosts_name_is_no_symptom(
    host: str, implementation: Implementation, mode: Mode, text: str, reason: Reason, suspects: set[Blame]
) -> None:
    verdict = judge_text(text.replace(HOST, host), implementation, mode)
    assert verdict is not None
    assert (verdict.reason, _suspects(verdict)) == (reason, suspects)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "42",
        "something went wrong",
        f"failure at {URL}",
        "https://no-space-left-on-device.example/permission%20denied/ssl: oops",
        "/certificate/timeout.was.reached/ is odd",
        "local=/disk-quota/ssl, remote=https://crl.example/tls",
        "404",
        "apparently",
    ],
)
@pytest.mark.parametrize("mode", Mode)
def test_what_nobody_knows_is_not_guessed(text: str, mode: Mode) -> None:
    assert judge_text(text, UNKNOWN, mode) is None


def test_a_class_name_is_not_taken_for_a_host() -> None:
    assert "HttpHostConnectException" in without_names("org.apache.http.conn.HttpHostConnectException: x")
    assert without_names(f"Connect to {HOST}:443 [{HOST}/192.0.2.1] failed") == "Connect to ~:443 [~/192.0.2.1] failed"


@given(st.text())
def test_no_text_breaks_it(text: str) -> None:
    for mode in Mode:
        judge_text(text, UNKNOWN, mode)


@pytest.mark.timeout(2)
@pytest.mark.parametrize(
    "piece",
    ["a.", "https://", "/", "-.", "delete of remote file (triggered by ", "a-", "1.", "a.-", "SSL_", "x=", "exists "],
)
def test_a_hostile_text_takes_no_time(piece: str) -> None:
    without_names(piece * (16 * 1024 // len(piece)))


def test_every_row_says_where_it_comes_from() -> None:
    assert all(pattern.source and pattern.parties for pattern in PATTERNS)
