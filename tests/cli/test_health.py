"""`tpcharness health` against servers of all kinds, and none."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from click.testing import CliRunner

from tpcharness.cli.exits import ExitCode
from tpcharness.cli.main import cli


class Pages(BaseHTTPRequestHandler):
    """Well below /good, not so elsewhere."""

    def do_GET(self) -> None:
        well = self.path == "/good/-/healthy"
        self.send_response(200 if well else 503)
        self.end_headers()
        self.wfile.write(b"Healthy.\n" if well else b"the scheduler\x1b[31m has stopped\n")

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture
def url() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Pages) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def health(*words: str):
    return CliRunner().invoke(cli, ["health", *words])


@pytest.mark.parametrize("form", ["http://{}/good", "http://{}/good/", "{}/good"])
def test_a_daemon_that_is_well(url: str, form: str):
    result = health(form.format(url))
    assert (result.exit_code, result.stdout) == (ExitCode.OK, "Healthy.\n")


def test_a_daemon_that_is_not(url: str):
    result = health(f"http://{url}")
    assert (result.exit_code, result.stdout) == (ExitCode.FAILED, "")
    assert result.stderr == "unhealthy: 503 the scheduler [31m has stopped\n"


def test_nobody_there():
    result = health("http://127.0.0.1:1")
    assert result.exit_code == ExitCode.FAILED
    assert "http://127.0.0.1:1 does not answer" in result.stderr


@pytest.mark.parametrize("wrong", ["ftp://x", "http://", "http://x:port", "http://x:99999"])
def test_what_is_no_address(wrong: str):
    result = health(wrong)
    assert result.exit_code == ExitCode.USAGE
    assert wrong in result.stderr
