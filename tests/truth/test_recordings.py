"""What real servers answered to direct requests, sent through a socket again: whom it blames is for the caller.

The recorded answers to COPY are judged in tests/probes/test_recordings.py.
"""

from __future__ import annotations

import pytest

from tests.probes.piecemeal import LIMITS, at_once, peer
from tests.support import recordings
from tests.support.recordings import Recording
from tpcharness.diagnosis.plain_verdict import judge_plain
from tpcharness.model.reason import Reason
from tpcharness.net.client import HttpClient
from tpcharness.net.messages import HttpRequest

VERSIONS = ("xrootd-5.5.3", "xrootd-6.1")
DIRECT = [
    recording
    for version in VERSIONS
    for recording in map(lambda name, version=version: recordings.load(version, name), recordings.names(version))
    if recording.request.method != "COPY"
]
FAILURES = {
    "delete-missing": Reason.NOT_FOUND,
    "head-403": Reason.FORBIDDEN,
    "head-missing": Reason.NOT_FOUND,
    "put-403": Reason.FORBIDDEN,
}


def test_there_are_recordings_of_both_versions() -> None:
    assert {recording.version for recording in DIRECT} == set(VERSIONS)
    assert set(FAILURES) <= {recording.name for recording in DIRECT}


@pytest.mark.parametrize("recording", DIRECT, ids=lambda recording: f"{recording.version}-{recording.name}")
async def test_a_recorded_answer_to_a_direct_request(recording: Recording) -> None:
    method = recording.request.method
    script = at_once(data for _, data in recording.reads)
    async with peer(script) as url, HttpClient(user_agent="test/1", limits=LIMITS) as client:
        answer = await client.exchange(HttpRequest(method, f"{url}/vo/file"))
    found = judge_plain(method, answer.status, answer.text, answer.failure)
    assert (found and found.reason) == FAILURES.get(recording.name)
    assert answer.status == recording.status
