"""`tpcharness testbed demo`: the main job on a grid of our own, with one storage that is sick on purpose."""

from __future__ import annotations

import sys
import time

import click

from tpcharness.cli.exits import ExitCode
from tpcharness.cli.options import Invocation, pass_invocation
from tpcharness.model.finding import FindingKind
from tpcharness.model.reason import Reason
from tpcharness.model.variant import Blame, Variant

DIALECTS = ("dcache", "xrootd5", "xrootd6", "storm", "eos", "dpm")
SICK, FAULT = "SITE-C", "missing_file"
# What an honest tester must find, and nothing else. Each of the others words the same refusal in its own way.
EXPECTED = (FindingKind.BAD_AS_SOURCE, (SICK,), Reason.PASSIVE_NOT_FOUND, Blame.SOURCE, (Variant.HTTPS_PULL,))


@click.command("demo", short_help="Run the matrix over six storages; one is sick on purpose.")
@pass_invocation
def demo(invocation: Invocation) -> ExitCode:
    """Run the matrix over six storages of which one is sick on purpose, and see whether it is named.

    Real sockets, TLS, tokens and bytes, all on this machine. Exits with 0 only if the findings are exactly the
    planted culprit and every other cell is ok.
    """
    from tpcharness.cli.progress import make_progress
    from tpcharness.cli.running import Report, run_plan
    from tpcharness.cli.testbed_child import running_testbed
    from tpcharness.engine.plan import make_plan
    from tpcharness.export.formats import Output, Outputs
    from tpcharness.model.endpoint import LinkSubject

    def planted(report: Report) -> bool:
        found = [(each.kind, each.culprits, each.reason, each.blame, each.variants) for each in report.findings]
        sick = {
            result.probe_id
            for result in report.store.results()
            if isinstance(result.subject, LinkSubject)
            and result.subject.source == SICK
            and result.variant is Variant.HTTPS_PULL
        }
        others = [result for result in report.store.results() if result.probe_id not in sick]
        return found == [EXPECTED] and all(result.ok for result in others)

    click.echo(
        f"A grid on this machine: {len(DIALECTS)} storages that speak like {', '.join(DIALECTS)}.\n"
        f"{SICK} is sick on purpose: it lets us read our file, but tells the other storages that there is none.\n"
        "Now every pair copies in pull and in push mode. Watch who gets the blame.\n",
        err=True,
    )
    options = [word for dialect in DIALECTS for word in ("--dialect", dialect)]
    with running_testbed(len(DIALECTS), [*options, "--fault", f"{SICK}={FAULT}"]) as config:
        plan = make_plan(tuple(config.endpoints.values()), config.probes)
        with Outputs([Output.parse("table")], invocation.console()) as outputs:
            with make_progress(invocation.console(sys.stderr), len(plan.probes), time.monotonic) as progress:
                report = run_plan(config, plan, outputs, [progress])
            outputs.finish(report.facts, report.store, report.findings)
    if report.exit_code not in (ExitCode.OK, ExitCode.FAILED):
        return report.exit_code
    if planted(report):
        click.echo(f"\nThe demo did what it should: {SICK} is named, with the cause, and nobody else is.", err=True)
        return ExitCode.OK
    click.echo("\nThe demo failed: the findings are not exactly the planted culprit. That is our bug.", err=True)
    return ExitCode.FAILED
