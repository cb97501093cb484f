"""What is wrong with a configuration, as values: one line each in `config check`, at length everywhere else."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from tpcharness.config.lines import KeyPath
from tpcharness.model.secret import MASK, redact, redact_url

VALUE_LIMIT = 80

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}", re.ASCII)
# Settings that are no secret although their names sound like it.
_HARMLESS = frozenset({"tokens", "token", "client_secret_file"})
_SOUNDS_SECRET = re.compile(r"secret|token|passw|credential|bearer|api_?key|private|macaroon", re.IGNORECASE)


class Severity(StrEnum):
    """Whether the file can be used all the same."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, and what to do about it.

    `key` is dotted, empty for the whole file; `value` is ready to be printed, secrets masked. `message` continues
    the key: "is missing". `hint` is an order: "write ...".
    """

    message: str
    file: str
    line: int | None = None
    column: int | None = None
    key: str = ""
    value: str = ""
    hint: str = ""
    severity: Severity = Severity.ERROR

    @property
    def place(self) -> str:
        """FILE:LINE:COLUMN, as far as it is known."""
        return ":".join(str(part) for part in (self.file, self.line, self.column) if part is not None)

    @property
    def one_line(self) -> str:
        """Everything in one line, in the manner of compilers, so that editors can jump to it."""
        subject = f"{self.key} = {self.value}" if self.key and self.value else self.key or self.value
        told = f"{self.place}: {self.severity}: {f'{subject} {self.message}'.lstrip()}"
        return f"{told}; {self.hint}" if self.hint else told

    @property
    def text(self) -> str:
        """The same over several lines: what, which value, what to do."""
        lines = [f"{self.severity}: {self.place}: {f'{self.key} {self.message}'.lstrip()}"]
        lines += [f"  value: {self.value}"] if self.value else []
        lines += [f"  hint:  {self.hint}"] if self.hint else []
        return "\n".join(lines)


class ConfigErrors(Exception):  # noqa: N818 - it holds several, and each is an error or a warning
    """All that is wrong with one file: at least one error; the warnings stand after the errors.

    `load_config` returns it, because for some callers (`config check`, a reload) it is an answer like another;
    commands that cannot go on without a configuration raise it.
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=_order))
        super().__init__(f"{_count(self.errors, 'error')}, {_count(self.warnings, 'warning')}")

    @property
    def errors(self) -> tuple[Problem, ...]:
        return tuple(problem for problem in self.problems if problem.severity is Severity.ERROR)

    @property
    def warnings(self) -> tuple[Problem, ...]:
        return tuple(problem for problem in self.problems if problem.severity is Severity.WARNING)

    @property
    def text(self) -> str:
        """Everything at length, and the sum at the end, where the eye stays."""
        return "\n".join([*(problem.text for problem in self.problems), f"the configuration has {self}"])


class Unfit(ValueError):  # noqa: N818 - it is about a value, and reads as one word where it is raised
    """A value that a setting cannot have, with the remedy."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


def dotted(path: KeyPath) -> str:
    """A key path as the file would write it: `endpoints."a.b".https`, `probes[0].sizes`."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            name = part if _BARE_KEY.fullmatch(part) else json.dumps(part, ensure_ascii=False)
            text += f".{name}" if text else name
    return text


def shown(path: KeyPath, value: object) -> str:
    """A value for a message: on one line, cut, and masked wherever it may be a secret."""
    name = next((part for part in reversed(path) if isinstance(part, str)), "")
    if name not in _HARMLESS and _SOUNDS_SECRET.search(name):
        return MASK
    if name == "variable" and not _VARIABLE.fullmatch(str(value)):
        return MASK  # most probably the token itself
    if name == "database" and "password" in str(value).lower():
        return MASK  # in a query, or in the words of libpq
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        clean = redact_url(value) if "://" in value else redact(value)
        text = json.dumps(_cut(clean), ensure_ascii=False)
        return "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in text)
    if isinstance(value, list):
        return _cut("[" + ", ".join(shown(path, item) for item in value) + "]")
    if isinstance(value, dict):
        return "{...}"
    return _cut(str(value))


def nearest(word: str, known: Iterable[str]) -> str:
    """The known word that was most probably meant, or an empty text. Case and `-` against `_` do not count."""
    folded: dict[str, str] = {}
    for name in known:
        folded.setdefault(name.casefold().replace("-", "_"), name)
    close = difflib.get_close_matches(word.casefold().replace("-", "_"), folded, n=1, cutoff=0.6)
    return folded[close[0]] if close else ""


def did_you_mean(word: str, known: Iterable[str], otherwise: str = "") -> str:
    """A remedy for a word that does not exist."""
    near = nearest(word, known)
    return f"did you mean {json.dumps(near, ensure_ascii=False)}?" if near else otherwise


def _order(problem: Problem) -> tuple[bool, int]:
    return (problem.severity is Severity.WARNING, problem.line or 0)


def _count(problems: tuple[Problem, ...], word: str) -> str:
    return f"{len(problems)} {word}{'' if len(problems) == 1 else 's'}"


def _cut(text: str) -> str:
    return text if len(text) <= VALUE_LIMIT else text[: VALUE_LIMIT - 3] + "..."
