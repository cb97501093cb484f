"""A terminal of a given size that remembers what was printed."""

from __future__ import annotations

import io

from rich.console import Console, RenderableType
from rich.text import Text


class Screen:
    """`lines` is what a person sees, without colours; `raw` is what was written."""

    def __init__(self, width: int = 80, *, encoding: str = "utf-8", colour: bool = False) -> None:
        self._bytes = io.BytesIO()
        stream = io.TextIOWrapper(self._bytes, encoding=encoding, errors="strict", write_through=True)
        self.console = Console(
            file=stream,
            width=width,
            force_terminal=colour,
            color_system="truecolor" if colour else None,
            no_color=not colour,
            legacy_windows=False,
        )
        self._encoding = encoding

    @property
    def raw(self) -> str:
        return self._bytes.getvalue().decode(self._encoding)

    @property
    def lines(self) -> list[str]:
        return [line.rstrip() for line in Text.from_ansi(self.raw).plain.splitlines()]

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    def show(self, renderable: RenderableType) -> Screen:
        self.console.print(renderable)
        return self
