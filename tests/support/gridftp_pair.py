"""GridFTP servers from Debian on loopback, in front of files that other doors show as well, and a user they know.

Where a server takes over a user's rights, as in every copy between two, GSI makes a proxy key of the size of his own,
which must be RSA: so their certificates come from an authority of their own, not from the testbed's. The servers listen
on 127.0.0.1, and write as the user to whom their grid map leads.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.real_gridftp import PROGRAM, GridftpError, stop
from tests.support.real_xrootd import reserved_port

START_SECONDS = 20.0
_POLICY = "access_id_CA X509 '/O=tpcharness/CN=tests'\npos_rights globus CA:sign\ncond_subjects globus '\"*\"'\n"


@dataclass(frozen=True, slots=True)
class GridFtp:
    """Where a user's certificate and key are, and the authorities as Globus wants them; `ports` by server."""

    certificate: Path
    key: Path
    authorities: Path
    ports: tuple[int, ...]


@asynccontextmanager
async def gridftp_servers(directory: Path, user: str, count: int = 2) -> AsyncIterator[GridFtp]:
    """Servers that show every file which `user` may see; `directory` is empty, and is ours."""
    if shutil.which(PROGRAM) is None:
        raise GridftpError(f"{PROGRAM} is not installed: run packaging/install-debian-packages")
    await asyncio.to_thread(_furnish, directory, user)
    async with AsyncExitStack() as stack:
        ports = []
        for _ in range(count):
            with reserved_port() as port:
                stack.push_async_callback(stop, await _start(directory, port))
            ports.append(port)
        yield GridFtp(directory / "user.pem", directory / "user.key", directory / "authorities", tuple(ports))


def _furnish(directory: Path, user: str) -> None:
    def openssl(*words: str) -> str:
        done = subprocess.run(["openssl", *words], check=True, cwd=directory, capture_output=True, text=True)
        return done.stdout.strip()

    new_key = ("-newkey", "rsa:2048", "-nodes")
    openssl("req", "-x509", *new_key, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/O=tpcharness/CN=tests")
    (directory / "extensions").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
    for name, common in (("host", "localhost"), ("user", "tester")):
        subject = ("-subj", f"/O=tpcharness/CN={common}")
        openssl("req", *new_key, "-keyout", f"{name}.key", "-out", f"{name}.csr", *subject)
        signed = ("-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", "extensions")
        openssl("x509", "-req", "-in", f"{name}.csr", *signed, "-out", f"{name}.pem")
        (directory / f"{name}.key").chmod(0o400)
    authorities = directory / "authorities"
    authorities.mkdir()
    digest = openssl("x509", "-hash", "-noout", "-in", "ca.pem")
    shutil.copyfile(directory / "ca.pem", authorities / f"{digest}.0")
    (authorities / f"{digest}.signing_policy").write_text(_POLICY)
    (directory / "gridmap").write_text(f'"/O=tpcharness/CN=tester" {user}\n')


async def _start(directory: Path, port: int) -> asyncio.subprocess.Process:
    interfaces = ("-control-interface", "127.0.0.1", "-data-interface", "127.0.0.1")
    process = await asyncio.create_subprocess_exec(
        *("setpriv", "--pdeathsig", "KILL", PROGRAM, "-s", "-p", str(port), *interfaces),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={
            "PATH": os.defpath + ":/usr/sbin",
            "HOME": str(directory),
            "X509_USER_CERT": str(directory / "host.pem"),
            "X509_USER_KEY": str(directory / "host.key"),
            "X509_CERT_DIR": str(directory / "authorities"),
            "GRIDMAP": str(directory / "gridmap"),
        },
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(START_SECONDS):
            while process.returncode is None and not await _greets(port):
                await asyncio.sleep(0.05)
    except BaseException:
        await stop(process)
        raise
    if process.returncode is not None:
        raise GridftpError(f"{PROGRAM} ended with {process.returncode}")
    return process


async def _greets(port: int) -> bool:
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    try:
        return (await reader.readline()).startswith(b"220")
    finally:
        writer.close()
        await writer.wait_closed()
