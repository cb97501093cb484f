"""The log: one line a record, no secret, no line held up by a reader who does not read."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable

import pytest

from tpcharness.daemon.logs import LogFormat, logging_to, set_level
from tpcharness.engine.attempts import current_probe
from tpcharness.model.secret import Secret

log = logging.getLogger("tpcharness.somewhere")


def written(speak: Callable[[], object], shape: LogFormat = LogFormat.TEXT, level: str = "info") -> str:
    stream = io.StringIO()
    with logging_to(stream, shape=shape, level=level, run_id="run-1"):
        speak()
    return stream.getvalue()


def test_a_line_names_run_and_probe_of_the_task_that_speaks():
    async def probe(name: str) -> None:
        current_probe.set(name)
        await asyncio.sleep(0)
        log.info("at work")

    async def both() -> None:
        await asyncio.gather(probe("00001"), probe("00002"))
        log.info("over")

    text = written(lambda: asyncio.run(both()))
    assert re.fullmatch(
        r"\S+Z INFO somewhere \[run-1/00001\] at work\n"
        r"\S+Z INFO somewhere \[run-1/00002\] at work\n"
        r"\S+Z INFO somewhere \[run-1\] over\n",
        text,
    )


def test_json_is_one_object_a_line_whatever_stands_in_it():
    text = written(lambda: log.error('a "quote"\nand %s', "\x1b[31mred\u202e"), LogFormat.JSON)
    line = json.loads(text)
    assert text.count("\n") == 1
    assert (line["level"], line["logger"], line["run"]) == ("error", "somewhere", "run-1")
    assert line["message"] == 'a "quote"\nand red'
    assert "probe" not in line


def test_a_server_s_text_cannot_forge_a_line():
    text = written(lambda: log.info("said: %s", "x\n2026-11-22T00:00:00.000Z INFO all is well"))
    assert len([line for line in text.splitlines() if not line.startswith("    ")]) == 1


@pytest.mark.parametrize("shape", LogFormat)
def test_secrets_are_masked_also_in_a_traceback(shape: LogFormat):
    secret = Secret("hunter2-is-the-word")

    def fail() -> None:
        raise RuntimeError(f"bad {secret.reveal()}")

    def fall() -> None:
        try:
            fail()
        except RuntimeError:
            log.exception("with %s", secret.reveal())

    text = written(fall, shape)
    assert "RuntimeError" in text
    assert "hunter2" not in text


def test_the_level_can_be_changed_and_is_put_back():
    before = logging.getLogger("tpcharness").level

    def speak() -> None:
        log.info("unheard")
        set_level("debug")
        log.debug("heard")
        with pytest.raises(ValueError, match="no log level 'loud'"):
            set_level("loud")

    text = written(speak, level="error")
    assert "unheard" not in text
    assert "heard" in text
    assert logging.getLogger("tpcharness").level == before


@pytest.mark.parametrize("lines", [20, 500])
def test_a_reader_who_never_reads_does_not_hold_the_end(monkeypatch: pytest.MonkeyPatch, lines: int):
    """Neither when the lines that wait have room, nor when they have not."""
    monkeypatch.setattr("tpcharness.daemon.logs.MOST_LINES", 50)
    monkeypatch.setattr("tpcharness.daemon.logs.LAST_WORDS_SECONDS", 0.1)
    read_end, write_end = os.pipe()
    with os.fdopen(write_end, "w") as stream:
        with logging_to(stream):
            for _ in range(lines):
                log.info("x" * 8000)
        os.close(read_end)
        for thread in threading.enumerate():
            if thread.name == "log":
                thread.join()


PROGRAM = """
import logging, sys
from tpcharness.daemon.logs import logging_to
with logging_to():
    for _ in range(500):
        logging.getLogger("tpcharness.x").info("x" * 8000)
print("over", flush=True)
"""


def test_a_process_whose_log_nobody_reads_ends_well():
    read_end, write_end = os.pipe()
    try:
        ended = subprocess.run(
            [sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, stderr=write_end, check=False, timeout=60
        )
    finally:
        os.close(read_end)
        os.close(write_end)
    assert (ended.returncode, ended.stdout) == (0, b"over\n")


def test_a_reader_who_does_not_read_holds_nobody_and_is_told_of_what_was_dropped(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("tpcharness.daemon.logs.MOST_LINES", 50)
    read_end, write_end = os.pipe()
    seen: list[bytes] = []

    def read_all() -> None:
        while chunk := os.read(read_end, 65536):
            seen.append(chunk)

    with os.fdopen(write_end, "w") as stream, logging_to(stream, run_id="run-1"):
        begin = time.monotonic()
        for number in range(3000):
            log.info("%d %s", number, "x" * 1000)
        assert time.monotonic() - begin < 5
        reader = threading.Thread(target=read_all)
        reader.start()
        while b"there is room" not in b"".join(seen):
            log.info("there is room")
            os.sched_yield()
    reader.join()
    os.close(read_end)
    assert re.search(rb"\d+ lines were dropped before this one", b"".join(seen))
