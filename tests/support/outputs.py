"""Every output that a result can end in, and what none of them may hold."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree as ET

from rich.console import Console

from tpcharness.diagnosis.findings import find
from tpcharness.export.failure_text import FailureText
from tpcharness.export.formats import Format, Output, Outputs
from tpcharness.export.story import Story
from tpcharness.model.progress import Event, ProbeEnded
from tpcharness.model.result import Result
from tpcharness.results.run import EndpointFacts, RunEnd, RunFacts
from tpcharness.results.store import MatrixStore

# C0 but for line feeds, DEL and C1, bidi and zero-width controls, the byte order mark, halves of surrogate pairs.
_HARMFUL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")
_PLACEHOLDERS = re.compile(r"[\x01-\x08]")  # of the page's own data, for texts that come again and again


def rendered(results: Sequence[Result], folder: Path, events: Sequence[Event] = ()) -> dict[str, str]:
    """The text of each format, of the story of `events`, and of the explanation of each failure."""
    names = sorted({name for result in results for name in str(result.subject).split(" -> ")})
    run = RunFacts("run", datetime.now(UTC), "1", "house", endpoints=tuple(map(EndpointFacts, names)))
    store = MatrixStore(names)
    outputs = [Output(kind, str(folder / f"out.{kind.value}")) for kind in Format]
    screen = _screen()
    with Outputs(outputs, screen) as files:
        files.begin(run)
        for result in results:
            store.add(result)
            files.add(result)
        problems = files.finish(run.finish(RunEnd.COMPLETE, datetime.now(UTC)), store, find(results))
    assert problems == []
    texts = {output.format.value: Path(output.path).read_bytes().decode("utf-8", "strict") for output in outputs}
    story = Story(screen, lambda: 0.0)
    for event in (*events, *map(ProbeEnded, results)):
        story.notice(event)
    for result in results:
        if not result.ok:
            screen.print(FailureText(result))
    return {**texts, "screen": _said(screen)}


def assert_harmless(texts: dict[str, str]) -> None:
    """Nothing that a terminal obeys, no character that lies, and no markup that a server put in."""
    for name, text in texts.items():
        found = _HARMFUL.search(text)
        assert found is None, f"{name}: {found and text[max(0, found.start() - 40) : found.end() + 40]!r}"
    page = _Page(texts["html"])
    assert page.scripts == len(("data", "our own"))
    assert page.handlers == []
    harmful = _harmful_in(json.loads(page.data))
    assert harmful is None, repr(harmful)
    for element in ET.fromstring(texts["junit"]).iter():
        assert _HARMFUL.search("".join([element.text or "", *element.attrib.values()])) is None
    for line in texts["markdown"].splitlines():
        assert "<script" not in re.sub(r"(`+).*?\1", "", line)


def _harmful_in(value: object) -> str | None:
    """The first harmful text in a JSON value."""
    match value:
        case str():
            return value if _HARMFUL.search(_PLACEHOLDERS.sub("", value)) else None
        case dict() | list():
            inner = [*value, *value.values()] if isinstance(value, dict) else value
            return next(filter(None, map(_harmful_in, inner)), None)
        case _:
            return None


class _Page(HTMLParser):
    """What a browser would run, and the data that it would show."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.scripts = 0
        self.handlers: list[str] = []
        self.data = ""
        self._reading = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.scripts += tag == "script"
        self._reading = ("id", "data") in attrs
        self.handlers += [f"{tag} {name}" for name, _ in attrs if name.startswith("on")]

    def handle_endtag(self, _tag: str) -> None:
        self._reading = False

    def handle_data(self, data: str) -> None:
        if self._reading:
            self.data += data


def _screen() -> Console:
    return Console(file=io.StringIO(), width=120, force_terminal=False, no_color=True)


def _said(screen: Console) -> str:
    assert isinstance(screen.file, io.StringIO)
    return screen.file.getvalue()
