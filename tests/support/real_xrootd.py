"""Two XRootD servers from Debian's packages on loopback: the real other end of what the testbed plays.

They listen on 127.0.0.1 only, run as a user without rights, keep everything below one folder, and trust the issuer
by keys put in the cache of their token library: that library takes no CA of ours, so it must never need to ask.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import pwd
import secrets
import shutil
import signal
import socket
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from string import Template
from types import TracebackType
from typing import Self

from cryptography import x509

from tpcharness.testbed.issuer import Issuer
from tpcharness.testbed.pki import LOOPBACK_HOSTS, Authority, CertFiles

NAMES = ("XROOTD-A", "XROOTD-B")
PREFIX = "/wlcg"
"""The directory below which tests write. It exists: XRootD 5.5.3 makes no parents for a COPY."""

START_SECONDS = 30.0
STOP_SECONDS = 5.0
KEYS_LAST_SECONDS = 86_400

LOOPBACK, POLLER, CHECKSUM = HELPERS = ("loopback", "poller", "checksum")
SLOW_POLLER, SLOW_HANDOVER = "slow_poller", "slow_handover"
PRELOADED = (*HELPERS, SLOW_POLLER, SLOW_HANDOVER)
"""What can be loaded into a server before its own code; the C file of that name says what it changes and why."""

_TEMPLATES = Path(__file__).parent / "xrootd"
_USERS = ("xrootd", "nobody")


class XrootdError(RuntimeError):
    """A server or what it needs is missing or did not come up; the message says what to do or ends with its log."""


@dataclass(frozen=True, slots=True)
class Server:
    """One running server. Files that it holds lie below `data_dir`, under their URL paths.

    `audience` is what tokens for it must name; empty means its URL.
    """

    name: str
    host: str
    port: int
    home: Path
    audience: str = ""

    @property
    def url(self) -> str:
        return f"https://{self.host}:{self.port}"

    @property
    def data_dir(self) -> Path:
        return self.home / "data"

    @property
    def log(self) -> Path:
        return self.home / "log"

    def log_tail(self, lines: int = 40) -> str:
        """The last lines of the server's log."""
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        return "\n".join(text.splitlines()[-lines:])


@dataclass(frozen=True, slots=True)
class Setup:
    """How one server differs from a sound one on loopback.

    `host` is its name or address in URLs; other than localhost, it listens on every address of the network that the
    command prefix `within` leads to. Lines of the configuration that begin with one of `without` are left out,
    `extra` lines are added, `preload` are some of `PRELOADED`. Empty `certificate`, `ca_file` (whom it trusts when it
    copies), `issuer` and `audience` mean the right ones.
    """

    host: str = "localhost"
    within: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()
    certificate: CertFiles | None = None
    ca_file: Path | None = None
    issuer: str = ""
    audience: str = ""
    preload: tuple[str, ...] = HELPERS


SOUND = Setup()


