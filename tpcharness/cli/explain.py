"""`tpcharness explain`: the table of reasons, contrasts and exit codes in words."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import click

from tpcharness.cli.completion import one_of
from tpcharness.cli.exits import ExitCode
from tpcharness.cli.options import Invocation, no_such, pass_invocation
from tpcharness.model.contrast import ContrastKind
from tpcharness.model.reason import TABLE, Reason, ReasonInfo
from tpcharness.model.variant import Blame, Phase


@click.command("explain")
@click.argument(
    "word",
    required=False,
    metavar="[REASON|CODE|CONTRAST|EXIT-CODE]",
    shell_complete=one_of((*Reason, *ContrastKind)),
)
@pass_invocation
def command(invocation: Invocation, word: str | None) -> None:
    """Say what a reason, a result code, a contrast or an exit code means, who has to act, and what to do.

    Without a word: the whole table, by the phase in which a reason shows.
    """
    lines = _overview() if word is None else _explained(word)
    click.echo("\n".join(lines), color=invocation.colored(sys.stdout))


def _overview() -> Iterator[str]:
    width = max(len(reason) for reason in Reason)
    yield "Each code is the row's number with the digit of who has to act: " + ", ".join(
        f"{blame.digit} {blame}" for blame in Blame
    )
    for phase in Phase:
        yield ""
        yield click.style(phase.value, bold=True)
        for row in TABLE.values():
            if row.phase is phase:
                yield f"  {row.number:>4}x  {row.reason:<{width}}  {row.sentence}"
    yield ""
    yield click.style("contrasts between variants", bold=True)
    widest = max(len(kind) for kind in ContrastKind)
    for kind in ContrastKind:
        yield f"  {kind:<{widest}}  {kind.info.compared}"
    yield ""
    yield click.style("exit codes", bold=True)
    for code in ExitCode:
        yield f"  {code.value:>5}  {code.sentence}"


def _explained(word: str) -> Iterator[str]:
    """A number can be a result code and an exit code: then both are told."""
    found = [*_reason(word), *_contrast(word), *_exit_code(word), *_result_code(word)]
    if not found:
        raise no_such(
            "reason, result code, contrast or exit code", word, [*Reason, *ContrastKind], listed_by="tpcharness explain"
        )
    for index, block in enumerate(found):
        yield from [""] if index else []
        yield block


def _reason(word: str) -> Iterator[str]:
    name = word.casefold().replace("-", "_")
    yield from (_block(row) for row in TABLE.values() if row.reason == name)


def _contrast(word: str) -> Iterator[str]:
    name = word.casefold().replace("-", "_")
    for kind in ContrastKind:
        if kind == name:
            told = (("means", kind.info.meaning), ("because", kind.info.ground))
            lines = "".join(f"\n  {label:<12}{text}" for label, text in told)
            yield f"{click.style(f'contrast {kind}', bold=True)}: {kind.info.compared}{lines}"


def _exit_code(word: str) -> Iterator[str]:
    for code in ExitCode:
        if word == str(code.value):
            heading = click.style(f"exit code {code.value}", bold=True)
            yield f"{heading}: {code.sentence}\n  {'what to do':<12}{code.advice}"


def _result_code(word: str) -> Iterator[str]:
    for row in TABLE.values():
        for blame in Blame:
            if word == str(row.reason.code(blame)) and _possible(row, blame):
                yield _block(row, blame)


def _block(row: ReasonInfo, blamed: Blame | None = None) -> str:
    """One reason at length; with the blame if a whole result code was asked for."""
    heading = f"{row.reason}" if blamed is None else f"result code {row.reason.code(blamed)}: {row.reason}"
    codes = ", ".join(f"{row.reason.code(blame)} {blame}" for blame in Blame if _possible(row, blame))
    facts = [
        ("phase", row.phase.value),
        ("blame", "" if blamed is None else blamed.value),
        ("who acts", row.who),
        ("what to do", row.fix),
        ("number", str(row.number)),
        ("codes", codes),
        ("reference", row.reference),
    ]
    told = "".join(f"\n  {name:<12}{text}" for name, text in facts if text)
    return f"{click.style(heading, bold=True)}: {row.sentence}{told}"


def _possible(row: ReasonInfo, blame: Blame) -> bool:
    """Nobody is to blame for what is well; for the rest, any blame can stand beside any reason."""
    return row.reason is not Reason.OK or blame is Blame.NOBODY
