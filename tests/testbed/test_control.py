from __future__ import annotations

import asyncio
import json
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.support.grid import ask as ask_site
from tests.support.grid import running_grid
from tests.support.storages import RawAnswer, read_answer
from tpcharness.testbed.grid import Grid

POST = {"site": "SITE-A", "fault": "active_503"}


async def call(grid: Grid, method: str, wanted: Any = None, *, secret: str | None = None) -> tuple[int, Any]:
    """One call of the switchboard; the right secret goes along unless another one is given."""
    known = grid.switchboard.secret.reveal() if secret is None else secret
    body = b"" if wanted is None else wanted if isinstance(wanted, bytes) else json.dumps(wanted).encode()
    answer = await raw(grid, method, body, (f"Authorization: Bearer {known}",) if known else ())
    return answer.status, json.loads(answer.payload)


async def raw(grid: Grid, method: str, body: bytes, fields: tuple[str, ...], path: str = "/faults") -> RawAnswer:
    port = urlsplit(grid.switchboard.url).port
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        lines = (f"{method} {path} HTTP/1.1", "Host: here", f"Content-Length: {len(body)}", *fields)
        writer.write("\r\n".join((*lines, "", "")).encode() + body)
        return await read_answer(reader, method)
    finally:
        writer.transport.abort()


async def test_faults_are_switched_while_the_grid_runs() -> None:
    async with running_grid(sites=2, faults=("SITE-B=checksum_absent",)) as grid:
        assert await call(grid, "GET") == (200, {"SITE-B": ["checksum_absent"]})
        on = {"SITE-A": ["drop_direct@HEAD:nth=1"], "SITE-B": ["checksum_absent"]}
        assert await call(grid, "POST", {"site": "SITE-A", "fault": "drop_direct@HEAD:nth=1"}) == (200, on)
        with pytest.raises(asyncio.IncompleteReadError):
            await ask_site(grid, grid.sites[0], "HEAD", "/", "storage.read:/")
        assert (await ask_site(grid, grid.sites[0], "HEAD", "/", "storage.read:/")).status == 200
        assert await call(grid, "DELETE", {"site": "SITE-B"}) == (200, {"SITE-A": ["drop_direct@HEAD:nth=1"]})
        assert await call(grid, "DELETE") == (200, {})


async def test_faults_of_root_doors_are_switched_alike() -> None:
    async with running_grid(sites=2, root=True) as grid:
        wanted = {"site": "SITE-A", "fault": "root_silent"}
        assert await call(grid, "POST", wanted) == (200, {"SITE-A": ["root_silent"]})
        status, told = await call(grid, "POST", {"site": "SITE-A", "fault": "root_silent:nth=2"})
        assert (status, "takes no arguments" in told["error"]) == (400, True)
        assert await call(grid, "DELETE") == (200, {})


@pytest.mark.parametrize("secret", ["", "guess", "é"])
async def test_without_the_secret_nothing_is_told_or_done(secret: str) -> None:
    async with running_grid(sites=1) as grid:
        for method in ("GET", "POST", "DELETE"):
            status, told = await call(grid, method, POST, secret=secret)
            assert (status, list(told)) == (401, ["error"])
            assert grid.switchboard.secret.reveal() not in str(told)
        assert grid.sites[0].storage.faults.texts == ()


@pytest.mark.parametrize(
    ("wanted", "why"),
    [
        (b"[1]", "not an object"),
        (b"{", "not an object"),
        (b"\xff\xfe", "not an object"),
        ({"site": "SITE-Z", "fault": "refuse"}, "there are SITE-A"),
        ({"site": ["SITE-A"], "fault": "refuse"}, "there are SITE-A"),
        ({"fault": "refuse"}, "there are SITE-A"),
        ({"site": "SITE-A"}, "no fault is named"),
        ({"site": "SITE-A", "fault": "nonsense"}, "no fault 'nonsense'"),
        ({"site": "SITE-A", "fault": "no_space:x"}, "does not take 'x'"),
    ],
)
async def test_what_cannot_be_done_is_said(wanted: Any, why: str) -> None:
    async with running_grid(sites=1) as grid:
        status, told = await call(grid, "POST", wanted)
        assert status == 400
        assert why in told["error"]
        assert grid.sites[0].storage.faults.texts == ()


async def test_other_methods_paths_and_languages() -> None:
    async with running_grid(sites=1) as grid:
        assert (await call(grid, "PUT", POST))[0] == 405
        assert (await raw(grid, "GET", b"", (), "/")).status == 404
        assert (await raw(grid, "no http", b"", ())).raw == b""
