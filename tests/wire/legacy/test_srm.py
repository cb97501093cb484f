"""srmPing: our request, the answers of SRMs and of others, every way to cut them, and XML that is hostile."""

from __future__ import annotations

from xml.etree.ElementTree import fromstring

import pytest

from tpcharness.wire.errors import WireError
from tpcharness.wire.legacy.address import SRM_PATHS, LegacyUrl
from tpcharness.wire.legacy.srm import MAX_ANSWER, MAX_HEAD, PingAnswer, PingKind, PingReader, ping_request

ENVELOPE = "http://schemas.xmlsoap.org/soap/envelope/"
PONG = (
    f'<?xml version="1.0"?><soapenv:Envelope xmlns:soapenv="{ENVELOPE}"><soapenv:Body><srmPingResponse '
    'xmlns="http://srm.lbl.gov/StorageResourceManager"><srmPingResponse><versionInfo>v2.2</versionInfo><otherInfo>'
    "<extraInfoArray><key>backend_type</key><value>StoRM</value></extraInfoArray>"
    "</otherInfo></srmPingResponse></srmPingResponse></soapenv:Body></soapenv:Envelope>"
).encode()
FAULT = (
    f'<e:Envelope xmlns:e="{ENVELOPE}"><e:Body><e:Fault><faultstring>CGSI-gSOAP: no credentials</faultstring></e:Fault>'
    "</e:Body></e:Envelope>"
).encode()


def answer(body: bytes, status: str = "200 OK", *lines: str) -> bytes:
    return "\r\n".join([f"HTTP/1.1 {status}", "Server: gSOAP/2.8", *lines, "", ""]).encode() + body


def read(data: bytes, size: int = 0) -> PingAnswer | None:
    reader, step = PingReader(), size or len(data)
    for place in range(0, len(data), step):
        if reader.feed(data[place : place + step]):
            break
    return reader.finish()


def test_the_request_is_whole_and_holds_nothing_of_ours() -> None:
    head, _, body = ping_request("se.example.org:8443", "/srm/managerv2", "tpcharness/1").partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    assert lines[0] == "POST /srm/managerv2 HTTP/1.0"
    assert f"Content-Length: {len(body)}" in lines
    assert not any(line.lower().startswith(("authorization", "cookie")) for line in lines)
    assert fromstring(body).find(f"{{{ENVELOPE}}}Body/{{http://srm.lbl.gov/StorageResourceManager}}srmPing") is not None


@pytest.mark.parametrize("size", [0, 1, 2, 7, 100])
@pytest.mark.parametrize(
    ("data", "kind", "status", "said"),
    [
        (answer(PONG), PingKind.PING, 200, "v2.2 StoRM"),
        (answer(PONG, "200 OK", f"Content-Length: {len(PONG)}") + b"rubbish", PingKind.PING, 200, "v2.2 StoRM"),
        (answer(FAULT, "500 Internal Server Error"), PingKind.FAULT, 500, "CGSI-gSOAP: no credentials"),
        (answer(b"<html/>", "404 Not Found"), PingKind.HTTP, 404, ""),
        (answer(b"", "403 Forbidden"), PingKind.HTTP, 403, ""),
        (answer(PONG[:-30]), PingKind.PING, 200, ""),
        (answer(b"%x\r\n%s\r\n0\r\n\r\n" % (len(PONG), PONG)), PingKind.PING, 200, ""),
        (answer(b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'), PingKind.HTTP, 200, ""),
        (b"HTTP/1.0 401\n\n", PingKind.HTTP, 401, ""),
    ],
)
def test_answers(data: bytes, kind: PingKind, status: int, said: str, size: int) -> None:
    found = read(data, size)
    assert found is not None
    assert (found.kind, found.status, found.said) == (kind, status, said)


@pytest.mark.parametrize("data", [b"\0", b"220 hello\r\n", b"HTTP/2 200\r\n\r\n", b"HTTP/1.1 banana\r\n\r\n"])
def test_what_is_no_http(data: bytes) -> None:
    for size in (1, len(data)):
        with pytest.raises(WireError):
            read(data, size)


def test_a_head_that_did_not_end_is_no_answer() -> None:
    assert read(b"HTTP/1.1 200 OK\r\nServer: x") is None


def test_all_of_it_is_bounded() -> None:
    with pytest.raises(WireError, match="head of more than"):
        read(b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * MAX_HEAD, 1000)
    reader, fed = PingReader(), 0
    reader.feed(answer(b""))
    while not reader.feed(b"<" * 1000):
        fed += 1000
        assert fed <= MAX_ANSWER
    found = reader.finish()
    assert found is not None
    assert len(found.body) <= MAX_ANSWER


@pytest.mark.parametrize(
    ("url", "place", "services"),
    [
        ("gsiftp://se.example.org/dpm/x", "se.example.org:2811", ()),
        ("gsiftp://se.example.org:2812", "se.example.org:2812", ()),
        ("srm://se.example.org/dteam", "se.example.org:8443", SRM_PATHS),
        ("srm://se.example.org:8444/srm/v2/server?SFN=/a", "se.example.org:8444", ("/srm/v2/server",)),
        ("httpg://[2001:db8::1]/srm/managerv2?SFN=/a", "[2001:db8::1]:8443", ("/srm/managerv2",)),
    ],
)
def test_urls(url: str, place: str, services: tuple[str, ...]) -> None:
    parsed = LegacyUrl.parse(url)
    assert (parsed.place, parsed.services) == (place, services)


@pytest.mark.parametrize("url", ["https://se.example.org/", "gsiftp:///x", "srm://h:99999/", "", "srm://h:x/"])
def test_what_is_no_url_of_such_a_door(url: str) -> None:
    with pytest.raises(WireError):
        LegacyUrl.parse(url)
