"""Recognising storage software by its answers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.recordings import load
from tpcharness.wire.fingerprint import MAX_TEXT, Implementation, Server, Version, identify

I = Implementation  # noqa: E741


@pytest.mark.parametrize(
    ("text", "implementation", "version"),
    [
        ("dCache/9.2.6", I.DCACHE, (9, 2, 6)),
        ("dCache/10.2.3-SNAPSHOT", I.DCACHE, (10, 2, 3)),
        ("dCache", I.DCACHE, None),
        ("XrootD/v5.5.3", I.XROOTD, (5, 5, 3)),
        ("XrootD/v5.9.0-rc2", I.XROOTD, (5, 9, 0)),
        ("XrootD/v20260624-abcdef0", I.XROOTD, None),
        ("XrootD/unknown", I.XROOTD, None),
        ("XRootD", I.XROOTD, (6, 0)),
        ("  xrootd ", I.XROOTD, (6, 0)),
        ("StoRM-WebDAV/1.10.0 (instance=a1b2)", I.STORM, (1, 10, 0)),
        ("pelican/7.19.1", I.PELICAN, (7, 19, 1)),
        ("lcgdm-dav/0.23", I.DPM, (0, 23)),
        ("DPM/1.15", I.DPM, (1, 15)),
        ("EOS/5.3", I.EOS, (5, 3)),
        ("Apache/2.4.6 (CentOS)", I.UNKNOWN, None),
        ("nginx", I.UNKNOWN, None),
        ("Jetty(9.4)", I.UNKNOWN, None),
        ("nginx/1.0 dCache/9.2", I.UNKNOWN, None),
        ("", I.UNKNOWN, None),
    ],
)
def test_server_header(text: str, implementation: Implementation, version: Version | None) -> None:
    assert identify(text) == Server(implementation, version, text.strip())


@pytest.mark.parametrize(
    ("text", "status", "version"),
    [
        ("XRootD", 202, (6, 0)),
        ("XRootD", 201, (5,)),
        ("XRootD", 404, (6, 0)),
        ("XrootD/v5.5.3", 201, (5, 5, 3)),
        ("XrootD/v5.5.3", 202, (5, 5, 3)),
        ("dCache", 201, None),
    ],
)
def test_copy_status_helps_where_no_version_is_named(text: str, status: int, version: Version | None) -> None:
    assert identify(text, copy_status=status).version == version


@pytest.mark.parametrize(
    ("headers", "version"),
    [
        ({"X-Eos-Mgm-Version": "5.3.12"}, (5, 3, 12)),
        ({"X-Eos-Mgm-Version": "?"}, None),
        ({"X-Eos-Inode": "12"}, None),
        ({"X-Eos-Checksum": "0c37ac10"}, None),
    ],
)
@pytest.mark.parametrize("text", ["XrootD/v5.7.3", "XRootD", ""])
def test_eos_hides_behind_xrootd(headers: dict[str, str], version: Version | None, text: str) -> None:
    found = identify(text, header=lambda name: headers.get(name, ""))
    assert found == Server(I.EOS, version, text)


@pytest.mark.parametrize(("recorded", "version"), [("xrootd-5.5.3", (5, 5, 3)), ("xrootd-6.1", (6, 0))])
def test_recorded_servers(recorded: str, version: Version) -> None:
    recording = load(recorded, "pull-ok")
    head = recording.response.partition(b"\r\n\r\n")[0].decode()
    (text,) = (line.partition(": ")[2] for line in head.splitlines() if line.startswith("Server"))
    found = identify(text, copy_status=recording.status)
    assert (found.implementation, found.version) == (I.XROOTD, version)


@given(st.text())
def test_hostile_headers(text: str) -> None:
    found = identify(text, header=lambda _name: text)
    assert len(found.text) <= MAX_TEXT
    assert not found.text or found.text.isprintable()
