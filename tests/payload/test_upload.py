"""What is known of a body that was on its way when its probe was left."""

from __future__ import annotations

import pytest

from tpcharness.model.failure import Failure
from tpcharness.model.reason import Reason
from tpcharness.net.messages import Answer
from tpcharness.payload.content import Content
from tpcharness.payload.upload import Upload

CONTENT = Content(200_000)


def test_it_sends_its_content_again_and_again() -> None:
    upload = Upload(CONTENT)
    assert (upload.length, upload.begun) == (200_000, False)
    for _ in range(2):
        assert b"".join(upload.chunks()) == b"".join(CONTENT.chunks())
    assert upload.begun


@pytest.mark.parametrize(
    ("answer", "late"),
    [
        (None, True),
        (Answer(status=201), False),
        (Failure(Reason.NO_RESPONSE), True),
        (Failure(Reason.FORBIDDEN), False),
    ],
)
def test_only_what_was_begun_may_come_late(answer: Answer | Failure | None, late: bool) -> None:
    upload = Upload(CONTENT, answer=answer)
    assert not upload.may_come_late
    next(upload.chunks())
    assert upload.may_come_late is late


def test_what_was_answered_is_no_failure() -> None:
    refused = Failure(Reason.FORBIDDEN)
    assert Upload(CONTENT, answer=Answer(status=201)).failure is None
    assert Upload(CONTENT, answer=refused).failure is refused
