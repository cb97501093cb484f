"""The marker grammar on what real servers sent."""

from __future__ import annotations

import pytest

from tests.support.marker_reading import Reading
from tests.support.recordings import load, names
from tpcharness.wire.markers import TerminalKind

SUCCESS, FAILURE = TerminalKind.SUCCESS, TerminalKind.FAILURE


def _dechunk(response: bytes) -> bytes:
    head, _, body = response.partition(b"\r\n\r\n")
    if b"chunked" not in head.lower():
        return body
    data = b""
    while body:
        size, _, body = body.partition(b"\r\n")
        data, body = data + body[: int(size, 16)], body[int(size, 16) + 2 :]
    return data


_COPIES = [
    pytest.param(version, name, id=f"{version}-{name}")
    for version in ("xrootd-5.5.3", "xrootd-6.1")
    for name in names(version)
    if name.startswith(("pull-", "push-", "copy-"))
]
_SUCCEEDED = {
    "pull-chunked", "pull-macaroon", "pull-ok", "pull-ok-8MiB", "pull-ok-davs", "pull-ok-empty", "pull-ok-http",
    "pull-ok-recorded", "pull-ok-streams4", "pull-ok-transferheader", "pull-overwrite-T", "pull-overwrite-default",
    "pull-slow-markers", "push-ok", "push-ok-8MiB", "push-ok-recorded", "push-overwrite-default",
}  # fmt: skip


@pytest.mark.parametrize(("version", "name"), _COPIES)
def test_recorded_outcomes(version: str, name: str) -> None:
    recording = load(version, name)
    body = _dechunk(recording.response)
    reading = Reading(body)
    kind = reading.terminal.kind if reading.terminal else None
    if name in _SUCCEEDED:
        assert kind is SUCCESS
    else:
        assert kind is (FAILURE if b"failure:" in body else None)
        assert kind is FAILURE or recording.status >= 400
    assert len(reading.markers) == body.count(b"Perf Marker")
    assert Reading(*(body[i : i + 5] for i in range(0, len(body), 5))).everything == reading.everything


def test_recorded_stall_shows_bytes_that_stand_still() -> None:
    markers = Reading(_dechunk(load("xrootd-6.1", "pull-stall").response)).markers
    assert [marker.bytes_transferred for marker in markers] == [0, 1000000, 1000000, 1000000, 1000000]
    assert markers[-1].timestamp == 1795353125
