"""Real XRootD servers that also speak root:// and roots://, with third-party copy, and Debian's clients as judges.

One port serves https and root. The destination of a copy runs Debian's xrdcp, which trusts the tests' authority by a
hashed directory: XrdCl takes no CA file.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.real_xrootd import RealXrootd, Server, Setup, XrootdError, reserved_port
from tpcharness.model.endpoint import AddressFamily
from tpcharness.model.secret import Secret
from tpcharness.net.xroot import XrootTarget
from tpcharness.testbed.issuer import Issuer
from tpcharness.testbed.pki import Authority
from tpcharness.wire.xroot.opaque import RootUrl

JUDGE_SECONDS = 60.0
CLUSTER = "https://cluster.example"
CLUSTER_SECONDS = 60.0
COPIERS = {
    "xrdcp": ("xrdcp", "--tpc", "only"),
    "bindings": (sys.executable, str(Path(__file__).with_name("official_bindings.py"))),
}
"""The official clients that make third-party copies: commands for `judge`, without source and destination."""

_NEEDS_TLS = ("xrd.tls", "xrd.protocol", "http.", "macaroons.", "ofs.authlib ++ libXrdMacaroons.so")


@dataclass(frozen=True, slots=True)
class RootSetup:
    """How the root door of a server is set up. `forward`: a copy's client credential goes on to the source.

    Empty `tls` leaves the server with root:// alone: no TLS, no https. `ttl` are the default and the longest seconds
    that a copy's key is good for.
    """

    methods: tuple[str, ...] = ("ztn", "unix")
    tls: str = "capable all"
    forward: bool = False
    tpc: bool = True
    ttl: tuple[int, int] = (60, 60)
    program: str = ""
    extra: tuple[str, ...] = ()

    def lines(self, program: Path) -> tuple[str, ...]:
        """What is added to the configuration of an https server."""
        lines = [f"xrootd.tls {self.tls}"] if self.tls else []
        if self.methods:
            lines.append("xrootd.seclib libXrdSec.so")
            lines += [f"sec.protocol {name}" for name in self.methods]
            lines.append(f"sec.protbind * {' '.join(self.methods)}")
        if self.tpc:
            credentials = "fcreds ?ztn =BEARER_TOKEN_FILE " if self.forward else ""
            least, most = self.ttl
            lines.append(f"ofs.tpc ttl {least} {most} xfr 20 {credentials}autorm pgm {self.program or program}")
        return (*lines, *self.extra)


SOUND_ROOT = RootSetup()


class RealXroot:
    """Servers with a root door, made on demand by `start`; open as long as `real_xroot` is.

    They copy by `program`; `distrustful` is one that trusts no authority.
    """

    def __init__(self, servers: RealXrootd, issuer: Issuer, directory: Path) -> None:
        self.servers = servers
        self.issuer = issuer
        self.certificates = directory / "certificates"
        self.program = directory / "copy"
        self.distrustful = directory / "distrustful"

    async def start(self, name: str, setup: RootSetup = SOUND_ROOT) -> Server:
        """One more server, ready to be asked."""
        without = () if setup.tls else _NEEDS_TLS
        return await self.servers.start(name, Setup(extra=setup.lines(self.program), without=without))

    def mint(self, server: Server, *rights: str) -> Secret:
        """A token for one server with these scopes; all rights everywhere if there are none."""
        scope = " ".join(rights or ("storage.read:/", "storage.create:/", "storage.modify:/"))
        return Secret(self.issuer.mint(scope, server.url))

    async def cluster(self, name: str, setup: RootSetup = SOUND_ROOT) -> Server:
        """A manager that knows one data server, both with a root door; what is done is done with the manager."""
        with reserved_port() as port:
            manager = (f"all.manager localhost:{port}", "all.role manager", "cms.delay startup 2 servers 1 lookup 1")
            server = (f"all.manager localhost:{port}", "all.role server")
            head, data = [
                await self.servers.start(
                    f"{name}-{part}", Setup(audience=CLUSTER, extra=(*setup.lines(self.program), *lines))
                )
                for part, lines in (("HEAD", manager), ("DATA", server))
            ]
            await self.servers.start_cluster_daemon(head, f"xrd.port {port}")
            await self.servers.start_cluster_daemon(data)
            async with asyncio.timeout(CLUSTER_SECONDS):
                while "resumed" not in head.log_tail():
                    await asyncio.sleep(0.05)
        return head

    async def judge(self, *command: str, token: Secret | None = None) -> tuple[int, str]:
        """What Debian's xrdcp or xrdfs says of these servers."""
        return await judge(self.certificates, *command, token=token)


async def judge(certificates: Path, *command: str, token: Secret | None = None) -> tuple[int, str]:
    """What Debian's xrdcp or xrdfs, or another program over XrdCl, says: its exit code and all that it wrote."""
    if shutil.which(command[0]) is None:
        raise XrootdError(f"{command[0]} not installed: run packaging/install-debian-packages")
    environment: Mapping[str, str] = {
        "PATH": os.defpath,
        "X509_CERT_DIR": str(certificates),
        "XRD_CONNECTIONRETRY": "1",
        "XRD_CONNECTIONWINDOW": "3",
        **({} if token is None else {"BEARER_TOKEN": token.reveal()}),
    }
    process = await asyncio.create_subprocess_exec(
        *command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment
    )
    try:
        async with asyncio.timeout(JUDGE_SECONDS):
            said, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return process.returncode or 0, said.decode(errors="replace")


def root_url(server: Server, path: str = "/wlcg", *, secure: bool = True) -> RootUrl:
    """The root door of a server."""
    return RootUrl(server.host, server.port, path, secure)


def target(server: Server, token: Secret | None = None, *, secure: bool = True, ca: Path | None = None) -> XrootTarget:
    """The root door as our client wants it; loopback is IPv4 here."""
    return XrootTarget(root_url(server, secure=secure), token, str(ca or ""), AddressFamily.IPV4)


@asynccontextmanager
async def real_xroot(authority: Authority, issuer: Issuer) -> AsyncIterator[RealXroot]:
    """A folder that the servers' user can enter, and no server yet."""
    with tempfile.TemporaryDirectory(prefix="tpcharness-") as name:
        directory = Path(name)
        directory.chmod(0o755)
        await asyncio.to_thread(_furnish, directory, authority)
        servers = directory / "servers"
        servers.mkdir()
        async with RealXrootd(authority, issuer, servers, names=()) as running:
            yield RealXroot(running, issuer, directory)


def hashed_directory(certificates: Path, authority: Authority) -> Path:
    """Makes a directory in which XrdCl finds the authority."""
    certificates.mkdir(mode=0o755)
    command = ["openssl", "x509", "-hash", "-noout", "-in", str(authority.ca_file)]
    digest = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    shutil.copyfile(authority.ca_file, certificates / f"{digest}.0")
    return certificates


def _furnish(directory: Path, authority: Authority) -> None:
    certificates = hashed_directory(directory / "certificates", authority)
    for name, trusted in (("copy", certificates), ("distrustful", "/nonexistent")):
        program = directory / name
        program.write_text(f'#!/bin/sh\nX509_CERT_DIR={trusted} exec /usr/bin/xrdcp --server "$@"\n')
        program.chmod(0o755)
