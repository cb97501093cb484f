"""Plain requests: any 2xx is good, and every other answer has one name."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tpcharness.diagnosis.plain_verdict import REFUSALS, judge_plain
from tpcharness.model.failure import Failure
from tpcharness.model.reason import Reason
from tpcharness.model.variant import Blame, Phase


@given(st.integers(200, 299), st.text())
def test_any_2xx_is_good(status: int, text: str) -> None:
    assert judge_plain("PUT", status, text, None) is None


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (301, Reason.BAD_REQUEST),  # redirects end in `net`; one that comes here says nothing that we understand
        (400, Reason.BAD_REQUEST),
        (401, Reason.UNAUTHENTICATED),
        (403, Reason.FORBIDDEN),
        (404, Reason.NOT_FOUND),
        (409, Reason.PARENT_MISSING),
        (410, Reason.NOT_FOUND),
        (413, Reason.NO_SPACE),
        (418, Reason.BAD_REQUEST),
        (429, Reason.OVERLOADED),
        (500, Reason.SERVER_ERROR),
        (502, Reason.SERVER_ERROR),
        (503, Reason.OVERLOADED),
        (507, Reason.NO_SPACE),
        (599, Reason.SERVER_ERROR),
    ],
)
def test_a_refusal_has_a_name_and_the_servers_words(status: int, reason: Reason) -> None:
    failure = judge_plain("DELETE", status, "  Unable to\n  do so\r\n", None)
    assert failure == Failure(reason, f"DELETE was answered {status}: Unable to do so")
    assert failure.blame is None  # who was asked is for the caller to know


def test_only_refusals_of_the_token_are_refusals() -> None:
    named = {judge_plain("GET", status, "", None) for status in range(300, 600)}
    assert {failure.reason for failure in named if failure and failure.reason in REFUSALS} == REFUSALS
    assert judge_plain("GET", 405, "", None).reason not in REFUSALS  # type: ignore[union-attr]


def test_a_failure_of_the_transport_goes_before_any_status() -> None:
    lost = Failure(Reason.CONNECTION_LOST, "reset", Blame.CLIENT)
    assert judge_plain("GET", 200, "half a fi", lost) is lost
    assert judge_plain("GET", None, "", None) == Failure(Reason.NO_RESPONSE)


@given(st.integers(300, 599), st.text(max_size=5000))
def test_details_are_short_and_on_one_line(status: int, text: str) -> None:
    failure = judge_plain("HEAD", status, text, None)
    assert failure is not None
    assert len(failure.detail) < 300
    assert "\n" not in failure.detail
    assert failure.reason.phase in (Phase.REQUEST, Phase.TRANSFER)
