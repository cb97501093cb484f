from __future__ import annotations

import asyncio
import re
import socket
import ssl
import stat
import tomllib
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.support.grid import ask, running_grid
from tpcharness.testbed.grid import DIALECTS, Grid, GridSpec, Site
from tpcharness.testbed.issuer import ISSUER_FAULTS
from tpcharness.testbed.xroot.faults import RootFault

FILE = "/tpcharness/tests/file"
CONTENT = bytes(range(256)) * 64
READ, CREATE = "storage.read:/", "storage.create:/"
WRITE = f"{CREATE} {READ}"  # dCache looks at what it has pushed, with the same token; XRootD 5 wants read for a look
EVERYTHING = "storage.read:/ storage.create:/ storage.modify:/"
PUSHED = frozenset(DIALECTS) - {"pelican"}  # Pelican pulls only


async def store(grid: Grid, site: Site, path: str = FILE) -> None:
    for directory in ("/tpcharness", "/tpcharness/tests"):
        assert (await ask(grid, site, "MKCOL", directory, EVERYTHING)).status in {201, 405}
    site.storage.files.add(site.prefix + path, CONTENT)


def content(site: Site, path: str = FILE) -> bytes | None:
    file = site.storage.files.find(site.prefix + path)
    return None if file is None else file.content.read(0, len(CONTENT) + 1)


async def copy(grid: Grid, source: Site, destination: Site, *, pull: bool, path: str = FILE, write: str = WRITE) -> str:
    """What a third-party copy between two sites says; each of them gets a token of its own."""
    active, passive = (destination, source) if pull else (source, destination)
    passive_token = grid.issuer.mint(READ if pull else write, passive.audience)
    headers = (
        ("Source" if pull else "Destination", passive.url + path),
        ("TransferHeaderAuthorization", f"Bearer {passive_token}"),
        ("Credential", "none"),
    )
    return (await ask(grid, active, "COPY", path, write if pull else READ, headers=headers)).text


async def test_every_dialect_copies_to_every_other_in_both_modes() -> None:
    async with running_grid(sites=len(DIALECTS)) as grid:
        for source in grid.sites:
            await store(grid, source, f"/tpcharness/tests/from-{source.name}")
        for source in grid.sites:
            for destination in grid.sites:
                for pull in (True, False):
                    if source is destination or not (pull or source.dialect in PUSHED):
                        continue
                    path = f"/tpcharness/tests/from-{source.name}"
                    text = await copy(grid, source, destination, pull=pull, path=path)
                    assert "success: created" in text.lower(), (source.dialect, destination.dialect, pull, text)
                    assert content(destination, path) == CONTENT
                    destination.storage.files.remove(destination.prefix + path)


async def test_dcache_cannot_push_to_an_old_xrootd_with_create_alone() -> None:
    async with running_grid(sites=3, dialects=("dcache", "xrootd5", "xrootd6")) as grid:
        dcache, old, new = grid.sites
        for site in grid.sites:
            await store(grid, site)
            if site is not dcache:
                site.storage.files.remove(site.prefix + FILE)
        assert "failure: rejected HEAD: 403" in await copy(grid, dcache, old, pull=False, write=CREATE)
        assert "success: Created" in await copy(grid, dcache, new, pull=False, write=CREATE)


async def test_sites_are_named_and_dialects_dealt_out_in_turn() -> None:
    async with running_grid(sites=3, dialects=("storm", "dcache")) as grid:
        assert [(site.name, site.dialect) for site in grid.sites] == [
            ("SITE-A", "storm"),
            ("SITE-B", "dcache"),
            ("SITE-C", "storm"),
        ]
        assert grid.site("SITE-B").url.endswith("/pnfs/site-b.example/dteam")
        assert len({site.url for site in grid.sites}) == 3


def test_names_go_on_after_z() -> None:
    names = GridSpec(sites=28).names
    assert (names[0], names[25:]) == ("SITE-A", ("SITE-Z", "SITE-AA", "SITE-AB"))


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_scopes_count_from_the_prefix(dialect: str) -> None:
    async with running_grid(sites=1, dialects=(dialect,)) as grid:
        (site,) = grid.sites
        await store(grid, site)
        assert (await ask(grid, site, "HEAD", FILE, f"storage.read:{FILE}")).status in {200, 202}
        for scope in ("storage.read:/tpcharness/test", f"storage.read:{site.prefix}{FILE}", ""):
            assert (await ask(grid, site, "HEAD", FILE, scope)).status in {401, 403}


