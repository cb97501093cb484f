from __future__ import annotations

import ssl
import stat
import subprocess
from pathlib import Path

import pytest

from tpcharness.testbed.pki import Authority, CertFiles, write_private


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "pki")


def handshake(server: ssl.SSLContext, client: ssl.SSLContext, name: str = "localhost") -> None:
    """A real handshake, in memory; raises what the client finds."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    near = client.wrap_bio(to_client, to_server, server_hostname=name)
    far = server.wrap_bio(to_server, to_client, server_side=True)
    for side in (near, far, near, far):
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            continue
    assert near.version() == far.version() == "TLSv1.3"


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "::1"])
def test_issued_certificates_are_good_for_every_name_of_this_machine(authority: Authority, name: str) -> None:
    handshake(authority.server_context(authority.issue("site")), authority.client_context(), name)


def test_strict_clients_accept_the_chain(authority: Authority) -> None:
    client = authority.client_context()
    client.verify_flags |= ssl.VerifyFlags.VERIFY_X509_STRICT  # the default from Python 3.13 on
    handshake(authority.server_context(authority.issue("site")), client)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (lambda here, _: here.issue("site", expired=True), "expired"),
        (lambda here, _: here.issue("site", hosts=["elsewhere.invalid"]), "Hostname mismatch"),
        (lambda _, foreign: foreign.issue("site"), "unable to get local issuer certificate"),
    ],
    ids=["expired", "other host", "foreign authority"],
)
def test_faulty_certificates_are_refused_for_their_own_fault(
    authority: Authority, tmp_path: Path, files: object, message: str
) -> None:
    assert callable(files)
    foreign = Authority(tmp_path / "foreign", name="nobody's CA")
    shown: CertFiles = files(authority, foreign)
    with pytest.raises(ssl.SSLCertVerificationError, match=message):
        handshake(authority.server_context(shown), authority.client_context())


def test_keys_are_private(authority: Authority) -> None:
    files = authority.issue("site")
    assert stat.S_IMODE(files.key.stat().st_mode) == 0o600
    assert stat.S_IMODE(files.key.parent.stat().st_mode) == 0o700
    assert b"PRIVATE KEY" in files.key.read_bytes()
    assert b"PRIVATE KEY" not in files.cert.read_bytes() + authority.ca_file.read_bytes()


def test_a_private_file_replaces_an_open_one(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_bytes(b"old")
    path.chmod(0o666)
    write_private(path, b"new")
    assert (path.read_bytes(), stat.S_IMODE(path.stat().st_mode)) == (b"new", 0o600)


@pytest.mark.parametrize("name", ["tpcharness testbed CA", "  Two   Blanks  "])
def test_hashed_directory_is_what_openssl_looks_for(tmp_path: Path, name: str) -> None:
    authority = Authority(tmp_path / "pki", name=name)
    command = ["openssl", "x509", "-hash", "-noout", "-in", str(authority.ca_file)]
    expected = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    directory = authority.hashed_directory()
    assert [path.name for path in directory.iterdir()] == [f"{expected}.0"]
    certificate = authority.issue("site").cert
    subprocess.run(
        ["openssl", "verify", "-no-CAfile", "-CApath", str(directory), str(certificate)],
        check=True,
        capture_output=True,
    )
