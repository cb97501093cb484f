"""Writes completion scripts for bash, zsh and fish, and man pages, as a package has them.

    python packaging/generate.py FOLDER

FOLDER gets `completions/{bash,zsh,fish}` and `man/*.1.gz`. The same source gives the same bytes: the date is that of
SOURCE_DATE_EPOCH, or none.
"""

from __future__ import annotations

import gzip
import os
import re
import sys
from datetime import UTC, datetime
from inspect import cleandoc
from pathlib import Path
from tempfile import TemporaryDirectory

import click
from click.shell_completion import get_completion_class
from click_man.core import write_man_pages

from tpcharness import __version__
from tpcharness.cli.main import cli

NAME = "tpcharness"
SHELLS = ("bash", "zsh", "fish")

_ROFF_COMMAND = re.compile(r"^(?=[.'])", re.MULTILINE)


def completions(folder: Path) -> None:
    """One script for each shell, in a file called after it."""
    folder.mkdir(parents=True, exist_ok=True)
    for shell in SHELLS:
        kind = get_completion_class(shell)
        if kind is None:
            raise LookupError(f"click has no completion for {shell}")
        script = kind(cli, {}, NAME, f"_{NAME.upper()}_COMPLETE").source()
        (folder / shell).write_text(script, encoding="utf-8")


def man_pages(folder: Path, date: str) -> None:
    """One page for each command, and for each command of a group."""
    folder.mkdir(parents=True, exist_ok=True)
    _prepare(cli, click.Context(cli, info_name=NAME))
    with TemporaryDirectory() as drafts:
        write_man_pages(NAME, cli, version=__version__, target_dir=drafts, date=date)
        for draft in Path(drafts).iterdir():
            # Without a time of its own, so that the bytes are the same tomorrow.
            (folder / f"{draft.name}.gz").write_bytes(gzip.compress(draft.read_bytes(), mtime=0))


def _prepare(command: click.Command, ctx: click.Context) -> None:
    """Lets click-man see what it looks for: `commands`, where ours are imported only when called, and whole sentences.

    By itself it cuts a command's help off at 45 characters, and takes no care of lines that begin like a command of
    roff: such a line ("./endpoints.toml ...") would not be on the page.
    """
    command.short_help = (command.help or "").split("\n\n")[0].replace("\n", " ").removesuffix(".")
    command.help = _ROFF_COMMAND.sub(r"\\&", cleandoc(command.help or ""))
    if isinstance(command, click.Group):
        for name in command.list_commands(ctx):
            if child := command.get_command(ctx, name):
                command.add_command(child, name)
                _prepare(child, ctx)


def _date() -> str:
    """Of the release, where whoever builds it says so; else the page would say the day of its making."""
    epoch = int(os.environ.get("SOURCE_DATE_EPOCH", "0"))
    return datetime.fromtimestamp(epoch, UTC).strftime("%Y-%m-%d")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    completions(Path(sys.argv[1]) / "completions")
    man_pages(Path(sys.argv[1]) / "man", _date())
