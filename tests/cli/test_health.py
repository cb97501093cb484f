"""`tpcharness health` against servers of all kinds, and none."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from click.testing import CliRunner

from tpcharness.cli.exits import ExitCode
from tpcharness.cli.main import cli
from tpcharness.testbed.pki import Authority


class Pages(BaseHTTPRequestHandler):
    """Well below /good, not so elsewhere."""

    def do_GET(self) -> None:
        well = self.path == "/good/-/healthy"
        self.send_response(200 if well else 503)
        self.end_headers()
        self.wfile.write(b"Healthy.\n" if well else b"the scheduler\x1b[31m has stopped\n")

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@contextmanager
def serving(context: ssl.SSLContext | None = None) -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Pages) as server:
        server.handle_error = lambda *_: None  # type: ignore[method-assign]
        if context is not None:
            server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def url() -> Iterator[str]:
    with serving() as address:
        yield address


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def tls(authority: Authority) -> Iterator[str]:
    """With a certificate for localhost and no number."""
    with serving(authority.server_context(authority.issue("daemon", hosts=["localhost"]))) as address:
        yield address


def health(*words: str, **environ: str):
    return CliRunner().invoke(cli, ["health", *words], env=environ)


@pytest.mark.parametrize("form", ["http://{}/good", "http://{}/good/", "{}/good"])
def test_a_daemon_that_is_well(url: str, form: str):
    result = health(form.format(url))
    assert (result.exit_code, result.stdout) == (ExitCode.OK, "Healthy.\n")


def test_a_daemon_that_is_not(url: str):
    result = health(f"http://{url}")
    assert (result.exit_code, result.stdout) == (ExitCode.FAILED, "")
    assert result.stderr == "unhealthy: 503 the scheduler [31m has stopped\n"


def test_the_url_may_come_from_the_environment(url: str):
    result = health(TPCHARNESS_HEALTH_URL=f"http://{url}/good")
    assert (result.exit_code, result.stdout) == (ExitCode.OK, "Healthy.\n")
    assert health(f"http://{url}", TPCHARNESS_HEALTH_URL=f"http://{url}/good").exit_code == ExitCode.FAILED


def test_a_name_of_the_certificate_and_its_authority(tls: str, authority: Authority):
    file = authority.ca_file
    named = f"https://localhost:{tls.rpartition(':')[2]}/good"
    assert health(named, "--ca-path", str(file)).exit_code == ExitCode.OK
    for words in ((named,), (f"https://{tls}/good", "--ca-path", str(file))):
        result = health(*words)
        assert result.exit_code == ExitCode.FAILED
        assert "its certificate is not accepted" in result.stderr
        assert "--ca-path" in result.stderr


def test_the_wrong_one_of_http_and_https(url: str, tls: str):
    assert "this port speaks no TLS: write http://" in health(f"https://{url}/good").stderr
    assert "this port speaks TLS: write https://" in health(f"http://{tls}/good").stderr


def test_nobody_there():
    result = health("http://127.0.0.1:1")
    assert result.exit_code == ExitCode.FAILED
    assert "http://127.0.0.1:1 does not answer: connection refused: is the daemon running there?" in result.stderr


@pytest.mark.parametrize(
    "wrong",
    ["ftp://x", "http://", "http://x:port", "http://x:99999", "127.0.0.1", "localhost/", "[::1]", "http://[::1"],
)
def test_what_is_no_address(wrong: str):
    result = health(wrong)
    assert result.exit_code == ExitCode.USAGE
    assert wrong in result.stderr
