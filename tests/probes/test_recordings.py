"""What real servers answered to a COPY, sent to the harness again: one cause has one name in both versions."""

from __future__ import annotations

import re

import pytest

from tests.probes.piecemeal import ask_for_copy, at_once
from tests.support import recordings
from tests.support.recordings import Recording
from tpcharness.diagnosis.outcome import outcome_of
from tpcharness.model.reason import Reason
from tpcharness.model.variant import Blame, Outcome
from tpcharness.wire.copy_request import Mode

R, B = Reason, Blame
UNDETERMINED = B.UNDETERMINED

# None is a success that is still to be verified. One table for both versions: they differ in nearly every word.
EXPECTED: dict[str, tuple[Reason, Blame] | None] = {
    "copy-no-source": (R.BAD_REQUEST, B.DESTINATION),
    "pull-404": (R.PASSIVE_NOT_FOUND, B.SOURCE),
    # XRootD says the same for an expired token and for a missing right: "permission denied", at 5 with 401.
    "pull-active-403-expired": (R.FORBIDDEN, B.DESTINATION),
    "pull-active-403-none": (R.FORBIDDEN, B.DESTINATION),
    "pull-chunked": None,
    "pull-disk-full": (R.NO_SPACE, B.DESTINATION),
    "pull-macaroon": None,
    "pull-ok": None,
    "pull-ok-8MiB": None,
    "pull-ok-davs": None,
    "pull-ok-empty": None,
    "pull-ok-http": None,
    "pull-ok-recorded": None,
    "pull-ok-streams4": None,
    "pull-ok-transferheader": None,
    "pull-onto-directory": (R.IS_DIRECTORY, B.DESTINATION),
    "pull-overwrite-F": (R.DESTINATION_EXISTS, B.DESTINATION),
    "pull-overwrite-T": None,
    "pull-overwrite-default": None,
    "pull-passive-401": (R.PASSIVE_UNAUTHENTICATED, B.SOURCE),
    "pull-passive-403-no-token": (R.PASSIVE_FORBIDDEN, B.SOURCE),
    "pull-passive-403-wrong-token": (R.PASSIVE_FORBIDDEN, B.SOURCE),
    "pull-passive-500": (R.PASSIVE_ERROR, B.SOURCE),
    "pull-passive-503": (R.PASSIVE_OVERLOADED, B.SOURCE),
    "pull-refused": (R.PASSIVE_REFUSED, UNDETERMINED),
    "pull-root-scheme": (R.BAD_REQUEST, B.CLIENT),
    "pull-slow-markers": None,
    "pull-stall": (R.PASSIVE_STALLED, UNDETERMINED),
    "pull-untrusted": (R.PASSIVE_TLS_FAILED, B.DESTINATION),
    "push-active-403": (R.FORBIDDEN, B.SOURCE),
    "push-ok": None,
    "push-ok-8MiB": None,
    "push-ok-recorded": None,
    "push-overwrite-default": None,
    "push-passive-403": (R.PASSIVE_FORBIDDEN, B.DESTINATION),
    "push-passive-507": (R.NO_SPACE, B.DESTINATION),
    "push-refused": (R.PASSIVE_REFUSED, UNDETERMINED),
}
VERSIONS = ("xrootd-5.5.3", "xrootd-6.1")
COPIES = [
    recording
    for version in VERSIONS
    for recording in map(lambda name, version=version: recordings.load(version, name), recordings.names(version))
    if recording.request.method == "COPY"
]
# What recorded answers name, and what other sites may be called: a name is never a symptom.
OTHER_NAMES = (
    {"localhost": "tls-door.crl.example", "/rec/": "/no-space/404/", "/src/": "/certificate/is-a-directory/"},
    {"localhost": "no-space.example", "/rec/": "/permission-denied/exists/", "/src/": "/timeout/", "/small/": "/ok/"},
    {"localhost": "connection-refused.example", "/rec/": "/remote-host-returned-500/", "127.0.0.1": "[2001:db8::403]"},
)


