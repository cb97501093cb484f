"""What a shell offers for a value when TAB is pressed. Reads the configuration's names at most, and contacts nobody."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path

import click

from tpcharness.config.places import default_path

Offer = Callable[[click.Context, click.Parameter, str], list[str]]


def one_of(words: Iterable[str]) -> Offer:
    """For `shell_complete=`: those of the words that begin like what is there."""
    known = tuple(words)
    return lambda _ctx, _param, begun: [word for word in known if word.startswith(begun)]


def endpoint_names(ctx: click.Context, _param: click.Parameter, begun: str) -> list[str]:
    """For `shell_complete=`: endpoints of the file that stands in the line, or is meant without one.

    A file that cannot be read offers nothing: a shell has no place for the reason, and the command itself will say it.
    """
    from tpcharness.config.source import Source, read_source

    # Behind an option that still waits for its value, click has not given the arguments their names yet.
    named = ctx.params.get("config_path") or next((word for word in ctx.args if word.endswith(".toml")), None)
    source = read_source(Path(named) if named else default_path(os.environ))
    names = source.table("endpoints") if isinstance(source, Source) else ()
    return [name for name in names if name.startswith(begun)]
