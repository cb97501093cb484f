"""Colour, or not: one rule for all commands. Meaning never hangs on colour alone."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console


class Color(StrEnum):
    """What --color asks for."""

    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


def wants_color(choice: Color, environ: Mapping[str, str], *, is_terminal: bool) -> bool:
    """--color, then NO_COLOR (no-color.org), TERM=dumb, FORCE_COLOR, then whether somebody is looking.

    TERM=dumb goes before FORCE_COLOR, which rich and click would let win.
    """
    if choice is not Color.AUTO:
        return choice is Color.ALWAYS
    if environ.get("NO_COLOR") or environ.get("TERM") == "dumb":
        return False
    return bool(environ.get("FORCE_COLOR")) or is_terminal


def make_console(stream: IO[str], choice: Color, environ: Mapping[str, str]) -> Console:
    """A rich console on this stream that follows the rule. Colour does not make a terminal of it."""
    from rich.console import Console

    is_terminal = stream.isatty()
    color = wants_color(choice, environ, is_terminal=is_terminal)
    return Console(
        file=stream,
        force_terminal=is_terminal,
        no_color=not color,
        color_system="standard" if color else None,
        highlight=False,
    )
