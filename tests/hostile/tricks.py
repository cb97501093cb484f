"""What a storage can do to us, as data: the bytes that it sends, and what a COPY must end with."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

from tests.support.hostile import DEADLY, PIECE, Asked, Trick, chunk, drip, forever, head, says, stream, whole
from tpcharness.model.reason import Reason

R = Reason
MARKER = b"Perf Marker\nTimestamp: 1\nStripe Index: 0\nStripe Bytes Transferred: 1\nTotal Stripe Count: 1\nEnd\n"
STRIPE = b"Perf Marker\nStripe Index: %d\nStripe Bytes Transferred: %d\nEnd\n"
CONNECTIONS = b"Perf Marker\nRemoteConnections: " + b",".join(b"tcp:%d:1" % port for port in range(5000)) + b"\nEnd\n"
END = b"0\r\n\r\n"
CHUNKED = "Transfer-Encoding: chunked"


@dataclass(frozen=True, slots=True)
class Case:
    """A trick, and the reason that the harness must give when it is the answer to a COPY."""

    trick: Trick
    reason: Reason


async def again(asked: Asked) -> AsyncIterator[bytes]:
    yield whole("307 Again", b"", f"Location: {asked.url}{asked.target}")


async def longer(asked: Asked) -> AsyncIterator[bytes]:
    yield whole("307 Again", b"", f"Location: {asked.target}{'&' if '?' in asked.target else '?'}{'x' * 2000}")


async def early(_asked: Asked) -> AsyncIterator[bytes]:
    """Does not wait for the request's body."""
    yield whole("507 Insufficient Storage", b"full")


def to(location: str) -> Trick:
    return says(head("307 There", f"Location: {location}", "Content-Length: 0"))


