from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest

from tests.support.storages import ask, copy, make_storage, running, trust


async def test_the_manager_sends_data_requests_on() -> None:
    storage = make_storage("eos")
    storage.files.add("/d/f", b"hello")
    async with running(storage):
        token = trust().token()
        answer = await ask(f"{storage.url}/d/f?eos.app=test", "GET", token=token)
        assert answer.status_line == "HTTP/1.1 307 Temporary Redirect"
        assert [name for name, _ in answer.headers] == ["Connection", "Server", "Content-Length", "Location"]
        location = urlsplit(answer.header("Location"))
        query = parse_qs(location.query)
        assert (location.scheme, location.port, location.path) == ("https", storage.data_port, "/d/f")
        assert (query["eos.app"], query["authz"]) == (["test"], [f"Bearer {token}"])
        assert (await ask(answer.header("Location"), "GET")).body == b"hello"
        assert (await ask(f"{storage.url}/d/f", "HEAD", token=token)).header("Content-Length") == "5"


async def test_the_disk_server_wants_a_capability_for_just_this() -> None:
    storage = make_storage("eos")
    for name in ("f", "g"):
        storage.files.add(f"/d/{name}", b"hello")
    async with running(storage):
        token = trust().token()
        direct = f"https://localhost:{storage.data_port}/d/f"
        assert (await ask(direct, "GET", token=token)).status == 403
        location = (await ask(f"{storage.url}/d/f", "GET", token=token)).header("Location")
        assert (await ask(location, "GET", token=token)).status == 200
        assert (await ask(location.replace("/d/f", "/d/g"), "GET", token=token)).status == 403
        assert (await ask(location, "PUT", token=token, body=b"x")).status == 403


@pytest.mark.parametrize(("scope", "status"), [("storage.read:/", 403), ("storage.create:/", 307)])
async def test_the_manager_decides_about_the_token(scope: str, status: int) -> None:
    storage = make_storage("eos")
    async with running(storage):
        assert (await ask(f"{storage.url}/f", "PUT", token=trust().token(scope), body=b"x")).status == status


async def test_a_copy_goes_to_the_disk_server_after_the_source_was_asked() -> None:
    one, other = make_storage("eos"), make_storage("dcache")
    async with running(one, other):
        missing = await copy(one, "/f", f"{other.url}/f")
        assert missing.status == 404
        assert "remote host returned '404 Not Found' while fetching file size" in missing.verdict
        other.files.add("/f", b"")
        assert (await copy(one, "/f", f"{other.url}/f")).status == 307


async def test_a_short_source_is_found_by_its_targetsize() -> None:
    one, other = make_storage("eos"), make_storage("dcache", faults=("passive_cut:3",))
    other.files.add("/f", b"short")
    async with running(one, other):
        redirect = await copy(one, "/f", f"{other.url}/f")
        fields = {"Source": f"{other.url}/f", "TransferHeaderAuthorization": f"Bearer {trust().token()}"}
        answer = await ask(redirect.header("Location"), "COPY", fields)
        assert answer.verdict.startswith(
            "failure: Failure when closing file handle: stored file does not match the provided targetsize"
        )