async def test_a_token_for_another_site_is_refused() -> None:
    async with running_grid(sites=2) as grid:
        here, there = grid.sites
        await store(grid, here)
        token = ("Authorization", f"Bearer {grid.issuer.mint(EVERYTHING, there.audience)}")
        assert (await ask(grid, here, "HEAD", FILE, headers=(token,))).status in {401, 403}


async def test_leftovers_are_files_of_harnesses_only() -> None:
    async with running_grid(sites=2) as grid:
        first, second = grid.sites
        await store(grid, first)
        await store(grid, second, "/seed-of-the-site")
        assert grid.leftovers() == {"SITE-A": [first.prefix + FILE], "SITE-B": []}


async def test_storages_follow_rolled_keys() -> None:
    async with running_grid(sites=2) as grid:
        await store(grid, grid.sites[1])
        grid.roll_keys()
        assert (await ask(grid, grid.sites[1], "HEAD", FILE, EVERYTHING)).status == 200


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("tls_expired", "expired"),
        ("tls_untrusted", "unable to get local issuer"),
        ("tls_hostname", "Hostname mismatch"),
    ],
)
async def test_certificate_faults_are_one_sites_alone(fault: str, message: str) -> None:
    async with running_grid(sites=2, faults=(f"SITE-B={fault}",)) as grid:
        first, second = grid.sites
        assert (await ask(grid, first, "OPTIONS", "/")).status == 200
        with pytest.raises(ssl.SSLCertVerificationError, match=message):
            await ask(grid, second, "OPTIONS", "/")


async def test_faults_of_storages_are_handed_on() -> None:
    async with running_grid(sites=2, faults=("SITE-A=active_503", "SITE-A=checksum_absent")) as grid:
        first, second = grid.sites
        await store(grid, second)
        assert "success" not in await copy(grid, second, first, pull=True)
        assert "faults: active_503, checksum_absent" in grid.config_text()


async def test_root_doors_have_ports_faults_and_a_line_of_their_own() -> None:
    async with running_grid(sites=2, root=True, faults=("SITE-B=root_stalls", "SITE-B=checksum_absent")) as grid:
        first, second = grid.sites
        assert first.root_door is not None
        assert second.root_door is not None
        assert (first.faults.texts, second.faults.texts) == ((), ("checksum_absent", "root_stalls"))
        assert second.root_door.faults == {RootFault.STALLS}
        ports = {port for site in (first, second) for port in (site.storage.port, site.root_door.port)}  # type: ignore[union-attr]
        assert len(ports) == 4
        config = tomllib.loads(grid.config_text())
        for site in grid.sites:
            assert config["endpoints"][site.name]["root"] == site.endpoint.root
            assert site.endpoint.root.startswith("roots://localhost:")
        assert "root-pull" in config["probes"][0]["variant"]
        second.faults.clear()
        assert (second.faults.texts, second.root_door.faults) == ((), set())
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", second.root_door.port)


async def test_fixed_ports_of_root_doors_follow_those_of_the_storages() -> None:
    base_port = free_row(5)
    async with running_grid(sites=2, root=True, base_port=base_port) as grid:
        doors = [site.root_door for site in grid.sites]
        assert [site.storage.port for site in grid.sites] == [base_port + 1, base_port + 2]
        assert [door and door.port for door in doors] == [base_port + 3, base_port + 4]


def free_row(length: int) -> int:
    """The first of so many ports in a row that are all free now."""
    for first in range(21000, 30000, length):
        try:
            with ExitStack() as stack:
                for port in range(first, first + length):
                    stack.enter_context(socket.create_server(("127.0.0.1", port)))
                return first
        except OSError:
            continue
    raise AssertionError("no ports are free")


