"""The two real servers do what the tests of the harness lean on: files, checksums, tokens, macaroons, copies."""

from __future__ import annotations

import asyncio
import json
import ssl
import tempfile
import tomllib
import zlib
from pathlib import Path

import pytest

from tests.support.raw_https import RawAnswer, exchange
from tests.support.real_xrootd import PREFIX, RealXrootd, Server, XrootdError
from tpcharness.testbed.issuer import Algorithm, Issuer
from tpcharness.testbed.pki import Authority

pytestmark = pytest.mark.real

FILE = f"{PREFIX}/file"
CONTENT = bytes(range(256)) * 300
READ, CREATE, MODIFY = f"storage.read:{FILE}", f"storage.create:{FILE}", f"storage.modify:{FILE}"


class Client:
    """One who holds narrow tokens of the issuer for one server after the other."""

    def __init__(self, authority: Authority, issuer: Issuer) -> None:
        self.context: ssl.SSLContext = authority.client_context()
        self.issuer = issuer

    def bearer(self, server: Server, scope: str) -> str:
        return f"Bearer {self.issuer.mint(scope, server.url)}"

    async def ask(
        self, server: Server, method: str, scope: str, *headers: tuple[str, str], path: str = FILE, body: bytes = b""
    ) -> RawAnswer:
        authorization = (("Authorization", self.bearer(server, scope)),) if scope else ()
        length = (("Content-Length", str(len(body))),) if body else ()
        return await exchange(
            server.port, self.context, f"{method} {path} HTTP/1.1", (*authorization, *length, *headers), body
        )

    async def put(self, server: Server) -> None:
        assert (await self.ask(server, "PUT", CREATE, body=CONTENT)).status == 200


@pytest.fixture
def client(authority: Authority, issuer: Issuer) -> Client:
    return Client(authority, issuer)


async def test_a_file_comes_and_goes(xrootd: RealXrootd, client: Client) -> None:
    a, b = xrootd.servers
    await client.put(a)
    assert xrootd.leftovers() == {a.name: [FILE], b.name: []}
    assert (a.data_dir / FILE.lstrip("/")).read_bytes() == CONTENT
    assert (await client.ask(a, "GET", READ)).body == CONTENT

    head = await client.ask(a, "HEAD", READ, ("Want-Digest", "adler32"))
    assert (head.status, head.header("Digest")) == (200, f"adler32={zlib.adler32(CONTENT):08x}")

    assert (await client.ask(a, "DELETE", f"{READ} {MODIFY}")).status == 200  # it looks before it deletes
    assert (await client.ask(a, "HEAD", READ)).status == 404
    assert xrootd.leftovers() == {a.name: [], b.name: []}


async def test_a_directory_needs_nothing_but_create(xrootd: RealXrootd, client: Client) -> None:
    a, _ = xrootd.servers
    path = f"{PREFIX}/tpcharness"
    for _attempt in range(2):  # it says the same of one that it has
        assert (await client.ask(a, "MKCOL", f"storage.create:{path}", path=path)).status == 201
    assert (a.data_dir / path.lstrip("/")).is_dir()


@pytest.mark.parametrize(
    ("method", "scope"),
    [
        ("GET", ""),
        ("GET", CREATE),
        ("GET", "storage.read:/other"),
        ("PUT", READ),
        ("PUT", CREATE),  # there it is already: that needs storage.modify
        ("DELETE", READ),
        ("DELETE", CREATE),
        ("DELETE", MODIFY),  # XRootD 5.5.3 looks at a file before it deletes it, and looking needs storage.read
    ],
)
async def test_a_token_must_allow_the_request(method: str, scope: str, xrootd: RealXrootd, client: Client) -> None:
    a, _ = xrootd.servers
    await client.put(a)
    body = b"spoilt" if method == "PUT" else b""
    assert (await client.ask(a, method, scope, body=body)).status == 403
    assert (a.data_dir / FILE.lstrip("/")).read_bytes() == CONTENT


async def test_a_token_for_the_other_server_is_refused(xrootd: RealXrootd, client: Client) -> None:
    a, b = xrootd.servers
    await client.put(a)
    elsewhere = ("Authorization", client.bearer(b, READ))
    assert (await client.ask(a, "GET", "", elsewhere)).status == 403


