"""Which Python has gfal2: the configured one, ours, the system's, or the first on PATH."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
from asyncio.subprocess import Process
from collections.abc import Iterable, Mapping
from contextlib import suppress

from tpcharness.model.failure import Failure
from tpcharness.model.reason import Reason
from tpcharness.model.secret import redact
from tpcharness.model.variant import Blame

IMPORT_SECONDS = 20.0
REAP_SECONDS = 10.0
_QUESTION = "import gfal2; gfal2.creat_context()"  # only with a context are its plug-ins loaded
SYSTEM_PYTHON = "/usr/bin/python3"
_REMEDY = "install python3-gfal2 (or pip's gfal2-python) and gfal2's plug-ins, and name its Python as gfal_python"

# What gfal2 and its plug-ins read; no variable with a token in it, and nothing else of ours.
_HANDED_ON = ("PATH", "HOME", "LANG", "TMPDIR", "LD_LIBRARY_PATH", "PYTHONPATH", "KRB5CCNAME")
_DEFAULTS = {"XRD_CONNECTIONRETRY": "1", "XRD_CONNECTIONWINDOW": "30"}  # XrdCl tries a closed door for ten minutes
_HANDED_ON_PREFIXES = ("X509_", "GLOBUS_", "GFAL_", "XRD_", "SSL_CERT_")


def environment_of_workers(ours: Mapping[str, str] = os.environ) -> dict[str, str]:
    """What a worker is given of our environment: user's proxy and settings of gfal2, never a bearer token."""
    handed_on = {
        name: value for name, value in ours.items() if name in _HANDED_ON or name.startswith(_HANDED_ON_PREFIXES)
    }
    return _DEFAULTS | handed_on


async def find_interpreter(configured: str = "") -> str | Failure:
    """The path of a Python that imports gfal2; each candidate is really asked, for at most `IMPORT_SECONDS`.

    A configured one is not replaced by another. Failure WORKER_UNAVAILABLE, which is ours, says what each one said.
    """
    said: list[str] = []
    for candidate in (configured,) if configured else _candidates():
        complaint = await _complaint_of(candidate)
        if not complaint:
            return candidate
        said.append(f"{candidate}: {complaint}")
    return Failure(Reason.WORKER_UNAVAILABLE, f"no Python has gfal2: {_REMEDY} ({'; '.join(said)})", Blame.CLIENT)


def _candidates() -> Iterable[str]:
    found = (sys.executable, SYSTEM_PYTHON, shutil.which("python3") or "")
    return dict.fromkeys(path for path in found if path)


async def _complaint_of(interpreter: str) -> str:
    """Why a Python cannot be used; empty if it can."""
    try:
        process = await asyncio.create_subprocess_exec(
            interpreter,
            *("-c", _QUESTION),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env=environment_of_workers(),
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        return getattr(error, "strerror", None) or str(error)
    try:
        async with asyncio.timeout(IMPORT_SECONDS):
            _, stderr = await process.communicate()
    except TimeoutError:
        return f"`import gfal2` took more than {IMPORT_SECONDS:g} s"
    finally:
        if process.returncode is None or process.stderr is None or not process.stderr.at_eof():
            await _end(process)
    if process.returncode == 0:
        return ""
    last = stderr.decode(errors="replace").strip().rpartition("\n")[2]
    return redact(last)[:200] or f"`import gfal2` ended with {process.returncode}"


async def _end(process: Process) -> None:
    """Ends it with its whole session: a child of it may live on, and hold its pipe."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    with suppress(TimeoutError):
        async with asyncio.timeout(REAP_SECONDS):
            await process.communicate()
