"""A real XCache (XRootD's proxy storage and file cache) on loopback in front of a real origin, and what it really did.

The cache logs in at its origin with a token of its own; the client's token goes along with each open. What was a hit
and what a miss is told by `xrdpfc_print` and by the origin's log, which know nothing of us.
"""

from __future__ import annotations

import asyncio
import re
import shutil
from dataclasses import dataclass, replace

from tests.support.real_world import endpoint_of
from tests.support.real_xroot import RealXroot, RootSetup, root_url
from tests.support.real_xrootd import Server, Setup, XrootdError
from tpcharness.model.endpoint import Endpoint

PREFIX = "/wlcg"
_NOT_OF_A_CACHE = ("xrootd.chksum", "macaroons.", "ofs.authlib ++ libXrdMacaroons.so", "http.exthandler xrdmacaroons")
_KEEPS = (
    "pss.cachelib libXrdPfc.so",
    "pfc.blocksize 1M",
    "pfc.prefetch 0",
    "pfc.ram 1g",
    "pfc.diskusage 0.98 0.99 purgeinterval 600",
)
# A cache's connection for data calls itself u and a number, and clients of ours by their program.
_BY_CACHE = re.compile(r" u\d+\.\d+:\d+@\S+ ofs_open: ")
_ACCESS = re.compile(r"^\d+ +\S+ +\S+ +[\d:]+ +\d+ +\d+ +(\d+) +(\d+) +\d+$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Traffic:
    """Kilobytes that a cache has given from its disk, and that it had to fetch."""

    hit: int
    miss: int


@dataclass(frozen=True, slots=True)
class RealXcache:
    """A cache and the origin that it stands before."""

    xroot: RealXroot
    origin: Server
    server: Server

    @property
    def endpoint(self) -> Endpoint:
        """The origin as the harness is told of it, with its cache."""
        cache = f"roots://127.0.0.1:{self.server.port}/{PREFIX}"  # by its address: another host than the origin's
        return replace(endpoint_of(self.origin), root=str(root_url(self.origin, PREFIX)), cache=cache)

    def opens_at_origin(self, name: str) -> int:
        """How often the cache has opened a file at its origin, by the origin's log (`ofs.trace open`)."""
        lines = self.origin.log.read_text(errors="replace").splitlines()
        return sum(f"fn={PREFIX}" in line and line.endswith(name) and bool(_BY_CACHE.search(line)) for line in lines)

    async def traffic(self) -> Traffic:
        """What `xrdpfc_print` has counted over all files and all accesses so far."""
        rows = _ACCESS.findall(await self.told())
        return Traffic(sum(int(hit) for hit, _ in rows), sum(int(miss) for _, miss in rows))

    async def told(self) -> str:
        """What `xrdpfc_print` says of every file that the cache knows. Raises XrootdError when it is missing."""
        if shutil.which("xrdpfc_print") is None:
            raise XrootdError("xrdpfc_print not installed: run packaging/install-debian-packages")
        files = [str(path) for path in sorted(self.server.data_dir.rglob("*.cinfo"))]
        process = await asyncio.create_subprocess_exec(
            "xrdpfc_print", *files, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
        said, _ = await process.communicate()
        return said.decode(errors="replace")


async def start_xcache(
    xroot: RealXroot, origin: Server, *, token: str = "", keeps: bool = True, origin_port: int = 0
) -> RealXcache:
    """A cache in front of the origin, empty and ready to be asked.

    `token` is its own, an honest one if empty; without `keeps` it is a mere proxy; `origin_port` is another than the
    origin's, where it looks in vain.
    """
    name = "XCACHE"
    home = xroot.servers._directory / f"{name}-credentials"
    home.mkdir(mode=0o755)
    credential = home / "token"
    credential.write_text(token or xroot.mint(origin).reveal())
    credential.chmod(0o600)
    xroot.servers._hand_over(home)
    lines = (
        *RootSetup(tpc=False).lines(xroot.program),
        "ofs.osslib libXrdPss.so",
        f"pss.origin roots://{origin.host}:{origin_port or origin.port}",
        "pss.config streams 16",
        *(_KEEPS if keeps else ()),
    )
    environment = (
        "env",
        f"X509_CERT_DIR={xroot.certificates}",
        f"BEARER_TOKEN_FILE={credential}",
        "XRD_CONNECTIONRETRY=1",
        "XRD_CONNECTIONWINDOW=3",
    )
    server = await xroot.servers.start(
        name,
        Setup(audience=origin.audience or origin.url, within=environment, without=_NOT_OF_A_CACHE, extra=lines),
    )
    return RealXcache(xroot, origin, server)
