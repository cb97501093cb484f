import json
from dataclasses import fields, is_dataclass, replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from tests.export.samples import NOON, door, ended, failed, findings, good, run
from tpcharness.export.document import (
    document_text,
    moment_text,
    parse_json,
    read_document,
    read_result,
    result_document,
    run_document,
    to_json,
)
from tpcharness.model.reason import Reason
from tpcharness.model.secret import Secret
from tpcharness.model.variant import Blame, Outcome, Phase, Variant
from tpcharness.results.fields import DocumentError

SAMPLES = [good(), failed(), door(), door(reason=Reason.TLS_EXPIRED), ended(good(), Outcome.SKIPPED, Reason.SEED_LOST)]


@pytest.mark.parametrize("result", SAMPLES, ids=lambda result: result.reason.value)
def test_a_result_survives_the_way_through_json(result):
    document = result_document(result)
    again = read_result(json.loads(to_json(document)))
    assert result_document(again) == document
    phases = {phase: round(seconds, 6) for phase, seconds in result.phases.items()}
    throughput = None if result.throughput is None else round(result.throughput, 6)
    assert again == replace(result, phases=phases, throughput=throughput)


def test_the_document_has_every_field_of_the_record_and_what_follows_from_them():
    document = result_document(failed())
    assert set(document) == {field.name for field in fields(failed())} | {"code", "phase"}
    assert document["subject"] == {"kind": "link", "source": "SITE-A", "destination": "SITE-B"}
    assert document["code"] == Reason.FORBIDDEN.code(Blame.DESTINATION)
    assert document["phase"] == "request"
    assert result_document(door())["subject"] == {"kind": "endpoint", "endpoint": "SITE-A"}


def test_times_are_utc_and_durations_are_microseconds():
    east = timezone(timedelta(hours=2))
    document = result_document(replace(good(), started_at=datetime(2026, 1, 1, 1, 0, tzinfo=east)))
    assert document["started_at"] == "2025-12-31T23:00:00.000000Z"
    assert document["phases"]["token"] == 0.012346
    assert moment_text(datetime(1, 1, 1, tzinfo=UTC)) == "0001-01-01T00:00:00.000000Z"


def test_a_whole_document_is_the_same_in_one_piece_and_in_many():
    whole = run_document(run(), SAMPLES, findings())
    assert json.loads("".join(document_text(run(), SAMPLES, findings()))) == whole
    assert json.loads("".join(document_text(run(), [], []))) == run_document(run(), [], [])
    again = read_document(json.loads(to_json(whole)))
    assert again.run == run()
    assert list(again.findings) == findings()
    assert {result.probe_id for result in again.results} == {result.probe_id for result in SAMPLES}


def test_doors_are_controls_where_links_were_asked_for():
    whole = run_document(run(), [door(), good()], [])
    assert [each["subject"]["kind"] for each in whole["run"]["doors"]] == ["endpoint"]
    assert [each["subject"]["kind"] for each in whole["results"]] == ["link"]
    alone = run_document(replace(run(), planned_links=0), [door()], [])
    assert (len(alone["run"]["doors"]), len(alone["results"])) == (0, 1)


def test_what_was_asked_of_endpoints_alone_is_no_control():
    upload = replace(door(), variant=Variant.WEBDAV_UPLOAD)
    for facts in (run(), replace(run(), planned_links=0, planned_alone=1)):
        whole = run_document(facts, [door(), upload], [])
        assert [each["variant"] for each in whole["run"]["doors"]] == ["door"]
        assert [each["variant"] for each in whole["results"]] == ["webdav-upload"]


def test_hostile_text_is_inert_in_json():
    text = to_json(result_document(failed(body="\x1b[31m\u202e\ud800</script>\x00")))
    assert text.isascii()
    assert text.isprintable()
    assert json.loads(text)["evidence"]["exchanges"][0]["body_excerpt"] == "\x1b[31m\u202e\ud800</script>\x00"


def _texts(value, path=()):
    """Where the strings of a record are, as paths to replace."""
    if is_dataclass(value):
        for field in fields(value):
            yield from _texts(getattr(value, field.name), (*path, field.name))
    elif isinstance(value, tuple):
        for index, item in enumerate(value):
            yield from _texts(item, (*path, index))
    elif type(value) is str:
        yield path