# The answer's head, or its framing, or the redirect that it is: the same answer to any request is as bad.
BROKEN: Mapping[str, Case] = {
    "nothing": Case(says(), R.CONNECTION_LOST),
    "half-a-head": Case(says(b"HTTP/1.1 202 Acc"), R.CONNECTION_LOST),
    "http2": Case(
        says(b"\0\0\x12\x04\0\0\0\0\0\0\x03\0\0\0\x80\0\x04\0\x01\0\0\0\x05\0\xff\xff"), R.MALFORMED_RESPONSE
    ),
    "http09": Case(says(b"<html>hello</html>\n"), R.MALFORMED_RESPONSE),
    "status-line-of-1-mb": Case(says(b"HTTP/1.1 202 " + b"A" * (1 << 20) + b"\r\n\r\n"), R.MALFORMED_RESPONSE),
    "header-of-100-kb": Case(says(whole("202 Accepted", b"", "Server: " + "A" * 100_000)), R.MALFORMED_RESPONSE),
    "1000-headers": Case(says(whole("202 Accepted", b"", *["X: y"] * 1000)), R.MALFORMED_RESPONSE),
    "header-with-nul": Case(says(whole("202 Accepted", b"", "X: a\0b")), R.MALFORMED_RESPONSE),
    "header-with-cr": Case(says(whole("202 Accepted", b"", "X: a\rY: b")), R.MALFORMED_RESPONSE),
    "length-negative": Case(says(head("202 Accepted", "Content-Length: -1")), R.MALFORMED_RESPONSE),
    "length-two": Case(
        says(head("202 Accepted", "Content-Length: 1", "Content-Length: 2") + b"xx"), R.MALFORMED_RESPONSE
    ),
    "length-and-chunks": Case(says(head("202 Accepted", "Content-Length: 3", CHUNKED) + END), R.MALFORMED_RESPONSE),
    "length-of-30-digits": Case(says(head("202 Accepted", "Content-Length: " + "9" * 30)), R.MALFORMED_RESPONSE),
    "length-in-words": Case(says(head("202 Accepted", "Content-Length: many")), R.MALFORMED_RESPONSE),
    "more-than-its-length": Case(says(whole("202 Accepted", b"abc") + b"x" * 100_000), R.MALFORMED_RESPONSE),
    "chunk-that-is-none": Case(says(head("202 Accepted", CHUNKED) + b"zz\r\nhello\r\n"), R.MALFORMED_RESPONSE),
    "chunk-too-big": Case(says(head("202 Accepted", CHUNKED) + b"f" * 40 + b"\r\nhello\r\n"), R.MALFORMED_RESPONSE),
    "1000-trailers": Case(says(head("202 Accepted", CHUNKED) + b"0\r\n" + b"X: y\r\n" * 1000), R.MALFORMED_RESPONSE),
    "redirect-loop": Case(again, R.REDIRECT_LOOP),
    "redirect-that-grows": Case(longer, R.MALFORMED_RESPONSE),
    "redirect-to-http": Case(to("http://localhost:1/dteam"), R.REDIRECT_DOWNGRADE),
    "redirect-to-file": Case(to("file:///etc/passwd"), R.REDIRECT_INVALID),
    "redirect-to-javascript": Case(to("javascript:alert(1)"), R.REDIRECT_INVALID),
    "redirect-to-nowhere": Case(to(""), R.REDIRECT_INVALID),
    "redirect-with-password": Case(to("https://me:secret@localhost:1/x"), R.REDIRECT_INVALID),
    "redirect-to-future-ip": Case(to("https://[v1.x]/"), R.REDIRECT_INVALID),
    "redirect-to-port-99999": Case(to("https://localhost:99999/"), R.REDIRECT_INVALID),
    "redirect-with-cr": Case(to("https://localhost:1/\rX: y"), R.MALFORMED_RESPONSE),
    "redirect-with-request": Case(to("https://localhost:1/a HTTP/1.1 b"), R.REDIRECT_INVALID),
    "redirect-in-latin": Case(to("https://localhost:1/\xff\xfe"), R.REDIRECT_INVALID),
    "redirect-to-latin-host": Case(to("https://\xff\xfe/"), R.REDIRECT_INVALID),
    "redirect-to-dots": Case(to("https://.../"), R.DNS_FAILURE),
    "redirect-deadly": Case(to("/" + DEADLY.decode("latin-1").replace("\0", "")), R.REDIRECT_INVALID),
}
# Answers that a COPY, and only a COPY, can have.
STREAMS: Mapping[str, Case] = {
    "yes-and-no-more": Case(says(whole("200 OK")), R.NO_VERDICT),
    "status-999": Case(says(whole("999 Odd")), R.SERVER_ERROR),
    "status-000": Case(says(whole("000 Odd")), R.BAD_REQUEST),
    "status-101": Case(says(head("101 Switching Protocols", "Upgrade: h2c", "Connection: upgrade")), R.BAD_REQUEST),
    "early-refusal": Case(early, R.NO_SPACE),
    "less-than-its-length": Case(says(head("202 Accepted", "Content-Length: 99") + MARKER[:9]), R.NO_VERDICT),
    "header-of-16-kb": Case(says(whole("403 No", b"", "Server: " + "A" * 16_000)), R.FORBIDDEN),
    "digest-of-16-kb": Case(says(whole("200 OK", b"", "Digest: " + "adler32=" * 1900)), R.NO_VERDICT),
    "date-absurd": Case(says(whole("200 OK", b"", "Date: Mon, 01 Jan 99999999999 00:00:00 GMT")), R.NO_VERDICT),
    "gzip-bomb": Case(
        says(whole("202 Accepted", b"\x1f\x8b" + b"\0" * 50_000, "Content-Encoding: gzip")), R.MARKERS_GARBLED
    ),
    "page": Case(
        says(whole("200 OK", b"<html><script>alert(1)</script>", "Content-Type: text/html")), R.TPC_UNSUPPORTED
    ),
    "page-in-a-stream": Case(says(stream(b"<html><script>alert(1)</script>\n"), END), R.MARKERS_GARBLED),
    "garbage": Case(says(stream(bytes(range(256)) * 100), END), R.MARKERS_GARBLED),
    "invalid-utf-8": Case(says(stream(b"\xff\xfe\xc0\x80\xed\xa0\x80\n"), END), R.MARKERS_GARBLED),
    "two-verdicts": Case(says(stream(b"failure: no\nsuccess: yes\n"), END), R.TRANSFER_FAILED),
    "success-first": Case(says(stream(b"success: Created\n" + MARKER), END), R.NOT_VISIBLE),
    "success-in-a-marker": Case(says(stream(MARKER[:-4] + b"State: success\nEnd\n"), END), R.NO_VERDICT),
    "deadly-refusal": Case(
        says(
            b"HTTP/1.1 403 " + DEADLY.replace(b"\0", b"") + b"\r\nServer: " + DEADLY.replace(b"\0", b""),
            b"\r\nContent-Length: %d\r\n\r\n" % len(DEADLY) + DEADLY,
        ),
        R.FORBIDDEN,
    ),
    "latin-heads": Case(
        says(
            head(
                "500 \xff\xfe\x80",
                "Server: \xff\x9b2J",
                "Date: \xff",
                "Allow: \xff",
                "Digest: \xff",
                "Content-Length: 0",
            )
        ),
        R.SERVER_ERROR,
    ),
    "deadly-failure": Case(says(stream(b"failure: " + DEADLY + b"\n"), END), R.TRANSFER_FAILED),
    "deadly-marker": Case(
        says(stream(b"Perf Marker\nState: " + DEADLY + b"\nRemoteConnections: " + DEADLY + b"\nEnd\n"), END),
        R.NO_VERDICT,
    ),
    "20000-stripes": Case(
        says(stream(b"".join(STRIPE % (number, 10**19 - 1) for number in range(20_000))), END),
        R.NO_VERDICT,
    ),
    "200000-connections": Case(
        says(stream(*[CONNECTIONS] * 40), END),
        R.NO_VERDICT,
    ),
}
# What has no end, sent as fast as we take it: only our own clocks end it, and memory must not grow meanwhile.
ENDLESS: Mapping[str, Case] = {
    "status-line": Case(forever(b"HTTP/1.1 202 ", b"A"), R.MALFORMED_RESPONSE),
    "header": Case(forever(b"HTTP/1.1 202 OK\r\nX: ", b"A"), R.MALFORMED_RESPONSE),
    "headers": Case(forever(b"HTTP/1.1 202 OK\r\n", b"X: y\r\n"), R.MALFORMED_RESPONSE),
    "headers-dripping": Case(drip(b"HTTP/1.1 202 OK\r\n", b"X: y\r\n"), R.NO_RESPONSE),
    "header-dripping": Case(drip(b"HTTP/1.1 202 OK\r\nX: ", b"A"), R.NO_RESPONSE),
    "continue": Case(forever(b"", b"HTTP/1.1 100 Continue\r\n\r\n"), R.NO_RESPONSE),
    "early-hints": Case(forever(b"", b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"), R.NO_RESPONSE),
    "body": Case(forever(head("202 OK"), b"A"), R.NO_FIRST_MARKER),
    "body-dripping": Case(drip(head("202 OK"), b"A"), R.NO_FIRST_MARKER),
    "chunk-extension": Case(forever(head("202 OK", CHUNKED) + b"5;", b"a"), R.NO_FIRST_MARKER),
    "trailers": Case(forever(head("202 OK", CHUNKED) + b"0\r\n", b"X: y\r\n"), R.MALFORMED_RESPONSE),
    "trailer": Case(forever(head("202 OK", CHUNKED) + b"0\r\nX: ", b"y"), R.MALFORMED_RESPONSE),
    "markers": Case(forever(stream(), chunk(MARKER)), R.NO_PROGRESS),
    "line": Case(forever(stream(b"failure: "), chunk(b"A" * PIECE)), R.NO_FIRST_MARKER),
    "success-line": Case(forever(stream(b"success: "), chunk(b"A" * PIECE)), R.NO_FIRST_MARKER),
    "blank-lines": Case(forever(stream(), chunk(b"\n" * PIECE)), R.NO_FIRST_MARKER),
    "block": Case(forever(stream(b"Perf Marker\n"), chunk(b"X: y\n" * 10_000)), R.NO_FIRST_MARKER),
}
