"""Globus' GridFTP server from Debian's package on loopback: what a gsiftp door really says.

It runs as a user without rights, keeps everything below one folder, and has a host certificate of a testbed's
authority; its files are open to the name "anonymous", and to the certificates of a grid map file.
"""

from __future__ import annotations

import asyncio
import os
import pwd
import re
import shutil
import signal
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509

from tpcharness.testbed.pki import Authority, CertFiles

PROGRAM = "globus-gridftp-server"
START_SECONDS = 30.0
STOP_SECONDS = 5.0

_LISTENING = re.compile(r"^Server listening at \S+:(\d+)$", re.MULTILINE)
_POLICY = """\
access_id_CA X509 '{name}'
pos_rights globus CA:sign
cond_subjects globus '"/*"'
"""


class GridftpError(RuntimeError):
    """The server or its package is missing, or did not come up; the message says what to do or ends with its log."""


@dataclass(frozen=True, slots=True)
class GridftpServer:
    """A running server. `data_dir` is the folder that it shows; paths in its URLs are whole ones."""

    port: int
    home: Path
    client: CertFiles

    @property
    def data_dir(self) -> Path:
        return self.home / "data"

    @property
    def url(self) -> str:
        """What an endpoint's `gsiftp` says for it."""
        return f"gsiftp://localhost:{self.port}{self.data_dir}"


@asynccontextmanager
async def real_gridftp(authority: Authority, home: Path, *, gsi: bool = True) -> AsyncIterator[GridftpServer]:
    """A server on a free port of 127.0.0.1, gone at the end with all that it started.

    `home` must be empty and reachable for the server's user, and belongs to that user afterwards. Without `gsi` it
    has no host certificate. Raises GridftpError when something is missing or it is not ready in `START_SECONDS`.
    """
    if shutil.which(PROGRAM) is None:
        raise GridftpError(f"{PROGRAM} not installed: run packaging/install-debian-packages")
    user = pwd.getpwnam("nobody") if os.geteuid() == 0 else None
    client = authority.issue("gridftp-client")
    await asyncio.to_thread(_furnish, authority, home, client, user)
    process = await _start(home, user, gsi=gsi)
    try:
        yield GridftpServer(await _port(process, home / "log"), home, client)
    finally:
        await stop(process)


def certificates(authority: Authority) -> Path:
    """The authority as GSI wants it: HASH.0 and, beside it, what the authority may sign."""
    directory = authority.hashed_directory()
    for file in directory.glob("*.0"):
        file.with_suffix(".signing_policy").write_text(_POLICY.format(name=_name(authority.ca_file)))
    return directory


def _name(certificate: Path) -> str:
    """The subject with slashes, as Globus writes it."""
    subject = x509.load_pem_x509_certificate(certificate.read_bytes()).subject
    return "".join(f"/{part.rfc4514_string()}" for part in subject)


def _furnish(authority: Authority, home: Path, client: CertFiles, user: pwd.struct_passwd | None) -> None:
    host = authority.issue("gridftp-host")
    (home / "data").mkdir()
    shutil.copytree(certificates(authority), home / "certificates")
    shutil.copyfile(host.cert, home / "host.pem")
    shutil.copyfile(host.key, home / "host-key.pem")
    (home / "host-key.pem").chmod(0o400)
    (home / "gridmap").write_text(f'"{_name(client.cert)}" {_login(user)}\n')
    if user is not None:
        for path in (home, *home.rglob("*")):
            os.chown(path, user.pw_uid, user.pw_gid)


def _login(user: pwd.struct_passwd | None) -> str:
    return (user or pwd.getpwuid(os.geteuid())).pw_name


async def _start(home: Path, user: pwd.struct_passwd | None, *, gsi: bool) -> asyncio.subprocess.Process:
    # setpriv ends the server with us even when we are killed; a group of its own, for it forks for each connection.
    command = ["setpriv", "--pdeathsig", "KILL", "--inh-caps=-all", "--ambient-caps=-all"]
    if user is not None:
        command += [f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
    command += [PROGRAM, "-s", "-p", "0", "-control-interface", "127.0.0.1", "-data-interface", "127.0.0.1"]
    command += ["-aa", "-anonymous-user", _login(user)]
    environment = {"PATH": os.defpath + ":/usr/sbin", "HOME": str(home), "GRIDMAP": str(home / "gridmap")}
    environment["X509_CERT_DIR"] = str(home / "certificates")
    if gsi:
        environment |= {"X509_USER_CERT": str(home / "host.pem"), "X509_USER_KEY": str(home / "host-key.pem")}
    with (home / "log").open("wb") as log:
        return await asyncio.create_subprocess_exec(
            *command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=home,
            env=environment,
            start_new_session=True,
        )


async def _port(process: asyncio.subprocess.Process, log: Path) -> int:
    """Where it listens, once its log says so."""
    try:
        async with asyncio.timeout(START_SECONDS):
            while (found := _LISTENING.search(log.read_text(errors="replace"))) is None:
                if process.returncode is not None:
                    raise GridftpError(f"{PROGRAM} did not start:\n{log.read_text(errors='replace')}")
                await asyncio.sleep(0.02)
    except TimeoutError:
        text = log.read_text(errors="replace")
        raise GridftpError(f"{PROGRAM} is not ready after {START_SECONDS} s:\n{text}") from None
    return int(found[1])


async def stop(process: asyncio.subprocess.Process) -> None:
    """Ends the server and what it forked."""
    _signal(process, signal.SIGTERM)
    try:
        async with asyncio.timeout(STOP_SECONDS):
            await process.wait()
    except TimeoutError:
        pass
    _signal(process, signal.SIGKILL)
    await process.wait()


def _signal(process: asyncio.subprocess.Process, number: signal.Signals) -> None:
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:  # nobody is left in the group
        pass
