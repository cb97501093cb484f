"""Certificate authorities as grid libraries want them: a directory in which each file is called by a hash.

OpenSSL's X509_NAME_hash: SHA-1 over the canonical encoding of the subject (x509_name_canon in crypto/x509/x_name.c).
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterable
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

GRID_CERTIFICATES = Path("/etc/grid-security/certificates")


def fill_hashed_directory(directory: Path, places: Iterable[Path]) -> None:
    """Fills an empty directory with the authorities of PEM files and of other hashed directories; blocks.

    Raises OSError for what cannot be read, and ValueError for a file that holds no certificate.
    """
    for place in places:
        if place.is_dir():
            for file in place.iterdir():
                if file.is_file() and not (directory / file.name).exists():
                    shutil.copyfile(file, directory / file.name)
            continue
        for certificate in x509.load_pem_x509_certificates(place.read_bytes()):
            _add(directory, certificate)


def subject_hash(name: x509.Name) -> str:
    """Eight hex digits, as `openssl x509 -subject_hash` shows them."""
    canonical = b"".join(
        _der(0x31, b"".join(sorted(_attribute(attribute) for attribute in part))) for part in name.rdns
    )
    digest = hashlib.sha1(canonical, usedforsecurity=False).digest()
    return digest[3::-1].hex()


def _add(directory: Path, certificate: x509.Certificate) -> None:
    content = certificate.public_bytes(Encoding.PEM)
    number, prefix = 0, subject_hash(certificate.subject)
    while (file := directory / f"{prefix}.{number}").exists():
        if file.read_bytes() == content:
            return
        number += 1
    file.write_bytes(content)


def _attribute(attribute: x509.NameAttribute[str | bytes]) -> bytes:
    """One type and its value, ASCII in lower case and with single blanks; what is no text stands as it is."""
    encoded = x509.Name([attribute]).public_bytes()
    value = attribute.value
    if isinstance(value, bytes):
        return encoded[4:]  # without the heads of the sequence and of the set around it
    oid = _object_identifier(attribute.oid.dotted_string)
    return _der(0x30, oid + _der(0x0C, b" ".join(value.encode().split()).lower()))


def _object_identifier(dotted: str) -> bytes:
    first, second, *rest = (int(number) for number in dotted.split("."))
    content = b""
    for number in (first * 40 + second, *rest):
        groups = [number & 0x7F]
        while number := number >> 7:
            groups.append(number & 0x7F | 0x80)
        content += bytes(reversed(groups))
    return _der(0x06, content)


def _der(tag: int, content: bytes) -> bytes:
    length = len(content)
    if length < 0x80:
        return bytes([tag, length]) + content
    size = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(size)]) + size + content
