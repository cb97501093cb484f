"""What a destination is told of its source, seen from scripted servers."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import xroot_frames as frames
from tests.support.scripted_xroot import OPEN, QUERY, STAT, SYNC, ScriptedXroot, Seen, deferred, fine
from tpcharness.diagnosis.xroot_verdict import Step
from tpcharness.model.endpoint import AddressFamily
from tpcharness.model.progress import Nobody
from tpcharness.model.secret import Secret
from tpcharness.model.settings import TimeLimits
from tpcharness.net.trail import Trail
from tpcharness.net.trust import Trust
from tpcharness.net.xroot import XrootClient, XrootTarget
from tpcharness.probes.root_transfer import RootTransfer
from tpcharness.testbed.pki import Authority
from tpcharness.wire.xroot.opaque import RootUrl

READING = Secret("eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJyZWFkIn0.c2lnbmF0dXJl")
WRITING = Secret("eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJ3cml0ZSJ9.c2lnbmF0dXJl")
SIZE = 5
ZTN = b"&P=ztn,0:16384:&P=unix"


def storage(seen: Seen) -> bytes:
    """One that lets everybody do everything, says that it forwards ztn credentials, and copies at once."""
    match seen.code:
        case code if code == OPEN:
            return frames.answer(seen.stream, 0, bytes(4))
        case code if code == STAT:
            return frames.answer(seen.stream, 0, b"1 %d 16 7\0" % SIZE)
        case code if code == QUERY:
            return frames.answer(seen.stream, 0, b"ztn\n" if seen.data == b"tpcdlg" else b"1\n")
        case _:
            return fine(seen)


@pytest.mark.parametrize("shows_token", [False, True])
@pytest.mark.parametrize("secure", [False, True])
async def test_the_sources_token_goes_along_only_to_be_shown_under_tls(
    tmp_path: Path, secure: bool, shows_token: bool
) -> None:
    authority = Authority(tmp_path)
    context = authority.server_context(authority.issue("door"))
    limits, trail = TimeLimits(request_seconds=5.0), Trail("test", Nobody())
    async with (
        ScriptedXroot(storage, tls=context if secure else None, offers=ZTN) as source,
        ScriptedXroot(storage, tls=context, offers=ZTN) as destination,
        XrootClient(program="tests", limits=limits, trust=Trust(str(authority.ca_file))) as client,
        client.visit(_target(source, READING), trail) as giving,
        client.visit(_target(destination, WRITING), trail) as taking,
    ):
        transfer = RootTransfer(
            giving, taking, "/given", "/taken", SIZE, READING, WRITING, limits, trail, shows_token=shows_token
        )
        run = await transfer.run()
        assert run.seen.refusal is None
        assert run.seen.failure is None
        [opened] = [seen for seen in destination.asked if seen.code == OPEN]
    assert (f"tpc.scgi=authz={READING.reveal()}" in opened.opaque) is secure
    assert ("tpc.spr=xroots" in opened.opaque) is secure  # or the token might travel in clear
    assert READING.reveal().encode() not in source.plain + destination.plain


async def test_a_look_that_hangs_does_not_hold_up_the_verdict(tmp_path: Path) -> None:
    """The destination answers the copy while a look at its size is under way, and never answers the look."""
    syncs: list[Seen] = []

    def busy(seen: Seen) -> bytes:
        if seen.code == SYNC:
            syncs.append(seen)
            return fine(seen) if len(syncs) == 1 else deferred(seen)
        if seen.code == STAT and len(syncs) == 2:
            return frames.later(syncs[1].stream, 0)
        return storage(seen)

    limits, trail = TimeLimits(request_seconds=20.0), Trail("test", Nobody())
    async with (
        ScriptedXroot(storage) as source,
        ScriptedXroot(busy) as destination,
        XrootClient(program="tests", limits=limits, trust=Trust()) as client,
        client.visit(_target(source, READING), trail) as giving,
        client.visit(_target(destination, WRITING), trail) as taking,
    ):
        transfer = RootTransfer(
            giving, taking, "/given", "/taken", SIZE, READING, WRITING, limits, trail, look_seconds=0.01
        )
        run = await transfer.run()
    assert (run.seen.refusal, run.seen.failure, run.seen.stall) == (None, None, None)
    assert run.seconds is not None
    assert run.seconds < limits.request_seconds / 2


@pytest.mark.parametrize("silent", ["destination", "source"])
async def test_a_copy_that_nobody_refused_may_still_go_on(silent: str) -> None:
    """The order, or the grant, is taken and not answered: the destination may copy after we have gone."""
    opens: list[Seen] = []

    def no_sync(seen: Seen) -> bytes | None:
        return None if silent == "destination" and seen.code == SYNC else storage(seen)

    def no_grant(seen: Seen) -> bytes | None:
        opens.extend([seen] * (seen.code == OPEN))
        return None if silent == "source" and len(opens) == 2 else storage(seen)

    limits, trail = TimeLimits(request_seconds=5.0), Trail("test", Nobody())
    async with (
        ScriptedXroot(no_grant) as source,
        ScriptedXroot(no_sync) as destination,
        XrootClient(program="tests", limits=limits, trust=Trust()) as client,
        client.visit(_target(source, READING), trail) as giving,
        client.visit(_target(destination, WRITING), trail) as taking,
    ):
        run = await RootTransfer(giving, taking, "/given", "/taken", SIZE, READING, WRITING, limits, trail).run()
    assert run.seen.step is (Step.START if silent == "destination" else Step.GRANT)
    assert run.seen.failure is not None
    assert run.opened
    assert not run.ended


def _target(server: ScriptedXroot, token: Secret) -> XrootTarget:
    return XrootTarget(RootUrl("localhost", server.port, "/"), token, address_family=AddressFamily.IPV4)