def _planted(value, path, secret):
    if not path:
        return secret
    step, *rest = path
    if isinstance(step, int):
        return (*value[:step], _planted(value[step], rest, secret), *value[step + 1 :])
    return replace(value, **{step: _planted(getattr(value, step), rest, secret)})


@pytest.mark.parametrize("path", list(_texts(failed())), ids=lambda path: ".".join(map(str, path)))
def test_no_secret_is_ever_serialised_wherever_it_stands(path):
    canary = Secret("canary-7f3a")
    with pytest.raises(TypeError) as caught:
        to_json(result_document(_planted(failed(), path, canary)))
    assert "canary" not in str(caught.value)


def test_unknown_fields_of_later_versions_are_ignored():
    document = result_document(good())
    document["flavour"] = "new"
    document["markers"]["streams"] = 4
    document["phases"]["warmup"] = 1.0
    document["evidence"]["exchanges"][0]["http_version"] = "2"
    assert read_result(document) == read_result(result_document(good()))


def test_fields_that_have_a_default_may_be_missing():
    document = result_document(good())
    for name in ("markers", "checksum", "evidence", "implementation", "phases", "hint", "warnings", "bytes"):
        del document[name]
    result = read_result(document)
    assert result.evidence.exchanges == ()
    assert result.bytes is None


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("run_id",), None, "result.run_id: expected a string, found None"),
        (("attempt",), "1", "result.attempt: expected an integer, found '1'"),
        (("attempt",), True, "result.attempt: expected an integer, found True"),
        (("reason",), "tired", "result.reason: expected a Reason that this version knows, found 'tired'"),
        (("started_at",), "2026-11-22T12:00:00", "result.started_at: expected an ISO 8601 time with its zone"),
        (("started_at",), "0001-01-01T00:00:00+23:00", "result.started_at: expected an ISO 8601 time"),
        (("subject",), [], "result.subject: expected an object, found []"),
        (("subject", "kind"), "star", "result.subject.kind: expected a SubjectKind"),
        (("phases", "token"), "slow", "result.phases.token: expected a number, found 'slow'"),
        (("throughput",), 10**400, "result.throughput: expected a number"),
        (("warnings",), "one", "result.warnings: expected a list, found 'one'"),
        (("warnings",), [1], "result.warnings[0]: expected a string, found 1"),
        (("evidence", "exchanges", 0, "status"), "202", "result.evidence.exchanges[0].status: expected an integer"),
        (("evidence", "exchanges", 0, "request_headers"), [["a"]], "request_headers[0]: expected a pair, found ['a']"),
    ],
)
def test_a_wrong_document_is_one_error_that_names_the_place(path, value, message):
    document = result_document(good())
    target = document
    for step in path[:-1]:
        target = target[step]
    target[path[-1]] = value
    with pytest.raises(DocumentError) as caught:
        read_result(document)
    assert message in str(caught.value)
    assert len(str(caught.value)) < 200


def test_a_missing_field_is_named():
    document = result_document(good())
    del document["subject"]["source"]
    with pytest.raises(DocumentError, match=r"^result\.subject\.source is missing$"):
        read_result(document)


@pytest.mark.parametrize("document", [None, [], "x", 1, {}, {"schema_version": 2}, {"schema_version": 1}])
def test_what_is_no_document_is_refused(document):
    with pytest.raises(DocumentError):
        read_document(document)


@pytest.mark.parametrize("text", ["", "{", "NaN", '{"a":Infinity}', "[" * 100_000, "1" * 5000])
def test_what_is_not_json_is_a_document_error(text):
    with pytest.raises(DocumentError, match=r"^here: not JSON"):
        parse_json(text, "here")


def test_phases_keep_their_order():
    phases = {Phase.TRANSFER: 1.0, Phase.TOKEN: 2.0}
    assert list(result_document(replace(good(), phases=phases))["phases"]) == ["transfer", "token"]
    assert NOON.tzinfo is UTC
