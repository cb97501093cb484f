from __future__ import annotations

import pytest

from tests.support.recordings import Afterwards, load, names

VERSIONS = ("xrootd-5.5.3", "xrootd-6.1")


@pytest.mark.parametrize("version", VERSIONS)
def test_every_recording_can_be_read(version: str) -> None:
    assert len(names(version)) == 52
    for name in names(version):
        recording = load(version, name)
        assert recording.name == name
        assert recording.about
        assert recording.response.startswith(b"HTTP/1.1 ")
        assert [seconds for seconds, _ in recording.reads] == sorted(seconds for seconds, _ in recording.reads)


def test_one_recording_in_full() -> None:
    recording = load("xrootd-5.5.3", "pull-passive-503")
    assert recording.about == "passive side answers 503"
    assert recording.request_head == "COPY /rec/pull-passive-503 HTTP/1.1"
    assert recording.request_headers[3] == ("Authorization", "Bearer <token>")
    assert recording.request.header("source") == "https://localhost:51771/status/503"
    assert recording.status == 201
    assert recording.reads[1] == (0.048, b"8f\r\n")
    assert recording.reads[-1] == (0.095, b"\r\n")
    assert recording.afterwards == Afterwards("https://localhost:21011/rec/pull-passive-503", 200, 0)
    assert [request.method for request in recording.passive_requests] == ["HEAD", "GET"]
    assert recording.passive_requests[1].path == "/status/503"


def test_a_body_that_ends_with_a_newline_keeps_it() -> None:
    assert load("xrootd-6.1", "put-403").response.endswith(b"permission denied\n")
    assert load("xrootd-6.1", "copy-no-source").response.endswith(b"specified")


def test_an_unknown_recording() -> None:
    with pytest.raises(FileNotFoundError):
        load("xrootd-6.1", "none")
