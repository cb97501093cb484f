"""The head of a COPY, and the promise of an answer's head."""

from __future__ import annotations

import pytest

from tests.support.recordings import load, names
from tpcharness.model.secret import Secret
from tpcharness.wire.copy_request import CopyAnswer, Mode, copy_headers, read_copy_status

TOKEN = Secret("eyJhbGciOiJFUzI1NiJ9.canary.signature")
URL = "https://source.example:2880/vo/file"


def headers(
    mode: Mode = Mode.PULL, url: str = URL, token: Secret | None = TOKEN, **options: object
) -> dict[str, object]:
    pairs = copy_headers(mode, url, token, **{"client_info": "run-id=r;probe-id=p", **options})  # type: ignore[arg-type]
    assert len(dict(pairs)) == len(pairs)
    return dict(pairs)


def test_pull_head() -> None:
    assert headers() == {
        "Source": URL,
        "Credential": "none",
        "X-No-Delegate": "true",
        "Secure-Redirection": "1",
        "Overwrite": "F",
        "Accept": "text/perf-marker-stream, */*",
        "ClientInfo": "run-id=r;probe-id=p",
        "RequireChecksumVerification": "false",
        "TransferHeaderAuthorization": Secret(f"Bearer {TOKEN.reveal()}"),
    }


def test_push_names_the_destination_and_never_both() -> None:
    pushed = headers(Mode.PUSH)
    assert pushed["Destination"] == URL
    assert "Source" not in pushed
    assert "Destination" not in headers(Mode.PULL)


def test_no_token_no_transfer_header() -> None:
    assert "TransferHeaderAuthorization" not in headers(token=None)


def test_the_token_cannot_be_printed() -> None:
    assert "canary" not in repr(copy_headers(Mode.PULL, URL, TOKEN, client_info="x"))


@pytest.mark.parametrize(("overwrite", "value"), [(True, "T"), (False, "F")])
def test_overwrite(overwrite: bool, value: str) -> None:
    assert headers(overwrite=overwrite)["Overwrite"] == value


@pytest.mark.parametrize(("by_server", "value"), [(True, "true"), (False, "false"), (None, None)])
def test_who_verifies(by_server: bool | None, value: str | None) -> None:
    assert headers(checksum_by_server=by_server).get("RequireChecksumVerification") == value


def test_extra_headers_come_last() -> None:
    pairs = copy_headers(Mode.PULL, URL, None, client_info="x", extra=[("SciTag", "66"), ("X-Number-Of-Streams", "4")])
    assert pairs[-2:] == (("SciTag", "66"), ("X-Number-Of-Streams", "4"))


@pytest.mark.parametrize(
    ("url", "sent"),
    [
        ("davs://h.example:443/a", "https://h.example:443/a"),
        ("DAVS://h.example/a", "https://h.example/a"),
        ("https://[2001:db8::1]:2880/a%20b?x=y", "https://[2001:db8::1]:2880/a%20b?x=y"),
        ("https://h.example//double//slash", "https://h.example//double//slash"),
    ],
)
def test_urls_are_sent_as_https(url: str, sent: str) -> None:
    assert headers(url=url)["Source"] == sent


@pytest.mark.parametrize(
    "url",
    [
        "", "/a", "h.example/a", "root://h.example//a", "gsiftp://h.example/a", "https:///a", "https://[broken/a",
        "https://h.example/a b", "https://h.example/a\r\nX-Evil: 1", "https://h.example/\N{SNOWMAN}",
        "http://h.example/a", "dav://h.example/a",
    ],
)  # fmt: skip
def test_urls_that_are_refused(url: str) -> None:
    with pytest.raises(ValueError):
        headers(url=url)


def test_plain_http_only_without_a_token() -> None:
    assert headers(url="http://h.example/a", token=None)["Source"] == "http://h.example/a"


def test_a_refusal_does_not_repeat_the_query() -> None:
    with pytest.raises(ValueError) as refused:
        headers(url="root://h.example/a?authz=canary")
    assert "canary" not in str(refused.value)


@pytest.mark.parametrize("text", ["a\r\nX-Evil: 1", "a\nb", "a\0b", "\N{SNOWMAN}"])
def test_nothing_breaks_out_of_its_header(text: str) -> None:
    with pytest.raises(ValueError, match="ClientInfo"):
        headers(client_info=text)
    with pytest.raises(ValueError, match="TransferHeaderAuthorization") as refused:
        headers(token=Secret(text))
    assert text not in str(refused.value)


@pytest.mark.parametrize(
    ("status", "content_type", "answer"),
    [
        (202, "text/perf-marker-stream", CopyAnswer.ACCEPTED),
        (202, "text/plain", CopyAnswer.ACCEPTED),
        (202, "", CopyAnswer.ACCEPTED),
        (201, "text/plain", CopyAnswer.ACCEPTED),
        (200, "text/plain; charset=utf-8", CopyAnswer.ACCEPTED),
        (200, "", CopyAnswer.ACCEPTED),
        (200, "text/html", CopyAnswer.UNSUPPORTED),
        (200, "TEXT/HTML; charset=utf-8", CopyAnswer.UNSUPPORTED),
        (201, "text/html; charset=iso-8859-1", CopyAnswer.UNSUPPORTED),
        (200, "application/xml", CopyAnswer.UNSUPPORTED),
        (200, "application/json", CopyAnswer.UNSUPPORTED),
        (204, "", CopyAnswer.UNSUPPORTED),
        (207, "text/xml", CopyAnswer.UNSUPPORTED),
        (206, "text/plain", CopyAnswer.UNSUPPORTED),
        (405, "", CopyAnswer.UNSUPPORTED),
        (501, "text/plain", CopyAnswer.UNSUPPORTED),
        (302, "", CopyAnswer.REDIRECT),
        (307, "text/plain", CopyAnswer.REDIRECT),
        (308, "", CopyAnswer.REDIRECT),
        (400, "", CopyAnswer.REFUSED),
        (401, "text/html", CopyAnswer.REFUSED),
        (403, "", CopyAnswer.REFUSED),
        (404, "", CopyAnswer.REFUSED),
        (412, "", CopyAnswer.REFUSED),
        (500, "text/html", CopyAnswer.REFUSED),
        (507, "application/xml", CopyAnswer.REFUSED),
        (999, "", CopyAnswer.REFUSED),
    ],
)
def test_statuses(status: int, content_type: str, answer: CopyAnswer) -> None:
    assert read_copy_status(status, content_type) is answer


@pytest.mark.parametrize("version", ["xrootd-5.5.3", "xrootd-6.1"])
def test_recorded_statuses(version: str) -> None:
    for name in names(version):
        if name.startswith(("pull-", "push-")):
            recording = load(version, name)
            content_type = "text/plain" if b"Content-Type: text/plain" in recording.response else ""
            accepted = read_copy_status(recording.status, content_type) is CopyAnswer.ACCEPTED
            assert accepted == (b"Perf Marker" in recording.response), name
