"""The clients of the field, as outside judges: curl, davix and gfal2 in processes of their own.

They share no line with the harness or the testbed. Each does what its users do with it, with bearer tokens.
"""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

PATIENCE_SECONDS = 30.0
TIMED_OUT = 124


class Mode(StrEnum):
    """Which of the two storages is asked to copy."""

    PULL = "pull"
    PUSH = "push"


@dataclass(frozen=True, slots=True)
class Said:
    """How a client ended and all that it said."""

    code: int
    output: bytes

    @property
    def text(self) -> str:
        """The output as text; gfal2 writes a token as that many x."""
        return re.sub("x{40,}", "<token>", self.output.decode(errors="replace"))


@dataclass(frozen=True, slots=True)
class File:
    """A file at a storage, and a token that allows everything with it there.

    `digest_at_once` is false where the first to ask for a checksum is told to come again (DPM).
    """

    url: str
    token: str
    digest_at_once: bool = True

    @property
    def authorization(self) -> str:
        return f"Authorization: Bearer {self.token}"


@dataclass(frozen=True, slots=True)
class Clients:
    """All clients, trusting one certificate authority: as a file for curl, as a hashed directory for the others."""

    ca_file: Path
    ca_directory: Path

    async def curl(self, *arguments: str) -> Said:
        return await self._run("curl", "--silent", "--show-error", "--cacert", str(self.ca_file), *arguments)

    async def davix(self, command: str, *arguments: str) -> Said:
        """`command` is get, put, ls, mkdir, rm or cp."""
        return await self._run(f"davix-{command}", "--capath", str(self.ca_directory), "--retry", "0", *arguments)

    async def gfal(self, command: str, *arguments: str, token: str) -> Said:
        """`command` is copy, sum, stat...; gfal2 shows the one token to every storage."""
        environment = {
            "BEARER_TOKEN": token,
            "X509_CERT_DIR": str(self.ca_directory),
            "GFAL_PYTHONBIN": "/usr/bin/python3",  # the only one that has Debian's module
        }
        return await self._run(f"gfal-{command}", "-vv", *arguments, environment=environment)

    async def curl_copy(self, mode: Mode, source: File, destination: File) -> Said:
        """Third-party copy as the specification's own examples do it; the last line of the answer decides."""
        active, passive, header = _parties(mode, source, destination)
        said = await self.curl(
            *("--location-trusted", "--request", "COPY", "--header", active.authorization),
            *("--header", f"TransferHeader{passive.authorization}", "--header", f"{header}: {passive.url}"),
            *("--header", "Credential: none", "--header", "Overwrite: T", active.url),
        )
        last = said.text.strip().rpartition("\n")[2]
        return Said(0 if last.lower().startswith("success") else said.code or 1, said.output)

    async def davix_copy(self, mode: Mode, source: File, destination: File) -> Said:
        active, passive, _ = _parties(mode, source, destination)
        return await self.davix(
            *("cp", "--copy-mode", mode, "--header", active.authorization),
            *("--header", f"TransferHeader{passive.authorization}", "--header", "Credential: none"),
            *(source.url, destination.url),
        )

    async def gfal_copy(self, mode: Mode, source: File, destination: File) -> Said:
        """Without falling back to the other mode, and with gfal2's own comparison of the checksums.

        Not where the checksum comes later: gfal2 takes 202 for "no checksum", because its davix asks again only after
        a GET (davix 0.8, neonrequest.cpp).
        """
        compare = ("--checksum", "ADLER32", "--checksum-mode", "both") if destination.digest_at_once else ()
        return await self.gfal(
            *("copy", "--copy-mode", mode, *compare, source.url, destination.url),
            token=source.token,
        )

    async def _run(self, *command: str, environment: Mapping[str, str] | None = None) -> Said:
        """Runs a client to its end, or ends it after `PATIENCE_SECONDS`: then the code is that of timeout(1)."""
        with tempfile.TemporaryFile() as output:
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={"PATH": os.environ["PATH"], "HOME": "/nonexistent", **(environment or {})},
            )
            try:
                async with asyncio.timeout(PATIENCE_SECONDS):
                    code = await process.wait()
            except TimeoutError:
                code = TIMED_OUT
                output.write(f"\n{command[0]} had no end after {PATIENCE_SECONDS} s\n".encode())
            finally:
                if process.returncode is None:
                    process.kill()
                    await process.wait()
            output.seek(0)
            return Said(code, output.read())


Copy = Callable[[Clients, Mode, File, File], Awaitable[Said]]

COPIES: Mapping[str, Copy] = {
    "curl": Clients.curl_copy,
    "davix": Clients.davix_copy,
    "gfal2": Clients.gfal_copy,
}


def _parties(mode: Mode, source: File, destination: File) -> tuple[File, File, str]:
    """The active file, the passive one, and the header in which the active storage is told of it."""
    return (destination, source, "Source") if mode is Mode.PULL else (source, destination, "Destination")
