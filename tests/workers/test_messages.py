"""The lines between us and a worker."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tpcharness.model.secret import Secret
from tpcharness.workers.messages import (
    MAX_TEXT,
    Ended,
    GfalJob,
    MessageError,
    Progress,
    Ready,
    Stage,
    Started,
    parse,
)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"event": "ready", "version": "2.21.3"}, Ready("2.21.3")),
        ({"event": "started"}, Started()),
        ({"event": "stage", "name": "TRANSFER:TYPE", "text": "3rd pull"}, Stage("TRANSFER:TYPE", "3rd pull")),
        ({"event": "progress", "bytes": 7}, Progress(7)),
        ({"event": "ended", "code": 5, "text": "no"}, Ended(5, "no")),
    ],
)
def test_messages(fields: dict[str, object], message: object) -> None:
    assert parse(json.dumps(fields).encode() + b"\n") == message


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"\n",
        b"[]\n",
        b"null\n",
        b'{"event": "else"}\n',
        b'{"event": "progress"}\n',
        b'{"event": "progress", "bytes": "7"}\n',
        b'{"event": "ended", "code": 5, "text": null}\n',
        b"[" * 30_000,
        b"\xff\xfe\n",
    ],
)
def test_what_is_none(line: bytes) -> None:
    with pytest.raises(MessageError):
        parse(line)


@given(st.binary(max_size=200))
def test_no_line_is_a_bug_of_ours(line: bytes) -> None:
    try:
        parse(line)
    except MessageError:
        pass


def test_texts_are_cut_and_hold_no_secrets() -> None:
    canary = Secret("canary-0123456789abcdef")
    text = f"{canary.reveal()} {'x ' * MAX_TEXT}"
    message = parse(json.dumps({"event": "ended", "code": 1, "text": text}).encode())
    assert isinstance(message, Ended)
    assert canary.reveal() not in message.text
    assert len(message.text) <= MAX_TEXT


def test_a_job_reveals_its_tokens_on_the_pipe_only() -> None:
    job = GfalJob("davs://a/s", "davs://b/d", 60, tokens={"davs://a/s": Secret("canary-0123456789abcdef")})
    assert "canary" not in repr(job)
    assert json.loads(job.line())["tokens"] == {"davs://a/s": "canary-0123456789abcdef"}
    assert job.line().count(b"\n") == 1
