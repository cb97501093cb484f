"""A former run read back from what our own writers have written, and from what is no such thing."""

from __future__ import annotations

import io
import json

import pytest

from tests.export.samples import door, failed, findings, good, run
from tpcharness.export.document import document_text, result_document
from tpcharness.export.jsonl import JsonLinesWriter, Recording
from tpcharness.export.recording import fill_store, read_recording
from tpcharness.model.finding import FindingKind
from tpcharness.results.fields import DocumentError
from tpcharness.results.store import Tally

RESULTS = (door("SITE-A"), door("SITE-B"), good(), failed("SITE-B", "SITE-A"))


def lines(*, whole: bool = True) -> str:
    stream = io.StringIO()
    writer = JsonLinesWriter(stream, run(ended_how=None))
    for result in RESULTS:
        writer.add(result)
    if whole:
        writer.finish(run(), findings(), links=Tally(), doors=Tally())
    return stream.getvalue()


def document(ended: bool = True) -> str:
    return "".join(document_text(run() if ended else run(ended_how=None), RESULTS, findings() if ended else ()))


def read(text: str) -> Recording:
    return read_recording(io.StringIO(text))


@pytest.mark.parametrize(
    "text",
    [
        lines(),
        "\n\n" + lines(),
        document(),
        json.dumps(json.loads(document())),
        json.dumps(json.loads(document()), indent=2),
    ],
    ids=["lines", "blank lines first", "document", "document in one line", "document for people"],
)
def test_both_files_hold_the_same(text):
    recording = read(text)
    assert recording.run == run()
    assert [result_document(result) for result in recording.results] == [result_document(result) for result in RESULTS]
    assert recording.findings == tuple(findings())
    assert recording.incomplete == ""


@pytest.mark.parametrize("text", [lines(whole=False), lines(whole=False)[:-30], document(ended=False)])
def test_a_run_without_an_end_is_incomplete_and_has_findings_all_the_same(text):
    recording = read(text)
    assert "incomplete" in recording.incomplete
    assert recording.run.ended is None
    if len(recording.results) == len(RESULTS):
        assert [finding.kind for finding in recording.findings] == [FindingKind.SINGLE_LINK]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "empty"),
        ("hello\n", "line 1 column 1"),
        ("[]", "expected an object"),
        ('{"type": "result"}\n', "line 1"),
        ('{"schema_version": 7, "run": {}}', "schema_version is 7"),
        (lines().replace('"outcome":"failure"', '"outcome":"bad"'), "line 5"),
        (document().replace('"outcome":"failure"', '"outcome":"bad"'), "results[1].outcome"),
        (document()[:-20], "not JSON"),
    ],
)
def test_what_is_no_run_is_told_with_its_place(text, message):
    with pytest.raises(DocumentError) as caught:
        read(text)
    assert message in str(caught.value)


def test_bytes_that_are_no_text():
    with pytest.raises(DocumentError, match="not a text file"):
        read_recording(io.TextIOWrapper(io.BytesIO(b"\xff\xfe\x00"), encoding="utf-8"))


def test_the_store_knows_every_endpoint_of_the_run():
    store = fill_store(read(lines()))
    assert store.endpoints() == ("SITE-A", "SITE-B", "SITE-C", "SITE-D")
    assert (store.links().total, store.door_tally().total, store.forgotten) == (2, 2, 0)
