"""`tpcharness testbed`: storages on this machine that speak like those of the grid, and misbehave on demand."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tpcharness.cli.demo import demo
from tpcharness.cli.exits import ExitCode

if TYPE_CHECKING:
    from tpcharness.testbed.grid import Grid

DIRECTORY = Path(".testbed")
"""Where certificates and the client's secret lie unless told otherwise: the endpoints.toml of the product names it."""

SITES = 5
BASE_PORT = 28440

READY_FILE = "ready.json"
"""In the testbed's directory, whatever --ready-file says: where `testbed fault` looks."""

_LOCK = "testbed.lock"
_SWITCH_SECONDS = 10.0


class CannotStartError(click.ClickException):
    """Something on this machine is in the way."""

    exit_code = ExitCode.OUR_SIDE


@click.group("testbed")
def command() -> None:
    """Run a grid on this machine: storages that speak like dCache, XRootD, StoRM and others, and a token issuer."""


command.add_command(demo)


@command.command("up", short_help="Run a grid until Ctrl-C, and print its endpoints.toml.")
@click.option("--sites", default=SITES, show_default=True, type=click.IntRange(1, 200), help="How many storages.")
@click.option("--dialect", "dialects", multiple=True, metavar="NAME", help="What they speak, in turn; repeatable.")
@click.option(
    "--base-port",
    type=click.IntRange(1, 65_000),
    help=f"The issuer's port; the storages have those that follow.  [default: {BASE_PORT}]",
)
@click.option("--ephemeral", is_flag=True, help="Take any free ports, and a temporary directory.")
@click.option(
    "--directory",
    type=click.Path(path_type=Path, file_okay=False),
    help=f"Where certificates and the client's secret go; removed at the end.  [default: {DIRECTORY}]",
)
@click.option(
    "--marker-period",
    default=5.0,
    show_default=True,
    metavar="SECONDS",
    type=click.FloatRange(0, min_open=True),
    help="Time between two performance markers.",
)
@click.option("--root", is_flag=True, help="Give every storage a root door too, for xroot third-party copies.")
@click.option(
    "--tape",
    is_flag=True,
    help="Give every storage a tape service too, with one file on tape and a directory that goes there.",
)
@click.option("--cache", is_flag=True, help="Put a cache in front of every storage too, which speaks xroot.")
@click.option(
    "--legacy",
    is_flag=True,
    help="Give every storage a gsiftp and an SRM door too, shut until a fault opens them.",
)
@click.option("--fault", "faults", multiple=True, metavar="SITE-B=NAME", help="What is wrong, and where; repeatable.")
@click.option(
    "--fault-file",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="A file of such faults: one a line, # for remarks.",
)
@click.option(
    "--config",
    "config_file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the endpoints.toml here, not to stdout.",
)
@click.option(
    "--ready-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Appears when all is up: JSON with process id, addresses, and how to switch faults.",
)
@click.option("--list-faults", is_flag=True, help="Show what can be wrong, and stop.")
@click.option("--until-stdin-ends", is_flag=True, hidden=True)
def up(
    *,
    sites: int,
    dialects: tuple[str, ...],
    base_port: int | None,
    ephemeral: bool,
    directory: Path | None,
    marker_period: float,
    root: bool,
    tape: bool,
    cache: bool,
    legacy: bool,
    faults: tuple[str, ...],
    fault_file: Path | None,
    config_file: Path | None,
    ready_file: Path | None,
    list_faults: bool,
    until_stdin_ends: bool,
) -> None:
    """Run a grid until Ctrl-C, with real TLS, real tokens and real bytes, and print its endpoints.toml.

    Without options its ports are those of the endpoints.toml that comes with tpcharness. A storage's fault is given
    as SITE-B=NAME, one of the token issuer as ISSUER=NAME.
    """
    from tpcharness.testbed.grid import DIALECTS, Grid, GridSpec

    if list_faults:
        _list_faults()
        return
    if ephemeral and base_port is not None:
        raise click.UsageError("--ephemeral takes any free ports: leave --base-port out")
    if directory is None and not ephemeral:
        directory = DIRECTORY
    if directory is not None and config_file is not None:
        directory = directory.absolute()  # paths in a configuration count from where it lies
    spec = GridSpec(
        sites=sites,
        dialects=dialects or DIALECTS,
        base_port=None if ephemeral else base_port or BASE_PORT,
        marker_period_seconds=marker_period,
        directory=directory,
        faults=faults + (_read_faults(fault_file) if fault_file else ()),
        root=root,
        tape=tape,
        cache=cache,
        legacy=legacy,
    )
    try:
        grid = Grid(spec)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    _check_replaceable(config_file)
    if directory is None:
        _run(grid, config_file, ready_file, until_stdin_ends=until_stdin_ends)
        return
    with _sole_user_of(directory):
        _run(grid, config_file, ready_file, until_stdin_ends=until_stdin_ends)