def _mode(recording: Recording) -> Mode:
    return Mode.PUSH if recording.request.header("Destination") else Mode.PULL


def _id(recording: Recording) -> str:
    return f"{recording.version}-{recording.name}"


def test_every_recorded_copy_has_its_verdict() -> None:
    assert {(recording.version, recording.name) for recording in COPIES} == {
        (version, name) for version in VERSIONS for name in EXPECTED
    }


@pytest.mark.parametrize("recording", COPIES, ids=_id)
async def test_a_recorded_answer_gets_the_right_verdict(recording: Recording) -> None:
    run, verdict = await ask_for_copy(at_once(data for _, data in recording.reads), _mode(recording))
    expected = EXPECTED[recording.name]
    if expected is None:
        assert verdict is None
        assert run.markers.count >= 1
        return
    assert verdict is not None
    assert (verdict.reason, verdict.blame) == expected
    causes = {alternative.blame for alternative in verdict.alternatives}
    passive = B.SOURCE if _mode(recording) is Mode.PULL else B.DESTINATION
    assert causes == ({passive, B.PATH} if verdict.blame is UNDETERMINED else set())
    assert outcome_of(*expected) is (Outcome.ERROR if verdict.blame is B.CLIENT else Outcome.FAILURE)


@pytest.mark.parametrize("names", OTHER_NAMES, ids=lambda names: names["localhost"])
@pytest.mark.parametrize("recording", COPIES, ids=_id)
async def test_other_names_and_numbers_mean_the_same(recording: Recording, names: dict[str, str]) -> None:
    _, verdict = await ask_for_copy(at_once([_renamed(recording.response, names)]), _mode(recording))
    assert (verdict and (verdict.reason, verdict.blame)) == EXPECTED[recording.name]


@pytest.mark.parametrize("recording", [r for r in COPIES if b"chunked" in r.response], ids=_id)
async def test_an_answer_that_is_cut_is_never_a_success(recording: Recording) -> None:
    """After every line of the body, and in the middle of the word that says how it went."""
    mode = _mode(recording)
    head, blank, body = recording.response.partition(b"\r\n\r\n")
    verdict_at = next(found.start() for found in re.finditer(rb"(?m)^(success|failure):", body))
    cuts = [found.end() for found in re.finditer(rb"\n", body[:verdict_at])] + [verdict_at + len(b"fail")]
    for cut in (0, *cuts):
        _, verdict = await ask_for_copy(at_once([head + blank + body[:cut]]), mode)
        assert verdict is not None, body[:cut]
        active = B.DESTINATION if mode is Mode.PULL else B.SOURCE
        assert (verdict.reason, verdict.blame) == (R.NO_VERDICT, active), body[:cut]


def _renamed(response: bytes, names: dict[str, str]) -> bytes:
    """The answer of a server elsewhere: other names, ports, times and numbers of seconds."""
    head, _, body = response.decode().partition("\r\n\r\n")
    chunked = "chunked" in head
    chunks = re.findall(r"(?ms)^[0-9a-f]+\r\n(.*?)\r\n(?=[0-9a-f]+\r\n)", body) if chunked else [body]
    renamed = [_rename(chunk, names).encode() for chunk in chunks]
    if chunked:
        framed = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in renamed)
        return head.encode() + b"\r\n\r\n" + framed + b"0\r\n\r\n"
    length = f"Content-Length: {len(renamed[0])}"
    return re.sub(r"Content-Length: \d+", length, head).encode() + b"\r\n\r\n" + renamed[0]


def _rename(text: str, names: dict[str, str]) -> str:
    for recorded, other in names.items():
        text = text.replace(recorded, other)
    text = re.sub(r"(?<=:)\d{5}\b", "4031", text)
    text = re.sub(r"Timestamp: \d+", "Timestamp: 507", text)
    text = text.replace("passive says so", "no such file: certificate 401 already exists, timeout was reached")
    return re.sub(r"in \d+ seconds", "in 404 seconds", text)
