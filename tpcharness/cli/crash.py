"""What is left of a bug of ours: a report in a file, without secrets, and one line that names it."""

from __future__ import annotations

import os
import platform
import tempfile
import traceback
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from tpcharness import __version__
from tpcharness.config.places import STATE_DIR_VARIABLE, state_home
from tpcharness.model.secret import redact


def save_report(error: BaseException, words: Sequence[str], environ: Mapping[str, str]) -> Path | None:
    """Writes the report where state is kept, else to the temporary directory; None if nowhere can be written."""
    text = redact(
        f"tpcharness {__version__}, Python {platform.python_version()}, {platform.platform()}\n"
        f"{datetime.now(UTC).isoformat(timespec='seconds')}\n"
        f"command: {' '.join(words)}\n\n{''.join(traceback.format_exception(error))}"
    )
    for folder in _folders(environ):
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            # mkstemp: a name that nobody can have prepared, readable by us only.
            handle, name = tempfile.mkstemp(prefix="tpcharness-crash-", suffix=".txt", dir=folder)
        except OSError:
            continue
        with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(text)
        return Path(name)
    return None


def headline(error: BaseException) -> str:
    """The error in one printable line without secrets."""
    text = redact(" ".join(traceback.format_exception_only(error)[0].split()))
    return "".join(char for char in text if char.isprintable())[:300]


def _folders(environ: Mapping[str, str]) -> list[Path]:
    state = environ.get(STATE_DIR_VARIABLE)
    return [Path(state) if state else state_home(environ) / "tpcharness", Path(tempfile.gettempdir())]
