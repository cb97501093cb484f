"""The real servers answer today as they were recorded: what the testbed plays from these recordings is true."""

from __future__ import annotations

import re
import ssl
from collections.abc import Mapping

import pytest

from tests.support.raw_https import exchange
from tests.support.real_xrootd import RealXrootd, Server, reserved_port
from tests.support.recordings import Recording, load
from tpcharness.testbed.issuer import Issuer
from tpcharness.testbed.pki import Authority

pytestmark = pytest.mark.real

EVERYTHING = "storage.read:/ storage.create:/ storage.modify:/"

RECORDED_PORTS = ("21010", "21011", "47303")
"""Those of the first server, the second, and nobody's."""

BODIES = {"put-ok": b"sixsix", "put-403": b"sixsix", "put-overwrite-F": b"four"}

REPLAYED = (
    "copy-no-source",
    "delete-missing",
    "get-digest-adler32",
    "head-403",
    "head-digest-adler32",
    "head-digest-crc32c",
    "head-digest-md5",
    "head-digest-multi",
    "head-missing",
    "mkcol",
    "options",
    "propfind-0",
    "pull-404",
    "pull-active-403-expired",
    "pull-active-403-none",
    "pull-ok",
    "pull-ok-davs",
    "pull-ok-empty",
    "pull-ok-http",
    "pull-onto-directory",
    "pull-overwrite-F",
    "pull-overwrite-T",
    "pull-overwrite-default",
    "pull-passive-403-no-token",
    "pull-passive-403-wrong-token",
    "pull-refused",
    "pull-root-scheme",
    "push-active-403",
    "push-ok",
    "push-overwrite-default",
    "push-passive-403",
    "push-refused",
    "put-403",
    "put-ok",
    "put-overwrite-F",
)


@pytest.fixture
def context(authority: Authority) -> ssl.SSLContext:
    return authority.client_context()


@pytest.fixture
async def furnished(xrootd: RealXrootd, issuer: Issuer, context: ssl.SSLContext) -> tuple[Server, Server]:
    """The two servers with the files that the recorder had put there."""
    a, b = xrootd.servers
    for server, path, content in ((a, "/src/1k", b"k" * 1024), (a, "/src/0", b""), (b, "/rec/exists", b"old")):
        headers = (("Authorization", f"Bearer {issuer.mint(EVERYTHING)}"), ("Content-Length", str(len(content))))
        answer = await exchange(server.port, context, f"PUT {path} HTTP/1.1", headers, content)
        assert answer.status == 200
    return a, b


@pytest.mark.parametrize("name", REPLAYED)
async def test_answers_as_recorded(
    name: str, furnished: tuple[Server, Server], issuer: Issuer, context: ssl.SSLContext
) -> None:
    recording = load("xrootd-5.5.3", name)
    with reserved_port() as nobody:
        today = dict(zip(RECORDED_PORTS, (*(str(server.port) for server in furnished), str(nobody)), strict=True))
        headers = tuple(
            (key, _with_ports(value, today).replace("<token>", _token(recording, key, issuer)))
            for key, value in recording.request.headers
            if key != "Host"
        )
        asked = int(_with_ports(recording.request.header("Host"), today).removeprefix("localhost:"))
        answer = await exchange(asked, context, recording.request.line, headers, BODIES.get(name, b""))
    recorded = _with_ports(recording.response.decode(), today)
    assert _timeless((answer.head + answer.body).decode()) == _timeless(recorded)

    if recording.afterwards is not None:
        url = _with_ports(recording.afterwards.url, today)
        port, _, path = url.removeprefix("https://localhost:").partition("/")
        authorization = ("Authorization", f"Bearer {issuer.mint(EVERYTHING)}")
        found = await exchange(int(port), context, f"HEAD /{path} HTTP/1.1", (authorization,))
        assert (found.status, int(found.header("Content-Length"))) == (
            recording.afterwards.status,
            recording.afterwards.length,
        )


def _token(recording: Recording, header: str, issuer: Issuer) -> str:
    """A token as the recorder had used there."""
    match recording.name, header:
        case ("put-403", "Authorization") | ("push-passive-403", "TransferHeaderAuthorization"):
            return issuer.mint("storage.read:/")
        case ("pull-active-403-expired" | "push-active-403", "Authorization"):
            return issuer.mint(EVERYTHING, lifetime_seconds=-3600, nbf=0)
        case ("pull-passive-403-wrong-token", "TransferHeaderAuthorization"):
            return issuer.mint(EVERYTHING, lifetime_seconds=-3600, nbf=0)
    return issuer.mint(EVERYTHING)


def _with_ports(text: str, ports: Mapping[str, str]) -> str:
    return re.sub(r":(\d{5})\b", lambda found: ":" + ports.get(found[1], found[1]), text)


def _timeless(response: str) -> str:
    """Times are all in which two answers to the same request may differ."""
    response = re.sub(r"Timestamp: \d{10}", "Timestamp: ...", response)
    return re.sub(r"<lp1:getlastmodified>[^<]+", "<lp1:getlastmodified>...", response)
