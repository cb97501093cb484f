import errno
import io
import json

import pytest

from tests.export.samples import failed, findings, good, run
from tpcharness.export.jsonl import JsonLinesWriter, read_jsonl
from tpcharness.results.fields import DocumentError
from tpcharness.results.run import RunEnd
from tpcharness.results.store import Tally


def written(results, *, finish=True):
    stream = io.StringIO()
    writer = JsonLinesWriter(stream, run(ended_how=None))
    for result in results:
        writer.add(result)
    if finish:
        writer.finish(run(), findings(), links=Tally(ok=1, failure=1), doors=Tally())
    return stream.getvalue()


class FullDisk(io.StringIO):
    """Takes two lines, then says that the disk is full."""

    def write(self, text):
        if self.getvalue().count("\n") >= 2:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(text)


def test_a_file_is_the_run_then_results_then_a_summary():
    lines = [json.loads(line) for line in written([good(), failed()]).splitlines()]
    assert [line["type"] for line in lines] == ["run", "result", "result", "summary"]
    assert lines[0]["schema_version"] == 1
    assert lines[0]["planned_links"] == 24
    assert lines[0]["dropped"][0]["why"] == "opted_out"
    assert lines[0]["version"] == "0.1.0"
    assert lines[-1]["links"] == {"ok": 1, "failure": 1, "error": 0, "skipped": 0}


def test_what_was_written_is_read_back():
    recording = read_jsonl(written([good(), failed()]).splitlines(keepends=True))
    assert recording.incomplete == ""
    assert recording.run == run()
    assert list(recording.findings) == findings()
    assert [result.reason.value for result in recording.results] == ["ok", "forbidden"]


def test_every_line_is_flushed_as_it_is_written():
    flushed = []

    class Stream(io.StringIO):
        def flush(self):
            flushed.append(self.getvalue())

    writer = JsonLinesWriter(Stream(), run(ended_how=None))
    writer.add(good())
    assert [text.count("\n") for text in flushed] == [1, 2]


def test_without_the_summary_the_run_is_incomplete():
    recording = read_jsonl(written([good()], finish=False).splitlines(keepends=True))
    assert recording.run.ended is None
    assert recording.incomplete == (
        "the run is incomplete: it has no summary, and 1 of 28 planned probes have a result"
    )


@pytest.mark.parametrize("cut", [1, 10, 200])
def test_a_torn_last_line_makes_the_run_incomplete(cut):
    text = written([good(), failed()], finish=False)
    recording = read_jsonl(io.StringIO(text[:-cut]))
    assert recording.incomplete
    assert recording.results[0].ok


def test_every_cut_after_the_first_line_can_be_read():
    text = written([good()])
    first = text.index("\n") + 1
    for cut in range(first, len(text), 37):
        assert read_jsonl(io.StringIO(text[:cut])).incomplete


def test_a_file_cut_in_its_first_line_is_refused():
    with pytest.raises(DocumentError, match="line 1"):
        read_jsonl(io.StringIO(written([])[:50]))


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([], "empty"),
        (["{}"], "line 1.type is missing"),
        (['{"type":"result"}'], "line 1: expected the line of type run, found 'result'"),
        (['{"type":"run","schema_version":9}'], "schema_version is 9"),
        (["garbage\n"], "line 1: not JSON"),
    ],
)
def test_what_is_no_recording_is_refused(lines, message):
    with pytest.raises(DocumentError) as caught:
        read_jsonl(lines)
    assert message in str(caught.value)


def test_a_broken_line_in_the_middle_is_an_error_that_names_it():
    lines = written([good(), failed()]).splitlines(keepends=True)
    lines[1] = lines[1][:100] + "\n"
    with pytest.raises(DocumentError, match=r"^line 2: not JSON"):
        read_jsonl(lines)


def test_a_wrong_result_names_its_line():
    lines = written([good()]).splitlines(keepends=True)
    lines[1] = lines[1].replace('"attempt":1', '"attempt":"one"')
    with pytest.raises(DocumentError, match=r"^line 2\.attempt: expected an integer"):
        read_jsonl(lines)


def test_nothing_may_follow_the_summary():
    with pytest.raises(DocumentError, match="after the summary"):
        read_jsonl((written([good()]) + written([good()])).splitlines())


def test_lines_of_unknown_types_and_blank_lines_are_ignored():
    lines = written([good()]).splitlines()
    assert not read_jsonl([lines[0], "", '{"type":"weather"}', *lines[1:], "  "]).incomplete


def test_a_full_disk_ends_the_writing_and_not_the_run():
    writer = JsonLinesWriter(FullDisk(), run(ended_how=None))
    writer.add(good())
    assert writer.broken is None
    writer.add(good())
    writer.add(good())
    writer.finish(run(), [], links=Tally(), doors=Tally())
    assert writer.broken is not None
    assert writer.broken.errno == errno.ENOSPC


def test_a_run_that_is_not_over_has_no_summary():
    writer = JsonLinesWriter(io.StringIO(), run(ended_how=None))
    with pytest.raises(ValueError, match="not over"):
        writer.finish(run(ended_how=None), [], links=Tally(), doors=Tally())
    writer.finish(run(ended_how=RunEnd.INTERRUPTED), [], links=Tally(), doors=Tally())
