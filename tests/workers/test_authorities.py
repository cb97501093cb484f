"""Directories of authorities: OpenSSL itself is the judge of their names."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from tpcharness.workers.authorities import fill_hashed_directory

NAMES = {
    "plain": [(NameOID.COMMON_NAME, "An Authority")],
    "grid": [
        (NameOID.DOMAIN_COMPONENT, "ch"),
        (NameOID.DOMAIN_COMPONENT, "cern"),
        (NameOID.COMMON_NAME, "CERN Grid Certification Authority"),
    ],
    "blanks": [(NameOID.ORGANIZATION_NAME, "  Two   blanks "), (NameOID.COMMON_NAME, "UPPER lower")],
    "beyond ASCII": [(NameOID.COUNTRY_NAME, "DE"), (NameOID.COMMON_NAME, "Zertifikate für Ärzte")],
    "long": [(NameOID.ORGANIZATIONAL_UNIT_NAME, f"{'unit ' * 12}{number}") for number in range(4)],
}


def certificate(parts: list[tuple[x509.ObjectIdentifier, str]]) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(oid, value) for oid, value in parts])
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + timedelta(days=1))
        .sign(key, hashes.SHA256())
        .public_bytes(Encoding.PEM)
    )


@pytest.mark.parametrize("kind", NAMES)
def test_openssl_calls_them_so(tmp_path: Path, kind: str) -> None:
    file = tmp_path / "ca.pem"
    file.write_bytes(certificate(NAMES[kind]))
    (tmp_path / "hashed").mkdir()
    fill_hashed_directory(tmp_path / "hashed", [file])
    command = ["openssl", "x509", "-noout", "-subject_hash", "-in", str(file)]
    digest = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    assert [path.name for path in (tmp_path / "hashed").iterdir()] == [f"{digest}.0"]


def test_bundles_namesakes_and_other_directories(tmp_path: Path) -> None:
    bundle, known, hashed = tmp_path / "bundle.pem", tmp_path / "known", tmp_path / "hashed"
    first, second = certificate(NAMES["plain"]), certificate(NAMES["plain"])
    bundle.write_bytes(first + second + first)
    known.mkdir()
    (known / "0a0a0a0a.signing_policy").write_text("policy")
    hashed.mkdir()
    fill_hashed_directory(hashed, [known, bundle])
    names = sorted(path.name for path in hashed.iterdir())
    assert [name.partition(".")[2] for name in names] == ["signing_policy", "0", "1"]


def test_what_is_no_certificate(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("nothing of the kind")
    with pytest.raises(ValueError, match="PEM"):
        fill_hashed_directory(tmp_path, [tmp_path / "ca.pem"])
