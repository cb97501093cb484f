"""TLS and users as the web-config file says, also after it has changed."""

import asyncio
import logging
import ssl
from pathlib import Path

import aiohttp
import bcrypt
import pytest

from tests.daemon.web.conftest import PASSWORD, USER, basic
from tests.daemon.web.field import paper_site
from tpcharness.config.problems import ConfigErrors
from tpcharness.daemon import upkeep
from tpcharness.daemon.web import gate as gate_module
from tpcharness.daemon.web.gate import open_gate
from tpcharness.testbed.pki import Authority


def hashed(password):
    return bcrypt.hashpw(password.encode(), bcrypt.gensalt(4)).decode()


def rewrite(file: Path, text: str) -> None:
    """As editors and Kubernetes do: a new file in place of the old."""
    fresh = file.with_suffix(".new")
    fresh.write_text(text)
    fresh.replace(file)


async def test_users_are_read_again_when_the_file_changes(web_config):
    async with open_gate(web_config, "") as gate:
        await gate.look()
        header = basic(USER, PASSWORD)["Authorization"]
        assert (await gate.doorkeeper.admits(header, "::1"))[1] == USER
        rewrite(web_config, f"basic_auth_users:\n  eve: {hashed('other')}\n")
        await gate.look()
        assert (await gate.doorkeeper.admits(header, "::1"))[1] == ""
        assert (await gate.doorkeeper.admits(basic("eve", "other")["Authorization"], "::1"))[1] == "eve"


@pytest.mark.parametrize("text", ["basic_auth_user: {}\n", "basic_auth_users: {ada: plain-word}\n", "{", "\xff"])
async def test_a_bad_file_keeps_the_users_and_says_so(web_config, text, caplog):
    async with open_gate(web_config, "") as gate:
        rewrite(web_config, text)
        with caplog.at_level(logging.ERROR):
            await gate.look()
            await gate.look()
        assert (await gate.doorkeeper.admits(basic(USER, PASSWORD)["Authorization"], "::1"))[1] == USER
    told = [record.getMessage() for record in caplog.records if "web.yml" in record.getMessage()]
    assert len(told) == 1
    assert "plain-word" not in told[0]


async def test_a_bug_in_a_look_does_not_end_the_watch(four, tmp_path, web_config, monkeypatch, caplog):
    looks, again = [], asyncio.Event()

    async def stumble(_gate):
        looks.append(None)
        if len(looks) == 1:
            raise ZeroDivisionError
        again.set()

    monkeypatch.setattr(upkeep, "RETRY_SECONDS", 0.0)
    monkeypatch.setattr(gate_module, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(gate_module.Gate, "look", stumble)
    async with paper_site(four, tmp_path, web_config=str(web_config)), asyncio.timeout(10):
        await again.wait()
    assert "web-config failed" in caplog.text


async def test_a_file_that_goes_keeps_the_users(web_config):
    async with open_gate(web_config, "") as gate:
        web_config.unlink()
        await gate.look()
        assert gate.doorkeeper.has_users


async def test_users_never_become_none_by_a_torn_file(web_config):
    """An empty file at the start means no users; while we run it is most probably half of a write."""
    async with open_gate(web_config, "") as gate:
        rewrite(web_config, "")
        await gate.look()
        assert gate.doorkeeper.has_users


def tls(files, more=""):
    return f"tls_server_config:\n  cert_file: {files.cert}\n  key_file: {files.key}\n{more}"


async def test_a_renewed_certificate_is_shown_without_a_restart(four, tmp_path):
    authority = Authority(tmp_path / "pki")
    files, other = authority.issue("web"), authority.issue("renewed")
    file = tmp_path / "web.yml"
    file.write_text(tls(files))

    async def seen(url):
        port = int(url.rpartition(":")[2])
        _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=authority.client_context())
        certificate = writer.get_extra_info("peercert")
        writer.close()
        await writer.wait_closed()
        return certificate["serialNumber"]

    async with paper_site(four, tmp_path, web_config=str(file)) as (_, url):
        assert url.startswith("https://")
        first = await seen(url)
        files.key.write_bytes(other.key.read_bytes())  # half of it: the pair does not fit
        assert await seen(url) == first
        files.cert.write_bytes(other.cert.read_bytes())
        while (await seen(url)) == first:  # the file is looked at every two seconds
            await asyncio.sleep(0.05)


async def test_a_pair_that_is_written_while_we_look_breaks_nothing(four, tmp_path, monkeypatch):
    """The key is replaced just after the pair was found to fit."""
    authority = Authority(tmp_path / "pki")
    files, other = authority.issue("web"), authority.issue("renewed")
    third = authority.issue("third").key.read_bytes()
    file = tmp_path / "web.yml"
    file.write_text(tls(files))
    make = gate_module.make_context

    def spoil(settings):
        context = make(settings)
        files.key.write_bytes(third)
        return context

    async with open_gate(file, "") as gate:
        monkeypatch.setattr(gate_module, "make_context", spoil)
        files.cert.write_bytes(other.cert.read_bytes())
        files.key.write_bytes(other.key.read_bytes())
        await gate.look()
        server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0, ssl=gate.context)
        async with server:
            reader, writer = await asyncio.open_connection(
                *server.sockets[0].getsockname(), ssl=authority.client_context()
            )
            assert await reader.read() == b""
            writer.close()


async def test_client_certificates(four, tmp_path):
    """Who shows one that our authority made is known by it; nobody else gets through."""
    authority, stranger = Authority(tmp_path / "pki"), Authority(tmp_path / "other")
    files, mine, foreign = authority.issue("web"), authority.issue("me"), stranger.issue("foreign")
    file = tmp_path / "web.yml"
    more = f"  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: {authority.ca_file}\n"
    file.write_text(tls(files, more))

    async def reload_with(url, shown):
        context = authority.client_context()
        if shown is not None:
            context.load_cert_chain(shown.cert, shown.key)
        async with (
            aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context)) as session,
            session.post(f"{url}/-/reload") as answer,
        ):
            return answer.status

    async with paper_site(four, tmp_path, web_config=str(file)) as (paper, url):
        assert await reload_with(url, mine) == 200
        assert paper.reloads == 1
        for shown in (None, foreign):
            with pytest.raises(aiohttp.ClientError):
                await reload_with(url, shown)
        assert paper.reloads == 1


@pytest.mark.parametrize("mix", ["other key", "no key"])
async def test_a_pair_that_does_not_fit_is_told_at_the_start(tmp_path, mix):
    authority = Authority(tmp_path / "pki")
    files, other = authority.issue("web"), authority.issue("other")
    files.key.write_bytes(other.key.read_bytes() if mix == "other key" else b"nothing")
    file = tmp_path / "web.yml"
    file.write_text(tls(files))
    with pytest.raises(ConfigErrors) as error:
        async with open_gate(file, ""):
            pass
    assert "belong together" in error.value.text


async def test_old_tls_is_refused(four, tmp_path):
    authority = Authority(tmp_path / "pki")
    file = tmp_path / "web.yml"
    file.write_text(tls(authority.issue("web"), "  min_version: TLS13\n"))
    context = authority.client_context()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    async with (
        paper_site(four, tmp_path, web_config=str(file)) as (_, url),
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context)) as session,
    ):
        with pytest.raises(aiohttp.ClientError):
            await session.get(url)
