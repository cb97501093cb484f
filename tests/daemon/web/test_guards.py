"""What stands before every route: names, users, origins, headers, rates."""

import aiohttp
import pytest

from tests.daemon.web.conftest import PASSWORD, USER, basic
from tests.daemon.web.field import paper_site

WORK = [("GET", "/probe?source=SITE-A&destination=SITE-B"), ("POST", "/-/reload"), ("PUT", "/-/log-level")]


async def status_of(session, path, method="GET", **choices):
    async with session.request(method, path, **choices) as answer:
        return answer.status, await answer.text()


async def test_it_is_served_under_its_own_names(site):
    _, session = site
    for host in ("localhost", "localhost:10919", "127.0.0.1", "127.1.2.3:80", "[::1]:10919", "LOCALHOST"):
        assert (await status_of(session, "/-/ready", headers={"Host": host}))[0] == 200, host


@pytest.mark.parametrize("path", ["/", "/api/v1/status", "/metrics", "/-/healthy", "/assets/live.js"])
async def test_a_rebound_name_reaches_nothing(site, path):
    _, session = site
    for host in ("evil.example", "localhost.evil.example", "192.0.2.1", "", "127.0.0.1.evil.example", "[", "a@b"):
        status, text = await status_of(session, path, headers={"Host": host})
        assert status in (400, 421), host
        assert "SITE-A" not in text


async def test_the_external_name_is_an_own_name(four, tmp_path):
    choices = {"daemon": 'external_url = "https://tpc.example/"'}
    async with paper_site(four, tmp_path, **choices) as (_, url), aiohttp.ClientSession(url) as session:
        assert (await status_of(session, "/", headers={"Host": "tpc.example"}))[0] == 200
        assert (await status_of(session, "/", headers={"Host": "other.example"}))[0] == 421


@pytest.mark.parametrize(("method", "path"), WORK)
async def test_without_users_no_work_is_started(site, method, path):
    paper, session = site
    status, text = await status_of(session, path, method, data=b"debug" if method == "PUT" else None)
    assert status == 403
    assert "basic_auth_users" in text
    assert "daemon.web_config" in text
    assert paper.reloads == 0
    assert paper.levels == []
    assert paper.running.service.status().in_flight == {}


@pytest.mark.parametrize(("method", "path"), WORK)
async def test_another_page_starts_no_work_with_our_password(guarded, method, path):
    paper, session = guarded
    for headers in (
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ):
        assert (await status_of(session, path, method, headers=headers))[0] == 403
    assert paper.reloads == 0


async def test_our_own_page_may(guarded):
    paper, session = guarded
    origin = str(session._base_url.origin())
    headers = {"Origin": origin, "Sec-Fetch-Site": "same-origin"}
    assert (await status_of(session, "/-/reload", "POST", headers=headers))[0] == 200
    assert paper.reloads == 1


async def test_with_users_nobody_else_sees_anything(guarded):
    _, session = guarded
    paths = ("/", "/config", "/metrics", "/metrics/links", "/api/v1/results", "/nowhere", "/probe", "/api/v1/events")
    tries = [(path, {}) for path in paths] + [("/", basic(USER, "wrong")), ("/", basic("bob", PASSWORD))]
    async with aiohttp.ClientSession(session._base_url) as stranger:
        for path, headers in tries:
            async with stranger.get(path, headers=headers) as answer:
                assert answer.status == 401
                assert answer.headers["WWW-Authenticate"].startswith("Basic")
                assert "SITE-A" not in await answer.text()
    assert (await status_of(session, "/"))[0] == 200


async def test_health_needs_no_password(guarded):
    _, session = guarded
    async with aiohttp.ClientSession(session._base_url) as stranger:
        for path in ("/-/healthy", "/-/ready"):
            assert (await status_of(stranger, path))[0] == 200


@pytest.mark.parametrize("path", ["/", "/nowhere", "/api/v1/status", "/metrics", "/assets/report.css", "/-/healthy"])
async def test_every_answer_tells_the_browser_what_it_may(site, path):
    _, session = site
    async with session.get(path) as answer:
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert "aiohttp" not in answer.headers["Server"].lower()


async def test_headers_of_the_web_config_win(four, tmp_path):
    file = tmp_path / "web.yml"
    file.write_text(
        "http_server_config: {headers: {X-Frame-Options: SAMEORIGIN}}\nrate_limit: {interval: 1h, burst: 2}\n"
    )
    async with (
        paper_site(four, tmp_path, web_config=str(file)) as (_, url),
        aiohttp.ClientSession(url) as session,
    ):
        async with session.get("/") as answer:
            assert answer.headers["X-Frame-Options"] == "SAMEORIGIN"
        assert [(await status_of(session, "/"))[0] for _ in range(3)] == [200, 429, 429]


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
async def test_pages_only_answer(site, method):
    _, session = site
    assert (await status_of(session, "/", method))[0] == 405


async def test_a_rate_limit_makes_nobody_ill(four, tmp_path):
    """Health is asked by what restarts the service when it hears no."""
    file = tmp_path / "web.yml"
    file.write_text("rate_limit: {interval: 1h, burst: 1}\n")
    async with (
        paper_site(four, tmp_path, web_config=str(file)) as (_, url),
        aiohttp.ClientSession(url) as session,
    ):
        assert [(await status_of(session, "/metrics"))[0] for _ in range(2)] == [200, 429]
        assert [(await status_of(session, "/-/healthy"))[0] for _ in range(3)] == [200, 200, 200]


async def test_a_picture_in_a_page_elsewhere_starts_no_probe(guarded):
    """Over plain http to another machine a browser says neither Origin nor Sec-Fetch-Site of a GET."""
    paper, session = guarded
    browser = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/120.0 Safari/537.36"}
    path = "/probe?source=SITE-A&destination=SITE-B"
    assert (await status_of(session, path, headers=browser))[0] == 403
    assert not paper.running.service.status().in_flight
    assert (await status_of(session, path, headers=browser | {"Sec-Fetch-Site": "none"}))[0] == 200
    assert (await status_of(session, path, headers={"User-Agent": "Prometheus/3.5.0"}))[0] == 200


@pytest.mark.parametrize("headers", [{}, {"Host": "evil.example"}])
async def test_a_refusal_page_tells_a_stranger_nothing(guarded, headers):
    paper, session = guarded
    paper.ok = False
    await paper.running.reload()
    assert "endpoints.toml:3" in (await status_of(session, "/"))[1]
    async with aiohttp.ClientSession(session._base_url) as stranger:
        status, text = await status_of(stranger, "/", headers={"Accept": "text/html"} | headers)
    assert status in (401, 421)
    assert "<h1>" in text
    assert "endpoints.toml" not in text
    assert "dteam-ops" not in text


async def test_reload_takes_no_get(guarded):
    paper, session = guarded
    assert (await status_of(session, "/-/reload"))[0] == 405
    assert paper.reloads == 0


async def test_a_big_body_is_refused(guarded):
    _, session = guarded
    assert (await status_of(session, "/-/log-level", "PUT", data=b"x" * 1_000_000))[0] == 413
