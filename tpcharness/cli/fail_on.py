"""--fail-on: which results make a run a failed one. Pure; what cuts a run short or stops us is not its business."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import click

from tpcharness.cli.exits import ExitCode

if TYPE_CHECKING:
    from tpcharness.model.finding import Finding
    from tpcharness.results.comparison import Comparison
    from tpcharness.results.store import MatrixStore

RULES = ("any", "endpoint", "new", "threshold:95%", "never")
HELP = f"What makes exit code 1: {', '.join(RULES[:-1])} or {RULES[-1]}."


class Rule(StrEnum):
    """What there is."""

    ANY = "any"
    ENDPOINT = "endpoint"
    NEW = "new"
    THRESHOLD = "threshold"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class FailOn:
    """One --fail-on. `percent` goes with `threshold`: the share of links that must be ok."""

    rule: Rule = Rule.ANY
    percent: float = 100.0

    def judge(
        self, store: MatrixStore, findings: Sequence[Finding] = (), comparison: Comparison | None = None
    ) -> ExitCode:
        """OK or FAILED, for a run that came to its end. `new` needs the comparison; without it everything is new."""
        return ExitCode.FAILED if self._fails(store, findings, comparison) else ExitCode.OK

    def _fails(self, store: MatrixStore, findings: Sequence[Finding], comparison: Comparison | None) -> bool:
        match self.rule:
            case Rule.NEVER:
                return False
            case Rule.NEW if comparison is not None:
                return comparison.worse
            case Rule.THRESHOLD:
                links = store.links()
                return 100 * links.ok < self.percent * links.total
            case Rule.ENDPOINT:
                doors = store.door_tally()
                return doors.ok < doors.total or any(not finding.kind.narrow for finding in findings)
            case _:
                tallies = store.door_tally(), store.links(), store.alone_tally()
                return any(tally.ok < tally.total for tally in tallies)


def fail_on(text: str) -> FailOn:
    """For `type=fail_on`."""
    from tpcharness.config.problems import did_you_mean

    name, colon, share = text.partition(":")
    if name not in set(Rule):
        hint = did_you_mean(name, list(Rule), "known: any, endpoint, new, threshold:95%, never")
        raise click.BadParameter(f'no such rule: "{text}"; {hint}')
    rule = Rule(name)
    if rule is not Rule.THRESHOLD:
        if colon:
            raise click.BadParameter(f'"{text}": only threshold takes a number')
        return FailOn(rule)
    try:
        percent = float(share.removesuffix("%"))
    except ValueError:
        percent = -1.0
    if not (share.endswith("%") and 0 <= percent <= 100):
        raise click.BadParameter(f'"{text}": write threshold:95%, between 0% and 100%')
    return FailOn(rule, percent)
