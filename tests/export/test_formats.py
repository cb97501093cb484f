import io
import json
import os
import stat

import pytest

from tests.export.samples import failed, findings, good, matrix, run
from tests.export.screen import Screen
from tpcharness.export.document import read_document
from tpcharness.export.formats import Format, Output, OutputError, Outputs, WholeFile
from tpcharness.export.jsonl import read_jsonl
from tpcharness.results.store import MatrixStore


@pytest.mark.parametrize(
    ("text", "output"),
    [
        ("json", Output(Format.JSON)),
        ("json:", Output(Format.JSON, "-")),
        ("jsonl:-", Output(Format.JSONL, "-")),
        ("table:a:b.txt", Output(Format.TABLE, "a:b.txt")),
    ],
)
def test_an_output_is_a_format_and_a_file(text, output):
    assert Output.parse(text) == output


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("jsn:x", "did you mean json?"),
        ("tables", "did you mean table?"),
        ("run.xml", "available: table, json, jsonl"),
        ("run.html", "before it: html:run.html"),
        ("run.html:x", "did you mean html?"),
        ("", "available"),
    ],
)
def test_an_unknown_format_has_a_hint(text, hint):
    with pytest.raises(OutputError) as caught:
        Output.parse(text)
    assert hint in str(caught.value)


def outputs(screen, *texts):
    return Outputs([Output.parse(text) for text in texts], screen.console)


def whole_run(screen, *texts):
    store = MatrixStore()
    with outputs(screen, *texts) as out:
        out.begin(run(ended_how=None))
        for result in (good(), failed("SITE-B", "SITE-A")):
            store.add(result)
            out.add(result)
        return out.finish(run(), store, findings())


def test_every_format_to_its_own_file(tmp_path):
    screen = Screen()
    texts = [f"{name}:{tmp_path / name}" for name in ("json", "jsonl", "table")]
    assert whole_run(screen, *texts, "table") == []
    document = read_document(json.loads((tmp_path / "json").read_text()))
    assert len(document.results) == 2
    assert not read_jsonl((tmp_path / "jsonl").read_text().splitlines()).incomplete
    assert (tmp_path / "table").read_text(encoding="utf-8").rstrip().endswith("in 3.1 s")
    assert screen.lines[-1].endswith("in 3.1 s")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["json", "jsonl", "table"]


@pytest.mark.parametrize("name", ["json", "jsonl"])
def test_stdout_gets_the_result_and_nothing_else(name):
    screen = Screen()
    assert whole_run(screen, name) == []
    if name == "json":
        assert len(read_document(json.loads(screen.raw)).results) == 2
    else:
        assert not read_jsonl(io.StringIO(screen.raw)).incomplete


def test_a_table_in_a_file_has_no_escape_sequences(tmp_path, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert whole_run(Screen(), f"table:{tmp_path / 't'}") == []
    assert "\x1b" not in (tmp_path / "t").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["table", "json", "jsonl"])
def test_a_file_that_cannot_be_written_is_known_before_the_run(tmp_path, name):
    (tmp_path / "keep").write_text("old")
    with (
        pytest.raises(OutputError, match=r"cannot write .*No such file or directory"),
        outputs(Screen(), f"json:{tmp_path / 'keep'}", f"{name}:{tmp_path / 'nowhere' / 'x'}"),
    ):
        pytest.fail("entered")
    assert [path.name for path in tmp_path.iterdir()] == ["keep"]
    assert (tmp_path / "keep").read_text() == "old"


@pytest.mark.parametrize("name", ["table", "json", "jsonl"])
def test_a_directory_is_no_file(tmp_path, name):
    with pytest.raises(OutputError, match="Is a directory"), outputs(Screen(), f"{name}:{tmp_path}"):
        pytest.fail("entered")


def test_an_older_recording_survives_when_another_output_is_in_the_way(tmp_path):
    (tmp_path / "old.jsonl").write_text("old")
    texts = (f"jsonl:{tmp_path / 'old.jsonl'}", f"json:{tmp_path / 'no' / 'x'}")
    with pytest.raises(OutputError), outputs(Screen(), *texts):
        pytest.fail("entered")
    assert (tmp_path / "old.jsonl").read_text() == "old"


def test_two_outputs_to_one_place_are_refused(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "real")
    for first, second in (("json", "table:-"), (f"json:{tmp_path / 'real'}", f"jsonl:{tmp_path / 'link'}")):
        with pytest.raises(OutputError, match="two outputs go to"):
            outputs(Screen(), first, second)


def test_a_run_that_dies_leaves_json_lines_and_no_half_document(tmp_path):
    (tmp_path / "run.json").write_text("old")

    def dying_run():
        with outputs(Screen(), f"json:{tmp_path / 'run.json'}", f"jsonl:{tmp_path / 'run.jsonl'}") as out:
            out.begin(run(ended_how=None))
            out.add(good())
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        dying_run()
    assert (tmp_path / "run.json").read_text() == "old"
    assert len(read_jsonl((tmp_path / "run.jsonl").read_text().splitlines()).results) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run.json", "run.jsonl"]


def test_a_full_disk_is_told_and_the_other_files_are_written(tmp_path):
    problems = whole_run(Screen(), "jsonl:/dev/full", f"json:{tmp_path / 'run.json'}")
    assert problems == ["cannot write jsonl:/dev/full: No space left on device"]
    assert json.loads((tmp_path / "run.json").read_text())


def test_a_full_disk_under_a_document_is_told_too():
    assert whole_run(Screen(), "json:/dev/full") == ["cannot write json:/dev/full: No space left on device"]


def test_a_whole_file_keeps_symbolic_links_and_the_umask(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "real")
    previous = os.umask(0o027)
    try:
        with WholeFile(str(tmp_path / "link")) as file:
            file.stream.write("text")
            assert not (tmp_path / "real").exists()
            file.commit()
    finally:
        os.umask(previous)
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "text"
    assert stat.S_IMODE((tmp_path / "real").stat().st_mode) == 0o640


def test_a_device_is_written_and_never_replaced(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    try:
        with WholeFile(str(tmp_path / "pipe")) as file:
            file.stream.write("text")
            file.commit()
        assert os.read(reader, 100) == b"text"
    finally:
        os.close(reader)
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)
    assert len(list(tmp_path.iterdir())) == 1


def test_big_runs_are_written_in_pieces(tmp_path):
    store = matrix(4)
    with outputs(Screen(), f"json:{tmp_path / 'run.json'}") as out:
        out.begin(run())
        assert out.finish(run(), store, findings()) == []
    assert (tmp_path / "run.json").read_text().count("\n") > 28