@command.command("fault", short_help="Switch faults of a running testbed, and show which are on.")
@click.argument("faults", nargs=-1, metavar="[SITE-B=NAME]...")
@click.option("--clear", is_flag=True, help="Switch all faults off first.")
@click.option(
    "--ready-file",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help=f"The one that `testbed up --ready-file` wrote.  [default: {DIRECTORY / READY_FILE}]",
)
def fault(*, faults: tuple[str, ...], clear: bool, ready_file: Path | None) -> None:
    """Switch faults of a running testbed, and show which are on.

    A fault is SITE-B=NAME[@METHOD][:after=BYTES][:nth=N][:probability=P]; `testbed up --list-faults` names them.
    """
    wanted = [text.partition("=") for text in faults]
    if not all(site and name for site, _, name in wanted):
        raise click.UsageError("a fault is written SITE-B=NAME")
    if ready_file is None:
        ready_file = DIRECTORY / READY_FILE
        if not ready_file.is_file():
            raise click.UsageError(
                f"no testbed runs in {DIRECTORY} of this directory: go where it was started, or name its --ready-file"
            )
    switch = json.loads(ready_file.read_text(encoding="utf-8"))["faults"]
    on = _switch(switch, "DELETE" if clear else "GET", {})
    for site, _, name in wanted:
        on = _switch(switch, "POST", {"site": site, "fault": name})
    for site, names in sorted(on.items()):
        for name in names:
            click.echo(f"{site}={name}")


def _switch(switch: dict[str, str], method: str, wanted: dict[str, str]) -> dict[str, list[str]]:
    """One call of the switchboard; what is on afterwards."""
    import http.client
    from urllib.parse import urlsplit

    place = urlsplit(switch["url"])
    connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=_SWITCH_SECONDS)
    body = json.dumps(wanted) if wanted else None
    try:
        connection.request(method, place.path, body, {"Authorization": f"Bearer {switch['secret']}"})
        answer = connection.getresponse()
        told = json.loads(answer.read())
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise CannotStartError(f"the testbed of that ready-file does not answer: {error}") from error
    finally:
        connection.close()
    if answer.status != http.client.OK:
        raise click.UsageError(str(told.get("error", answer.reason)))
    return dict(told)


def _run(grid: Grid, config_file: Path | None, ready_file: Path | None, *, until_stdin_ends: bool) -> None:
    """Runs the grid until SIGINT or SIGTERM: here they are the normal end.

    `until_stdin_ends` is for a parent that holds the other end of a pipe: however it dies, so does the grid.
    """
    import asyncio

    import uvloop

    async def serve() -> None:
        over = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, over.set)
        if until_stdin_ends:
            loop.add_reader(sys.stdin.fileno(), over.set)
        async with grid:
            _announce(grid, config_file, ready_file)
            await over.wait()

    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(serve())
    except OSError as error:
        raise CannotStartError(f"{error.strerror or error}; try --base-port or --ephemeral") from error


