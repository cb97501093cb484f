"""One file as it was read: its values, where each stands, and how to speak of them."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tpcharness.config.lines import KeyPath, find_lines, line_of
from tpcharness.config.problems import Problem, Severity, dotted, shown

MAX_BYTES = 16 * 1024 * 1024

_WHERE = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")
_SYNTAX_HINTS = (
    ("Cannot declare", "a section can stand only once: rename one of the two, or join them"),
    ("Cannot overwrite", "a key can stand only once: remove one of the two"),
    ("Duplicate inline table key", "a key can stand only once: remove one of the two"),
    ("Cannot mutate", "the table is complete where it is first written: write all its keys there"),
    ("Cannot redefine", "the table is complete where it is first written: write all its keys there"),
    ("Invalid value", "put texts in double quotes; a list begins with [ and ends with ]"),
    ("Invalid statement", "write KEY = VALUE, a [section], or a # comment"),
    ("Expected newline", 'write one KEY = VALUE on a line, and put "6h" and "1MiB" in double quotes like texts'),
    ("Expected '=' after a key", "write KEY = VALUE; a key with unusual characters needs double quotes"),
    ("Expected ']' at", 'end it with ]; a name with unusual characters needs double quotes: [endpoints."A/B"]'),
    ("Expected ']]' at", "end it with ]], as in [[probes]]"),
    ("Invalid initial character", "begin with a name; one with unusual characters needs double quotes"),
    ("Unclosed array", "end the list with ], and put a comma between its values"),
    ("Unclosed inline table", "end it with } on the same line, and put a comma between its keys"),
    ("Unescaped '\\'", "write two backslashes for one, or use single quotes"),
    ("Invalid hex value", "write two backslashes for one, or use single quotes"),
    ("Escaped character", "write the character itself"),
    ("Unterminated string", "end the text with the quotes that it begins with"),
    ('Expected "', "end the text with the quotes that it begins with"),
    ("Illegal character '\\n'", "end the text with quotes on the same line"),
    ("Illegal character", "remove the character; an editor may not show it"),
    ("Found invalid character", "remove the character; an editor may not show it"),
    ("Invalid date", "write a date that exists, such as 2026-07-01T08:00:00Z"),
)
_ANY_SYNTAX_HINT = "write KEY = VALUE or a [section] there; an example comes from: tpcharness config init"


@dataclass(frozen=True, slots=True)
class Source:
    """A configuration file that is valid TOML. `name` is the path as the user wrote it."""

    path: Path
    name: str
    values: Mapping[str, Any]
    lines: Mapping[KeyPath, int]

    def line(self, path: KeyPath) -> int | None:
        return line_of(self.lines, path)

    def place(self, path: KeyPath) -> str:
        """FILE:LINE of a key."""
        line = self.line(path)
        return self.name if line is None else f"{self.name}:{line}"

    def has(self, path: KeyPath) -> bool:
        """Whether the file itself says anything at this path."""
        return path in self.lines

    def table(self, name: str) -> Mapping[str, Any]:
        """A top-level table as it stands in the file; empty if there is none."""
        found = self.values.get(name)
        return found if isinstance(found, dict) else {}

    def value(self, path: KeyPath) -> Any:
        """What the file says at a path; None if it says nothing."""
        found: Any = self.values
        for part in path:
            try:
                found = found[part]
            except (KeyError, IndexError, TypeError):
                return None
        return found

    def problem(self, path: KeyPath, message: str, hint: str = "", severity: Severity = Severity.ERROR) -> Problem:
        """A problem with what stands at a path; its value is shown unless it is a whole table."""
        value = self.value(path)
        text = "" if value is None or isinstance(value, dict) else shown(path, value)
        return Problem(message, self.name, self.line(path), None, dotted(path), text, hint, severity)

    def warning(self, path: KeyPath, message: str, hint: str = "") -> Problem:
        return self.problem(path, message, hint, Severity.WARNING)


def read_source(path: Path) -> Source | Problem:
    """The file's values and lines, or the one problem that keeps us from reading it."""
    name = str(path)
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        return Problem("there is no such file", name, hint="name another, or write one with: tpcharness config init")
    except IsADirectoryError:
        return Problem("is a directory", name, hint="name the file in it, such as endpoints.toml")
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        return Problem(f"cannot be read: {why}", name, hint="check the path and its permissions")
    if len(content) > MAX_BYTES:
        return Problem("is too big for a configuration", name, hint="is this the right file?")
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        return Problem("is not UTF-8 text", name, line, hint="save the file as UTF-8")
    if text.startswith("\ufeff"):
        return Problem("begins with a byte order mark", name, 1, 1, hint="save the file as UTF-8 without BOM")
    text = text.replace("\r\n", "\n")
    try:
        return Source(path, name, tomllib.loads(text), find_lines(text))
    except tomllib.TOMLDecodeError as error:
        return _syntax_problem(name, text, str(error))
    except RecursionError:
        return Problem("is nested too deeply", name, hint="is this the right file?")
    except ValueError:  # Python refuses to read a number of thousands of digits
        return Problem("has a number that is too long", name, hint="is this the right file?")


def _syntax_problem(name: str, text: str, message: str) -> Problem:
    where = _WHERE.search(message)
    if where is None or where[1] is None:
        end = text.rstrip("\n")
        line, column = end.count("\n") + 1, len(end) - (end.rfind("\n") + 1) + 1
    else:
        line, column = int(where[1]), int(where[2])
    what = _WHERE.sub("", message)
    hint = next((hint for start, hint in _SYNTAX_HINTS if what.startswith(start)), _ANY_SYNTAX_HINT)
    return Problem(f"is not valid TOML: {what}", name, line, column, hint=hint)
