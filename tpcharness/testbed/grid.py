"""A whole small grid on this machine: authority, issuer and storages, started and stopped as one."""

from __future__ import annotations

import asyncio
import json
import shutil
import ssl
import string
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from itertools import count, cycle, islice, product
from pathlib import Path
from types import TracebackType
from typing import Self

from tpcharness.model.endpoint import Endpoint
from tpcharness.testbed.authorisation import ScopeProfile, Verifier
from tpcharness.testbed.control import Switchboard
from tpcharness.testbed.dialects.catalogue import dialect
from tpcharness.testbed.effects import Shown
from tpcharness.testbed.faults import UnknownFaultError, parse
from tpcharness.testbed.files import FileStore
from tpcharness.testbed.issuer import ISSUER_FAULTS, Issuer
from tpcharness.testbed.legacy.door import LegacyDoor
from tpcharness.testbed.legacy.manners import Kind
from tpcharness.testbed.pki import LOOPBACK_HOSTS, Authority, write_private
from tpcharness.testbed.site_faults import SiteFaults, parted
from tpcharness.testbed.storage import Storage
from tpcharness.testbed.tape.beside import TAPE_ARCHIVE, TAPE_FILE, service_beside
from tpcharness.testbed.tape.faults import TapeFault
from tpcharness.testbed.tape.service import TapeService
from tpcharness.testbed.xroot.door import TTL_SECONDS, RootDoor

HEADLINE = "# A grid on this machine, made by `tpcharness testbed up`: nothing in it reaches beyond loopback."
ISSUER_NAME = "ISSUER"
TOKENS_NAME = "testbed"

HOST = "localhost"  # every address that it has here: clients may try any of them

_MAX_SITES = 200
_COLD_SECONDS = 0.2


_ALL_WAYS = """\
[[probes]]
variant = ["https-pull", "https-push", "root-pull"]
"""

_AS_IN_THE_PROFILE = ScopeProfile()


@dataclass(frozen=True, slots=True)
class _Habits:
    """Where sites that run an implementation keep a VO's files, and how they read scopes (tokens 8)."""

    area: str
    scopes: ScopeProfile = _AS_IN_THE_PROFILE


_HABITS: Mapping[str, _Habits] = {
    "dcache": _Habits("/pnfs/{site}.example/dteam", ScopeProfile(list_with_modify=True)),
    "xrootd5": _Habits(
        "/dteam",
        ScopeProfile(stat_with_create=False, stat_with_modify=False, parents_with_create=False, delete_needs_stat=True),
    ),
    "xrootd6": _Habits("/store/dteam"),
    "storm": _Habits("/dteam", ScopeProfile(leeway_seconds=60.0)),
    "eos": _Habits("/eos/{site}/dteam"),
    "dpm": _Habits("/dpm/{site}.example/home/dteam"),
    "pelican": _Habits("/dteam"),  # last, for it pulls only: with up to six storages all is well
}


DIALECTS: tuple[str, ...] = tuple(_HABITS)
"""In the order in which they are dealt out."""


@dataclass(frozen=True, slots=True)
class GridSpec:
    """What to build.

    `dialects` are dealt out in turn. `base_port` None takes any free ports. `directory` holds certificates and the
    client's secret; without it a temporary one does. `on_disk` keeps contents in files below it, else in memory.
    `stall_seconds` is how long storages wait for each other's bytes; None is as long as what they speak like.
    `faults` are written SITE-B=NAME, or ISSUER=NAME. With `root` every storage has a root door as well, at which a
    key waits `root_ttl_seconds` for its copy. With `tape` every storage has a tape service, with one file on tape only,
    and a directory whose files go to tape; a recall takes `recall_seconds`, a migration `migrate_seconds`. With `cache`
    every storage has a cache in front of it, which takes its time for what it has not given before. With `legacy` every
    storage has a gsiftp and an SRM door, which are shut until a fault opens them.
    """

    sites: int = 4
    dialects: tuple[str, ...] = DIALECTS
    base_port: int | None = None
    marker_period_seconds: float = 5.0
    stall_seconds: float | None = None
    directory: Path | None = None
    on_disk: Path | None = None
    faults: tuple[str, ...] = ()
    root: bool = False
    tape: bool = False
    cache: bool = False
    legacy: bool = False
    recall_seconds: float = 10.0
    migrate_seconds: float = 10.0
    root_ttl_seconds: float = TTL_SECONDS

    @property
    def names(self) -> tuple[str, ...]:
        """SITE-A to SITE-Z, then SITE-AA and so on."""
        letters = ("".join(word) for length in count(1) for word in product(string.ascii_uppercase, repeat=length))
        return tuple(f"SITE-{letter}" for letter in islice(letters, self.sites))


