"""Text wrapped behind a mark or a label. People paste this into tickets, so no line ends with blanks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

_LEAST = 20


def hanging(mark: Text, body: Text, console: Console, width: int) -> Iterator[Text]:
    """The lines of the body, the mark before the first and blanks of its length before the others."""
    indent = len(mark) + 1
    for number, line in enumerate(body.wrap(console, max(_LEAST, width - indent))):
        line.rstrip()
        yield Text.assemble(mark if number == 0 else " " * len(mark), " ", line, no_wrap=True)


def whole(pieces: Iterable[str], width: int, *, head: str = "", gap: str = " ") -> str:
    """The words of the head, then the pieces, on lines that end between them only: "u https-push," stays together."""
    lines: list[str] = []
    for piece in (*head.split(), *pieces):
        if lines and cell_len(longer := f"{lines[-1]}{gap}{piece}") <= width:
            lines[-1] = longer
        else:
            lines.append(piece)
    return "\n".join(lines)


def wrapped(body: Text, console: Console, width: int) -> Iterator[Text]:
    """The lines of the body, with nothing before them."""
    for line in body.wrap(console, width):
        line.rstrip()
        yield Text.assemble(line, no_wrap=True)
