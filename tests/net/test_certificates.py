"""Certificates are shown, never trusted: what is in them is foreign text, and may be no certificate at all."""

from __future__ import annotations

import asyncio
import socket
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.support.storages import trust
from tpcharness.model.endpoint import AddressFamily
from tpcharness.model.result import TlsFacts
from tpcharness.model.secret import MASK, Secret
from tpcharness.model.settings import TimeLimits
from tpcharness.net.certificates import MAX_NAME, MAX_NAMES, certificate_facts, read_tls_facts
from tpcharness.net.resolver import Address

CANARY = "c4n4ry-of-32-characters-in-a-name"
NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def certificate(*names: str, subject: str = "evil", twice: bool = False) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)])
    alternative = x509.SubjectAlternativeName([x509.DNSName(each) for each in names])
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, NOON, NOON + timedelta(days=1))
    builder = builder.add_extension(alternative, critical=False)
    if twice:  # the library refuses to write it, so another extension is renamed below
        other = x509.UnrecognizedExtension(x509.ObjectIdentifier("2.5.29.99"), b"\x30\x00")
        builder = builder.add_extension(other, critical=False)
    der = builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)
    return der.replace(bytes((0x55, 0x1D, 99)), bytes((0x55, 0x1D, 17)))


def test_a_thousand_names_and_a_long_subject_are_cut() -> None:
    facts = certificate_facts(certificate(*(f"{n}.example.org" for n in range(1000)), subject="x" * 60), "::1", "", 1)
    assert len(facts.names) == MAX_NAMES
    assert facts.subject == "CN=" + "x" * 60
    long = certificate_facts(certificate("a" * 5000), "::1", "", 1)
    assert [len(name) for name in long.names] == [MAX_NAME]


def test_names_do_not_show_a_token() -> None:
    secret = Secret(CANARY)
    facts = certificate_facts(certificate(f"{CANARY}.example.org", subject=f"for {CANARY}"), "::1", "", 1)
    assert facts.names == (f"{MASK}.example.org",)
    assert CANARY not in repr(facts)
    del secret


@pytest.mark.parametrize("der", [b"", b"\x30\x00", certificate("a.example", twice=True)], ids=["no", "empty", "twice"])
def test_what_is_none_is_a_value_error(der: bytes) -> None:
    with pytest.raises(ValueError):
        certificate_facts(der, "::1", "", 1)


def _serve_one(listening: socket.socket, *, hangs_up: bool) -> list[bytes]:
    """What a client sends after its handshake; raises OSError if it is gone without taking leave.

    A server that does not hang up sees the client do it: there is one more end to read, of the connection itself.
    """
    connection, _ = listening.accept()
    connection.settimeout(5.0)
    context = trust().authority.server_context(trust().certificate)
    with context.wrap_socket(connection, server_side=True, suppress_ragged_eofs=False) as secured:
        under_tls = secured.recv(100)
        return [under_tls] if hangs_up else [under_tls, socket.socket.recv(secured, 100)]


@pytest.mark.parametrize("hangs_up", [True, False])
async def test_who_only_looks_at_a_certificate_takes_leave(hangs_up: bool) -> None:
    """A reset in the first handshake brings XRootD 5.5 down."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        serving = asyncio.create_task(asyncio.to_thread(_serve_one, listening, hangs_up=hangs_up))
        address = Address("127.0.0.1", AddressFamily.IPV4)
        facts = await read_tls_facts(address, listening.getsockname()[1], "localhost", TimeLimits())
        assert isinstance(facts, TlsFacts)
        assert not any(await serving)