@dataclass(frozen=True, slots=True)
class Site:
    """One storage of the grid. `prefix` is the URL path below which may be written, and "/" in scopes.

    `faults` switches what is wrong there; `legacy` has the gsiftp and the SRM door.
    """

    name: str
    prefix: str
    storage: Storage
    verifier: Verifier
    faults: SiteFaults
    root_door: RootDoor | None = None
    tape: TapeService | None = None
    cache: RootDoor | None = None
    legacy: Mapping[Kind, LegacyDoor] = field(default_factory=dict)

    @property
    def beside(self) -> tuple[RootDoor | TapeService | LegacyDoor, ...]:
        """What has ports of its own there, beside the storage."""
        services = tuple(each for each in (self.root_door, self.tape, self.cache) if each is not None)
        return (*services, *self.legacy.values())

    @property
    def dialect(self) -> str:
        return self.storage.dialect.name

    @property
    def audience(self) -> str:
        return f"https://localhost:{self.storage.port}"

    @property
    def url(self) -> str:
        return self.audience + self.prefix

    def owns(self, path: str) -> bool:
        """Whether a file is one of those that harnesses make."""
        return path.startswith((f"{self.prefix}/tpcharness/", f"{self.prefix}/{TAPE_ARCHIVE}/tpcharness/"))

    @property
    def endpoint(self) -> Endpoint:
        """What the harness is told about it."""
        return Endpoint(
            name=self.name,
            https=self.url,
            site=self.name.title(),
            tokens=TOKENS_NAME,
            audience=self.audience,
            scope_base=self.prefix,
            root="" if self.root_door is None else self.root_door.url(self.prefix),
            tape_files=() if self.tape is None else (f"{self.prefix}/{TAPE_FILE}",),
            tape_archive="" if self.tape is None else self.tape.library.archive,
            cache="" if self.cache is None else self.cache.url(self.prefix),
            gsiftp=self._legacy_url(Kind.GSIFTP),
            srm=self._legacy_url(Kind.SRM),
        )

    def _legacy_url(self, kind: Kind) -> str:
        return self.legacy[kind].url(self.prefix) if kind in self.legacy else ""