class RealXrootd:
    """Starts the servers called `names` on entry, more on demand, and stops exactly these on exit.

    `directory` must be empty and reachable for the servers' user; it belongs to that user afterwards.
    `client` is a certificate that the servers know, for macaroons: XRootD 5.5.3 gives none for a bearer token.
    Raises XrootdError when something is missing or a server is not ready after `START_SECONDS`.
    """

    def __init__(self, authority: Authority, issuer: Issuer, directory: Path, names: tuple[str, ...] = NAMES) -> None:
        self.servers: list[Server] = []
        self.client: CertFiles = authority.issue("tpcharness-tests")
        self._authority = authority
        self._issuer = issuer
        self._directory = directory
        self._names = names
        self._user = _server_user()
        self._processes: dict[str, asyncio.subprocess.Process] = {}

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as starting:
            starting.push_async_callback(self._stop_all)
            await asyncio.to_thread(self._prepare)
            for name in self._names:
                await self.start(name)
            starting.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stop_all()

    async def start(self, name: str, setup: Setup = SOUND) -> Server:
        """One more server, ready to be asked. Its data directory may be there already."""
        with reserved_port() as port:
            server = Server(name, setup.host, port, self._directory / name, setup.audience)
            await self._launch(server, setup)
        self.servers.append(server)
        return server

    async def restart(self, server: Server, setup: Setup) -> None:
        """The same server with the same files, on the same port, set up anew."""
        await self.stop(server)
        await self._launch(server, setup)

    async def stop(self, server: Server) -> None:
        """Ends a server and its part in a cluster; its files stay."""
        for name in (server.name, _cluster_name(server)):
            process = self._processes.pop(name, None)
            if process is not None:
                await _stop(process)

    async def start_cluster_daemon(self, server: Server, *lines: str) -> None:
        """Starts the cmsd beside a server that was set up as a manager or member of a cluster; `lines` are its own."""
        kept = ("all.", "cms.", "oss.")
        text = (server.home / "server.cfg").read_text().splitlines()
        configuration = server.home / "cmsd.cfg"
        configuration.write_text("\n".join([*(line for line in text if line.startswith(kept)), *lines, ""]))
        self._hand_over(server.home)
        command = ["cmsd", "-I", "v4", "-c", str(configuration)]
        self._processes[_cluster_name(server)] = await self._run(command, server, SOUND, server.home / "cmsd.log")

    def signal(self, server: Server, number: signal.Signals) -> None:
        """What an operator or the kernel does to a running server."""
        self._processes[server.name].send_signal(number)

    def leftovers(self) -> dict[str, list[str]]:
        """The files that each server still holds, as URL paths; directories do not count."""
        return {
            server.name: sorted(f"/{path.relative_to(server.data_dir)}" for path in _files(server.data_dir))
            for server in self.servers
        }

    def endpoint_sections(self) -> str:
        """The servers as sections of an endpoints.toml that has a `[tokens.testbed]`."""
        return "\n".join(
            f"[endpoints.{server.name}]\n"
            f'https = "{server.url}{PREFIX}"\n'
            'tokens = "testbed"\n'
            f'audience = "{server.url}"\n'
            'scope_base = ""\n'
            'address_family = "ipv4"\n'
            for server in self.servers
        )

    def logs(self) -> dict[str, str]:
        """The end of each server's log."""
        return {server.name: server.log_tail() for server in self.servers}

    def _prepare(self) -> None:
        """What all servers share: the key cache, and what is preloaded into them."""
        _require("gcc", "setpriv", "xrootd")
        cache = self._directory / "cache" / "scitokens"
        cache.mkdir(parents=True)
        _seed_keys(cache / "scitokens_cpp.sqllite", self._issuer)  # codespell:ignore sqllite
        for name in PRELOADED:
            command = ["gcc", "-shared", "-fPIC", "-Wall", "-Werror", "-o", str(self._shim(name))]
            subprocess.run([*command, str(_TEMPLATES / f"{name}.c")], check=True)
        self._hand_over(self._directory)

    def _shim(self, name: str) -> Path:
        return self._directory / f"{name}.so"

    async def _launch(self, server: Server, setup: Setup) -> None:
        await asyncio.to_thread(self._furnish, server, setup)
        process = self._processes[server.name] = await self._spawn(server, setup)
        await _ready(server, process)

    async def _stop_all(self) -> None:
        await asyncio.gather(*map(_stop, self._processes.values()))
        self._processes.clear()

    def _furnish(self, server: Server, setup: Setup) -> None:
        """The server's folder: configuration, keys, an empty storage; all owned by its user."""
        home = server.home
        (server.data_dir / PREFIX.lstrip("/")).mkdir(parents=True, exist_ok=True)
        places = {
            "name": server.name,
            "port": str(server.port),
            "home": str(home),
            "url": server.audience or server.url,
            "issuer": setup.issuer or self._issuer.url,
        }
        for template in ("server.cfg", "scitokens.cfg"):
            text = Template((_TEMPLATES / template).read_text()).substitute(places)
            kept = [line for line in text.splitlines() if not (setup.without and line.startswith(setup.without))]
            (home / template).write_text("\n".join([*kept, ""]))
        with (home / "server.cfg").open("a") as configuration:
            configuration.writelines(f"{line}\n" for line in setup.extra)
        hosts = LOOPBACK_HOSTS if server.host == "localhost" else (server.host,)
        host = setup.certificate or self._authority.issue(server.name, hosts=hosts)
        (home / "host-key.pem").unlink(missing_ok=True)
        shutil.copyfile(host.cert, home / "host.pem")
        shutil.copyfile(host.key, home / "host-key.pem")
        shutil.copyfile(setup.ca_file or self._authority.ca_file, home / "ca.pem")
        (home / "host-key.pem").chmod(0o400)
        (home / "gridmap").write_text(f'"{_distinguished_name(self.client.cert)}" certuser\n')
        (home / "authdb").write_text("u certuser / a\n")
        # 64 bytes in lines, as `openssl rand -base64 64` writes them: on one line it is "too short" for XRootD.
        (home / "macaroon.key").write_bytes(base64.encodebytes(secrets.token_bytes(64)))
        self._hand_over(home)

    def _hand_over(self, folder: Path) -> None:
        """Makes the servers' user the owner of a folder and of all that lies in it."""
        if self._user is not None:
            for path in (folder, *folder.rglob("*")):
                os.chown(path, self._user.pw_uid, self._user.pw_gid, follow_symlinks=False)

    async def _spawn(self, server: Server, setup: Setup) -> asyncio.subprocess.Process:
        return await self._run(["xrootd", "-I", "v4", "-c", str(server.home / "server.cfg")], server, setup, server.log)

    async def _run(self, program: list[str], server: Server, setup: Setup, output: Path) -> asyncio.subprocess.Process:
        # setpriv ends the server with us even when we are killed; as root it also changes the user, early enough
        # for XRootD to find the keys its own.
        command = [*setup.within, "setpriv", "--pdeathsig", "KILL", "--inh-caps=-all", "--ambient-caps=-all"]
        if self._user is not None:
            command += [f"--reuid={self._user.pw_uid}", f"--regid={self._user.pw_gid}", "--clear-groups"]
        preloaded = [name for name in setup.preload if name != LOOPBACK or setup.host == "localhost"]
        environment = {
            "PATH": os.defpath,
            "HOME": str(server.home),
            "XDG_CACHE_HOME": str(self._directory / "cache"),
            "LD_PRELOAD": " ".join(str(self._shim(name)) for name in preloaded),
        }
        with output.open("wb") as log:
            return await asyncio.create_subprocess_exec(
                *command, *program, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=server.home, env=environment
            )


