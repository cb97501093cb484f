"""The one table from transport errors to reasons; nothing above this room sees an OSError."""

from __future__ import annotations

import errno
import os
import socket
import ssl

import aiohttp

from tpcharness.model.failure import Failure
from tpcharness.model.reason import Reason
from tpcharness.model.secret import redact
from tpcharness.model.variant import Blame, Phase

MAX_DETAIL = 300

# Errors that say something about this machine, whatever the peer does.
_LOCAL = {
    errno.EMFILE: "too many open files here",
    errno.ENFILE: "too many open files on this machine",
    errno.ENOBUFS: "no buffer space on this machine",
    errno.ENOMEM: "no memory on this machine",
    errno.EADDRNOTAVAIL: "no local address or port is free",
    errno.EACCES: "a local rule forbids the connection",
    errno.EPERM: "a local rule forbids the connection",
    errno.ENETDOWN: "the local network is down",
    errno.EAFNOSUPPORT: "this machine does not speak the address family",
}

_CONNECT = {
    errno.ECONNREFUSED: Reason.CONNECTION_REFUSED,
    errno.ECONNRESET: Reason.CONNECTION_REFUSED,
    errno.ETIMEDOUT: Reason.CONNECT_TIMEOUT,
    errno.EHOSTUNREACH: Reason.UNREACHABLE,
    errno.ENETUNREACH: Reason.UNREACHABLE,
    errno.EHOSTDOWN: Reason.UNREACHABLE,
}

# X509_V_ERR_* of OpenSSL's x509_vfy.h
_CERT_NOT_YET_VALID, _CERT_HAS_EXPIRED, _HOSTNAME_MISMATCH, _IP_ADDRESS_MISMATCH = 9, 10, 62, 64

# aiohttp puts a status of its own making into these; they all mean that the head was not HTTP.
_NOT_HTTP = (aiohttp.ClientResponseError, aiohttp.http_exceptions.HttpProcessingError, aiohttp.ClientPayloadError)


def connect_failure(error: OSError, *, routed: bool = True) -> Failure:
    """What a failed attempt to connect means; `routed` says whether this machine knows a way there at all."""
    local = _LOCAL.get(error.errno or 0) if routed else "this machine has no route there"
    if local:
        return Failure(Reason.LOCAL_NETWORK, f"{local}: {_errno_text(error)}", Blame.CLIENT)
    reason = _CONNECT.get(error.errno or 0, Reason.UNREACHABLE)
    return Failure(reason, _errno_text(error))


def lookup_failure(error: OSError, host: str) -> Failure:
    """What a failed look-up of a name means.

    EAI_AGAIN is as often a resolver of ours that does not answer as a broken zone.
    """
    text = f"{host}: {error.strerror or error}"
    silent = isinstance(error, socket.gaierror) and error.errno == socket.EAI_AGAIN
    if silent:
        text += " (the resolver did not answer: ours, or the name's own servers)"
    return Failure(Reason.DNS_FAILURE, text, perhaps_ours=silent)


def tls_failure(error: Exception) -> Failure:
    """What a failed handshake means; certificate faults by OpenSSL's verify code."""
    if isinstance(error, ssl.SSLCertVerificationError):
        code = error.verify_code
        detail = error.verify_message or str(error)
        if code in {_CERT_HAS_EXPIRED, _CERT_NOT_YET_VALID}:
            return Failure(Reason.TLS_EXPIRED, detail)
        if code in {_HOSTNAME_MISMATCH, _IP_ADDRESS_MISMATCH}:
            return Failure(Reason.TLS_HOSTNAME, detail)
        return Failure(Reason.TLS_UNTRUSTED, detail)
    if isinstance(error, ssl.SSLError):
        return Failure(Reason.TLS_HANDSHAKE, (getattr(error, "reason", "") or str(error)).replace("_", " ").lower())
    text = str(error) or type(error).__name__
    return Failure(Reason.TLS_HANDSHAKE, f"connection lost in the handshake: {text}")


def exchange_failure(error: Exception) -> Failure:
    """What an error means once the connection stands: a lost connection, or an answer that is no HTTP."""
    if isinstance(error, _NOT_HTTP) and not isinstance(error.__cause__, OSError | EOFError):
        text = getattr(error, "message", "") or str(error)
        if isinstance(error, aiohttp.ClientPayloadError):
            # aiohttp words a connection cut in a body, and broken chunk framing, in one class.
            if "TransferEncodingError" not in text or "Not enough data" in text:
                return Failure(Reason.CONNECTION_LOST, "the connection ended in the middle of the answer's body")
            return Failure(Reason.MALFORMED_RESPONSE, _short(text))
        return Failure(Reason.MALFORMED_RESPONSE, _short(text))
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return Failure(Reason.CONNECTION_LOST, "the server closed the connection without an answer")
    if isinstance(error, aiohttp.ClientOSError) and error.errno is None and isinstance(error.__cause__, OSError):
        error = error.__cause__  # aiohttp words it with the URL, and without the system's own word
    return Failure(Reason.CONNECTION_LOST, _short(str(error) or type(error).__name__))


def timeout_failure(phase: Phase, seconds: float) -> Failure:
    """What it means that our own limit for a step ran out."""
    if phase is Phase.RESOLVE:
        return Failure(Reason.DNS_FAILURE, f"no answer from the resolver within {seconds:g} s", perhaps_ours=True)
    if phase is Phase.CONNECT:
        return Failure(Reason.CONNECT_TIMEOUT, f"not connected within {seconds:g} s")
    if phase is Phase.TLS:
        return Failure(Reason.TLS_TIMEOUT, f"handshake not finished within {seconds:g} s")
    return Failure(Reason.NO_RESPONSE, f"no answer within {seconds:g} s")


def _errno_text(error: OSError) -> str:
    # uvloop and asyncio put words of their own into strerror; the system's are the same everywhere.
    return os.strerror(error.errno).lower() if error.errno else str(error)


def _short(text: str) -> str:
    return redact(" ".join(text.split()))[:MAX_DETAIL]