@pytest.mark.parametrize("algorithm", ["ES256", "RS256"])
async def test_both_kinds_of_keys_are_known(algorithm: Algorithm, xrootd: RealXrootd, client: Client) -> None:
    a, _ = xrootd.servers
    await client.put(a)
    bearer = f"Bearer {client.issuer.mint(READ, a.url, algorithm=algorithm)}"
    assert (await client.ask(a, "GET", "", ("Authorization", bearer))).status == 200
    assert client.issuer.requests == {}


@pytest.mark.parametrize("mode", ["pull", "push"])
async def test_a_copy_between_both(mode: str, xrootd: RealXrootd, client: Client) -> None:
    source, destination = xrootd.servers
    await client.put(source)
    if mode == "pull":
        active, scope, other = destination, CREATE, ("Source", f"{source.url}{FILE}")
        passive = client.bearer(source, READ)
    else:
        active, scope, other = source, READ, ("Destination", f"{destination.url}{FILE}")
        passive = client.bearer(destination, CREATE)
    answer = await client.ask(
        active, "COPY", scope, other, ("TransferHeaderAuthorization", passive), ("Credential", "none")
    )
    assert answer.status == 201
    assert answer.body.endswith(b"success: Created\r\n0\r\n\r\n")
    assert (destination.data_dir / FILE.lstrip("/")).read_bytes() == CONTENT


async def test_a_macaroon_for_the_certificate_that_is_known(
    xrootd: RealXrootd, client: Client, authority: Authority
) -> None:
    a, _ = xrootd.servers
    await client.put(a)
    client.context.load_cert_chain(xrootd.client.cert, xrootd.client.key)
    wish = json.dumps({"caveats": ["activity:DOWNLOAD,LIST"], "validity": "PT10M"}).encode()
    answer = await client.ask(a, "POST", "", ("Content-Type", "application/macaroon-request"), body=wish)
    macaroon = ("Authorization", f"Bearer {json.loads(answer.body)['macaroon']}")

    client.context = authority.client_context()
    assert (await client.ask(a, "GET", "", macaroon)).body == CONTENT
    assert (await client.ask(a, "PUT", "", macaroon, body=b"spoilt")).status == 403
    assert (await client.ask(a, "GET", "", macaroon, path=f"{PREFIX}/other")).status == 403


async def test_nobody_hears_of_the_servers_but_this_machine(xrootd: RealXrootd) -> None:
    for server in xrootd.servers:
        listening = [
            line.split()[1]
            for table in ("/proc/net/tcp", "/proc/net/tcp6")
            for line in Path(table).read_text().splitlines()[1:]
            if line.split()[1].endswith(f":{server.port:04X}") and line.split()[3] == "0A"
        ]
        assert listening == [f"0100007F:{server.port:04X}"]


async def test_nothing_is_left_of_them(authority: Authority, issuer: Issuer) -> None:
    with tempfile.TemporaryDirectory(prefix="tpcharness-") as directory:
        async with RealXrootd(authority, issuer, Path(directory)) as xrootd:
            running = [server.port for server in xrootd.servers]
        for port in running:
            with pytest.raises(ConnectionRefusedError):
                await asyncio.open_connection("127.0.0.1", port)
    assert not Path(directory).exists()


async def test_a_server_that_cannot_start_shows_its_log(authority: Authority, issuer: Issuer) -> None:
    authority.ca_file.write_text("no certificate")
    with tempfile.TemporaryDirectory(prefix="tpcharness-") as directory, pytest.raises(XrootdError, match="TLS"):
        async with RealXrootd(authority, issuer, Path(directory)):
            pytest.fail("started without a CA")


async def test_the_sections_are_toml_and_name_every_server(xrootd: RealXrootd) -> None:
    endpoints = tomllib.loads(xrootd.endpoint_sections())["endpoints"]
    assert {name: section["https"] for name, section in endpoints.items()} == {
        server.name: f"{server.url}{PREFIX}" for server in xrootd.servers
    }
