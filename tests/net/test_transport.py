"""The one table from transport errors to reasons."""

from __future__ import annotations

import errno
import socket
import ssl

import aiohttp
import pytest

from tpcharness.model.reason import Reason
from tpcharness.model.variant import Blame, Phase
from tpcharness.net.transport import (
    connect_failure,
    exchange_failure,
    lookup_failure,
    timeout_failure,
    tls_failure,
)


@pytest.mark.parametrize(
    ("number", "reason", "blame"),
    [
        (errno.ECONNREFUSED, Reason.CONNECTION_REFUSED, None),
        (errno.ETIMEDOUT, Reason.CONNECT_TIMEOUT, None),
        (errno.EHOSTUNREACH, Reason.UNREACHABLE, None),
        (errno.ENETUNREACH, Reason.UNREACHABLE, None),
        (errno.EMFILE, Reason.LOCAL_NETWORK, Blame.CLIENT),
        (errno.EADDRNOTAVAIL, Reason.LOCAL_NETWORK, Blame.CLIENT),
        (errno.EPERM, Reason.LOCAL_NETWORK, Blame.CLIENT),
        (errno.EIO, Reason.UNREACHABLE, None),
    ],
)
def test_connect_errors(number: int, reason: Reason, blame: Blame | None) -> None:
    failure = connect_failure(OSError(number, "words of the loop's own"))
    assert (failure.reason, failure.blame) == (reason, blame)
    assert "words of the loop's own" not in failure.detail


def test_a_resolver_that_does_not_answer_is_said_to_be_perhaps_ours() -> None:
    failure = lookup_failure(socket.gaierror(socket.EAI_AGAIN, "Temporary failure"), "door.example.org")
    assert (failure.reason, failure.perhaps_ours) == (Reason.DNS_FAILURE, True)
    assert "ours" in failure.detail
    assert timeout_failure(Phase.RESOLVE, 5.0).perhaps_ours
    assert not lookup_failure(socket.gaierror(socket.EAI_NONAME, "no such name"), "door.example.org").perhaps_ours


@pytest.mark.parametrize(
    ("code", "reason"),
    [(10, Reason.TLS_EXPIRED), (9, Reason.TLS_EXPIRED), (62, Reason.TLS_HOSTNAME), (64, Reason.TLS_HOSTNAME),
     (18, Reason.TLS_UNTRUSTED), (19, Reason.TLS_UNTRUSTED), (20, Reason.TLS_UNTRUSTED), (23, Reason.TLS_UNTRUSTED)],
)  # fmt: skip
def test_certificate_faults_by_openssl_code(code: int, reason: Reason) -> None:
    error = ssl.SSLCertVerificationError(1, "x")
    error.verify_code = code
    error.verify_message = "what openssl says"
    failure = tls_failure(error)
    assert failure.reason is reason
    assert failure.detail == "what openssl says"


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong version number"), Reason.TLS_HANDSHAKE),
        (ConnectionResetError(errno.ECONNRESET, "reset"), Reason.TLS_HANDSHAKE),
        (EOFError(), Reason.TLS_HANDSHAKE),
    ],
)
def test_other_handshake_faults(error: Exception, reason: Reason) -> None:
    assert tls_failure(error).reason is reason


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (aiohttp.ServerDisconnectedError(), Reason.CONNECTION_LOST),
        (aiohttp.ClientOSError(errno.EPIPE, "broken"), Reason.CONNECTION_LOST),
        (aiohttp.http_exceptions.BadStatusLine("nonsense"), Reason.MALFORMED_RESPONSE),
        (ConnectionResetError(), Reason.CONNECTION_LOST),
    ],
)
def test_exchange_errors(error: Exception, reason: Reason) -> None:
    assert exchange_failure(error).reason is reason


def test_details_never_hold_a_token() -> None:
    token = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJjYW5hcnkifQ.c2lnbmF0dXJl"
    assert "eyJ" not in exchange_failure(aiohttp.http_exceptions.BadStatusLine(f"junk {token}")).detail


@pytest.mark.parametrize(
    ("phase", "reason"),
    [
        (Phase.RESOLVE, Reason.DNS_FAILURE),
        (Phase.CONNECT, Reason.CONNECT_TIMEOUT),
        (Phase.TLS, Reason.TLS_TIMEOUT),
        (Phase.REQUEST, Reason.NO_RESPONSE),
    ],
)
def test_our_own_limits(phase: Phase, reason: Reason) -> None:
    failure = timeout_failure(phase, 2.5)
    assert failure.reason is reason
    assert "2.5 s" in failure.detail
