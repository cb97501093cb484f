"""A how-to page as a script: what a reader types, in the order of the page, in a network of its own.

Each block of `sh` on a page is run. A comment before a block says what is special about it:

    <!-- another shell, until: COMMAND -->   it goes on running; the page goes on when COMMAND succeeds
    <!-- until it succeeds -->               a reader would look again, too
    <!-- ends with: CODE -->                 it ends with this code, not with 0
    <!-- file: NAME -->                      no command but a file's text, of any language; it is written to NAME
    <!-- not here: WHY -->                   is not run, or not written
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

PATIENCE_SECONDS = 90


class Kind(Enum):
    """What becomes of a block."""

    RUN = "run"
    ANOTHER_SHELL = "another shell, until"
    AGAIN = "until it succeeds"
    ENDS_WITH = "ends with"
    FILE = "file"
    NOT_HERE = "not here"


@dataclass(frozen=True, slots=True)
class Block:
    """One block of code. `detail` is what its comment says after the colon; `line` counts from 1."""

    kind: Kind
    language: str
    text: str
    detail: str
    line: int


_BLOCK = re.compile(r"(?:^<!-- ([^:\n]+?)(?:: ([^\n]*))? -->\n)?^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(page: str) -> list[Block]:
    """The blocks of a page. Raises ValueError for a comment that this file does not know."""
    found = []
    for match in _BLOCK.finditer(page):
        word, detail, language, text = match.groups(default="")
        kind = Kind(word) if word else Kind.RUN if language == "sh" else Kind.NOT_HERE
        found.append(Block(kind, language, text, detail, page.count("\n", 0, match.start(4))))
    return found


def script(page: Path) -> str:
    """The page for bash. It ends with 0 if all went as the page says, and tells the line at which it did not."""
    parts = [_BEGIN]
    for block in blocks(page.read_text(encoding="utf-8")):
        parts.append(f"step={page.name}:{block.line}\n{_step(block)}")
    return "\n".join(parts)


def _step(block: Block) -> str:
    text = block.text
    match block.kind:
        case Kind.RUN:
            return text
        case Kind.AGAIN:
            return f"attempt() {{\n{text}}}\npatiently attempt"
        case Kind.ANOTHER_SHELL:
            return f'{{\n{text}}} &\nshells=($! "${{shells[@]}}")\nattempt() {{\n{block.detail}\n}}\npatiently attempt'
        case Kind.ENDS_WITH:
            return f"code=0\n(\n{text}) || code=$?\n[ $code -eq {int(block.detail)} ]"
        case Kind.FILE:
            return f"printf %s {shlex.quote(text)} >{shlex.quote(block.detail)}"
        case Kind.NOT_HERE:
            return ":"


# Other shells are process groups of their own (-m), and are ended as a reader would: the last one first. What still
# runs then ends with this script, which is the first process of its namespace.
_BEGIN = f"""\
set -euo pipefail -m
step=beginning
shells=()
finish() {{
  code=$?
  [ $code -eq 0 ] || echo "$step ended with $code" >&2
  for shell in "${{shells[@]}}"; do
    kill -TERM -- "-$shell" 2>/dev/null || true
    while kill -0 -- "-$shell" 2>/dev/null; do sleep 0.1; done
  done
  exit $code
}}
trap finish EXIT
patiently() {{
  local end=$((SECONDS + {PATIENCE_SECONDS}))
  until "$@" >attempt.log 2>&1; do
    if [ $SECONDS -ge $end ]; then cat attempt.log >&2; return 1; fi
    sleep 0.2
  done
}}
ip link set lo up"""