def _announce(grid: Grid, config_file: Path | None, ready_file: Path | None) -> None:
    if config_file is None:
        click.echo(grid.config_text())
    else:
        config_file.write_text(grid.config_text(), encoding="utf-8")
    count = len(grid.sites)
    click.echo(
        f"{count} storage{'s' if count > 1 else ''} and a token issuer are up. In another shell: "
        f"{_how_to_use(grid, config_file)}   (Ctrl-C ends the testbed)",
        err=True,
    )
    ready = {
        "pid": os.getpid(),
        "issuer": grid.issuer.url,
        "directory": str(grid.directory),
        "sites": {site.name: site.url for site in grid.sites},
        "faults": {"url": grid.switchboard.url, "secret": grid.switchboard.secret.reveal()},
    }
    for file in (grid.directory / READY_FILE, ready_file):
        if file is None:
            continue
        draft = file.with_name(f"{file.name}.part")
        draft.unlink(missing_ok=True)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as stream:
            stream.write(json.dumps(ready, indent=2) + "\n")
        draft.replace(file)


def _read_faults(file: Path) -> tuple[str, ...]:
    lines = (line.partition("#")[0].strip() for line in file.read_text(encoding="utf-8").splitlines())
    return tuple(line for line in lines if line)


def _how_to_use(grid: Grid, config_file: Path | None) -> str:
    """The commands for the other shell; endpoints.toml only where it is the one that goes with these ports."""
    if config_file is not None:
        return f"tpcharness matrix {config_file}, or tpcharness daemon {config_file}"
    shipped = Path("endpoints.toml")
    plain = not (grid.spec.root or grid.spec.tape or grid.spec.cache or grid.spec.legacy)
    fits = plain and shipped.is_file()
    if fits and all(f'"{site.url}"' in shipped.read_text(errors="replace") for site in grid.sites):
        return "tpcharness matrix endpoints.toml, or tpcharness daemon endpoints.toml"
    return "save the text above as testbed.toml, then tpcharness matrix testbed.toml, or tpcharness daemon testbed.toml"


def _list_faults() -> None:
    from tpcharness.testbed.fault_catalogue import CATALOGUE
    from tpcharness.testbed.grid import ISSUER_NAME
    from tpcharness.testbed.issuer import ISSUER_FAULTS
    from tpcharness.testbed.site_faults import LEGACY_SENTENCES, ROOT_SENTENCES, TAPE_SENTENCES

    rows = [(f"SITE={fault.name}", fault.sentence) for fault in CATALOGUE.values()]
    rows += [(f"SITE={name}", f"with --root: {sentence}") for name, sentence in ROOT_SENTENCES.items()]
    rows += [(f"SITE={name}", f"with --tape: {sentence}") for name, sentence in TAPE_SENTENCES.items()]
    rows += [(f"SITE={name}", f"with --legacy: {sentence}") for name, sentence in LEGACY_SENTENCES.items()]
    rows += [(f"{ISSUER_NAME}={fault.name}", fault.sentence) for fault in ISSUER_FAULTS.values()]
    width = max(len(name) for name, _ in rows)
    for name, sentence in rows:
        click.echo(f"{name:{width}}  {sentence}")


def _check_replaceable(config_file: Path | None) -> None:
    """Refuses to write over a file that no testbed has written."""
    from tpcharness.testbed.grid import HEADLINE

    if config_file is None or not config_file.exists():
        return
    with config_file.open(encoding="utf-8", errors="replace") as stream:
        if stream.readline().rstrip() != HEADLINE:
            raise CannotStartError(f"{config_file} was not written by a testbed; choose another name for --config")


@contextmanager
def _sole_user_of(directory: Path) -> Iterator[None]:
    """Takes a directory for this testbed alone, and removes it at the end, with all that is in it.

    A directory that is not ours must be empty or missing; what a killed testbed left is removed before.
    """
    lock_file = directory / _LOCK
    if directory.exists() and not lock_file.exists() and any(directory.iterdir()):
        raise CannotStartError(f"{directory} holds other things; choose another --directory")
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    directory.chmod(0o700)
    with lock_file.open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CannotStartError(
                f"another testbed uses {directory}; end it, or choose another --directory and --base-port"
            ) from None
        for entry in directory.iterdir():
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            elif entry != lock_file:
                entry.unlink()
        try:
            yield
        finally:
            shutil.rmtree(directory)
