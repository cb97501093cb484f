"""When a redirector is asked for another server, and how."""

from __future__ import annotations

import pytest

from tpcharness.model.failure import Failure
from tpcharness.model.reason import Reason
from tpcharness.model.secret import Secret
from tpcharness.wire.xroot.answers import Refusal
from tpcharness.wire.xroot.codes import OpenFlag
from tpcharness.wire.xroot.opaque import Opaque
from tpcharness.wire.xroot.operations import PathRequest, mkdir, open_file, query_checksum, rm, stat
from tpcharness.wire.xroot.tried import after_waiting, asking_again, why_to_ask_again

READING = open_file("/f", OpenFlag.READ | OpenFlag.RETSTAT)
WRITING = open_file("/f", OpenFlag.UPDATE | OpenFlag.NEW | OpenFlag.MKPATH)


@pytest.mark.parametrize(
    ("number", "why"),
    [(3011, "enoent"), (3007, "ioerr"), (3005, "fserr"), (3012, "srverr"), (3010, ""), (3024, ""), (3013, "")],
)
def test_what_a_server_says_when_another_may_do_better(number: int, why: str) -> None:
    assert why_to_ask_again(READING, Refusal(number, ""), None, sent=True) == why


@pytest.mark.parametrize("request_", [WRITING, stat("/f"), rm("/f"), mkdir("/d"), query_checksum("/f", "adler32")])
def test_only_opens_for_reading_are_repeated_after_an_error(request_: PathRequest) -> None:
    assert why_to_ask_again(request_, Refusal(3011, ""), None, sent=True) == ""


@pytest.mark.parametrize("reason", [Reason.CONNECTION_REFUSED, Reason.CONNECT_TIMEOUT, Reason.DNS_FAILURE])
@pytest.mark.parametrize("request_", [READING, WRITING, rm("/f"), stat("/f")])
def test_what_was_never_sent_may_go_elsewhere(request_: PathRequest, reason: Reason) -> None:
    assert why_to_ask_again(request_, None, Failure(reason), sent=False) == "srverr"


def test_what_was_sent_and_lost_may_go_elsewhere_if_it_changes_nothing() -> None:
    lost = Failure(Reason.CONNECTION_LOST)
    assert why_to_ask_again(READING, None, lost, sent=True) == "srverr"
    assert why_to_ask_again(stat("/f"), None, lost, sent=True) == "srverr"
    assert why_to_ask_again(WRITING, None, lost, sent=True) == ""
    assert why_to_ask_again(rm("/f"), None, lost, sent=True) == ""


@pytest.mark.parametrize("reason", [Reason.TLS_HANDSHAKE, Reason.TLS_HOSTNAME, Reason.REDIRECT_LOOP])
def test_other_failures_are_nobody_elses_business(reason: Reason) -> None:
    assert why_to_ask_again(READING, None, Failure(reason), sent=False) == ""


def test_our_own_patience_is_no_reason() -> None:
    assert why_to_ask_again(READING, None, Failure(Reason.NO_RESPONSE), sent=True) == ""


def test_the_redirector_is_told_who_failed_and_to_look_anew() -> None:
    request = open_file("/f", OpenFlag.READ, Opaque.of(("authz", Secret("eyJ.a.b")), ("tpc.stage", "placement")))
    again = asking_again(request, "pool.site.org", "enoent")
    assert again.opaque.encode() == "authz=eyJ.a.b&tpc.stage=placement&tried=pool.site.org&triedrc=enoent"
    assert again.body == open_file("/f", OpenFlag.READ | OpenFlag.REFRESH).body
    assert after_waiting(again).body == request.body
    assert after_waiting(again).opaque == again.opaque


def test_only_an_open_can_be_told_to_look_anew() -> None:
    again = asking_again(stat("/f"), "pool.site.org", "srverr")
    assert (again.body, again.opaque.encode()) == (stat("/f").body, "tried=pool.site.org&triedrc=srverr")
    assert after_waiting(again) == again