class Grid:
    """The grid as an async context manager; it is all up inside, and all gone after, also when cancelled.

    Making one raises ValueError for a spec that cannot be built (unknown dialect, fault or site); starting it raises
    OSError for a port in use.
    """

    authority: Authority
    issuer: Issuer
    switchboard: Switchboard

    def __init__(self, spec: GridSpec = GridSpec()) -> None:
        if not 1 <= spec.sites <= _MAX_SITES:
            raise ValueError(f"a grid has between 1 and {_MAX_SITES} sites")
        if not spec.dialects:
            raise ValueError("a grid speaks at least one dialect")
        self.spec = spec
        self.sites: tuple[Site, ...] = ()
        self._faults = _by_name(spec)
        for name in spec.names:
            self._site_faults(name)
        for dialect_name in spec.dialects:
            dialect(dialect_name)
        self._exit = AsyncExitStack()
        self._bad_contexts: dict[Shown, ssl.SSLContext] = {}

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            self.directory = self._make_directory(stack)
            self.authority = Authority(self.directory)
            self.issuer = Issuer(self.authority)
            stack.push_async_callback(self.issuer.stop)
            ports = _ports(self.spec.base_port)
            await self.issuer.start(HOST, next(ports))
            for fault in self._faults[ISSUER_NAME]:
                self.issuer.misbehaviour = ISSUER_FAULTS[fault].misbehaviour
            write_private(self.secret_file, self.issuer.client_secret.reveal().encode())
            for name, dialect_name in zip(self.spec.names, cycle(self.spec.dialects), strict=False):
                site = self._build(name, dialect_name)
                stack.push_async_callback(site.storage.stop)
                await site.storage.start(HOST, next(ports))
                site.verifier.accept_audience(site.audience)
                self.sites = (*self.sites, site)
            for site in self.sites:
                for service in site.beside:
                    stack.push_async_callback(service.stop)
                    await service.start(HOST, next(ports))
            self.switchboard = Switchboard({site.name: site.faults for site in self.sites})
            stack.push_async_callback(self.switchboard.stop)
            await self.switchboard.start()
            self._exit = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._exit.aclose()

    @property
    def secret_file(self) -> Path:
        """The client's secret, as the harness's configuration wants it; only its owner can read it."""
        return self.directory / "client-secret"

    def site(self, name: str) -> Site:
        """Raises KeyError."""
        return {site.name: site for site in self.sites}[name]

    def roll_keys(self, *, keep_old: bool = True) -> None:
        """The issuer signs with new keys, and every storage knows them."""
        self.issuer.roll_keys(keep_old=keep_old)
        for site in self.sites:
            site.verifier.trust(self.issuer.jwks())

    def leftovers(self) -> dict[str, list[str]]:
        """What harnesses have left at each site: paths of files below <prefix>/tpcharness/, on disk and for tape."""
        return {site.name: [path for path in site.storage.files.paths() if site.owns(path)] for site in self.sites}

    def config_text(self) -> str:
        """A complete endpoints.toml for this grid. Paths in it are as `directory` was given."""
        head = f"""\
{HEADLINE}

[harness]
name = "testbed"
ca_path = {_quoted(self.authority.ca_file)}
state_dir = {_quoted(self.directory / "state")}

[defaults]
interval = "30s"  # a daemon that is tried should not make one wait for hours
bytes_per_day = 0

[daemon]
door_interval = "30s"
confirm_interval = "10s"
refusal_pause = "30s"  # nor for a day, when a fault refuses us again and again

[tokens.{TOKENS_NAME}]
kind = "client-credentials"
issuer = "{self.issuer.url}"
client_id = "{self.issuer.client_id}"
client_secret_file = {_quoted(self.secret_file)}
"""
        return "\n".join([head, *map(self._section, self.sites), *([_ALL_WAYS] if self.spec.root else [])])

    def _section(self, site: Site) -> str:
        endpoint = site.endpoint
        faults = ", ".join(self._faults[site.name])
        remark = f"speaks like {site.dialect}" + (f"; its faults: {faults}" if faults else "")
        more = f'root = "{endpoint.root}"\n' if endpoint.root else ""
        more += f'cache = "{endpoint.cache}"\n' if endpoint.cache else ""
        more += f'gsiftp = "{endpoint.gsiftp}"\nsrm = "{endpoint.srm}"\n' if site.legacy else ""
        if site.tape is not None:
            more += f'tape_archive = "{endpoint.tape_archive}"\n'
            more += f"\n[endpoints.{endpoint.name}.tape]\nfiles = {json.dumps(endpoint.tape_files)}\n"
        return f"""\
[endpoints.{endpoint.name}]  # {remark}
site = "{endpoint.site}"
https = "{endpoint.https}"
tokens = "{endpoint.tokens}"
audience = "{endpoint.audience}"
scope_base = "{endpoint.scope_base}"
{more}"""

    def _make_directory(self, stack: AsyncExitStack) -> Path:
        if self.spec.directory is not None:
            return self.spec.directory
        directory = Path(tempfile.mkdtemp(prefix="tpcharness-testbed-"))
        stack.push_async_callback(asyncio.to_thread, shutil.rmtree, directory, True)
        return directory

    def _build(self, name: str, dialect_name: str) -> Site:
        habits = _HABITS[dialect_name]
        prefix = habits.area.format(site=name.lower())
        verifier = Verifier(self.issuer.url, self.issuer.jwks(), frozenset(), prefix, habits.scopes)
        faults = self._site_faults(name)
        client_ssl = self.authority.client_context()
        storage = Storage(
            name=name,
            dialect=dialect(dialect_name),
            files=FileStore(on_disk=self.spec.on_disk),
            verifier=verifier,
            server_ssl=self.authority.server_context(self.authority.issue(name)),
            client_ssl=client_ssl,
            prefix=prefix,
            marker_period_seconds=self.spec.marker_period_seconds,
            stall_seconds=self.spec.stall_seconds,
            faults=faults.storage,
            bad_ssl=self._bad_context,
        )
        door = cache = None
        if faults.root is not None:
            shown = self.authority.server_context(self.authority.issue(f"{name}-root"))
            door = RootDoor(storage.files, verifier, shown, client_ssl, self.spec.root_ttl_seconds, faults.root)
            door.peers_by_token = dialect_name == "dcache"
        if self.spec.cache:
            shown = self.authority.server_context(self.authority.issue(f"{name}-cache"))
            cache = RootDoor(storage.files, verifier, shown, client_ssl, cold_seconds=_COLD_SECONDS)
        tape = None if faults.tape is None else self._tape(storage, verifier, faults.tape)
        legacy = {
            kind: LegacyDoor(kind, self.authority, conduct, f"{name}-{kind}") for kind, conduct in faults.legacy.items()
        }
        return Site(name, prefix, storage, verifier, faults, door, tape, cache, legacy)

    def _site_faults(self, name: str) -> SiteFaults:
        """Those that the specification gives a site. Raises UnknownFaultError."""
        return parted(self._faults[name], root=self.spec.root, tape=self.spec.tape, legacy=self.spec.legacy)

    def _tape(self, storage: Storage, verifier: Verifier, faults: set[TapeFault]) -> TapeService:
        shown = self.authority.server_context(self.authority.issue(f"{storage.name}-tape"))
        times = {"recall_seconds": self.spec.recall_seconds, "migrate_seconds": self.spec.migrate_seconds}
        return service_beside(storage, verifier, shown, faults, **times)

    def _bad_context(self, which: Shown) -> ssl.SSLContext:
        """The TLS side of a storage that shows this certificate; made when it is first wanted."""
        context = self._bad_contexts.get(which)
        if context is None:
            authority = self.authority
            if which is Shown.UNTRUSTED:
                authority = Authority(self.directory / "foreign", name="an authority that nobody knows")
            hosts = ("elsewhere.invalid",) if which is Shown.HOSTNAME else LOOPBACK_HOSTS
            files = authority.issue(f"bad-{which}", hosts=hosts, expired=which is Shown.EXPIRED)
            context = self._bad_contexts[which] = authority.server_context(files)
        return context


def _by_name(spec: GridSpec) -> Mapping[str, tuple[str, ...]]:
    """The faults of each site and of the issuer. Raises UnknownFaultError, also for a site that there is not."""
    faults: dict[str, tuple[str, ...]] = dict.fromkeys((ISSUER_NAME, *spec.names), ())
    for text in spec.faults:
        name, fault = parse(text)
        if name not in faults:
            raise UnknownFaultError(f"no site {name!r}; there are {', '.join(spec.names)}, and {ISSUER_NAME}")
        if name == ISSUER_NAME and fault not in ISSUER_FAULTS:
            raise UnknownFaultError(f"no fault {fault!r} of the issuer; there are {', '.join(ISSUER_FAULTS)}")
        faults[name] += (fault,)
    return faults


def _ports(base_port: int | None) -> Iterator[int]:
    """The issuer's port, then the sites'; 0 stands for any."""
    return iter(lambda: 0, None) if base_port is None else count(base_port)


def _quoted(path: Path) -> str:
    return json.dumps(str(path), ensure_ascii=False)
