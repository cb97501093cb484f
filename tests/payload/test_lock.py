"""One harness per state directory."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tpcharness.payload.lock import FILE_NAME, StateBusy, StateLock, StateUnusable

HOLDER = """
import os, sys
from pathlib import Path
from tpcharness.payload.lock import StateLock
with StateLock(Path(sys.argv[1])):
    print(os.getpid(), flush=True)
    sys.stdin.read()
"""


def test_the_directory_is_made_for_its_owner_only(tmp_path: Path) -> None:
    state = tmp_path / "a" / "state"
    with StateLock(state):
        assert (state / FILE_NAME).read_text() == f"{os.getpid()}\n"
        assert state.stat().st_mode & 0o077 == 0


def test_a_second_one_is_told_who_holds_it_and_how_to_go_on(tmp_path: Path) -> None:
    with StateLock(tmp_path), pytest.raises(StateBusy) as caught, StateLock(tmp_path):
        pass
    assert str(os.getpid()) in str(caught.value)
    assert str(tmp_path) in str(caught.value)
    assert "stop it" in str(caught.value)


def test_it_can_be_taken_again_after_its_end(tmp_path: Path) -> None:
    for _ in range(2):
        with StateLock(tmp_path):
            pass


def test_other_directories_are_free(tmp_path: Path) -> None:
    with StateLock(tmp_path / "a"), StateLock(tmp_path / "b"):
        pass


def test_another_process_holds_it_until_it_is_killed(tmp_path: Path) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with holder:
        assert holder.stdout is not None
        pid = holder.stdout.readline().strip()
        with pytest.raises(StateBusy, match=pid), StateLock(tmp_path):
            pass
        holder.kill()
        holder.wait()
        with StateLock(tmp_path):
            pass


def test_a_place_where_no_lock_can_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StateUnusable, match="file"), StateLock(tmp_path / "file" / "state"):
        pass