def _cluster_name(server: Server) -> str:
    return f"{server.name} in its cluster"


def _require(*programs: str) -> None:
    missing = [program for program in programs if shutil.which(program) is None]
    if missing:
        raise XrootdError(f"{', '.join(missing)} not installed: run packaging/install-debian-packages")


def _server_user() -> pwd.struct_passwd | None:
    """Whom the servers run as: ourselves (None) unless we are root, which XRootD refuses to be."""
    if os.geteuid() != 0:
        return None
    known = {user.pw_name: user for user in pwd.getpwall()}
    return next(known[name] for name in _USERS if name in known)


def _seed_keys(cache: Path, issuer: Issuer) -> None:
    """Writes the issuer's keys as scitokens-cpp 0.7.3 would have kept them after fetching."""
    until = int(time.time()) + KEYS_LAST_SECONDS
    keys = json.dumps({"expires": until, "next_update": until, "jwks": issuer.jwks()})
    database = sqlite3.connect(cache)
    try:
        with database:
            database.execute("CREATE TABLE keycache (issuer text UNIQUE PRIMARY KEY NOT NULL, keys text NOT NULL)")
            database.execute("INSERT INTO keycache VALUES (?, ?)", (issuer.url, keys))
    finally:
        database.close()


def _distinguished_name(certificate: Path) -> str:
    """The subject with slashes, as grid map files write it."""
    subject = x509.load_pem_x509_certificate(certificate.read_bytes()).subject
    return "".join(f"/{part.rfc4514_string()}" for part in subject)


@contextmanager
def reserved_port() -> Iterator[int]:
    """A port on which nobody listens and that nobody else is given; a server that sets SO_REUSEADDR may take it."""
    with socket.socket() as placeholder:
        placeholder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        placeholder.bind(("127.0.0.1", 0))
        yield placeholder.getsockname()[1]


async def _ready(server: Server, process: asyncio.subprocess.Process) -> None:
    """Returns when the server's log says so; raises XrootdError with that log when it ends or takes too long."""
    sign = f":{server.port} initialization completed."
    try:
        async with asyncio.timeout(START_SECONDS):
            while sign not in server.log.read_text(errors="replace"):
                if process.returncode is not None:
                    raise XrootdError(f"{server.name} did not start:\n{server.log_tail()}")
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise XrootdError(f"{server.name} is not ready after {START_SECONDS} s:\n{server.log_tail()}") from None


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.send_signal(signal.SIGTERM)
        process.send_signal(signal.SIGCONT)  # a server that was stopped by a signal hears no other
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()


def _files(directory: Path) -> Iterator[Path]:
    return (path for path in directory.rglob("*") if path.is_file())
