"""Answers to prepare requests: an id, EOS's document, a script's words, and what is none of them."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tpcharness.wire.errors import WireError
from tpcharness.wire.xroot.codes import PrepareFlag
from tpcharness.wire.xroot.opaque import NO_OPAQUE
from tpcharness.wire.xroot.operations import prepare, query_prepare
from tpcharness.wire.xroot.preparation import (
    MAX_REQUEST_ID,
    MAX_TEXT,
    PreparedFile,
    read_preparation,
    read_request_id,
)


def document(**changes: object) -> bytes:
    """As EOS writes it (xroot 14), with a NUL behind it."""
    file = {
        "path": "/eos//a",
        "path_exists": True,
        "on_tape": True,
        "online": False,
        "requested": True,
        "has_reqid": True,
        "req_time": "1700000000",
        "error_text": "",
    }
    return json.dumps({"request_id": "r-1", "responses": [file | changes]}).encode() + b"\x00"


@pytest.mark.parametrize("text", ["5e2c7f000001:47d9e50d.6b02e899:1", "eos-request"])
def test_an_id_is_kept_as_it_is(text: str) -> None:
    assert read_request_id(text.encode() + b"\x00") == text


@pytest.mark.parametrize("data", [b"", b"\x00", b"two\nlines", b"x" * (MAX_REQUEST_ID + 1), b"\x1b[31m"])
def test_no_id(data: bytes) -> None:
    with pytest.raises(WireError, match="no request id"):
        read_request_id(data)


def test_a_document() -> None:
    read = read_preparation(document())
    assert read.request_id == "r-1"
    assert read.of("/eos/a") == PreparedFile("/eos//a", exists=True, on_tape=True, online=False, requested=True)
    assert read.of("/eos/b") is None


def test_truth_as_a_string_and_what_is_no_truth() -> None:
    (file,) = read_preparation(document(online="true", requested="False", on_tape=1, path_exists=None)).files
    assert (file.online, file.requested, file.on_tape, file.exists) == (True, False, None, None)


@pytest.mark.parametrize(
    ("changes", "failed"),
    [
        ({"error_text": "no drive", "requested": False}, True),
        ({"error_text": "no drive", "requested": True}, False),
        ({"error_text": "old trouble", "requested": False, "online": True}, False),
        ({"requested": False}, False),
    ],
)
def test_when_a_file_has_failed(changes: dict[str, object], failed: bool) -> None:
    (file,) = read_preparation(document(**changes)).files
    assert file.failed is failed


def test_a_script_says_what_it_likes() -> None:
    assert read_preparation(b"/data/a DISK\n\x00junk").text == "/data/a DISK"
    assert len(read_preparation(b"x" * 10 * MAX_TEXT).text) == MAX_TEXT


@pytest.mark.parametrize("data", [b"{", b"{}", b'{"responses": 1}', b'{"responses": [1]}', b'{"responses": [{}]}'])
def test_a_broken_document(data: bytes) -> None:
    with pytest.raises(WireError):
        read_preparation(data)


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    for read in (read_request_id, read_preparation):
        try:
            read(data)
        except WireError:
            pass


def test_no_path_smuggles_another_line() -> None:
    """Lines part the paths of a request: one in a path would stage what nobody registered."""
    for path in ("/vo/a\n/vo/b", "/vo/a\r"):
        with pytest.raises(ValueError, match=r"\S"):
            prepare([(path, NO_OPAQUE)], PrepareFlag.STAGE)
        with pytest.raises(ValueError, match=r"\S"):
            query_prepare("id", [path])
