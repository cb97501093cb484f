"""A testbed in a process of its own, for commands that want one: started, waited for, and stopped again."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

import click

from tpcharness.cli.exits import ExitCode
from tpcharness.config.configuration import Config
from tpcharness.config.load import load_config
from tpcharness.config.problems import ConfigErrors

START_SECONDS = 30.0
STOP_SECONDS = 15.0
_LOOK_SECONDS = 0.05


class TestbedError(click.ClickException):
    """The testbed did not come up."""

    exit_code = ExitCode.OUR_SIDE


@contextmanager
def running_testbed(sites: int, options: Sequence[str] = ()) -> Iterator[Config]:
    """The configuration of a testbed that runs until the context ends, with a state directory of its own.

    It is a process of its own, so that its work is not done on our event loop, and a session of its own, so that
    Ctrl-C reaches us alone and the storages are there while we clean up. Its stdin is a pipe of ours: should we be
    killed, it ends too, and takes the directory with it, in which everything lies.
    """
    with (
        tempfile.TemporaryDirectory(prefix="tpcharness-testbed-") as folder,
        tempfile.TemporaryFile("w+", encoding="utf-8") as complaints,  # not a pipe, which could fill up
    ):
        directory = Path(folder)
        config_file, ready = directory / "endpoints.toml", directory / "ready.json"
        words = ["testbed", "up", "--until-stdin-ends", "--ephemeral", "--sites", str(sites), *options]
        places = ["--directory", str(directory), "--config", str(config_file), "--ready-file", str(ready)]
        with subprocess.Popen(  # noqa: S603 - ourselves
            [sys.executable, "-m", "tpcharness", *words, *places],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=complaints,
            start_new_session=True,
        ) as child:
            try:
                _await(child, ready, complaints)
                environ = {**os.environ, "TPCHARNESS_STATE_DIR": str(directory / "state")}
                config = load_config(config_file, environ=environ)
                if isinstance(config, ConfigErrors):
                    raise config
                yield config
            finally:
                _stop(child)


def _await(child: subprocess.Popen[bytes], ready: Path, complaints: TextIO) -> None:
    end = time.monotonic() + START_SECONDS
    while not ready.exists():
        if child.poll() is not None:
            complaints.seek(0)
            said = complaints.read().strip()
            if child.returncode == ExitCode.USAGE:
                raise click.UsageError(said.rpartition("Error: ")[2])
            raise TestbedError(f"the testbed did not start: {said}")
        if time.monotonic() > end:
            raise TestbedError(f"the testbed was not ready within {START_SECONDS:g} s")
        time.sleep(_LOOK_SECONDS)


def _stop(child: subprocess.Popen[bytes]) -> None:
    child.terminate()
    try:
        child.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()
