"""Where a TOML key stands: tomllib gives values without lines, and an error message without a line is a riddle.

A scanner for documents that tomllib has already accepted, so it needs to know the shape of TOML only, not its rules:
tables, arrays of tables, dotted and quoted keys, inline tables, arrays and the four kinds of strings (TOML 1.0).
"""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_left
from collections.abc import Mapping

KeyPath = tuple[str | int, ...]

_BLANK = re.compile(r"(?:[ \t\r\n]+|#[^\n]*)*")
_KEY_PART = re.compile(r"""[ \t]*([A-Za-z0-9_-]+|"(?:[^"\\\n]|\\.)*"|'[^'\n]*')[ \t]*""")
# A multi-line string may end in five quotes: two of them are content.
_STRING = re.compile(
    r"""
    "{3}(?:[^\\]|\\.)*?"{3,5}
    | '{3}.*?'{3,5}
    | "(?:[^"\\\n]|\\.)*"
    | '[^'\n]*'
    """,
    re.DOTALL | re.VERBOSE,
)
_BARE_VALUE = re.compile(r"[^,\]}#\n]+")


def find_lines(text: str) -> dict[KeyPath, int]:
    """The line, from 1, of every key, table and array element of a valid TOML document.

    A path is what leads to the value in tomllib's result: names for tables, indices for arrays. What exists only
    as a prefix (`a` in `[a.b]`) has the line where it is first mentioned. Raises ValueError if the scan loses its
    way, which means that the document is not valid.
    """
    scan = _Scan(text)
    scan.document()
    return scan.lines


def line_of(lines: Mapping[KeyPath, int], path: KeyPath) -> int | None:
    """The line of a path, or of the nearest thing around it that the document has; None if that is the document."""
    for length in range(len(path), 0, -1):
        if (line := lines.get(path[:length])) is not None:
            return line
    return None


class _Scan:
    def __init__(self, text: str) -> None:
        self.lines: dict[KeyPath, int] = {}
        self._text = text
        self._at = 0
        self._newlines = [match.start() for match in re.finditer("\n", text)]
        self._lengths: dict[KeyPath, int] = {}  # arrays of tables: how many so far
        self._implied: set[KeyPath] = set()  # mentioned as a prefix, not yet defined on their own

    def document(self) -> None:
        table: KeyPath = ()
        while self._skip_blank():
            if self._text.startswith("[[", self._at):
                table = self._array_header()
            elif self._text[self._at] == "[":
                table = self._header()
            else:
                self._pair(table)

    def _skip_blank(self) -> bool:
        """Moves to the next thing that counts; False at the end."""
        self._at = self._match(_BLANK).end()
        return self._at < len(self._text)

    def _match(self, pattern: re.Pattern[str]) -> re.Match[str]:
        match = pattern.match(self._text, self._at)
        if match is None:
            raise ValueError(f"not TOML in line {self._line()}")
        return match

    def _line(self) -> int:
        return bisect_left(self._newlines, self._at) + 1

    def _expect(self, mark: str) -> None:
        if not self._text.startswith(mark, self._at):
            raise ValueError(f"no {mark} in line {self._line()}")
        self._at += len(mark)

    def _key(self) -> list[str]:
        parts: list[str] = []
        while True:
            match = self._match(_KEY_PART)
            self._at = match.end()
            parts.append(_plain(match[1]))
            if not self._text.startswith(".", self._at):
                return parts
            self._at += 1

    def _define(self, path: KeyPath, line: int) -> None:
        if path not in self.lines or path in self._implied:
            self.lines[path] = line
            self._implied.discard(path)

    def _walk(self, start: KeyPath, parts: list[str], line: int) -> KeyPath:
        """The path of a table named by key parts; a name of an array of tables means its last element."""
        path = start
        for part in parts:
            path = (*path, part)
            if path not in self.lines:
                self.lines[path] = line
                self._implied.add(path)
            if path in self._lengths:
                path = (*path, self._lengths[path] - 1)
        return path

    def _header(self) -> KeyPath:
        line = self._line()
        self._expect("[")
        path = self._walk((), self._key(), line)
        self._expect("]")
        self._define(path, line)
        return path

    def _array_header(self) -> KeyPath:
        line = self._line()
        self._expect("[[")
        *parents, last = self._key()
        self._expect("]]")
        array = (*self._walk((), parents, line), last)
        index = self._lengths.get(array, 0)
        self._lengths[array] = index + 1
        self.lines.setdefault(array, line)
        self.lines[(*array, index)] = line
        return (*array, index)

    def _pair(self, table: KeyPath) -> None:
        line = self._line()
        *parents, last = self._key()
        path = (*self._walk(table, parents, line), last)
        self._define(path, line)
        self._expect("=")
        self._value(path)

    def _value(self, path: KeyPath) -> None:
        self._skip_blank()
        if self._text.startswith("[", self._at):
            self._array(path)
        elif self._text.startswith("{", self._at):
            self._inline_table(path)
        elif self._text.startswith(('"', "'"), self._at):
            self._at = self._match(_STRING).end()
        else:
            self._at = self._match(_BARE_VALUE).end()

    def _array(self, path: KeyPath) -> None:
        self._expect("[")
        index = 0
        while self._skip_blank() and self._text[self._at] != "]":
            self.lines[(*path, index)] = self._line()
            self._value((*path, index))
            self._skip_blank()
            if self._text.startswith(",", self._at):
                self._at += 1
            index += 1
        self._expect("]")

    def _inline_table(self, path: KeyPath) -> None:
        self._expect("{")
        while self._skip_blank() and self._text[self._at] != "}":
            self._pair(path)
            self._skip_blank()
            if self._text.startswith(",", self._at):
                self._at += 1
        self._expect("}")


def _plain(part: str) -> str:
    """A key part without its quotes and escapes, read by tomllib itself."""
    if part[0] not in "\"'":
        return part
    value: str = tomllib.loads(f"key = {part}")["key"]
    return value
