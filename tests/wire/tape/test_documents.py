"""Tape REST documents: what dCache, EOS and StoRM send, and what nobody should."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tpcharness.wire.errors import WireError
from tpcharness.wire.tape.archive_info import Locality, parse_archive_info
from tpcharness.wire.tape.discovery import TapeService, parse_discovery
from tpcharness.wire.tape.problem import read_problem
from tpcharness.wire.tape.reading import MAX_BODY_BYTES, MAX_DEVIATIONS, MAX_ITEMS
from tpcharness.wire.tape.stage import (
    FileState,
    cancel_url,
    parse_receipt,
    parse_status,
    paths_body,
    release_url,
    request_url,
    stage_body,
)

SERVICE = TapeService("https://tape.site.example:3880/api/v1/tape", "v1", 1)
NOON = 1_795_348_800


def raw(value: object) -> bytes:
    return json.dumps(value).encode()


def discovery(*services: object, **more: object) -> bytes:
    return raw({"sitename": "site-a-tape", "endpoints": list(services)} | more)


def service(uri: object = "https://door.site.example:3880/api/v1/tape", version: object = "v1") -> dict[str, object]:
    return {"uri": uri, "version": version, "metadata": {}}


class TestDiscovery:
    @pytest.mark.parametrize("slash", ["", "/", "//"])
    def test_a_uri_with_and_without_a_slash(self, slash: str) -> None:
        found = parse_discovery(discovery(service(f"https://host:1/api/v1{slash}")))
        assert found.services[0].stage_url == "https://host:1/api/v1/stage"
        assert found.services[0].archive_info_url == "https://host:1/api/v1/archiveinfo"
        assert found.deviations == ()

    def test_the_highest_version_up_to_one_counts(self) -> None:
        names = ["v0.1", "v2", "v1", "v0.2"]
        found = parse_discovery(discovery(*(service(version=name) for name in names)))
        assert [each.version for each in found.services] == ["v1", "v0.2", "v0.1"]
        assert [each.can_stage for each in found.services] == [True, False, False]

    def test_oddities_are_named_and_lived_with(self) -> None:
        body = discovery(service(version="1"), service(version="new"), service(version="1.0"), 7)
        found = parse_discovery(body, "text/plain")
        assert len(found.services) == 2
        assert len(found.deviations) == 5

    @pytest.mark.parametrize(
        ("body", "said"),
        [
            (b"<html>", "not JSON"),
            (b"[]", "not a JSON object"),
            (raw({"endpoints": [service()]}), "no sitename"),
            (raw({"sitename": 7, "endpoints": [service()]}), "no sitename"),
            (raw({"sitename": "x"}), "not a list"),
            (discovery(), "no service of version 1"),
            (discovery(service(version="v2")), "no service of version 1"),
            (discovery(service(uri="http://host/api")), "no https URL"),
            (discovery(service(uri="/api/v1")), "no https URL"),
            (discovery(service(uri="https://user@host/api")), "no https URL"),
            (discovery(service(uri="https://host/a b")), "no https URL"),
            (discovery(service(uri="https://host:99999/")), "no https URL"),
            (discovery(service(uri="https://[host/")), "no https URL"),
            (discovery(service(uri="https://host/\r\nX: y")), "no https URL"),
            (discovery(service(uri=None)), "no https URL"),
            (discovery(service(uri="https://dcache.example.org:3880/api/v1/tape")), "the example"),
            (discovery(service(), sitename="dcache-example-org"), "the example"),
            (b"[" * 100_000, "not JSON"),
            (b" " * (MAX_BODY_BYTES + 1), "longer than"),
            (raw({"sitename": "x", "endpoints": [0] * (MAX_ITEMS + 1)}), "more than"),
        ],
    )
    def test_what_cannot_be_used_says_why(self, body: bytes, said: str) -> None:
        with pytest.raises(WireError, match=said):
            parse_discovery(body)


class TestRequests:
    def test_a_stage_says_how_long_the_file_is_wanted(self) -> None:
        assert json.loads(stage_body(["/a/ü"], 600)) == {"files": [{"path": "/a/ü", "diskLifetime": "PT600S"}]}
        with_activity = json.loads(stage_body(["/a"], 600, "probe"))["files"][0]
        assert with_activity["targetedMetadata"] == {"default": {"activity": "probe"}}
        assert json.loads(paths_body(["/a", "/b"])) == {"paths": ["/a", "/b"]}

    def test_a_stage_without_paths_or_lifetime_is_our_mistake(self) -> None:
        for paths, seconds in (([], 600), (["/a"], 0)):
            with pytest.raises(ValueError, match="lifetime"):
                stage_body(paths, seconds)

    def test_an_id_is_one_component_of_the_path(self) -> None:
        assert request_url(SERVICE, "a/../b?c") == f"{SERVICE.uri}/stage/a%2F..%2Fb%3Fc"
        assert cancel_url(SERVICE, "7") == f"{SERVICE.uri}/stage/7/cancel"
        assert release_url(SERVICE, "7") == f"{SERVICE.uri}/release/7"

    def test_a_request_that_only_its_location_names(self) -> None:
        receipt = parse_receipt(b"", 201, "https://host/api/v1/stage/a%2Fb/", SERVICE)
        assert (receipt.request_id, receipt.sound) == ("a/b", False)
        assert receipt.deviations
        with pytest.raises(WireError, match="requestId"):
            parse_receipt(b"", 201, "https://host/api/v1/stage/..", SERVICE)

    def test_receipt(self) -> None:
        receipt = parse_receipt(raw({"requestId": "7"}), 201, f"{SERVICE.uri}/stage/7", SERVICE)
        assert (receipt.request_id, receipt.deviations) == ("7", ())

    @pytest.mark.parametrize(
        ("status", "location"), [(200, "/api/v1/tape/stage/7"), (201, ""), (201, "/stage/8"), (201, "https://[")]
    )
    def test_receipts_that_are_odd(self, status: int, location: str) -> None:
        receipt = parse_receipt(raw({"requestId": "7"}), status, location, SERVICE)
        assert receipt.request_id == "7"
        assert len(receipt.deviations) == 1

    @pytest.mark.parametrize(
        "body", [b"", b"{}", raw({"requestId": 7}), raw({"requestId": ".."}), raw({"requestId": "a\n"})]
    )
    def test_a_receipt_without_an_id(self, body: bytes) -> None:
        with pytest.raises(WireError, match="requestId"):
            parse_receipt(body, 201, "", SERVICE)


def status(*files: object, **more: object) -> bytes:
    return raw({"id": "7", "createdAt": NOON, "startedAt": NOON, "files": list(files)} | more)


class TestPolls:
    def test_states_as_dcache_has_them(self) -> None:
        found = parse_status(
            status({"path": "/a", "state": "COMPLETED", "startedAt": NOON * 1000, "finishedAt": NOON * 1000 + 5}), "7"
        )
        file = found.of("//a")
        assert file is not None
        assert (file.state, file.started_at) == (FileState.COMPLETED, datetime.fromtimestamp(NOON, UTC))
        assert found.deviations == ("times are in milliseconds",)

    def test_disk_or_not_as_eos_has_it(self) -> None:
        found = parse_status(
            status(
                {"path": "/done", "onDisk": True},
                {"path": "/queued", "onDisk": False},
                {"path": "/failed", "onDisk": False, "error": "no tape"},
                {"path": "/denied", "error": "USER ERROR: you don't have prepare permission"},
            ),
            "7",
        )
        assert [file.state.value for file in found.files] == ["COMPLETED", "SUBMITTED", "FAILED", "FAILED"]
        assert found.deviations == ()

    def test_zeros_as_storm_has_them(self) -> None:
        found = parse_status(status({"path": "/a", "state": "SUBMITTED"}, startedAt=0, completedAt=0), "7")
        assert (found.started_at, found.completed_at, found.deviations) == (None, None, ())

    @pytest.mark.parametrize(
        ("file", "state", "said"),
        [
            ({"state": "CANCELED"}, FileState.CANCELLED, "spelled"),
            ({"state": "ERROR"}, FileState.UNKNOWN, "does not have"),
            ({"state": None}, FileState.UNKNOWN, "does not have"),
            ({"state": "STARTED", "error": "broken"}, FileState.FAILED, "has not failed"),
            ({"state": "STARTED", "error": None}, FileState.STARTED, "null or empty"),
            ({"state": "STARTED", "onDisk": False}, FileState.STARTED, "both"),
            ({"onDisk": "yes"}, FileState.UNKNOWN, "neither true nor false"),
            ({}, FileState.UNKNOWN, "neither state nor onDisk"),
            ({"state": "STARTED", "startedAt": "noon"}, FileState.STARTED, "not a number"),
            ({"state": "STARTED", "startedAt": 10**30}, FileState.STARTED, "beyond"),
        ],
    )
    def test_files_that_are_odd(self, file: dict[str, object], state: FileState, said: str) -> None:
        found = parse_status(status({"path": "/a"} | file), "7")
        assert found.files[0].state is state
        assert any(said in text for text in found.deviations), found.deviations

    def test_missing_and_doubled_paths(self) -> None:
        found = parse_status(status({"path": "/a", "onDisk": True}, {"path": "//a", "onDisk": False}), "7")
        assert found.of("/b") is None
        assert found.of("/a") == found.files[0]
        assert len(found.files) == 1
        assert found.deviations == ("a path twice in one answer",)

    @pytest.mark.parametrize(
        "body", [b"", b"[]", raw({"id": "8", "files": []}), raw({"files": []}), raw({"id": "7"}), status(7), status({})]
    )
    def test_what_is_no_status(self, body: bytes) -> None:
        with pytest.raises(WireError):
            parse_status(body, "7")


class TestArchiveInfo:
    def test_localities_and_errors(self) -> None:
        items: list[dict[str, object]] = [{"path": f"/{word}", "locality": word} for word in Locality]
        found = parse_archive_info(raw([*items, {"path": "/missing", "error": "no such file"}]))
        assert [file.locality for file in found.files] == [*Locality, None]
        assert found.deviations == ()
        missing = found.of("//missing")
        assert missing is not None
        assert missing.error == "no such file"

    @pytest.mark.parametrize(
        ("item", "said"),
        [
            ({"locality": "NEARLINE"}, "does not have"),
            ({}, "neither"),
            ({"locality": "DISK", "error": None}, "null"),
        ],
    )
    def test_items_that_are_odd(self, item: dict[str, Any], said: str) -> None:
        found = parse_archive_info(raw([{"path": "/a"} | item]))
        assert any(said in text for text in found.deviations)

    @pytest.mark.parametrize("body", [b"", b"{}", b"[7]", b'[{"locality": "DISK"}]'])
    def test_what_is_no_list_of_files(self, body: bytes) -> None:
        with pytest.raises(WireError):
            parse_archive_info(body)


class TestProblems:
    def test_body_and_headers(self) -> None:
        body = raw({"title": "Not found", "status": "404", "detail": "no\nrequest"})
        assert read_problem(body, {}) == "Not found: no request"
        in_headers = {"title": "File missing from stage request", "detail": "/x"}
        assert read_problem(b"", in_headers) == "File missing from stage request: /x"

    @pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"{}", raw({"title": 7})])
    def test_errors_that_say_nothing(self, body: bytes) -> None:
        assert read_problem(body, {}) == ""


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.text()
            | st.sampled_from(["id", "files", "path", "state", "onDisk", "error", "startedAt", "endpoints", "uri"]),
            inner,
            max_size=6,
        )
    ),
    max_leaves=30,
)


@given(st.one_of(st.binary(max_size=200), JSON.map(raw)))
def test_nothing_but_a_wire_error_comes_of_hostile_bytes(body: bytes) -> None:
    for parse in (
        parse_discovery,
        parse_archive_info,
        lambda data: parse_status(data, "7"),
        lambda data: parse_receipt(data, 201, "", SERVICE),
    ):
        with suppress(WireError):
            parse(body)
    read_problem(body, {})


@given(JSON, JSON, JSON)
def test_hostile_items_in_sound_documents(first: object, second: object, third: object) -> None:
    for body in (
        status({"path": "/a", "state": first, "error": second, "onDisk": third, "startedAt": first}),
        status(first, second, createdAt=third),
        raw([{"path": first, "locality": second, "error": third}]),
        discovery(service(first, second), third),
    ):
        for parse in (parse_discovery, parse_archive_info, lambda data: parse_status(data, "7")):
            with suppress(WireError):
                assert len(parse(body).deviations) <= MAX_DEVIATIONS


@given(st.lists(st.tuples(st.text(min_size=1), st.sampled_from(["state", "onDisk"])), max_size=8), st.randoms())
def test_the_order_of_files_does_not_matter(entries: list[tuple[str, str]], dice: Any) -> None:
    files = {
        path: {"path": path, **({"state": "STARTED"} if style == "state" else {"onDisk": True})}
        for path, style in entries
    }
    shuffled = list(files.values())
    dice.shuffle(shuffled)
    one, other = parse_status(status(*files.values()), "7"), parse_status(status(*shuffled), "7")
    assert {file.path for file in one.files} >= {file.path for file in other.files} - set(files)
    assert len(one.files) == len(other.files)
