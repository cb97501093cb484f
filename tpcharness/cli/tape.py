"""`tpcharness tape`: what tape services say, and registered files staged and released, by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tpcharness.cli.completion import endpoint_names
from tpcharness.cli.exits import ExitCode
from tpcharness.cli.options import (
    OUTPUT_HELP,
    Invocation,
    config_option,
    load_or_exit,
    no_such,
    pass_invocation,
)
from tpcharness.model.endpoint import Endpoint
from tpcharness.model.variant import Variant

if TYPE_CHECKING:
    from tpcharness.assembly import Harness
    from tpcharness.config.configuration import Config
    from tpcharness.model.failure import Failure
    from tpcharness.model.result import Result
    from tpcharness.payload.ledger import LedgerEntry
    from tpcharness.wire.tape.archive_info import ArchiveInfo

_output_option = click.option("-o", "--output", "outputs", multiple=True, metavar="FORMAT:FILE", help=OUTPUT_HELP)
_endpoint_argument = click.argument("name", metavar="ENDPOINT", shell_complete=endpoint_names)
_files_argument = click.argument("files", metavar="[FILE]...", nargs=-1)


@click.group("tape")
def command() -> None:
    """Ask the tape service of an ENDPOINT by the WLCG Tape REST API.

    Staged are only files that stand in the configuration, [endpoints.NAME.tape] files = [...]: to mount a tape is dear.
    """


@command.command("info", short_help="Ask whether it is found and knows the registered files.")
@_endpoint_argument
@config_option
@_output_option
@pass_invocation
def info(invocation: Invocation, name: str, *, config_path: Path | None, outputs: tuple[str, ...]) -> ExitCode:
    """Probe the service: is it found, does it know the registered files, does it say no where it must?

    Nothing is staged.
    """
    config = load_or_exit(config_path)
    return _probe(invocation, config, _registered(config, name), Variant.TAPE_INFO, outputs)


@command.command("stage", short_help="Stage one registered file, read it, release it.")
@_endpoint_argument
@_files_argument
@config_option
@_output_option
@pass_invocation
def stage(
    invocation: Invocation, name: str, files: tuple[str, ...], *, config_path: Path | None, outputs: tuple[str, ...]
) -> ExitCode:
    """Stage one registered FILE (of several the first that is on tape only), read its first byte, release it.

    Takes as long as the tape system takes, at most `timeouts.stage`. Ctrl-C ends the request first.
    """
    config = load_or_exit(config_path)
    endpoint = _registered(config, name)
    for path in files:
        if path not in endpoint.tape_files:
            raise no_such("registered file", path, endpoint.tape_files)
    chosen = replace(endpoint, tape_files=files or endpoint.tape_files)
    return _probe(invocation, config, chosen, Variant.TAPE_STAGE, outputs)


@command.command("archiveinfo")
@_endpoint_argument
@_files_argument
@config_option
def archive_info(name: str, files: tuple[str, ...], *, config_path: Path | None) -> ExitCode:
    """Say where files are: on disk, on tape, lost. FILE may be any; by default the registered ones."""
    from tpcharness.cli.running import with_harness
    from tpcharness.export.clean_text import clean_text
    from tpcharness.model.failure import Failure

    config = load_or_exit(config_path)
    endpoint = _registered(config, name) if not files else _endpoint(config, name)
    paths = tuple(dict.fromkeys(files or endpoint.tape_files))
    answer = with_harness(config, lambda harness: _locate(harness, endpoint, paths))
    if isinstance(answer, Failure):
        return _refused(answer)
    every = [(path, answer.of(path)) for path in paths]
    for path, found in every:
        locality = "-" if found is None or found.locality is None else found.locality.value
        remark = "left out of the answer" if found is None else found.error
        click.echo(f"{locality:<13}  {path}" + (f"  ({clean_text(remark)})" if remark else ""))
    for deviation in answer.deviations:
        click.echo(f"warning: {deviation}", err=True)
    located = all(found is not None and found.locality is not None for _, found in every)
    return ExitCode.OK if located else ExitCode.FAILED


@command.command("release", short_help="End requests of ours that earlier runs left open.")
@_endpoint_argument
@_files_argument
@config_option
def release(name: str, files: tuple[str, ...], *, config_path: Path | None) -> ExitCode:
    """Release and delete requests of ours that earlier runs left open at ENDPOINT; of these FILEs only, if any."""
    from tpcharness.cli.running import with_harness

    config = load_or_exit(config_path)
    endpoint = _endpoint(config, name)
    ended = with_harness(config, lambda harness: _release(harness, endpoint, files))
    for entry, failure in ended:
        click.echo(f"kept   {entry.url}  ({failure.detail})" if failure else f"ended  {entry.url}")
    if not ended:
        click.echo(f"nothing to release: no request of ours is open at {name}")
    return ExitCode.FAILED if any(failure for _, failure in ended) else ExitCode.OK


def _endpoint(config: Config, name: str) -> Endpoint:
    if name not in config.endpoints:
        raise no_such("endpoint", name, config.endpoints)
    return config.endpoints[name]


def _registered(config: Config, name: str) -> Endpoint:
    endpoint = _endpoint(config, name)
    if not endpoint.tape_files:
        raise click.UsageError(f"{name} has no registered files; add [endpoints.{name}.tape] files = [...]")
    return endpoint


async def _locate(harness: Harness, endpoint: Endpoint, paths: Sequence[str]) -> ArchiveInfo | Failure:
    from tpcharness.model.failure import Failure
    from tpcharness.model.progress import Nobody
    from tpcharness.model.variant import Phase
    from tpcharness.net.trail import Trail

    errands, trail = harness.wiring.tape_errands, Trail("archiveinfo", Nobody())
    found = await errands.discover(endpoint, trail)
    if isinstance(found, Failure):
        return found
    return await errands.archive_info(endpoint, found.document.services[0], paths, trail, Phase.REQUEST)


async def _release(
    harness: Harness, endpoint: Endpoint, files: Sequence[str]
) -> list[tuple[LedgerEntry, Failure | None]]:
    from tpcharness.model.progress import Nobody
    from tpcharness.net.trail import Trail

    ours = [
        entry
        for entry in harness.ledger.entries
        if entry.endpoint == endpoint.name and entry.tape_paths and (not files or set(files) & set(entry.tape_paths))
    ]
    trail = Trail("release", Nobody())
    return [(entry, await harness.wiring.tape.close_entry(entry, endpoint, trail)) for entry in ours]


def _probe(
    invocation: Invocation, config: Config, endpoint: Endpoint, variant: Variant, outputs: tuple[str, ...]
) -> ExitCode:
    from tpcharness.cli.running import explain_our_side, run_plan
    from tpcharness.export.formats import Output, OutputError, Outputs
    from tpcharness.model.plan import Plan, PlannedProbe

    if endpoint.name in _opted_out(config):
        click.echo(f"nothing to do: {endpoint.name} has opted out", err=True)
        return ExitCode.NOTHING_TO_DO
    plan = Plan(alone=(PlannedProbe(endpoint, variant, 0),))
    try:
        with Outputs([Output.parse(text) for text in outputs], invocation.console()) as files:
            report = run_plan(config, plan, files, [])
            problems = files.finish(report.facts, report.store, report.findings)
    except OutputError as error:
        raise click.UsageError(str(error)) from error
    if report.exit_code is ExitCode.OUR_SIDE:
        click.echo(explain_our_side(report), err=True)
    else:
        _tell(invocation, report.store.results())
    for text in (*(f"error: {problem}" for problem in problems), *(f"warning: {w}" for w in report.facts.warnings)):
        click.echo(text, err=True)
    return ExitCode.OUR_SIDE if problems and report.exit_code is ExitCode.OK else report.exit_code


def _opted_out(config: Config) -> set[str]:
    from fnmatch import fnmatchcase

    return {name for name in config.endpoints if any(fnmatchcase(name, glob) for glob in config.harness.opt_out)}


def _tell(invocation: Invocation, results: Sequence[Result]) -> None:
    """A line for each result, and what is behind it when it is bad."""
    from tpcharness.export.clean_text import clean_text
    from tpcharness.export.failure_text import FailureText
    from tpcharness.export.quantities import duration_text

    console = invocation.console()
    for result in results:
        took = "" if result.transfer_seconds is None else f", online after {duration_text(result.transfer_seconds)}"
        click.echo(f"{result.subject}  {result.variant}  {result.outcome}{took if result.ok else ''}")
        if not result.ok:
            console.print(FailureText(result))
        for warning in result.warnings:
            click.echo(clean_text(f"warning: {warning}"))


def _refused(failure: Failure) -> ExitCode:
    from tpcharness.export.clean_text import clean_text
    from tpcharness.model.secret import redact
    from tpcharness.model.variant import Blame

    click.echo(clean_text(f"error: {failure.reason.info.sentence} ({failure.reason})"), err=True)
    click.echo(clean_text(f"  detail: {redact(failure.detail)}"), err=True)
    return ExitCode.OUR_SIDE if failure.blame is Blame.CLIENT else ExitCode.FAILED
