"""The tape services of the testbed, asked in raw bytes: the specification, and each implementation's own ways."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.raw_https import RawAnswer, exchange
from tests.support.tape_bench import DIALECTS, TapeWorld, tape_world
from tpcharness.testbed.tape.service import WELL_KNOWN


async def ask(world: TapeWorld, method: str, path: str, document: object = None, scope: str = "") -> RawAnswer:
    """One request to the service, with the right to stage unless told otherwise."""
    token = world.grid.issuer.mint(scope or "storage.stage:/", world.site.audience)
    body = b"" if document is None else document if isinstance(document, bytes) else json.dumps(document).encode()
    length = (("Content-Length", str(len(body))),) if body else ()
    fields = (("Authorization", f"Bearer {token}"), *length)
    line = f"{method} {world.service.manner.base}{path} HTTP/1.1"
    return await exchange(world.service.port, world.grid.authority.client_context(), line, fields, body)


async def staged(world: TapeWorld, *paths: str, **more: object) -> str:
    answer = await ask(world, "POST", "/stage", {"files": [{"path": path} | more for path in paths]})
    assert answer.status == 201
    name: str = json.loads(answer.body)["requestId"]
    assert answer.header("Location") == f"{world.service.uri}/stage/{name}"
    return name


async def polled(world: TapeWorld, name: str) -> dict[str, Any]:
    answer = await ask(world, "GET", f"/stage/{name}")
    assert answer.status == 200
    document: dict[str, Any] = json.loads(answer.body)
    assert document["id"] == name
    return document


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_the_door_leads_to_the_service(dialect: str) -> None:
    async with tape_world(dialect) as world:
        line = f"GET {WELL_KNOWN} HTTP/1.1"
        answer = await exchange(world.site.storage.port, world.grid.authority.client_context(), line)
        assert (answer.status, answer.header("Content-Type")) == (200, "application/json")
        (service,) = json.loads(answer.body)["endpoints"]
        assert service == {"uri": world.service.uri, "version": "v1", "metadata": {}}


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_two_styles_of_polls(dialect: str) -> None:
    async with tape_world(dialect) as world:
        missing = f"{world.site.prefix}/missing"
        document = await polled(world, await staged(world, world.registered, missing))
        files = {file["path"]: file for file in document["files"]}
        assert files.keys() == {world.registered, missing}
        assert ("state" in files[missing]) is (dialect != "eos")
        assert ("onDisk" in files[missing]) is (dialect == "eos")
        assert ("error" in files[missing]) is (dialect != "storm")
        assert (document["createdAt"] > 10**12) is (dialect == "dcache")
        assert (document["startedAt"] == 0) is (dialect == "storm")


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_nothing_without_the_right(dialect: str) -> None:
    async with tape_world(dialect) as world:
        files = {"files": [{"path": world.registered}]}
        answer = await ask(world, "POST", "/stage", files, scope="storage.poll:/")
        assert answer.status == (201 if dialect == "eos" else 403)
        assert world.service.library.open_requests == []
        nobody = await exchange(
            world.service.port,
            world.grid.authority.client_context(),
            f"GET {world.service.manner.base}/stage/x HTTP/1.1",
        )
        assert nobody.status == 401


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("body", [b"", b"{", b"[]", {}, {"files": []}, {"files": [{}]}, {"files": [{"path": 7}]}])
async def test_requests_that_make_no_sense(dialect: str, body: object) -> None:
    async with tape_world(dialect) as world:
        assert (await ask(world, "POST", "/stage", body or b" ")).status == 400
        assert world.service.library.requests == {}


async def test_dcache_minds_what_it_does_not_know() -> None:
    async with tape_world("dcache") as world:
        good = {"path": world.registered}
        for document in ({"files": [good], "x": 1}, {"files": [good | {"diskLifetime": "an hour"}]}):
            assert (await ask(world, "POST", "/stage", document)).status == 400
        await staged(world, world.registered, diskLifetime="PT1H", targetedMetadata={"elsewhere": {"a": 1}})
        assert (await ask(world, "POST", "/stage", {"files": [good] * 501})).status == 413


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_foreign_path_cancels_nothing(dialect: str) -> None:
    async with tape_world(dialect) as world:
        name = await staged(world, world.registered)
        answer = await ask(world, "POST", f"/stage/{name}/cancel", {"paths": [world.registered, world.other]})
        assert answer.status == 400
        in_headers = answer.header("title") == "File missing from stage request"
        assert in_headers is (dialect == "dcache")
        assert (answer.body == b"") is in_headers
        assert len(world.service.library.open_requests) == 1


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_the_end_of_a_request(dialect: str) -> None:
    async with tape_world(dialect) as world:
        name = await staged(world, world.registered)
        unknown = await ask(world, "POST", "/release/unknown", {"paths": [world.other]})
        assert unknown.status == (404 if dialect == "storm" else 200)
        assert (await ask(world, "DELETE", f"/stage/{name}")).status == 200
        for method, path in (("GET", f"/stage/{name}"), ("DELETE", f"/stage/{name}")):
            assert (await ask(world, method, path)).status == 404
        assert world.service.library.open_requests == []


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_localities(dialect: str) -> None:
    async with tape_world(dialect) as world:
        empty, missing = f"{world.site.prefix}/empty", f"{world.site.prefix}/missing"
        world.site.storage.files.add(empty, b"")
        paths = [world.registered, empty, missing, world.site.prefix]
        items = json.loads((await ask(world, "POST", "/archiveinfo", {"paths": paths})).body)
        found = {item["path"]: item for item in items}
        assert found[world.registered]["locality"] == "TAPE"
        assert found[empty]["locality"] == ("NONE" if dialect == "storm" else "DISK")
        assert "locality" not in found[missing]
        assert found[world.site.prefix]["error"] == "Is a directory"
