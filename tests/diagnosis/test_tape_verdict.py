"""What the answers of tape services mean."""

from __future__ import annotations

import pytest

from tpcharness.diagnosis.tape_verdict import (
    Operation,
    archiving_may_mend,
    judge_answer,
    judge_archiving,
    judge_file,
    judge_info,
    judge_missing,
    judge_new_name,
    remark_on_info,
)
from tpcharness.model.failure import Failure
from tpcharness.model.reason import Reason
from tpcharness.wire.tape.archive_info import FileInfo, Locality
from tpcharness.wire.tape.stage import FileState, StagedFile

PATH = "/vo/a"


@pytest.mark.parametrize(
    ("operation", "status", "reason"),
    [
        (Operation.DISCOVERY, 404, Reason.TAPE_UNSUPPORTED),
        (Operation.STAGE, 404, Reason.TAPE_INVALID),
        (Operation.ARCHIVE_INFO, 404, Reason.TAPE_INVALID),
        (Operation.POLL, 404, Reason.TAPE_INVALID),
        (Operation.STAGE, 501, Reason.TAPE_UNSUPPORTED),
        (Operation.STAGE, 400, Reason.BAD_REQUEST),
        (Operation.STAGE, 401, Reason.UNAUTHENTICATED),
        (Operation.STAGE, 403, Reason.FORBIDDEN),
        (Operation.STAGE, 413, Reason.BAD_REQUEST),
        (Operation.POLL, 429, Reason.OVERLOADED),
        (Operation.POLL, 503, Reason.OVERLOADED),
        (Operation.POLL, 500, Reason.SERVER_ERROR),
        (Operation.POLL, 418, Reason.BAD_REQUEST),
        (Operation.POLL, None, Reason.NO_RESPONSE),
    ],
)
def test_statuses(operation: Operation, status: int | None, reason: Reason) -> None:
    failure = judge_answer(operation, status, "why\nnot", None)
    assert failure is not None
    assert (failure.reason, failure.blame) == (reason, None)
    if status is not None:
        assert f"{operation} was answered {status}: why not" in failure.detail


def test_successes_and_failures_of_the_way_there() -> None:
    assert [judge_answer(Operation.DELETE, status, "", None) for status in (200, 201, 204)] == [None] * 3
    lost = Failure(Reason.CONNECTION_LOST)
    assert judge_answer(Operation.POLL, 200, "", lost) is lost


@pytest.mark.parametrize(
    ("info", "reason"),
    [
        (None, Reason.TAPE_INVALID),
        (FileInfo(PATH), Reason.TAPE_INVALID),
        (FileInfo(PATH, error="No such file"), Reason.TAPE_FILE_UNAVAILABLE),
        (FileInfo(PATH, error="USER ERROR: you don't have prepare permission"), Reason.FORBIDDEN),
        (FileInfo(PATH, Locality.LOST), Reason.TAPE_FILE_UNAVAILABLE),
        (FileInfo(PATH, Locality.NONE), Reason.TAPE_FILE_UNAVAILABLE),
        (FileInfo(PATH, Locality.UNAVAILABLE, "library off"), Reason.TAPE_FILE_UNAVAILABLE),
        (FileInfo(PATH, Locality.DISK), None),
        (FileInfo(PATH, Locality.TAPE), None),
        (FileInfo(PATH, Locality.DISK_AND_TAPE, "odd"), None),
    ],
)
def test_localities(info: FileInfo | None, reason: Reason | None) -> None:
    failure = judge_info(PATH, info)
    assert (failure and failure.reason) == reason
    assert failure is None or PATH in failure.detail


def test_remarks() -> None:
    assert remark_on_info(PATH, FileInfo(PATH, Locality.TAPE)) is None
    assert "on disk only" in (remark_on_info(PATH, FileInfo(PATH, Locality.DISK)) or "")
    assert "both" in (remark_on_info(PATH, FileInfo(PATH, Locality.TAPE, "eyJ.a.secret")) or "")


