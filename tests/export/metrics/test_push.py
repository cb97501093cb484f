"""Pushing to a real Pushgateway, and to what is none."""

import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from tests.export.samples import findings, matrix, run
from tests.support.real_pushgateway import pushed, pushgateway
from tests.support.scraped import samples_of
from tpcharness.export.metrics import push as pushing
from tpcharness.export.metrics.push import checked_gateway, group_url, push
from tpcharness.export.metrics.textfile import prometheus_text

TEXT = "".join(prometheus_text(run(), matrix(4), findings())).encode()


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[str]:
    with pushgateway(tmp_path) as url:
        yield url


@pytest.mark.real
@pytest.mark.parametrize("name", ["example-site", "a/b", "ops & friends ☃", "x" * 64])
def test_a_real_gateway_shows_it_under_the_harness_and_replaces_it(gateway: str, name: str):
    assert push(gateway, name, TEXT) is None
    shown = pushed(gateway)
    assert shown.keys() == {name}
    assert len(shown[name]) == len(samples_of(TEXT))
    assert push(gateway, name, b"# TYPE tpcharness_links gauge\ntpcharness_links 1\n") is None
    assert len(pushed(gateway)[name]) == 1


@pytest.mark.real
def test_a_real_gateways_refusal_is_one_line(gateway: str):
    problem = push(gateway, "example", b"this is no metric\n")
    assert problem is not None
    assert problem.startswith(f"{gateway} answered 400 Bad Request: text format parsing error")
    assert "\n" not in problem


def test_nobody_listens():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert push(f"http://127.0.0.1:{port}", "x", TEXT) == f"http://127.0.0.1:{port}: [Errno 111] Connection refused"


class Rude(BaseHTTPRequestHandler):
    """Answers with a redirect elsewhere, or with a page full of control characters."""

    def do_PUT(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        if "redirect" in self.path:
            self.send_response(302)
            self.send_header("Location", "http://127.0.0.1:1/stolen")
        else:
            self.send_response(500, "Oops")
        self.end_headers()
        self.wfile.write(b"\x1b[31mline one\r\nline two " + b"x" * 10_000)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def rude() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Rude) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_what_a_rude_gateway_says_is_cut_and_printable(rude: str):
    problem = push(rude, "x", TEXT)
    assert problem is not None
    assert problem.startswith(f"{rude} answered 500 Oops: line one line two xxx")
    assert len(problem) < 400
    assert problem.isprintable()


def test_a_redirect_is_not_followed(rude: str):
    problem = push(rude, "redirect", TEXT)
    assert problem is not None
    assert "answered 302" in problem


def test_a_gateway_that_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(pushing, "TIMEOUT_SECONDS", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        problem = push(f"http://127.0.0.1:{listener.getsockname()[1]}", "x", TEXT)
    assert problem is not None
    assert "timed out" in problem


@pytest.mark.parametrize(
    "url",
    [
        "ftp://gw.example",
        "gw.example:9091",
        "http://",
        "file:///etc/passwd",
        "http://ada:secret@gw.example",
        "http://gw.example/?a=b",
        "http://gw.example:99999",
        "http://[::1",
        "",
    ],
)
def test_what_is_no_gateway_is_refused_without_telling_secrets(url: str):
    with pytest.raises(ValueError, match=r".") as caught:
        checked_gateway(url)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("instance", "end"),
    [("ops", "instance/ops"), ("a b/c", "instance@base64/YSBiL2M="), ("ä", "instance/%C3%A4")],
)
def test_groups(instance: str, end: str):
    assert group_url(checked_gateway("http://gw.example:9091/path/"), instance) == (
        f"http://gw.example:9091/path/metrics/job/tpcharness/{end}"
    )
