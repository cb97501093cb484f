"""A throw-away certificate authority: every testbed has its own, and nothing else in the world trusts it."""

from __future__ import annotations

import hashlib
import ipaddress
import os
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

LOOPBACK_HOSTS = ("localhost", "127.0.0.1", "::1")

_VALIDITY = timedelta(days=90)  # long enough that no door warns of its end
_BACKDATED = timedelta(hours=1)  # clocks of containers drift
_SHORT_DER_LENGTH = 128
_BOTH_ENDS = (ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH)  # storages are clients too


@dataclass(frozen=True, slots=True)
class CertFiles:
    """Where a certificate and its private key lie, both PEM; the key is readable by its owner only."""

    cert: Path
    key: Path


class Authority:
    """A certificate authority with EC P-256 keys (quick to make, taken by OpenSSL, Java and Go alike).

    Its files go to `directory`, which is made when missing. A second Authority in another directory is a
    foreign one: its certificates are as well made, but nobody trusts them.
    """

    def __init__(self, directory: Path, *, name: str = "tpcharness testbed CA") -> None:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._directory = directory
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._subject = _common_name(name)
        self._certificate = self._self_signed()
        self.ca_file = directory / "ca.pem"
        self.ca_file.write_bytes(_pem(self._certificate))

    def issue(self, name: str, *, hosts: Sequence[str] = LOOPBACK_HOSTS, expired: bool = False) -> CertFiles:
        """A server certificate for `hosts` (DNS names and IP addresses), in NAME.pem and NAME.key.

        `expired` makes one whose validity ended yesterday.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        until = datetime.now(UTC) + (-timedelta(days=1) if expired else _VALIDITY)
        certificate = (
            self._builder(_common_name(name), key.public_key(), until)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName([_general_name(host) for host in hosts]), critical=False)
            .add_extension(_key_usage(authority=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage(_BOTH_ENDS), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        files = CertFiles(cert=self._directory / f"{name}.pem", key=self._directory / f"{name}.key")
        files.cert.write_bytes(_pem(certificate))
        write_private(
            files.key,
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            ),
        )
        return files

    def server_context(self, files: CertFiles) -> ssl.SSLContext:
        """The TLS side of a server that shows this certificate. TLS 1.2 and later, as storages ask for."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(files.cert, files.key)
        return context

    def client_context(self) -> ssl.SSLContext:
        """The TLS side of a client that trusts this authority and no other."""
        return ssl.create_default_context(cafile=self.ca_file)

    def hashed_directory(self) -> Path:
        """A directory as grid clients want it (X509_CERT_DIR of gfal, davix, xrdcp): the CA as HASH.0."""
        directory = self._directory / "certificates"
        directory.mkdir(exist_ok=True)
        (directory / f"{_openssl_hash(self._subject)}.0").write_bytes(_pem(self._certificate))
        return directory

    def _self_signed(self) -> x509.Certificate:
        return (
            self._builder(self._subject, self._key.public_key(), datetime.now(UTC) + _VALIDITY)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_key_usage(authority=True), critical=True)
            .sign(self._key, hashes.SHA256())
        )

    def _builder(self, subject: x509.Name, key: ec.EllipticCurvePublicKey, until: datetime) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._subject)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(until - _VALIDITY - _BACKDATED)
            .not_valid_after(until)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        )


def write_private(path: Path, content: bytes) -> None:
    """Writes a file that only its owner can read, also in the moment of its creation."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
        stream.write(content)


def _common_name(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _key_usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority,
        key_cert_sign=authority,
        crl_sign=authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _openssl_hash(subject: x509.Name) -> str:
    """What `openssl x509 -hash` prints: SHA-1 over the canonical name (X509_NAME_hash of OpenSSL 1.0 and later).

    Canonical means lower case, white space collapsed, and without the header of the outer sequence. ASCII only.
    """
    canonical = x509.Name(
        [x509.NameAttribute(attribute.oid, " ".join(str(attribute.value).lower().split())) for attribute in subject]
    ).public_bytes()
    if len(canonical) >= _SHORT_DER_LENGTH:
        raise ValueError("the name of a testbed's authority is too long")
    digest = hashlib.sha1(canonical[2:], usedforsecurity=False).digest()
    return f"{int.from_bytes(digest[:4], 'little'):08x}"