def test_a_file_that_cannot_exist() -> None:
    assert judge_missing(PATH, None) is None
    assert judge_missing(PATH, FileInfo(PATH, error="no")) is None
    failure = judge_missing(PATH, FileInfo(PATH, Locality.DISK))
    assert failure is not None
    assert failure.reason is Reason.TAPE_INVALID


@pytest.mark.parametrize(
    ("info", "reason"),
    [
        (None, Reason.TAPE_INVALID),
        (FileInfo(PATH, error="No such file"), None),
        (FileInfo(PATH, error="USER ERROR: you don't have prepare permission"), Reason.FORBIDDEN),
        (FileInfo(PATH, Locality.NONE), Reason.TAPE_INVALID),
        (FileInfo(PATH, Locality.TAPE), Reason.TAPE_INVALID),
    ],
)
def test_whom_to_believe_about_a_file_that_is_still_to_be_written(info: FileInfo | None, reason: Reason | None) -> None:
    failure = judge_new_name(PATH, info)
    assert (failure and failure.reason) == reason


@pytest.mark.parametrize(
    ("info", "reason", "may_mend"),
    [
        (None, Reason.TAPE_INVALID, False),
        (FileInfo(PATH), Reason.TAPE_INVALID, False),
        (FileInfo(PATH, Locality.DISK), None, False),
        (FileInfo(PATH, Locality.TAPE), None, False),
        (FileInfo(PATH, Locality.DISK_AND_TAPE, "odd"), None, False),
        (FileInfo(PATH, Locality.DISK, "tape write error"), Reason.ARCHIVE_FAILED, False),
        (FileInfo(PATH, error="No such file"), Reason.ARCHIVE_FAILED, False),
        (FileInfo(PATH, error="Permission denied"), Reason.FORBIDDEN, False),
        (FileInfo(PATH, Locality.LOST), Reason.ARCHIVE_FAILED, False),
        (FileInfo(PATH, Locality.UNAVAILABLE), Reason.ARCHIVE_FAILED, True),
        (FileInfo(PATH, Locality.NONE), Reason.ARCHIVE_FAILED, True),
        (FileInfo(PATH, Locality.UNAVAILABLE, "library off"), Reason.ARCHIVE_FAILED, False),
    ],
)
def test_the_way_to_tape(info: FileInfo | None, reason: Reason | None, may_mend: bool) -> None:
    failure = judge_archiving(PATH, info)
    assert (failure and failure.reason) == reason
    assert failure is None or PATH in failure.detail
    assert archiving_may_mend(info) is may_mend


@pytest.mark.parametrize(
    ("file", "reason"),
    [
        (None, Reason.TAPE_INVALID),
        (StagedFile(PATH, FileState.CANCELLED), Reason.STAGE_FAILED),
        (StagedFile(PATH, FileState.FAILED), Reason.STAGE_FAILED),
        (StagedFile(PATH, FileState.FAILED, error="Permission denied"), Reason.FORBIDDEN),
        (StagedFile(PATH, FileState.UNKNOWN), None),
        (StagedFile(PATH, FileState.SUBMITTED), None),
        (StagedFile(PATH, FileState.COMPLETED), None),
    ],
)
def test_files_of_a_request(file: StagedFile | None, reason: Reason | None) -> None:
    failure = judge_file(PATH, file)
    assert (failure and failure.reason) == reason


def test_nothing_that_a_server_echoes_is_shown() -> None:
    token = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl"
    for failure in (
        judge_answer(Operation.STAGE, 403, f"Bearer {token}", None),
        judge_info(PATH, FileInfo(PATH, error=token)),
        judge_file(PATH, StagedFile(PATH, FileState.FAILED, error=token)),
        judge_archiving(PATH, FileInfo(PATH, error=token)),
    ):
        assert failure is not None
        assert "eyJ" not in failure.detail