async def test_faults_of_the_issuer() -> None:
    async with running_grid(sites=1, faults=("ISSUER=drops_create",)) as grid:
        assert grid.issuer.misbehaviour == ISSUER_FAULTS["drops_create"].misbehaviour


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"sites": 0}, "between 1 and 200"),
        ({"sites": 201}, "between 1 and 200"),
        ({"dialects": ("dcache", "dcash")}, "no dialect 'dcash'; did you mean 'dcache'?"),
        ({"dialects": ()}, "at least one dialect"),
        ({"faults": ("SITE-Q=refuse",)}, "no site 'SITE-Q'; there are SITE-A, SITE-B"),
        ({"faults": ("SITE-B=refused",)}, "refused"),
        ({"faults": ("SITE-B",)}, "SITE"),
        ({"faults": ("SITE-B=root_stalls",)}, "no root door for 'root_stalls': `testbed up --root`"),
        ({"faults": ("SITE-B=root_stall",), "root": True}, "no fault 'root_stall'; did you mean 'root_stalls'?"),
        ({"faults": ("ISSUER=refuse",)}, "no fault 'refuse' of the issuer; there are down"),
    ],
)
def test_what_cannot_be_built_is_said_before_anything_starts(spec: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        Grid(GridSpec(**{"sites": 2} | spec))


async def test_configuration_is_complete_and_its_secret_private(tmp_path: Path) -> None:
    directory = tmp_path / 'a "quoted" place'
    async with running_grid(sites=2, directory=directory) as grid:
        config = tomllib.loads(grid.config_text())
        tokens = config["tokens"]["testbed"]
        secret = Path(tokens["client_secret_file"])
        assert secret.read_text() == grid.issuer.client_secret.reveal()
        assert stat.S_IMODE(secret.stat().st_mode) == 0o600
        assert (tokens["kind"], tokens["issuer"]) == ("client-credentials", grid.issuer.url)
        assert Path(config["harness"]["ca_path"]) == grid.authority.ca_file
        for site in grid.sites:
            section = config["endpoints"][site.name]
            assert section["https"] == site.url == site.endpoint.https
            assert section["scope_base"] == site.endpoint.scope_base
            assert site.endpoint.scope_path(site.prefix + FILE) == FILE
        assert grid.issuer.client_secret.reveal() not in grid.config_text()


async def test_the_products_endpoints_toml_fits_the_default_grid() -> None:
    shipped = tomllib.loads((Path(__file__).parents[2] / "endpoints.toml").read_text())
    async with running_grid(sites=5) as grid:
        ours = tomllib.loads(re.sub(r"localhost:\d+", "localhost:PORT", grid.config_text()))
    fixed = {"issuer": 28440} | {name: 28441 + number for number, name in enumerate(ours["endpoints"])}
    for section in ours["endpoints"].values():
        section["tokens"] = shipped["defaults"]["tokens"]
    for name, section in shipped["endpoints"].items():
        section |= {"tokens": shipped["defaults"]["tokens"]}
        section.pop("redirect_auth", None)
        port = fixed[name]
        for key in ("https", "audience"):
            assert f"localhost:{port}" in section[key]
            section[key] = section[key].replace(str(port), "PORT")
    assert shipped["endpoints"] == ours["endpoints"]
    assert shipped["tokens"]["testbed"]["issuer"] == f"https://localhost:{fixed['issuer']}/"
    assert shipped["tokens"]["testbed"]["client_id"] == ours["tokens"]["testbed"]["client_id"]


async def test_everything_is_gone_afterwards() -> None:
    async with running_grid(sites=2) as grid:
        directory, ports = grid.directory, [site.storage.port for site in grid.sites]
        assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert not directory.exists()
    for port in ports:
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", port)


async def test_a_port_in_use_takes_everything_down_again(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        base_port = taken.getsockname()[1] - 2  # the issuer and one site come up before
        with pytest.raises(OSError, match="in use"):
            async with running_grid(sites=2, base_port=base_port, directory=tmp_path):
                raise AssertionError("came up on a port in use")
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", base_port)


async def test_cancelling_a_start_leaves_nothing() -> None:
    start = asyncio.ensure_future(Grid(GridSpec(sites=3)).__aenter__())
    for _ in range(3):
        await asyncio.sleep(0)
    start.cancel()
    with pytest.raises(asyncio.CancelledError):
        await start
